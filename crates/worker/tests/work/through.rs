//! From the intake to the row.

use std::time::Instant;

use futures_util::{StreamExt, stream};
use test_kit::{
    Stack,
    forms::{post, registration},
    service::Signal,
    sqs::Counts,
    stack::INVALID,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_forms_arrive_as_twenty_thousand_rows() {
    const FORMS: usize = 20_000;
    let stack = Stack::start();
    let (api, worker) = (stack.api(&[]), stack.worker(&[]));
    stack.ready(&api).await;
    stack.ready(&worker).await;

    let started = Instant::now();
    let client = reqwest::Client::new();
    let origin = api.url("");
    let statuses = stream::iter(0..FORMS).map(|number| {
        let (client, origin) = (client.clone(), origin.clone());
        async move { post(&client, &origin, registration(number)).await.unwrap().status().as_u16() }
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
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}

#[tokio::test]
async fn what_is_stored_is_what_was_sent() {
    let stack = Stack::start();
    let (api, worker) = (stack.api(&[]), stack.worker(&[]));
    stack.ready(&api).await;
    stack.ready(&worker).await;
    let body = r#"{"data":{"n":[1.50,-0.10,12345678901234567890123456789.0,1e2],"t":"é😀\u0001\ufffe\uffff\"\\/","":{}},"unknown":[null,true]}"#;
    assert_eq!(post(&reqwest::Client::new(), &api.url(""), body).await.unwrap().status(), 202);
    stack.drained().await;
    let stored = stack
        .database
        .sql(&format!("select data = $form${body}$form$::jsonb, data->'data'->'n' from forms"));
    assert_eq!(stored, "t|[1.50, -0.10, 12345678901234567890123456789.0, 100]");
}

#[tokio::test]
async fn the_logs_of_a_whole_run_show_no_form_data_and_no_secret() {
    let stack = Stack::start();
    let secrets = [
        ("RUST_LOG", "trace"),
        ("AWS_SECRET_ACCESS_KEY", "canary-key"),
        ("AWS_SESSION_TOKEN", "canary-token"),
    ];
    let (api, worker) = (stack.api(&secrets), stack.worker(&secrets));
    stack.ready(&api).await;
    stack.ready(&worker).await;
    let client = reqwest::Client::new();
    for number in 0..20 {
        let body = format!(r#"{{"data":{{"canary":"canary {number}"}},"canary":"canary"}}"#);
        assert_eq!(post(&client, &api.url(""), body).await.unwrap().status(), 202);
    }
    stack.sqs.send(test_kit::stack::QUEUE, "canary", &[("tenant", "canary")]).await;
    stack.drained().await;
    assert_eq!(stack.rows(), 20);
    for (service, what) in [(api, "Accepted a form."), (worker, "Stored a batch.")] {
        let (_, log) = service.stop(Signal::Term);
        assert!(log.contains(what), "{log}");
        assert!(!log.contains("canary"), "{log}");
    }
}

#[tokio::test]
async fn fifty_equal_requests_at_once_with_one_key_are_one_id_and_one_row() {
    let stack = Stack::start();
    let (api, worker) = (stack.api(&[]), stack.worker(&[]));
    stack.ready(&api).await;
    stack.ready(&worker).await;
    let client = reqwest::Client::new();
    let body = registration(1);
    let signature = test_kit::forms::signature("/form/", body.as_bytes(), test_kit::forms::SECRET);
    let requests = (0..50).map(|_| {
        let request = client.post(api.url("/form/")).header("Content-Type", "application/json");
        request
            .header("X-Signature", &signature)
            .header("Idempotency-Key", "key")
            .body(body.clone())
            .send()
    });
    let mut ids = std::collections::BTreeSet::new();
    for answer in futures_util::future::join_all(requests).await {
        let answer: serde_json::Value = answer.unwrap().json().await.unwrap();
        ids.insert(answer["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 1);
    stack.drained().await;
    assert_eq!(stack.rows(), 1);
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
}
