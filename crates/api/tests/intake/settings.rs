//! Settings that are wrong are all told, by name and without their values.

use std::process::Command;

use test_kit::service::path_of;

fn faults_of(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = Command::new(path_of("api")).env_clear().envs(variables.iter().copied()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_fault_is_told_at_once_and_no_value() {
    let (status, message) = faults_of(&[
        ("PORT", "canary"),
        ("SQS_WAIT_TIME", "21"),
        ("SQS_CREATE_QUEUES", "canary"),
        ("SQS_FORM_DATA_QUEUE_NAME", "canary!"),
        ("SQS_INVALID_MESAGES_QUEUE_NAME", "canary-1"),
        ("SQS_INVALID_MESSAGES_QUEUE_NAME", "canary-2"),
        ("PUBLIC_URL", "canary"),
        ("MAX_BODY_BYTES", "2000"),
        ("BODIES_IN_FLIGHT_BYTES", "1000"),
        ("UI_SECRET", ""),
    ]);
    assert_eq!(status, Some(1));
    insta::assert_snapshot!(message);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, message) = faults_of(&[("UI_SECRET", "x"), ("BIND_ADDRESS", "127.0.0.1"), ("PORT", &port)]);
    assert_eq!(status, Some(1));
    assert!(message.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{message}");
}
