//! How fast each format is. Not an assertion, because machines differ: run it in a release build.

use std::time::Instant;

use tabular::{Column, CsvOptions, Format, JsonLinesOptions, ParquetOptions, Scalar, Writer};

#[test]
#[ignore = "a measurement: cargo test --release -p tabular -- --ignored --nocapture speed"]
fn speed() {
    let columns: Vec<Column> = [
        ("id", Scalar::BigInt),
        ("submission_id", Scalar::Uuid),
        ("received_at", Scalar::TimestampTz),
        ("created", Scalar::TimestampTz),
        ("name", Scalar::Text),
        ("amount", Scalar::Numeric),
        ("born", Scalar::Date),
        ("agreed", Scalar::Boolean),
        ("comment", Scalar::Text),
        ("extra", Scalar::Json),
    ]
    .map(|(name, scalar)| Column::new(name, scalar))
    .into();
    let comment = "Some words about nothing, with \"quotes\" now and then. ".repeat(10);
    let extra = format!("{{\"a\": \"{}\", \"b\": [1, 2, 3]}}", "x".repeat(200));
    for format in [
        Format::Csv(CsvOptions::default()),
        Format::JsonLines(JsonLinesOptions::default()),
        Format::Parquet(ParquetOptions::default()),
        Format::Xlsx,
    ] {
        let mut writer = Writer::new(format, columns.clone()).unwrap();
        let (start, mut input, mut output, rows) = (Instant::now(), 0, 0, 300_000_u64);
        for row in 0..rows {
            let id = row.to_string();
            let uuid = format!("0192f0c1-2b3c-7d4e-8f5a-{row:012x}");
            let time = format!("2026-11-21 12:{:02}:{:02}.{:06}+00", row / 60 % 60, row % 60, row);
            let cells = [
                &id,
                &uuid,
                &time,
                &time,
                "Ada Lovelace",
                "1234.50",
                "1815-12-10",
                "true",
                &comment,
                &extra,
            ];
            input += cells.iter().map(|cell| cell.len() + 1).sum::<usize>();
            writer.write_row(cells.iter().map(|cell| Some(cell.as_bytes()))).unwrap();
            if writer.ready() > 1 << 16 {
                output += writer.take().len();
            }
        }
        output += writer.finish().unwrap().bytes.len();
        let seconds = start.elapsed().as_secs_f64();
        eprintln!(
            "{:8} {:6.0} MB/s of input, {:8.0} rows/s, {output} bytes",
            format.extension(),
            input as f64 / 1e6 / seconds,
            rows as f64 / seconds
        );
    }
}
