//! The measurements on one large table, one after the other.

use std::{path::Path, time::Instant};

use anyhow::Result;
use test_kit::postgres::sql;

use super::{
    Options,
    fill::fill,
    memory_limit::{MemoryLimit, forget_cached},
    rates::{self, Rates, Run},
    room, wal,
};
use crate::{
    commands::worker,
    lab::{Lab, Revision},
    machine::{self, Fact},
    page,
    table::number,
};

/// No WAL for a table that was made in the same transaction.
pub const FILLING: [(&str, &str); 4] = [
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("shared_buffers", "1GB"),
    ("max_wal_size", "2GB"),
];
/// The defaults of PostgreSQL and of its images.
const CONTAINER: [(&str, &str); 3] =
    [("shared_buffers", "128MB"), ("max_wal_size", "1GB"), ("checkpoint_timeout", "5min")];
const BUILDING: [(&str, &str); 2] = [("max_wal_size", "1GB"), ("maintenance_work_mem", "1GB")];
/// The least with which a server with these buffers works.
const LEAST_MEMORY: u64 = 384 << 20;
/// Pairs with the defaults of a container.
const COMPARED_PAIRS: usize = 3;

/// What was measured of a large table.
#[derive(Default)]
pub struct Measured {
    pub rows: u64,
    pub fill_seconds: f64,
    pub table_bytes: u64,
    pub index_bytes: u64,
    /// 0 without a limit.
    pub memory: u64,
    pub shared_buffers: String,
    pub tuned: Rates,
    pub container: Rates,
    pub disk_bytes_per_lookup: f64,
    pub pages: Pages,
    /// `None` if the disk has no room for the index.
    pub full_index: Option<FullIndex>,
}

/// Milliseconds for a page of the published relation.
#[derive(Default)]
pub struct Pages {
    pub first: f64,
    pub middle: f64,
    pub last: f64,
}

/// With the unique index on the message ids of all rows.
pub struct FullIndex {
    pub bytes: u64,
    pub build_seconds: f64,
    /// With limited memory and the settings of the page.
    pub drained: Vec<Run>,
    pub inserted_rows: u64,
    pub wal: Wal,
    /// With the index that a new database has.
    pub wal_of_new: Wal,
}

/// Bytes of WAL per row.
pub struct Wal {
    pub tuned: f64,
    pub container: f64,
}

/// PostgreSQL with a limit of its memory, which must end after it.
struct Server {
    lab: Lab,
    limit: Option<MemoryLimit>,
}

/// Measures all. Without the index of all rows the rest still counts, so `failed` gets what stops that part.
pub fn measure(
    options: &Options,
    facts: &mut Vec<Fact>,
    failed: &mut Vec<anyhow::Error>,
) -> Result<Measured> {
    room::check(options.rows)?;
    if options.memory != Some(0) {
        // Fails now rather than when the table is full.
        drop(MemoryLimit::create(LEAST_MEMORY)?);
    }
    let lab = Lab::with_settings(options.programs.clone(), options.quick, &FILLING)?;
    let mut server = Server { lab, limit: None };
    let large = server.lab.empty_database()?;
    let mut measured = fill_and_look(options, &large)?;
    let memory = measured.memory;
    measured.shared_buffers = match memory {
        0 => "2GB".to_owned(),
        memory => format!("{}MB", memory / (4 << 20)),
    };

    let revision = Revision::current(&options.programs);
    eprintln!("… {} pairs of drains, settings of the page", options.pairs);
    server.restart(&tuned(&measured.shared_buffers), memory)?;
    *facts = machine::facts(&server.lab)?;
    measured.tuned = rates::in_pairs(&server.lab, &revision, &large, options.pairs)?;
    measured.disk_bytes_per_lookup =
        rates::disk_bytes_per_lookup(&server.lab, &large, options.rows)?;
    measured.pages = Pages {
        first: page::milliseconds(&large, 0)?,
        middle: page::milliseconds(&large, options.rows / 2)?,
        last: page::milliseconds(&large, options.rows - page::ROWS as u64)?,
    };
    eprintln!("… {COMPARED_PAIRS} pairs of drains, defaults of a container");
    server.restart(&CONTAINER, memory)?;
    measured.container = rates::in_pairs(&server.lab, &revision, &large, COMPARED_PAIRS)?;

    if room::is_enough_for_index(options.rows)? {
        measured.full_index = with_full_index(&mut server, &revision, &large, &measured)
            .map_err(|error| failed.push(error))
            .ok();
    } else {
        eprintln!("… no room for the index of all message ids: its figures are left out");
    }
    Ok(measured)
}

