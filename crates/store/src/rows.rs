//! Rows of any query as text, for relations whose columns are known only at run time.

use std::time::Duration;

use diesel::{
    PgConnection, QueryableByName, RunQueryDsl as _,
    connection::{DefaultLoadingMode, LoadConnection},
    pg::{Pg, PgValue},
    query_builder::{BoxedSqlQuery, SqlQuery},
    result::{DatabaseErrorKind, Error as DieselError, QueryResult},
    row::{Field as _, Row as _},
    sql_query,
    sql_types::{Integer, Nullable, Text},
};

use crate::{
    cancel::Running,
    store::Store,
    unavailable::{Unavailable, UnavailableKind},
};

/// The first fetch. A row can have a megabyte, so nothing is known before one has come.
const FIRST_FETCH: usize = 1;
/// The most by which a fetch may be larger than the one before.
const GROWTH: usize = 8;
const LARGEST_FETCH: usize = 4096;
/// The most bytes of one fetch, unless a single row has more: libpq holds all of it in memory.
const FETCH_BYTES: usize = 1 << 20;
/// libpq keeps a buffer for the largest row as long as the connection lives, so a connection that has
/// read a larger row is closed.
const LARGE_ROW: usize = 256 << 10;
/// The most cells of one fetch: libpq has 16 bytes for each of them, also for nulls.
const MOST_CELLS: usize = 1 << 16;

/// A query, each of whose columns is text. Its parameters are text too, so that SQL casts them:
/// `$1::bigint`.
#[derive(Clone, Debug, Default)]
pub struct TextQuery {
    /// A `SELECT`.
    pub sql: String,
    /// `$1`, `$2`, …
    pub parameters: Vec<Option<String>>,
    /// The time zone in which times are read and written; empty for the server's.
    pub time_zone: String,
}

/// How much a call may read.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// The most bytes in all cells together; a first row that is larger is read all the same.
    pub bytes: usize,
    /// How long each statement may take.
    pub statement: Duration,
}

/// How a reading has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEnd {
    /// The query has no more rows.
    Complete,
    /// There are more: the limit in bytes was reached, or `each` asked to stop.
    More,
}

impl Store {
    /// Runs the query in a transaction of its own that writes nothing, and gives each row to `each`
    /// until that returns `false`. A cell is null or PostgreSQL's text, in UTF-8.
    ///
    /// The rows come through a cursor in parts, so that memory is limited by `limits.bytes` and not
    /// by the query. Nothing is tried again, because `each` has seen rows by then.
    ///
    /// # Errors
    /// The database is unavailable, or PostgreSQL refuses the query; then its message is left out,
    /// because it may quote a parameter or a row.
    pub fn read_rows(
        &self,
        query: &TextQuery,
        limits: ReadLimits,
        mut each: impl FnMut(&[Option<&[u8]>]) -> bool,
    ) -> Result<ReadEnd, Unavailable> {
        let mut session = self.session()?;
        session.limit_statements(limits.statement);
        let (running, mut conflict) = (Running::new(self.cancel.as_ref()), false);
        let mut longest = 0;
        let read = session.run_in_own_transaction("BEGIN READ ONLY", |connection| {
            // It ends before the ROLLBACK, after which others get the connection.
            let running = running;
            let mut each = |cells: &[Option<&[u8]>]| {
                longest = longest.max(length(cells));
                each(cells)
            };
            read(connection, query, limits.bytes, &running, &mut each)
                .inspect_err(|error| conflict = is_conflict(error))
        });
        if longest > LARGE_ROW {
            session.discard();
        }
        read.map_err(|unavailable| match unavailable.kind {
            UnavailableKind::StatementFailed if conflict => {
                Unavailable::new(UnavailableKind::Conflict)
            }
            UnavailableKind::StatementFailed => Unavailable::new(unavailable.kind),
            _ => unavailable,
        })
    }
}

/// A transaction that only reads fails in this way on a standby alone.
fn is_conflict(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _))
}

#[derive(QueryableByName)]
struct Backend {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

fn read(
    connection: &mut PgConnection,
    query: &TextQuery,
    budget: usize,
    running: &Running<'_>,
    each: &mut impl FnMut(&[Option<&[u8]>]) -> bool,
) -> QueryResult<ReadEnd> {
    // What a role or a database may have set otherwise.
    let backend: Backend = sql_query("SELECT pg_backend_pid() AS pid, set_config('datestyle', 'ISO', true), set_config('intervalstyle', 'postgres', true), \
                   set_config('extra_float_digits', '1', true), \
                   set_config('timezone', coalesce(nullif($1, ''), current_setting('timezone')), true)")
        .bind::<Text, _>(&query.time_zone)
        .get_result(connection)?;
    running.runs_in(backend.pid)?;
    let declare = format!("DECLARE reading NO SCROLL CURSOR FOR {}", query.sql);
    let mut declaration: BoxedSqlQuery<'_, Pg, SqlQuery> = sql_query(declare).into_boxed();
    for parameter in &query.parameters {
        declaration = declaration.bind::<Nullable<Text>, _>(parameter);
    }
    declaration.execute(connection)?;

    let (mut rows, mut bytes, mut size) = (0_usize, 0_usize, FIRST_FETCH);
    let mut largest = LARGEST_FETCH;
    loop {
        running.check()?;
        let mut fetched = 0;
        let fetch = sql_query(format!("FETCH {size} FROM reading"));
        for row in LoadConnection::<DefaultLoadingMode>::load(connection, fetch)? {
            let row = row?;
            fetched += 1;
            let fields: Vec<_> = (0..row.field_count()).filter_map(|i| row.get(i)).collect();
            let values: Vec<Option<PgValue<'_>>> =
                fields.iter().map(|field| field.value()).collect();
            let cells: Vec<Option<&[u8]>> =
                values.iter().map(|value| value.as_ref().map(PgValue::as_bytes)).collect();
            largest = (MOST_CELLS / cells.len().max(1)).clamp(1, LARGEST_FETCH);
            let length = length(&cells);
            if rows > 0 && bytes + length > budget {
                return Ok(ReadEnd::More);
            }
            rows += 1;
            bytes += length;
            if !each(&cells) {
                return Ok(ReadEnd::More);
            }
        }
        if fetched < size {
            return Ok(ReadEnd::Complete);
        }
        let average = (bytes / rows.max(1)).max(1);
        let fit = budget.saturating_sub(bytes).min(FETCH_BYTES) / average;
        size = fit.clamp(1, (size * GROWTH).min(largest));
    }
}

fn length(cells: &[Option<&[u8]>]) -> usize {
    cells.iter().flatten().map(|cell| cell.len()).sum()
}
