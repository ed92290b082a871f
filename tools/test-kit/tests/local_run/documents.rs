//! The commands in docs/how-to/read-the-data.md, run as they are printed.

use std::{fs, path::Path, process::Command, time::Duration};

use serde_json::Value;
use test_kit::wait;
use tokio::runtime::Runtime;

use crate::system::{checkout, end, free_ports, interrupt, manage, start, submit};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/how-to/read-the-data.md");

/// The blocks of the page in these languages, in their order.
fn blocks() -> Vec<(&'static str, String)> {
    let page = fs::read_to_string(PAGE).unwrap();
    let fenced = page.split("\n```").skip(1).step_by(2);
    let of_language = |block: &str| {
        let (language, text) = block.split_once('\n')?;
        let runs = ["sh", "python"].into_iter().find(|known| *known == language)?;
        Some((runs, text.to_owned()))
    };
    fenced.filter_map(of_language).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a tool of the tests, not a setting of a service")]
fn the_commands_for_readers_run_as_they_are_printed() {
    let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON: `make test` sets it");
    let checkout = checkout();
    let port = free_ports();
    let (local, _) = start(checkout.path(), port);
    for number in 1..4 {
        let form = checkout.path().join("form.json");
        fs::write(&form, format!(r#"{{"data": {{"number": {number}, "name": "=Étoile"}}}}"#))
            .unwrap();
        let (status, _, error) = submit(checkout.path(), &[form.to_str().unwrap()]);
        assert_eq!(status, Some(0), "{error}");
    }
    let (status, shown, error) =
        manage(checkout.path(), &["add", "me", "--scope", "submissions/*", "--json"]);
    assert_eq!(status, Some(0), "{error}");
    let made: Value = serde_json::from_str(&shown).unwrap();
    let key = made["key"].as_str().unwrap().to_owned();
    let reader = format!("http://127.0.0.1:{}", port + 4);

    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&checkout);
        end(command.env("READER", &reader).env("CLIENT", "me").env("KEY", &key))
    };
    let ask = r#"curl -fsS -u "$CLIENT:$KEY" "$READER/api/v1/relations""#;
    Runtime::new().unwrap().block_on(wait::until_true("the reader knows the client", async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        run("sh", &["-c", ask]).0 == Some(0)
    }));

    let blocks = blocks();
    assert!(blocks.len() >= 10, "the page has {} blocks", blocks.len());
    for (language, text) in &blocks {
        let (status, shown, error) = match *language {
            "sh" => run("bash", &["-euo", "pipefail", "-c", text]),
            _ => run(&python, &["-c", text]),
        };
        assert_eq!(status, Some(0), "{text}\n{shown}\n{error}");
        if text.contains("followed.json") {
            assert_eq!(shown, "3 rows\n");
        }
    }
    let csv = fs::read_to_string(Path::new(checkout.path()).join("form.csv")).unwrap();
    assert_eq!(csv.lines().count(), 4, "{csv}");
    interrupt(local);
}
