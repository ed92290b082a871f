//! Each record becomes a row once, whatever the others do.
//!
//! All rows go in with one statement. What that statement did not make a row, or every row where it failed, is stored
//! one by one by the function `store_form`, which tells a row that is there already from one that PostgreSQL refuses.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use domain::Record;

use crate::session::Session;
use crate::{Insertion, RowOutcome, SqlState, Store, Unavailable, UnavailableKind, statements};

/// A row that waits longer than this for another transaction must not use up the time of the others.
const ROW_TIME: Duration = Duration::from_secs(2);

/// A deadlock or a serialisation failure is gone when it is tried again; PostgreSQL asks for just that.
const ATTEMPTS_PER_ROW: u32 = 3;

impl Store {
    /// Stores each record that is not stored yet, and says of each what became of it.
    ///
    /// One bad row does not stop the others, and two calls with the same rows do not hurt each other.
    ///
    /// Ends within `insert_limit`, the wait for a connection included, as long as the server keeps to
    /// `statement_timeout`. One that is frozen with its network up keeps to nothing: a caller that must go on puts a
    /// time limit of its own around the call.
    pub fn insert_once(&self, records: &[Record]) -> Insertion {
        let mut outcomes: Vec<RowOutcome> = records.iter().map(unsendable).collect();
        let unavailable = insert_undecided(self, records, &mut outcomes).err();
        if let Some(unavailable) = &unavailable {
            let undecided =
                outcomes.iter().filter(|outcome| **outcome == RowOutcome::Undecided).count();
            log::warn!(
                "The database is away. rows={} undecided={undecided} reason={unavailable}",
                records.len()
            );
        }
        Insertion { outcomes, unavailable }
    }
}

/// PostgreSQL has no NUL in text and fails a whole batch for one before any function can catch it.
fn unsendable(record: &Record) -> RowOutcome {
    let texts = [&record.form_type, &record.sqs_message_id, &record.data];
    if texts.iter().any(|text| text.contains('\0')) {
        RowOutcome::Refused(SqlState::nul_in_text())
    } else {
        RowOutcome::Undecided
    }
}

fn insert_undecided(
    store: &Store,
    records: &[Record],
    outcomes: &mut [RowOutcome],
) -> Result<(), Unavailable> {
    let mut rows: Vec<(&Record, &mut RowOutcome)> = records
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| **outcome == RowOutcome::Undecided)
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    // Everyone takes the locks of the unique indexes in the same order: two workers with the same rows wait for each
    // other instead of deadlocking.
    rows.sort_by_key(|(record, _)| (record.submission_id, &record.sqs_message_id));

    let mut session = Session::begin(store)?;
    insert_batch(&mut session, &mut rows)?;

    session.limit_statements(ROW_TIME);
    for (record, outcome) in rows {
        if *outcome == RowOutcome::Undecided {
            *outcome = store_one(&mut session, record)?;
        }
    }
    Ok(())
}

/// Marks what the one statement made a row. That it failed is only an error where it leaves nothing to try.
fn insert_batch(
    session: &mut Session<'_>,
    rows: &mut [(&Record, &mut RowOutcome)],
) -> Result<(), Unavailable> {
    // The answer names rows by SQS message id; a second row with the same one is left to be stored by itself.
    let mut seen = HashSet::new();
    let first_of_its_id: Vec<bool> =
        rows.iter().map(|(record, _)| seen.insert(&record.sqs_message_id)).collect();
    let batch: Vec<&Record> = rows
        .iter()
        .zip(&first_of_its_id)
        .filter(|(_, first)| **first)
        .map(|((record, _), _)| *record)
        .collect();

    let made: HashSet<String> =
        match session.run(|connection| statements::insert(&batch, connection)) {
            Ok(ids) => ids.into_iter().collect(),
            Err(unavailable) => match unavailable.kind {
                // A connection that was lost twice may be the doing of one of these rows.
                UnavailableKind::StatementFailed | UnavailableKind::ConnectionLost => {
                    log::debug!(
                        "A batch failed and is stored row by row. rows={} reason={}",
                        rows.len(),
                        unavailable.kind.code()
                    );
                    return Ok(());
                }
                UnavailableKind::PoolTimeout
                | UnavailableKind::ConnectionFailed
                | UnavailableKind::ReadOnly
                | UnavailableKind::DeadlinePassed => {
                    return Err(unavailable);
                }
            },
        };
    for ((record, outcome), first) in rows.iter_mut().zip(first_of_its_id) {
        if first && made.contains(&record.sqs_message_id) {
            **outcome = RowOutcome::Stored;
        }
    }
    Ok(())
}

/// `Undecided` where this row keeps failing and another would be stored.
fn store_one(session: &mut Session<'_>, record: &Record) -> Result<RowOutcome, Unavailable> {
    let mut attempt = 1;
    let failure = loop {
        let allowed = session.time_for_statement();
        let started = Instant::now();
        let failure = match session.run(|connection| statements::store_one(record, connection)) {
            Ok(word) => match read(&word) {
                Some(outcome) => return Ok(outcome),
                None => {
                    break Unavailable::because(
                        UnavailableKind::StatementFailed,
                        "store_form answers with an unknown word",
                    );
                }
            },
            Err(unavailable) => unavailable,
        };
        match failure.kind {
            UnavailableKind::StatementFailed
                if attempt < ATTEMPTS_PER_ROW && started.elapsed() < allowed =>
            {
                thread::sleep(Duration::from_millis(20) * attempt);
                attempt += 1;
            }
            UnavailableKind::StatementFailed | UnavailableKind::ConnectionLost => break failure,
            UnavailableKind::PoolTimeout
            | UnavailableKind::ConnectionFailed
            | UnavailableKind::ReadOnly
            | UnavailableKind::DeadlinePassed => {
                return Err(failure);
            }
        }
    };
    // Is it the row or the database? One that stores another row is well.
    session.run(statements::store_nothing)?;
    // PostgreSQL's words are not shown here: a rule of the operator's own may quote the row.
    log::warn!(
        "A row cannot be stored now, others can. message_id={} form_type={} reason={}",
        record.sqs_message_id,
        record.form_type,
        failure.kind.code(),
    );
    Ok(RowOutcome::Undecided)
}

fn read(word: &str) -> Option<RowOutcome> {
    match word {
        "stored" => Some(RowOutcome::Stored),
        "already_stored" => Some(RowOutcome::AlreadyStored),
        "id_taken" => Some(RowOutcome::IdTaken),
        code => SqlState::parse(code).map(RowOutcome::Refused),
    }
}
