//! Every refusal names row and column, and no refusal shows a value.

use tabular::{
    Column, ColumnType, CsvOptions, Error, Fault, Format, JsonLinesOptions, ParquetOptions, Scalar,
    Writer,
};

use crate::written::write;

const CSV: Format = Format::Csv(CsvOptions {
    bom: false,
    delimiter: tabular::Delimiter::Comma,
    formulas: tabular::Formulas::Guarded,
});
const JSON_LINES: Format =
    Format::JsonLines(JsonLinesOptions { numbers_as_text: false, rows_as_lists: false });
const PARQUET: Format = Format::Parquet(ParquetOptions { numeric_as_double: false });
const ALL: [Format; 4] = [CSV, JSON_LINES, PARQUET, Format::Xlsx];

/// The error of writing this cell in the second column of the third row.
fn error(format: Format, column_type: ColumnType, cell: &[u8]) -> Error {
    let columns = vec![Column::new("id", Scalar::BigInt), Column::new("what", column_type)];
    let mut writer = Writer::new(format, columns).unwrap();
    for _ in 0..2 {
        writer.write_row([Some(&b"1"[..]), None]).unwrap();
    }
    let error = writer.write_row([Some(&b"1"[..]), Some(cell)]).unwrap_err();
    assert!(matches!(writer.write_row([None, None]), Err(Error::Broken)));
    assert!(matches!(writer.finish(), Err(Error::Broken)));
    error
}

