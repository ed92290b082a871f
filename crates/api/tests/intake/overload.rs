//! More than SQS takes at the moment.

use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::json;
use test_kit::{
    Stack,
    forms::{post, registration},
    stack::QUEUE,
    wait,
};
use tokio::task::JoinSet;

/// SQS takes a second for each call, two calls of ten are under way at a time, and 200 clients want to send.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sqs_can_take_is_taken_and_the_rest_gets_503_until_sqs_is_well_again() {
    const CLIENTS: usize = 200;
    const PER_SECOND: usize = 20;
    let stack = Stack::start();
    let api = stack.api(&[("SQS_SENDS_UNDER_WAY", "2")]);
    stack.ready(&api).await;
    let client = Client::new();
    post(&client, &api.url(""), registration(0)).await.unwrap();
    stack.sqs.drain(QUEUE).await;
    let before = api.memory().now;

    stack.sqs.fault(json!({ "action": "SendMessageBatch", "kind": "delay", "ms": 1000 })).await;
    let end = Instant::now() + Duration::from_secs(15);
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (client, origin) = (client.clone(), api.url(""));
        clients.spawn(async move {
            let mut answers = Vec::new();
            while Instant::now() < end {
                let answer = post(&client, &origin, registration(number)).await.unwrap();
                let refused = answer.status() != 202;
                assert!(
                    !refused || answer.status() == 503 && answer.headers()["retry-after"] == "5"
                );
                answers.push((
                    Instant::now(),
                    answer.status().as_u16(),
                    answer.text().await.unwrap(),
                ));
            }
            answers
        });
    }
    let mut answers = clients.join_all().await.concat();
    answers.sort();
    let accepted: Vec<_> = answers.iter().filter(|(_, status, _)| *status == 202).collect();
    // As it began, so it goes on: whoever waited too long must not take the place of those who can still be served.
    let half = end - Duration::from_millis(7500);
    let late = accepted.iter().filter(|(at, _, _)| (half..end).contains(at)).count();
    assert!(accepted.len() < answers.len(), "nobody was refused");
    assert!(
        late >= PER_SECOND * 7 / 2,
        "{late} taken in the last 7.5 s, {} in all",
        accepted.len()
    );
    let memory = api.memory();
    println!(
        "{} taken, {} refused, {before} bytes before, {memory:?}",
        accepted.len(),
        answers.len() - accepted.len()
    );
    assert!(memory.most < before + (64 << 20), "{memory:?}, {before} before");

    stack.sqs.no_faults().await;
    let well = Instant::now();
    wait::until("it takes forms again", async || {
        (post(&client, &api.url(""), registration(0)).await.unwrap().status() == 202).then_some(())
    })
    .await;
    println!("taken again after {:?}", well.elapsed());

    // 202 means that SQS has it.
    let queued = stack.sqs.drain(QUEUE).await;
    for (_, _, answer) in &accepted {
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        assert!(
            queued.iter().any(|message| message.attributes["id"] == answer["id"].as_str().unwrap())
        );
    }
}
