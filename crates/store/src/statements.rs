//! The SQL statements that store rows. Each is prepared once per connection.

use chrono::{DateTime, Utc};
use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, Binary, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{Record, SchemaDigest};
use uuid::Uuid;

/// Inserts, in one statement, every record whose ids are not in the table yet. Returns their SQS
/// message ids.
pub(crate) fn insert(
    records: &[&Record],
    connection: &mut PgConnection,
) -> QueryResult<Vec<String>> {
    InsertForms(Columns::of(records)).load(connection)
}

/// Calls `store_submission`, and returns its answer.
pub(crate) fn store_one(record: &Record, connection: &mut PgConnection) -> QueryResult<String> {
    diesel::select(store_submission(
        &record.form_type,
        record.submission_id,
        &record.sqs_message_id,
        record.received_at,
        &record.data,
        record.schema_digest.as_ref().map(SchemaDigest::as_bytes),
        &record.traceparent,
    ))
    .get_result(connection)
}

/// Calls `store_submission` for each record, in one statement. Returns its answers in the same order.
///
/// A row that the function does not catch fails the whole statement, and then none is stored.
pub(crate) fn store_all(
    records: &[&Record],
    connection: &mut PgConnection,
) -> QueryResult<Vec<String>> {
    StoreSubmissions(Columns::of(records)).load(connection)
}

/// The columns of a batch of any size.
///
/// Each is one array parameter, so the text of a statement never changes and the number of rows has
/// no limit. diesel's `values(&vec)` would make a different statement for each batch size, which
/// PostgreSQL plans anew each time, and which has at most 65,535 parameters.
struct Columns<'a> {
    form_types: Vec<&'a str>,
    submission_ids: Vec<Option<Uuid>>,
    sqs_message_ids: Vec<&'a str>,
    received_at: Vec<Option<DateTime<Utc>>>,
    data: Vec<&'a str>,
    schema_digests: Vec<Option<&'a [u8]>>,
    traceparents: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(records: &[&'a Record]) -> Self {
        Self {
            form_types: records.iter().map(|r| r.form_type.as_str()).collect(),
            submission_ids: records.iter().map(|r| r.submission_id).collect(),
            sqs_message_ids: records.iter().map(|r| r.sqs_message_id.as_str()).collect(),
            received_at: records.iter().map(|r| r.received_at).collect(),
            data: records.iter().map(|r| r.data.as_str()).collect(),
            schema_digests: records
                .iter()
                .map(|r| r.schema_digest.as_ref().map(SchemaDigest::as_bytes))
                .collect(),
            traceparents: records.iter().map(|r| r.traceparent.as_deref()).collect(),
        }
    }
}

impl QueryFragment<Pg> for Columns<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.form_types)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<SqlUuid>>, _>(&self.submission_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.sqs_message_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(&self.received_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.data)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Binary>>, _>(&self.schema_digests)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.traceparents)?;
        out.push_sql(")");
        Ok(())
    }
}

/// Inserts a batch, and returns the SQS message ids of the inserted rows.
///
/// If message ids are not unique in the whole table, no index stops a row with a submission id whose
/// message the 2016 worker has stored without one. So the statement looks for it, unless there is no
/// such row at all, which it asks once. (For each row, an `EXISTS` could become a scan.) It asks the catalog
/// itself: if it called `message_ids_are_unique`, a role without the right to call that would store nothing.
struct InsertForms<'a>(Columns<'a>);

impl QueryFragment<Pg> for InsertForms<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO forms (form_type, submission_id, sqs_message_id, received_at, data, \
                 schema_digest, traceparent) \
             SELECT r.form_type, r.submission_id, r.sqs_message_id, r.received_at, r.data::jsonb, \
                 r.schema_digest, r.traceparent FROM ",
        );
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(
            " AS r (form_type, submission_id, sqs_message_id, received_at, data, schema_digest, traceparent) \
             WHERE r.submission_id IS NULL \
                 OR NOT EXISTS (SELECT FROM forms f WHERE f.submission_id IS NULL) \
                 OR EXISTS (SELECT FROM pg_index i JOIN pg_attribute a \
                                ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
                            WHERE i.indrelid = 'forms'::regclass AND a.attname = 'sqs_message_id' \
                                AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1) \
                 OR (SELECT true FROM forms f WHERE f.sqs_message_id = r.sqs_message_id \
                         AND f.submission_id IS NULL LIMIT 1) IS NULL \
             ON CONFLICT DO NOTHING RETURNING sqs_message_id",
        );
        Ok(())
    }
}

/// Calls `store_submission` for each row of a batch. PostgreSQL calls it after it has sorted.
struct StoreSubmissions<'a>(Columns<'a>);

impl QueryFragment<Pg> for StoreSubmissions<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "SELECT store_submission(r.form_type, r.submission_id, r.sqs_message_id, r.received_at, r.data, \
                 r.schema_digest, r.traceparent) FROM ",
        );
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(
            " WITH ORDINALITY AS r (form_type, submission_id, sqs_message_id, received_at, data, schema_digest, \
                 traceparent, number) \
             ORDER BY r.number",
        );
        Ok(())
    }
}

/// The same id for every batch, so that diesel finds the prepared statement again.
impl QueryId for InsertForms<'_> {
    type QueryId = InsertForms<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

/// The same id for every batch, so that diesel finds the prepared statement again.
impl QueryId for StoreSubmissions<'_> {
    type QueryId = StoreSubmissions<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for InsertForms<'_> {
    type SqlType = Text;
}

impl Query for StoreSubmissions<'_> {
    type SqlType = Text;
}

impl<C> RunQueryDsl<C> for InsertForms<'_> {}
impl<C> RunQueryDsl<C> for StoreSubmissions<'_> {}

diesel::define_sql_function! {
    /// The function that stores one row; the migration `removal` creates it.
    fn store_submission(
        form_type: Text,
        submission_id: Nullable<SqlUuid>,
        sqs_message_id: Text,
        received_at: Nullable<Timestamptz>,
        data: Text,
        schema_digest: Nullable<Binary>,
        traceparent: Nullable<Text>,
    ) -> Text;
}
