//! The columns of a table, as PostgreSQL types them.

/// A column of the table that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name, as it is in the header. Names should be unique, as they are in PostgreSQL.
    pub name: String,
    /// The type of its cells.
    pub column_type: ColumnType,
    /// A sentence about the column. Only Parquet has a place for it.
    pub description: Option<String>,
}

impl Column {
    /// A column without a description.
    pub fn new(name: impl Into<String>, column_type: impl Into<ColumnType>) -> Self {
        Self { name: name.into(), column_type: column_type.into(), description: None }
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// One value per cell.
    Scalar(Scalar),
    /// A list of values per cell; any of them may be null.
    List(Scalar),
}

impl ColumnType {
    /// The type of a cell, or of the elements of a list.
    pub fn scalar(self) -> Scalar {
        match self {
            Self::Scalar(scalar) | Self::List(scalar) => scalar,
        }
    }
}

impl From<Scalar> for ColumnType {
    fn from(scalar: Scalar) -> Self {
        Self::Scalar(scalar)
    }
}

/// The type of a single value. A type of PostgreSQL that is not here, such as an enumeration or an
/// address, is [`Scalar::Text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are PostgreSQL's")]
pub enum Scalar {
    SmallInt,
    Integer,
    BigInt,
    Numeric,
    Real,
    Double,
    Boolean,
    Text,
    Date,
    /// Without a time zone.
    Timestamp,
    TimestampTz,
    /// With or without a time zone.
    Time,
    Interval,
    Uuid,
    Bytea,
    /// `json` or `jsonb`.
    Json,
}

impl Scalar {
    pub(crate) fn is_number(self) -> bool {
        matches!(
            self,
            Self::SmallInt
                | Self::Integer
                | Self::BigInt
                | Self::Numeric
                | Self::Real
                | Self::Double
        )
    }
}
