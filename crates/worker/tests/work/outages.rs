//! While the database or the queue is away nothing is lost, and receive counts are not burnt.

use std::time::Duration;

use serde_json::json;
use test_kit::{
    Service, Stack,
    postgres::{Cluster, ClusterOptions, Shutdown, sql},
    service::Signal,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

async fn ready_page(worker: &Service) -> (u16, serde_json::Value) {
    let answer = reqwest::get(worker.url("/healthcheck/ready/")).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_database_that_stops_and_comes_back_loses_nothing() {
    const FORMS: usize = 120;
    for shutdown in [Shutdown::Fast, Shutdown::Immediate] {
        let mut cluster = Cluster::throwaway(ClusterOptions::default()).unwrap();
        let stack = Stack::start();
        let url = cluster.url("postgres");
        let worker = stack.worker(&[("DATABASE_URL", &url)]);
        stack.ready(&worker).await;
        stack.sqs.send(QUEUE, r#"{"data":1}"#, &[]).await;
        stack.drained().await;

        cluster.stop(shutdown);
        for number in 2..=FORMS {
            stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
        }
        wait::until("the gate is shut", async || {
            worker.log().contains("nothing is received until it is back").then_some(())
        })
        .await;
        let (status, page) = ready_page(&worker).await;
        assert_eq!((status, &page["queue"]), (503, &json!("OK")));
        assert_eq!(page["database"], "the database stores nothing");
        assert_eq!(reqwest::get(worker.url("/healthcheck/")).await.unwrap().status(), 200);
        // The polls that were out come back at once, for there is enough to receive, and no new one is issued.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let polls = stack.sqs.requests("ReceiveMessage").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(stack.sqs.requests("ReceiveMessage").await, polls, "it went on polling");

        cluster.start().unwrap();
        stack.drained().await;
        stack.ready(&worker).await;
        assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
        let (status, log) = worker.stop(test_kit::service::Signal::Term);
        assert_eq!(status.code(), Some(0), "{log}");
        let rows =
            std::process::Command::new("psql").args([&url, "-Atc", "select count(*) from forms"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&rows.stdout).trim(), FORMS.to_string());
    }
}

#[tokio::test]
async fn a_read_only_database_is_waited_for() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    let name = stack.database.name();
    stack.database.sql(&format!("alter database {name} set default_transaction_read_only = on"));
    stack.database.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");
    for number in 0..5 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    wait::until("the gate is shut", async || worker.log().contains("reason=\"read_only").then_some(())).await;
    let reset = format!("set transaction read write; alter database {name} reset default_transaction_read_only");
    stack.database.sql(&reset);
    stack.database.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");
    stack.drained().await;
    assert_eq!(stack.rows(), 5);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn a_lone_row_that_keeps_failing_is_released_and_the_others_go_on() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    // Neither the data nor the database is to blame: a lock timeout of this one row, as it were.
    stack.database.sql(
        "create function fail() returns trigger language plpgsql as $$ begin
           if new.data->>'data' = 'stuck' then raise exception 'canary' using errcode = 'lock_not_available'; end if;
           return new; end $$;
         create trigger fail before insert on forms for each row execute function fail()",
    );
    stack.sqs.send(QUEUE, r#"{"data":"stuck"}"#, &[]).await;
    for number in 0..9 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    wait::until("the others are stored", async || (stack.rows() == 9).then_some(())).await;
    wait::until("only the stuck one is left on the queue", async || {
        let counts = stack.sqs.counts(QUEUE).await;
        (counts.visible + counts.in_flight == 1).then_some(())
    })
    .await;
    stack.database.sql("drop trigger fail on forms");
    stack.drained().await;
    assert_eq!(stack.rows(), 10);
    assert!(!worker.log().contains("nothing is received until"), "{}", worker.log());
    assert!(!worker.log().contains("canary"), "{}", worker.log());
}

#[tokio::test]
async fn deadlocks_and_serialisation_failures_are_tried_again_in_place() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    // The batch fails, and the row twice more; a sequence counts on when a transaction is rolled back.
    stack.database.sql(
        "create sequence tries;
         create function fail() returns trigger language plpgsql as $$ begin
           if nextval('tries') <= 3 then raise exception 'again' using errcode = new.data->>'data'; end if;
           return new; end $$;
         create trigger fail before insert on forms for each row execute function fail()",
    );
    for code in ["deadlock_detected", "serialization_failure"] {
        stack.database.sql("alter sequence tries restart");
        stack.sqs.send(QUEUE, &format!(r#"{{"data":"{code}"}}"#), &[]).await;
        stack.drained().await;
    }
    assert_eq!(stack.rows(), 2);
    let log = worker.log();
    assert!(log.contains("stored=1") && !log.contains("released=1"), "{log}");
}

#[tokio::test]
async fn a_row_that_waits_for_another_transaction_does_not_hold_up_the_others() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    worker.signal(Signal::Stop);
    let blocked = stack.sqs.send(QUEUE, r#"{"data":"blocked"}"#, &[]).await;
    for number in 0..9 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    // Somebody has the key of the first in a transaction that goes on for longer than a batch may take.
    let held = format!(
        "begin; insert into forms (sqs_message_id, data) values ('{blocked}', '{{}}'); select pg_sleep(14); rollback"
    );
    let url = stack.database.url();
    let holding = std::thread::spawn(move || sql(&url, &held).unwrap());
    wait::until("the key is held", async || {
        let asleep =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
        (stack.database.sql(asleep) == "1").then_some(())
    })
    .await;
    worker.signal(Signal::Continue);
    wait::until("the others are stored", async || (stack.rows() == 9).then_some(())).await;
    assert!(!holding.is_finished(), "they waited for it");
    holding.join().unwrap();
    stack.drained().await;
    assert_eq!(stack.rows(), 10);
}

#[tokio::test]
async fn what_is_in_hand_is_bounded() {
    let stack = Stack::start();
    let worker =
        stack.worker(&[("WORKER_BYTES_IN_HAND", "100000"), ("WORKER_POLLERS", "2"), ("WORKER_CONNECTIONS", "1")]);
    stack.ready(&worker).await;
    worker.signal(Signal::Stop);
    let body = format!(r#"{{"data":"{}"}}"#, "x".repeat(10_000));
    for _ in 0..100 {
        stack.sqs.send(QUEUE, &body, &[]).await;
    }
    // Nothing can be stored for a while.
    let url = stack.database.url();
    let holding = std::thread::spawn(move || sql(&url, "begin; lock table forms; select pg_sleep(3); commit").unwrap());
    tokio::time::sleep(Duration::from_millis(500)).await;
    worker.signal(Signal::Continue);
    let mut most = 0;
    while !holding.is_finished() {
        most = most.max(stack.sqs.counts(QUEUE).await.in_flight);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Nine of them are under the limit, and two polls of ten may have been out when it was reached.
    assert!((10..=9 + 20).contains(&most), "{most} were in hand");
    stack.drained().await;
    assert_eq!(stack.rows(), 100);
}

#[tokio::test]
async fn rows_of_several_polls_share_an_insert() {
    let stack = Stack::start();
    let worker = stack.worker(&[("WORKER_CONNECTIONS", "1")]);
    stack.ready(&worker).await;
    worker.signal(Signal::Stop);
    for number in 0..100 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    // While the first insert waits, the polls bring more.
    let url = stack.database.url();
    let holding = std::thread::spawn(move || sql(&url, "begin; lock table forms; select pg_sleep(2); commit").unwrap());
    tokio::time::sleep(Duration::from_millis(500)).await;
    worker.signal(Signal::Continue);
    holding.join().unwrap();
    stack.drained().await;
    assert_eq!(stack.rows(), 100);
    let log = worker.log();
    let batches = log.split(" messages=").skip(1).filter_map(|rest| rest.split(' ').next()?.parse::<usize>().ok());
    assert!(batches.max() > Some(10), "{log}");
}

#[tokio::test]
async fn polls_that_fail_are_made_again_and_not_in_haste() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    for fault in [
        json!({ "action": "ReceiveMessage", "kind": "error", "status": 500, "code": "InternalFailure" }),
        json!({ "action": "ReceiveMessage", "kind": "reset" }),
    ] {
        stack.sqs.fault(fault).await;
        let before = stack.sqs.requests("ReceiveMessage").await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let polls = stack.sqs.requests("ReceiveMessage").await - before;
        assert!((1..20).contains(&polls), "{polls} polls in 2 s");
        stack.sqs.no_faults().await;
        stack.sqs.send(QUEUE, r#"{"data":1}"#, &[]).await;
        stack.drained().await;
    }
}

#[tokio::test]
async fn a_poll_that_never_returns_is_given_up() {
    let stack = Stack::start();
    let worker = stack.worker(&[("SQS_WAIT_TIME", "0")]);
    stack.ready(&worker).await;
    stack.sqs.fault(json!({ "action": "ReceiveMessage", "kind": "hang", "times": 1 })).await;
    wait::until("the poll fails", async || worker.log().contains("no answer in time").then_some(())).await;
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
}

#[tokio::test]
async fn a_queue_that_denies_access_turns_readiness_red_and_is_not_hammered() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack
        .sqs
        .fault(json!({ "action": "ReceiveMessage", "kind": "error", "status": 403, "code": "AccessDeniedException" }))
        .await;
    wait::until("readiness is red", async || (ready_page(&worker).await.0 == 503).then_some(())).await;
    assert_eq!(ready_page(&worker).await.1["queue"], "access is denied");
    let before = stack.sqs.requests("ReceiveMessage").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(stack.sqs.requests("ReceiveMessage").await - before <= 1);
}

#[tokio::test]
async fn a_queue_that_was_deleted_is_made_again() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack.sqs.call("DeleteQueue", json!({ "QueueUrl": stack.sqs.url(QUEUE).await })).await;
    wait::until("the queue is back", async || stack.sqs.url(QUEUE).await).await;
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &[]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
}

#[tokio::test]
async fn an_invalid_queue_that_was_deleted_is_made_again() {
    let stack = Stack::start();
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack.sqs.call("DeleteQueue", json!({ "QueueUrl": stack.sqs.url(INVALID).await })).await;
    stack.sqs.send(QUEUE, "not json", &[]).await;
    stack.drained().await;
    assert_eq!(stack.sqs.drain(INVALID).await.len(), 1);
}

#[tokio::test]
async fn an_invalid_queue_that_does_not_tell_its_limit_takes_the_body_whole_and_what_fits_beside() {
    let stack = Stack::start();
    stack.sqs.create(QUEUE, json!({ "MaximumMessageSize": "2048" })).await;
    stack.sqs.create(INVALID, json!({ "MaximumMessageSize": "2048" })).await;
    let denied =
        json!({ "action": "GetQueueAttributes", "kind": "error", "status": 403, "code": "AccessDeniedException" });
    stack.sqs.fault(denied).await;
    let worker = stack.worker(&[]);
    stack.ready(&worker).await;
    stack.sqs.no_faults().await;
    let (short, long) = ("x".repeat(1000), "x".repeat(2048));
    stack.sqs.send(QUEUE, &short, &[]).await;
    stack.sqs.send(QUEUE, &long, &[]).await;
    stack.drained().await;
    let mut aside = stack.sqs.drain(INVALID).await;
    aside.sort_by_key(|message| message.body.len());
    assert_eq!((aside[0].body.as_str(), aside[0].attributes["reason"].as_str()), (short.as_str(), "not_json"));
    assert_eq!((aside[1].body.as_str(), aside[1].attributes.len()), (long.as_str(), 0));
}
