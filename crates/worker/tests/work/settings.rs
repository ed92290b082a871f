//! Wrong settings are all reported by name and without values; unwise ones cause a warning.

use std::process::Command;

use test_kit::{Stack, program::path_of};

#[test]
fn every_fault_is_reported_at_once_without_values() {
    let variables = [
        ("PORT", "70000"),
        ("WORKER_POLLERS", "0"),
        ("WORKER_BATCH_ROWS", "canary"),
        ("MIGRATE_ON_START", "canary"),
        ("SQS_VISIBILITY_TIMEOUT", "43201"),
        ("SQS_MAX_NUMBER_OF_MESSAGES", "11"),
        ("SHUTDOWN_GRACE_SECONDS", "-1"),
    ];
    let output = Command::new(path_of("worker")).env_clear().envs(variables).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap());
}

#[test]
fn an_invalid_database_url_is_reported_without_showing_it() {
    let variables =
        [("DATABASE_URL", "mysql://canary"), ("PORT", "0"), ("BIND_ADDRESS", "127.0.0.1")];
    let output = Command::new(path_of("worker")).env_clear().envs(variables).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("DATABASE_URL") && !message.contains("canary"), "{message}");
}

#[test]
fn an_unknown_argument_gets_the_usage() {
    let output = Command::new(path_of("worker")).arg("dance").env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Usage: worker"));
}

#[tokio::test]
async fn the_health_check_command_reports_whether_the_worker_is_ready() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[]).await;
    let port = worker.port().to_string();
    let asked = || {
        let mut command = Command::new(path_of("worker"));
        let output = command.arg("--healthcheck").env_clear().env("PORT", &port).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, page) = asked();
    assert!(status == Some(0) && page.contains(r#""database":"OK""#), "{status:?} {page}");
    drop(worker);
    assert_eq!(asked(), (Some(1), String::new()));
}

#[tokio::test]
async fn short_times_cause_warnings() {
    let stack = Stack::start();
    let worker = stack
        .ready_worker(&[("SQS_VISIBILITY_TIMEOUT", "30"), ("SHUTDOWN_GRACE_SECONDS", "5")])
        .await;
    for name in ["SQS_VISIBILITY_TIMEOUT is under 60 s", "SHUTDOWN_GRACE_SECONDS is less than"] {
        assert!(worker.log().contains(name), "{}", worker.log());
    }
}

#[tokio::test]
async fn a_long_visibility_timeout_causes_a_warning() {
    let stack = Stack::start();
    for (seconds, warns) in [("3600", false), ("3601", true), ("21600", true)] {
        let worker = stack.ready_worker(&[("SQS_VISIBILITY_TIMEOUT", seconds)]).await;
        let log = worker.log();
        assert_eq!(log.contains("SQS_VISIBILITY_TIMEOUT is over an hour"), warns, "{log}");
    }
}

#[test]
fn env_json_has_every_variable() {
    test_kit::reference::check_env_json(&worker::settings::Settings::reference());
}

#[test]
fn check_settings_shows_the_settings_without_secrets() {
    let check = |variables: &[(&str, &str)]| {
        let mut command = Command::new(path_of("worker"));
        let output = command
            .arg("--check-settings")
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (status, shown, _) = check(&[
        ("DATABASE_URL", "postgres://test:canary@localhost/forms"),
        ("SQS_WAIT_TIME", "7"),
    ]);
    assert_eq!(status, Some(0));
    assert!(!shown.contains("canary"), "{shown}");
    for line in ["SQS_WAIT_TIME=7", "WORKER_POLLERS=8  # the default", "DATABASE_URL=[REDACTED]"] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in {shown}");
    }
    let (status, _, fault) = check(&[("DATABASE_URL", "mysql://canary")]);
    assert_eq!(status, Some(1));
    assert!(fault.contains("DATABASE_URL is not right") && !fault.contains("canary"), "{fault}");
    let (status, _, warnings) = check(&[
        ("WORKER_BYTES_IN_HANDS", "1"),
        ("SQS_VISIBILITY_TIMEOUT", "30"),
        ("SHUTDOWN_GRACE_SECONDS", "5"),
        ("DATABASE_URL", "postgres://test:canary@db.invalid/forms"),
    ]);
    assert_eq!(status, Some(0));
    for warning in [
        "did you mean WORKER_BYTES_IN_HAND?",
        "SQS_VISIBILITY_TIMEOUT is under 60 s",
        "SHUTDOWN_GRACE_SECONDS is less than",
        "no sslmode",
    ] {
        assert!(warnings.contains(warning), "{warning} is not in {warnings}");
    }
    assert!(!warnings.contains("canary"), "{warnings}");
    for wrong in [("RUST_LOG", "worker=loud"), ("SQS_REGION_NAME", "x y"), ("BIND_ADDRESS", "x y")]
    {
        let (status, _, fault) = check(&[wrong]);
        assert_eq!(status, Some(1), "{wrong:?}");
        assert!(fault.contains(&format!("{} must be", wrong.0)), "{fault}");
    }
    let (status, _, faults) = check(&[
        ("DATABASE_URL", "postgres://test:canary@localhost/forms"),
        ("PORT", "x"),
        ("SQS_WAIT_TIME", "x"),
    ]);
    assert_eq!(status, Some(1));
    assert!(
        faults.contains("PORT must be") && faults.contains("SQS_WAIT_TIME must be"),
        "{faults}"
    );
}

#[test]
fn the_reference_page_has_every_variable() {
    test_kit::reference::check("settings.md", "worker", &worker::settings::Settings::reference());
}

#[tokio::test]
async fn a_database_elsewhere_without_sslmode_causes_a_warning() {
    const WARNING: &str = "no sslmode";
    let stack = Stack::start();
    let elsewhere = "postgres://test:canary@db.invalid/forms";
    let worker = stack.worker(&[("DATABASE_URL", elsewhere)]);
    worker.logged(WARNING).await;
    assert!(!worker.log().contains("canary"), "{}", worker.log());
    let encrypted = format!("{elsewhere}?sslmode=verify-full");
    for url in [stack.database.url(), encrypted] {
        let worker = stack.worker(&[("DATABASE_URL", &url)]);
        worker.logged("The schema").await;
        assert!(!worker.log().contains(WARNING), "{}", worker.log());
    }
}
