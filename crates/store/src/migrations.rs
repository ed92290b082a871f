//! Migrates the schema, and compares the database's schema with the one of this build.

use std::{
    thread,
    time::{Duration, Instant},
};

use diesel::{
    connection::SimpleConnection,
    dsl::sql,
    migration::{Migration, MigrationSource},
    pg::Pg,
    prelude::*,
    sql_types::Bool,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use thiserror::Error;

use crate::{
    schema::__diesel_schema_migrations::{table as applied_migrations, version},
    store::Store,
    table_lock::{LOCK_WAIT, NotDone, is_lock_timeout, without_waiting_for_long},
    table_users::{TableUser, long_user},
    unavailable::{Unavailable, one_line},
};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// The key of the advisory lock that a migrating process holds: "formdata" in ASCII.
const LOCK_KEY: i64 = 0x666f_726d_6461_7461;

/// The migrations that keep everyone else out of the table of submissions. The others do not care
/// who reads it.
const LOCK_THE_TABLE: [&str; 4] = [
    "2026-11-21-000000_forms",
    "2026-11-23-000000_submission_columns",
    // Only the view form_form, through which the 2016 worker inserts.
    "2026-11-23-200000_removal",
    // If the table is empty.
    "2026-11-24-100000_large_tables",
];

/// How long to wait while another process migrates.
const OTHERS_WAIT: Duration = Duration::from_secs(60);

/// The migrations of the database compared with those of this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// They are the same.
    Current,
    /// The database lacks some: run them first.
    Older {
        /// The names of the missing migrations, oldest first.
        missing: Vec<String>,
    },
    /// A later build has migrated the database. This build can use it, because the migrations of
    /// one release only add to the schema of the release before.
    Newer {
        /// The versions that this build does not know.
        unknown: Vec<String>,
    },
}

/// Why not all migrations could be applied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MigrateError {
    /// The database does not answer.
    #[error("the database is unavailable")]
    Unavailable(#[from] Unavailable),
    /// A pooler stands between, so the lock of a session would not hold.
    #[error(
        "migrations need a direct connection: run `worker migrate` with a DATABASE_URL of PostgreSQL itself"
    )]
    ThroughPooler,
    /// Another process holds the lock and may still be migrating.
    #[error("another process has held the migration lock for {} s", OTHERS_WAIT.as_secs())]
    Locked,
    /// Another session uses a table for longer than a migration waits. Nothing was changed.
    #[error(
        "migration {name} needs a table that another session uses ({}). It changed nothing; you can run it again",
        user.as_ref().map_or_else(|| "it has ended".to_owned(), ToString::to_string)
    )]
    InUse {
        /// The name of the migration.
        name: String,
        /// Who uses it; `None` if that session has ended meanwhile.
        user: Option<TableUser>,
    },
    /// PostgreSQL refused a migration. Its transaction was rolled back.
    #[error("migration {name} failed: {message}")]
    Failed {
        /// The name of the migration.
        name: String,
        /// PostgreSQL's primary message.
        message: String,
    },
}

impl Store {
    /// Applies the migrations that the database lacks, each in a transaction, and returns their
    /// names.
    ///
    /// Several processes may call this at the same time: one migrates, and the others wait for it
    /// for up to a minute and then find nothing to do. A migration has no time limit. The role
    /// needs the right to create tables, except if no migration is missing.
    pub fn migrate(&self) -> Result<Vec<String>, MigrateError> {
        // Closing the connection always releases the lock.
        let connection = &mut self.connect_directly()?.ok_or(MigrateError::ThroughPooler)?;
        connection.batch_execute("SET statement_timeout = 0").map_err(Unavailable::from)?;
        lock(connection)?;
        // While a migration waits for a table, all other users of the table wait behind it. It is
        // better to fail and try again.
        let limit = format!("SET lock_timeout = {}", LOCK_WAIT.as_millis());
        connection.batch_execute(&limit).map_err(Unavailable::from)?;

        let applied = applied_versions(connection).map_err(Unavailable::from)?;
        let missing = missing(&applied);
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        // Creates diesel's own table.
        connection.applied_migrations().map_err(|error| MigrateError::Failed {
            name: "(diesel's own table)".to_owned(),
            message: one_line(&error.to_string()).unwrap_or_default(),
        })?;
        let mut names = Vec::new();
        for migration in missing {
            let name = migration.name().to_string();
            run(&*migration, &name, connection)?;
            log::info!(migration = name; "Applied a migration.");
            names.push(name);
        }
        Ok(names)
    }

