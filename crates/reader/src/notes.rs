//! Notes about clients: which keys they used, how far they have read, and which requests were refused.
//!
//! Everything waits in memory for a second and is then written together. While the primary is away
//! it waits there until it is too much; then nothing is read any more, so that no page is read
//! without a trace.

mod pending;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use parking_lot::Mutex;
use relations::{Page, RelationName};
use store::{AuditEntry, AuditEvent, Store, Unavailable};
use tokio::{task::spawn_blocking, time::sleep};
use uuid::Uuid;

use self::pending::{PagesOf, Pending, Sum};
use crate::{metrics, refusal::Refusal};

const EVERY: Duration = Duration::from_secs(1);

/// So many different entries may wait.
const MOST: usize = 10_000;
/// A client may ask for a relation of any name, so it is cut.
const LONGEST_NAME: usize = 200;

/// What was not written yet. Clones share it.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Pending>>);

impl Notes {
    /// Refuses to read what could not be noted.
    ///
    /// # Errors
    /// Too much waits to be written.
    pub fn check_room(&self) -> Result<(), Refusal> {
        let pending = self.0.lock();
        let waiting = pending.pages.len() + pending.entries.len() + pending.positions.len();
        if waiting < MOST { Ok(()) } else { Err(Refusal::NotesFull) }
    }

    pub fn key_was_used(&self, key: &str) {
        self.0.lock().keys.insert(key.to_owned(), Utc::now());
    }

    pub fn page_was_read(
        &self,
        client: &str,
        relation: &RelationName,
        filter_columns: Vec<String>,
        page: &Page,
    ) {
        let (client, relation) = (client.to_owned(), relation.to_string());
        let mut pending = self.0.lock();
        let position = pending.positions.entry((client.clone(), relation.clone())).or_default();
        *position = page.last.max(*position);
        let minute = minute(Utc::now());
        let sum = pending.pages.entry(PagesOf { client, relation, filter_columns, minute });
        let last = page.first.map(|_| page.last);
        sum.or_default().add(Sum { requests: 1, rows: page.count, first: page.first, last });
    }

    /// How far a client has read with an export.
    pub fn has_read(&self, client: &str, relation: &RelationName, last: i64) {
        let mut pending = self.0.lock();
        let of = (client.to_owned(), relation.to_string());
        let position = pending.positions.entry(of).or_default();
        *position = last.max(*position);
    }

    /// `filters` are columns and operators.
    pub fn export_has_begun(
        &self,
        client: &str,
        relation: &RelationName,
        filters: Vec<(String, String)>,
        export_id: Uuid,
    ) {
        let mut filter_columns: Vec<String> =
            filters.into_iter().map(|(column, _)| column).collect();
        filter_columns.sort_unstable();
        filter_columns.dedup();
        let relation = relation.to_string();
        self.note(client, AuditEvent::Export { relation, filter_columns, export_id });
    }

    pub fn submission_was_read(&self, client: &str, relation: &RelationName, submission_id: Uuid) {
        let relation = relation.to_string();
        self.note(client, AuditEvent::Submission { relation, submission_id });
    }

    fn note(&self, client: &str, event: AuditEvent) {
        let client_id = Some(client.to_owned());
        self.0.lock().entries.push(AuditEntry { at: Utc::now(), client_id, event });
    }

    pub fn was_refused(&self, client: &str, reason: &str, relation: Option<&RelationName>) {
        let relation = relation.map(|name| name.to_string().chars().take(LONGEST_NAME).collect());
        self.note(client, AuditEvent::Refusal { reason: reason.to_owned(), relation });
    }

    pub fn nobody_was_recognised(&self, reason: &'static str) {
        *self.0.lock().unrecognised.entry((reason, minute(Utc::now()))).or_default() += 1;
    }

    /// Writes once a second. Never returns.
    pub async fn keep_writing(&self, primary: Store) {
        let mut failed = false;
        loop {
            sleep(EVERY).await;
            let written = self.write(primary.clone()).await;
            if let (Err(unavailable), false) = (&written, failed) {
                log::warn!(reason:% = unavailable; "Cannot note who has read what: it waits in memory.");
            }
            failed = written.is_err();
            // What has come meanwhile waits for less than a second.
            metrics::set_notes_waiting(if failed { self.waiting() } else { 0 });
        }
    }

    /// Writes all notes that wait; a note that cannot be written waits on.
    ///
    /// # Errors
    /// The primary does not take it.
    pub async fn write(&self, primary: Store) -> Result<(), Unavailable> {
        let taken = std::mem::take(&mut *self.0.lock());
        let notes = self.clone();
        let written = spawn_blocking(move || {
            let written = taken.write(&primary);
            if written.is_err() {
                notes.put_back(taken);
            }
            written
        });
        // The panic hook has logged a panic.
        written.await.unwrap_or(Ok(()))
    }

    fn waiting(&self) -> usize {
        let pending = self.0.lock();
        pending.pages.len() + pending.entries.len()
    }

    /// An entry that was written before a failure may be written twice: better than not at all.
    fn put_back(&self, taken: Pending) {
        let mut pending = self.0.lock();
        for (key, at) in taken.keys {
            pending.keys.entry(key).or_insert(at);
        }
        for (of, last) in taken.positions {
            let position = pending.positions.entry(of).or_default();
            *position = last.max(*position);
        }
        for (of, sum) in taken.pages {
            pending.pages.entry(of).or_default().add(sum);
        }
        for (of, requests) in taken.unrecognised {
            *pending.unrecognised.entry(of).or_default() += requests;
        }
        pending.entries.extend(taken.entries);
    }
}

fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_more_is_read_once_too_much_waits_whoever_else_was_refused() {
        let notes = Notes::default();
        let name = RelationName::new("org.ds", &"x".repeat(10_000));
        for _ in 0..2 * MOST {
            notes.nobody_was_recognised("unknown_client");
        }
        for _ in 0..MOST {
            assert!(notes.check_room().is_ok());
            notes.was_refused("client", "not-allowed", Some(&name));
        }
        assert!(matches!(notes.check_room(), Err(Refusal::NotesFull)));
        let taken = std::mem::take(&mut *notes.0.lock());
        assert!(notes.check_room().is_ok());
        notes.put_back(taken);
        assert!(matches!(notes.check_room(), Err(Refusal::NotesFull)));
        let pending = notes.0.lock();
        assert_eq!(pending.entries.len(), MOST);
        // In two minutes if the clock was unlucky.
        assert_eq!(pending.unrecognised.values().sum::<u64>(), 2 * MOST as u64);
        let longest = pending.entries.iter().map(|entry| format!("{entry:?}").len()).max();
        assert!(longest < Some(1000), "{longest:?}");
    }
}
