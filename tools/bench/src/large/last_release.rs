//! The schema and the insert of release 1.0.0.

use anyhow::{Result, ensure};
use diesel::{
    PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use test_kit::postgres::sql;
use uuid::Uuid;

use crate::requests::{FORM_TYPE, small_form};

/// Rows in an insert.
pub const BATCH: u64 = 10;

/// Its only migration, which has not changed since.
const FORMS: &str = include_str!("../../../../migrations/2026-11-21-000000_forms/up.sql");

/// The statement of its worker.
const INSERT: &str = "INSERT INTO forms (form_type, submission_id, sqs_message_id, received_at, data) \
     SELECT r.form_type, r.submission_id, r.sqs_message_id, r.received_at, r.data::jsonb \
     FROM unnest($1, $2, $3, $4, $5) AS r (form_type, submission_id, sqs_message_id, received_at, data) \
     ON CONFLICT DO NOTHING RETURNING sqs_message_id";

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = Text)]
    #[expect(dead_code, reason = "only the number of rows counts")]
    sqs_message_id: String,
}

/// Makes its schema in an empty database.
pub fn make(database: &str) -> Result<()> {
    let migrations = "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY NOT NULL, \
         run_on timestamp NOT NULL DEFAULT current_timestamp); \
         INSERT INTO __diesel_schema_migrations VALUES ('20261121000000')";
    sql(database, &format!("{migrations}; BEGIN; {FORMS}; COMMIT"))?;
    Ok(())
}

/// Makes the index of message ids after this, which is faster.
pub fn without_index(database: &str, fill: impl FnOnce() -> Result<()>) -> Result<()> {
    sql(database, "ALTER TABLE forms DROP CONSTRAINT forms_sqs_message_id_key")?;
    fill()?;
    sql(
        database,
        "SET maintenance_work_mem = '1GB'; \
         ALTER TABLE forms ADD CONSTRAINT forms_sqs_message_id_key UNIQUE (sqs_message_id)",
    )?;
    Ok(())
}

/// Inserts [`BATCH`] rows.
pub fn insert(connection: &mut PgConnection) -> Result<()> {
    let ids: Vec<Uuid> = (0..BATCH).map(|_| Uuid::now_v7()).collect();
    let message_ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    let data: Vec<String> = (0..BATCH as usize).map(small_form).collect();
    let stored: Vec<Stored> = sql_query(INSERT)
        .bind::<Array<Text>, _>(vec![FORM_TYPE; ids.len()])
        .bind::<Array<Nullable<SqlUuid>>, _>(ids.iter().copied().map(Some).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(message_ids)
        .bind::<Array<Nullable<Timestamptz>>, _>(vec![Some(chrono::Utc::now()); ids.len()])
        .bind::<Array<Text>, _>(data)
        .load(connection)?;
    ensure!(stored.len() as u64 == BATCH, "{} of {BATCH} rows were stored", stored.len());
    Ok(())
}
