//! `make local` and `make submit`, as their programs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod system;

mod documents;

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::Duration,
};

use signal_hook::consts::{SIGINT, SIGKILL, SIGSTOP};
use test_kit::{Service, Signal, http::Http, postgres::sql, program::path_of, wait};
use tokio::runtime::Runtime;

use system::{checkout, children, end, free_ports, interrupt, manage, signal, start, submit};

const ENROLMENT: &str = r#"{"export_status": "YES", "company_name": "Example Limited",
    "company_number": "01234567", "date_of_creation": "2010-10-10", "sso_id": 1,
    "company_email": "test@example.com"}"#;

#[test]
fn a_form_becomes_a_row_and_ctrl_c_keeps_rows_and_queued_messages() {
    let checkout = checkout();
    let port = free_ports();
    let (local, read) = start(checkout.path(), port);

    let (status, shown, _) = submit(checkout.path(), &[]);
    assert_eq!(status, Some(0));
    assert!(shown.contains("202 Accepted") && shown.contains("Example 1 Limited"), "{shown}");
    assert!(shown.contains("submission_id") && shown.contains("sqs_message_id"), "{shown}");

    let form = checkout.path().join("form.json");
    fs::write(&form, r#"{"data": {"company_name": "Étoile"}}"#).unwrap();
    let (status, shown, _) = submit(checkout.path(), &[form.to_str().unwrap()]);
    assert!(status == Some(0) && shown.contains("\"company_name\": \"Étoile\"\n"), "{shown}");

    fs::write(&form, ENROLMENT).unwrap();
    let (status, shown, error) = submit(checkout.path(), &[form.to_str().unwrap(), "enrolment"]);
    assert!(status == Some(0) && shown.contains("form_type       enrolment"), "{shown} {error}");

    let (status, _, error) = submit(checkout.path(), &["", "enrolment"]);
    assert!(status == Some(1) && error.contains("no sample of type enrolment"), "{error}");

    let (status, shown, error) =
        manage(checkout.path(), &["add", "me", "--scope", "*/*", "--json"]);
    assert!(status == Some(0) && shown.contains(r#""key":"dfd_"#), "{shown} {error}");
    let runtime = Runtime::new().unwrap();
    let made: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let read = read.replace("KEY", made["key"].as_str().unwrap());
    // The reader looks for new clients every few seconds.
    runtime.block_on(wait::until_true("the printed curl shows the form", async || {
        let (_, shown, _) = end(Command::new("sh").args(["-c", &read]));
        tokio::time::sleep(Duration::from_millis(200)).await;
        shown.contains("Example 1 Limited") && shown.contains("Étoile")
    }));
    let credentials = checkout.path().join(".local/credentials-key");
    assert_eq!(fs::metadata(&credentials).unwrap().permissions().mode() & 0o777, 0o600);
    let credentials = fs::read(&credentials).unwrap();

    fs::write(&form, r#"{"x": 1}"#).unwrap();
    let (status, shown, error) = submit(checkout.path(), &[form.to_str().unwrap()]);
    assert_eq!(status, Some(1));
    assert!(
        shown.contains("400 Bad Request") && error.contains("the api did not accept the form"),
        "{shown} {error}"
    );

    // A form is queued while the worker is frozen. When the worker is killed, everything stops.
    let worker = children(&local).into_iter().find(|(_, name)| name == "worker").unwrap().0;
    signal(SIGSTOP, worker);
    let written = fs::read_to_string(checkout.path().join(".local/address")).unwrap();
    let database = written.lines().nth(2).unwrap().to_owned();
    let api = Http::at(format!("http://127.0.0.1:{port}"));
    let answer = runtime.block_on(api.post_form(r#"{"data":"queued"}"#));
    assert_eq!(answer.status, 202, "{answer:?}");
    signal(SIGKILL, worker);
    let mut local = local;
    assert_eq!(local.wait().unwrap().code(), Some(1));
    assert!(
        (port..port + 5).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()),
        "a port is still open"
    );

    let (local, _) = start(checkout.path(), port);
    runtime.block_on(wait::until_true("the queued form is a row too", async || {
        sql(&database, "select count(*) from forms").unwrap() == "4"
    }));
    assert_eq!(fs::read(checkout.path().join(".local/credentials-key")).unwrap(), credentials);
    let (status, shown, error) = manage(checkout.path(), &["rotate", "me", "--as", "olive"]);
    assert!(status == Some(0) && shown.contains("dfd_"), "{shown} {error}");
    let by = "select string_agg(by, ', ' order by id) from client_changes";
    assert_eq!(sql(&database, by).unwrap(), "make manage, make manage, olive");
    interrupt(local);
    assert!(
        (port..port + 5).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()),
        "a port is still open"
    );
}

#[test]
fn the_services_can_be_started_one_by_one() {
    let checkout = checkout();
    let port = free_ports().to_string();
    let local = |part: &str| {
        let mut command = Command::new(path_of("local"));
        command
            .arg(part)
            .current_dir(&checkout)
            .env("LOCAL_PORT", &port)
            .env("FORM_TYPES", "form,enrolment");
        command
    };
    let output = local("api").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && error.contains("nothing is running yet"), "{error}");

    let mut surroundings =
        local("surroundings").stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(surroundings.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "Ready."), "it did not start");

    let api = Service::spawn("api", &mut local("api"));
    assert_eq!(api.port().to_string(), port);
    let enrolment_worker = Service::spawn("worker", &mut local("enrolment-worker"));
    // Then it has made the table.
    Runtime::new().unwrap().block_on(enrolment_worker.ready());
    let form = checkout.path().join("form.json");
    fs::write(&form, ENROLMENT).unwrap();
    let (status, shown, error) = submit(checkout.path(), &[form.to_str().unwrap(), "enrolment"]);
    assert!(status == Some(0) && shown.contains("form_type       enrolment"), "{shown} {error}");

    let worker = Service::spawn("worker", &mut local("worker"));
    let (status, shown, error) = submit(checkout.path(), &[]);
    assert!(status == Some(0) && shown.contains("form_type       form"), "{shown} {error}");

    let reader = Service::spawn("reader", &mut local("reader"));
    Runtime::new().unwrap().block_on(reader.ready());

    for service in [api, worker, enrolment_worker, reader] {
        let (status, log) = service.stop(Signal::Term);
        assert_eq!(status.code(), Some(0), "{log}");
    }
    signal(SIGINT, surroundings.id());
    assert_eq!(surroundings.wait().unwrap().code(), Some(0));
}

#[test]
fn it_says_why_it_cannot_run() {
    let checkout = checkout();
    let (status, _, error) = submit(checkout.path(), &[]);
    assert!(status == Some(1) && error.contains("start `make local`"), "{error}");

    let port = free_ports();
    let _taken = TcpListener::bind(("127.0.0.1", port + 2)).unwrap();
    let local = |port: &str| {
        let output = Command::new(path_of("local"))
            .current_dir(&checkout)
            .env("LOCAL_PORT", port)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, error) = local(&port.to_string());
    assert!(
        status == Some(1) && error.contains(&format!("port {} is in use", port + 2)),
        "{error}"
    );
    let (status, error) = local("many");
    assert!(status == Some(1) && error.contains("LOCAL_PORT must be a number"), "{error}");
}

#[test]
fn a_wrong_schema_is_in_the_error_and_nothing_else_is_reported_after_it() {
    let checkout = checkout();
    fs::write(checkout.path().join("x.schema.json"), r#"{"propertys": {}}"#).unwrap();
    let mut command = Command::new(path_of("local"));
    command
        .current_dir(&checkout)
        .env("LOCAL_PORT", free_ports().to_string())
        .env("RUST_LOG", "warn");
    let output = command.env("FORM_TYPES_DIR", checkout.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1) && error.contains("x.schema.json, which is not right"),
        "{error}"
    );
    assert!(!error.contains("to stop"), "{error}");
}

#[test]
fn a_service_that_does_not_start_is_reported_with_its_log() {
    let gone = std::panic::catch_unwind(|| Service::start("api", &[]));
    let message = *gone.err().unwrap().downcast::<String>().unwrap();
    assert!(message.contains("UI_SECRET is not set"), "{message}");
}
