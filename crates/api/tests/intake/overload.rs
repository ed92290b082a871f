//! More forms than SQS accepts at the moment.

use std::time::{Duration, Instant};

use test_kit::{Fault, Stack, forms::registration, stack::QUEUE, wait};
use tokio::task::JoinSet;

/// SQS takes a second for each call, two calls of ten forms are in flight at a time, and 200
/// clients want to send.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_beyond_the_capacity_of_sqs_get_503_until_sqs_recovers() {
    const CLIENTS: usize = 200;
    const PER_SECOND: usize = 20;
    let stack = Stack::start();
    let api = stack.ready_api(&[("SQS_SENDS_UNDER_WAY", "2")]).await;
    api.post_form(registration(0)).await;
    stack.sqs.drain(QUEUE).await;
    let before = api.memory().now;

    stack.sqs.fault(Fault::on("SendMessageBatch").delay(Duration::from_secs(1))).await;
    let end = Instant::now() + Duration::from_secs(15);
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = api.http();
        clients.spawn(async move {
            let mut answers = Vec::new();
            while Instant::now() < end {
                let answer = client.post_form(registration(number)).await;
                let is_retryable = answer.status == 503 && answer.header("Retry-After").is_some();
                assert!(answer.status == 202 || is_retryable, "{answer:?}");
                answers.push((Instant::now(), answer));
            }
            answers
        });
    }
    let answers = clients.join_all().await.concat();
    let accepted: Vec<_> = answers.iter().filter(|(_, answer)| answer.status == 202).collect();
    // The rate stays the same to the end: requests that have waited too long must not take the
    // place of requests that can still be served.
    let half = end - Duration::from_millis(7500);
    let late = accepted.iter().filter(|(at, _)| (half..end).contains(at)).count();
    assert!(accepted.len() < answers.len(), "no form was refused");
    assert!(
        late >= PER_SECOND * 7 / 2,
        "{late} accepted in the last 7.5 s, {} in all",
        accepted.len()
    );
    let memory = api.memory();
    println!(
        "{} accepted, {} refused, {before} bytes before, {memory:?}",
        accepted.len(),
        answers.len() - accepted.len()
    );
    assert!(memory.most < before + (64 << 20), "{memory:?}, {before} before");

    stack.sqs.no_faults().await;
    let recovered = Instant::now();
    wait::until_true("the api accepts forms again", async || {
        api.post_form(registration(0)).await.status == 202
    })
    .await;
    println!("accepts forms again after {:?}", recovered.elapsed());

    // 202 means that SQS has the form.
    let queued = stack.sqs.drain(QUEUE).await;
    for (_, answer) in &accepted {
        let id = answer.submission_id();
        assert!(queued.iter().any(|message| message.attributes["id"] == id), "{id}");
    }
}
