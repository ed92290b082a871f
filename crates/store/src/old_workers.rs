//! Workers that must not run after the end of the move from 2016, as far as PostgreSQL shows them.

use diesel::{
    connection::SimpleConnection,
    prelude::*,
    sql_query,
    sql_types::{Integer, Text},
};

/// How the sessions of this release are called in `pg_stat_activity`, if `DATABASE_URL` gives them no
/// name.
pub(crate) const APPLICATION_NAME: &str =
    concat!("directory-form-data/", env!("CARGO_PKG_VERSION"));

/// How version 1.0.0 calls its sessions.
const NAME_IN_1_0_0: &str = "directory-form-data";

/// The names of sessions and the rights of their roles are visible to everyone.
const WRITERS: &str = "
    SELECT a.pid, a.usename::text AS role, coalesce(a.application_name, '') AS application
        FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.usename IS NOT NULL
            AND coalesce(a.backend_type, 'client backend') = 'client backend'
            AND a.application_name NOT LIKE 'directory-form-data/%'
            AND (has_table_privilege(a.usesysid, 'forms', 'INSERT') OR has_table_privilege(a.usesysid, 'form_form', 'INSERT'))
        ORDER BY a.pid";

#[derive(QueryableByName)]
struct Writer {
    #[diesel(sql_type = Integer)]
    pid: i32,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Text)]
    application: String,
}

/// Returns the process id of a session of a worker of version 1.0.0, if there is one.
pub(crate) fn find_one_of_1_0_0(connection: &mut PgConnection) -> QueryResult<Option<i32>> {
    let writers = writers(connection)?;
    Ok(writers.into_iter().find(|writer| writer.application == NAME_IN_1_0_0).map(|old| old.pid))
}

/// Logs the sessions that may insert and are none of ours, because one may be of the worker of 2016,
/// which gives its sessions no name.
pub(crate) fn warn_of_other_writers(connection: &mut PgConnection) -> QueryResult<()> {
    let writers = writers(connection)?;
    if writers.is_empty() {
        log::info!("No worker of version 1.0.0 or of 2016 is connected.");
    }
    for Writer { pid, role, application } in writers {
        log::warn!(
            pid, role, application;
            "A session that is none of ours may insert forms. If it is of the worker of 2016, stop that worker: from now on the view form_form refuses its inserts."
        );
    }
    Ok(())
}

fn writers(connection: &mut PgConnection) -> QueryResult<Vec<Writer>> {
    // In a transaction, PostgreSQL would show the sessions as they were when it first looked.
    connection.batch_execute("SELECT pg_stat_clear_snapshot()")?;
    sql_query(WRITERS).load(connection)
}
