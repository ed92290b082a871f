//! The report, in Markdown.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use crate::{
    breaks::{Breaks, Victim},
    client::{Said, Taker},
    files::Compared,
    pipeline::Loaded,
    spreadsheet::Sheets,
};

/// Everything that was proved. A part that was not asked for is missing.
#[derive(Debug, Default)]
pub struct Report {
    pub loaded: Option<Loaded>,
    pub breaks: Option<Breaks>,
    pub compared: Vec<Compared>,
    pub sheets: Option<Sheets>,
    /// Versions of the programs that read, with their names.
    pub versions: Vec<(String, String)>,
}

impl Report {
    /// Whether nothing was missed, altered, or cut off without a sign.
    pub fn is_right(&self) -> bool {
        self.loaded.as_ref().is_none_or(Loaded::is_right)
            && self.breaks.as_ref().is_none_or(Breaks::is_kept)
            && self.compared.iter().all(|compared| compared.different == 0)
            && self.sheets.as_ref().is_none_or(Sheets::is_right)
    }

    /// # Errors
    /// Never: writing to a text does not fail.
    pub fn markdown(&self) -> Result<String, fmt::Error> {
        let mut text = String::from(
            "# Streams and pages, read by programs that we did not write\n\n\
             `make streams` wrote this page. It starts PostgreSQL and a reader of its own, and compares everything that clients receive with the tables.\n\n",
        );
        if let Some(loaded) = &self.loaded {
            loaded.write(&mut text)?;
        }
        if let Some(breaks) = &self.breaks {
            breaks.write(&mut text)?;
        }
        if !self.compared.is_empty() {
            write_compared(&mut text, &self.compared)?;
        }
        if let Some(sheets) = &self.sheets {
            sheets.write(&mut text)?;
        }
        if !self.versions.is_empty() {
            let versions: Vec<String> =
                self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
            writeln!(text, "## Versions\n\n{}.", versions.join(", "))?;
        }
        Ok(text)
    }
}

impl Loaded {
    fn write(&self, text: &mut String) -> fmt::Result {
        let Self { rows, pages, seconds, missing, twice, altered } = self;
        writeln!(
            text,
            "## The consumer of the old data store\n\n\
             A client in Python that follows the contract of the old consumer step by step loads a form type with dates and nested lists: \
             requests with its usual headers, which ask for gzip, Hawk by mohawk, its own table of types, and psycopg2.\n\n\
             | | |\n|---|---|\n\
             | rows | {rows}, in {pages} pages |\n| seconds | {seconds:.1} |\n\
             | **missing** | **{missing}** |\n| **more than once** | **{twice}** |\n| **altered** | **{altered}** |\n"
        )
    }
}

impl Breaks {
    fn write(&self, text: &mut String) -> fmt::Result {
        writeln!(
            text,
            "## Killed in the middle of a stream\n\n\
             {} times, curl, requests and pandas each take a stream through a proxy, which holds every answer at a random byte. \
             Once all three are held, the reader or PostgreSQL is killed and the proxy passes on everything that still arrives, or the proxy itself ends the connections in an orderly way. \
             Seed {} draws the formats and the bytes. Before that, each client took the same streams whole, and reported no error.\n\n\
             | killed | client | streams | client reported an error | client took it for whole | `exports/{{id}}` says `broken` |\n|---|---|---|---|---|---|",
            self.options.kills, self.options.seed
        )?;
        let mut counts: BTreeMap<(Victim, Taker), [usize; 4]> = BTreeMap::new();
        for broken in &self.broken {
            let [streams, errors, whole, records] =
                counts.entry((broken.victim, broken.taker)).or_default();
            *streams += 1;
            *errors += usize::from(broken.said != Said::Complete);
            *whole += usize::from(broken.said == Said::Complete);
            *records += usize::from(broken.state == "broken");
        }
        for ((victim, taker), [streams, errors, whole, records]) in counts {
            writeln!(
                text,
                "| {victim} | {taker} | {streams} | {errors} | **{whole}** | {records} |"
            )?;
        }
        writeln!(text)
    }
}

fn write_compared(text: &mut String, compared: &[Compared]) -> fmt::Result {
    writeln!(
        text,
        "## Every value of every format\n\n\
         A table has a column of each type: numbers with up to 60 digits, every character of Unicode, null beside empty text, times with microseconds from the year 1 to 9999, bytes, JSON and lists. \
         Each file is downloaded by curl, read by another program, and compared with the table.\n\n\
         | stream | read by | rows | values compared | **different** | MB | seconds to send |\n|---|---|---|---|---|---|---|"
    )?;
    for one in compared {
        let Compared { query, reader, rows, values, different, bytes, seconds, .. } = one;
        let megabytes = *bytes as f64 / 1e6;
        writeln!(
            text,
            "| `{query}` | {reader} | {rows} | {values} | **{different}** | {megabytes:.0} | {seconds:.0} |"
        )?;
    }
    writeln!(
        text,
        "\nCOPY FROM is PostgreSQL's own, with lists in columns of type jsonb; of JSON Lines it reads each line into jsonb. \
         pandas reads null and empty text of a CSV as the same; DuckDB and COPY FROM show that they differ. \
         pandas and DuckDB make doubles of numbers in JSON Lines, so they get them as text, without the one column that has larger numbers inside of jsonb. \
         The XLSX has some of the rows, without those with characters that XML cannot have: for them the reader answers 422.\n"
    )?;
    for one in compared {
        for example in &one.examples {
            writeln!(text, "- `{}`, {}: {example}", one.query, one.reader)?;
        }
    }
    Ok(())
}

impl Sheets {
    fn write(&self, text: &mut String) -> fmt::Result {
        let Self { cells, running, altered, running_raw, altered_raw } = self;
        writeln!(
            text,
            "## Formulas\n\n\
             {cells} texts such as `=HYPERLINK(…)`, opened by LibreOffice without a screen.\n\n\
             | | |\n|---|---|\n\
             | **cells that run, as CSV or as XLSX** | **{running}** |\n\
             | cells with another text, apart from the apostrophe of the guard | {altered} |\n\
             | cells that run as CSV with `formulas=raw` | {running_raw} |\n\
             | cells that `formulas=raw` changes | {altered_raw} |\n"
        )
    }
}
