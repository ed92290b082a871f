//! Exchanges the unique index on the message ids of all rows for a small one, and back.
//!
//! Only the index of all rows finds a message that the 2016 worker, which knows no submission ids,
//! and ours have both received. So while the small one is there, the view `form_form` refuses that
//! worker's inserts. The migration `large_tables` says why the index of all rows should go.

use std::time::{Duration, Instant};

use diesel::{
    connection::SimpleConnection,
    dsl::sql,
    prelude::*,
    result::{DatabaseErrorKind, Error as DieselError},
    sql_query,
    sql_types::{BigInt, Bool, Text},
};
use thiserror::Error;

use crate::{
    concurrent_index::Builder,
    old_workers::{find_one_of_1_0_0, warn_of_other_writers},
    store::Store,
    table_lock::{NotDone, without_waiting_for_long},
    table_users::TableUser,
    unavailable::Unavailable,
};

const ALL_ROWS: &str = "forms_sqs_message_id_key";
const WITHOUT_SUBMISSION_ID: &str = "forms_sqs_message_id_alone_key";

/// A session that was closed keeps the lock until its process has noticed that.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// How long to try to get the table for a moment.
const TABLE_WAIT: Duration = Duration::from_secs(60);

/// Everything that `form_form` has let through is committed when the lock is there.
const FINISH: &str = "
    DROP TRIGGER IF EXISTS refuse_insert_of_2016 ON form_form;
    CREATE TRIGGER refuse_insert_of_2016 INSTEAD OF INSERT ON form_form
        FOR EACH ROW EXECUTE FUNCTION refuse_insert_of_2016();
    ALTER TABLE forms DROP CONSTRAINT IF EXISTS forms_sqs_message_id_key;
    DROP INDEX IF EXISTS forms_sqs_message_id_key;";

const GO_BACK: &str = "
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_constraint
                WHERE conrelid = 'forms'::regclass AND conname = 'forms_sqs_message_id_key') THEN
            ALTER TABLE forms ADD CONSTRAINT forms_sqs_message_id_key UNIQUE USING INDEX forms_sqs_message_id_key;
        END IF;
    END $$;
    DROP TRIGGER IF EXISTS refuse_insert_of_2016 ON form_form;";

/// Django makes a second index on a text column with a unique constraint, for LIKE.
const INDEXES_OF_DJANGO: &str = "
    SELECT quote_ident(c.relname) AS name FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_opclass o ON o.oid = i.indclass[0]
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = 'forms'::regclass AND NOT i.indisunique AND i.indnatts = 1 AND i.indpred IS NULL
            AND a.attname = 'sqs_message_id' AND c.relname LIKE '%\\_like'
            AND o.opcname IN ('varchar_pattern_ops', 'text_pattern_ops')";

/// Which message ids the unique index on them has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageIds {
    /// Those of rows without a submission id. The view `form_form` takes no inserts.
    OfRowsWithoutSubmissionId,
    /// All. The 2016 worker can insert through the view `form_form`.
    OfAllRows,
}

/// Why the indexes were not exchanged, or not to the end. Running it again goes on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FinishMoveError {
    /// The database does not answer, or refuses.
    #[error("the database is unavailable")]
    Unavailable(#[from] Unavailable),
    /// A pooler stands between, so the lock of a session would not hold.
    #[error("this needs a direct connection: use a DATABASE_URL of PostgreSQL itself")]
    ThroughPooler,
    /// The schema is too old.
    #[error("run `worker migrate` first")]
    NotMigrated,
    /// Another process builds or drops an index.
    #[error("another process builds or drops an index of forms. Run this again when it is done")]
    Locked,
    /// A worker of the last release runs.
    #[error(
        "a worker of version 1.0.0 is connected (pid {pid}). It would store messages again that the worker of 2016 has \
         stored: stop it, or update it, and run this again"
    )]
    LastRelease {
        /// The process id of one of its sessions.
        pid: i32,
    },
    /// Another session has used the table all the time.
    #[error(
        "another session uses a table that is needed for a moment ({}). Run it again when that session has ended",
        user.as_ref().map_or_else(|| "it has ended".to_owned(), ToString::to_string)
    )]
    InUse {
        /// Who uses it; `None` if that session has ended meanwhile.
        user: Option<TableUser>,
    },
    /// Several rows have the same message id, so it cannot be unique in the whole table.
    #[error(
        "{message_ids} SQS message ids are in more than one row, so forms cannot have an index in which each is unique. \
         Find them with `select sqs_message_id, array_agg(id) from forms group by 1 having count(*) > 1`, \
         and set sqs_message_id to null in all but one row of each"
    )]
    Duplicates {
        /// How many.
        message_ids: i64,
    },
}

