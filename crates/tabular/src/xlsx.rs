//! XLSX: a workbook with one sheet, whose header is bold and stays on the screen.
//!
//! **What Excel can hold exactly has its own type; everything else is text.** A number with over 15
//! digits is text, and so is a date before 1900 or after 9999. The columns `real` and `double` are
//! numbers even with 17 digits, because Excel computes with doubles and keeps them.
//!
//! **Times** are Excel's dates with a format, without a zone: a `timestamptz` shows the clock of
//! the offset that the cell has. The offset itself is lost, so ask for UTC if the clocks change in
//! your zone. A time is text if the serial number, which is a double, would round it: from 2080
//! some microseconds do not fit, but milliseconds do to the end.
//!
//! **Text** is never a formula. Empty text has a cell, and null has none.
//! `_x000A_` and the like are escaped as Excel expects; openpyxl does not undo that.
//!
//! We write the XML and do not use the crate `rust_xlsxwriter`: in its mode for constant memory it
//! panics if the disk is full, drops empty text, writes CR in a way that openpyxl and pandas do not
//! undo, and keeps all XML uncompressed in a temporary file. Six small files and the rows are all
//! that a sheet needs.

mod cell;
mod parts;

use std::{io::Write, sync::Arc};

use parking_lot::Mutex;
use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use crate::{
    column::{Column, ColumnType},
    encode::{self, Encode},
    error::{Error, Fault},
};

use self::cell::{Place, letters, push_parts};

/// The rows of a sheet without the header.
const MAX_ROWS: u64 = 1_048_575;
const MAX_COLUMNS: usize = 16_384;
/// Beyond this a ZIP needs extensions that Excel does not always read.
const MAX_XML: u64 = 4_000_000_000;
/// The XML that is collected before it is compressed.
const CHUNK: usize = 64 * 1024;

pub(crate) struct Xlsx {
    /// Type and letters (`AB`) of each column.
    columns: Vec<(ColumnType, String)>,
    /// The number of the current row in the sheet, as text.
    row: String,
    xml: Vec<u8>,
    /// The XML that was compressed.
    written: u64,
    /// `None` only after the end.
    zip: Option<ZipWriter<StreamWriter<Shared>>>,
    out: Shared,
}

/// The bytes of the ZIP: its writer has no way to take them out.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Xlsx {
    pub(crate) fn new(columns: &[Column]) -> Result<Self, Error> {
        if columns.len() > MAX_COLUMNS {
            return Err(Error::TooManyColumns { found: columns.len(), max: MAX_COLUMNS });
        }
        let out = Shared::default();
        let mut zip = ZipWriter::new_stream(out.clone());
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, content) in parts::PARTS {
            zip.start_file(*name, options)?;
            zip.write_all(content.as_bytes())?;
        }
        zip.start_file(parts::SHEET, options)?;
        let mut xlsx = Self {
            columns: columns
                .iter()
                .enumerate()
                .map(|(index, column)| (column.column_type, letters(index)))
                .collect(),
            row: "1".to_owned(),
            xml: parts::SHEET_BEGIN.into(),
            written: 0,
            zip: Some(zip),
            out,
        };
        xlsx.header(columns)?;
        Ok(xlsx)
    }

    fn header(&mut self, columns: &[Column]) -> Result<(), Error> {
        for (index, column) in columns.iter().enumerate() {
            let named = |fault| Error::Name { column: index + 1, fault };
            self.place(index)
                .ok_or(Fault::OutOfRange)
                .and_then(|(_, place)| place.header(&column.name))
                .map_err(named)?;
        }
        self.end_row(0)
    }

    /// The type of a column and its place in the current row.
    fn place(&mut self, column: usize) -> Option<(ColumnType, Place<'_>)> {
        let (column_type, letters) = self.columns.get(column)?;
        if column == 0 {
            push_parts(&[b"<row r=\"", self.row.as_bytes(), b"\">"], &mut self.xml);
        }
        Some((*column_type, Place { letters, row: &self.row, xml: &mut self.xml }))
    }

    fn compress(&mut self, row: u64) -> Result<(), Error> {
        self.written += self.xml.len() as u64;
        if self.written > MAX_XML {
            return Err(Error::SheetTooLarge { row, max: MAX_XML });
        }
        if let Some(zip) = &mut self.zip {
            zip.write_all(&self.xml)?;
        }
        self.xml.clear();
        Ok(())
    }
}

impl Encode for Xlsx {
    fn cell(&mut self, column: usize, cell: Option<&[u8]>) -> Result<(), Fault> {
        match (self.place(column), cell) {
            (Some((column_type, place)), Some(cell)) => place.value(column_type, cell),
            _ => Ok(()),
        }
    }

    fn end_row(&mut self, row: u64) -> Result<(), Error> {
        if row > MAX_ROWS {
            return Err(Error::TooManyRows { row, max: MAX_ROWS });
        }
        if !self.columns.is_empty() {
            self.xml.extend_from_slice(b"</row>");
        }
        // The header is the first row of the sheet.
        self.row = (row + 2).to_string();
        if self.xml.len() >= CHUNK { self.compress(row) } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.xml.extend_from_slice(parts::SHEET_END.as_bytes());
        self.compress(0)?;
        if let Some(zip) = self.zip.take() {
            zip.finish()?;
        }
        Ok(())
    }

    fn ready(&self) -> usize {
        self.out.0.lock().len()
    }

    fn take(&mut self) -> Vec<u8> {
        encode::take(&mut self.out.0.lock())
    }
}
