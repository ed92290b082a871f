//! Stores each record exactly once, no matter what other records or workers do.
//!
//! One statement inserts the whole batch. A second one settles the records that the first did not
//! insert, or all of them if it failed, with the function `store_submission`, which distinguishes rows
//! that are already there from data that PostgreSQL refuses. Only if that fails too are they stored
//! one by one.

use std::{
    collections::HashSet,
    thread,
    time::{Duration, Instant},
};

use domain::Record;

use crate::{
    outcome::{Insertion, RowOutcome, SqlState},
    probe,
    session::Session,
    statements,
    store::Store,
    unavailable::{Unavailable, UnavailableKind},
};

/// The time limit of one row, so that a row which waits for another transaction leaves time for the
/// others.
const ROW_LIMIT: Duration = Duration::from_secs(2);

/// PostgreSQL asks clients to retry after a deadlock or a serialisation failure; the retry usually
/// succeeds.
const ATTEMPTS_PER_ROW: u32 = 3;

impl Store {
    /// Stores each record that is not stored yet, and returns the outcome of each.
    ///
    /// One bad row does not stop the others, and two calls with the same rows do each other no
    /// harm.
    ///
    /// Returns within `insert_limit`, including the wait for a connection, if the server keeps to
    /// `statement_timeout`. A server that is frozen while its network is up does not: callers that
    /// must go on need a time limit of their own.
    pub fn insert_once(&self, records: &[Record]) -> Insertion {
        let mut outcomes: Vec<RowOutcome> = records.iter().map(refuse_nul).collect();
        let unavailable = insert_undecided(self, records, &mut outcomes).err();
        if let Some(unavailable) = &unavailable {
            let undecided =
                outcomes.iter().filter(|outcome| **outcome == RowOutcome::Undecided).count();
            log::warn!(
                rows = records.len(), undecided, reason:% = unavailable;
                "The database is unavailable."
            );
        }
        Insertion { outcomes, unavailable }
    }
}

/// PostgreSQL's text cannot contain a NUL. One NUL would fail the whole batch before any function
/// could catch the error.
fn refuse_nul(record: &Record) -> RowOutcome {
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
    // Every worker takes the locks of the unique indexes in the same order, so two workers with the
    // same rows wait for each other instead of deadlocking.
    rows.sort_by_key(|(record, _)| (record.submission_id, &record.sqs_message_id));

    let mut session = store.session()?;
    if insert_batch(&mut session, &mut rows)? == Batch::MayBeSettled {
        rows.retain(|(_, outcome)| **outcome == RowOutcome::Undecided);
        // A single row needs no statement for several.
        if rows.len() > 1 {
            settle_batch(&mut session, &mut rows)?;
        }
    }

    session.limit_statements(ROW_LIMIT);
    let mut a_row_took_the_time = false;
    for (record, outcome) in rows {
        if *outcome == RowOutcome::Undecided {
            match store_one(&mut session, record) {
                Ok(settled) => *outcome = settled,
                // The database is well: one row has waited so long that no time is left.
                Err(Unavailable { kind: UnavailableKind::DeadlinePassed, .. })
                    if a_row_took_the_time =>
                {
                    return Ok(());
                }
                Err(unavailable) => return Err(unavailable),
            }
            a_row_took_the_time |= *outcome == RowOutcome::Undecided;
        }
    }
    Ok(())
}

/// Whether it makes sense to settle the remaining rows with one statement.
#[derive(PartialEq)]
enum Batch {
    /// The insert ended soon.
    MayBeSettled,
    /// It waited for something, or broke the connection: another statement with the same rows would
    /// only use up the time of the good ones.
    Stuck,
}

