//! The schema, brought up to date and compared.

use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use secrecy::ExposeSecret;
use thiserror::Error;

use crate::schema::__diesel_schema_migrations::table as applied_migrations;
use crate::schema::__diesel_schema_migrations::version;
use crate::session::Session;
use crate::unavailable::one_line;
use crate::{Store, Unavailable, UnavailableKind};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Key of the advisory lock under which migrations run: "formdata" in ASCII.
const LOCK_KEY: i64 = 0x666f_726d_6461_7461;

/// How long to wait for another process that migrates.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// The database's migrations beside those of this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// The same.
    Current,
    /// The database lacks some: it is to be migrated first.
    Older {
        /// Names of the migrations that it lacks, oldest first.
        missing: Vec<String>,
    },
    /// A later build has migrated it. Migrations are additive for one release, so this build can use it.
    Newer {
        /// Versions that this build does not know.
        unknown: Vec<String>,
    },
}

/// Why the migrations did not run, or not all of them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MigrateError {
    /// The database cannot be asked.
    #[error("the database is away")]
    Unavailable(#[from] Unavailable),
    /// Another process holds the lock; it may be migrating still.
    #[error("another process has held the migration lock for {} s", LOCK_WAIT.as_secs())]
    Locked,
    /// A table is in use for longer than a migration waits; its transaction is undone.
    #[error(
        "migration {name} waited 5 s for a table that others use: nothing is changed, and it can be run again"
    )]
    InUse {
        /// The migration.
        name: String,
    },
    /// PostgreSQL refuses a migration; its transaction is undone.
    #[error("migration {name} failed: {message}")]
    Failed {
        /// The migration.
        name: String,
        /// PostgreSQL's primary message.
        message: String,
    },
}

impl Store {
    /// Applies the migrations that the database lacks, each in a transaction, and returns their names.
    ///
    /// Several processes may do so at once: one migrates, the others wait for it, up to a minute, and find nothing to
    /// do. Takes as long as a migration takes; only where nothing is missing does it do without the right to create.
    pub fn migrate(&self) -> Result<Vec<String>, MigrateError> {
        // A connection of its own: closing it gives up the lock in every case, and its time-outs are others.
        let connection = &mut PgConnection::establish(self.target.as_secret().expose_secret())
            .map_err(|error| {
                Unavailable::because(UnavailableKind::ConnectionFailed, &error.to_string())
            })?;
        connection.batch_execute("SET statement_timeout = 0").map_err(Unavailable::from)?;
        lock(connection)?;
        // A migration that waits for a table lets everyone else wait behind it: better to fail and be tried again.
        connection.batch_execute("SET lock_timeout = '5s'").map_err(Unavailable::from)?;

        let applied = applied_versions(connection).map_err(Unavailable::from)?;
        let missing = missing(&applied);
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |name: &str, error: Box<dyn std::error::Error + Send + Sync>| {
            let (name, message) =
                (name.to_owned(), one_line(&error.to_string()).unwrap_or_default());
            // diesel has no word for SQLSTATE 55P03. A server that speaks another language is shown in its own words.
            if message.contains("lock timeout") {
                MigrateError::InUse { name }
            } else {
                MigrateError::Failed { name, message }
            }
        };
        // Makes diesel's own table.
        connection.applied_migrations().map_err(|error| failed("(diesel's own table)", error))?;
        let mut names = Vec::new();
        for migration in missing {
            let name = migration.name().to_string();
            connection.run_migration(&migration).map_err(|error| failed(&name, error))?;
            log::info!("A migration is applied migration={name}");
            names.push(name);
        }
        Ok(names)
    }

    /// The version of the last migration in the database, `None` where there is none.
    pub fn schema_version(&self) -> Result<Option<String>, Unavailable> {
        Ok(Session::begin(self)?.run(applied_versions)?.pop())
    }

    /// Compares the database with this build. Needs no right on any table but the list of migrations, which the first
    /// migration lets everyone read.
    pub fn schema_state(&self) -> Result<SchemaState, Unavailable> {
        let applied = Session::begin(self)?.run(applied_versions)?;
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

/// Asks for the lock again and again: a session that waits inside PostgreSQL holds a snapshot for as long.
fn lock(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let deadline = Instant::now() + LOCK_WAIT;
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

/// Oldest first. Reads only, so that a role without the right to create can ask.
fn applied_versions(connection: &mut PgConnection) -> QueryResult<Vec<String>> {
    let is_there =
        diesel::select(sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL"))
            .get_result::<bool>(connection)?;
    if !is_there {
        return Ok(Vec::new());
    }
    applied_migrations.select(version).order(version).load(connection)
}

/// Oldest first.
fn missing(applied: &[String]) -> Vec<Box<dyn Migration<Pg>>> {
    let mut missing = embedded();
    missing.retain(|migration| !applied.contains(&migration.name().version().to_string()));
    missing
}

#[expect(clippy::expect_used, reason = "the macro has read the names; the source cannot fail")]
fn embedded() -> Vec<Box<dyn Migration<Pg>>> {
    let mut migrations =
        MigrationSource::<Pg>::migrations(&MIGRATIONS).expect("embedded migrations are well named");
    migrations.sort_by_key(|migration| migration.name().version().to_string());
    migrations
}
