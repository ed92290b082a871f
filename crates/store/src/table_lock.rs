//! Keeps everyone out of the table of submissions for a moment, for a migration or for the end of the move from 2016.
//!
//! A session that waits for such a lock makes everyone behind it wait too. So it waits for a short time only, and only when
//! nobody seems to use the table for long. But autovacuum stops for a session only if that has waited for
//! `deadlock_timeout`, a second by default, which only a superuser may shorten. Therefore the session first takes a lock
//! that conflicts with vacuum and with no reader or writer, so it can wait for that as long as it likes. While it has this
//! lock, no vacuum begins.

use std::time::Duration;

use diesel::{
    connection::SimpleConnection, prelude::*, result::Error as DieselError, sql_query,
    sql_types::Text,
};

use crate::{
    table_users::{TableUser, long_user, user_in_the_way_of_vacuum},
    unavailable::one_line,
};

/// How long to wait for a lock that keeps others out. A migration, and the end of the move, take two of them one after the
/// other, on the view form_form and on the table; so nobody waits for longer than a second, with 200 ms left for the work.
pub(crate) const LOCK_WAIT: Duration = Duration::from_millis(400);

/// Waits for as long as autovacuum needs to give way, and 5 s for a vacuum that is in the middle of something.
const WAIT_FOR_VACUUM: &str = "SELECT set_config('lock_timeout', (setting::bigint + 5000)::text, true) \
    FROM pg_settings WHERE name = 'deadlock_timeout'";

/// The table of submissions under its name, or the one of 2016 before the first migration.
const TABLES: &str = "SELECT oid::regclass::text AS name FROM pg_class \
    WHERE oid IN (to_regclass('forms'), to_regclass('form_form')) AND relkind IN ('r', 'p')";

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Why the work was not done.
pub(crate) enum NotDone<E> {
    /// Another session uses the table; `None` if it has ended meanwhile.
    InUse(Option<TableUser>),
    Failed(E),
}

impl<E: From<DieselError>> From<DieselError> for NotDone<E> {
    fn from(error: DieselError) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs `work`, which locks the table, in a transaction, unless another transaction has used the table for a second.
///
/// It waits for [`LOCK_WAIT`] at most at each lock.
pub(crate) fn without_waiting_for_long<T, E: From<DieselError> + ToString>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, E>,
) -> Result<T, NotDone<E>> {
    let mut waits_for_vacuum = false;
    let done = connection.build_transaction().read_committed().run(|connection| {
        connection.batch_execute(WAIT_FOR_VACUUM)?;
        waits_for_vacuum = true;
        for Table { name } in sql_query(TABLES).load(connection)? {
            connection
                .batch_execute(&format!("LOCK TABLE {name} IN SHARE UPDATE EXCLUSIVE MODE"))?;
        }
        waits_for_vacuum = false;
        if let Some(user) = long_user(connection)? {
            return Err(NotDone::InUse(Some(user)));
        }
        connection.batch_execute(&format!("SET LOCAL lock_timeout = {}", LOCK_WAIT.as_millis()))?;
        work(connection).map_err(NotDone::Failed)
    });
    match done {
        Err(NotDone::Failed(error)) if is_lock_timeout(&error) => {
            let find = if waits_for_vacuum { user_in_the_way_of_vacuum } else { long_user };
            Err(NotDone::InUse(find(connection)?))
        }
        done => done,
    }
}

/// Whether a lock did not become free in time. diesel has no error kind for SQLSTATE 55P03, so this reads the message. If
/// the server's messages are not in English, it does not recognise the error.
pub(crate) fn is_lock_timeout(error: &impl ToString) -> bool {
    one_line(&error.to_string()).is_some_and(|message| message.contains("lock timeout"))
}
