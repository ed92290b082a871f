//! JSON Lines: an object per row, with every column in every row.
//!
//! Numbers keep the digits that PostgreSQL writes. JSON and lists are the text of PostgreSQL, with
//! line breaks between tokens replaced by spaces.

use std::io::Write;

use crate::{
    column::{Column, ColumnType, Scalar},
    encode::{self, Encode, boolean, push_base64},
    error::{Error, Fault},
    list, time,
};

/// How JSON Lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JsonLinesOptions {
    /// Write numbers as strings, for readers that make a double of every number. Numbers inside
    /// JSON columns stay as they are. Default: no.
    pub numbers_as_text: bool,
    /// Write a row as a list of its values, without the names of the columns. Default: no.
    pub rows_as_lists: bool,
}

pub(crate) struct JsonLines {
    columns: Vec<(Kind, Vec<u8>)>,
    /// The row without columns; the second byte ends every row.
    brackets: [u8; 2],
    numbers_as_text: bool,
    out: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Kind {
    Number,
    Boolean,
    Text,
    /// A string without characters that need an escape.
    Plain,
    Timestamp,
    Bytea,
    Json,
    NumberList,
    ByteaList,
}

impl JsonLines {
    pub(crate) fn new(options: JsonLinesOptions, columns: &[Column]) -> Self {
        let brackets = if options.rows_as_lists { *b"[]" } else { *b"{}" };
        let [opening, _] = brackets;
        let prefix = |(index, column): (usize, &Column)| {
            let mut prefix = vec![if index == 0 { opening } else { b',' }];
            if !options.rows_as_lists {
                push_string(column.name.as_bytes(), &mut prefix);
                prefix.push(b':');
            }
            (kind(column.column_type), prefix)
        };
        let columns = columns.iter().enumerate().map(prefix).collect();
        Self { columns, brackets, numbers_as_text: options.numbers_as_text, out: Vec::new() }
    }
}

fn kind(column_type: ColumnType) -> Kind {
    match column_type {
        ColumnType::List(scalar) if scalar.is_number() => Kind::NumberList,
        ColumnType::List(Scalar::Bytea) => Kind::ByteaList,
        ColumnType::List(_) => Kind::Json,
        ColumnType::Scalar(scalar) => match scalar {
            Scalar::SmallInt
            | Scalar::Integer
            | Scalar::BigInt
            | Scalar::Numeric
            | Scalar::Real
            | Scalar::Double => Kind::Number,
            Scalar::Boolean => Kind::Boolean,
            Scalar::Text => Kind::Text,
            Scalar::Date | Scalar::Time | Scalar::Interval | Scalar::Uuid => Kind::Plain,
            Scalar::Timestamp | Scalar::TimestampTz => Kind::Timestamp,
            Scalar::Bytea => Kind::Bytea,
            Scalar::Json => Kind::Json,
        },
    }
}

impl Encode for JsonLines {
    #[inline]
    fn cell(&mut self, column: usize, cell: Option<&[u8]>) -> Result<(), Fault> {
        let Some((kind, prefix)) = self.columns.get(column) else { return Ok(()) };
        let out = &mut self.out;
        out.extend_from_slice(prefix);
        let Some(cell) = cell else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        match kind {
            Kind::Number => push_number(cell, self.numbers_as_text, out)?,
            Kind::Boolean => out.extend_from_slice(match boolean(cell)? {
                true => b"true",
                false => b"false",
            }),
            Kind::Text => push_string(cell, out),
            Kind::Plain => push_plain(cell, out),
            Kind::Timestamp => push_quoted(out, |out| time::push_rfc3339(cell, out))?,
            Kind::Bytea => push_quoted(out, |out| push_base64(cell, out))?,
            Kind::Json => push_json(cell, out)?,
            // Without a string there is no NaN and no infinity.
            Kind::NumberList if !self.numbers_as_text && !cell.contains(&b'"') => {
                push_json(cell, out)?;
            }
            Kind::NumberList => list::push_number_list(cell, self.numbers_as_text, out)?,
            Kind::ByteaList => list::push_base64_list(cell, out)?,
        }
        Ok(())
    }

    fn end_row(&mut self, _row: u64) -> Result<(), Error> {
        let [opening, closing] = self.brackets;
        if self.columns.is_empty() {
            self.out.push(opening);
        }
        self.out.extend_from_slice(&[closing, b'\n']);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn ready(&self) -> usize {
        self.out.len()
    }

    fn take(&mut self) -> Vec<u8> {
        encode::take(&mut self.out)
    }
}

fn push_quoted(
    out: &mut Vec<u8>,
    push: impl FnOnce(&mut Vec<u8>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    out.push(b'"');
    push(out)?;
    out.push(b'"');
    Ok(())
}

fn push_plain(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

fn push_number(cell: &[u8], as_text: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    match cell {
        b"NaN" | b"Infinity" | b"-Infinity" => out.extend_from_slice(b"null"),
        [b'0'..=b'9', ..] | [b'-', b'0'..=b'9', ..] if as_text => push_plain(cell, out),
        [b'0'..=b'9', ..] | [b'-', b'0'..=b'9', ..] => out.extend_from_slice(cell),
        _ => return Err(Fault::Unreadable),
    }
    Ok(())
}

/// JSON has raw line breaks only between tokens.
fn push_json(cell: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    if cell.is_empty() {
        return Err(Fault::Unreadable);
    }
    let start = out.len();
    out.extend_from_slice(cell);
    if any(cell, |byte| byte == b'\n' || byte == b'\r') {
        for byte in out.iter_mut().skip(start).filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
    }
    Ok(())
}

fn push_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if any(text, needs_escape) {
        push_escaped(text, out);
    } else {
        out.extend_from_slice(text);
    }
    out.push(b'"');
}

/// Looks at every byte even after a hit, because the compiler can then test 16 bytes at once.
fn any(text: &[u8], test: impl Fn(u8) -> bool) -> bool {
    text.iter().fold(false, |found, byte| found | test(*byte))
}

fn needs_escape(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

fn push_escaped(text: &[u8], out: &mut Vec<u8>) {
    for part in text.split_inclusive(|byte| needs_escape(*byte)) {
        let Some((last, before)) = part.split_last().filter(|(last, _)| needs_escape(**last))
        else {
            out.extend_from_slice(part);
            continue;
        };
        out.extend_from_slice(before);
        match last {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            // Writing to a vector cannot fail.
            byte => drop(write!(out, "\\u{byte:04x}")),
        }
    }
}
