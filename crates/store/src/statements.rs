//! The statements that store rows. Each is prepared once per connection.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use domain::Record;
use uuid::Uuid;

/// Makes rows of those records whose ids are not there yet, in one statement; returns their SQS message ids.
pub(crate) fn insert(
    records: &[&Record],
    connection: &mut PgConnection,
) -> QueryResult<Vec<String>> {
    InsertForms::of(records).load(connection)
}

/// Calls `store_form`, and returns its word.
pub(crate) fn store_one(record: &Record, connection: &mut PgConnection) -> QueryResult<String> {
    diesel::select(store_form(
        &record.form_type,
        record.submission_id,
        &record.sqs_message_id,
        record.received_at,
        &record.data,
    ))
    .get_result(connection)
}

/// Stores a row and takes it back.
///
/// `SELECT 1` succeeds on a database that is read-only or whose disk is full. The row is random and larger than a page,
/// so that a full disk is met and not a gap in the last page, and it does not compress.
pub(crate) fn store_nothing(connection: &mut PgConnection) -> QueryResult<()> {
    let inserted = connection.transaction(|connection| {
        diesel::sql_query(
            "INSERT INTO forms (form_type, data) \
             SELECT 'probe', to_jsonb(string_agg(gen_random_uuid()::text, '')) FROM generate_series(1, 300)",
        )
        .execute(connection)?;
        Err::<(), _>(diesel::result::Error::RollbackTransaction)
    });
    match inserted {
        Err(diesel::result::Error::RollbackTransaction) => Ok(()),
        other => other,
    }
}

/// One insert for a batch of any size; returns the SQS message ids of the rows that it made.
///
/// A column is one array parameter, so the text of the statement never changes and there is no limit on rows.
/// `values(&vec)` would make another statement for each size, planned anew each time, of 65,535 parameters at most.
struct InsertForms<'a> {
    form_types: Vec<&'a str>,
    submission_ids: Vec<Option<Uuid>>,
    sqs_message_ids: Vec<&'a str>,
    received_at: Vec<Option<DateTime<Utc>>>,
    data: Vec<&'a str>,
}

impl<'a> InsertForms<'a> {
    fn of(records: &[&'a Record]) -> Self {
        Self {
            form_types: records.iter().map(|r| r.form_type.as_str()).collect(),
            submission_ids: records.iter().map(|r| r.submission_id).collect(),
            sqs_message_ids: records.iter().map(|r| r.sqs_message_id.as_str()).collect(),
            received_at: records.iter().map(|r| r.received_at).collect(),
            data: records.iter().map(|r| r.data.as_str()).collect(),
        }
    }
}

impl QueryFragment<Pg> for InsertForms<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO forms (form_type, submission_id, sqs_message_id, received_at, data) \
             SELECT r.form_type, r.submission_id, r.sqs_message_id, r.received_at, r.data::jsonb FROM unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.form_types)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<SqlUuid>>, _>(&self.submission_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.sqs_message_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(&self.received_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.data)?;
        out.push_sql(
            ") AS r (form_type, submission_id, sqs_message_id, received_at, data) \
             ON CONFLICT DO NOTHING RETURNING sqs_message_id",
        );
        Ok(())
    }
}

/// The same for every batch: by it diesel finds the prepared statement again.
impl QueryId for InsertForms<'_> {
    type QueryId = InsertForms<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for InsertForms<'_> {
    type SqlType = Text;
}

impl<C> RunQueryDsl<C> for InsertForms<'_> {}

diesel::define_sql_function! {
    /// The function of the first migration that stores one row.
    fn store_form(
        form_type: Text,
        submission_id: Nullable<SqlUuid>,
        sqs_message_id: Text,
        received_at: Nullable<Timestamptz>,
        data: Text,
    ) -> Text;
}