#[test]
fn a_cell_that_does_not_fit_is_an_error_that_names_row_and_column() {
    let long = "x".repeat(32_768);
    let surrogates = "😀".repeat(16_384);
    let one = ColumnType::Scalar;
    let cases: &[(Format, ColumnType, &[u8], Fault)] = &[
        (CSV, one(Scalar::Bytea), b"secret", Fault::Unreadable),
        (CSV, one(Scalar::Boolean), b"secret", Fault::Unreadable),
        (CSV, one(Scalar::TimestampTz), b"21/11/2026", Fault::Unreadable),
        (CSV, one(Scalar::BigInt), b"", Fault::Unreadable),
        (CSV, ColumnType::List(Scalar::Bytea), b"{secret}", Fault::Unreadable),
        (JSON_LINES, one(Scalar::Numeric), b"secret", Fault::Unreadable),
        (JSON_LINES, one(Scalar::Numeric), b"", Fault::Unreadable),
        (JSON_LINES, one(Scalar::Json), b"", Fault::Unreadable),
        (PARQUET, one(Scalar::SmallInt), b"32768", Fault::Unreadable),
        (PARQUET, one(Scalar::Text), b"secret\xff", Fault::NotUtf8),
        (PARQUET, one(Scalar::Date), b"infinity", Fault::Infinite),
        (PARQUET, one(Scalar::Timestamp), b"-infinity", Fault::Infinite),
        (PARQUET, one(Scalar::Timestamp), b"294276-01-01 00:00:00", Fault::OutOfRange),
        (PARQUET, one(Scalar::Date), b"2026-13-01", Fault::Unreadable),
        (PARQUET, one(Scalar::Timestamp), b"2026-11-21 12:00:00.1234567", Fault::Unreadable),
        (PARQUET, ColumnType::List(Scalar::Integer), b"[[1],[2]]", Fault::NestedList),
        (PARQUET, ColumnType::List(Scalar::Integer), b"{1,2}", Fault::Unreadable),
        (Format::Xlsx, one(Scalar::Text), b"secret\xff", Fault::NotUtf8),
        (Format::Xlsx, one(Scalar::Text), b"secret\x01", Fault::ForbiddenCharacter),
        (Format::Xlsx, one(Scalar::Text), "secret\u{ffff}".as_bytes(), Fault::ForbiddenCharacter),
        (Format::Xlsx, one(Scalar::Text), long.as_bytes(), Fault::TooLong),
        (Format::Xlsx, one(Scalar::Json), surrogates.as_bytes(), Fault::TooLong),
    ];
    for (format, column_type, cell, expected) in cases {
        let error = error(*format, *column_type, cell);
        let Error::Cell { row: 3, column: 2, ref name, fault } = error else {
            panic!("{column_type:?}: {error}")
        };
        assert_eq!((name.as_str(), fault), ("what", *expected), "{column_type:?}");
        let about_the_data = !matches!(expected, Fault::Unreadable | Fault::NotUtf8);
        assert_eq!(error.is_about_the_data(), about_the_data, "{expected:?}");
        let text = format!("{error} {error:?}");
        assert!(text.starts_with("row 3, column 2 (\"what\"): the cell "), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn a_cell_of_just_the_longest_length_fits_a_workbook() {
    let columns = [Column::new("c", Scalar::Text)];
    for text in ["x".repeat(32_767), "é".repeat(32_767), "😀".repeat(16_383)] {
        write(Format::Xlsx, &columns, &[vec![Some(text)]]).unwrap();
    }
}

#[test]
fn a_row_with_too_many_or_too_few_cells_is_refused_in_every_format() {
    for format in ALL {
        for (cells, found) in [(vec![None], 1), (vec![None; 3], 3), (vec![], 0)] {
            let columns = vec![Column::new("a", Scalar::Text), Column::new("b", Scalar::Text)];
            let mut writer = Writer::new(format, columns).unwrap();
            let error = writer.write_row(cells).unwrap_err();
            let Error::CellCount { row: 1, expected: 2, found: reported } = error else {
                panic!("{error}")
            };
            assert_eq!(reported, found);
            assert!(matches!(writer.finish(), Err(Error::Broken)));
        }
    }
}

#[test]
fn a_workbook_refuses_the_row_and_the_column_after_the_last() {
    let columns = vec![Column::new("a", Scalar::Boolean)];
    let mut writer = Writer::new(Format::Xlsx, columns).unwrap();
    for _ in 0..1_048_575 {
        writer.write_row([None]).unwrap();
        if writer.ready() > 100_000 {
            writer.take();
        }
    }
    let error = writer.write_row([None]).unwrap_err();
    assert!(matches!(error, Error::TooManyRows { row: 1_048_576, max: 1_048_575 }), "{error}");
    assert!(error.is_about_the_data());

    let columns = |count| vec![Column::new("a", Scalar::Text); count];
    Writer::new(Format::Xlsx, columns(16_384)).map(drop).unwrap();
    let error = Writer::new(Format::Xlsx, columns(16_385)).map(drop).unwrap_err();
    assert!(matches!(error, Error::TooManyColumns { found: 16_385, max: 16_384 }), "{error}");
}

#[test]
fn a_workbook_refuses_a_name_that_xml_cannot_hold() {
    let columns = vec![Column::new("a", Scalar::Text), Column::new("b\u{1}", Scalar::Text)];
    let error = Writer::new(Format::Xlsx, columns).map(drop).unwrap_err();
    assert!(
        matches!(error, Error::Name { column: 2, fault: Fault::ForbiddenCharacter }),
        "{error}"
    );
}

#[test]
fn a_table_without_rows_is_complete_in_every_format() {
    let columns = [Column::new("a", Scalar::Text)];
    let ends: [&[u8]; 4] = [b"a\r\n", b"", b"PAR1", b"PK\x05\x06"];
    for (format, end) in ALL.into_iter().zip(ends) {
        let finished = write(format, &columns, &[]).unwrap();
        assert_eq!((finished.rows, finished.guarded_cells), (0, 0));
        // The end of a ZIP has 22 bytes.
        let last = if format == Format::Xlsx { 22 } else { end.len() };
        let tail = &finished.bytes[finished.bytes.len() - last..];
        assert!(tail.starts_with(end), "{format:?}");
        // Parquet begins as it ends.
        let binary = matches!(format, PARQUET | Format::Xlsx);
        assert!(!binary || finished.bytes.len() > 100, "{format:?}");
        assert_eq!(finished.bytes.is_empty(), format == JSON_LINES);
    }
}

#[test]
fn a_writer_can_move_to_another_thread() {
    fn assert_send<T: Send>(_: &T) {}
    for format in ALL {
        assert_send(&Writer::new(format, vec![Column::new("a", Scalar::Text)]).unwrap());
    }
}
