//! Publishes the submissions of each form type as a view with typed columns.

mod columns;
mod comments;
mod frequent;
mod indexes;
mod outcome;
mod view;

use std::collections::BTreeMap;

use diesel::{
    connection::SimpleConnection,
    dsl::sql,
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Text},
};
use domain::FormType;

pub use self::outcome::{PublishError, Published};
use crate::{store::Store, unavailable::Unavailable};
use view::{identifier, literal};

/// The key of the advisory lock under which views are made: "relation" in ASCII.
const LOCK_KEY: i64 = 0x7265_6c61_7469_6f6e;

/// The name of the list of erasures, so no form type has it.
const ERASURES: &str = "erasures";

/// What the database says of itself.
#[derive(QueryableByName)]
struct Place {
    /// The schema of `forms`, quoted if necessary.
    #[diesel(sql_type = Text)]
    home: String,
    /// The owner of `forms`, quoted if necessary.
    #[diesel(sql_type = Text)]
    owner: String,
    /// Up to this id, form types are known after this call.
    #[diesel(sql_type = BigInt)]
    watermark: i64,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Store {
    /// Remembers the schema of a form type, so that its digest in a row has a meaning. Needs EXECUTE
    /// on `record_schema`.
    pub fn record_schema(&self, form_type: &FormType) -> Result<(), Unavailable> {
        self.session()?.run(|connection| {
            sql_query("SELECT record_schema($1, $2)")
                .bind::<Text, _>(form_type.name())
                .bind::<Text, _>(form_type.canonical_schema())
                .execute(connection)
                .map(drop)
        })
    }

    /// Makes a view for each of these form types, and for each other that has rows or had a view.
    /// Columns are only added. Needs the rights of the owner of `forms`.
    ///
    /// A view is replaced when no query uses it, and nobody waits for that longer than a second: if
    /// one is in use, it is in [`Published::failed`], and the others are made all the same.
    pub fn publish(&self, form_types: &[FormType]) -> Result<Published, PublishError> {
        let connection = &mut self.connect_directly()?.ok_or(PublishError::ThroughPooler)?;
        let setup = "SET statement_timeout = 0; SET lock_timeout = '1s'; SET standard_conforming_strings = on";
        connection.batch_execute(setup).map_err(Unavailable::from)?;
        let place = place(connection).map_err(Unavailable::from)?;
        let there = make_schema(connection, &place);
        if !there.map_err(|error| PublishError::of("submissions", error))? {
            return Err(PublishError::NoSchema);
        }
        let found = known_names(connection, &place).map_err(Unavailable::from)?;
        let mut all: BTreeMap<String, Option<&FormType>> =
            found.iter().map(|name| (name.clone(), None)).collect();
        all.extend(form_types.iter().map(|one| (one.name().to_owned(), Some(one))));

        let mut published = Published::default();
        for (name, form_type) in all {
            if !can_be_a_view(&name) {
                log::warn!(form_type = name; "Rows of this form type are not published: a view cannot have its name.");
                continue;
            }
            let made = alone(connection, &name, |c| publish_one(c, &place, &name, form_type));
            published.note(&name, made)?;
        }
        let made = alone(connection, ERASURES, |c| publish_erasures(c, &place));
        published.note(ERASURES, made)?;
        note_looked_at(connection, &place, &found).map_err(Unavailable::from)?;
        Ok(published)
    }
}

/// Runs the work on a view in a transaction, while no other process makes views. Those take a second
/// at most for each, but they may be many.
fn alone(
    connection: &mut PgConnection,
    name: &str,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<bool>,
) -> Result<bool, PublishError> {
    let lock = format!(
        "SET LOCAL lock_timeout = '30s'; SELECT pg_advisory_xact_lock({LOCK_KEY}); SET LOCAL lock_timeout = '1s'"
    );
    let done = connection.transaction(|connection| {
        connection.batch_execute(&lock)?;
        work(connection)
    });
    done.map_err(|error| PublishError::of(&format!("submissions.{name}"), error))
}

fn can_be_a_view(name: &str) -> bool {
    !name.is_empty() && name.len() <= 48 && name != ERASURES
}

/// The next call looks only at newer rows, unless a name that was found has no row in `relations`: if
/// no worker serves this form type, nobody else would make its view.
fn note_looked_at(
    connection: &mut PgConnection,
    Place { home, watermark, .. }: &Place,
    found: &[String],
) -> QueryResult<()> {
    let found: Vec<&String> = found.iter().filter(|name| can_be_a_view(name)).collect();
    sql_query(format!(
        "UPDATE {home}.forms_looked_at SET up_to = greatest(up_to, $1) WHERE NOT EXISTS ( \
             SELECT unnest($2) EXCEPT SELECT r.name FROM {home}.relations r WHERE r.schema = 'submissions')"
    ))
    .bind::<BigInt, _>(watermark)
    .bind::<Array<Text>, _>(found)
    .execute(connection)
    .map(drop)
}

fn place(connection: &mut PgConnection) -> QueryResult<Place> {
    // If no worker has run since the migration, the watermark is behind.
    connection.batch_execute("SELECT advance_watermark('forms')")?;
    sql_query(
        "SELECT c.relnamespace::regnamespace::text AS home, c.relowner::regrole::text AS owner, \
             (SELECT w.id FROM watermarks w WHERE w.relation = 'forms') AS watermark \
         FROM pg_class c WHERE c.oid = 'forms'::regclass",
    )
    .get_result(connection)
}

/// Whether the schema of the views is there now.
fn make_schema(connection: &mut PgConnection, Place { owner, .. }: &Place) -> QueryResult<bool> {
    let is_there = sql::<Bool>("to_regnamespace('submissions') IS NOT NULL");
    if diesel::select(is_there).get_result(connection)? {
        return Ok(true);
    }
    let may_create = sql::<Bool>("has_database_privilege(current_database(), 'CREATE')");
    if !diesel::select(may_create).get_result::<bool>(connection)? {
        return Ok(false);
    }
    connection
        .batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS submissions AUTHORIZATION {owner}"))?;
    Ok(true)
}

/// The form types that have a view, and those of rows that nobody has looked at.
fn known_names(connection: &mut PgConnection, place: &Place) -> QueryResult<Vec<String>> {
    let Place { home, watermark, .. } = place;
    let names: Vec<Name> = sql_query(format!(
        "SELECT r.name FROM {home}.relations r WHERE r.schema = 'submissions' AND r.name <> '{ERASURES}' \
         UNION \
         SELECT f.form_type FROM {home}.forms f \
             WHERE f.id > (SELECT up_to FROM {home}.forms_looked_at) AND f.id <= {watermark}"
    ))
    .load(connection)?;
    Ok(names.into_iter().map(|Name { name }| name).collect())
}

/// Whether the view was made or changed.
fn publish_one(
    connection: &mut PgConnection,
    place: &Place,
    name: &str,
    form_type: Option<&FormType>,
) -> QueryResult<bool> {
    let properties = form_type.map_or(&[][..], FormType::properties);
    let mut columns = columns::load(connection, &place.home, name)?;
    let (new, left_out) = columns::missing(&columns, properties);
    for column in new {
        columns::add(connection, &place.home, name, &column, columns.len() + 1)?;
        columns.push(column);
    }
    if !left_out.is_empty() {
        log::warn!(
            form_type = name, properties = left_out.len(), columns = columns::MAX_COLUMNS;
            "A view has no room for more columns: the other properties are in its column `extra`."
        );
    }
    let definition = view::definition(&place.home, name, &columns);
    let changed = replace(connection, place, name, &definition)?;
    comments::set(connection, name, &columns, properties)?;
    Ok(changed)
}

fn publish_erasures(connection: &mut PgConnection, place: &Place) -> QueryResult<bool> {
    let home = &place.home;
    let definition = format!(
        "SELECT e.id, e.form_type, e.form_id, e.submission_id, e.sqs_message_id, e.erased_at, e.reason\n\
         FROM {home}.erasures e\n\
         WHERE e.id <= (SELECT w.id FROM {home}.watermarks w WHERE w.relation = 'erasures')"
    );
    replace(connection, place, ERASURES, &definition)
}

/// Creates or replaces the view if its text is another than before.
fn replace(
    connection: &mut PgConnection,
    Place { home, owner, .. }: &Place,
    name: &str,
    definition: &str,
) -> QueryResult<bool> {
    let view = format!("submissions.{}", identifier(name));
    let present: Vec<Name> = sql_query(format!(
        "SELECT definition AS name FROM {home}.relations \
             WHERE schema = 'submissions' AND name = $1 AND to_regclass({}) IS NOT NULL",
        literal(&view)
    ))
    .bind::<Text, _>(name)
    .load(connection)?;
    if present.iter().any(|present| present.name == definition) {
        return Ok(false);
    }
    connection.batch_execute(&format!(
        "CREATE OR REPLACE VIEW {view} AS {definition}; ALTER VIEW {view} OWNER TO {owner}"
    ))?;
    sql_query(format!(
        "INSERT INTO {home}.relations (schema, name, key_column, definition) VALUES ('submissions', $1, 'id', $2) \
             ON CONFLICT (schema, name) DO UPDATE SET definition = excluded.definition"
    ))
    .bind::<Text, _>(name)
    .bind::<Text, _>(definition)
    .execute(connection)?;
    Ok(true)
}
