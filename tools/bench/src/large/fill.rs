//! Rows like those that the worker stores, made fast: one COPY into the table that the same transaction has emptied.
//! With `wal_level=minimal` that writes no WAL, and the rows need no vacuum.

use std::{fmt::Write as _, io::Write};

use anyhow::{Context, Result};
use chrono::{TimeDelta, Utc};
use diesel::{
    connection::SimpleConnection, copy_from, pg::CopyFormat, prelude::*,
    result::Error as DieselError,
};
use uuid::Uuid;

use crate::requests::{FORM_TYPE, small_form};

/// Rows in one piece of the COPY.
const PIECE: u64 = 200;
/// The time between two rows, in ms.
const APART: u64 = 50;

mod schema {
    // COPY gets text, so the types here do not matter.
    diesel::table! {
        forms (sqs_message_id) {
            form_type -> Text,
            submission_id -> Text,
            sqs_message_id -> Text,
            received_at -> Text,
            created -> Text,
            data -> Text,
        }
    }
}

/// Replaces all rows of `forms` by small registrations.
pub fn fill(url: &str, rows: u64) -> Result<()> {
    let forms: Vec<String> = (0..1000).map(small_form).collect();
    fill_with(url, rows, |number| {
        (FORM_TYPE, forms.get(number as usize % 1000).map_or("", String::as_str))
    })
}

/// Replaces all rows of `forms` by rows with these form types and data. Submission ids grow with the time, and message ids
/// are random.
pub fn fill_with<'a>(
    url: &str,
    rows: u64,
    row: impl Fn(u64) -> (&'static str, &'a str),
) -> Result<()> {
    use schema::forms::{self, columns};
    let target = (
        columns::form_type,
        columns::submission_id,
        columns::sqs_message_id,
        columns::received_at,
        columns::created,
        columns::data,
    );
    let connection = &mut PgConnection::establish(url)?;
    connection.transaction(|connection| {
        connection.batch_execute("truncate forms")?;
        copy_from(forms::table)
            .from_raw_data(target, |out| write_rows(out, rows, &row))
            .with_format(CopyFormat::Text)
            .with_freeze(true)
            .execute(connection)
    })?;
    // It finds little to do, and otherwise autovacuum would come during a measurement.
    Ok(connection.batch_execute("vacuum (analyze) forms")?)
}

fn write_rows<'a>(
    out: &mut dyn Write,
    rows: u64,
    row: &impl Fn(u64) -> (&'static str, &'a str),
) -> Result<(), DieselError> {
    let failed = |error: anyhow::Error| DieselError::SerializationError(error.into());
    let age = TimeDelta::milliseconds((rows * APART) as i64);
    let first = (Utc::now() - age).timestamp_millis() as u64;
    let mut piece = String::new();
    for number in 0..rows {
        write_row(&mut piece, number, first + number * APART, row(number)).map_err(failed)?;
        if number % PIECE == PIECE - 1 || number == rows - 1 {
            out.write_all(piece.as_bytes()).map_err(|error| failed(error.into()))?;
            piece.clear();
        }
    }
    Ok(())
}

fn write_row(
    piece: &mut String,
    number: u64,
    at: u64,
    (form_type, form): (&str, &str),
) -> Result<()> {
    let [one, two, three, four] = [0, 1, 2, 3].map(|n| random(number * 4 + n));
    let mut bits = [0; 10];
    for (bit, random) in bits.iter_mut().zip(one.to_be_bytes().into_iter().chain(two.to_be_bytes()))
    {
        *bit = random;
    }
    let submission_id = uuid::Builder::from_unix_timestamp_millis(at, &bits).into_uuid();
    let message_id = Uuid::from_u64_pair(three, four);
    let time = chrono::DateTime::from_timestamp_millis(at as i64).context("a time")?;
    let time = time.format("%Y-%m-%d %H:%M:%S%.3fZ");
    Ok(writeln!(piece, "{form_type}\t{submission_id}\t{message_id}\t{time}\t{time}\t{form}")?)
}

/// The same random number each time (splitmix64).
fn random(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
