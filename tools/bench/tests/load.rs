//! The load generator, against servers that are slow on purpose.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail"
)]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bench::{
    load::{self, Pace},
    requests::{self, Requests},
};
use domain::{Fields, FormType};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::sleep_until,
};

/// Answers every request with `answer`, except while it is frozen: between these two times after its start.
async fn server(
    answer: &'static str,
    frozen: (Duration, Duration),
) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let started = Instant::now();
    let answered = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&answered);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut request = [0; 1024];
                while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                    if (frozen.0..frozen.1).contains(&started.elapsed()) {
                        sleep_until((started + frozen.1).into()).await;
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                    // In two pieces, as may happen on a network.
                    let (head, rest) = answer.split_at(20);
                    stream.write_all(head.as_bytes()).await.unwrap();
                    tokio::task::yield_now().await;
                    stream.write_all(rest.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (address, answered)
}

const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}";
const REFUSED: &str =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 5\r\n\r\n";
const NEVER: (Duration, Duration) = (Duration::ZERO, Duration::ZERO);

fn request() -> Requests {
    Requests::new(vec![b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()])
}

#[tokio::test]
async fn a_frozen_server_delays_every_request_that_was_due_meanwhile() {
    let (address, answered) =
        server(ACCEPTED, (Duration::from_millis(200), Duration::from_millis(600))).await;
    let pace = Pace::PerSecond(1000.0);
    let outcome = load::run(address, &request(), 4, pace, Duration::from_secs(1)).await.unwrap();
    assert_eq!((outcome.accepted, outcome.refused), (1000, 0));
    assert_eq!(answered.load(Ordering::Relaxed), 1000);
    // 400 of 1,000 requests were due in these 400 ms, and waited 200 ms on average. Counted from the moment they were
    // sent, only the four requests in flight would have waited.
    assert!(outcome.milliseconds(0.8) >= 100.0, "p80 is {} ms", outcome.milliseconds(0.8));
    assert!(outcome.milliseconds(1.0) >= 300.0, "the longest is {} ms", outcome.milliseconds(1.0));
}

#[tokio::test]
async fn no_request_is_made_before_it_is_due() {
    let (address, _) = server(ACCEPTED, NEVER).await;
    let outcome = load::run(address, &request(), 4, Pace::PerSecond(50.0), Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(outcome.accepted, 50);
    // The last one is due after 980 ms.
    assert!(outcome.started.elapsed() >= Duration::from_millis(980));
}

#[tokio::test]
async fn in_a_closed_loop_each_connection_waits_for_its_answer() {
    let (address, answered) = server(ACCEPTED, NEVER).await;
    let during = Duration::from_millis(300);
    let outcome = load::run(address, &request(), 8, Pace::AsFastAsAnswered, during).await.unwrap();
    assert!(outcome.accepted > 8, "{} requests", outcome.accepted);
    assert_eq!(answered.load(Ordering::Relaxed), outcome.accepted);
}

#[tokio::test]
async fn refused_requests_are_not_counted_as_accepted() {
    let (address, _) = server(REFUSED, NEVER).await;
    let pace = Pace::PerSecond(100.0);
    let outcome =
        load::run(address, &request(), 2, pace, Duration::from_millis(100)).await.unwrap();
    assert_eq!((outcome.accepted, outcome.refused), (0, 10));
}

#[test]
fn every_form_is_a_different_registration_of_1024_bytes() {
    let form_type = FormType::from_schema(requests::FORM_TYPE, requests::SCHEMA).unwrap();
    let forms: Vec<String> = [0, 9, 65_535].map(requests::form).to_vec();
    for form in &forms {
        assert_eq!(form.len(), requests::FORM_BYTES);
        form_type.check(&Fields::from_json(form.as_bytes()).unwrap()).unwrap();
    }
    assert!(forms[0] != forms[1] && forms[1] != forms[2]);
}

#[test]
fn every_small_form_is_a_different_registration_of_200_bytes() {
    let form_type = FormType::from_schema(requests::FORM_TYPE, requests::SCHEMA).unwrap();
    let forms: Vec<String> = [0, 9, 999_999].map(requests::small_form).to_vec();
    for form in &forms {
        assert_eq!(form.len(), requests::SMALL_FORM_BYTES);
        form_type.check(&Fields::from_json(form.as_bytes()).unwrap()).unwrap();
    }
    assert!(forms[0] != forms[1] && forms[1] != forms[2]);
}
