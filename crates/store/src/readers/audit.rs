//! Notes who has read what, and never a value.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::{prelude::*, sql_query, sql_types::Text};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{store::Store, unavailable::Unavailable};

/// A client may have asked for a relation of any name, so it is cut.
const MAX_NAME: usize = 200;

/// What happened, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When; for pages, any time of the minute in which they are added up.
    pub at: DateTime<Utc>,
    /// The client. Refusals without one are added up per reason and minute.
    pub client_id: Option<String>,
    /// What it did.
    pub event: AuditEvent,
}

/// What a client did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditEvent {
    /// It read pages of a relation.
    Pages {
        /// `schema/table`.
        relation: String,
        /// The columns of its filters, sorted.
        filter_columns: Vec<String>,
        /// How many pages.
        requests: u64,
        /// How many rows they had together.
        rows: u64,
        /// The first id in them.
        first_id: Option<i64>,
        /// The last id in them.
        last_id: Option<i64>,
    },
    /// It began an export.
    Export {
        /// `schema/table`.
        relation: String,
        /// The columns of its filters, sorted.
        filter_columns: Vec<String>,
        /// The record of the export.
        export_id: Uuid,
    },
    /// It read a single submission.
    Submission {
        /// `schema/table`.
        relation: String,
        /// The submission.
        submission_id: Uuid,
    },
    /// It was refused.
    Refusal {
        /// Why: a code.
        reason: String,
        /// `schema/table`, if it asked for one.
        relation: Option<String>,
    },
    /// Nobody was recognised, so often in a minute.
    Unrecognised {
        /// Why: a code.
        reason: String,
        /// How many requests.
        requests: u64,
    },
}

impl Store {
    /// Notes these entries, all or none. If the connection breaks in the middle, they can be noted
    /// twice.
    ///
    /// # Errors
    /// The database is unavailable, or this role may not call the function.
    pub fn note_audit(&self, entries: &[AuditEntry]) -> Result<(), Unavailable> {
        if entries.is_empty() {
            return Ok(());
        }
        let entries = Value::from(entries.iter().map(AuditEntry::to_json).collect::<Vec<_>>());
        let entries = entries.to_string();
        self.session()?.run(|connection| {
            sql_query("SELECT note_audit($1::jsonb)").bind::<Text, _>(&entries).execute(connection)
        })?;
        Ok(())
    }
}

impl AuditEntry {
    fn to_json(&self) -> Value {
        let mut entry = match &self.event {
            AuditEvent::Pages { relation, filter_columns, requests, rows, first_id, last_id } => {
                json!({
                    "kind": "pages", "relation": name(relation), "filter_columns": names(filter_columns),
                    "requests": requests, "rows": rows, "first_id": first_id, "last_id": last_id,
                })
            }
            AuditEvent::Export { relation, filter_columns, export_id } => json!({
                "kind": "export", "relation": name(relation), "filter_columns": names(filter_columns),
                "export_id": export_id.to_string(),
            }),
            AuditEvent::Submission { relation, submission_id } => json!({
                "kind": "submission", "relation": name(relation),
                "submission_id": submission_id.to_string(), "rows": 1,
            }),
            AuditEvent::Refusal { reason, relation } => json!({
                "kind": "refusal", "reason": name(reason), "relation": relation.as_deref().map(name),
            }),
            AuditEvent::Unrecognised { reason, requests } => json!({
                "kind": "refusal", "reason": name(reason), "requests": requests,
            }),
        };
        if let Some(entry) = entry.as_object_mut() {
            self.add_to(entry);
        }
        entry
    }

    fn add_to(&self, entry: &mut Map<String, Value>) {
        let at = self.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        entry.insert("at".to_owned(), Value::from(at));
        entry.insert("client_id".to_owned(), Value::from(self.client_id.as_deref().map(name)));
    }
}

/// Without NUL, which jsonb cannot have: one entry must not stop the others.
fn name(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(MAX_NAME).collect()
}

fn names(columns: &[String]) -> Vec<String> {
    columns.iter().map(|column| name(column)).collect()
}