    /// The version of the last migration in the database, if there is one.
    pub fn schema_version(&self) -> Result<Option<String>, Unavailable> {
        Ok(self.session()?.run(applied_versions)?.pop())
    }

    /// Compares the database with this build. The only right it needs is to read the list of
    /// migrations, which the first migration grants to everyone.
    pub fn schema_state(&self) -> Result<SchemaState, Unavailable> {
        let applied = self.session()?.run(applied_versions)?;
        let missing = missing(&applied);
        if !missing.is_empty() {
            return Ok(SchemaState::Older {
                missing: missing.iter().map(|m| m.name().to_string()).collect(),
            });
        }
        let known: Vec<String> =
            embedded().iter().map(|m| m.name().version().to_string()).collect();
        let unknown: Vec<String> =
            applied.into_iter().filter(|applied| !known.contains(applied)).collect();
        Ok(if unknown.is_empty() { SchemaState::Current } else { SchemaState::Newer { unknown } })
    }
}

/// Runs one migration, but waits for no table that another session uses for long: it would keep
/// everyone else out meanwhile.
fn run(
    migration: &dyn Migration<Pg>,
    name: &str,
    connection: &mut PgConnection,
) -> Result<(), MigrateError> {
    let in_use = |user| Err(MigrateError::InUse { name: name.to_owned(), user });
    let error = if LOCK_THE_TABLE.contains(&name) {
        match without_waiting_for_long(connection, |c| c.run_migration(migration).map(drop)) {
            Ok(()) => return Ok(()),
            Err(NotDone::InUse(user)) => return in_use(user),
            Err(NotDone::Failed(error)) => error,
        }
    } else {
        let Err(error) = connection.run_migration(migration) else { return Ok(()) };
        error
    };
    if is_lock_timeout(&error) {
        in_use(long_user(connection).map_err(Unavailable::from)?)
    } else {
        let message = one_line(&error.to_string()).unwrap_or_default();
        Err(MigrateError::Failed { name: name.to_owned(), message })
    }
}

/// Asks for the lock again and again, because a session that waits inside PostgreSQL holds a
/// snapshot meanwhile.
fn lock(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let deadline = Instant::now() + OTHERS_WAIT;
    loop {
        let got = diesel::select(sql::<Bool>(&format!("pg_try_advisory_lock({LOCK_KEY})")))
            .get_result::<bool>(connection)
            .map_err(Unavailable::from)?;
        if got {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(MigrateError::Locked);
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// The versions in the database, oldest first. It only reads, so a role without the right to create
/// tables can call it.
fn applied_versions(connection: &mut PgConnection) -> QueryResult<Vec<String>> {
    let is_there =
        diesel::select(sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL"))
            .get_result::<bool>(connection)?;
    if !is_there {
        return Ok(Vec::new());
    }
    applied_migrations.select(version).order(version).load(connection)
}

/// The migrations that the database lacks, oldest first.
fn missing(applied: &[String]) -> Vec<Box<dyn Migration<Pg>>> {
    let mut missing = embedded();
    missing.retain(|migration| !applied.contains(&migration.name().version().to_string()));
    missing
}

#[expect(
    clippy::expect_used,
    reason = "the macro has checked the names, so the source cannot fail"
)]
fn embedded() -> Vec<Box<dyn Migration<Pg>>> {
    let mut migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS)
        .expect("embedded migrations have valid names");
    migrations.sort_by_key(|migration| migration.name().version().to_string());
    migrations
}
