//! Parquet, in row groups that are bounded by bytes.
//!
//! Rows are collected in Arrow arrays, a batch at a time; the encoders turn each batch into
//! compressed pages, and a row group ends when its pages and encoders have [`ROW_GROUP_MEMORY`].
//! The compression is Snappy, which is Rust alone and which every reader knows.

mod builder;
mod pieces;

use std::{collections::HashMap, sync::Arc};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::{
    arrow::ArrowWriter,
    basic::Compression,
    file::properties::{EnabledStatistics, WriterProperties},
};

use crate::{
    column::Column,
    encode::Encode,
    error::{Error, Fault},
};

use self::{
    builder::{Builder, data_type},
    pieces::Pieces,
};

/// The size at which a batch of rows goes to the encoders.
const BATCH_ROWS: usize = 1024;
const BATCH_BYTES: usize = 512 * 1024;

/// The memory of the encoders at which a row group ends. A batch and the finished row group, which
/// is copied out, come on top.
const ROW_GROUP_MEMORY: usize = 4 * 1024 * 1024;

/// A table with more columns has no dictionaries and no statistics: they take up to 60 KiB per
/// column while a row group is written, and most of the footer.
const WIDE: usize = 100;

/// How Parquet is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParquetOptions {
    /// Write `numeric` as DOUBLE, which loses digits after the 15th. Default: no, as text.
    pub numeric_as_double: bool,
}

pub(crate) struct Parquet {
    builders: Vec<Builder>,
    schema: SchemaRef,
    /// Of the batch that is being collected.
    rows: usize,
    bytes: usize,
    writer: ArrowWriter<Pieces>,
}

impl Parquet {
    pub(crate) fn new(options: ParquetOptions, columns: &[Column]) -> Result<Self, Error> {
        let field = |column: &Column| {
            let data_type = data_type(column.column_type, options);
            let metadata =
                column.description.iter().map(|text| ("description".into(), text.clone()));
            Field::new(&column.name, data_type, true)
                .with_metadata(metadata.collect::<HashMap<String, String>>())
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let builders = columns.iter().map(|column| Builder::new(column.column_type, options));
        Ok(Self {
            builders: builders.collect(),
            writer: ArrowWriter::try_new(
                Pieces::default(),
                schema.clone(),
                Some(properties(columns.len())),
            )?,
            schema,
            rows: 0,
            bytes: 0,
        })
    }

    fn encode_batch(&mut self) -> Result<(), Error> {
        if self.rows == 0 {
            return Ok(());
        }
        let arrays = self.builders.iter_mut().map(Builder::finish).collect::<Result<_, _>>()?;
        self.writer.write(&RecordBatch::try_new(self.schema.clone(), arrays)?)?;
        (self.rows, self.bytes) = (0, 0);
        if self.writer.memory_size() >= ROW_GROUP_MEMORY {
            self.writer.flush()?;
        }
        Ok(())
    }
}

fn properties(columns: usize) -> WriterProperties {
    let wide = columns > WIDE;
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        // The footer is kept until the end. With an index per page it would be several times as
        // large, and row groups are small enough to be skipped as a whole.
        .set_statistics_enabled(if wide {
            EnabledStatistics::None
        } else {
            EnabledStatistics::Chunk
        })
        .set_dictionary_enabled(!wide)
        .set_offset_index_disabled(true)
        // Every column has a dictionary of its own in memory.
        .set_dictionary_page_size_limit(128 * 1024)
        .set_data_page_size_limit(256 * 1024)
        .set_max_row_group_row_count(Some(1024 * 1024))
        .build()
}

impl Encode for Parquet {
    #[inline]
    fn cell(&mut self, column: usize, cell: Option<&[u8]>) -> Result<(), Fault> {
        self.bytes += cell.map_or(0, <[u8]>::len);
        match self.builders.get_mut(column) {
            Some(builder) => builder.append(cell),
            None => Ok(()),
        }
    }

    fn end_row(&mut self, _row: u64) -> Result<(), Error> {
        self.rows += 1;
        if self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.encode_batch()
        } else {
            Ok(())
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.encode_batch()?;
        self.writer.finish()?;
        self.writer.sync()?;
        Ok(())
    }

    fn ready(&self) -> usize {
        self.writer.inner().len()
    }

    fn take(&mut self) -> Vec<u8> {
        self.writer.inner_mut().take()
    }
}

/// The field of a list's elements; the name is the one in Parquet's specification.
fn element(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("element", data_type, true))
}
