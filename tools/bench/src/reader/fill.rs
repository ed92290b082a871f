//! The table that is read: one row in some is of the form type that clients read, and there are a thousand large rows.

use anyhow::Result;
use chrono::NaiveDate;
use diesel::{Connection, PgConnection, connection::SimpleConnection};
use serde_json::{Value, json};

use crate::{large::fill::fill_with, requests::small_form};

/// The form type that clients read.
pub const READ: &str = "application";
/// It has a column of each usual type.
pub const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {
        "company_name": {"type": "string"}, "contact_name": {"type": "string"}, "email": {"type": "string"},
        "company_number": {"type": "string"}, "employees": {"type": "integer"}, "turnover": {"type": "number"},
        "exports": {"type": "boolean"}, "founded": {"type": "string", "format": "date"},
        "signed_at": {"type": "string", "format": "date-time"}, "countries": {"type": "array"},
        "description": {"type": "string"}
    }
}"#;
pub const ROW_BYTES: usize = 1024;

/// The form type of the large rows.
pub const LARGE: &str = "dossier";
pub const LARGE_ROWS: u64 = 1000;
pub const LARGE_BYTES: usize = 1 << 20;

/// The form type of the rows between.
const OTHER: &str = "enquiry";
/// Otherwise there would be too few in a small table.
const LEAST_OF_TYPE: u64 = 100_000;
/// How many rows differ.
const DIFFERENT: u64 = 1000;

/// One row in so many is of the type that is read.
pub fn one_in(rows: u64) -> u64 {
    let of_type = (rows / 10).max(LEAST_OF_TYPE.min(rows / 3)).max(1);
    rows / of_type
}

/// Fills `forms` with so many rows, and adds the large ones.
pub fn fill(url: &str, rows: u64) -> Result<()> {
    let every = one_in(rows);
    let read: Vec<String> = (0..DIFFERENT).map(application).collect();
    let other: Vec<String> = (0..DIFFERENT).map(|number| small_form(number as usize)).collect();
    fill_with(url, rows, |number| {
        let (form_type, forms, number) = match number % every == every - 1 {
            true => (READ, &read, number / every),
            false => (OTHER, &other, number),
        };
        (form_type, forms.get((number % DIFFERENT) as usize).map_or("", String::as_str))
    })?;
    // PostgreSQL compresses them, so they take little of the disk. The reader gets them whole.
    let text = format!("repeat(md5(n::text), {})", LARGE_BYTES / 32);
    let large = format!(
        "insert into forms (form_type, submission_id, sqs_message_id, received_at, data) \
         select '{LARGE}', gen_random_uuid(), gen_random_uuid()::text, now(), jsonb_build_object('text', {text}) \
         from generate_series(1, {LARGE_ROWS}) n; vacuum (analyze) forms"
    );
    let connection = &mut PgConnection::establish(url)?;
    // One by one, because VACUUM runs in no transaction.
    for statement in large.split("; ") {
        connection.batch_execute(statement)?;
    }
    Ok(())
}

/// A made-up application of [`ROW_BYTES`], with quotes, a line break and letters of several bytes.
pub fn application(number: u64) -> String {
    let words = "Sells \"oak\" furniture, wool and cider abroad; été, straße, 東京.\\n";
    let day = NaiveDate::default() + chrono::Days::new(number * 11);
    let with_text = |text: &str| -> Value {
        json!({
            "company_name": format!("Example & Sons {number}, Ltd"),
            "contact_name": "A Test Person",
            "email": format!("person-{number}@example.org"),
            "company_number": format!("{number:08}"),
            "employees": number % 700,
            "turnover": (number * 997) as f64 / 4.0,
            "exports": number.is_multiple_of(2),
            "founded": day.to_string(),
            "signed_at": format!("2026-10-{:02}T{:02}:15:0{}Z", number % 28 + 1, number % 24, number % 10),
            "countries": ["DE", "FR", "JP"],
            "description": text,
        })
    };
    let missing = ROW_BYTES.saturating_sub(with_text("").to_string().len());
    let mut text = String::new();
    for letter in words.chars().cycle() {
        text.push(letter);
        if Value::from(text.as_str()).to_string().len() - 2 >= missing {
            break;
        }
    }
    // The COPY is text, in which a backslash begins an escape.
    with_text(&text).to_string().replace('\\', "\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_rows_is_read_and_more_of_a_small_table() {
        assert_eq!(one_in(10_000_000), 10);
        assert_eq!(one_in(300_000), 3);
        assert_eq!(one_in(30_000), 3);
    }

    #[test]
    fn an_application_has_a_kibibyte() {
        for number in [0, 1, 999] {
            let form = application(number).replace("\\\\", "\\");
            let value: Value = serde_json::from_str(&form).unwrap();
            assert_eq!(value["company_number"], format!("{number:08}"));
            assert!((ROW_BYTES..ROW_BYTES + 4).contains(&form.len()), "{}", form.len());
        }
    }
}
