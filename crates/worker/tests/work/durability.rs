//! The worker says if PostgreSQL can lose rows that it has reported as stored.

use test_kit::{
    Service, Stack,
    postgres::{Cluster, ClusterOptions, Shutdown, sql},
    wait,
};

use super::database_unavailable::ready_page;

async fn shows(worker: &Service, status: u16, standby: &str) {
    wait::until_true(standby, async || {
        let (now, page) = ready_page(worker).await;
        now == status && page["sync_standby"] == standby
    })
    .await;
}

#[tokio::test]
async fn each_way_to_lose_rows_is_logged_at_start() {
    let stack = Stack::start();
    let name = stack.database.name();
    stack.database.sql(&format!("alter database {name} set synchronous_commit = local"));
    // The cluster of the tests has fsync=off.
    let worker = stack.ready_worker(&[]).await;
    worker.logged("PostgreSQL can lose forms if the machine of PostgreSQL crashes").await;
    worker.logged("risk=\"fsync is off\"").await;
    worker.logged("risk=\"synchronous_commit is local\"").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_require_sync_standby_the_worker_is_ready_while_a_synchronous_standby_is_there() {
    let mut options = ClusterOptions::that_replicates();
    options.settings.push(("fsync".to_owned(), "on".to_owned()));
    let cluster = Cluster::throwaway(options).unwrap();
    let url = cluster.url("postgres");
    let mut standby = tokio::task::block_in_place(|| cluster.replica()).unwrap();

    let stack = Stack::start();
    let variables = [("DATABASE_URL", url.as_str()), ("REQUIRE_SYNC_STANDBY", "true")];
    let worker = stack.worker(&variables);
    shows(&worker, 503, "synchronous_standby_names is empty").await;
    worker.logged("risk=\"standbys: 1, none of them synchronous\"").await;
    assert!(!worker.log().contains("fsync"), "{}", worker.log());

    sql(&url, "alter system set synchronous_standby_names = '*'").unwrap();
    sql(&url, "select pg_reload_conf()").unwrap();
    shows(&worker, 200, "OK").await;

    tokio::task::block_in_place(|| standby.stop(Shutdown::Immediate));
    shows(&worker, 503, "no synchronous standby is connected").await;
    // COMMIT waits for the standby, so the form is on both servers before its message is deleted.
    stack.queue_forms([1]).await;
    wait::until_true("the insert waits", async || {
        let waiting = "select count(*) > 0 from pg_stat_activity where wait_event = 'SyncRep'";
        sql(&url, waiting).unwrap() == "t"
    })
    .await;
    tokio::task::block_in_place(|| standby.start()).unwrap();
    stack.drained().await;
    shows(&worker, 200, "OK").await;
    let stored = "select count(*) from forms";
    assert_eq!(sql(&standby.url("postgres"), stored).unwrap(), "1");
}
