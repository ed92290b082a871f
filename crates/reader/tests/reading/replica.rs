//! Rows from a standby, and everything else on the primary.

use std::time::{Duration, Instant};

use store::{Store, StoreSettings};
use test_kit::{
    Service,
    http::Answer,
    postgres::{Cluster, ClusterOptions, Shutdown, sql},
    wait::until_true,
};

use crate::support::{CREDENTIALS_KEY, DATASET, add_client};

/// Longer than the clients are good for if nobody counts, and than any timeout of a connection or a call.
const OUTAGE: Duration = Duration::from_secs(25);

async fn get(reader: &Service, key: &str, path: &str) -> Answer {
    let request = reader.request("GET", path).authorization(&format!("Bearer {key}"));
    request.within(Duration::from_secs(10)).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_goes_on_without_the_primary() {
    let mut primary = Cluster::throwaway(ClusterOptions::that_replicates()).unwrap();
    sql(&primary.url("postgres"), "CREATE DATABASE data").unwrap();
    let (url, on_primary) = (primary.url("data"), primary.url("data"));
    let on_primary = |statement: &str| sql(&on_primary, statement);
    let store = Store::new(&StoreSettings::new(url.clone().into())).unwrap();
    store.migrate().unwrap();
    let key = add_client(&store, "all", "*/*", None);
    on_primary(
        r#"CREATE SCHEMA "org.ds";
           CREATE TABLE "org.ds"."L0" (id bigint PRIMARY KEY, name text);
           INSERT INTO "org.ds"."L0" SELECT n, 'row ' || n FROM generate_series(1, 100) n;
           INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a table')"#,
    )
    .unwrap();
    let standby = primary.replica().unwrap();
    let rows = standby.url("data");
    let reader = Service::start(
        "reader",
        &[
            ("DATABASE_URL", url.as_str()),
            ("READER_DATABASE_URL", rows.as_str()),
            ("CREDENTIALS_KEY", CREDENTIALS_KEY),
        ],
    );
    reader.ready().await;
    let is_there = async || get(&reader, &key, DATASET).await.status == 200;
    until_true("the standby has the rows", is_there).await;
    let position = "SELECT last_id FROM client_positions";
    until_true("it is noted", async || on_primary(position).unwrap() == "100").await;
    // The session that reads is on the standby.
    let on_standby = "SELECT count(*) > 0 FROM pg_stat_activity WHERE query = 'ROLLBACK'";
    assert_eq!(sql(&rows, on_standby).unwrap(), "t");
    let csv = format!("{DATASET}?format=csv");
    get(&reader, &key, &csv).await.expect_status(200);

    primary.stop(Shutdown::Immediate);
    let (begin, mut pages) = (Instant::now(), 0);
    while begin.elapsed() < OUTAGE {
        get(&reader, &key, &format!("{DATASET}?limit=10&after={}", pages % 90))
            .await
            .expect_status(200);
        pages += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Its proof could not be kept.
    get(&reader, &key, &csv).await.expect_status(503);
    reader.get("/healthcheck/ready/").await.expect_status(200);

    primary.start().unwrap();
    let noted = "SELECT sum(requests) FROM read_audit WHERE kind = 'pages' AND client_id = 'all'";
    let is_noted = async || {
        let noted = on_primary(noted).unwrap_or_default().parse().unwrap_or(0);
        noted > pages
    };
    until_true("what was read meanwhile is noted", is_noted).await;
    get(&reader, &key, &csv).await.expect_status(200);
}
