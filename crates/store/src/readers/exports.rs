//! The records of exports, as proof that one arrived complete.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    store::Store,
    unavailable::{Unavailable, UnavailableKind},
};

/// An export that begins.
#[derive(Clone, Debug)]
pub struct NewExport {
    /// Its id.
    pub id: Uuid,
    /// The client, which alone may ask for it.
    pub client_id: String,
    /// `schema/table`.
    pub relation: String,
    /// `csv`, `jsonl`, `parquet` or `xlsx`.
    pub format: &'static str,
    /// The last id that can be in it.
    pub bound: Option<i64>,
    /// Column and operator of each filter. Values are personal data and have no place here.
    pub filters: Vec<(String, String)>,
    /// Its columns.
    pub columns: Vec<ExportColumn>,
}

/// A column of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub column_type: String,
    /// Its comment.
    pub description: Option<String>,
    /// The zone of its times.
    pub zone: Option<String>,
}

/// How an export has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedExport {
    /// The SHA-256 of what was sent, before any content encoding; `None` if it broke.
    pub sha256: Option<[u8; 32]>,
    /// How many rows were sent.
    pub rows: u64,
    /// How many bytes were sent, before any content encoding.
    pub bytes: u64,
    /// The first id in it.
    pub first_id: Option<i64>,
    /// The last id in it.
    pub last_id: Option<i64>,
    /// How many cells the formula guard has changed.
    pub guarded_cells: u64,
}

/// How far an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportState {
    /// It is being sent.
    Running,
    /// Everything was sent.
    Complete,
    /// It broke off, or has given no sign of life for 15 seconds.
    Broken,
}

/// An export as its client may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRecord {
    /// `schema/table`.
    pub relation: String,
    /// `csv`, `jsonl`, `parquet` or `xlsx`.
    pub format: String,
    /// How far it is.
    pub state: ExportState,
    /// What was sent so far.
    pub sent: EndedExport,
    /// The last id that can be in it.
    pub bound: Option<i64>,
    /// JSON: `[{"column", "operator"}]`.
    pub filters: String,
    /// JSON: `[{"name", "type", "description", "zone"}]`.
    pub columns: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; `None` if it is running, or broke without a word.
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    relation: String,
    #[diesel(sql_type = Text)]
    format: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    sha256: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    first_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    bound: Option<i64>,
    #[diesel(sql_type = Text)]
    filters: String,
    #[diesel(sql_type = Text)]
    columns: String,
    #[diesel(sql_type = BigInt)]
    guarded_cells: i64,
    #[diesel(sql_type = Timestamptz)]
    started_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    ended_at: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

impl Store {
    /// Begins the record of an export, before its first byte is sent.
    ///
    /// # Errors
    /// The database is unavailable, or this role may not call the function.
    pub fn begin_export(&self, export: &NewExport) -> Result<(), Unavailable> {
        let filters = export.filters.iter();
        let filters: Value = filters
            .map(|(column, operator)| json!({ "column": column, "operator": operator }))
            .collect();
        let columns: Value = export.columns.iter().map(ExportColumn::to_json).collect();
        let (filters, columns) = (filters.to_string(), columns.to_string());
        self.session()?.run(|connection| {
            sql_query("SELECT begin_export($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb)")
                .bind::<SqlUuid, _>(export.id)
                .bind::<Text, _>(&export.client_id)
                .bind::<Text, _>(&export.relation)
                .bind::<Text, _>(export.format)
                .bind::<Nullable<BigInt>, _>(export.bound)
                .bind::<Text, _>(&filters)
                .bind::<Text, _>(&columns)
                .execute(connection)
        })?;
        Ok(())
    }

    /// A sign of life: what was sent so far. `false` if the export is not running any more.
    ///
    /// # Errors
    /// As [`Store::begin_export`].
    pub fn continue_export(
        &self,
        id: Uuid,
        rows: u64,
        bytes: u64,
        last_id: Option<i64>,
    ) -> Result<bool, Unavailable> {
        let answer: Answer = self.session()?.run(|connection| {
            sql_query("SELECT continue_export($1, $2, $3, $4) AS answer")
                .bind::<SqlUuid, _>(id)
                .bind::<BigInt, _>(signed(rows))
                .bind::<BigInt, _>(signed(bytes))
                .bind::<Nullable<BigInt>, _>(last_id)
                .get_result(connection)
        })?;
        Ok(answer.answer)
    }

    /// Ends an export: complete if it has a digest, else broken. `false` if it had ended otherwise.
    ///
    /// # Errors
    /// As [`Store::begin_export`].
    pub fn end_export(&self, id: Uuid, end: &EndedExport) -> Result<bool, Unavailable> {
        let state = if end.sha256.is_some() { "complete" } else { "broken" };
        let answer: Answer = self.session()?.run(|connection| {
            sql_query("SELECT end_export($1, $2, $3, $4, $5, $6, $7, $8) AS answer")
                .bind::<SqlUuid, _>(id)
                .bind::<Text, _>(state)
                .bind::<BigInt, _>(signed(end.rows))
                .bind::<BigInt, _>(signed(end.bytes))
                .bind::<Nullable<Binary>, _>(end.sha256.as_ref().map(<[u8; 32]>::as_slice))
                .bind::<Nullable<BigInt>, _>(end.first_id)
                .bind::<Nullable<BigInt>, _>(end.last_id)
                .bind::<BigInt, _>(signed(end.guarded_cells))
                .get_result(connection)
        })?;
        Ok(answer.answer)
    }

    /// An export of this client; `None` if it has no such export, or not any more.
    ///
    /// # Errors
    /// As [`Store::begin_export`].
    pub fn show_export(&self, id: Uuid, client: &str) -> Result<Option<ExportRecord>, Unavailable> {
        let row: Option<Row> = self.session()?.run(|connection| {
            sql_query(
                "SELECT relation, format, state, rows, bytes, sha256, first_id, last_id, bound,
                        filters::text AS filters, columns::text AS columns, guarded_cells, started_at, ended_at
                     FROM show_export($1, $2)",
            )
            .bind::<SqlUuid, _>(id)
            .bind::<Text, _>(client)
            .get_result(connection)
            .optional()
        })?;
        row.map(Row::into_record).transpose()
    }
}

impl ExportColumn {
    fn to_json(&self) -> Value {
        json!({
            "name": self.name, "type": self.column_type, "description": self.description, "zone": self.zone,
        })
    }
}

impl ExportState {
    /// As it is stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Broken => "broken",
        }
    }
}

impl Row {
    fn into_record(self) -> Result<ExportRecord, Unavailable> {
        let known = [ExportState::Running, ExportState::Complete, ExportState::Broken];
        let state =
            known.into_iter().find(|state| state.code() == self.state).ok_or_else(|| {
                Unavailable::because(
                    UnavailableKind::StatementFailed,
                    "show_export gave a state that this build does not know",
                )
            })?;
        Ok(ExportRecord {
            relation: self.relation,
            format: self.format,
            state,
            sent: EndedExport {
                sha256: self.sha256.and_then(|digest| digest.try_into().ok()),
                rows: self.rows.unsigned_abs(),
                bytes: self.bytes.unsigned_abs(),
                first_id: self.first_id,
                last_id: self.last_id,
                guarded_cells: self.guarded_cells.unsigned_abs(),
            },
            bound: self.bound,
            filters: self.filters,
            columns: self.columns,
            started_at: self.started_at,
            ended_at: self.ended_at,
        })
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
