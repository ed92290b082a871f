use std::fs;

use serde_json::Value;
use tabular::{Column, ColumnType, CsvOptions, Delimiter, Format, Formulas, Scalar};

use crate::{
    reader::assert_reads_back,
    table::{KINDS, Table},
    written::{write, write_column},
};

const RAW: CsvOptions =
    CsvOptions { bom: false, delimiter: Delimiter::Comma, formulas: Formulas::Raw };

#[test]
fn postgresql_copies_a_csv_back_value_by_value() {
    for (zone, delimiter, sign) in [
        ("UTC", Delimiter::Comma, ","),
        ("Europe/London", Delimiter::Tab, "\t"),
        ("UTC", Delimiter::Semicolon, ";"),
    ] {
        let table = Table::create(zone, |_| true);
        table.add_random_rows(500);
        infinite(&table);
        let options = Format::Csv(CsvOptions { delimiter, ..RAW });
        let csv = write(options, &table.columns, &table.rows()).unwrap();
        copy_back(&table, &csv.bytes, sign);
        assert_equal_after_copy(&table);
    }
}

/// Every finite date and time has a column of its own, so infinity gets rows of its own.
fn infinite(table: &Table) {
    table.database.sql(
        "insert into t (id, date, local, instant) values
         (100, 'infinity', 'infinity', 'infinity'), (101, '-infinity', '-infinity', '-infinity')",
    );
}

/// Makes table `u` from the CSV. Its columns have the types of `t`, but lists are jsonb and bytea
/// is text, because CSV has base64.
fn copy_back(table: &Table, csv: &[u8], delimiter: &str) {
    let types = KINDS.iter().map(|kind| {
        let postgres = match kind.column_type {
            ColumnType::List(_) => "jsonb",
            ColumnType::Scalar(Scalar::Bytea) => "text",
            ColumnType::Scalar(_) => kind.postgres,
        };
        format!("\"{}\" {postgres}", kind.name)
    });
    let types = types.collect::<Vec<_>>().join(", ");
    table.database.sql(&format!("create table u (id bigint primary key, {types})"));
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), csv).unwrap();
    table.database.sql(&format!(
        "\\copy u from '{}' with (format csv, header match, delimiter E'{delimiter}')",
        file.path().display()
    ));
}

fn assert_equal_after_copy(table: &Table) {
    let counts = table.database.sql("select (select count(*) from t) - (select count(*) from u)");
    assert_eq!(counts, "0");
    for kind in KINDS {
        let name = format!("\"{}\"", kind.name);
        let (ours, theirs) = match kind.column_type {
            ColumnType::Scalar(Scalar::Bytea) => {
                (format!("decode(u.{name}, 'base64')"), format!("t.{name}"))
            }
            ColumnType::List(Scalar::Json) => (format!("u.{name}"), format!("to_jsonb(t.{name})")),
            ColumnType::List(scalar) => {
                let element = match scalar {
                    Scalar::Bytea => "decode(e, 'base64')".to_owned(),
                    _ => format!("e::{}", kind.postgres.trim_end_matches("[]")),
                };
                let ours = format!(
                    "case when jsonb_typeof(u.{name}) = 'array' then array(select {element}
                     from jsonb_array_elements_text(u.{name}) with ordinality a (e, n) order by n) end"
                );
                (ours, format!("t.{name}"))
            }
            ColumnType::Scalar(_) => (format!("u.{name}::text"), format!("t.{name}::text")),
        };
        let different = table.database.sql(&format!(
            "set timezone = 'UTC'; select id, {theirs}, {ours} from t join u using (id) where {theirs} is distinct from {ours}"
        ));
        assert_eq!(different, "", "{}", kind.name);
    }
}

#[test]
fn python_pandas_and_duckdb_read_every_character_of_a_csv() {
    let table = Table::create("UTC", |kind| ["text", "control"].contains(&kind.name));
    table.add_random_text(300);
    for reader in ["csv-python", "csv-pandas", "csv-duckdb"] {
        assert_reads_back(reader, Format::Csv(RAW), &table, &Value::Null);
    }
}

#[test]
fn each_type_has_its_text() {
    let cases: &[(Scalar, &str, &str)] = &[
        (Scalar::BigInt, "-1", "-1"),
        (Scalar::Boolean, "t", "true"),
        (Scalar::Boolean, "false", "false"),
        (Scalar::Double, "NaN", "NaN"),
        (Scalar::Text, "", "\"\""),
        (Scalar::Text, "a \"b\"", "\"a \"\"b\"\"\""),
        (Scalar::Text, "\\.", "\"\\.\""),
        (Scalar::Text, "a\rb", "\"a\rb\""),
        (Scalar::Text, "=1,2", "\"'=1,2\""),
        (Scalar::Text, "''+1", "'''+1"),
        (Scalar::Json, "-5", "-5"),
        (Scalar::Json, "\"=1\"", "\"\"\"=1\"\"\""),
        (Scalar::Bytea, "\\x", "\"\""),
        (Scalar::Bytea, "\\xfffe", "//4="),
        (Scalar::Date, "0044-03-15 BC", "0044-03-15 BC"),
        (Scalar::Timestamp, "2026-11-21 12:00:00.5", "2026-11-21T12:00:00.5"),
        (Scalar::TimestampTz, "2026-11-21 12:00:00.5+00", "2026-11-21T12:00:00.5+00:00"),
        (Scalar::TimestampTz, "2026-11-21 12:00:00-03:30", "2026-11-21T12:00:00-03:30"),
        (Scalar::TimestampTz, "infinity", "infinity"),
        (Scalar::TimestampTz, "0001-01-01 00:00:00-00:01:15", "0001-01-01T00:01:15+00:00"),
        (
            Scalar::TimestampTz,
            "0044-03-15 00:00:00.25-00:01:15 BC",
            "0044-03-15T00:01:15.25+00:00 BC",
        ),
        (Scalar::TimestampTz, "0044-03-15 00:00:00+01 BC", "0044-03-15T00:00:00+01:00 BC"),
    ];
    for (scalar, cell, expected) in cases {
        let csv = write_column(
            Format::Csv(CsvOptions::default()),
            Column::new("c", *scalar),
            &[Some(cell), None],
        );
        assert_eq!(csv.unwrap(), format!("c\r\n{expected}\r\n\r\n"), "{scalar:?} {cell}");
    }
}

#[test]
fn a_byte_order_mark_a_delimiter_and_a_guarded_header_are_written_as_asked() {
    let columns = [Column::new("=a;b", Scalar::Text), Column::new("n", Scalar::Integer)];
    let options = CsvOptions { bom: true, delimiter: Delimiter::Semicolon, ..Default::default() };
    let rows =
        [vec![Some("x,y".to_owned()), Some("-1".to_owned())], vec![Some("@;".to_owned()), None]];
    let guarded = write(Format::Csv(options), &columns, &rows).unwrap();
    assert_eq!(
        String::from_utf8(guarded.bytes).unwrap(),
        "\u{feff}\"'=a;b\";n\r\nx,y;-1\r\n\"'@;\";\r\n"
    );
    assert_eq!((guarded.rows, guarded.guarded_cells), (2, 2));
    let raw = CsvOptions { formulas: Formulas::Raw, ..options };
    let raw = write(Format::Csv(raw), &columns, &rows).unwrap();
    assert_eq!(
        String::from_utf8(raw.bytes).unwrap(),
        "\u{feff}\"=a;b\";n\r\nx,y;-1\r\n\"@;\";\r\n"
    );
    assert_eq!(raw.guarded_cells, 0);
}
