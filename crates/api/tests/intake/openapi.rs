//! The OpenAPI document: its content, whether it is true, and the page that shows it.

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use test_kit::{Service, Stack, forms::SECRET};

use crate::described::Described;

const FORM_TYPES: [(&str, &str); 2] = [
    ("FORM_TYPES", "form,enrolment,registration"),
    ("FORM_TYPES_DIR", concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/form-types")),
];

async fn start(stack: &Stack) -> Service {
    stack.ready_api(&FORM_TYPES).await
}

#[tokio::test]
async fn the_document_matches_the_snapshot() {
    let stack = Stack::start();
    let document = Described::of(&start(&stack).await).await.0;
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

#[tokio::test]
async fn with_hawk_the_document_says_so() {
    let stack = Stack::start();
    let hawk = [("INTAKE_AUTH", "hawk"), ("HAWK_CLIENTS", "ui:an-invented-key-of-a-client")];
    let api = stack.api(&[hawk[0], hawk[1], ("PUBLIC_URL", "https://forms.example")]);
    let described = Described::of(&api).await;
    assert_eq!(described.0["security"], json!([{ "hawk": [] }]));
    assert_eq!(described.0["servers"], json!([{ "url": "https://forms.example" }]));
    for (method, path) in [("POST", "/form/"), ("GET", "/")] {
        let answer = api.request(method, path).send_raw().await.expect_status(401);
        assert_eq!(described.difference(method, path, &answer), None);
        assert!(
            described.0["paths"][path][method.to_ascii_lowercase()]["responses"]["400"].is_object()
        );
    }
    for name in ["BadRequest", "InvalidForm"] {
        let content = &described.0["components"]["responses"][name]["content"];
        assert!(content["application/json"].is_object(), "{content}");
        assert_eq!(content["text/html"], Value::Null);
    }
}

#[tokio::test]
async fn references_inside_a_form_type_still_lead_to_their_place() {
    let directory = tempfile::tempdir().unwrap();
    let schema = json!({
        "type": "object",
        "properties": { "tree": { "$ref": "#/$defs/tree" }, "$ref": { "type": "string" } },
        "$defs": { "tree": { "type": "object", "properties": { "next": { "$ref": "#/$defs/tree" }, "again": { "$ref": "#" } } } },
    });
    std::fs::write(directory.path().join("trees.schema.json"), schema.to_string()).unwrap();
    let stack = Stack::start();
    let api = stack
        .api(&[("FORM_TYPES", "trees"), ("FORM_TYPES_DIR", directory.path().to_str().unwrap())]);
    let described = Described::of(&api).await;
    let tree = &described.0["components"]["schemas"]["trees"]["$defs"]["tree"]["properties"];
    assert_eq!(tree["next"]["$ref"], "#/components/schemas/trees/$defs/tree");
    assert_eq!(tree["again"]["$ref"], "#/components/schemas/trees");
}

#[tokio::test]
async fn the_documentation_can_only_be_read_and_needs_no_signature() {
    let stack = Stack::start();
    let api = start(&stack).await;
    for path in ["/openapi.json", "/form/schema/", "/healthcheck/"] {
        for (method, status) in [("GET", 200), ("HEAD", 200), ("POST", 405)] {
            let answer = api.request(method, path).send_raw().await;
            assert_eq!(answer.status, status, "{method} {path}");
            assert_eq!(
                answer.header("Allow"),
                (status == 405).then_some("GET, HEAD"),
                "{method} {path}"
            );
        }
    }
    let answer = api.request("GET", "/docs").send_raw().await;
    assert_eq!((answer.status, answer.header("Location")), (301, Some("/docs/")));
}

/// In Chromium, which can reach this machine only.
#[tokio::test]
async fn the_page_shows_every_form_type_and_loads_nothing_from_elsewhere() {
    let stack = Stack::start();
    let api = start(&stack).await;
    let profile = tempfile::tempdir().unwrap();
    let mut chromium = Command::new("chromium-headless-shell");
    chromium.args(["--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]);
    chromium.arg("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1");
    chromium.arg(format!("--user-data-dir={}", profile.path().display())).arg(api.url("/docs/"));
    let output = chromium.output().expect("chromium-headless-shell is there: run `make test`");
    let page = String::from_utf8(output.stdout).unwrap();
    for path in ["/form/", "/enrolment/schema/", "/registration/"] {
        assert!(page.contains(&format!("data-path=\"{path}\"")), "{path}: {page}");
    }
    assert!(page.contains("Registration for the Export Directory"), "{page}");
    for elsewhere in ["src=\"http", "src=\"//", "href=\"http", "href=\"//"] {
        assert!(!page.contains(elsewhere), "{elsewhere}: {page}");
    }
}

/// schemathesis makes valid and invalid requests from the document alone.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a tool of the tests, not a setting of a service")]
async fn schemathesis_finds_no_answer_that_the_document_does_not_allow() {
    let stack = Stack::start();
    let api = start(&stack).await;
    let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON is set: run `make test`");
    let program = Path::new(&python).with_file_name("schemathesis");
    assert_eq!(SECRET, "debug", "the secret that signing.py has");
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args([
            "--config-file",
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/intake/schemathesis/schemathesis.toml"),
        ])
        .args(["run", &api.url("/openapi.json"), "--continue-on-failure", "--no-color"])
        .env("SCHEMATHESIS_HOOKS", "signing")
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/intake/schemathesis"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(directory.path())
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}{}", String::from_utf8_lossy(&output.stderr));
    assert!(report.contains("Tested: 10"), "{report}");
    stack.allow_messages_left("schemathesis sends as many valid forms as it likes");
}
