//! The cells of one column, from PostgreSQL's text to an Arrow array.

use std::{str::FromStr, sync::Arc};

use arrow_array::{
    ArrayRef, ArrowPrimitiveType, ListArray,
    builder::{
        ArrayBuilder, BinaryBuilder, BooleanBuilder, Date32Builder, Float32Builder, Float64Builder,
        Int16Builder, Int32Builder, Int64Builder, PrimitiveBuilder, StringBuilder,
        TimestampMicrosecondBuilder,
    },
};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, TimeUnit};

use crate::{
    column::{ColumnType, Scalar},
    encode::{boolean, bytea, utf8},
    error::Fault,
    list,
    time::{Moment, parse_date},
};

use super::{ParquetOptions, element};

pub(super) fn data_type(column_type: ColumnType, options: ParquetOptions) -> DataType {
    match column_type {
        ColumnType::Scalar(scalar) => scalar_data_type(scalar, options),
        ColumnType::List(scalar) => DataType::List(element(scalar_data_type(scalar, options))),
    }
}

fn scalar_data_type(scalar: Scalar, options: ParquetOptions) -> DataType {
    match scalar {
        Scalar::SmallInt => DataType::Int16,
        Scalar::Integer => DataType::Int32,
        Scalar::BigInt => DataType::Int64,
        Scalar::Numeric if options.numeric_as_double => DataType::Float64,
        Scalar::Real => DataType::Float32,
        Scalar::Double => DataType::Float64,
        Scalar::Boolean => DataType::Boolean,
        Scalar::Date => DataType::Date32,
        Scalar::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        Scalar::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Scalar::Bytea => DataType::Binary,
        Scalar::Numeric
        | Scalar::Text
        | Scalar::Time
        | Scalar::Interval
        | Scalar::Uuid
        | Scalar::Json => DataType::Utf8,
    }
}

/// Collects the cells of a column.
pub(super) struct Builder {
    scalar: Scalar,
    values: Values,
    /// For a list: the number of elements of each cell, and which cells are null.
    list: Option<(Vec<usize>, NullBufferBuilder)>,
}

enum Values {
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Boolean(BooleanBuilder),
    Text(StringBuilder),
    Binary(BinaryBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Builder {
    pub(super) fn new(column_type: ColumnType, options: ParquetOptions) -> Self {
        let scalar = column_type.scalar();
        let list = matches!(column_type, ColumnType::List(_))
            .then(|| (Vec::new(), NullBufferBuilder::new(0)));
        Self { scalar, values: Values::new(scalar, options), list }
    }

    pub(super) fn append(&mut self, cell: Option<&[u8]>) -> Result<(), Fault> {
        let Some((lengths, valid)) = &mut self.list else { return self.values.append(cell) };
        let Some(cell) = cell else {
            lengths.push(0);
            valid.append_null();
            return Ok(());
        };
        let elements = list::elements(utf8(cell)?)?;
        lengths.push(elements.len());
        valid.append_non_null();
        for element in elements {
            match element.map(|json| json.get()) {
                None => self.values.append(None)?,
                Some(json) if self.scalar == Scalar::Json => {
                    self.values.append(Some(json.as_bytes()))?;
                }
                Some(json) if json.starts_with('[') => return Err(Fault::NestedList),
                Some(json) if json.starts_with('"') => {
                    self.values.append(Some(list::unquoted(json)?.as_bytes()))?;
                }
                Some(json) => self.values.append(Some(json.as_bytes()))?,
            }
        }
        Ok(())
    }

    /// The array of the cells so far; the builder is empty afterwards.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let values = self.values.finish();
        let Some((lengths, valid)) = &mut self.list else { return Ok(values) };
        let offsets = OffsetBuffer::from_lengths(lengths.drain(..));
        let field = element(values.data_type().clone());
        Ok(Arc::new(ListArray::try_new(field, offsets, values, valid.finish())?))
    }
}

impl Values {
    fn new(scalar: Scalar, options: ParquetOptions) -> Self {
        match scalar {
            Scalar::SmallInt => Self::Int16(Int16Builder::new()),
            Scalar::Integer => Self::Int32(Int32Builder::new()),
            Scalar::BigInt => Self::Int64(Int64Builder::new()),
            Scalar::Numeric if options.numeric_as_double => Self::Float64(Float64Builder::new()),
            Scalar::Real => Self::Float32(Float32Builder::new()),
            Scalar::Double => Self::Float64(Float64Builder::new()),
            Scalar::Boolean => Self::Boolean(BooleanBuilder::new()),
            Scalar::Date => Self::Date(Date32Builder::new()),
            Scalar::Timestamp | Scalar::TimestampTz => Self::Timestamp(
                TimestampMicrosecondBuilder::new()
                    .with_data_type(scalar_data_type(scalar, options)),
            ),
            Scalar::Bytea => Self::Binary(BinaryBuilder::with_capacity(0, 0)),
            Scalar::Numeric
            | Scalar::Text
            | Scalar::Time
            | Scalar::Interval
            | Scalar::Uuid
            | Scalar::Json => Self::Text(StringBuilder::with_capacity(0, 0)),
        }
    }

    fn append(&mut self, cell: Option<&[u8]>) -> Result<(), Fault> {
        match self {
            Self::Int16(builder) => append_parsed(builder, cell)?,
            Self::Int32(builder) => append_parsed(builder, cell)?,
            Self::Int64(builder) => append_parsed(builder, cell)?,
            Self::Float32(builder) => append_parsed(builder, cell)?,
            Self::Float64(builder) => append_parsed(builder, cell)?,
            Self::Boolean(builder) => builder.append_option(cell.map(boolean).transpose()?),
            Self::Text(builder) => builder.append_option(cell.map(utf8).transpose()?),
            Self::Binary(builder) => builder.append_option(cell.map(bytea).transpose()?),
            Self::Date(builder) => builder.append_option(cell.map(date32).transpose()?),
            Self::Timestamp(builder) => builder.append_option(cell.map(micros).transpose()?),
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Int16(builder) => ArrayBuilder::finish(builder),
            Self::Int32(builder) => ArrayBuilder::finish(builder),
            Self::Int64(builder) => ArrayBuilder::finish(builder),
            Self::Float32(builder) => ArrayBuilder::finish(builder),
            Self::Float64(builder) => ArrayBuilder::finish(builder),
            Self::Boolean(builder) => ArrayBuilder::finish(builder),
            Self::Text(builder) => ArrayBuilder::finish(builder),
            Self::Binary(builder) => ArrayBuilder::finish(builder),
            Self::Date(builder) => ArrayBuilder::finish(builder),
            Self::Timestamp(builder) => ArrayBuilder::finish(builder),
        }
    }
}

/// PostgreSQL's `NaN`, `Infinity` and `-Infinity` are what Rust parses, too.
fn append_parsed<T: ArrowPrimitiveType<Native: FromStr>>(
    builder: &mut PrimitiveBuilder<T>,
    cell: Option<&[u8]>,
) -> Result<(), Fault> {
    let parse = |cell| utf8(cell)?.parse().map_err(|_| Fault::Unreadable);
    builder.append_option(cell.map(parse).transpose()?);
    Ok(())
}

fn date32(cell: &[u8]) -> Result<i32, Fault> {
    i32::try_from(parse_date(cell)?).map_err(|_| Fault::OutOfRange)
}

fn micros(cell: &[u8]) -> Result<i64, Fault> {
    Moment::parse(cell)?.utc_micros().ok_or(Fault::OutOfRange)
}
