//! Readers that follow a published relation by id see each row once, in order, whatever the writers
//! do.

mod readers;
mod writers;

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use diesel::{RunQueryDsl, connection::SimpleConnection};
use domain::FormType;
use store::{MessageIds, Watermark};
use test_kit::postgres::{Cluster, ClusterOptions, Shutdown, sql};

use crate::support::{fixture, store_on};
use readers::{Page, follow};

/// Enough for readers without a watermark to miss thousands.
const ROWS: u64 = 200_000;

#[test]
fn a_reader_of_the_published_relation_sees_each_row_once_and_one_of_the_table_misses_some() {
    let mut cluster = cluster_with_prepared_transactions();
    let url = cluster.url("postgres");
    let store = store_on(&url, |_| {});
    store.migrate().unwrap();
    // The 2016 worker is one of the writers.
    store.index_message_ids(MessageIds::OfAllRows).unwrap();
    assert_eq!(store.publish(&[FormType::form()]).unwrap().failed, []);
    assert_eq!(store.index_relations().unwrap().failed, []);
    let standby = cluster.replica().unwrap();
    let standby_url = standby.url("postgres");

    let (done, drawn) = (AtomicBool::new(false), AtomicU64::new(0));
    let (url, standby_url, done, drawn) = (url.as_str(), standby_url.as_str(), &done, &drawn);
    let (of_relation, of_table) = thread::scope(|scope| {
        let writers: Vec<_> = writers::ALL
            .iter()
            .map(|write| scope.spawn(move || writers::write_until(url, ROWS, drawn, *write)))
            .collect();
        for _ in 0..2 {
            scope.spawn(move || readers::advance_until(url, done));
        }
        let follower = |from, page| scope.spawn(move || follow(from, url, page, done));
        let of_relation = [url, standby_url].map(|from| follower(from, Page::OfTheRelation));
        let of_table = [url, standby_url].map(|from| follower(from, Page::OfTheTable));

        while drawn.load(Ordering::Relaxed) < ROWS / 2 {
            thread::sleep(Duration::from_millis(20));
        }
        cluster.restart(Shutdown::Immediate).unwrap();
        for writer in writers {
            writer.join().unwrap();
        }
        roll_back_prepared_transactions(url);
        done.store(true, Ordering::Relaxed);
        (
            of_relation.map(|reader| reader.join().unwrap()),
            of_table.map(|reader| reader.join().unwrap()),
        )
    });

    let stored = sql(url, "select id from forms order by id").unwrap();
    let stored: Vec<i64> = stored.lines().map(|id| id.parse().unwrap()).collect();
    assert!(stored.len() as u64 >= ROWS);
    for seen in of_relation {
        assert_eq!(seen.len(), stored.len());
        assert!(seen == stored, "a reader saw other rows than those stored, or in another order");
    }
    let missed: usize = of_table.iter().map(|seen| stored.len() - seen.len()).sum();
    assert!(missed > 0, "nobody missed a row, so this test shows nothing");
}

fn cluster_with_prepared_transactions() -> Cluster {
    let mut options = ClusterOptions::that_replicates();
    options.settings.push(("max_prepared_transactions".to_owned(), "20".to_owned()));
    Cluster::throwaway(options).unwrap()
}

/// Those whose writer lost its connection before it could commit them.
fn roll_back_prepared_transactions(url: &str) {
    let left = sql(url, "select gid from pg_prepared_xacts").unwrap();
    for gid in left.lines() {
        sql(url, &format!("rollback prepared '{gid}'")).unwrap();
    }
}

#[test]
fn an_update_that_stays_open_holds_no_reader_back() {
    let fixture = fixture();
    fixture.database.sql("select store_form('form', null, 'first', null, '{}')");
    let _update = fixture.session_that("begin; update forms set data = data");
    fixture.database.sql("select store_form('form', null, 'second', null, '{}')");
    assert_eq!(fixture.database.sql("select watermark from advance_watermark('forms')"), "2");
}

