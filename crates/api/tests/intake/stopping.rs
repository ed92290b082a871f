//! The intake stops when it is told to, and loses nothing that it confirmed.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use test_kit::{
    Stack,
    forms::{post, registration},
    service::Signal,
    stack::QUEUE,
};

#[tokio::test]
async fn it_stops_with_0_when_idle_on_either_signal() {
    let stack = Stack::start();
    for signal in [Signal::Term, Signal::Int] {
        let api = stack.api(&[]);
        stack.ready(&api).await;
        let client = reqwest::Client::new();
        // Its connection stays open, and must not keep the service.
        assert_eq!(post(&client, &api.url(""), registration(1)).await.unwrap().status(), 202);
        let asked = Instant::now();
        let (status, log) = api.stop(signal);
        assert_eq!(status.code(), Some(0), "{signal:?} {log}");
        assert!(asked.elapsed() < Duration::from_secs(10), "{:?} {log}", asked.elapsed());
    }
}

#[tokio::test]
async fn under_load_it_answers_what_is_in_flight_and_every_202_is_on_the_queue() {
    let stack = Stack::start();
    for signal in [Signal::Term, Signal::Int] {
        let api = stack.api(&[]);
        stack.ready(&api).await;
        stack.sqs.fault(json!({ "action": "SendMessageBatch", "kind": "delay", "ms": 100 })).await;
        let origin = api.url("");
        let senders = (0..20).map(|sender| {
            let origin = origin.clone();
            tokio::spawn(async move {
                let client = reqwest::Client::new();
                let mut accepted = Vec::new();
                for number in 0..1000 {
                    let Ok(answer) =
                        post(&client, &origin, registration(sender * 1000 + number)).await
                    else {
                        break;
                    };
                    assert_eq!(answer.status(), 202);
                    let answer: Value = answer.json().await.unwrap();
                    accepted.push(answer["id"].as_str().unwrap().to_owned());
                }
                accepted
            })
        });
        let senders: Vec<_> = senders.collect();
        tokio::time::sleep(Duration::from_millis(700)).await;
        let (status, log) = tokio::task::spawn_blocking(move || api.stop(signal)).await.unwrap();
        assert_eq!(status.code(), Some(0), "{log}");
        let mut accepted = BTreeSet::new();
        for sender in senders {
            accepted.extend(sender.await.unwrap());
        }
        assert!(accepted.len() > 20, "{accepted:?}");
        stack.sqs.no_faults().await;
        let queued = stack
            .sqs
            .drain(QUEUE)
            .await
            .into_iter()
            .map(|message| message.attributes["id"].clone())
            .collect();
        // All of them, and what was in flight was answered too.
        assert_eq!(accepted, queued);
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    stack.sqs.fault(json!({ "action": "SendMessageBatch", "kind": "hang" })).await;
    let origin = api.url("");
    let waiting =
        tokio::spawn(async move { post(&reqwest::Client::new(), &origin, registration(1)).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    api.signal(Signal::Term);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (status, log) = api.stop(Signal::Term);
    assert_eq!(status.code(), Some(130), "{log}");
    assert!(waiting.await.unwrap().is_err());
}
