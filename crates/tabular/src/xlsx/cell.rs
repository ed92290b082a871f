//! One cell of a sheet.

use crate::{
    column::{ColumnType, Scalar},
    encode::{boolean, push_base64, utf8},
    error::Fault,
    time::{MICROS_PER_DAY, Moment, parse_date, push_rfc3339},
};

// The formats of cells, by their place in `parts::STYLES`.
const HEADER: &[u8] = b" s=\"1\"";
const DATE: &[u8] = b" s=\"2\"";
const DATE_TIME: &[u8] = b" s=\"3\"";

/// Excel keeps this many digits of a number.
const MAX_DIGITS: usize = 15;
/// Excel counts UTF-16 units.
const MAX_CHARACTERS: usize = 32_767;
/// 1900-01-01 and 10000-01-01 in days since 1970-01-01.
const FIRST_DAY: i64 = -25_567;
const END_OF_DAYS: i64 = 2_932_897;

/// Where a cell goes.
pub(super) struct Place<'a> {
    /// The letters of the column.
    pub(super) letters: &'a str,
    /// The number of the row.
    pub(super) row: &'a str,
    /// The XML of the sheet.
    pub(super) xml: &'a mut Vec<u8>,
}

impl Place<'_> {
    pub(super) fn header(self, name: &str) -> Result<(), Fault> {
        self.string(name, HEADER)
    }

    pub(super) fn value(self, column_type: ColumnType, cell: &[u8]) -> Result<(), Fault> {
        let ColumnType::Scalar(scalar) = column_type else {
            return self.list(column_type.scalar(), cell);
        };
        match scalar {
            Scalar::SmallInt | Scalar::Integer | Scalar::BigInt | Scalar::Numeric => {
                if is_short_number(cell) {
                    self.number(b"", cell)
                } else {
                    self.text(cell)
                }
            }
            Scalar::Real | Scalar::Double => {
                if is_excel_double(cell) {
                    self.number(b"", cell)
                } else {
                    self.text(cell)
                }
            }
            Scalar::Boolean => self.number(b" t=\"b\"", if boolean(cell)? { b"1" } else { b"0" }),
            Scalar::Date => self.date(cell),
            Scalar::Timestamp | Scalar::TimestampTz => self.moment(cell),
            Scalar::Bytea => {
                let mut text = Vec::new();
                push_base64(cell, &mut text)?;
                self.text(&text)
            }
            Scalar::Text | Scalar::Time | Scalar::Interval | Scalar::Uuid | Scalar::Json => {
                self.text(cell)
            }
        }
    }

    fn list(self, scalar: Scalar, cell: &[u8]) -> Result<(), Fault> {
        if scalar != Scalar::Bytea {
            return self.text(cell);
        }
        let mut json = Vec::new();
        crate::list::push_base64_list(cell, &mut json)?;
        self.text(&json)
    }

    fn date(self, cell: &[u8]) -> Result<(), Fault> {
        match parse_date(cell) {
            Ok(days) if (FIRST_DAY..END_OF_DAYS).contains(&days) => {
                self.number(DATE, serial(days).to_string().as_bytes())
            }
            Ok(_) | Err(Fault::Infinite) => self.text(cell),
            Err(fault) => Err(fault),
        }
    }

    fn moment(self, cell: &[u8]) -> Result<(), Fault> {
        match Moment::parse(cell) {
            Ok(moment) => {
                if let Some(serial) = exact_serial(moment) {
                    return self.number(DATE_TIME, serial.to_string().as_bytes());
                }
            }
            Err(Fault::Infinite) => {}
            Err(fault) => return Err(fault),
        }
        let mut text = Vec::new();
        push_rfc3339(cell, &mut text)?;
        self.text(&text)
    }

    fn number(mut self, attributes: &[u8], number: &[u8]) -> Result<(), Fault> {
        self.begin(attributes);
        push_parts(&[b"><v>", number, b"</v></c>"], self.xml);
        Ok(())
    }

    fn text(self, text: &[u8]) -> Result<(), Fault> {
        self.string(utf8(text)?, b"")
    }

    fn string(mut self, text: &str, attributes: &[u8]) -> Result<(), Fault> {
        if text.len() > MAX_CHARACTERS && text.encode_utf16().count() > MAX_CHARACTERS {
            return Err(Fault::TooLong);
        }
        self.begin(attributes);
        self.xml.extend_from_slice(b" t=\"inlineStr\"><is><t xml:space=\"preserve\">");
        push_escaped(text, self.xml)?;
        self.xml.extend_from_slice(b"</t></is></c>");
        Ok(())
    }

    fn begin(&mut self, attributes: &[u8]) {
        let parts = [b"<c r=\"", self.letters.as_bytes(), self.row.as_bytes(), b"\"", attributes];
        push_parts(&parts, self.xml);
    }
}

