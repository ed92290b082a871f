use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::json;
use test_kit::Signal;

use crate::harness::{Process, Server};

/// A stop only waits for answers that are ready.
const STOP_LIMIT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_signal_ends_long_polls_and_the_process_exits_with_zero() {
    for signal in [Signal::Term, Signal::Int] {
        let parent = tempfile::tempdir().unwrap();
        let server = Process::start(&parent.path().join("data"));
        server.client.create("q", json!({})).await;
        let client = server.client.clone();
        let poll =
            tokio::spawn(async move { client.receive("q", json!({"WaitTimeSeconds": 20})).await });
        // A client that keeps its connection open and sends nothing.
        let idle = TcpStream::connect(("127.0.0.1", server.service.port())).unwrap();
        server.client.wait_for_receives(1).await;
        let started = Instant::now();
        let (status, log) = server.service.stop_while_others_run(signal).await;
        assert!(status.success(), "{signal:?}: {log}");
        assert!(started.elapsed() < STOP_LIMIT, "{signal:?}: {:?}", started.elapsed());
        assert!(poll.await.unwrap().is_empty(), "{signal:?}");
        drop(idle);
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_process_immediately_and_not_with_zero() {
    let parent = tempfile::tempdir().unwrap();
    let server = Process::start(&parent.path().join("data"));
    // A request whose body never comes keeps the first stop waiting. The server says "100 Continue"
    // once it waits for the body.
    let mut stuck = TcpStream::connect(("127.0.0.1", server.service.port())).unwrap();
    write!(
        stuck,
        "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.ListQueues\r\n\
         Expect: 100-continue\r\nContent-Length: 9\r\n\r\n"
    )
    .unwrap();
    let mut answer = [0; 64];
    let length = stuck.read(&mut answer).unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 100 "), "{answer:?}");
    server.service.signal(Signal::Term);
    server.service.logged("Stopping.").await;
    let started = Instant::now();
    // The signal can only be sent while the process still runs, and only a second signal gives 130.
    let (status, log) = server.service.stop(Signal::Term);
    assert_eq!(status.code(), Some(130), "{log}");
    assert!(started.elapsed() < STOP_LIMIT, "{:?}", started.elapsed());
    assert!(!matches!(stuck.read(&mut answer), Ok(read) if read > 0));
}

#[tokio::test]
async fn a_server_in_this_process_stops_when_its_token_is_cancelled() {
    let mut server = Server::with_queue(json!({})).await;
    let started = Instant::now();
    server.stop.cancel();
    (&mut server.serving).await.unwrap().unwrap();
    assert!(started.elapsed() < STOP_LIMIT);
    assert!(server.client.try_call("ListQueues", "{}".to_owned()).await.is_err());
}

#[tokio::test]
async fn the_program_can_check_whether_a_server_answers() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data");
    let server = Process::start(&directory);
    let port = server.service.port().to_string();
    let check =
        || Process::command(&directory).arg("--healthcheck").env("PORT", &port).output().unwrap();
    assert_eq!(check().status.code(), Some(0));
    drop(server);
    assert_eq!(check().status.code(), Some(1));
}

#[tokio::test]
async fn an_unknown_argument_ends_the_program_with_two_and_the_usage() {
    let parent = tempfile::tempdir().unwrap();
    let output = Process::command(parent.path()).arg("--nonsense").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("Usage: local-sqs"), "{message}");
}
