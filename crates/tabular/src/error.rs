//! Errors that name a row and a column, and never a value.

use thiserror::Error;

/// Why a table cannot be written.
///
/// Rows and columns count from 1; a header is not a row. No variant shows a value.
#[derive(Debug, Error)]
pub enum Error {
    /// A cell cannot be written in this format.
    #[error("row {row}, column {column} ({name:?}): the cell {fault}")]
    Cell {
        /// The row.
        row: u64,
        /// The column's number.
        column: usize,
        /// The column's name.
        name: String,
        /// What is wrong with the cell.
        fault: Fault,
    },
    /// The name of a column cannot be written in this format.
    #[error("column {column}: its name {fault}")]
    Name {
        /// The column's number.
        column: usize,
        /// What is wrong with the name.
        fault: Fault,
    },
    /// A row has more or fewer cells than there are columns.
    #[error("row {row} has {found} cells, but the table has {expected} columns")]
    CellCount {
        /// The row.
        row: u64,
        /// The number of columns.
        expected: usize,
        /// The number of cells.
        found: usize,
    },
    /// An XLSX sheet has no room for the row.
    #[error("row {row} does not fit: an XLSX sheet holds {max} rows below its header")]
    TooManyRows {
        /// The first row that does not fit.
        row: u64,
        /// The limit.
        max: u64,
    },
    /// An XLSX sheet has no room for the columns.
    #[error("{found} columns do not fit: an XLSX sheet holds {max}")]
    TooManyColumns {
        /// The number of columns.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// An XLSX sheet has no room for the cells of the row.
    #[error("row {row} does not fit: the XML of an XLSX sheet holds at most {max} bytes")]
    SheetTooLarge {
        /// The first row that does not fit.
        row: u64,
        /// The limit.
        max: u64,
    },
    /// An earlier row failed, so the output cannot be completed.
    #[error("an earlier row failed, so the output cannot be completed")]
    Broken,
    /// The Parquet encoder failed.
    #[error("encoding Parquet failed")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Arrow refused the cells of a batch of rows.
    #[error("collecting rows for Parquet failed")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// The ZIP encoder failed.
    #[error("packing XLSX failed")]
    Zip(#[from] zip::result::ZipError),
    /// Writing to the ZIP encoder failed.
    #[error("compressing XLSX failed")]
    Io(#[from] std::io::Error),
}

impl Error {
    /// Whether the data does not fit the format, so that another format may hold it. Everything
    /// else is a fault of the caller or of this crate.
    pub fn is_about_the_data(&self) -> bool {
        match self {
            Self::Cell { fault, .. } => fault.is_about_the_data(),
            Self::Name { .. }
            | Self::TooManyRows { .. }
            | Self::TooManyColumns { .. }
            | Self::SheetTooLarge { .. } => true,
            Self::CellCount { .. }
            | Self::Broken
            | Self::Parquet(_)
            | Self::Arrow(_)
            | Self::Zip(_)
            | Self::Io(_) => false,
        }
    }
}

/// What is wrong with a cell. The texts go on from "the cell".
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// It is not the text that PostgreSQL writes for this type.
    #[error("is not what PostgreSQL writes for this type")]
    Unreadable,
    /// It is not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// It is an infinite date or time.
    #[error("is infinite, which this format cannot hold in a column of dates or times")]
    Infinite,
    /// It is too far in the past or in the future.
    #[error("is outside the range of this format")]
    OutOfRange,
    /// It is a list of lists.
    #[error("is a list of lists, which this format cannot hold in this column")]
    NestedList,
    /// It is longer than a cell may be.
    #[error("has over 32,767 characters, the limit of XLSX")]
    TooLong,
    /// It has a character that XML 1.0 forbids.
    #[error("has a character that XML 1.0 forbids, and XLSX is XML")]
    ForbiddenCharacter,
}

impl Fault {
    fn is_about_the_data(self) -> bool {
        match self {
            Self::Infinite
            | Self::OutOfRange
            | Self::NestedList
            | Self::TooLong
            | Self::ForbiddenCharacter => true,
            Self::Unreadable | Self::NotUtf8 => false,
        }
    }
}
