//! While the database is unavailable, no message is lost and the worker receives nothing, so
//! receive counts stay low.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::json;
use test_kit::{
    Service, Signal, Stack,
    postgres::{Cluster, ClusterOptions, Shutdown, sql},
    stack::QUEUE,
    wait,
};

use super::small_disk::SmallDisk;

pub async fn ready_page(worker: &Service) -> (u16, serde_json::Value) {
    let answer = worker.get("/healthcheck/ready/").await;
    (answer.status, answer.json())
}

pub const GATE_IS_SHUT: &str = "The worker receives nothing until it is back.";

async fn gate_is_shut(worker: &Service) {
    worker.logged(GATE_IS_SHUT).await;
}

async fn readiness_is_red(worker: &Service) {
    wait::until_true("readiness is red", async || {
        let (status, page) = ready_page(worker).await;
        status == 503 && page["database"] == "the database stores nothing"
    })
    .await;
}

/// The queue has messages, so a poll that is open when the gate shuts comes back at once.
async fn nothing_is_received(stack: &Stack) {
    let polls = async || stack.sqs.requests("ReceiveMessage").await;
    let mut last = polls().await;
    let mut unchanged_since = Instant::now();
    wait::until_true("no poll has come for a second", async || {
        let now = polls().await;
        if now != last {
            (last, unchanged_since) = (now, Instant::now());
        }
        unchanged_since.elapsed() >= Duration::from_secs(1)
    })
    .await;
    wait::while_true("nobody polls", Duration::from_secs(3), async || polls().await == last).await;
}

#[tokio::test]
async fn a_database_that_stops_and_comes_back_loses_nothing() {
    const FORMS: usize = 120;
    for shutdown in [Shutdown::Fast, Shutdown::Immediate] {
        let mut cluster = Cluster::throwaway(ClusterOptions::default()).unwrap();
        let stack = Stack::start();
        let url = cluster.url("postgres");
        let worker = stack.ready_worker(&[("DATABASE_URL", &url)]).await;
        stack.queue_forms([1]).await;
        stack.drained().await;

        cluster.stop(shutdown);
        stack.queue_forms(2..=FORMS).await;
        gate_is_shut(&worker).await;
        let (status, page) = ready_page(&worker).await;
        assert_eq!((status, &page["queue"]), (503, &json!("OK")));
        assert_eq!(page["database"], "the database stores nothing");
        worker.get("/healthcheck/").await.expect_status(200);
        nothing_is_received(&stack).await;

        cluster.start().unwrap();
        stack.drained().await;
        worker.ready().await;
        let (status, log) = worker.stop(Signal::Term);
        assert_eq!(status.code(), Some(0), "{log}");
        assert_eq!(sql(&url, "select count(*) from forms").unwrap(), FORMS.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_keeps_restarting_under_load_stores_each_form_once() {
    let mut cluster = Cluster::throwaway(ClusterOptions::default()).unwrap();
    let stack = Stack::start();
    let url = cluster.url("postgres");
    let worker = stack.ready_worker(&[("DATABASE_URL", &url)]).await;
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
            wait::until_true("some are stored", async || stored() > before + 20).await;
            tokio::task::block_in_place(|| cluster.stop(shutdown));
            if for_long {
                wait::until_true("the gate is shut", async || {
                    ready_page(&worker).await.1["database"] == "the database stores nothing"
                })
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
}

#[tokio::test]
async fn the_worker_waits_for_a_server_without_free_connections() {
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
    let worker = stack.ready_worker(&[("DATABASE_URL", &url), ("WORKER_CONNECTIONS", "2")]).await;

    // Other clients take all connections while the frozen worker cannot open its own again.
    worker.signal(Signal::Stop);
    let ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                 where backend_type = 'client backend' and pid <> pg_backend_pid()";
    sql(&url, ended).unwrap();
    let mut others = Vec::new();
    for _ in 0..CONNECTIONS {
        others.push(wait::until("a connection is free", async || connection_in_use(&url)).await);
    }
    stack.queue_forms(0..20).await;
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
}

/// Another client with a connection, if there was one left.
fn connection_in_use(url: &str) -> Option<Child> {
    let mut psql = Command::new("psql");
    // psql would buffer its own output until it ends, so a shell command writes this word.
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
async fn the_worker_waits_for_a_full_disk() {
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
    let worker = stack.ready_worker(&[("DATABASE_URL", &url)]).await;

    let filling = disk.fill();
    stack.queue_forms(0..20).await;
    gate_is_shut(&worker).await;
    assert!(worker.log().contains("No space left on device"), "{}", worker.log());
    readiness_is_red(&worker).await;
    nothing_is_received(&stack).await;

    drop(filling);
    stack.drained().await;
    worker.ready().await;
    assert_eq!(sql(&url, "select count(*) from forms").unwrap(), "20");
}

#[tokio::test]
async fn the_worker_waits_for_a_read_only_database() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[]).await;
    let name = stack.database.name();
    stack.database.sql(&format!("alter database {name} set default_transaction_read_only = on"));
    stack.database.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");
    stack.queue_forms(0..5).await;
    worker.logged("reason=\"read_only").await;
    let reset = format!(
        "set transaction read write; alter database {name} reset default_transaction_read_only"
    );
    stack.database.sql(&reset);
    stack.database.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");
    stack.drained().await;
    assert_eq!(stack.rows(), 5);
}

#[tokio::test]
async fn the_gate_opens_again_although_the_table_has_new_constraints() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let worker = stack.ready_worker(&[]).await;
    stack.database.sql(
        "alter table forms alter received_at set not null, alter submission_id set not null, \
             add check (form_type in ('form')), add check (length(data::text) < 1000)",
    );
    stack.database.sql("alter table forms rename to away");
    api.post_form(r#"{"data":1}"#).await.expect_status(202);
    gate_is_shut(&worker).await;
    stack.database.sql("alter table away rename to forms");
    stack.drained().await;
    worker.ready().await;
    assert_eq!(stack.rows(), 1);
}
