//! A task that must live takes the process with it; any other task does not.

use std::process::{Command, Output};

use test_kit::program::path_of;

fn run(panicking: &str) -> (Output, String) {
    let output =
        Command::new(path_of("examples/must_live")).env_clear().arg(panicking).output().unwrap();
    let log = String::from_utf8(output.stderr.clone()).unwrap();
    (output, log)
}

#[test]
fn a_panic_in_a_task_that_must_live_ends_the_process_and_names_the_task() {
    for task in ["first", "second"] {
        let (output, log) = run(task);
        assert_eq!(output.status.code(), Some(101), "{log}");
        assert!(log.contains("A task panicked: this is a bug in the program. place="), "{log}");
        let named = format!("the process ends, because it would do nothing. task={task}");
        assert!(log.contains(&named), "{log}");
        assert!(!log.contains("canary"), "{log}");
    }
}

#[test]
fn a_panic_in_any_other_task_ends_only_that_task() {
    let (output, log) = run("other");
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("A task panicked"), "{log}");
}