impl From<DieselError> for FinishMoveError {
    fn from(error: DieselError) -> Self {
        Self::Unavailable(error.into())
    }
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Store {
    /// Makes this index and drops the other. Workers store meanwhile; only for a moment, when the
    /// new index is complete, the table is locked. It has no time limit.
    ///
    /// The role must own the table.
    pub fn index_message_ids(&self, wanted: MessageIds) -> Result<(), FinishMoveError> {
        let mut builder = Builder::connect(self)?.ok_or(FinishMoveError::ThroughPooler)?;
        let migrated = sql::<Bool>("to_regprocedure('message_ids_are_unique()') IS NOT NULL");
        if !diesel::select(migrated).get_result::<bool>(&mut builder.connection)? {
            return Err(FinishMoveError::NotMigrated);
        }
        if !builder.lock(LOCK_WAIT)? {
            return Err(FinishMoveError::Locked);
        }
        match wanted {
            MessageIds::OfRowsWithoutSubmissionId => finish(&mut builder),
            MessageIds::OfAllRows => go_back(&mut builder),
        }
    }
}

fn finish(builder: &mut Builder<'_>) -> Result<(), FinishMoveError> {
    refuse(find_one_of_1_0_0(&mut builder.connection)?)?;
    warn_of_other_writers(&mut builder.connection)?;
    let statement = format!(
        "CREATE UNIQUE INDEX CONCURRENTLY {WITHOUT_SUBMISSION_ID} ON forms (sqs_message_id) WHERE submission_id IS NULL"
    );
    builder.create(WITHOUT_SUBMISSION_ID, &statement)?;
    // The build may have taken hours.
    refuse(find_one_of_1_0_0(&mut builder.connection)?)?;
    lock_and(builder, FINISH, find_one_of_1_0_0)?;
    for Name { name } in sql_query(INDEXES_OF_DJANGO).load(&mut builder.connection)? {
        builder.drop_index(&name)?;
    }
    Ok(())
}

fn go_back(builder: &mut Builder<'_>) -> Result<(), FinishMoveError> {
    let statement =
        format!("CREATE UNIQUE INDEX CONCURRENTLY {ALL_ROWS} ON forms (sqs_message_id)");
    if let Err(error) = builder.create(ALL_ROWS, &statement) {
        // It would go on refusing rows.
        builder.drop_index(ALL_ROWS)?;
        return Err(match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                FinishMoveError::Duplicates { message_ids: duplicates(builder)? }
            }
            other => other.into(),
        });
    }
    lock_and(builder, GO_BACK, |_| Ok(None))?;
    builder.drop_index(WITHOUT_SUBMISSION_ID)?;
    Ok(())
}

fn duplicates(builder: &mut Builder<'_>) -> QueryResult<i64> {
    diesel::select(sql::<BigInt>(
        "(SELECT count(*) FROM (SELECT FROM forms WHERE sqs_message_id IS NOT NULL GROUP BY sqs_message_id HAVING count(*) > 1) AS more)",
    ))
    .get_result(&mut builder.connection)
}

fn refuse(of_1_0_0: Option<i32>) -> Result<(), FinishMoveError> {
    of_1_0_0.map_or(Ok(()), |pid| Err(FinishMoveError::LastRelease { pid }))
}

/// Locks the view and the table for a moment, but does not queue for them while another session
/// uses one for long: it would keep everyone else out meanwhile. It runs the statements only if
/// `find_old` then finds no worker of version 1.0.0.
fn lock_and(
    builder: &mut Builder<'_>,
    statements: &str,
    find_old: fn(&mut PgConnection) -> QueryResult<Option<i32>>,
) -> Result<(), FinishMoveError> {
    let deadline = Instant::now() + TABLE_WAIT;
    loop {
        let user = match without_waiting_for_long(&mut builder.connection, |connection| {
            connection.batch_execute("LOCK TABLE form_form, forms IN ACCESS EXCLUSIVE MODE")?;
            let old = find_old(connection)?;
            if old.is_none() {
                connection.batch_execute(statements)?;
            }
            Ok::<_, DieselError>(old)
        }) {
            Ok(old) => return refuse(old),
            Err(NotDone::Failed(error)) => return Err(FinishMoveError::from(error)),
            Err(NotDone::InUse(user)) => user,
        };
        if Instant::now() >= deadline {
            return Err(FinishMoveError::InUse { user });
        }
        if let Some(user) = &user {
            log::warn!(
                table = user.table, pid = user.pid_in_words(), since = user.since_in_words();
                "The new index is complete, and waits until another session no longer uses the table."
            );
        }
    }
}
