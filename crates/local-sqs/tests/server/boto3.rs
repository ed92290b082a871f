use std::process::Command;

use crate::harness::Process;

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a tool for tests, not a setting of a service")]
async fn boto3_can_call_every_action() {
    let python = std::env::var("TEST_PYTHON").expect(
        "TEST_PYTHON must name a Python with boto3: run the tests with `make test`, \
         which installs one",
    );
    let directory = tempfile::tempdir().unwrap();
    let server = Process::start(&directory.path().join("data"));
    let port = server.service.port().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/boto3_client.py");
    let run =
        tokio::task::spawn_blocking(move || Command::new(python).args([script, &port]).output());
    let output = run.await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
