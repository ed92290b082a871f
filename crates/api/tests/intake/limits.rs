//! The limits on requests and connections.

use std::{collections::BTreeSet, time::Duration};

use test_kit::{
    Service, Stack,
    forms::{SECRET, registration, signature},
    http::{Request, raw::read},
    stack::QUEUE,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

const SECOND: Duration = Duration::from_secs(1);

fn form(api: &Service, body: &[u8]) -> Request {
    api.request("POST", "/form/").json(body).signed()
}

fn chunked_form(api: &Service, body: &[u8]) -> Request {
    let chunks = body
        .chunks(1000)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    let chunks: Vec<u8> = chunks.chain(*b"0\r\n\r\n").collect();
    api.request("POST", "/form/")
        .json(chunks)
        .header("Transfer-Encoding", "chunked")
        .header("X-Signature", &signature("/form/", body, SECRET))
}

#[tokio::test]
async fn bodies_over_the_limit_get_413_by_length_and_in_chunks() {
    let stack = Stack::start();
    let api = stack.ready_api(&[("MAX_BODY_BYTES", "10000")]).await;
    let body = |length: usize| format!(r#"{{"data":"{}"}}"#, "x".repeat(length - 11)).into_bytes();
    for (request, expected) in [
        (form(&api, &body(10_000)), 202),
        (form(&api, &body(10_001)), 413),
        (chunked_form(&api, &body(10_000)), 202),
        (chunked_form(&api, &body(10_001)), 413),
    ] {
        request.send_raw().await.expect_status(expected);
    }
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 2);
}

#[tokio::test]
async fn encoded_bodies_get_415() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let request = api.request("POST", "/form/").json(b"\x1f\x8b");
    request.header("Content-Encoding", "gzip").send_raw().await.expect_status(415);
}

#[tokio::test]
async fn a_head_or_a_body_that_does_not_arrive_in_time_gets_408() {
    let stack = Stack::start();
    let limits = [("HEADER_TIMEOUT_SECONDS", "1"), ("BODY_TIMEOUT_SECONDS", "1")];
    let api = stack.ready_api(&limits).await;
    let whole = form(&api, registration(1).as_bytes()).to_bytes();
    let head_only = &whole[..20];
    let half_a_body = &whole[..whole.len() - 10];
    for part in [head_only, half_a_body] {
        api.exchange(part, 10 * SECOND).await.expect_status(408);
    }
}

#[tokio::test]
async fn bodies_in_flight_are_bounded_and_the_rest_gets_503() {
    let stack = Stack::start();
    let limits = [("MAX_BODY_BYTES", "60000"), ("BODIES_IN_FLIGHT_BYTES", "100000")];
    let api = stack.ready_api(&limits).await;
    let body = format!(r#"{{"data":"{}"}}"#, "x".repeat(50_000)).into_bytes();
    let whole = form(&api, &body).to_bytes();
    let (but_the_end, end) = whole.split_at(whole.len() - 1000);
    // A body that does not end holds half of the bytes, so two leave too little for a third. If the
    // third arrives first, it may take the place of one of the two: then two others are held.
    let (held, refused) = 'tries: {
        for _ in 0..20 {
            let mut held: Vec<TcpStream> = Vec::new();
            for _ in 0..2 {
                let mut connection = TcpStream::connect(api.address()).await.unwrap();
                connection.write_all(but_the_end).await.unwrap();
                held.push(connection);
            }
            for _ in 0..50 {
                let answer = api.exchange(&whole, 10 * SECOND).await;
                if answer.status == 503 {
                    break 'tries (held, answer);
                }
            }
        }
        panic!("never 503");
    };
    // Clients that are refused at the same time do not all come back at the same time.
    let mut waits = BTreeSet::from([refused.header("Retry-After").unwrap().to_owned()]);
    while waits.len() < 3 {
        let refused = api.exchange(&whole, 10 * SECOND).await.expect_status(503);
        waits.insert(refused.header("Retry-After").unwrap().to_owned());
    }
    assert!(waits.iter().all(|wait| (5..=10).contains(&wait.parse().unwrap())), "{waits:?}");

    // The two are accepted when they end, and then there is room again.
    for mut connection in held {
        connection.write_all(end).await.unwrap();
        read(&mut connection, 10 * SECOND).await.expect_status(202);
    }
    api.exchange(&whole, 10 * SECOND).await.expect_status(202);
    stack.allow_messages_left("the number of tries is open");
}

#[tokio::test]
async fn connections_over_the_limit_wait_their_turn() {
    let stack = Stack::start();
    let limits = [("MAX_CONNECTIONS", "10"), ("HEADER_TIMEOUT_SECONDS", "600")];
    let api = stack.api(&limits);
    let healthcheck = api.request("GET", "/healthcheck/");
    let mut idle = Vec::new();
    let mut refused = None;
    // Each core has its share of the limit, rounded up, and one more connection may be on its way
    // to each.
    for _ in 0..100 {
        idle.push(TcpStream::connect(api.address()).await.unwrap());
        let answer = healthcheck.clone().within(SECOND).send_raw().await;
        if answer.status == 0 {
            refused = Some(idle.len());
            break;
        }
    }
    let refused = refused.expect("no limit");
    assert!((8..=40).contains(&refused), "{refused} connections and no answer");
    drop(idle);
    healthcheck.send_raw().await.expect_status(200);
}

#[tokio::test]
async fn requests_that_are_not_http_get_400_and_the_connection_is_closed() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let post = "POST /form/ HTTP/1.1\r\nHost: a\r\n";
    let requests = [
        format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
        format!("{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("{post}Content-Length: -1\r\n\r\n"),
        format!("{post}X-A: a\r\n folded\r\n\r\n"),
        "nonsense\r\n\r\n".to_owned(),
    ];
    for request in requests {
        let answer = api.exchange(request.as_bytes(), 30 * SECOND).await;
        assert_eq!((answer.status, answer.closed), (400, true), "{request:?}: {answer:?}");
    }
    assert!(!api.log().contains("ERROR"), "anybody could fill the log: {}", api.log());
}
