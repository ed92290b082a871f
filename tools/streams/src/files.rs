//! Whole relations as files, read by programs that we did not write and compared with the table value by value.

use std::{fs, path::Path, process::Command, time::Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{
    client::run_python,
    lab::{self, Credentials, Lab},
};

const PATH: &str = "/api/v1/table-data/org.proof/L0";

/// A file, with the parameters of its stream.
#[derive(Clone, Copy, Debug)]
struct File {
    name: &'static str,
    query: &'static str,
    readers: &'static [Reader],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Pandas,
    Duckdb,
    CopyFrom,
    Openpyxl,
}

const FILES: [File; 4] = [
    File {
        name: "rows.csv",
        query: "format=csv&formulas=raw",
        readers: &[Reader::Pandas, Reader::Duckdb, Reader::CopyFrom],
    },
    File { name: "rows.jsonl", query: "format=jsonl", readers: &[Reader::CopyFrom] },
    // pandas and DuckDB make doubles of numbers in JSON, also of those inside of a value of type jsonb.
    File {
        name: "text.jsonl",
        query: "format=jsonl&numbers=text",
        readers: &[Reader::Pandas, Reader::Duckdb],
    },
    File {
        name: "rows.parquet",
        query: "format=parquet",
        readers: &[Reader::Pandas, Reader::Duckdb],
    },
];
const XLSX: File = File { name: "rows.xlsx", query: "format=xlsx", readers: &[Reader::Openpyxl] };

/// All columns except `digits`, which has numbers that are no doubles inside of jsonb.
const WITHOUT_DIGITS: &str = "&columns=id,small,whole,big,exact,price,single,double,yes,words,characters,code,padded,\
    day,moment,instant,clock,span,uid,raw,doc,names,amounts,days";

#[derive(Clone, Debug)]
pub struct Compared {
    pub query: &'static str,
    pub reader: &'static str,
    pub rows: usize,
    pub values: usize,
    pub different: usize,
    /// What became of some of these values.
    pub examples: Vec<String>,
    pub bytes: u64,
    /// How long the reader of ours took to send the file.
    pub seconds: f64,
}

/// Makes the table, and compares every file with it. The XLSX has about `xlsx_rows` rows, without those with
/// characters that XML cannot have, which the reader refuses.
pub fn run(
    lab: &Lab,
    rows: usize,
    xlsx_rows: usize,
    progress: impl Fn(&Compared),
) -> Result<Vec<Compared>> {
    let client = lab.client("files")?;
    fill(lab, rows)?;
    let mut compared = Vec::new();
    for file in FILES {
        compare(lab, &client, file, &mut compared, &progress)?;
    }
    let each = rows.div_ceil(xlsx_rows.max(1));
    lab.sql(&format!(
        r#"DELETE FROM "org.proof"."L0" WHERE id % {each} <> 0
               OR concat(characters, doc::text, names::text) ~ E'[\x01-\x08\x0b\x0c\x0e-\x1f\uFFFE\uFFFF]'"#
    ))?;
    compare(lab, &client, XLSX, &mut compared, &progress)?;
    Ok(compared)
}

fn fill(lab: &Lab, rows: usize) -> Result<()> {
    let script = fs::read_to_string(lab::clients().join("values.sql"))?;
    lab.sql(&script.replace(":rows", &rows.to_string()))?;
    Ok(())
}

fn compare(
    lab: &Lab,
    client: &Credentials,
    file: File,
    compared: &mut Vec<Compared>,
    progress: &impl Fn(&Compared),
) -> Result<()> {
    let place = lab.directory().join(file.name);
    let started = Instant::now();
    let columns = if file.name == "text.jsonl" { WITHOUT_DIGITS } else { "" };
    let export = download(lab, client, &format!("{PATH}?{}{columns}", file.query), &place)?;
    let seconds = started.elapsed().as_secs_f64();
    let bytes = fs::metadata(&place)?.len();
    let record = lab.export(client, &export)?;
    let is = |name: &str, expected: Value| record.get(name) == Some(&expected);
    ensure!(is("state", "complete".into()) && is("bytes", bytes.into()), "{record}");
    for reader in file.readers {
        let compared_by = reader.compare(lab, file.name, &place)?;
        let number = |name: &str| {
            let number = compared_by.get(name).and_then(Value::as_u64).context("no number");
            number.and_then(|number| Ok(usize::try_from(number)?))
        };
        let examples = compared_by.get("examples").and_then(Value::as_array);
        let examples = examples.into_iter().flatten();
        let one = Compared {
            query: file.query,
            reader: reader.name(),
            rows: number("rows")?,
            values: number("values")?,
            different: number("different")?,
            examples: examples.map(|it| it.as_str().unwrap_or_default().to_owned()).collect(),
            bytes,
            seconds,
        };
        progress(&one);
        compared.push(one);
    }
    fs::remove_file(&place)?;
    Ok(())
}

/// Downloads a stream with curl, as a user does, and gives its `Export-Id`.
pub fn download(lab: &Lab, client: &Credentials, path: &str, to: &Path) -> Result<String> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--dump-header", "-", "--output"]).arg(to);
    curl.args(["--header", &format!("Authorization: Bearer {}", client.key)]);
    let output = curl.arg(lab.reader()?.url(path)).output().context("cannot run curl")?;
    if !output.status.success() {
        bail!("curl {path}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let head = String::from_utf8_lossy(&output.stdout).to_lowercase();
    let id = head.lines().find_map(|line| line.strip_prefix("export-id: "));
    Ok(id.context("the answer has no Export-Id")?.trim().to_owned())
}

impl Reader {
    fn name(self) -> &'static str {
        match self {
            Self::Pandas => "pandas",
            Self::Duckdb => "DuckDB",
            Self::CopyFrom => "COPY FROM",
            Self::Openpyxl => "openpyxl",
        }
    }

    /// What the script prints.
    fn compare(self, lab: &Lab, name: &str, file: &Path) -> Result<Value> {
        let (_, format) = name.rsplit_once('.').context("a file has an extension")?;
        let (url, file) = (lab.database_url(), file.to_string_lossy());
        let compare =
            |reader: &str| run_python("compare.py", &[&format!("{format}-{reader}"), &url, &file]);
        let printed = match self {
            Self::Pandas => compare("pandas")?,
            Self::Duckdb => compare("duckdb")?,
            Self::CopyFrom => run_python("copy_from.py", &[format, &url, &file])?,
            Self::Openpyxl => {
                let readers = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/tabular/tests");
                run_python("xlsx.py", &[&url, &file, readers])?
            }
        };
        Ok(serde_json::from_str(&printed)?)
    }
}
