//! Bodies that stall: they cannot keep others out.

use std::time::{Duration, Instant};

use test_kit::{Service, Stack, forms::registration, http::raw, stack::QUEUE};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

const SECOND: Duration = Duration::from_secs(1);
const MIB: usize = 1 << 20;

/// The default of `MAX_BODY_BYTES`.
const LONGEST: usize = 3 * MIB;

/// Sends all of a body except its last byte, with a signature that has the right form.
async fn stall(api: &Service, length: usize) -> TcpStream {
    let head = format!(
        "POST /form/ HTTP/1.1\r\nHost: a\r\nX-Signature: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n",
        "0".repeat(64)
    );
    let mut connection = TcpStream::connect(api.address()).await.unwrap();
    // An api that has no room refuses the body while it is being sent.
    let _ = connection.write_all(head.as_bytes()).await;
    let _ = connection.write_all(&vec![b'x'; length - 1]).await;
    connection
}

/// Stalls bodies until together they have as many bytes as may be in flight.
async fn stall_64_mib(api: &Service) -> Vec<TcpStream> {
    let mut stalled = Vec::new();
    for length in [[LONGEST; 21].as_slice(), &[MIB / 2, MIB / 2]].concat() {
        stalled.push(stall(api, length).await);
    }
    // The api reads what the kernel has buffered. It does not drop a body in its first second.
    tokio::time::sleep(2 * SECOND).await;
    stalled
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_large_bodies_stall_every_ordinary_form_is_accepted() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let stalled = stall_64_mib(&api).await;
    let end = Instant::now() + 8 * SECOND;
    let mut statuses = Vec::new();
    while Instant::now() < end {
        statuses.push(api.post_form(registration(statuses.len())).await.status);
        tokio::time::sleep(SECOND / 20).await;
    }
    let refused = statuses.iter().filter(|status| **status != 202).count();
    println!("{refused} of {} ordinary forms refused", statuses.len());
    assert_eq!(refused, 0, "of {}", statuses.len());
    stack.expect_messages_left(QUEUE, statuses.len() as u64);
    drop(stalled);
}

/// Each large form takes the place of the slowest body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_form_takes_the_place_of_a_body_that_stalls() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let mut stalled = stall_64_mib(&api).await;
    let body = format!(r#"{{"data":"{}"}}"#, "x".repeat(900_000));
    let mut senders = JoinSet::new();
    for _ in 0..4 {
        let (address, request) =
            (api.address(), api.request("POST", "/form/").json(body.clone()).signed().to_bytes());
        senders.spawn(async move { raw::exchange(address, &request, 60 * SECOND).await.status });
    }
    assert_eq!(senders.join_all().await, [202; 4]);
    stack.expect_messages_left(QUEUE, 4);

    // A sender whose body was dropped gets an answer, and may send it again.
    let mut retryable = 0;
    for connection in &mut stalled {
        let answer = raw::read(connection, 20 * SECOND).await;
        assert!([503, 408].contains(&answer.status), "{answer:?}");
        retryable += usize::from(answer.header("Retry-After").is_some());
    }
    assert!(retryable >= 1, "no body was dropped");
}

#[tokio::test]
async fn a_body_below_the_lowest_rate_gets_408_long_before_its_time_is_over() {
    let stack = Stack::start();
    let limits = [("BODY_TIMEOUT_SECONDS", "600"), ("BODY_MIN_BYTES_PER_SECOND", "1000")];
    let api = stack.ready_api(&limits).await;
    let started = Instant::now();
    let mut connection = stall(&api, 10_000).await;
    raw::read(&mut connection, 30 * SECOND).await.expect_status(408);
    let took = started.elapsed();
    assert!(took > 5 * SECOND && took < 25 * SECOND, "{took:?}");
}

#[tokio::test]
async fn a_slow_body_above_the_lowest_rate_is_accepted() {
    let stack = Stack::start();
    let api = stack.ready_api(&[("BODY_MIN_BYTES_PER_SECOND", "10")]).await;
    let form = api.request("POST", "/form/").json(registration(1)).signed().to_bytes();
    let mut connection = TcpStream::connect(api.address()).await.unwrap();
    let (head, body) = form.split_at(form.len() - 13);
    connection.write_all(head).await.unwrap();
    for byte in body {
        tokio::time::sleep(SECOND).await;
        connection.write_all(&[*byte]).await.unwrap();
    }
    raw::read(&mut connection, 10 * SECOND).await.expect_status(202);
    stack.expect_messages_left(QUEUE, 1);
}

/// The signature is missing or cannot be right, so the body need not be read.
#[tokio::test]
async fn a_request_that_cannot_be_signed_correctly_is_refused_before_its_body_arrives() {
    let stack = Stack::start();
    let hawk = [("INTAKE_AUTH", "hawk"), ("HAWK_CLIENTS", "ui:an-invented-key-of-a-client")];
    let mac = "6R4rV5iE+NPoym+WwjeHzjAGXUtLNIxmo1vpMofpLAE=";
    let unknown =
        format!(r#"Authorization: Hawk id="who", ts="1", nonce="n", mac="{mac}", hash="h""#);
    for (settings, status, headers) in [
        (&[][..], 400, ["", "X-Signature: 0", &format!("X-Signature: {}", "A".repeat(64))]),
        (&hawk[..], 401, ["", "Authorization: Hawk", &unknown]),
    ] {
        let api = stack.ready_api(settings).await;
        for header in headers {
            let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
            let head =
                format!("POST /form/ HTTP/1.1\r\nHost: a\r\n{header}Content-Length: 1000\r\n\r\nx");
            let started = Instant::now();
            let answer = api.exchange(head.as_bytes(), 20 * SECOND).await;
            assert_eq!(answer.status, status, "{header} {answer:?}");
            // The api reads on for 3 s before it answers and closes.
            assert!(started.elapsed() < 10 * SECOND, "{header} {:?}", started.elapsed());
        }
    }
}
