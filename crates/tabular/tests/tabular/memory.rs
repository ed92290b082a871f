//! Memory does not depend on the number of rows. nextest runs each test in a process of its own, so
//! the peak of the process is the peak of the test.

use std::fs;

use tabular::{Column, CsvOptions, Format, JsonLinesOptions, ParquetOptions, Scalar, Writer};

/// The highest resident memory of this process so far.
fn peak_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Text that neither a dictionary nor Snappy makes shorter.
fn noise(length: usize) -> String {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state % 90) as u8)
    };
    (0..length).map(next).collect()
}

fn assert_bounded(mib: usize, format: Format, columns: usize, cell: usize, rows: u64) {
    let mut writer = Writer::new(format, vec![Column::new("text", Scalar::Text); columns]).unwrap();
    // Each cell begins at another place of it.
    let noise = noise(cell + (4 << 20));
    let before = peak_kib();
    let mut bytes = 0;
    for row in 0..rows {
        let number = row.to_string();
        let cells = (0..columns).map(|column| match column {
            0 => Some(number.as_bytes()),
            _ => {
                let start = (row as usize * columns + column) * 7919 % (4 << 20);
                Some(&noise.as_bytes()[start..start + cell])
            }
        });
        writer.write_row(cells).unwrap();
        if writer.ready() > 65_536 {
            bytes += writer.take().len();
        }
    }
    bytes += writer.finish().unwrap().bytes.len();
    // The kernel counts pages in lots, so a later look may find a lower peak.
    let used = peak_kib().saturating_sub(before);
    eprintln!("{format:?}, {columns} columns, cells of {cell}: {used} KiB for {bytes} bytes");
    assert!(used <= mib * 1024, "{used} KiB");
}

const PARQUET: Format = Format::Parquet(ParquetOptions { numeric_as_double: false });

#[test]
fn parquet_needs_20_mib_with_cells_of_a_mebibyte() {
    assert_bounded(20, PARQUET, 2, 1 << 20, 80);
}

#[test]
fn parquet_needs_20_mib_with_rows_of_a_kibibyte() {
    assert_bounded(20, PARQUET, 20, 50, 50_000);
}

#[test]
fn parquet_needs_20_mib_with_200_columns() {
    assert_bounded(20, PARQUET, 200, 20, 6000);
}

#[test]
fn parquet_needs_40_mib_with_1500_columns() {
    assert_bounded(40, PARQUET, 1500, 20, 1200);
}

#[test]
fn csv_json_lines_and_xlsx_need_20_mib() {
    assert_bounded(20, Format::Csv(CsvOptions::default()), 2, 1 << 20, 80);
    assert_bounded(20, Format::JsonLines(JsonLinesOptions::default()), 2, 1 << 20, 80);
    assert_bounded(20, Format::Xlsx, 3, 30_000, 600);
}
