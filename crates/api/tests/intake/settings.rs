//! The api reports all wrong settings by name, without their values.

use std::process::Command;

use test_kit::{Service, program::path_of};

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

/// Secrets of 2016 go on working.
#[test]
fn a_secret_of_fewer_than_16_characters_gets_a_warning_that_does_not_show_it() {
    let start = |secrets: [(&str, &str); 2]| {
        let variables = [("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")];
        Service::start("api", &[&secrets[..], &variables].concat())
    };
    let short = start([("UI_SECRET", "canary-15-chars"), ("UI_SECRET_PREVIOUS", "canary")]);
    let log = short.log();
    for variable in ["UI_SECRET", "UI_SECRET_PREVIOUS"] {
        assert!(log.contains(&format!("easily guessed. variable={variable}\n")), "{log}");
    }
    assert!(!log.contains("canary"), "{log}");
    let long = start([("UI_SECRET", "canary-16-chars."), ("UI_SECRET_PREVIOUS", "")]);
    assert!(!long.log().contains("UI_SECRET"), "{}", long.log());
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
    assert!(!shown.contains("canary"), "{shown}");
    for line in [
        "SQS_WAIT_TIME=7",
        "PORT=8000  # the default",
        "MAX_BODY_BYTES=3145728  # the default (3 MiB)",
        "SQS_QUEUE_NAME_PREFIX=  # the default",
        "METRICS_ADDRESS=  # not set (none: nothing is counted)",
        "UI_SECRET=[REDACTED]",
        "HAWK_CLIENTS=[REDACTED]",
        "AWS_SECRET_ACCESS_KEY=  # not set (as above)",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in {shown}");
    }
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
fn unknown_variables_are_named_with_the_nearest_known_name() {
    let variables = [
        ("UI_SECRET", "x"),
        ("SQS_VISIBILITY_TIMEOT", "canary"),
        ("WORKER_BYTES_IN_HANDS", "canary"),
        ("SQS_FORM_DATE_QUEUE_NAME", "canary"),
        ("MAX_BODY_BYTE", "canary"),
        // Of the worker, of other programs, and set by Kubernetes for a service named worker.
        ("WORKER_POLLERS", "8"),
        ("REQUEST_METHOD", "x"),
        ("AWS_REGION", "x"),
        ("OTEL_SERVICE_NAME", "x"),
        ("WORKER_SERVICE_HOST", "10.0.0.1"),
        ("WORKER_PORT_8001_TCP_ADDR", "10.0.0.1"),
    ];
    let expected = [
        ("MAX_BODY_BYTE", "MAX_BODY_BYTES"),
        ("SQS_FORM_DATE_QUEUE_NAME", "SQS_FORM_DATA_QUEUE_NAME"),
        ("SQS_VISIBILITY_TIMEOT", "SQS_VISIBILITY_TIMEOUT"),
        ("WORKER_BYTES_IN_HANDS", "WORKER_BYTES_IN_HAND"),
    ];
    let mut command = Command::new(path_of("api"));
    command.arg("--check-settings").env_clear().envs(variables);
    let output = command.output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{message}");
    let named = expected.map(|(name, nearest)| {
        format!("{name} is not a variable of these services; did you mean {nearest}?")
    });
    let warnings: Vec<&str> = message.lines().collect();
    assert_eq!(warnings.len(), 5, "the secret is short, too: {message}");
    assert!(named.iter().zip(&warnings).all(|(name, line)| line.ends_with(name)), "{message}");

    let stack_free = [("BIND_ADDRESS", "127.0.0.1"), ("PORT", "0")];
    let variables = [&variables[..], &stack_free].concat();
    let api = test_kit::Service::start("api", &variables);
    for line in named {
        assert!(api.log().contains(&line), "{line}");
    }
    assert!(!api.log().contains("canary"), "{}", api.log());
}

#[test]
fn an_endpoint_that_is_not_a_url_is_a_fault() {
    for endpoint in ["canary", "localhost:9324", "ftp://localhost", "http://", "http://a b"] {
        let (status, message) =
            faults_of(&[("UI_SECRET", "x"), ("PORT", "0"), ("AWS_ENDPOINT_URL_SQS", endpoint)]);
        assert_eq!(status, Some(1), "{endpoint}");
        assert!(message.contains("AWS_ENDPOINT_URL_SQS must be a URL"), "{endpoint}: {message}");
        assert!(!message.contains("canary"), "{message}");
    }
}

#[test]
fn env_json_has_every_variable() {
    test_kit::reference::check_env_json(&api::settings::Settings::reference());
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

fn check(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(path_of("api"));
    let output = command
        .arg("--check-settings")
        .env_clear()
        .env("UI_SECRET", "a-secret-of-the-tests")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn check_settings_refuses_what_the_service_could_not_use() {
    for (name, value) in [
        ("RUST_LOG", "api=canary"),
        ("RUST_LOG", "info,canary=a=b"),
        ("SQS_REGION_NAME", "canary west 1"),
        ("SQS_REGION_NAME", "EU-CANARY-1"),
        ("SQS_REGION_NAME", "canary"),
        ("BIND_ADDRESS", "http://canary"),
        ("BIND_ADDRESS", "canary:8000"),
        ("BIND_ADDRESS", "999.1.1.1"),
        ("BIND_ADDRESS", "[canary]"),
    ] {
        let (status, message) = check(&[(name, value)]);
        assert_eq!(status, Some(1), "{name}={value} {message}");
        assert!(message.contains(&format!("\n  {name} must be ")), "{message}");
        assert!(!message.to_lowercase().contains("canary"), "{message}");
    }
    for (name, value) in [
        ("RUST_LOG", "warn,api::submit=debug"),
        ("SQS_REGION_NAME", "us-gov-west-1"),
        ("SQS_REGION_NAME", "eusc-de-east-1"),
        ("BIND_ADDRESS", "::1"),
        ("BIND_ADDRESS", "[::1]"),
        ("BIND_ADDRESS", "localhost"),
    ] {
        assert_eq!(check(&[(name, value)]), (Some(0), String::new()), "{name}={value}");
    }
    // Another server may call its region anything.
    let local = [("SQS_REGION_NAME", "local"), ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")];
    assert_eq!(check(&local), (Some(0), String::new()));
}

#[test]
fn check_settings_gives_the_warnings_of_a_start() {
    let (status, warnings) = check(&[
        ("UI_SECRET", "canary"),
        // An address for documentation, which no machine has.
        ("BIND_ADDRESS", "192.0.2.1"),
        ("RUST_LOG", "error"),
    ]);
    assert_eq!(status, Some(0));
    for warning in ["easily guessed. variable=UI_SECRET", "cannot listen on BIND_ADDRESS"] {
        assert!(warnings.contains(warning), "{warnings}");
    }
    assert!(!warnings.contains("canary"), "{warnings}");
}

#[test]
fn every_bad_entry_of_hawk_clients_is_reported_without_its_key() {
    let clients = "ui:short, canary,a b:canary-of-16-characters,crm:canary-of-20-characters";
    let (status, message) = check(&[("INTAKE_AUTH", "hawk"), ("HAWK_CLIENTS", clients)]);
    assert_eq!(status, Some(1));
    for entry in
        ["entry 1 must have a key of 16", "entry 2 must be id:key", "entry 3 must have an id"]
    {
        assert!(message.contains(&format!("HAWK_CLIENTS is not right: {entry}")), "{message}");
    }
    assert!(!message.contains("canary") && !message.contains("entry 4"), "{message}");
}
