//! A sender: it sends one submission after another, and records each before it is sent and when it has ended.

use std::{sync::Arc, time::Duration};

use reqwest::Client;
use serde_json::{Value, json};
use test_kit::{
    forms::{SECRET, signature},
    stack::QUEUE,
};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    draft::{Draft, draft},
    history::{History, Kind, Outcome, Sending, SubmissionIndex, SubmissionName},
    size,
    system::System,
};

/// Longer than the api may take. A sender gives up after this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause after a failure, so that senders do not hammer a service that is down.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub struct Sender {
    pub seed: u64,
    pub number: u32,
    pub system: Arc<System>,
    pub history: Arc<History>,
}

impl Sender {
    /// Sends until `stop`, and then finishes the current submission.
    pub async fn run(self, stop: CancellationToken) {
        let client = Client::new();
        for number in 0.. {
            let name = SubmissionName { sender: self.number, number };
            let draft = draft(self.seed, name);
            let pause = sleep(Duration::from_millis(draft.pause_ms));
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
            let index = self.history.record_sending(Sending {
                name,
                kind: draft.kind,
                content: &draft.content,
                encoding: draft.encoding,
                bytes: draft.body.len(),
                with_key: draft.key.is_some(),
                refusable: draft.refusable,
            });
            let attempts = match draft.kind {
                Kind::Form | Kind::BadForm => self.post(&client, index, &draft, number).await,
                Kind::Message | Kind::Garbage => {
                    self.put_on_queue(index, &draft).await;
                    1
                }
            };
            let rest = sleep(size::sending_time(draft.body.len()) * attempts);
            if stop.run_until_cancelled(rest).await.is_none() {
                return;
            }
        }
    }

    /// Returns the number of attempts.
    async fn post(
        &self,
        client: &Client,
        index: SubmissionIndex,
        draft: &Draft,
        number: u32,
    ) -> u32 {
        let mut retries = draft.retries;
        let mut repeat = draft.repeat;
        let mut attempt = 0;
        loop {
            // Attempts alternate between the instances.
            let apis = &self.system.apis;
            let Some(api) = apis.get((number + attempt) as usize % apis.len().max(1)) else {
                return attempt;
            };
            attempt += 1;
            let outcome = post(client, &api.url("/form/"), draft).await;
            self.history.record_outcome(index, outcome.clone());
            match outcome {
                Outcome::Accepted(_) if repeat => repeat = false,
                Outcome::Unknown(_) if retries > 0 => {
                    retries -= 1;
                    sleep(Duration::from_millis(300) * attempt).await;
                }
                Outcome::Unknown(_) => {
                    sleep(AFTER_A_FAILURE).await;
                    return attempt;
                }
                Outcome::Accepted(_) | Outcome::Refused(_) => return attempt,
            }
            self.history.record_retry(index);
        }
    }

    async fn put_on_queue(&self, index: SubmissionIndex, draft: &Draft) {
        let body = String::from_utf8_lossy(&draft.body);
        let input = json!({ "QueueUrl": self.system.queue_url(QUEUE), "MessageBody": body });
        let call = self.system.sqs.try_call("SendMessage", input);
        let outcome = match timeout(PATIENCE, call).await {
            Ok(Ok(answer)) => Outcome::Accepted(
                answer.get("MessageId").and_then(Value::as_str).map(str::to_owned),
            ),
            Ok(Err(error)) => Outcome::Unknown(error.to_string().chars().take(100).collect()),
            Err(_) => Outcome::Unknown("no answer in time".to_owned()),
        };
        let failed = matches!(outcome, Outcome::Unknown(_));
        self.history.record_outcome(index, outcome);
        if failed {
            sleep(AFTER_A_FAILURE).await;
        }
    }
}

async fn post(client: &Client, url: &str, draft: &Draft) -> Outcome {
    let secret = if draft.forged { "another" } else { SECRET };
    let mut request = client
        .post(url)
        .timeout(PATIENCE)
        .header("Content-Type", &draft.content_type)
        .header("X-Signature", signature("/form/", &draft.body, secret));
    if let Some(key) = &draft.key {
        request = request.header("Idempotency-Key", key);
    }
    let answer = match request.body(draft.body.clone()).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let reason = match error {
                _ if error.is_timeout() => "no answer in time",
                _ if error.is_connect() => "no connection",
                _ => "the connection broke off",
            };
            return Outcome::Unknown(reason.to_owned());
        }
    };
    match answer.status().as_u16() {
        202 => {
            let answer: Option<Value> = answer.json().await.ok();
            Outcome::Accepted(
                answer.and_then(|answer| Some(answer.get("id")?.as_str()?.to_owned())),
            )
        }
        status @ 400..500 => Outcome::Refused(status),
        status => Outcome::Unknown(status.to_string()),
    }
}
