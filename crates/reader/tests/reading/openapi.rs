//! The OpenAPI document: its content, whether it is true, and the page that shows it. Every answer of
//! every other test is compared with it, too.

use std::{path::Path, process::Command};

use crate::support::Reading;

#[tokio::test(flavor = "multi_thread")]
async fn the_document_matches_the_snapshot() {
    let reading = Reading::start().await;
    let document = reading.reader.get("/openapi.json").await.expect_status(200).json();
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_the_schemes_that_are_on_and_the_public_addresses() {
    let settings = [("READER_AUTH", "bearer"), ("PUBLIC_URL", "https://data.example")];
    let reading = Reading::start_with(&settings).await;
    let document = reading.reader.get("/openapi.json").await.json();
    assert_eq!(document["security"], serde_json::json!([{ "bearer": [] }]));
    assert_eq!(document["servers"], serde_json::json!([{ "url": "https://data.example" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_is_open_to_all_unless_it_is_off() {
    let reading = Reading::start().await;
    let page = reading.reader.get("/docs/").await.expect_status(200);
    assert!(page.header("Content-Security-Policy").unwrap().starts_with("default-src 'self'"));
    reading.reader.get("/docs/swagger-ui-bundle.js").await.expect_status(200);
    let redirect = reading.reader.request("GET", "/docs").send_raw().await.expect_status(301);
    assert_eq!(redirect.header("Location"), Some("/docs/"));
    let silent = Reading::start_with(&[("DOCS", "off")]).await;
    for path in ["/docs/", "/openapi.json"] {
        silent.reader.get(path).await.expect_status(404);
    }
    silent.reader.get("/docs/errors/not-found").await.expect_status(200);
}

/// In Chromium, which can reach this machine only.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_every_route_and_loads_nothing_from_elsewhere() {
    let reading = Reading::start().await;
    let profile = tempfile::tempdir().unwrap();
    let mut chromium = Command::new("chromium-headless-shell");
    chromium.args(["--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]);
    chromium.arg("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1");
    let profile = format!("--user-data-dir={}", profile.path().display());
    let output = chromium.arg(profile).arg(reading.url("/docs/")).output();
    let output = output.expect("chromium-headless-shell is there: run `make test`");
    let page = String::from_utf8(output.stdout).unwrap();
    let document = reading.reader.get("/openapi.json").await.json();
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("data-path=\"{path}\"")), "{path}: {page}");
    }
    for elsewhere in ["src=\"http", "src=\"//", "href=\"http", "href=\"//"] {
        let links = page.matches(elsewhere).count();
        let in_texts = page.matches("href=\"https://github.com/mozilla/hawk\"").count();
        assert!(
            links == 0 || elsewhere == "href=\"http" && links == in_texts,
            "{elsewhere}: {page}"
        );
    }
}

/// schemathesis makes valid and invalid requests from the document alone.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a tool of the tests, not a setting of a service")]
async fn schemathesis_finds_no_answer_that_the_document_does_not_allow() {
    let reading = Reading::start_with(&[("READER_REQUESTS_PER_MINUTE", "1000000")]).await;
    reading.dataset(3);
    let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON is set: run `make test`");
    let program = Path::new(&python).with_file_name("schemathesis");
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args([
            "--config-file",
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reading/schemathesis/schemathesis.toml"),
        ])
        .args(["run", &reading.url("/openapi.json"), "--continue-on-failure", "--no-color"])
        .args(["--header", &format!("Authorization: {}", reading.bearer())])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}{}", String::from_utf8_lossy(&output.stderr));
    assert!(report.contains("Tested: 11"), "{report}");
}
