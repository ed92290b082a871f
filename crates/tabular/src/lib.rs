//! Writes tables as CSV, JSON Lines, Parquet and XLSX.
//!
//! This crate knows values and bytes. It has no database, no file, no clock and no tasks: the
//! caller gives rows to a [`Writer`], and takes bytes out whenever it likes.
//!
//! ```
//! use tabular::{Column, CsvOptions, Format, Scalar, Writer};
//!
//! let columns = vec![Column::new("id", Scalar::BigInt), Column::new("name", Scalar::Text)];
//! let mut writer = Writer::new(Format::Csv(CsvOptions::default()), columns)?;
//! let row: [Option<&[u8]>; 2] = [Some(b"1"), Some(b"=1+1")];
//! writer.write_row(row)?;
//! let some = writer.take();
//! let finished = writer.finish()?;
//! assert_eq!([some, finished.bytes].concat(), b"id,name\r\n1,'=1+1\r\n");
//! assert_eq!((finished.rows, finished.guarded_cells), (1, 1));
//! # Ok::<(), tabular::Error>(())
//! ```
//!
//! # What a cell is
//!
//! A cell is the text that PostgreSQL writes for a value, in UTF-8, or `None` for null. The caller
//! sets `DateStyle` to ISO and any `IntervalStyle` but `postgres_verbose`, and casts two kinds of
//! columns in SQL: a list is `to_json(column)::text`, and everything that [`Scalar`] does not have
//! is `column::text`. CSV and JSON Lines pass text on as it is; Parquet and XLSX report a cell that
//! is not UTF-8.
//!
//! # What each format makes of it
//!
//! | type | CSV | JSON Lines | Parquet | XLSX |
//! |---|---|---|---|---|
//! | null | empty cell | `null` | null | no cell |
//! | smallint, integer, bigint | digits | number | INT (16, 32, 64) | number, or text if it has over 15 digits |
//! | numeric | digits | number; `NaN` and infinities are `null` | text, or DOUBLE | as bigint |
//! | real, double | digits | as numeric | FLOAT, DOUBLE | number; `NaN` and infinities are text |
//! | boolean | `true`, `false` | `true`, `false` | BOOLEAN | TRUE, FALSE |
//! | text | text, guarded; empty text is `""` | string | text | text, never a formula |
//! | date | as it is | string | DATE | date; text before 1900 and after 9999 |
//! | timestamp | ISO 8601 | the same | TIMESTAMP, microseconds, local | date and time, or ISO 8601 |
//! | timestamptz | RFC 3339 | the same | TIMESTAMP, microseconds, UTC | date and time on the clock of the cell's offset, or RFC 3339 |
//! | time, interval, uuid | as it is | string | text | text |
//! | bytea | base64 | base64 | BINARY | base64 |
//! | json | JSON | the JSON itself | text | text |
//! | list | JSON | the JSON itself | LIST | text |
//!
//! Inside a list, a `bytea` is base64 too, except that Parquet has its bytes, and JSON Lines treats
//! numbers as it does outside.
//!
//! Dates and times that are infinite, or outside the years 0 to 9999, stay as PostgreSQL writes
//! them in every text. Parquet refuses what its types cannot hold, because a null would be a lie:
//! infinity, and timestamps after the year 294246.
//!
//! # Failures
//!
//! An [`Error`] names row and column, and never a value. After an error a writer only returns
//! [`Error::Broken`], also from [`Writer::finish`]: output that lacks a row cannot be completed.
//!
//! # Memory
//!
//! CSV and JSON Lines hold only what was not taken yet. XLSX also holds the window of its
//! compression. Parquet also holds a row group, and ends it when its encoders have 4 MiB: it needs
//! less than 20 MiB with 200 columns, also with cells of 1 MiB, and 31 MiB with 1,500.
//!
//! One thing grows with the table: Parquet's footer comes last, and needs about 600 bytes of memory
//! per row group and column until then. That is 12 KiB for each 4 MiB of a file with 20 columns.

mod writer;

mod column;
mod encode;
mod error;

mod csv;
mod guard;

mod json_lines;
mod list;

mod parquet;

mod xlsx;

mod time;

pub use column::{Column, ColumnType, Scalar};
pub use csv::{CsvOptions, Delimiter, Formulas};
pub use error::{Error, Fault};
pub use guard::unguard;
pub use json_lines::JsonLinesOptions;
pub use parquet::ParquetOptions;
pub use writer::{Finished, Format, Writer};
