//! Writes rows in chunks, as a caller does.

use tabular::{Column, Error, Finished, Format, Writer};

pub type Row = Vec<Option<String>>;

/// The whole output, although it is taken in pieces.
pub fn write(format: Format, columns: &[Column], rows: &[Row]) -> Result<Finished, Error> {
    let mut writer = Writer::new(format, columns.to_vec())?;
    let mut bytes = Vec::new();
    for row in rows {
        writer.write_row(row.iter().map(|cell| cell.as_deref().map(str::as_bytes)))?;
        if writer.ready() > 1000 {
            let (ready, taken) = (writer.ready(), writer.take());
            assert_eq!((taken.len(), writer.ready()), (ready, 0));
            bytes.extend(taken);
        }
    }
    let finished = writer.finish()?;
    bytes.extend(finished.bytes);
    Ok(Finished { bytes, ..finished })
}

/// [`write`] for a table of one column.
pub fn write_column(
    format: Format,
    column: Column,
    cells: &[Option<&str>],
) -> Result<String, Error> {
    let rows: Vec<Row> = cells.iter().map(|cell| vec![cell.map(str::to_owned)]).collect();
    write(format, &[column], &rows).map(|finished| String::from_utf8(finished.bytes).unwrap())
}
