//! A service's own program asks the running one for its health, as the images do.

use std::process::Command;

use test_kit::program::path_of;

use crate::start;

/// Exit status, standard output and standard error of `--healthcheck`.
fn ask(variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(path_of("examples/smallest"));
    let command = command.arg("--healthcheck").env_clear().envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_exit_status_says_whether_the_service_is_ready() {
    for (dependency, expected) in [("up", 0), ("down", 1)] {
        let service = start(&[("DEPENDENCY", dependency)]);
        let port = service.port().to_string();
        for address in ["127.0.0.1", "0.0.0.0", "localhost"] {
            let (status, page, _) = ask(&[("BIND_ADDRESS", address), ("PORT", &port)]);
            assert_eq!(status, Some(expected), "{address}: {page}");
            assert!(page.contains(r#""dependency":"#), "{page}");
        }
    }
}

#[test]
fn an_error_names_the_address_that_was_asked() {
    let service = start(&[]);
    let port = service.port().to_string();
    drop(service);
    let (status, page, error) = ask(&[("BIND_ADDRESS", "127.0.0.1"), ("PORT", &port)]);
    assert_eq!((status, page.as_str()), (Some(1), ""));
    assert!(error.starts_with(&format!("127.0.0.1:{port}/healthcheck/ready/: ")), "{error}");
}

#[test]
fn wrong_settings_are_reported_like_at_start() {
    let (status, _, error) = ask(&[("PORT", "canary")]);
    assert_eq!(status, Some(1));
    assert!(error.contains("PORT must be") && !error.contains("canary"), "{error}");
}
