//! What a page of the published relation costs.

use std::time::Instant;

use anyhow::{Result, ensure};
use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text},
};

use crate::intake::median;

/// Rows of a page.
pub const ROWS: usize = 1000;
const TIMES: usize = 5;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    #[expect(dead_code, reason = "it only has to arrive")]
    json: String,
}

/// How long it takes to get the page after this id, with all columns as JSON, in ms: the median of five times.
pub fn milliseconds(database: &str, after: u64) -> Result<f64> {
    let page = format!(
        "select row_to_json(page)::text as json from \
         (select * from submissions.registration where id > $1 order by id limit {ROWS}) page"
    );
    let connection = &mut PgConnection::establish(database)?;
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let started = Instant::now();
        let rows: Vec<Row> = sql_query(&page).bind::<BigInt, _>(after as i64).load(connection)?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        ensure!(rows.len() == ROWS, "a page has {} rows", rows.len());
    }
    Ok(median(times))
}
