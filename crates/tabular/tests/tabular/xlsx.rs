use tabular::Format;

use crate::{
    reader::assert_reads_back,
    table::{Kind, Table},
};

/// Without the characters that XML forbids.
fn fits(kind: &Kind) -> bool {
    kind.name != "control"
}

#[test]
fn openpyxl_reads_a_workbook_back_value_by_value() {
    for zone in ["UTC", "Europe/London"] {
        let table = Table::create(zone, fits);
        table.add_random_rows(500);
        assert_reads_back("xlsx-openpyxl", Format::Xlsx, &table, &table.numbers(true));
    }
}

#[test]
fn pandas_reads_a_workbook() {
    let table = Table::create("UTC", |kind| ["integer", "text"].contains(&kind.name));
    assert_reads_back("xlsx-pandas", Format::Xlsx, &table, &table.numbers(true));
}