pub(super) fn push_parts(parts: &[&[u8]], xml: &mut Vec<u8>) {
    for part in parts {
        xml.extend_from_slice(part);
    }
}

/// The letters of a column: `A`, …, `Z`, `AA`, ….
pub(super) fn letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + (column % 26) as u8));
        if column < 26 {
            return letters.iter().rev().collect();
        }
        column = column / 26 - 1;
    }
}

/// Whether a decimal number has at most 15 digits, from the first that is not 0 to the last.
fn is_short_number(cell: &[u8]) -> bool {
    let digits = cell.strip_prefix(b"-").unwrap_or(cell);
    if !digits.first().is_some_and(u8::is_ascii_digit)
        || !digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
    {
        return false;
    }
    let significant = digits.iter().filter(|byte| **byte != b'.').skip_while(|byte| **byte == b'0');
    significant.count() <= MAX_DIGITS
}

/// Whether a double is finite and within the range of Excel, which is smaller than that of a
/// double.
fn is_excel_double(cell: &[u8]) -> bool {
    let number = utf8(cell).ok().and_then(|text| text.parse::<f64>().ok());
    number.is_some_and(|number| number == 0.0 || (2.229e-308..=9.99e307).contains(&number.abs()))
}

/// Excel's number of a day. Excel has a 29 February 1900, which is day 60.
fn serial(days: i64) -> i64 {
    let serial = days + 25_569;
    if serial < 61 { serial - 1 } else { serial }
}

/// Excel's number of a time, unless it would be rounded. Excel shows milliseconds, so a time without
/// microseconds only has to be right to the millisecond.
fn exact_serial(moment: Moment) -> Option<f64> {
    if !(FIRST_DAY..END_OF_DAYS).contains(&moment.days) {
        return None;
    }
    // All of these are far below 2^53.
    let (day, micros) = (serial(moment.days) as f64, moment.micros as f64);
    let serial = day + micros / MICROS_PER_DAY as f64;
    let unit = if moment.micros % 1000 == 0 { 1000.0 } else { 1.0 };
    let back = (serial - day) * MICROS_PER_DAY as f64;
    ((back / unit).round() == micros / unit).then_some(serial)
}

fn push_escaped(text: &str, xml: &mut Vec<u8>) -> Result<(), Fault> {
    let special = |byte: &u8| matches!(byte, ..b' ' | b'&' | b'<' | b'>' | b'_' | 0xEF);
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(special) {
        let (before, from) = rest.split_at(at);
        xml.extend_from_slice(before);
        let (length, escaped): (usize, &[u8]) = match from {
            [b'&', ..] => (1, b"&amp;"),
            [b'<', ..] => (1, b"&lt;"),
            [b'>', ..] => (1, b"&gt;"),
            [b'\t', ..] => (1, b"\t"),
            [b'\n', ..] => (1, b"\n"),
            // A bare CR would be read as a line feed.
            [b'\r', ..] => (1, b"&#13;"),
            [b'_', b'x', a, b, c, d, b'_', ..]
                if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
            {
                (1, b"_x005F_")
            }
            [b'_', ..] => (1, b"_"),
            // U+FFFE and U+FFFF.
            [0xEF, 0xBF, 0xBE | 0xBF, ..] | [..b' ', ..] => return Err(Fault::ForbiddenCharacter),
            _ => (1, from.get(..1).unwrap_or_default()),
        };
        xml.extend_from_slice(escaped);
        rest = from.get(length..).unwrap_or_default();
    }
    xml.extend_from_slice(rest);
    Ok(())
}
