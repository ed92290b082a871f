//! The one interface of all formats.

use crate::{
    column::Column,
    csv::{Csv, CsvOptions},
    encode::Encode,
    error::Error,
    json_lines::{JsonLines, JsonLinesOptions},
    parquet::{Parquet, ParquetOptions},
    xlsx::Xlsx,
};

/// A format with its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values.
    Csv(CsvOptions),
    /// A JSON object per line.
    JsonLines(JsonLinesOptions),
    /// Apache Parquet.
    Parquet(ParquetOptions),
    /// A workbook with one sheet. It may fail at any row, so complete it in a file before you send
    /// it.
    Xlsx,
}

impl Format {
    /// The media type.
    pub fn media_type(&self) -> &'static str {
        match self {
            Self::Csv(_) => "text/csv; charset=utf-8; header=present",
            Self::JsonLines(_) => "application/jsonl",
            Self::Parquet(_) => "application/vnd.apache.parquet",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// The usual ending of a file name, without the dot.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::JsonLines(_) => "jsonl",
            Self::Parquet(_) => "parquet",
            Self::Xlsx => "xlsx",
        }
    }
}

/// Writes the rows of one table.
///
/// Its memory does not depend on the number of rows if the caller takes the bytes out now and then,
/// for example whenever [`Writer::ready`] is above 64 KiB.
pub struct Writer {
    columns: Vec<Column>,
    encoder: Encoder,
    rows: u64,
    broken: bool,
}

enum Encoder {
    Csv(Csv),
    JsonLines(JsonLines),
    Parquet(Box<Parquet>),
    Xlsx(Box<Xlsx>),
}

/// The end of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The last bytes, which follow all bytes that were taken before.
    pub bytes: Vec<u8>,
    /// The number of rows, without the header.
    pub rows: u64,
    /// How many cells of the CSV, names of columns included, the formula guard has changed.
    pub guarded_cells: u64,
}

impl Writer {
    /// Begins a table; this writes the header.
    pub fn new(format: Format, columns: Vec<Column>) -> Result<Self, Error> {
        let encoder = match format {
            Format::Csv(options) => Encoder::Csv(Csv::new(options, &columns)),
            Format::JsonLines(options) => Encoder::JsonLines(JsonLines::new(options, &columns)),
            Format::Parquet(options) => {
                Encoder::Parquet(Box::new(Parquet::new(options, &columns)?))
            }
            Format::Xlsx => Encoder::Xlsx(Box::new(Xlsx::new(&columns)?)),
        };
        Ok(Self { columns, encoder, rows: 0, broken: false })
    }

    /// Writes a row: a cell per column, each the text of PostgreSQL or null.
    pub fn write_row<'a>(
        &mut self,
        cells: impl IntoIterator<Item = Option<&'a [u8]>>,
    ) -> Result<(), Error> {
        if self.broken {
            return Err(Error::Broken);
        }
        // Stays so if anything fails.
        self.broken = true;
        let (row, columns, cells) = (self.rows + 1, &self.columns, cells.into_iter());
        match &mut self.encoder {
            Encoder::Csv(csv) => encode_row(csv, row, columns, cells),
            Encoder::JsonLines(json_lines) => encode_row(json_lines, row, columns, cells),
            Encoder::Parquet(parquet) => encode_row(parquet.as_mut(), row, columns, cells),
            Encoder::Xlsx(xlsx) => encode_row(xlsx.as_mut(), row, columns, cells),
        }?;
        self.broken = false;
        self.rows = row;
        Ok(())
    }

    /// The number of bytes that [`Writer::take`] would return.
    pub fn ready(&self) -> usize {
        match &self.encoder {
            Encoder::Csv(csv) => csv.ready(),
            Encoder::JsonLines(json_lines) => json_lines.ready(),
            Encoder::Parquet(parquet) => parquet.ready(),
            Encoder::Xlsx(xlsx) => xlsx.ready(),
        }
    }

    /// Takes out the bytes that are ready. CSV and JSON Lines end with a whole row; after an error
    /// they may end within the row that failed.
    pub fn take(&mut self) -> Vec<u8> {
        self.encode().take()
    }

    /// Ends the table.
    pub fn finish(mut self) -> Result<Finished, Error> {
        if self.broken {
            return Err(Error::Broken);
        }
        let rows = self.rows;
        let encoder = self.encode();
        encoder.finish()?;
        Ok(Finished { bytes: encoder.take(), rows, guarded_cells: encoder.guarded() })
    }

    fn encode(&mut self) -> &mut dyn Encode {
        match &mut self.encoder {
            Encoder::Csv(csv) => csv,
            Encoder::JsonLines(json_lines) => json_lines,
            Encoder::Parquet(parquet) => parquet.as_mut(),
            Encoder::Xlsx(xlsx) => xlsx.as_mut(),
        }
    }
}

/// Generic, so that each format has its own loop: a virtual call per cell would cost as much as a
/// short cell.
fn encode_row<'a>(
    encoder: &mut impl Encode,
    row: u64,
    columns: &[Column],
    cells: impl Iterator<Item = Option<&'a [u8]>>,
) -> Result<(), Error> {
    let mut found = 0;
    for cell in cells {
        if let Some(column) = columns.get(found) {
            encoder.cell(found, cell).map_err(|fault| Error::Cell {
                row,
                column: found + 1,
                name: column.name.clone(),
                fault,
            })?;
        }
        found += 1;
    }
    if found != columns.len() {
        return Err(Error::CellCount { row, expected: columns.len(), found });
    }
    encoder.end_row(row)
}
