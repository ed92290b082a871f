//! pyarrow, pandas, DuckDB and openpyxl read what we wrote and compare it with the table.

use std::{fs, process::Command};

use serde_json::{Value, json};
use tabular::{ColumnType, Format};

use crate::{table::Table, written::write};

/// Writes the table, and has `reader` of `tests/readers.py` compare every value.
pub fn assert_reads_back(reader: &str, format: Format, table: &Table, numbers: &Value) {
    let rows = table.rows();
    let finished = write(format, &table.columns, &rows).unwrap();
    assert_eq!(finished.rows, rows.len() as u64);
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|column| {
            let list = matches!(column.column_type, ColumnType::List(_));
            let scalar = format!("{:?}", column.column_type.scalar());
            json!({"name": column.name, "type": scalar, "list": list, "description": column.description})
        })
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(format!("table.{}", format.extension()));
    fs::write(&file, &finished.bytes).unwrap();
    let expected = directory.path().join("expected.json");
    let table = json!({"columns": columns, "rows": rows, "numbers": numbers});
    fs::write(&expected, table.to_string()).unwrap();
    let output = Command::new(python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers.py"))
        .args([reader.as_ref(), file.as_os_str(), expected.as_os_str()])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{reader}:\n{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.starts_with(&format!("{} rows equal", rows.len())), "{reader}: {text}");
}

#[expect(clippy::disallowed_methods, reason = "a tool of the tests, not a setting of a service")]
fn python() -> String {
    std::env::var("TEST_PYTHON").expect(
        "set TEST_PYTHON to a Python with pyarrow, pandas, DuckDB and openpyxl, or run the tests with `make test`, which installs one",
    )
}
