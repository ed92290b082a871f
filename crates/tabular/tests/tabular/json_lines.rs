use std::fs;

use serde_json::Value;
use tabular::{Column, ColumnType, Format, JsonLinesOptions, Scalar};

use crate::{
    reader::assert_reads_back,
    table::{KINDS, Kind, Table},
    written::{write, write_column},
};

fn format(numbers_as_text: bool) -> Format {
    Format::JsonLines(JsonLinesOptions { numbers_as_text, ..JsonLinesOptions::default() })
}

/// Bytea is base64 in JSON Lines, `json` with a key twice does not survive jsonb, and PostgreSQL
/// would take lists of JSON lists for arrays of two dimensions.
fn populates(kind: &Kind) -> bool {
    kind.column_type.scalar() != Scalar::Bytea && !["json", "jsonbs"].contains(&kind.name)
}

#[test]
fn postgresql_reads_json_lines_back_value_by_value() {
    for (zone, numbers_as_text) in [("UTC", false), ("Europe/London", true)] {
        let table = Table::create(zone, |_| true);
        table.add_random_rows(500);
        let json = write(format(numbers_as_text), &table.columns, &table.rows()).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &json.bytes).unwrap();
        table.database.sql("create table lines (line text)");
        table.database.sql(&format!(
            "\\copy lines from '{}' with (format csv, quote E'\\x02', delimiter E'\\x03')",
            file.path().display()
        ));
        assert_populated(&table);
    }
}

/// PostgreSQL makes rows of the lines. NaN and infinities are null in JSON, and PostgreSQL's jsonb
/// has no negative zero.
fn assert_populated(table: &Table) {
    let compared = KINDS.iter().filter(|kind| populates(kind)).map(|kind| {
        let name = kind.name;
        let compared = |row: &str| match (name, kind.column_type) {
            ("doubles", _) => format!("array_replace({row}.{name}, '-0'::float8, '0')"),
            // JSON Lines has the same null for both.
            ("jsonb", _) => format!("nullif({row}.{name}, 'null')"),
            (_, ColumnType::Scalar(Scalar::Real | Scalar::Double)) => format!(
                "(case when {row}.{name}::text in ('NaN', 'Infinity', '-Infinity') then null
                  when {row}.{name} = 0 then 0 else {row}.{name} end)"
            ),
            _ => format!("{row}.\"{name}\""),
        };
        (name, compared("t"), compared("u"))
    });
    let counts =
        table.database.sql("select (select count(*) from t) - (select count(*) from lines)");
    assert_eq!(counts, "0");
    for (name, expected, ours) in compared {
        let different = table.database.sql(&format!(
            "set timezone = 'UTC';
             with u as (select r.* from lines, jsonb_populate_record(null::t, line::jsonb - array['bytea', 'byteas', 'jsonbs']) r)
             select id, {expected}, {ours} from t left join u using (id)
             where {expected}::text is distinct from {ours}::text or u.id is null"
        ));
        assert_eq!(different, "", "{name}");
    }
}

#[test]
fn python_pandas_and_duckdb_read_json_lines() {
    let table = Table::create("UTC", |kind| {
        kind.name != "jsonb" && kind.name != "json" && kind.name != "jsonbs"
    });
    assert_reads_back("jsonl-python", format(false), &table, &Value::Null);
    let table = Table::create("UTC", |kind| ["text", "control", "big"].contains(&kind.name));
    table.add_random_text(300);
    assert_reads_back("jsonl-duckdb", format(false), &table, &Value::Null);
    assert_reads_back("jsonl-pandas", format(true), &table, &Value::Null);
}

#[test]
fn each_type_has_its_json() {
    let list = |scalar| ColumnType::List(scalar);
    let cases: &[(ColumnType, &str, &str, &str)] = &[
        (Scalar::Numeric.into(), "1.50", "1.50", "\"1.50\""),
        (Scalar::BigInt.into(), "-9007199254740993", "-9007199254740993", "\"-9007199254740993\""),
        (Scalar::Double.into(), "NaN", "null", "null"),
        (Scalar::Double.into(), "-Infinity", "null", "null"),
        (Scalar::Double.into(), "1e+300", "1e+300", "\"1e+300\""),
        (
            Scalar::Text.into(),
            "a\"\\\u{1}\n\u{7f}é",
            "\"a\\\"\\\\\\u0001\\n\u{7f}é\"",
            "\"a\\\"\\\\\\u0001\\n\u{7f}é\"",
        ),
        (Scalar::Json.into(), "{\n \"a\": 1.50\r\n}", "{  \"a\": 1.50  }", "{  \"a\": 1.50  }"),
        (Scalar::Bytea.into(), "\\xfffe", "\"//4=\"", "\"//4=\""),
        (Scalar::Bytea.into(), "\\x", "\"\"", "\"\""),
        (
            Scalar::TimestampTz.into(),
            "2026-11-21 12:00:00+00",
            "\"2026-11-21T12:00:00+00:00\"",
            "\"2026-11-21T12:00:00+00:00\"",
        ),
        (
            list(Scalar::Numeric),
            "[1.50,null,\"NaN\",[2]]",
            "[1.50,null,null,[2]]",
            "[\"1.50\",null,null,[\"2\"]]",
        ),
        (list(Scalar::Integer), "[1,2]", "[1,2]", "[\"1\",\"2\"]"),
        (list(Scalar::Text), "[\"1\",null]", "[\"1\",null]", "[\"1\",null]"),
        (list(Scalar::Bytea), "[\"\\\\xfffe\",null]", "[\"//4=\",null]", "[\"//4=\",null]"),
    ];
    for (column_type, cell, number, text) in cases {
        for (numbers_as_text, expected) in [(false, number), (true, text)] {
            let json = write_column(
                format(numbers_as_text),
                Column::new("c\"", *column_type),
                &[Some(cell), None],
            );
            let expected = format!("{{\"c\\\"\":{expected}}}\n{{\"c\\\"\":null}}\n");
            assert_eq!(json.unwrap(), expected, "{column_type:?} {cell}");
        }
    }
}
