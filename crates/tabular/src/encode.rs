//! What all formats have in common.

use crate::{error::Error, error::Fault};

/// A format, cell by cell. After a failure nothing more is asked of it.
pub(crate) trait Encode {
    /// Adds a cell of the current row; `column` counts from 0.
    fn cell(&mut self, column: usize, cell: Option<&[u8]>) -> Result<(), Fault>;

    /// Ends the current row, whose number counts from 1.
    fn end_row(&mut self, row: u64) -> Result<(), Error>;

    /// Adds everything that comes after the last row.
    fn finish(&mut self) -> Result<(), Error>;

    /// The number of bytes that are ready.
    fn ready(&self) -> usize;

    /// The bytes that are ready.
    fn take(&mut self) -> Vec<u8>;

    /// How many cells and names the formula guard has changed.
    fn guarded(&self) -> u64 {
        0
    }
}

/// Takes the bytes out, and leaves room for about as many.
pub(crate) fn take(out: &mut Vec<u8>) -> Vec<u8> {
    let room = Vec::with_capacity(out.len());
    std::mem::replace(out, room)
}

/// The bytes of a `bytea`: PostgreSQL writes `\x` and hexadecimal digits.
pub(crate) fn bytea(cell: &[u8]) -> Result<Vec<u8>, Fault> {
    let digits = cell.strip_prefix(b"\\x").ok_or(Fault::Unreadable)?;
    hex::decode(digits).map_err(|_| Fault::Unreadable)
}

/// Appends a `bytea` as base64.
pub(crate) fn push_base64(cell: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    out.extend_from_slice(STANDARD.encode(bytea(cell)?).as_bytes());
    Ok(())
}

pub(crate) fn boolean(cell: &[u8]) -> Result<bool, Fault> {
    match cell {
        b"t" | b"true" => Ok(true),
        b"f" | b"false" => Ok(false),
        _ => Err(Fault::Unreadable),
    }
}

pub(crate) fn utf8(cell: &[u8]) -> Result<&str, Fault> {
    str::from_utf8(cell).map_err(|_| Fault::NotUtf8)
}
