use rustix::process::Signal;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Process, Server};

/// A stop waits for nothing but answers that are ready.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_signal_ends_long_polls_and_the_process_exits_with_zero() {
    for name in [Signal::TERM, Signal::INT] {
        let parent = tempfile::tempdir().unwrap();
        let mut server = Process::start(&parent.path().join("data")).await;
        server.client.create("q", json!({})).await;
        let client = server.client.clone();
        let poll =
            tokio::spawn(async move { client.receive("q", json!({"WaitTimeSeconds": 20})).await });
        // A client that keeps its connection open and says nothing.
        let idle = TcpStream::connect(server.client.base.trim_start_matches("http://")).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.signal(name);
        assert!(server.ended(SOON).await.success(), "{name:?}");
        assert!(poll.await.unwrap().is_empty(), "{name:?}");
        drop(idle);
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once_and_not_with_zero() {
    let parent = tempfile::tempdir().unwrap();
    let mut server = Process::start(&parent.path().join("data")).await;
    // A request whose body never comes keeps the first stop waiting.
    let mut stuck = TcpStream::connect(server.client.base.trim_start_matches("http://")).unwrap();
    write!(stuck, "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.ListQueues\r\nContent-Length: 9\r\n\r\n")
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.signal(Signal::TERM);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(server.child.try_wait().unwrap().is_none());
    server.signal(Signal::TERM);
    let status = server.ended(SOON).await;
    assert_eq!(status.code(), Some(130));
    assert!(!matches!(stuck.read(&mut [0; 64]), Ok(read) if read > 0));
}

#[tokio::test]
async fn a_server_in_this_process_stops_by_its_token() {
    let mut server = Server::with_queue(json!({})).await;
    let started = Instant::now();
    server.stop.cancel();
    (&mut server.serving).await.unwrap().unwrap();
    assert!(started.elapsed() < SOON);
    assert!(server.client.try_call("ListQueues", "{}".to_owned()).await.is_err());
}

#[tokio::test]
async fn the_program_itself_asks_whether_it_answers() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data");
    let server = Process::start(&directory).await;
    let port = server.client.base.rsplit(':').next().unwrap().to_owned();
    let asked =
        || Process::command(&directory).arg("--healthcheck").env("PORT", &port).output().unwrap();
    assert_eq!(asked().status.code(), Some(0));
    drop(server);
    assert_eq!(asked().status.code(), Some(1));
}
