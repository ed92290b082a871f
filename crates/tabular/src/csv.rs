//! CSV as in RFC 4180, for spreadsheets and for `COPY … FROM … CSV`.
//!
//! We do not use the crate `csv`: its writer decides about quotes for a whole file, so it cannot
//! write null as an empty cell and empty text as `""`.
//!
//! A table of one column has an empty line for null, as PostgreSQL writes and reads it; other
//! readers may skip such a line.

use crate::{
    column::{Column, ColumnType, Scalar},
    encode::{self, Encode, boolean, push_base64},
    error::{Error, Fault},
    guard::needs_guard,
    list, time,
};

/// How CSV is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// Begin with a byte order mark, so that Excel knows that the file is UTF-8. Default: no.
    pub bom: bool,
    /// The character between cells. Default: a comma.
    pub delimiter: Delimiter,
    /// What happens to text that a spreadsheet would run. Default: it is guarded.
    pub formulas: Formulas,
}

/// The character between the cells of a CSV.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Delimiter {
    #[default]
    Comma,
    Semicolon,
    Tab,
    Pipe,
}

/// What happens to text that a spreadsheet would run as a formula.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Formulas {
    /// Text cells and the names in the header get a `'` in front; [`crate::unguard`] removes it.
    /// JSON, lists and all other types are not guarded, because PostgreSQL never writes a formula
    /// for them, although a negative number begins with a minus.
    #[default]
    Guarded,
    /// Nothing is changed.
    Raw,
}

pub(crate) struct Csv {
    kinds: Vec<Kind>,
    delimiter: u8,
    guard: bool,
    guarded: u64,
    out: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Kind {
    /// Never has a character that needs quotes.
    Bare,
    Boolean,
    Text,
    /// May need quotes, but not the guard.
    Unguarded,
    Timestamp,
    Bytea,
    ByteaList,
}

impl Csv {
    pub(crate) fn new(options: CsvOptions, columns: &[Column]) -> Self {
        let delimiter = match options.delimiter {
            Delimiter::Comma => b',',
            Delimiter::Semicolon => b';',
            Delimiter::Tab => b'\t',
            Delimiter::Pipe => b'|',
        };
        let kinds = columns.iter().map(|column| kind(column.column_type)).collect();
        let guard = options.formulas == Formulas::Guarded;
        let out = if options.bom { "\u{feff}".into() } else { Vec::new() };
        let mut csv = Self { kinds, delimiter, guard, guarded: 0, out };
        csv.header(columns);
        csv
    }

    fn header(&mut self, columns: &[Column]) {
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                self.out.push(self.delimiter);
            }
            self.text(column.name.as_bytes());
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn text(&mut self, text: &[u8]) {
        let guard = self.guard && needs_guard(text);
        self.guarded += u64::from(guard);
        self.field(text, if guard { b"'" } else { b"" });
    }

    /// Appends `prefix` and `text`, in quotes if they need them.
    fn field(&mut self, text: &[u8], prefix: &[u8]) {
        if !self.needs_quotes(text) {
            self.out.extend_from_slice(prefix);
            self.out.extend_from_slice(text);
            return;
        }
        self.out.push(b'"');
        self.out.extend_from_slice(prefix);
        for part in text.split_inclusive(|byte| *byte == b'"') {
            self.out.extend_from_slice(part);
            if part.ends_with(b"\"") {
                self.out.push(b'"');
            }
        }
        self.out.push(b'"');
    }

    fn needs_quotes(&self, text: &[u8]) -> bool {
        // PostgreSQL takes `\.` on a line of its own for the end of the data.
        text.is_empty() || text == b"\\." || has_special(text, self.delimiter)
    }
}

/// Looks at every byte even after a hit, because the compiler can then test 16 bytes at once.
fn has_special(text: &[u8], delimiter: u8) -> bool {
    text.iter().fold(false, |found, byte| {
        found | (*byte == delimiter) | (*byte == b'"') | (*byte == b'\n') | (*byte == b'\r')
    })
}

fn kind(column_type: ColumnType) -> Kind {
    match column_type {
        ColumnType::List(Scalar::Bytea) => Kind::ByteaList,
        ColumnType::List(_) => Kind::Unguarded,
        ColumnType::Scalar(scalar) => match scalar {
            Scalar::SmallInt
            | Scalar::Integer
            | Scalar::BigInt
            | Scalar::Numeric
            | Scalar::Real
            | Scalar::Double
            | Scalar::Date
            | Scalar::Time
            | Scalar::Uuid => Kind::Bare,
            Scalar::Boolean => Kind::Boolean,
            Scalar::Text => Kind::Text,
            Scalar::Interval | Scalar::Json => Kind::Unguarded,
            Scalar::Timestamp | Scalar::TimestampTz => Kind::Timestamp,
            Scalar::Bytea => Kind::Bytea,
        },
    }
}

impl Encode for Csv {
    #[inline]
    fn cell(&mut self, column: usize, cell: Option<&[u8]>) -> Result<(), Fault> {
        if column > 0 {
            self.out.push(self.delimiter);
        }
        let (Some(cell), Some(kind)) = (cell, self.kinds.get(column)) else {
            return Ok(());
        };
        match kind {
            Kind::Bare if cell.is_empty() => return Err(Fault::Unreadable),
            Kind::Bare => self.out.extend_from_slice(cell),
            Kind::Boolean => self.out.extend_from_slice(match boolean(cell)? {
                true => b"true",
                false => b"false",
            }),
            Kind::Text => self.text(cell),
            Kind::Unguarded => self.field(cell, b""),
            Kind::Timestamp => time::push_rfc3339(cell, &mut self.out)?,
            // The base64 of nothing would be null.
            Kind::Bytea if cell == b"\\x" => self.out.extend_from_slice(b"\"\""),
            Kind::Bytea => push_base64(cell, &mut self.out)?,
            Kind::ByteaList => {
                let mut json = Vec::with_capacity(cell.len());
                list::push_base64_list(cell, &mut json)?;
                self.field(&json, b"");
            }
        }
        Ok(())
    }

    fn end_row(&mut self, _row: u64) -> Result<(), Error> {
        self.out.extend_from_slice(b"\r\n");
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

    fn guarded(&self) -> u64 {
        self.guarded
    }
}
