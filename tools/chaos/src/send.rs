//! A sender: sends one submission after the other, and writes each down before it is sent and when it has ended.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use test_kit::{
    forms::{SECRET, signature},
    stack::QUEUE,
};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    draft::{Draft, draft},
    history::{History, Kind, Name, Outcome, Place},
    system::System,
};

/// Longer than the api may take; who waits longer has given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// A sender whose submission came to nothing waits so long, so that a service that is down is not hammered.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);

/// Who sends, and to whom.
#[derive(Clone)]
pub struct Sender {
    /// Makes the submissions.
    pub seed: u64,
    /// The sender's number.
    pub number: u32,
    /// To whom.
    pub system: Arc<System>,
    /// Where it is written down.
    pub history: Arc<History>,
}

impl Sender {
    /// Sends until `stop`; what has been begun is waited for.
    pub async fn run(self, stop: CancellationToken) {
        let client = reqwest::Client::new();
        for number in 0.. {
            let name = Name { sender: self.number, number };
            let draft = draft(self.seed, name);
            if stop
                .run_until_cancelled(sleep(Duration::from_millis(draft.pause_ms)))
                .await
                .is_none()
            {
                return;
            }
            let notes = (draft.encoding, draft.body.len(), draft.key.is_some());
            let place = self.history.sending((name, draft.kind), &draft.content, notes);
            match draft.kind {
                Kind::Form | Kind::BadForm => self.post(&client, place, &draft, number).await,
                Kind::Message | Kind::Garbage => self.put(place, &draft).await,
            }
        }
    }

    async fn post(&self, client: &reqwest::Client, place: Place, draft: &Draft, number: u32) {
        let mut retries = draft.retries;
        let mut again = draft.again;
        for attempt in 0.. {
            // Each attempt to the other instance.
            let apis = &self.system.apis;
            let Some(api) = apis.get((number + attempt) as usize % apis.len().max(1)) else {
                return;
            };
            let outcome = post(client, &api.url("/form/"), draft).await;
            self.history.ended(place, outcome.clone());
            match outcome {
                Outcome::Accepted(_) if again => again = false,
                Outcome::Unknown(_) if retries > 0 => {
                    retries -= 1;
                    sleep(Duration::from_millis(300) * (attempt + 1)).await;
                }
                Outcome::Unknown(_) => return sleep(AFTER_A_FAILURE).await,
                Outcome::Accepted(_) | Outcome::Refused(_) => return,
            }
            self.history.sending_again(place);
        }
    }

    async fn put(&self, place: Place, draft: &Draft) {
        let body = String::from_utf8_lossy(&draft.body);
        let input = json!({ "QueueUrl": self.system.queue_url(QUEUE), "MessageBody": body });
        let outcome = match timeout(PATIENCE, self.system.sqs.try_call("SendMessage", input)).await
        {
            Ok(Ok(answer)) => Outcome::Accepted(
                answer.get("MessageId").and_then(Value::as_str).map(str::to_owned),
            ),
            Ok(Err(error)) => Outcome::Unknown(error.to_string().chars().take(100).collect()),
            Err(_) => Outcome::Unknown("no answer in time".to_owned()),
        };
        let unknown = matches!(outcome, Outcome::Unknown(_));
        self.history.ended(place, outcome);
        if unknown {
            sleep(AFTER_A_FAILURE).await;
        }
    }
}

async fn post(client: &reqwest::Client, url: &str, draft: &Draft) -> Outcome {
    let secret = if draft.forged { "another" } else { SECRET };
    let mut request =
        client.post(url).timeout(PATIENCE).header("Content-Type", &draft.content_type);
    request = request.header("X-Signature", signature("/form/", &draft.body, secret));
    if let Some(key) = &draft.key {
        request = request.header("Idempotency-Key", key);
    }
    let answer = match request.body(draft.body.clone()).send().await {
        Ok(answer) => answer,
        Err(error) if error.is_timeout() => {
            return Outcome::Unknown("no answer in time".to_owned());
        }
        Err(error) if error.is_connect() => return Outcome::Unknown("no connection".to_owned()),
        Err(_) => return Outcome::Unknown("the connection broke off".to_owned()),
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
