//! Floods of bad or slow requests: good clients are still served, and memory stays bounded.

use std::{process::Command, sync::Arc, time::Duration};

use test_kit::{
    Fault, Service, Stack,
    forms::{SECRET, registration},
    http::raw,
    program::path_of,
    stack::QUEUE,
};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

const SECOND: Duration = Duration::from_secs(1);
const MIB: u64 = 1 << 20;

fn form(api: &Service, body: &[u8]) -> Vec<u8> {
    api.request("POST", "/form/").json(body).signed().to_bytes()
}

/// The most memory that the api has used since its start, in MiB; the test prints it.
fn most_memory(api: &Service, after: &str) -> u64 {
    let most = api.memory().most / MIB;
    println!("at most {most} MiB after {after}");
    most
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_slow_connections_do_not_keep_good_clients_waiting() {
    service::open_files::raise_limit(0);
    let stack = Stack::start();
    // None of them is given up during the test, even on a slow machine.
    let limits = [
        ("HEADER_TIMEOUT_SECONDS", "600"),
        ("BODY_TIMEOUT_SECONDS", "600"),
        ("BODY_MIN_BYTES_PER_SECOND", "0"),
    ];
    let api = stack.ready_api(&limits).await;
    let whole = form(&api, format!(r#"{{"data":"{}"}}"#, "x".repeat(20_000)).as_bytes());
    let mut slow = Vec::new();
    for number in 0..5_000 {
        let mut connection = TcpStream::connect(api.address()).await.unwrap();
        // Half of them have sent their head and most of their body.
        let sent = if number % 2 == 0 { &whole[..30] } else { &whole[..whole.len() - 10_000] };
        connection.write_all(sent).await.unwrap();
        slow.push(connection);
    }
    for number in 0..200 {
        api.post_form(registration(number)).await.expect_status(202);
    }
    assert!(most_memory(&api, "5,000 slow connections") < 300);
    // A slow client that finishes is served too.
    let mut finishing = slow.swap_remove(1);
    finishing.write_all(&whole[whole.len() - 10_000..]).await.unwrap();
    raw::read(&mut finishing, 10 * SECOND).await.expect_status(202);
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_wrong_signatures_is_turned_away_and_good_clients_are_served() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let mut flood = JoinSet::new();
    for _ in 0..32 {
        let request = api.request("POST", "/form/").body(registration(1));
        let request = request.header("X-Signature", &"0".repeat(64));
        flood.spawn(async move {
            for _ in 0..500 {
                request.send().await.expect_status(400);
            }
        });
    }
    let mut served = 0;
    while flood.try_join_next().is_none() {
        api.post_form(registration(served)).await.expect_status(202);
        served += 1;
    }
    flood.join_all().await;
    assert!(served > 0);
    assert!(most_memory(&api, "16,000 wrong signatures") < 100);
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), served);
}

/// Bodies that are refused and requests that are not HTTP, from 16 clients at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_bodies_use_bounded_memory() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    // A little more than the limit of one body.
    let large = vec![b'x'; (3 << 20) + 1000];
    let post = "POST /form/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    // A signature that cannot be right would be refused before the body.
    let signature = "0".repeat(64);
    let chunk = format!(
        "{post}X-Signature: {signature}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        large.len()
    );
    let gzip = api.request("POST", "/form/").header("Content-Encoding", "gzip");
    let requests = Arc::new([
        (413, api.request("POST", "/form/").body(large.clone()).to_bytes()),
        (413, [chunk.as_bytes(), &large, b"\r\n0\r\n\r\n"].concat()),
        (415, gzip.body(&large[..1 << 20]).to_bytes()),
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
        let (address, requests) = (api.address(), Arc::clone(&requests));
        flood.spawn(async move {
            for (status, request) in (0..10).flat_map(|_| requests.iter()) {
                let answer = raw::exchange(address, request, 60 * SECOND).await;
                assert_eq!(answer.status, *status, "{answer:?}");
            }
        });
    }
    flood.join_all().await;
    assert!(most_memory(&api, "960 refused requests") < 150);
}

/// JSON that is small as text and large when parsed. It takes that much memory only while it is
/// being parsed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_that_grow_when_parsed_use_bounded_memory() {
    let stack = Stack::start();
    // On a slow machine, parsing takes longer than the head of the next request may take to arrive.
    let limits = [("HEADER_TIMEOUT_SECONDS", "600"), ("BODY_TIMEOUT_SECONDS", "600")];
    let api = stack.ready_api(&limits).await;
    let pause = Duration::from_millis(2500);
    stack.sqs.fault(Fault::on("SendMessageBatch").delay(pause)).await;
    let zeros = format!(r#"{{"data":[{}0]}}"#, "0,".repeat(400_000)).into_bytes();
    let deep = format!(r#"{{"data":{}"#, "[".repeat(800_000)).into_bytes();
    let mut senders = JoinSet::new();
    for number in 0..18 {
        let (body, status) = if number % 3 == 0 { (&deep, 400) } else { (&zeros, 202) };
        let (address, request) = (api.address(), form(&api, body));
        senders.spawn(async move {
            let answer = raw::exchange(address, &request, 60 * SECOND).await;
            assert!(
                answer.status == status || answer.status == 503,
                "{} for {status}",
                answer.status
            );
            answer.status
        });
    }
    let statuses = senders.join_all().await;
    stack.allow_messages_left("how many forms get 503 is open");
    assert!(statuses.contains(&202) && statuses.contains(&400), "{statuses:?}");
    assert!(most_memory(&api, "18 forms of 800 kB that grow") < 200);
}

#[tokio::test]
async fn heads_are_bounded() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    for (bytes, expected) in [(64 << 10, 202), (1 << 20, 431)] {
        let request = api.request("POST", "/form/").json(registration(1)).signed();
        let answer = request.header("X-Filler", &"x".repeat(bytes)).send_raw().await;
        assert_eq!(answer.status, expected, "{bytes}");
    }
    stack.expect_messages_left(QUEUE, 1);
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
        idle.push(TcpStream::connect(api.address()).await.unwrap());
    }
    api.request("GET", "/healthcheck/").send_raw().await.expect_status(200);
}

#[test]
fn the_api_warns_if_it_may_open_too_few_files_for_its_connections() {
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"ulimit -n 256 && exec "$0""#]).arg(path_of("api")).env_clear();
    limited.envs([("BIND_ADDRESS", "127.0.0.1"), ("PORT", "0"), ("UI_SECRET", SECRET)]);
    let log = Service::spawn("api", &mut limited).log();
    assert!(log.contains("open_files=256 max_connections=10000"), "{log}");
}