/// Inserts all rows with one statement and marks the rows that it stored. Its failure is an error
/// only if trying again would be pointless.
fn insert_batch(
    session: &mut Session<'_>,
    rows: &mut [(&Record, &mut RowOutcome)],
) -> Result<Batch, Unavailable> {
    // The answer contains SQS message ids. If two rows have the same one, the second is stored
    // later.
    let mut seen = HashSet::new();
    let first_of_its_id: Vec<bool> =
        rows.iter().map(|(record, _)| seen.insert(&record.sqs_message_id)).collect();
    let batch: Vec<&Record> = rows
        .iter()
        .zip(&first_of_its_id)
        .filter(|(_, first)| **first)
        .map(|((record, _), _)| *record)
        .collect();

    let (started, allowed) = (Instant::now(), session.time_for_statement().min(ROW_LIMIT));
    let inserted: HashSet<String> =
        match session.run(|connection| statements::insert(&batch, connection)) {
            Ok(ids) => ids.into_iter().collect(),
            Err(unavailable) => {
                let kind = failed_because_of_a_row(unavailable)?;
                log::debug!(rows = rows.len(), reason = kind.code(); "A batch failed.");
                let is_quick = started.elapsed() < allowed;
                return Ok(match kind {
                    UnavailableKind::StatementFailed if is_quick => Batch::MayBeSettled,
                    _ => Batch::Stuck,
                });
            }
        };
    for ((record, outcome), first) in rows.iter_mut().zip(first_of_its_id) {
        if first && inserted.contains(&record.sqs_message_id) {
            **outcome = RowOutcome::Stored;
        }
    }
    Ok(Batch::MayBeSettled)
}

/// Calls `store_submission` for all rows with one statement. If it fails because of a row, all of them
/// stay undecided.
fn settle_batch(
    session: &mut Session<'_>,
    rows: &mut [(&Record, &mut RowOutcome)],
) -> Result<(), Unavailable> {
    let batch: Vec<&Record> = rows.iter().map(|(record, _)| *record).collect();
    match session.run(|connection| statements::store_all(&batch, connection)) {
        Ok(words) => {
            for ((_, outcome), word) in rows.iter_mut().zip(words) {
                **outcome = outcome_from(&word).unwrap_or(RowOutcome::Undecided);
            }
        }
        Err(unavailable) => {
            let kind = failed_because_of_a_row(unavailable)?;
            log::debug!(
                rows = rows.len(), reason = kind.code();
                "A batch failed again and is stored row by row."
            );
        }
    }
    Ok(())
}

/// The kind of a failure that one of the rows may have caused; any other failure is the error.
fn failed_because_of_a_row(unavailable: Unavailable) -> Result<UnavailableKind, Unavailable> {
    match unavailable.kind {
        // If the connection was lost twice, one of the rows may be the cause.
        kind @ (UnavailableKind::StatementFailed | UnavailableKind::ConnectionLost) => Ok(kind),
        UnavailableKind::PoolTimeout
        | UnavailableKind::ConnectionFailed
        | UnavailableKind::ReadOnly
        | UnavailableKind::DeadlinePassed
        | UnavailableKind::Conflict => Err(unavailable),
    }
}

/// Returns `Undecided` if this row keeps failing but another row could be stored.
fn store_one(session: &mut Session<'_>, record: &Record) -> Result<RowOutcome, Unavailable> {
    let mut attempt = 1;
    let failure = loop {
        let allowed = session.time_for_statement();
        let started = Instant::now();
        let failure = match session.run(|connection| statements::store_one(record, connection)) {
            Ok(word) => match outcome_from(&word) {
                Some(outcome) => return Ok(outcome),
                None => {
                    break Unavailable::because(
                        UnavailableKind::StatementFailed,
                        "store_submission returned an unknown word",
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
            | UnavailableKind::DeadlinePassed
            | UnavailableKind::Conflict => {
                return Err(failure);
            }
        }
    };
    // Is it the row or the database? If the database can store another row, it is this row.
    session.run(probe::insert_and_undo)?;
    // PostgreSQL's message is not logged here: a trigger or constraint that the operator added may
    // quote the row.
    log::warn!(
        message_id = record.sqs_message_id,
        form_type = record.form_type,
        reason = failure.kind.code();
        "A row cannot be stored now, others can."
    );
    Ok(RowOutcome::Undecided)
}

fn outcome_from(word: &str) -> Option<RowOutcome> {
    match word {
        "stored" => Some(RowOutcome::Stored),
        "already_stored" => Some(RowOutcome::AlreadyStored),
        "id_taken" => Some(RowOutcome::IdTaken),
        code => SqlState::parse(code).map(RowOutcome::Refused),
    }
}
