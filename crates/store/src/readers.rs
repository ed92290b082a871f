//! The functions through which the service for readers writes, and which it asks.

mod audit;
mod exports;
mod states;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Text, Timestamptz},
};

pub use self::{
    audit::{AuditEntry, AuditEvent},
    exports::{EndedExport, ExportColumn, ExportRecord, ExportState, NewExport},
    states::{SubmissionState, SubmissionWhere},
};
use crate::{store::Store, unavailable::Unavailable};

/// How far a client has read a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The client.
    pub client_id: String,
    /// `schema/table`.
    pub relation: String,
    /// The last id up to which it has read.
    pub last_id: i64,
}

impl Store {
    /// Remembers when keys were used, to the minute.
    ///
    /// # Errors
    /// The database is unavailable, or this role may not call the function.
    pub fn note_key_use(&self, uses: &[(String, DateTime<Utc>)]) -> Result<(), Unavailable> {
        let (ids, times): (Vec<&str>, Vec<DateTime<Utc>>) =
            uses.iter().map(|(id, at)| (id.as_str(), *at)).unzip();
        self.session()?.run(|connection| {
            sql_query("SELECT note_key_use($1, $2)")
                .bind::<Array<Text>, _>(&ids)
                .bind::<Array<Timestamptz>, _>(&times)
                .execute(connection)
        })?;
        Ok(())
    }

    /// Remembers how far clients have read. A position never goes back.
    ///
    /// # Errors
    /// As [`Store::note_key_use`].
    pub fn note_positions(&self, positions: &[Position]) -> Result<(), Unavailable> {
        let clients: Vec<&str> = positions.iter().map(|p| p.client_id.as_str()).collect();
        let relations: Vec<&str> = positions.iter().map(|p| p.relation.as_str()).collect();
        let ids: Vec<i64> = positions.iter().map(|p| p.last_id).collect();
        self.session()?.run(|connection| {
            sql_query("SELECT note_positions($1, $2, $3)")
                .bind::<Array<Text>, _>(&clients)
                .bind::<Array<Text>, _>(&relations)
                .bind::<Array<BigInt>, _>(&ids)
                .execute(connection)
        })?;
        Ok(())
    }
}
