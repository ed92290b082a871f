//! A signal stops a service, and the exit status says how it ended.

use std::process::Command;

use test_kit::{
    Signal,
    program::{Output, Program, path_of},
};

use crate::start;

#[tokio::test]
async fn the_first_signal_lets_requests_in_flight_finish() {
    for signal in [Signal::Term, Signal::Int] {
        let service = start(&[]);
        let http = service.http();
        let answer = tokio::spawn(async move { http.get("/slow").await });
        service.logged("A slow request has begun.").await;
        let (status, log) = service.stop_while_others_run(signal).await;
        assert_eq!(answer.await.unwrap().expect_status(200).body, "done");
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(log.contains("Got a signal: stopping. signal=SIG"), "{log}");
        assert!(log.contains("Stopped."), "{log}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let service = start(&[]);
    let http = service.http();
    let answer = tokio::spawn(async move { http.request("GET", "/slow").try_send().await });
    service.logged("A slow request has begun.").await;
    service.signal(Signal::Term);
    service.logged("stopping").await;
    let (status, log) = service.stop_while_others_run(Signal::Term).await;
    assert_eq!(status.code(), Some(130), "{log}");
    assert!(answer.await.unwrap().is_err());
}

#[test]
fn wrong_settings_end_the_process_with_every_fault_on_standard_error() {
    let output = Command::new(path_of("examples/smallest"))
        .env_clear()
        .envs([("PORT", "canary"), ("LOG_FORMAT", "canary")])
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        message.contains("PORT must be") && message.contains("LOG_FORMAT must be"),
        "{message}"
    );
    assert!(!message.contains("canary"), "{message}");
}

#[tokio::test]
async fn a_service_that_cannot_start_says_why_with_all_causes() {
    let first = start(&[]);
    let port = first.port().to_string();
    let mut command = Command::new(path_of("examples/smallest"));
    command.env_clear().envs([("BIND_ADDRESS", "127.0.0.1"), ("PORT", &port)]);
    let second = Program::spawn("the second service", &mut command, Output::Captured).unwrap();
    let (status, log) = second.wait(std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(status.code(), Some(1), "{log}");
    let expected = format!("The program ends. error=\"cannot listen on 127.0.0.1:{port}: ");
    assert!(log.contains(&expected), "{log}");
}
