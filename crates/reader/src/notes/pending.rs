//! Notes that were not written yet, and how they are written.

use std::{collections::HashMap, slice};

use chrono::{DateTime, Utc};
use store::{AuditEntry, AuditEvent, Position, Store, Unavailable, UnavailableKind};

#[derive(Default)]
pub struct Pending {
    pub keys: HashMap<String, DateTime<Utc>>,
    pub positions: HashMap<(String, String), i64>,
    pub pages: HashMap<PagesOf, Sum>,
    /// Refusals of requests from nobody knows whom, by reason and minute. Anybody can cause these, so
    /// they must not fill the memory.
    pub unrecognised: HashMap<(&'static str, DateTime<Utc>), u64>,
    /// What is not added up.
    pub entries: Vec<AuditEntry>,
}

/// Pages that are added up.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PagesOf {
    pub client: String,
    pub relation: String,
    pub filter_columns: Vec<String>,
    pub minute: DateTime<Utc>,
}

#[derive(Clone, Copy, Default)]
pub struct Sum {
    pub requests: u64,
    pub rows: u64,
    pub first: Option<i64>,
    pub last: Option<i64>,
}

impl Pending {
    pub fn write(&self, primary: &Store) -> Result<(), Unavailable> {
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
        let unrecognised =
            self.unrecognised.iter().map(|((reason, minute), requests)| AuditEntry {
                at: *minute,
                client_id: None,
                event: AuditEvent::Unrecognised {
                    reason: (*reason).to_owned(),
                    requests: *requests,
                },
            });
        let entries = pages.chain(unrecognised).chain(self.entries.iter().cloned());
        let entries: Vec<AuditEntry> = entries.collect();
        match primary.note_audit(&entries) {
            Err(refused) if refused.kind == UnavailableKind::StatementFailed => {
                note_singly(primary, &entries, refused)
            }
            written => written,
        }
    }
}

/// One entry that PostgreSQL refuses must not stop the others. If it refuses all of them, a right is
/// missing perhaps, and they wait.
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
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.rows += other.rows;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
    }
}
