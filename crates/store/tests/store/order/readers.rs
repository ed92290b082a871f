//! Two advancers of the watermark, and readers of the published relation and of the table itself.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use diesel::{prelude::*, sql_query, sql_types::BigInt};

use super::writers::connect;

#[derive(Clone, Copy, Debug)]
pub enum Page {
    OfTheRelation,
    OfTheTable,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Advances the watermark again and again, over restarts of the server.
pub fn advance_until(url: &str, done: &AtomicBool) {
    let mut connection = connect(url);
    while !done.load(Ordering::Relaxed) {
        if advance(&mut connection).is_err() {
            connection = connect(url);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn advance_and_find_last_row(primary: &str) -> i64 {
    let mut connection = connect(primary);
    advance(&mut connection).unwrap();
    sql_query("select coalesce(max(id), 0) as id from forms")
        .get_result::<Id>(&mut connection)
        .unwrap()
        .id
}

fn advance(connection: &mut PgConnection) -> QueryResult<usize> {
    sql_query("select advance_watermark('forms')").execute(connection)
}

/// The ids that a reader sees, in the order in which it sees them. It ends when nothing is left
/// after `done`. It reads from the primary or from a standby, and learns from the primary what the
/// last row is.
pub fn follow(url: &str, primary: &str, page: Page, done: &AtomicBool) -> Vec<i64> {
    let next = match page {
        Page::OfTheRelation => {
            "select id from submissions.form where id > $1 order by id limit 500"
        }
        Page::OfTheTable => "select id from forms where id > $1 order by id limit 500",
    };
    let mut connection = connect(url);
    let mut seen = Vec::new();
    loop {
        let no_more_writers = done.load(Ordering::Relaxed);
        let last = seen.last().copied().unwrap_or(0);
        let found = sql_query(next).bind::<BigInt, _>(last).load::<Id>(&mut connection);
        match found {
            Ok(rows) if rows.is_empty() => {
                if no_more_writers && advance_and_find_last_row(primary) == last {
                    return seen;
                }
                thread::sleep(Duration::from_millis(1));
            }
            Ok(rows) => seen.extend(rows.into_iter().map(|row| row.id)),
            Err(_) => connection = connect(url),
        }
    }
}
