//! The reader reports all wrong settings by name, without their values.

use std::process::Command;

use test_kit::{Service, Signal, program::path_of};

use crate::support::CREDENTIALS_KEY;

fn check(variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(path_of("reader"));
    command.arg("--check-settings").env_clear().envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_fault_is_reported_at_once_without_its_value() {
    let (status, _, faults) = check(&[
        ("PORT", "canary"),
        ("READER_AUTH", "canary"),
        ("PUBLIC_URL", "canary"),
        ("READER_DATABASE_URL", "postgres://canary:x"),
        ("READER_PAGE_BYTES", "4096"),
        ("READER_BYTES_IN_FLIGHT", "2048"),
        ("READER_CONNECTIONS", "0"),
    ]);
    assert_eq!(status, Some(1));
    for name in [
        "PORT must be",
        "READER_AUTH must be",
        "PUBLIC_URL must be",
        "READER_DATABASE_URL is not right",
        "READER_BYTES_IN_FLIGHT must not",
        "READER_CONNECTIONS must be",
    ] {
        assert!(faults.contains(name), "{name}: {faults}");
    }
    assert!(!faults.contains("canary"), "{faults}");
    let (status, _, faults) = check(&[("CREDENTIALS_KEY_PREVIOUS", "canary")]);
    assert!(faults.contains("CREDENTIALS_KEY is not set"), "{faults}");
    assert!(faults.contains("CREDENTIALS_KEY_PREVIOUS must be 32 bytes"), "{faults}");
    assert_eq!(status, Some(1));
    assert!(faults.contains("PUBLIC_URL is needed unless BIND_ADDRESS is a loopback address"));
}

#[test]
fn good_settings_are_shown_without_secrets_and_keys_in_plain_text_are_warned_of() {
    let (status, shown, warnings) = check(&[
        ("PUBLIC_URL", "http://data.example"),
        ("CREDENTIALS_KEY", CREDENTIALS_KEY),
        ("DATABASE_URL", "postgres://u:canary@localhost/x"),
        ("READER_DATABASE_URL", "postgres://u:canary@localhost/y"),
    ]);
    assert_eq!(status, Some(0), "{warnings}");
    assert!(
        shown.contains("READER_DATABASE_URL=[REDACTED]") && !shown.contains("canary"),
        "{shown}"
    );
    assert!(warnings.contains("keys may cross the network in plain text"), "{warnings}");
    let (_, _, warnings) =
        check(&[("PUBLIC_URL", "https://data.example"), ("CREDENTIALS_KEY", CREDENTIALS_KEY)]);
    assert!(!warnings.contains("keys may"), "{warnings}");
}

#[tokio::test]
async fn the_program_listens_without_a_database_and_stops() {
    let url = ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/x");
    let reader = Service::start("reader", &[url, ("CREDENTIALS_KEY", CREDENTIALS_KEY)]);
    reader.get("/healthcheck/").await.expect_status(200);
    let page = reader.get("/healthcheck/ready/").await.expect_status(503).json();
    assert_eq!(page["clients"], "the clients cannot be read");
    let refused = reader.request("GET", "/api/v1/relations").authorization("Bearer x").send().await;
    assert_eq!(refused.expect_status(503).json()["type"], "/docs/errors/clients-unknown");
    let (status, log) = reader.stop_while_others_run(Signal::Term).await;
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn env_json_has_every_variable() {
    test_kit::reference::check_env_json(&reader::settings::Settings::reference());
}

#[test]
fn the_reference_page_has_every_variable() {
    test_kit::reference::check("settings.md", "reader", &reader::settings::Settings::reference());
}
