//! Builds and drops indexes while others write.
//!
//! `CREATE INDEX CONCURRENTLY` waits for transactions and blocks nobody meanwhile, so it needs no
//! `lock_timeout`. With one, it would leave an invalid index behind: one that costs as much as any
//! other, and finds nothing.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use diesel::{
    connection::SimpleConnection,
    dsl::sql,
    prelude::*,
    sql_query,
    sql_types::{Bool, Integer, Nullable, Text, Timestamptz},
};

use crate::{
    connection_string::ConnectionString,
    direct,
    store::Store,
    table_users::{LONG, TableUser},
    unavailable::Unavailable,
};

/// The key of the advisory lock of the session that builds or drops indexes: "indexing" in ASCII.
///
/// Two that build at the same time deadlock: the first has locked the table and waits for the other's
/// snapshot, and the other waits for the table.
const LOCK_KEY: i64 = 0x696e_6465_7869_6e67;

/// How often a transaction that holds up the build is named again.
const NAME_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The transactions for which a session waits. A prepared one has no process.
const IN_THE_WAY: &str = "
    SELECT nullif(pid, 0) AS pid, min(xact_start) AS since
        FROM unnest(pg_blocking_pids($1)) AS pid LEFT JOIN pg_stat_activity USING (pid)
        GROUP BY pid ORDER BY since LIMIT 1";

#[derive(QueryableByName)]
struct InTheWay {
    #[diesel(sql_type = Nullable<Integer>)]
    pid: Option<i32>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    since: Option<DateTime<Utc>>,
}

/// A session without time limits, for statements that wait for others and block nobody.
pub(crate) struct Builder<'a> {
    target: &'a ConnectionString,
    pub(crate) connection: PgConnection,
}

impl<'a> Builder<'a> {
    /// `None` if a pooler stands between.
    pub(crate) fn connect(store: &'a Store) -> Result<Option<Self>, Unavailable> {
        let Some(mut connection) = store.connect_directly()? else { return Ok(None) };
        connection.batch_execute(
            "SET statement_timeout = 0; SET lock_timeout = 0; SET standard_conforming_strings = on",
        )?;
        Ok(Some(Self { target: &store.target, connection }))
    }

    /// Waits until no other process builds or drops indexes. Returns false if that takes longer than
    /// `patience`.
    ///
    /// It asks again and again, because a session that waits inside PostgreSQL holds a snapshot, for
    /// which the building of an index waits.
    pub(crate) fn lock(&mut self, patience: Duration) -> QueryResult<bool> {
        let began = Instant::now();
        let ask = format!("pg_try_advisory_lock({LOCK_KEY})");
        while !diesel::select(sql::<Bool>(&ask)).get_result::<bool>(&mut self.connection)? {
            if began.elapsed() >= patience {
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(true)
    }

    /// Makes an index of `forms`, unless there is one of this name. An invalid one, left by a build
    /// that was interrupted, is dropped first. The name may have a schema.
    pub(crate) fn create(&mut self, name: &str, statement: &str) -> QueryResult<()> {
        if self.is_valid(name)? {
            return Ok(());
        }
        self.drop_index(name)?;
        log::info!(index = name; "Building an index. This can take long; workers go on storing.");
        self.wait_for(name, statement)
    }

    /// Drops an index, if it is there.
    pub(crate) fn drop_index(&mut self, name: &str) -> QueryResult<()> {
        self.wait_for(name, &format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"))
    }

    pub(crate) fn is_valid(&mut self, name: &str) -> QueryResult<bool> {
        diesel::select(
            sql::<Bool>(
                "EXISTS (SELECT FROM pg_index WHERE indisvalid AND indrelid = 'forms'::regclass AND indexrelid = to_regclass(",
            )
            .bind::<Text, _>(name)
            .sql("))"),
        )
        .get_result(&mut self.connection)
    }

    /// Runs a statement, and meanwhile names the transactions for which it waits.
    fn wait_for(&mut self, index: &str, statement: &str) -> QueryResult<()> {
        let pid: i32 =
            diesel::select(sql::<Integer>("pg_backend_pid()")).get_result(&mut self.connection)?;
        let (target, connection) = (self.target, &mut self.connection);
        let (done, is_done) = channel();
        thread::scope(|scope| {
            scope.spawn(move || name_those_in_the_way(target, index, pid, &is_done));
            let result = connection.batch_execute(statement);
            drop(done);
            result
        })
    }
}

/// Looks until `done` is dropped. What it does not see is not named: the build goes on.
fn name_those_in_the_way(
    target: &ConnectionString,
    index: &str,
    builder: i32,
    done: &Receiver<()>,
) {
    let mut connection = None;
    let mut seen: Option<(InTheWay, Option<Instant>)> = None;
    while done.recv_timeout(LONG) == Err(RecvTimeoutError::Timeout) {
        if connection.is_none() {
            connection = direct::connect(target).ok();
        }
        let Some(open) = &mut connection else { continue };
        let Ok(now) = sql_query(IN_THE_WAY)
            .bind::<Integer, _>(builder)
            .get_result::<InTheWay>(open)
            .optional()
        else {
            connection = None;
            continue;
        };
        seen = now.map(|now| match seen.take() {
            Some((before, named)) if (before.pid, before.since) == (now.pid, now.since) => {
                let again = named.is_none_or(|named| named.elapsed() >= NAME_AGAIN_AFTER);
                if again {
                    name_it(index, &now);
                }
                let named = if again { Some(Instant::now()) } else { named };
                (now, named)
            }
            _ => (now, None),
        });
    }
}

fn name_it(index: &str, in_the_way: &InTheWay) {
    let InTheWay { pid, since } = *in_the_way;
    let user = TableUser { table: "forms".to_owned(), pid, since };
    log::warn!(
        index, table = user.table, pid = user.pid_in_words(), since = user.since_in_words();
        "An index waits until another transaction ends. Nobody else waits for it."
    );
}
