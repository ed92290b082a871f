//! What is noted about clients, and never a value.

use test_kit::wait::until_true;

use crate::support::{DATASET, Reading};

#[tokio::test(flavor = "multi_thread")]
async fn pages_positions_keys_and_refusals_are_noted_without_values() {
    let reading = Reading::with_dataset(9).await;
    let limited = reading.known_client("limited", "org.ds/L1", None).await;
    reading.get(&format!("{DATASET}?limit=3&name=neq.canary&big=gt.0")).await.expect_status(200);
    reading
        .get(&format!("{DATASET}?after=3&limit=2&big=gt.0&name=neq.canary"))
        .await
        .expect_status(200);
    reading.get(&format!("{DATASET}?limit=1")).await.expect_status(200);
    reading.get_as(&limited, DATASET).await.expect_status(403);
    reading.get_as("dfd_canary", DATASET).await.expect_status(401);
    let noted = async |sql: &str, expected: &str| {
        until_true(expected, async || reading.database.sql(sql) == expected).await;
    };
    // In two minutes if the clock was unlucky.
    noted(
        "SELECT relation, filter_columns, sum(requests), sum(rows), min(first_id), max(last_id) FROM read_audit
             WHERE kind = 'pages' AND client_id = 'all' GROUP BY 1, 2 ORDER BY 2",
        "org.ds/L0|{}|1|1|1|1\norg.ds/L0|{big,name}|2|5|1|5",
    )
    .await;
    noted("SELECT client_id, relation, last_id FROM client_positions", "all|org.ds/L0|5").await;
    noted("SELECT count(last_used_at) FROM client_keys WHERE client_id = 'all'", "1").await;
    let refusals = "SELECT client_id, reason, relation FROM read_audit WHERE kind = 'refusal' AND client_id IS NOT NULL";
    noted(refusals, "limited|not-allowed|org.ds/L0").await;
    let unknown = "SELECT sum(requests) > 0 FROM read_audit WHERE reason = 'unknown_client'";
    noted(unknown, "t").await;
    assert!(!reading.database.sql("SELECT read_audit::text FROM read_audit").contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_postgresql_refuses_does_not_stop_the_others() {
    let reading = Reading::with_dataset(1).await;
    let limited = reading.known_client("limited", "org.ds/L1", None).await;
    let refuse = "ALTER TABLE read_audit ADD CHECK (reason IS DISTINCT FROM 'not-allowed')";
    reading.database.sql(refuse);
    reading.get_as(&limited, DATASET).await.expect_status(403);
    reading.get(DATASET).await.expect_status(200);
    let noted = "SELECT count(*) FROM read_audit WHERE kind = 'pages'";
    until_true("a noted page", async || reading.database.sql(noted) == "1").await;
    let (status, log) = reading.reader.stop_while_others_run(test_kit::Signal::Term).await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("PostgreSQL refuses entries"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_a_stop_is_noted() {
    let reading = Reading::with_dataset(1).await;
    reading.get(DATASET).await.expect_status(200);
    let Reading { database, reader, .. } = reading;
    let (status, log) = reader.stop_while_others_run(test_kit::Signal::Term).await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(database.sql("SELECT client_id, last_id FROM client_positions"), "all|1");
}
