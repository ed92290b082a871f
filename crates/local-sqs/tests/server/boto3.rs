use std::process::Command;

use crate::harness::Process;

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a tool of the tests, not a setting of a service")]
async fn boto3_drives_every_action() {
    let python = std::env::var("TEST_PYTHON").expect(
        "TEST_PYTHON names no Python with boto3: run the tests with `make test`, which makes one",
    );
    let directory = tempfile::tempdir().unwrap();
    let server = Process::start(&directory.path().join("data")).await;
    let port = server.client.base.rsplit(':').next().unwrap().to_owned();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/boto3_client.py");
    let run =
        tokio::task::spawn_blocking(move || Command::new(python).args([script, &port]).output());
    let output = run.await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
