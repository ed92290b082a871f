use tabular::{Format, ParquetOptions};

use crate::{reader::assert_reads_back, table::Table};

const FORMAT: Format = Format::Parquet(ParquetOptions { numeric_as_double: false });

#[test]
fn pyarrow_reads_parquet_back_value_by_value() {
    for zone in ["UTC", "Europe/London"] {
        let mut table = Table::create(zone, |_| true);
        table.add_random_rows(3000);
        for (number, column) in table.columns.iter_mut().enumerate() {
            column.description = (number % 2 == 0).then(|| format!("Says “{}”.", column.name));
        }
        assert_reads_back("parquet-pyarrow", FORMAT, &table, &table.numbers(false));
    }
}

#[test]
fn duckdb_reads_parquet_back_value_by_value() {
    let table = Table::create("Europe/London", |_| true);
    table.add_random_rows(3000);
    assert_reads_back("parquet-duckdb", FORMAT, &table, &table.numbers(false));
}

#[test]
fn pandas_reads_parquet() {
    let table =
        Table::create("UTC", |kind| ["big", "text", "control", "texts"].contains(&kind.name));
    table.add_random_text(300);
    assert_reads_back("parquet-pandas", FORMAT, &table, &table.numbers(false));
}

#[test]
fn numeric_is_a_double_if_asked() {
    let table = Table::create("UTC", |kind| kind.name == "numeric");
    let format = Format::Parquet(ParquetOptions { numeric_as_double: true });
    assert_reads_back("parquet-numeric-double", format, &table, &table.numbers(false));
}
