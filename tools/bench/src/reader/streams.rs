//! Streams of the whole relation, beside a COPY of the same rows by psql.

use std::time::Instant;

use anyhow::Result;
use test_kit::Service;

use super::{
    http::Client,
    psql,
    system::{PATH, RELATION, System},
};
use crate::{intake::median, memory};

pub const FORMATS: [&str; 3] = ["csv", "jsonl", "parquet"];

/// What one format costs.
#[derive(Default)]
pub struct Streamed {
    pub format: String,
    pub rows_per_second: f64,
    /// In MB.
    pub megabytes_per_second: f64,
    /// Rows per second of the stream ÷ of COPY, of each pair.
    pub ratios: Vec<f64>,
    pub peak_mib: f64,
}

#[derive(Default)]
pub struct Streams {
    pub copy_rows_per_second: f64,
    /// One for each of [`FORMATS`].
    pub formats: Vec<Streamed>,
    /// Packed CSV, which the client asks for.
    pub packed: Streamed,
    pub xlsx: Streamed,
}

/// Measures pairs of a stream and a COPY, in turn.
pub fn measure(system: &System, pairs: usize) -> Result<Streams> {
    let rows = system.number(&format!("select count(*) from {RELATION}"))? as f64;
    let copy = format!("copy ({}) to stdout", psql::rows_after(RELATION, 0));
    let mut streams = Streams::default();
    let mut copies = Vec::new();
    psql::seconds(&system.database, &copy)?;
    for format in FORMATS {
        let reader = system.reader(&[]);
        let mut client = system.client(&reader)?;
        let (mut of_reader, mut of_copy, mut bytes) = (Vec::new(), Vec::new(), 0);
        for pair in 0..pairs {
            // Whoever runs second may meet warmer caches.
            if pair % 2 == 0 {
                of_copy.push(psql::seconds(&system.database, &copy)?);
            }
            let (seconds, length) = stream(&mut client, format, &[])?;
            of_reader.push(seconds);
            bytes = length;
            if pair % 2 == 1 {
                of_copy.push(psql::seconds(&system.database, &copy)?);
            }
        }
        let pairs = of_copy.iter().zip(&of_reader);
        let ratios = pairs.map(|(copy, reader)| copy / reader).collect();
        copies.extend(of_copy);
        let seconds = median(of_reader);
        streams.formats.push(streamed(&reader, format, rows, seconds, bytes, ratios));
    }
    streams.copy_rows_per_second = rows / median(copies);
    streams.packed = once(system, rows, "csv", &[("Accept-Encoding", "gzip")])?;
    streams.xlsx = once(system, rows, "xlsx", &[])?;
    Ok(streams)
}

/// By a reader of its own, because its peak of memory counts.
fn once(system: &System, rows: f64, format: &str, headers: &[(&str, &str)]) -> Result<Streamed> {
    let reader = system.reader(&[]);
    let (seconds, bytes) = stream(&mut system.client(&reader)?, format, headers)?;
    Ok(streamed(&reader, format, rows, seconds, bytes, Vec::new()))
}

fn stream(client: &mut Client, format: &str, headers: &[(&str, &str)]) -> Result<(f64, u64)> {
    let started = Instant::now();
    let bytes = client.drain(&format!("{PATH}?format={format}"), headers)?;
    Ok((started.elapsed().as_secs_f64(), bytes))
}

fn streamed(
    reader: &Service,
    format: &str,
    rows: f64,
    seconds: f64,
    bytes: u64,
    ratios: Vec<f64>,
) -> Streamed {
    Streamed {
        format: format.to_owned(),
        rows_per_second: rows / seconds,
        megabytes_per_second: bytes as f64 / 1e6 / seconds,
        ratios,
        peak_mib: memory::peak(reader.pid()),
    }
}