fn fill_and_look(options: &Options, large: &str) -> Result<Measured> {
    worker(&options.programs, large, &["migrate"])?.end()?;
    eprintln!("… filling a table with {} rows", number(options.rows as f64));
    let started = Instant::now();
    fill(large, options.rows)?;
    // Otherwise the first worker would look through all rows for form types beside its work.
    worker(&options.programs, large, &["migrate"])?.end()?;
    let fill_seconds = started.elapsed().as_secs_f64();
    let bytes = |what: &str| -> Result<u64> { Ok(sql(large, &format!("select {what}"))?.parse()?) };
    let table_bytes = bytes("pg_table_size('forms')")?;
    let index_bytes = bytes("pg_indexes_size('forms')")?;
    let memory = match options.memory {
        Some(mebibytes) => mebibytes << 20,
        None => (index_bytes / 3).max(LEAST_MEMORY),
    };
    let [table, indexes] = [table_bytes, index_bytes].map(room::size);
    eprintln!("… {} s; {table}, and {indexes} of indexes", number(fill_seconds));
    let rows = options.rows;
    Ok(Measured { rows, fill_seconds, table_bytes, index_bytes, memory, ..Measured::default() })
}

/// Ends with the index of all rows.
fn with_full_index(
    server: &mut Server,
    revision: &Revision,
    large: &str,
    measured: &Measured,
) -> Result<FullIndex> {
    let inserted_rows = measured.rows / 15;
    eprintln!("… WAL of {} rows, index of a new database", number(inserted_rows as f64));
    let wal_of_new = wal(server, large, inserted_rows)?;
    eprintln!("… building the index of all message ids");
    server.restart(&BUILDING, 0)?;
    let started = Instant::now();
    worker(&revision.programs, large, &["finish-move", "--back"])?.end()?;
    let build_seconds = started.elapsed().as_secs_f64();
    let bytes = sql(large, "select pg_relation_size('forms_sqs_message_id_key')")?.parse()?;
    eprintln!("… WAL of {} rows, index of all message ids", number(inserted_rows as f64));
    let wal = wal(server, large, inserted_rows)?;
    eprintln!("… drains with the index of all message ids");
    server.restart(&tuned(&measured.shared_buffers), measured.memory)?;
    let drain = |_| rates::one(&server.lab, revision, large);
    let drained = (0..COMPARED_PAIRS).map(drain).collect::<Result<Vec<Run>>>()?;
    Ok(FullIndex { bytes, build_seconds, drained, inserted_rows, wal, wal_of_new })
}

/// Without a limit of memory, which does not change the WAL.
fn wal(server: &mut Server, large: &str, rows: u64) -> Result<Wal> {
    server.restart(&tuned("2GB"), 0)?;
    let tuned = wal::per_row(&server.lab, large, rows)?;
    server.restart(&CONTAINER, 0)?;
    Ok(Wal { tuned, container: wal::per_row(&server.lab, large, rows / 2)? })
}

/// The settings of docs/how-to/tune-postgresql.md.
fn tuned(shared_buffers: &str) -> [(&str, &str); 3] {
    [("shared_buffers", shared_buffers), ("max_wal_size", "8GB"), ("checkpoint_timeout", "15min")]
}

impl Server {
    /// Starts PostgreSQL again with these settings, with nothing in any cache, and with this much memory; 0 is no limit.
    fn restart(&mut self, settings: &[(&str, &str)], memory: u64) -> Result<()> {
        let data = self.lab.ask_postgres("show data_directory")?;
        self.lab.stop_postgres()?;
        self.limit = None;
        forget_cached(Path::new(&data))?;
        self.lab.start_postgres(settings)?;
        if memory > 0 {
            let limit = self.limit.insert(MemoryLimit::create(memory)?);
            limit.hold(self.lab.postgres_pid()?)?;
        }
        Ok(())
    }
}
