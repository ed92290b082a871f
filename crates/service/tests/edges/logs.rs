//! A log line is a sentence with fields, as text or as JSON, and never shows form data.

use serde_json::Value;

use crate::start;

#[tokio::test]
async fn a_line_of_text_is_a_sentence_with_fields() {
    let service = start(&[]);
    service.get("/log").await.expect_status(200);
    service.logged("A warning of a library.").await;
    let log = service.log();
    let line = log.lines().find(|line| line.contains("A line.")).unwrap();
    assert!(line.ends_with("WARN  service::smallest: A line. queue=\"a b\" messages=3"), "{line}");
}

#[tokio::test]
async fn a_line_of_json_has_the_sentence_and_each_field() {
    let service = start(&[("LOG_FORMAT", "json")]);
    service.get("/log").await.expect_status(200);
    service.logged("A warning of a library.").await;
    let lines: Vec<Value> =
        service.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["message"] == "A line.").unwrap();
    assert_eq!((&line["queue"], &line["messages"]), (&"a b".into(), &"3".into()));
    assert_eq!((&line["level"], &line["target"]), (&"WARN".into(), &"service::smallest".into()));
    assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
}

#[tokio::test]
async fn libraries_log_only_warnings_at_any_setting_of_rust_log() {
    let service = start(&[("RUST_LOG", "trace")]);
    service.get("/log").await.expect_status(200);
    service.logged("A warning of a library.").await;
    let log = service.log();
    assert!(!log.contains("canary"), "{log}");
    assert!(log.contains("DEBUG service::smallest: A line of ours for debugging."), "{log}");
    let mut of_libraries = log.lines().filter(|line| !line.contains(" service::"));
    assert!(of_libraries.all(|line| line.contains(" WARN ")), "{log}");
}

#[tokio::test]
async fn a_panic_is_logged_with_its_place_and_without_its_message() {
    let service = start(&[]);
    assert!(service.request("GET", "/panic").try_send().await.is_err());
    service.logged("A task panicked").await;
    let log = service.log();
    let line = log.lines().find(|line| line.contains("A task panicked")).unwrap();
    assert!(line.contains(" ERROR panic: ") && line.contains("examples/smallest.rs:"), "{line}");
    assert!(!log.contains("canary"), "{log}");
}
