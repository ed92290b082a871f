//! WAL per row with the index on message ids that a new database has, and with the one of all rows that a database of the
//! release before has until `worker finish-move`.

use std::thread;

use anyhow::{Result, ensure};
use domain::Record;
use store::RowOutcome;
use test_kit::postgres::sql;
use uuid::Uuid;

use super::rates::Counters;
use crate::{
    lab::Lab,
    requests::{FORM_TYPE, small_form},
};

const CONNECTIONS: u64 = 4;
const BATCH: u64 = 500;

/// Bytes of WAL per row while four connections insert this many rows as the worker does, after a checkpoint.
pub fn per_row(lab: &Lab, database: &str, rows: u64) -> Result<f64> {
    let batches = (rows / CONNECTIONS / BATCH).max(1);
    sql(database, "checkpoint")?;
    let before = Counters::read(lab)?;
    thread::scope(|scope| {
        let inserting: Vec<_> =
            (0..CONNECTIONS).map(|_| scope.spawn(|| insert(lab, database, batches))).collect();
        inserting.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })?;
    Ok(before.cost_of(batches * BATCH * CONNECTIONS, lab)?.wal_bytes)
}

fn insert(lab: &Lab, database: &str, batches: u64) -> Result<()> {
    let store = lab.store(database)?;
    for _ in 0..batches {
        let records: Vec<Record> = (0..BATCH as usize).map(record).collect();
        let insertion = store.insert_once(&records);
        let all_stored = insertion.outcomes.iter().all(|outcome| *outcome == RowOutcome::Stored);
        ensure!(all_stored, "a row was not stored");
    }
    Ok(())
}

fn record(number: usize) -> Record {
    // SQS gives each message a random id. Of a UUIDv7, only the last 4 bytes are random.
    let (random, again) = (Uuid::now_v7().as_u64_pair().1, Uuid::now_v7().as_u64_pair().1);
    Record {
        form_type: FORM_TYPE.to_owned(),
        submission_id: Some(Uuid::now_v7()),
        sqs_message_id: Uuid::from_u64_pair(random.rotate_left(32), again).to_string(),
        received_at: Some(chrono::Utc::now()),
        data: small_form(number),
        schema_digest: None,
        traceparent: None,
    }
}
