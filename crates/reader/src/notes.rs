//! What is noted about clients: which keys they used, how far they have read, what was refused.
//!
//! Everything waits in memory for a second and is then written together. While the primary is away
//! it waits there until it is too much; then nothing is read any more, so that no page is read
//! without a trace.

use std::{collections::HashMap, slice, sync::Arc, time::Duration};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use parking_lot::Mutex;
use relations::{Page, RelationName};
use store::{AuditEntry, AuditEvent, Position, Store, Unavailable, UnavailableKind};
use tokio::{task::spawn_blocking, time::sleep};
use uuid::Uuid;

use crate::{metrics, refusal::Refusal};

const EVERY: Duration = Duration::from_secs(1);

/// So many different entries may wait.
const MOST: usize = 10_000;
/// Anybody can cause refusals without a client, so only so many of them are noted in a second.
const MOST_UNKNOWN: usize = 1000;

/// What was not written yet. Clones share it.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Pending>>);

#[derive(Default)]
struct Pending {
    keys: HashMap<String, DateTime<Utc>>,
    positions: HashMap<(String, String), i64>,
    pages: HashMap<PagesOf, Sum>,
    /// What is not added up.
    entries: Vec<AuditEntry>,
    unknown: usize,
}

/// Pages that are added up.
#[derive(Clone, PartialEq, Eq, Hash)]
struct PagesOf {
    client: String,
    relation: String,
    filter_columns: Vec<String>,
    minute: DateTime<Utc>,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    requests: u64,
    rows: u64,
    first: Option<i64>,
    last: Option<i64>,
}

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

    /// `client` is `None` if nobody was recognised.
    pub fn was_refused(&self, client: Option<&str>, reason: &str, relation: Option<&RelationName>) {
        let mut pending = self.0.lock();
        if client.is_none() {
            pending.unknown += 1;
            if pending.unknown > MOST_UNKNOWN {
                return;
            }
        }
        let relation = relation.map(ToString::to_string);
        let event = AuditEvent::Refusal { reason: reason.to_owned(), relation };
        let client_id = client.map(str::to_owned);
        pending.entries.push(AuditEntry { at: Utc::now(), client_id, event });
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
            metrics::set_notes_waiting(self.waiting());
        }
    }

    /// Writes what waits; what cannot be written waits on.
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
        pending.entries.extend(taken.entries);
        pending.entries.truncate(MOST);
    }
}

impl Pending {
    fn write(&self, primary: &Store) -> Result<(), Unavailable> {
        let keys: Vec<_> = self.keys.iter().map(|(key, at)| (key.clone(), *at)).collect();
        if !keys.is_empty() {
            primary.note_key_use(&keys)?;
        }
        let positions = self.positions.iter().map(|((client, relation), last)| Position {
            client_id: client.clone(),
            relation: relation.clone(),
            last_id: *last,
        });
        let positions: Vec<Position> = positions.collect();
        if !positions.is_empty() {
            primary.note_positions(&positions)?;
        }
        let pages = self.pages.iter().map(|(of, sum)| AuditEntry {
            at: of.minute,
            client_id: Some(of.client.clone()),
            event: AuditEvent::Pages {
                relation: of.relation.clone(),
                filter_columns: of.filter_columns.clone(),
                requests: sum.requests,
                rows: sum.rows,
                first_id: sum.first,
                last_id: sum.last,
            },
        });
        let entries: Vec<AuditEntry> = pages.chain(self.entries.iter().cloned()).collect();
        match primary.note_audit(&entries) {
            Err(refused) if refused.kind == UnavailableKind::StatementFailed => {
                note_singly(primary, &entries, refused)
            }
            written => written,
        }
    }
}

/// One entry that PostgreSQL refuses must not stop the others. If it refuses all of them, a right is missing
/// perhaps, and they wait.
fn note_singly(
    primary: &Store,
    entries: &[AuditEntry],
    refused: Unavailable,
) -> Result<(), Unavailable> {
    let mut dropped = 0;
    for entry in entries {
        match primary.note_audit(slice::from_ref(entry)) {
            Ok(()) => {}
            Err(error) if error.kind == UnavailableKind::StatementFailed => dropped += 1,
            Err(away) => return Err(away),
        }
    }
    if dropped == entries.len() {
        return Err(refused);
    }
    if dropped > 0 {
        log::error!(count = dropped, reason:% = refused; "Cannot note who has read what: PostgreSQL refuses entries.");
    }
    Ok(())
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.rows += other.rows;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
    }
}

fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}