#[test]
fn an_insert_that_stays_open_holds_readers_back_until_it_ends() {
    let fixture = fixture();
    let insert = "begin; insert into forms (sqs_message_id, data) values ('slow', '{}')";
    let slow = fixture.session_that(insert);
    fixture.database.sql("select store_form('form', null, 'second', null, '{}')");
    let advance = || fixture.store.advance_watermark().unwrap().unwrap();
    let first = advance();
    assert_eq!((first.id, first.waits.is_some()), (0, true));
    let second = advance();
    assert_eq!(second.id, 0);
    assert!(second.waits > first.waits);
    let waiting = "select candidate, cardinality(holders) from watermarks where relation = 'forms'";
    assert_eq!(fixture.database.sql(waiting), "2|1");

    drop(slow);
    fixture.wait_for("select watermark = 2 from advance_watermark('forms')");
    assert_eq!(fixture.database.sql(waiting), "|0");
    assert_eq!(advance(), Watermark { id: 2, waits: None });
}

/// Recovery gives a prepared transaction another virtual transaction, and the server does not count
/// as started anew.
#[test]
fn a_prepared_transaction_holds_readers_back_after_a_crash_of_a_backend_too() {
    let cluster = cluster_with_prepared_transactions();
    let url = cluster.url("postgres");
    let store = store_on(&url, |_| {});
    store.migrate().unwrap();
    let watermark = || store.advance_watermark().unwrap().unwrap().id;
    let mut slow = writers::connect(&url);
    slow.batch_execute("begin; insert into forms (sqs_message_id, data) values ('slow', '{}')")
        .unwrap();
    sql(&url, "select store_form('form', null, 'quick', null, '{}')").unwrap();
    assert_eq!(watermark(), 0);
    slow.batch_execute("prepare transaction 'slow'").unwrap();
    assert_eq!(watermark(), 0);

    let start = sql(&url, "select pg_postmaster_start_time()").unwrap();
    let victim = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("pg_backend_pid()"))
        .get_result::<i32>(&mut slow)
        .unwrap();
    let killed = std::process::Command::new("kill").args(["-9", &victim.to_string()]).status();
    assert!(killed.unwrap().success());
    drop(slow);
    let mut after = loop {
        // The server ends the connections of all its backends a moment later.
        let mut connection = writers::connect(&url);
        thread::sleep(Duration::from_millis(200));
        if connection.batch_execute("select 1").is_ok() {
            break connection;
        }
    };
    assert_eq!(sql(&url, "select pg_postmaster_start_time()").unwrap(), start);
    assert_eq!((watermark(), watermark()), (0, 0));
    after.batch_execute("commit prepared 'slow'").unwrap();
    // Recovery also skips some ids.
    assert!(watermark() >= 2);
}

#[test]
fn ids_that_can_come_out_of_order_are_an_error() {
    let fixture = fixture();
    fixture.database.sql("alter sequence forms_id_seq cache 10");
    let error = fixture.database.try_sql("select * from advance_watermark('forms')").unwrap_err();
    assert!(error.to_string().contains("has no cache"), "{error}");
}

#[test]
fn nobody_waits_for_another_session_that_makes_a_step() {
    let fixture = fixture();
    let _other = fixture.session_that("begin; select from watermarks for update");
    assert_eq!(fixture.store.advance_watermark(), Ok(None));
}

#[test]
fn a_step_that_changes_nothing_writes_nothing() {
    let fixture = fixture();
    fixture.database.sql("select store_form('form', null, 'first', null, '{}')");
    let advance = "select watermark from advance_watermark('forms')";
    fixture.database.sql(advance);
    let version =
        || fixture.database.sql("select xmin, ctid from watermarks where relation = 'forms'");
    let before = version();
    fixture.database.sql(advance);
    assert_eq!(version(), before);
}

#[test]
fn a_table_without_a_watermark_is_named() {
    let error =
        fixture().database.try_sql("select * from advance_watermark('form_form')").unwrap_err();
    assert!(error.to_string().contains("there is no watermark for form_form"), "{error}");
}
