//! Requests that wait for a new row.

use std::time::{Duration, Instant};

use test_kit::http::Answer;

use crate::support::Reading;

const FORMS: &str = "/api/v1/table-data/submissions/registration";

async fn follow(reading: &Reading, query: &str) -> Answer {
    reading.get(&format!("{FORMS}?{query}")).await.expect_status(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_gets_a_row_soon_after_it_is_stored() {
    let reading = Reading::start().await;
    reading.publish_registration();
    let empty = follow(&reading, "").await.json();
    assert_eq!((&empty["last_id"], &empty["next"]), (&0.into(), &serde_json::Value::Null));
    let submitting = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        reading.submit(r#"{"a": "1"}"#);
        Instant::now()
    };
    let (answer, stored) = tokio::join!(follow(&reading, "after=0&wait=20&columns=a"), submitting);
    assert!(stored.elapsed() < Duration::from_secs(2), "{:?}", stored.elapsed());
    let page = answer.json();
    assert_eq!(page["values"], serde_json::json!([["1"]]));
    // What is there is not waited for.
    let begin = Instant::now();
    follow(&reading, "wait=20").await;
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_an_empty_page() {
    let reading = Reading::start().await;
    reading.publish_registration();
    let begin = Instant::now();
    let page = follow(&reading, "after=7&wait=1").await.json();
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!((&page["last_id"], &page["values"]), (&7.into(), &serde_json::json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_all_who_wait() {
    let reading = Reading::start().await;
    reading.publish_registration();
    let begin = Instant::now();
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        reading.stop();
    };
    let (answer, ()) = tokio::join!(follow(&reading, "wait=30"), stopping);
    assert_eq!(answer.json()["values"], serde_json::json!([]));
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_of_a_client_may_wait() {
    let reading = Reading::start().await;
    reading.publish_registration();
    let waiting = (0..53).map(|_| {
        let request = reading.request("GET", &format!("{FORMS}?wait=30"));
        let request = request.authorization(&reading.bearer());
        tokio::spawn(async move { request.send().await.status })
    });
    let waiting: Vec<_> = waiting.collect();
    let three_have_answers =
        async || waiting.iter().filter(|request| request.is_finished()).count() == 3;
    test_kit::wait::until_true("three more are refused", three_have_answers).await;
    reading.submit(r#"{"a": "1"}"#);
    let mut answers = Vec::new();
    for answer in waiting {
        answers.push(answer.await.unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, [vec![200; 50], vec![429; 3]].concat());
}
