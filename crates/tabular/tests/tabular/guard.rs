use proptest::prelude::*;
use tabular::{Column, CsvOptions, Format, Formulas, Scalar, unguard};

use crate::written::write_column;

fn csv_cell(formulas: Formulas, text: &str) -> String {
    let options = Format::Csv(CsvOptions { formulas, ..Default::default() });
    let csv = write_column(options, Column::new("c", Scalar::Text), &[Some(text)]).unwrap();
    let cell = csv.strip_prefix("c\r\n").unwrap().strip_suffix("\r\n").unwrap();
    match cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => cell.to_owned(),
    }
}

proptest! {
    #[test]
    fn the_guard_stops_every_formula_and_can_be_undone(text in "('|=|\\+|-|@|\t|\r|\"|,|\n|a|é){0,6}") {
        let guarded = csv_cell(Formulas::Guarded, &text);
        prop_assert!(!guarded.starts_with(['=', '+', '-', '@', '\t', '\r']));
        prop_assert_eq!(unguard(&guarded), &text);
    }

    #[test]
    fn without_the_guard_text_is_unchanged(text in "(\"|,|\n|\r|'|=|.){0,10}") {
        prop_assert_eq!(csv_cell(Formulas::Raw, &text), text);
    }
}
