//! Other sessions that use our tables, seen before a migration waits for them.

use std::{fmt, thread, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Bool, Integer, Nullable, Text, Timestamptz},
};

/// A transaction that uses a table for longer than this makes a migration step back.
pub(crate) const LONG: Duration = Duration::from_secs(1);

/// A transaction is known by its `virtualtransaction`, which a prepared transaction has too, and
/// every role may see.
const USERS: &str = "
    SELECT l.virtualtransaction AS transaction, l.pid, l.relation::regclass::text AS table_name,
           min(a.xact_start) AS since
        FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
            AND ($1 OR l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock'))
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND l.relation IN (to_regclass('forms'), to_regclass('form_form'))
        GROUP BY l.virtualtransaction, l.pid, l.relation
        ORDER BY since";

/// Another transaction that uses a table of ours, and has done so for a second at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableUser {
    /// The name of the table.
    pub table: String,
    /// The process id of its backend; `None` for a prepared transaction.
    pub pid: Option<i32>,
    /// When its transaction began; `None` if this role may not see that.
    pub since: Option<DateTime<Utc>>,
}

impl TableUser {
    /// The process id in words.
    pub fn pid_in_words(&self) -> String {
        self.pid.map_or_else(|| "none: a prepared transaction".to_owned(), |pid| pid.to_string())
    }

    /// The start of the transaction in words.
    pub fn since_in_words(&self) -> String {
        self.since.map_or_else(
            || "hidden from this role".to_owned(),
            |since| since.to_rfc3339_opts(SecondsFormat::Secs, true),
        )
    }
}

impl fmt::Display for TableUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, .. } = self;
        write!(f, "{table}, pid {}, since {}", self.pid_in_words(), self.since_in_words())
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    transaction: String,
    #[diesel(sql_type = Nullable<Integer>)]
    pid: Option<i32>,
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    since: Option<DateTime<Utc>>,
}

impl From<Row> for TableUser {
    fn from(Row { pid, table_name, since, .. }: Row) -> Self {
        Self { table: table_name, pid, since }
    }
}

fn users(connection: &mut PgConnection, with_readers_and_writers: bool) -> QueryResult<Vec<Row>> {
    sql_query(USERS).bind::<Bool, _>(with_readers_and_writers).load(connection)
}

/// Watches the tables for up to [`LONG`], and returns a transaction that has used one of them all
/// the time. Takes no lock on them.
pub(crate) fn long_user(connection: &mut PgConnection) -> QueryResult<Option<TableUser>> {
    const LOOKS: u32 = 10;
    let mut long = users(connection, true)?;
    for _ in 0..LOOKS {
        if long.is_empty() {
            break;
        }
        thread::sleep(LONG / LOOKS);
        let now = users(connection, true)?;
        long.retain(|user| now.iter().any(|row| row.transaction == user.transaction));
    }
    Ok(long.into_iter().next().map(TableUser::from))
}

/// A session that has one of the tables in a way in which neither readers nor writers have it: a
/// vacuum that does not give way, the building of an index, or a change of the table.
pub(crate) fn user_in_the_way_of_vacuum(
    connection: &mut PgConnection,
) -> QueryResult<Option<TableUser>> {
    Ok(users(connection, false)?.into_iter().next().map(TableUser::from))
}
