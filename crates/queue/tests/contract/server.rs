//! A server for one test, seen through this crate and from outside.

use std::time::Duration;

use domain::{Attributes, Message};
use queue::{
    Connection, Delivery, Poll, Queue, QueueFinder, QueueNames, QueuePair, SendPace, Sender,
};
use test_kit::{Service, Sqs, fauxqs::Fauxqs};

/// A running server.
pub struct Server {
    pub sqs: Sqs,
    pub names: QueueNames,
    pub connection: Connection,
    _process: Process,
}

#[expect(dead_code, reason = "kept so that the process runs as long as the test")]
enum Process {
    LocalSqs(Service),
    Fauxqs(Fauxqs),
}

impl Server {
    pub fn local_sqs() -> Self {
        let service = Service::start("local-sqs", &[]);
        Self::at(&service.url(""), Process::LocalSqs(service))
    }

    pub fn fauxqs() -> Self {
        let fauxqs = Fauxqs::start();
        Self::at(&fauxqs.endpoint(), Process::Fauxqs(fauxqs))
    }

    fn at(endpoint: &str, process: Process) -> Self {
        Self {
            sqs: Sqs::at(endpoint),
            names: QueueNames { form: "forms".to_owned(), invalid: "forms-invalid".to_owned() },
            connection: Connection::to_endpoint(endpoint),
            _process: process,
        }
    }

    pub fn finder(&self, create: bool) -> QueueFinder {
        QueueFinder { connection: self.connection.clone(), names: self.names.clone(), create }
    }

    pub async fn pair(&self) -> QueuePair {
        self.finder(true).pair().await.unwrap()
    }
}

pub fn message(body: &str) -> Message {
    Message { body: body.to_owned(), attributes: Attributes::new() }
}

pub fn sender(queue: &Queue) -> Sender {
    let linger = Duration::from_millis(20);
    Sender::start(
        queue.clone(),
        SendPace { within: Duration::from_secs(5), linger, calls_in_flight: 4 },
    )
}

/// Makes one call at a time; messages that come in the meantime share the next call.
pub fn sender_of_one_call(queue: &Queue) -> Sender {
    let linger = Duration::from_secs(5);
    Sender::start(
        queue.clone(),
        SendPace { within: Duration::from_secs(5), linger, calls_in_flight: 1 },
    )
}

pub fn poll(seconds: u64) -> Poll {
    Poll {
        wait_time: Duration::from_secs(seconds),
        max_messages: 10,
        visibility_timeout: Duration::from_secs(30),
    }
}

/// Polls until the queue is empty.
pub async fn receive_all(queue: &Queue) -> Vec<Delivery> {
    let mut all = Vec::new();
    loop {
        let deliveries = queue.receive(&poll(0)).await.unwrap();
        if deliveries.is_empty() {
            return all;
        }
        all.extend(deliveries);
    }
}

pub fn soon() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(10)
}
