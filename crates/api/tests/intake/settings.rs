//! The api reports all wrong settings by name, without their values.

use std::process::Command;

use test_kit::program::path_of;

fn faults_of(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output =
        Command::new(path_of("api")).env_clear().envs(variables.iter().copied()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_fault_is_reported_at_once_without_its_value() {
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
fn form_types_that_cannot_be_served_together_are_reported_in_one_line_each() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a-b", "a_b", "messages", "enrolment-invalid"] {
        std::fs::write(directory.path().join(format!("{name}.schema.json")), "{}").unwrap();
    }
    let lists = [
        "form,enrolment,form",
        "form,../x",
        "a-b,a_b",
        "form,messages",
        "messages,form",
        "enrolment,enrolment-invalid",
    ];
    let reports = lists.map(|list| {
        let directory = directory.path().to_str().unwrap();
        let (status, message) =
            faults_of(&[("UI_SECRET", "x"), ("FORM_TYPES", list), ("FORM_TYPES_DIR", directory)]);
        assert_eq!(status, Some(1));
        format!("{list}\n{}", message.lines().skip(1).collect::<Vec<_>>().join("\n"))
    });
    insta::assert_snapshot!(reports.join("\n"));
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, message) =
        faults_of(&[("UI_SECRET", "x"), ("BIND_ADDRESS", "127.0.0.1"), ("PORT", &port)]);
    assert_eq!(status, Some(1));
    assert!(message.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{message}");
}

#[test]
fn settings_can_be_checked_and_are_shown_without_secrets() {
    let check = |variables: &[(&str, &str)]| {
        let mut command = Command::new(path_of("api"));
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
        ("UI_SECRET", "canary-1"),
        ("UI_SECRET_PREVIOUS", "canary-2"),
        ("INTAKE_AUTH", "signature,hawk"),
        ("HAWK_CLIENTS", "ui:canary-of-16-characters"),
        ("SQS_WAIT_TIME", "7"),
    ]);
    assert_eq!(status, Some(0));
    assert!(shown.contains("wait_time: 7s") && !shown.contains("canary"), "{shown}");
    let (status, _, faults) = check(&[
        ("UI_SECRET", "canary-1"),
        ("UI_SECRET_PREVIOUS", "canary-2"),
        ("INTAKE_AUTH", "signature,hawk"),
        ("HAWK_CLIENTS", "ui:canary-of-16-characters"),
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
    test_kit::reference::check("settings.md", "api", &api::settings::Settings::reference());
}

#[test]
fn an_unknown_argument_is_named_and_exits_with_2() {
    for arguments in [&["--cheksettings"][..], &["--check-settings", "--healthcheck"], &["run"]] {
        let output = Command::new(path_of("api")).env_clear().args(arguments).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(arguments[0]) && message.contains("Usage: api"), "{message}");
    }
}

#[test]
fn the_version_is_that_of_the_workspace() {
    let output = Command::new(path_of("api")).env_clear().arg("--version").output().unwrap();
    let expected = concat!("api ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
