//! From the api to the row.

use std::{collections::BTreeSet, time::Instant};

use futures_util::{StreamExt, future::join_all, stream};
use test_kit::{
    Signal, Stack,
    forms::registration,
    http::Answer,
    stack::{INVALID, QUEUE},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_forms_become_twenty_thousand_rows() {
    const FORMS: usize = 20_000;
    let stack = Stack::start();
    let (api, _worker) = (stack.ready_api(&[]).await, stack.ready_worker(&[]).await);

    let started = Instant::now();
    let http = api.http();
    let statuses = stream::iter(0..FORMS).map(|number| {
        let api = http.clone();
        async move { api.post_form(registration(number)).await.status }
    });
    let refused = statuses
        .buffer_unordered(64)
        .filter(|status| std::future::ready(*status != 202))
        .count()
        .await;
    assert_eq!(refused, 0);
    stack.drained().await;
    println!("{FORMS} forms in {:.1} s", started.elapsed().as_secs_f64());

    assert_eq!(stack.rows(), FORMS);
    let distinct =
        "select count(distinct data->'data'->'number'), count(distinct submission_id) from forms";
    assert_eq!(stack.database.sql(distinct), format!("{FORMS}|{FORMS}"));
}

#[tokio::test]
async fn every_value_is_stored_as_it_was_sent() {
    let stack = Stack::start();
    let (api, _worker) = (stack.ready_api(&[]).await, stack.ready_worker(&[]).await);
    let body = r#"{"data":{"n":[1.50,-0.10,12345678901234567890123456789.0,1e2],"t":"é😀\u0001\ufffe\uffff\"\\/","":{}},"unknown":[null,true]}"#;
    api.post_form(body).await.expect_status(202);
    stack.drained().await;
    let stored = stack
        .database
        .sql(&format!("select data = $form${body}$form$::jsonb, data->'data'->'n' from forms"));
    assert_eq!(stored, "t|[1.50, -0.10, 12345678901234567890123456789.0, 100]");
}

#[tokio::test]
async fn logs_contain_no_form_data_and_no_secret() {
    let stack = Stack::start();
    let secrets = [
        ("RUST_LOG", "trace"),
        ("AWS_SECRET_ACCESS_KEY", "canary-key"),
        ("AWS_SESSION_TOKEN", "canary-token"),
    ];
    let (api, worker) = (stack.ready_api(&secrets).await, stack.ready_worker(&secrets).await);
    for number in 0..20 {
        let body = format!(r#"{{"data":{{"canary":"canary {number}"}},"canary":"canary"}}"#);
        api.post_form(body).await.expect_status(202);
    }
    stack.sqs.send(QUEUE, "canary", &[("tenant", "canary")]).await;
    stack.expect_messages_left(INVALID, 1);
    stack.drained().await;
    assert_eq!(stack.rows(), 20);
    for (service, what) in [(api, "Accepted a form."), (worker, "Stored a batch.")] {
        let (_, log) = service.stop(Signal::Term);
        assert!(log.contains(what), "{log}");
        assert!(!log.contains("canary"), "{log}");
    }
}

#[tokio::test]
async fn fifty_equal_requests_with_one_key_get_one_id_and_store_one_row() {
    let stack = Stack::start();
    let (api, _worker) = (stack.ready_api(&[]).await, stack.ready_worker(&[]).await);
    let request = api.request("POST", "/form/").json(registration(1)).signed();
    let request = request.header("Idempotency-Key", "key");
    let answers = join_all((0..50).map(|_| request.send())).await;
    let ids: BTreeSet<String> = answers.iter().map(Answer::submission_id).collect();
    assert_eq!(ids.len(), 1);
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
}
