//! What the intake takes at the most.

use std::time::Duration;

use test_kit::{
    Stack,
    forms::{SECRET, registration, signature},
    stack::QUEUE,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::raw::{self, Answer};

const SECOND: Duration = Duration::from_secs(1);

fn signed(body: &[u8]) -> Vec<u8> {
    let signature = signature("/form/", body, SECRET);
    raw::request(
        "POST",
        "/form/",
        &[("Content-Type", "application/json"), ("X-Signature", &signature)],
        body,
    )
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let signature = signature("/form/", body, SECRET);
    let head = format!(
        "POST /form/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
         Content-Type: application/json\r\nX-Signature: {signature}\r\n\r\n"
    );
    let chunks = body
        .chunks(1000)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    head.into_bytes().into_iter().chain(chunks).chain(*b"0\r\n\r\n").collect()
}

#[tokio::test]
async fn bodies_over_the_limit_get_413_by_length_and_in_chunks() {
    let stack = Stack::start();
    let api = stack.api(&[("MAX_BODY_BYTES", "10000")]);
    stack.ready(&api).await;
    let body = |length: usize| format!(r#"{{"data":"{}"}}"#, "x".repeat(length - 11)).into_bytes();
    for (bytes, expected) in [
        (signed(&body(10_000)), 202),
        (signed(&body(10_001)), 413),
        (chunked(&body(10_000)), 202),
        (chunked(&body(10_001)), 413),
    ] {
        assert_eq!(raw::exchange(api.port(), &bytes, 10 * SECOND).await.status, expected);
    }
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 2);
}

#[tokio::test]
async fn encoded_bodies_are_not_taken() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    let headers = [("Content-Encoding", "gzip"), ("Content-Type", "application/json")];
    let answer = raw::exchange(
        api.port(),
        &raw::request("POST", "/form/", &headers, b"\x1f\x8b"),
        10 * SECOND,
    )
    .await;
    assert_eq!(answer.status, 415, "{answer:?}");
}

#[tokio::test]
async fn a_head_or_a_body_that_does_not_arrive_in_time_gets_408() {
    let stack = Stack::start();
    let api = stack.api(&[("HEADER_TIMEOUT_SECONDS", "1"), ("BODY_TIMEOUT_SECONDS", "1")]);
    stack.ready(&api).await;
    let whole = signed(registration(1).as_bytes());
    let head_only = &whole[..20];
    let half_a_body = &whole[..whole.len() - 10];
    for part in [head_only, half_a_body] {
        let answer = raw::exchange(api.port(), part, 10 * SECOND).await;
        assert_eq!(answer.status, 408, "{answer:?}");
    }
}

#[tokio::test]
async fn bodies_in_flight_are_bounded_and_the_rest_gets_503() {
    let stack = Stack::start();
    let api = stack.api(&[("MAX_BODY_BYTES", "60000"), ("BODIES_IN_FLIGHT_BYTES", "100000")]);
    stack.ready(&api).await;
    let body = format!(r#"{{"data":"{}"}}"#, "x".repeat(50_000)).into_bytes();
    let whole = signed(&body);
    // A body that does not end holds half of the bytes, and two do not leave enough for a third. Which of them arrives
    // first is the machine's choice, so that it is given more time with each try.
    let (held, refused) = 'tries: {
        for milliseconds in [50, 200, 1000, 5000] {
            let mut held: Vec<TcpStream> = Vec::new();
            for _ in 0..2 {
                let mut connection = TcpStream::connect(("127.0.0.1", api.port())).await.unwrap();
                connection.write_all(&whole[..whole.len() - 1000]).await.unwrap();
                held.push(connection);
            }
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            let answer = raw::exchange(api.port(), &whole, 10 * SECOND).await;
            if answer.status == 503 {
                break 'tries (held, answer);
            }
        }
        panic!("never 503");
    };
    assert_eq!(refused.header("Retry-After"), Some("5"));

    // They are taken when they end, and then there is room again.
    for mut connection in held {
        connection.write_all(&whole[whole.len() - 1000..]).await.unwrap();
        let answer: Answer = raw::read(&mut connection, 10 * SECOND).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    assert_eq!(raw::exchange(api.port(), &whole, 10 * SECOND).await.status, 202);
}

#[tokio::test]
async fn connections_over_the_limit_wait_their_turn() {
    let stack = Stack::start();
    let api = stack.api(&[("MAX_CONNECTIONS", "10"), ("HEADER_TIMEOUT_SECONDS", "600")]);
    stack.ready(&api).await;
    let healthcheck = raw::request("GET", "/healthcheck/", &[], b"");
    let mut idle = Vec::new();
    let mut refused = None;
    // Each core has its share of the limit, rounded up, and one more may be on its way to each.
    for _ in 0..100 {
        idle.push(TcpStream::connect(("127.0.0.1", api.port())).await.unwrap());
        let answer = raw::exchange(api.port(), &healthcheck, SECOND).await;
        if answer.status == 0 {
            refused = Some(idle.len());
            break;
        }
    }
    let refused = refused.expect("no limit");
    assert!((8..=40).contains(&refused), "{refused} connections and no answer");
    drop(idle);
    assert_eq!(raw::exchange(api.port(), &healthcheck, 10 * SECOND).await.status, 200);
}

#[tokio::test]
async fn requests_that_are_not_http_are_refused_and_the_connection_closed() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    let post = "POST /form/ HTTP/1.1\r\nHost: a\r\n";
    let requests = [
        format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
        format!("{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("{post}Content-Length: -1\r\n\r\n"),
        format!("{post}X-A: a\r\n folded\r\n\r\n"),
        "nonsense\r\n\r\n".to_owned(),
    ];
    for request in requests {
        let answer = raw::exchange(api.port(), request.as_bytes(), 30 * SECOND).await;
        assert_eq!((answer.status, answer.closed), (400, true), "{request:?}: {answer:?}");
    }
}
