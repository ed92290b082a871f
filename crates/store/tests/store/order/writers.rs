//! Every way in which a row gets into `forms`.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use diesel::{Connection, PgConnection, QueryResult, connection::SimpleConnection};

/// Writes some rows, which `marker` tells from all others, and returns how many ids it drew at
/// least.
type Write = fn(&mut PgConnection, &str) -> QueryResult<u64>;

pub const ALL: [Write; 8] = [
    a_batch,
    single_rows,
    a_transaction_that_sleeps,
    a_transaction_that_rolls_back,
    savepoints_that_roll_back,
    a_prepared_transaction,
    a_copy,
    the_worker_of_2016,
];

pub fn connect(url: &str) -> PgConnection {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match PgConnection::establish(url) {
            Ok(connection) => return connection,
            Err(error) => assert!(Instant::now() < deadline, "no connection: {error}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Writes until all writers together have drawn this many ids. A write that fails because the
/// server was stopped is not repeated.
pub fn write_until(url: &str, rows: u64, drawn: &AtomicU64, write: Write) {
    let mut connection = connect(url);
    for round in 0.. {
        if drawn.load(Ordering::Relaxed) >= rows * 5 / 4 {
            return;
        }
        let marker = format!("{:?}-{round}", thread::current().id());
        match write(&mut connection, &marker) {
            Ok(count) => drop(drawn.fetch_add(count, Ordering::Relaxed)),
            Err(_) => connection = connect(url),
        }
    }
}

fn rows(marker: &str, count: u32) -> String {
    format!(
        "insert into forms (submission_id, sqs_message_id, data) \
         select gen_random_uuid(), '{marker}-' || n, '{{\"data\": 1}}' from generate_series(1, {count}) n;"
    )
}

fn a_batch(connection: &mut PgConnection, marker: &str) -> QueryResult<u64> {
    connection.batch_execute(&rows(marker, 500))?;
    Ok(500)
}

fn single_rows(connection: &mut PgConnection, marker: &str) -> QueryResult<u64> {
    connection.batch_execute(&format!(
        "select store_form('form', gen_random_uuid(), '{marker}', now(), '{{}}')"
    ))?;
    Ok(1)
}

fn a_transaction_that_sleeps(connection: &mut PgConnection, marker: &str) -> QueryResult<u64> {
    let rows = rows(marker, 7);
    connection.batch_execute(&format!("begin; {rows} select pg_sleep(random() * 0.1); commit"))?;
    Ok(7)
}

fn a_transaction_that_rolls_back(connection: &mut PgConnection, marker: &str) -> QueryResult<u64> {
    let (lost, kept) = (rows(marker, 20), rows(&format!("{marker}-kept"), 3));
    connection.batch_execute(&format!("begin; {lost} select pg_sleep(0.005); rollback"))?;
    connection.batch_execute(&kept)?;
    Ok(3)
}

fn savepoints_that_roll_back(connection: &mut PgConnection, marker: &str) -> QueryResult<u64> {
    let [first, lost, last] = ["a", "b", "c"].map(|part| rows(&format!("{marker}-{part}"), 3));
    connection.batch_execute(&format!(
        "begin; savepoint s; {lost} rollback to s; {first} select pg_sleep(0.01); savepoint t; \
         {last} release t; commit"
    ))?;
    Ok(6)
}

fn a_prepared_transaction(connection: &mut PgConnection, marker: &str) -> QueryResult<u64> {
    let rows = rows(marker, 5);
    connection.batch_execute(&format!("begin; {rows} prepare transaction '{marker}'"))?;
    thread::sleep(Duration::from_millis(20));
    connection.batch_execute(&format!("commit prepared '{marker}'"))?;
    Ok(5)
}

fn a_copy(connection: &mut PgConnection, marker: &str) -> QueryResult<u64> {
    connection.batch_execute(&format!(
        "copy forms (sqs_message_id, data) from program 'seq -f \"{marker}-%g;{{}}\" 200' (delimiter ';')"
    ))?;
    Ok(200)
}

fn the_worker_of_2016(connection: &mut PgConnection, marker: &str) -> QueryResult<u64> {
    connection.batch_execute(&format!(
        "insert into form_form (created, data, sqs_message_id) values (now(), '{{}}', '{marker}') returning id"
    ))?;
    Ok(1)
}
