//! A database of release 1.0.0 with many rows is migrated while that release goes on inserting.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use diesel::{Connection, PgConnection, connection::SimpleConnection};
use test_kit::postgres::sql;

use super::{
    Options,
    fill::fill,
    last_release::{self, insert},
    room,
    schema::{dump, ensure_same},
    table::FILLING,
};
use crate::{
    commands::worker,
    lab::Lab,
    machine::{self, Fact},
    table::number,
};

/// A writer may not wait longer.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What was measured of the migration.
#[derive(Debug, Default)]
pub struct Upgraded {
    pub rows: u64,
    /// Until the schema was up to date.
    pub migrations_seconds: f64,
    /// The views and the index for readers.
    pub indexes_seconds: f64,
    pub finish_move_seconds: f64,
    pub during_migrate: Writing,
    pub during_finish_move: Writing,
}

/// What a writer did meanwhile.
#[derive(Debug, Default)]
pub struct Writing {
    pub inserts: u64,
    /// The longest insert.
    pub longest: Duration,
    /// Inserts that gave up after they had waited for a lock for [`LONGEST_PAUSE`]; each was repeated.
    pub blocked: u64,
}

/// Migrates a database of the last release with this many rows.
///
/// # Errors
/// An insert of the last release fails, a row is missing, or the schema is not that of a new database.
pub fn measure(options: &Options, rows: u64, facts: &mut Vec<Fact>) -> Result<Upgraded> {
    room::check(rows)?;
    let programs = &options.programs;
    let mut lab = Lab::with_settings(programs.clone(), options.quick, &FILLING)?;
    let (old, new) = (lab.empty_database()?, lab.empty_database()?);
    eprintln!("… filling a database of the last release with {} rows", number(rows as f64));
    last_release::make(&old)?;
    last_release::without_index(&old, || fill(&old, rows))?;
    lab.stop_postgres()?;
    lab.start_postgres(&[("max_wal_size", "8GB"), ("shared_buffers", "1GB")])?;
    *facts = machine::facts(&lab)?;
    worker(programs, &new, &["migrate"])?.end()?;
    let of_new = dump(&new)?;
    worker(programs, &new, &["finish-move", "--back"])?.end()?;

    eprintln!("… migrating it");
    let mut upgraded = Upgraded { rows, ..Upgraded::default() };
    let started = Instant::now();
    upgraded.during_migrate = while_writing(&old, || {
        let mut migrate = worker(programs, &old, &["migrate"])?;
        migrate.logged("The schema is up to date.")?;
        upgraded.migrations_seconds = started.elapsed().as_secs_f64();
        migrate.end()?;
        upgraded.indexes_seconds = started.elapsed().as_secs_f64() - upgraded.migrations_seconds;
        Ok(())
    })?;
    ensure_same("before the move is finished", &dump(&old)?, &dump(&new)?)?;

    eprintln!("… finishing the move");
    let started = Instant::now();
    upgraded.during_finish_move =
        while_writing(&old, || worker(programs, &old, &["finish-move"])?.end())?;
    upgraded.finish_move_seconds = started.elapsed().as_secs_f64();
    ensure_same("after the move", &dump(&old)?, &of_new)?;

    let inserts = upgraded.during_migrate.inserts + upgraded.during_finish_move.inserts;
    let stored: u64 = sql(&old, "select count(*) from forms")?.parse()?;
    ensure!(
        stored == rows + inserts * last_release::BATCH,
        "{stored} rows after {inserts} inserts"
    );
    Ok(upgraded)
}

/// Runs this while a worker of the last release inserts all the time.
fn while_writing(database: &str, run: impl FnOnce() -> Result<()>) -> Result<Writing> {
    let is_over = AtomicBool::new(false);
    let began = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(database, &began, &is_over));
        while !began.load(Ordering::Relaxed) && !writer.is_finished() {
            thread::sleep(Duration::from_millis(5));
        }
        let ran = run();
        is_over.store(true, Ordering::Relaxed);
        let written = writer.join().expect("the writer does not panic");
        ran?;
        written
    })
}

fn write(database: &str, began: &AtomicBool, is_over: &AtomicBool) -> Result<Writing> {
    let connection = &mut PgConnection::establish(database)?;
    let limit = LONGEST_PAUSE.as_millis();
    connection.batch_execute(&format!("set lock_timeout = {limit}"))?;
    let mut writing = Writing::default();
    while !is_over.load(Ordering::Relaxed) {
        let started = Instant::now();
        match insert(connection) {
            Ok(()) => writing.inserts += 1,
            Err(error) if error.to_string().contains("lock timeout") => writing.blocked += 1,
            Err(error) => return Err(error.context("an insert of the last release failed")),
        }
        writing.longest = writing.longest.max(started.elapsed());
        began.store(true, Ordering::Relaxed);
    }
    Ok(writing)
}
