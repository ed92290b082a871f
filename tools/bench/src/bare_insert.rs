//! The worker's own insert in a loop over one connection, with prepared records and no queue.

use std::time::Instant;

use anyhow::{Result, ensure};
use domain::Record;
use store::RowOutcome;
use uuid::Uuid;

use crate::{
    lab::Lab,
    requests::{FORM_TYPE, form},
};

/// Rows per second of the loop.
#[derive(Default)]
pub struct BareInsert {
    /// With the average batch of the worker with one connection.
    pub same_batch: f64,
    pub batches_of_500: f64,
}

pub fn rows_per_second(lab: &Lab, batch: usize, count: u64) -> Result<f64> {
    let database = lab.database()?;
    let store = lab.store(&database)?;
    let records: Vec<Record> = (0..count as usize).map(record).collect();
    let (warm_up, measured) = records.split_at(batch.min(records.len()));
    store.insert_once(warm_up);
    let started = Instant::now();
    for rows in measured.chunks(batch) {
        let insertion = store.insert_once(rows);
        let all_stored = insertion.outcomes.iter().all(|outcome| *outcome == RowOutcome::Stored);
        ensure!(all_stored, "a row was not stored");
    }
    let per_second = measured.len() as f64 / started.elapsed().as_secs_f64();
    drop(store);
    lab.drop_database(&database)?;
    Ok(per_second)
}

fn record(number: usize) -> Record {
    Record {
        form_type: FORM_TYPE.to_owned(),
        submission_id: Some(Uuid::now_v7()),
        sqs_message_id: Uuid::now_v7().to_string(),
        received_at: Some(chrono::Utc::now()),
        data: form(number),
        schema_digest: None,
        traceparent: None,
    }
}
