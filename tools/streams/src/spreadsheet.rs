//! Text that looks like a formula does not run in LibreOffice, and `formulas=raw` gives it back unchanged.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    client::run_python,
    files::download,
    lab::{Credentials, Lab},
};

const PATH: &str = "/api/v1/table-data/org.sheet/L0";

/// Text that spreadsheets run.
const TEXTS: [&str; 6] = [
    r#"=HYPERLINK("http://127.0.0.1:1/","click")"#,
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "=WEBSERVICE(\"http://127.0.0.1:1/\")",
];

#[derive(Clone, Debug)]
pub struct Sheets {
    pub cells: usize,
    /// Cells with a formula, of the CSV with the guard, and of the XLSX.
    pub running: usize,
    /// Cells whose text is another one than in the table, without the guard's apostrophe.
    pub altered: usize,
    /// Cells with a formula of the CSV with `formulas=raw`: without the guard, they run.
    pub running_raw: usize,
    /// Cells that `formulas=raw` changes.
    pub altered_raw: usize,
}

/// Makes the table, and opens its files with LibreOffice, which has to be installed.
pub fn run(lab: &Lab) -> Result<Sheets> {
    let client = lab.client("files")?;
    let rows: Vec<String> =
        TEXTS.iter().enumerate().map(|(id, text)| format!("({}, '{text}')", id + 1)).collect();
    lab.sql(&format!(
        r#"CREATE SCHEMA "org.sheet";
           CREATE TABLE "org.sheet"."L0" (id bigint PRIMARY KEY, text text);
           INSERT INTO "org.sheet"."L0" VALUES {};
           INSERT INTO relations VALUES ('org.sheet', 'L0', 'id', 'a table')"#,
        rows.join(", ")
    ))?;
    let guarded = file(lab, &client, "guarded.csv", "format=csv")?;
    let raw = file(lab, &client, "raw.csv", "format=csv&formulas=raw")?;
    let xlsx = file(lab, &client, "sheet.xlsx", "format=xlsx")?;

    let directory = lab.directory().join("office");
    fs::create_dir_all(&directory)?;
    let arguments: Vec<String> = [&directory, &guarded, &raw, &xlsx]
        .map(|path| path.to_string_lossy().into_owned())
        .to_vec();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let opened: Value = serde_json::from_str(&run_python("spreadsheet.py", &arguments)?)?;
    let (guarded, raw_cells, xlsx) =
        (cells(&opened, "guarded.csv")?, cells(&opened, "raw.csv")?, cells(&opened, "sheet.xlsx")?);
    let is_as_guarded = |(cell, text): &(Cell, &&str)| cell.text == format!("'{text}");
    let is_as_stored = |(cell, text): &(Cell, &&str)| cell.text == **text;
    let running = |cells: &[Cell]| cells.iter().filter(|cell| cell.runs).count();
    let altered = |cells: &[Cell], is_right: &dyn Fn(&(Cell, &&str)) -> bool| {
        let pairs = cells.iter().cloned().zip(&TEXTS);
        pairs.filter(|pair| !is_right(pair)).count()
    };
    // Quotation marks are doubled, and that is all.
    let raw_text = fs::read_to_string(&raw)?.replace("\"\"", "\"");
    Ok(Sheets {
        cells: TEXTS.len(),
        running: running(&guarded) + running(&xlsx),
        altered: altered(&guarded, &is_as_guarded) + altered(&xlsx, &is_as_stored),
        running_raw: running(&raw_cells),
        altered_raw: TEXTS
            .iter()
            .enumerate()
            .filter(|(id, text)| {
                let (id, quoted) = (id + 1, format!("\"{text}\""));
                let text = if text.contains('"') { &quoted } else { **text };
                !raw_text.contains(&format!("\n{id},{text}\r\n"))
            })
            .count(),
    })
}

impl Sheets {
    /// If nothing runs without the guard either, this proves nothing.
    pub fn is_right(&self) -> bool {
        (self.running, self.altered, self.altered_raw) == (0, 0, 0) && self.running_raw > 0
    }
}

fn file(lab: &Lab, client: &Credentials, name: &str, query: &str) -> Result<PathBuf> {
    let path = lab.directory().join(name);
    download(lab, client, &format!("{PATH}?{query}"), &path)?;
    Ok(path)
}

/// A cell as LibreOffice has it.
#[derive(Clone, Debug)]
struct Cell {
    runs: bool,
    text: String,
}

/// Those of the column with the texts, without the header.
fn cells(opened: &Value, file: &str) -> Result<Vec<Cell>> {
    let cells = opened.get(file).and_then(Value::as_array).context("LibreOffice has no cells")?;
    let cells: Vec<Cell> = cells
        .iter()
        .skip(1)
        .map(|cell| Cell {
            runs: cell.get("formula").is_some_and(Value::is_string),
            text: cell.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
        })
        .collect();
    ensure!(cells.len() == TEXTS.len(), "{file} has {} rows in LibreOffice", cells.len());
    Ok(cells)
}
