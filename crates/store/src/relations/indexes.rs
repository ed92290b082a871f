//! An index for each form type, with which a page of its view reads no rows of other types.

use std::{
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use chrono::{DateTime, Utc};
use diesel::{
    connection::SimpleConnection,
    dsl::sql,
    prelude::*,
    sql_query,
    sql_types::{Bool, Integer, Nullable, Text, Timestamptz},
};

use super::{
    PublishError, refused,
    view::{identifier, literal},
};
use crate::{store::Store, table_users::TableUser, unavailable::Unavailable};

/// The key of the advisory lock of the process that builds indexes: "indexing" in ASCII.
const LOCK_KEY: i64 = 0x696e_6465_7869_6e67;

/// How often the log may name a transaction that holds up an index.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(QueryableByName)]
struct Wanted {
    #[diesel(sql_type = Text)]
    home: String,
    #[diesel(sql_type = Text)]
    form_type: String,
    /// Whether the index is complete; `None` if there is none.
    #[diesel(sql_type = Nullable<Bool>)]
    is_valid: Option<bool>,
}

#[derive(QueryableByName)]
struct Locker {
    #[diesel(sql_type = Nullable<Integer>)]
    pid: Option<i32>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    since: Option<DateTime<Utc>>,
}

impl Store {
    /// Builds the index of each published form type that has none, and returns the names of the
    /// types. It waits for every open transaction, without a limit; nobody waits for it.
    ///
    /// Several processes may call this at the same time: one builds, and the others wait.
    pub fn index_relations(&self) -> Result<Vec<String>, PublishError> {
        let connection = &mut self.connect_directly()?.ok_or(PublishError::ThroughPooler)?;
        // An index whose building is cut off stays there, and is of no use.
        let setup =
            "SET statement_timeout = 0; SET lock_timeout = 0; SET standard_conforming_strings = on";
        connection.batch_execute(setup).map_err(Unavailable::from)?;
        let wanted = wanted(connection).map_err(Unavailable::from)?;
        if wanted.iter().all(|one| one.is_valid == Some(true)) {
            return Ok(Vec::new());
        }
        lock(connection).map_err(Unavailable::from)?;
        let mut built = Vec::new();
        // Another process may have built some meanwhile.
        for Wanted { home, form_type, is_valid } in wanted_again(connection)? {
            let name = identifier(&index_name(&form_type));
            if is_valid == Some(false) {
                let drop = format!("DROP INDEX CONCURRENTLY {home}.{name}");
                connection.batch_execute(&drop).map_err(|error| refused(&name, error))?;
            }
            log::info!(form_type = form_type.as_str(); "Building an index; forms are stored meanwhile.");
            let create = format!(
                "CREATE INDEX CONCURRENTLY {name} ON {home}.forms (id) WHERE form_type = {} AND erased_at IS NULL",
                literal(&form_type)
            );
            self.build(connection, &create, &form_type)?;
            built.push(form_type);
        }
        Ok(built)
    }

    /// Runs the statement, and meanwhile names the transactions that hold it up.
    fn build(
        &self,
        connection: &mut PgConnection,
        create: &str,
        form_type: &str,
    ) -> Result<(), PublishError> {
        let pid = diesel::select(sql::<Integer>("pg_backend_pid()"))
            .get_result::<i32>(connection)
            .map_err(Unavailable::from)?;
        thread::scope(|scope| {
            let (finished, watched) = channel::<()>();
            let building = scope.spawn(move || {
                let result = connection.batch_execute(create);
                drop(finished);
                result
            });
            let mut named = None;
            while watched.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                let Ok(Some(locker)) = self.locker(pid) else { continue };
                if named != Some(locker.pid) {
                    named = Some(locker.pid);
                    let user = TableUser {
                        table: "forms".to_owned(),
                        pid: locker.pid,
                        since: locker.since,
                    };
                    log::warn!(
                        form_type, pid = user.pid_in_words(), since = user.since_in_words();
                        "An index waits until another session ends its transaction; forms are stored meanwhile."
                    );
                }
            }
            match building.join() {
                Ok(result) => result.map_err(|error| refused(&index_name(form_type), error)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// The transaction for which the building session waits, if it waits.
    fn locker(&self, building: i32) -> Result<Option<Locker>, Unavailable> {
        self.session()?.run(|connection| {
            sql_query(
                "SELECT nullif(p.current_locker_pid, 0)::int AS pid, a.xact_start AS since \
                     FROM pg_stat_progress_create_index p LEFT JOIN pg_stat_activity a ON a.pid = p.current_locker_pid \
                     WHERE p.pid = $1 AND p.phase LIKE 'waiting%' AND p.lockers_done < p.lockers_total",
            )
            .bind::<Integer, _>(building)
            .get_result(connection)
            .optional()
        })
    }
}

fn index_name(form_type: &str) -> String {
    format!("forms_of_{form_type}")
}

fn wanted(connection: &mut PgConnection) -> QueryResult<Vec<Wanted>> {
    sql_query(
        "SELECT f.relnamespace::regnamespace::text AS home, r.name AS form_type, \
             (SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
                  WHERE i.indrelid = f.oid AND c.relname = 'forms_of_' || r.name) AS is_valid \
         FROM pg_class f, relations r \
         WHERE f.oid = 'forms'::regclass AND r.schema = 'submissions' AND r.name <> 'erasures' \
         ORDER BY r.name",
    )
    .load(connection)
}

fn wanted_again(connection: &mut PgConnection) -> Result<Vec<Wanted>, PublishError> {
    let mut wanted = wanted(connection).map_err(Unavailable::from)?;
    wanted.retain(|one| one.is_valid != Some(true));
    Ok(wanted)
}

/// Asks for the lock again and again, because a session that waits inside PostgreSQL holds a
/// snapshot, for which the building of an index waits.
fn lock(connection: &mut PgConnection) -> QueryResult<()> {
    let ask = format!("pg_try_advisory_lock({LOCK_KEY})");
    while !diesel::select(sql::<Bool>(&ask)).get_result::<bool>(connection)? {
        thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}
