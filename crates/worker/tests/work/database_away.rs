//! While the database is away nothing is lost, and receive counts are not burnt.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde_json::json;
use test_kit::{
    Service, Stack,
    postgres::{Cluster, ClusterOptions, Shutdown, sql},
    service::Signal,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

use super::small_disk::SmallDisk;

pub async fn ready_page(worker: &Service) -> (u16, serde_json::Value) {
    let answer = reqwest::get(worker.url("/healthcheck/ready/")).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn gate_is_shut(worker: &Service) {
    wait::until("the gate is shut", async || {
        worker.log().contains("nothing is received until it is back").then_some(())
    })
    .await;
}

async fn readiness_is_red(worker: &Service) {
    wait::until("readiness is red", async || {
        let (status, page) = ready_page(worker).await;
        (status == 503 && page["database"] == "the database stores nothing").then_some(())
    })
    .await;
}

/// The polls that were out come back at once where there is enough to receive, and no new one is issued.
async fn nothing_is_received(stack: &Stack) {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let polls = stack.sqs.requests("ReceiveMessage").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stack.sqs.requests("ReceiveMessage").await, polls, "it went on polling");
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
        gate_is_shut(&worker).await;
        let (status, page) = ready_page(&worker).await;
        assert_eq!((status, &page["queue"]), (503, &json!("OK")));
        assert_eq!(page["database"], "the database stores nothing");
        assert_eq!(reqwest::get(worker.url("/healthcheck/")).await.unwrap().status(), 200);
        nothing_is_received(&stack).await;

        cluster.start().unwrap();
        stack.drained().await;
        stack.ready(&worker).await;
        assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
        let (status, log) = worker.stop(Signal::Term);
        assert_eq!(status.code(), Some(0), "{log}");
        assert_eq!(sql(&url, "select count(*) from forms").unwrap(), FORMS.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_restarted_again_and_again_under_load_stores_each_form_once() {
    let mut cluster = Cluster::throwaway(ClusterOptions::default()).unwrap();
    let stack = Stack::start();
    let url = cluster.url("postgres");
    let worker = stack.worker(&[("DATABASE_URL", &url)]);
    stack.ready(&worker).await;
    let restarted = AtomicBool::new(false);
    let sending = async {
        let mut sent = 0;
        while !restarted.load(Ordering::Relaxed) {
            sent += 1;
            stack.sqs.send(QUEUE, &format!(r#"{{"data":{sent}}}"#), &[]).await;
        }
        sent
    };
    let restarting = async {
        let (fast, immediate) = (Shutdown::Fast, Shutdown::Immediate);
        for (shutdown, for_long) in
            [(fast, false), (immediate, false), (fast, true), (immediate, true)]
        {
            let stored =
                || sql(&url, "select count(*) from forms").unwrap().parse::<usize>().unwrap();
            let before = stored();
            wait::until("some are stored", async || (stored() > before + 20).then_some(())).await;
            let shut = || worker.log().matches("nothing is received until it is back").count();
            let times = shut();
            tokio::task::block_in_place(|| cluster.stop(shutdown));
            if for_long {
                wait::until("the gate is shut again", async || (shut() > times).then_some(()))
                    .await;
            }
            tokio::task::block_in_place(|| cluster.start()).unwrap();
        }
        restarted.store(true, Ordering::Relaxed);
    };
    let (sent, ()) = tokio::join!(sending, restarting);
    stack.drained().await;
    let stored = "select count(*), count(distinct data->'data') from forms";
    assert_eq!(sql(&url, stored).unwrap(), format!("{sent}|{sent}"));
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn a_server_without_a_connection_to_spare_is_waited_for() {
    const CONNECTIONS: usize = 6;
    let settings = [
        ("max_connections", CONNECTIONS.to_string().as_str()),
        ("superuser_reserved_connections", "0"),
        ("client_connection_check_interval", "100ms"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let cluster =
        Cluster::throwaway(ClusterOptions { settings: settings.to_vec(), ..Default::default() })
            .unwrap();
    let stack = Stack::start();
    let url = cluster.url("postgres");
    let worker = stack.worker(&[("DATABASE_URL", &url), ("WORKER_CONNECTIONS", "2")]);
    stack.ready(&worker).await;

    // Others take all there are, while the worker cannot open its own again.
    worker.signal(Signal::Stop);
    let ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                 where backend_type = 'client backend' and pid <> pg_backend_pid()";
    sql(&url, ended).unwrap();
    let mut others = Vec::new();
    for _ in 0..CONNECTIONS {
        others.push(wait::until("a connection is free", async || connection_in_use(&url)).await);
    }
    for number in 0..20 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    worker.signal(Signal::Continue);
    gate_is_shut(&worker).await;
    assert!(worker.log().contains("too many clients"), "{}", worker.log());
    readiness_is_red(&worker).await;
    nothing_is_received(&stack).await;

    for mut other in others {
        other.kill().unwrap();
        other.wait().unwrap();
    }
    stack.drained().await;
    assert_eq!(sql(&url, "select count(*) from forms").unwrap(), "20");
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

/// Another client with a connection, where it got one.
fn connection_in_use(url: &str) -> Option<Child> {
    let mut psql = Command::new("psql");
    // psql would keep what it says itself until it ends.
    psql.args([url, "-c", "\\! echo connected", "-c", "select pg_sleep(600)"])
        .stdout(Stdio::piped());
    let mut psql = psql.spawn().unwrap();
    let mut said = [0];
    match psql.stdout.as_mut().unwrap().read(&mut said).unwrap() {
        0 => {
            psql.wait().unwrap();
            None
        }
        _ => Some(psql),
    }
}

#[tokio::test]
async fn a_full_disk_is_waited_for() {
    let Some(disk) = SmallDisk::mount("24m") else {
        println!("NOT RUN: only root may mount the small disk that this test fills");
        return;
    };
    let cluster = Cluster::throwaway(ClusterOptions::default()).unwrap();
    sql(
        &cluster.url("postgres"),
        &format!("create tablespace small location '{}'", disk.path().display()),
    )
    .unwrap();
    sql(&cluster.url("postgres"), "create database forms tablespace small").unwrap();
    let stack = Stack::start();
    let url = cluster.url("forms");
    let worker = stack.worker(&[("DATABASE_URL", &url)]);
    stack.ready(&worker).await;

    let filling = disk.fill();
    for number in 0..20 {
        stack.sqs.send(QUEUE, &format!(r#"{{"data":{number}}}"#), &[]).await;
    }
    gate_is_shut(&worker).await;
    assert!(worker.log().contains("No space left on device"), "{}", worker.log());
    readiness_is_red(&worker).await;
    nothing_is_received(&stack).await;

    drop(filling);
    stack.drained().await;
    stack.ready(&worker).await;
    assert_eq!(sql(&url, "select count(*) from forms").unwrap(), "20");
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
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
    wait::until("the gate is shut", async || {
        worker.log().contains("reason=\"read_only").then_some(())
    })
    .await;
    let reset = format!(
        "set transaction read write; alter database {name} reset default_transaction_read_only"
    );
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
