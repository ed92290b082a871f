//! Many at once who mean no good, or mean well and are slow: good clients stay served, and memory stays bounded.

use std::{process::Command, sync::Arc, time::Duration};

use reqwest::Client;
use test_kit::{
    Service, Stack,
    forms::{SECRET, post, registration, signature},
    service::path_of,
    stack::QUEUE,
};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

use crate::raw;

const SECOND: Duration = Duration::from_secs(1);
const MIB: u64 = 1 << 20;

fn signed(body: &[u8]) -> Vec<u8> {
    let signature = signature("/form/", body, SECRET);
    raw::request(
        "POST",
        "/form/",
        &[("Content-Type", "application/json"), ("X-Signature", &signature)],
        body,
    )
}

/// The most memory since the start, shown for whoever wants the figures.
fn most_memory(api: &Service, after: &str) -> u64 {
    let most = api.memory().most / MIB;
    println!("{most} MiB at the most after {after}");
    most
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_slow_connections_do_not_keep_good_clients_waiting() {
    service::open_files::raise_limit(0);
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    let whole = signed(format!(r#"{{"data":"{}"}}"#, "x".repeat(20_000)).as_bytes());
    let mut slow = Vec::new();
    for number in 0..5_000 {
        let mut connection = TcpStream::connect(("127.0.0.1", api.port())).await.unwrap();
        // Every other one has sent its head and most of its body.
        let sent = if number % 2 == 0 { &whole[..30] } else { &whole[..whole.len() - 10_000] };
        connection.write_all(sent).await.unwrap();
        slow.push(connection);
    }
    let client = Client::new();
    for number in 0..200 {
        assert_eq!(post(&client, &api.url(""), registration(number)).await.unwrap().status(), 202);
    }
    assert!(most_memory(&api, "5,000 slow connections") < 300);
    // And those who finish are served, too.
    let mut finishing = slow.swap_remove(1);
    finishing.write_all(&whole[whole.len() - 10_000..]).await.unwrap();
    assert_eq!(raw::read(&mut finishing, 10 * SECOND).await.status, 202);
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_wrong_signatures_is_turned_away_and_good_clients_are_served() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    let client = Client::new();
    let mut flood = JoinSet::new();
    for _ in 0..32 {
        let (client, url) = (client.clone(), api.url("/form/"));
        flood.spawn(async move {
            for _ in 0..500 {
                let request =
                    client.post(&url).header("X-Signature", "0".repeat(64)).body(registration(1));
                assert_eq!(request.send().await.unwrap().status(), 400);
            }
        });
    }
    let mut served = 0;
    while flood.try_join_next().is_none() {
        assert_eq!(post(&client, &api.url(""), registration(served)).await.unwrap().status(), 202);
        served += 1;
    }
    flood.join_all().await;
    assert!(served > 0);
    assert!(most_memory(&api, "16,000 wrong signatures") < 100);
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), served);
}

/// Bodies that are not taken, and requests that are none, from 16 clients at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_refused_take_bounded_memory() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    // A little more than one body may have.
    let large = vec![b'x'; (3 << 20) + 1000];
    let post = "POST /form/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let chunk = format!("{post}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", large.len());
    let requests = Arc::new([
        (413, raw::request("POST", "/form/", &[], &large)),
        (413, [chunk.as_bytes(), &large, b"\r\n0\r\n\r\n"].concat()),
        (415, raw::request("POST", "/form/", &[("Content-Encoding", "gzip")], &large[..1 << 20])),
        (400, format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx").into_bytes()),
        (
            400,
            format!("{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                .into_bytes(),
        ),
        (400, format!("{post}X-A: a\r\n folded\r\n\r\n").into_bytes()),
    ]);
    let mut flood = JoinSet::new();
    for _ in 0..16 {
        let (port, requests) = (api.port(), Arc::clone(&requests));
        flood.spawn(async move {
            for (status, request) in (0..10).flat_map(|_| requests.iter()) {
                let answer = raw::exchange(port, request, 60 * SECOND).await;
                assert_eq!(answer.status, *status, "{answer:?}");
            }
        });
    }
    flood.join_all().await;
    assert!(most_memory(&api, "960 requests that are refused") < 150);
}

/// JSON that is small as text and large when parsed: only what is parsed at the moment takes that much.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_that_grow_when_parsed_take_bounded_memory() {
    let stack = Stack::start();
    // Parsing so much takes a slow machine longer than a head may take to arrive.
    let api = stack.api(&[("HEADER_TIMEOUT_SECONDS", "600"), ("BODY_TIMEOUT_SECONDS", "600")]);
    stack.ready(&api).await;
    let pause = serde_json::json!({ "action": "SendMessageBatch", "kind": "delay", "ms": 2500 });
    stack.sqs.fault(pause).await;
    let zeros = format!(r#"{{"data":[{}0]}}"#, "0,".repeat(400_000)).into_bytes();
    let deep = format!(r#"{{"data":{}"#, "[".repeat(800_000)).into_bytes();
    let mut senders = JoinSet::new();
    for number in 0..18 {
        let (body, port, status) = if number % 3 == 0 {
            (deep.clone(), api.port(), 400)
        } else {
            (zeros.clone(), api.port(), 202)
        };
        senders.spawn(async move {
            let answer = raw::exchange(port, &signed(&body), 60 * SECOND).await;
            assert!(
                answer.status == status || answer.status == 503,
                "{} for {status}",
                answer.status
            );
            answer.status
        });
    }
    let statuses = senders.join_all().await;
    assert!(statuses.contains(&202) && statuses.contains(&400), "{statuses:?}");
    assert!(most_memory(&api, "18 forms of 800 kB that grow") < 200);
}

#[tokio::test]
async fn heads_are_bounded() {
    let stack = Stack::start();
    let api = stack.api(&[]);
    stack.ready(&api).await;
    let body = registration(1);
    let signature = signature("/form/", body.as_bytes(), SECRET);
    for (bytes, expected) in [(64 << 10, 202), (1 << 20, 431)] {
        let filler = "x".repeat(bytes);
        let headers = [
            ("Content-Type", "application/json"),
            ("X-Signature", &signature),
            ("X-Filler", &filler),
        ];
        let request = raw::request("POST", "/form/", &headers, body.as_bytes());
        assert_eq!(
            raw::exchange(api.port(), &request, 10 * SECOND).await.status,
            expected,
            "{bytes}"
        );
    }
    assert!(most_memory(&api, "heads of 1 MiB") < 100);
}

#[tokio::test]
async fn more_connections_than_the_usual_1024_files_are_served() {
    service::open_files::raise_limit(0);
    let stack = Stack::start();
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"ulimit -Sn 256 && exec "$0""#]).arg(path_of("api")).env_clear();
    limited.envs([("BIND_ADDRESS", "127.0.0.1"), ("PORT", "0"), ("UI_SECRET", SECRET)]);
    limited.envs(test_kit::stack::aws(stack.sqs.endpoint()));
    let api = Service::spawn("api", &mut limited);
    let mut idle = Vec::new();
    for _ in 0..600 {
        idle.push(TcpStream::connect(("127.0.0.1", api.port())).await.unwrap());
    }
    let healthcheck = raw::request("GET", "/healthcheck/", &[], b"");
    assert_eq!(raw::exchange(api.port(), &healthcheck, 10 * SECOND).await.status, 200);
}

#[test]
fn too_few_files_for_all_connections_are_warned_of() {
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"ulimit -n 256 && exec "$0""#]).arg(path_of("api")).env_clear();
    limited.envs([("BIND_ADDRESS", "127.0.0.1"), ("PORT", "0"), ("UI_SECRET", SECRET)]);
    let log = Service::spawn("api", &mut limited).log();
    assert!(log.contains("open_files=256 max_connections=10000"), "{log}");
}
