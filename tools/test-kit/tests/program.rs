//! Programs that do not do what a test waits for: the message says why.

use std::{process::Command, time::Duration};

use test_kit::program::{Output, Program, Service, Signal};

fn shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]);
    shell
}

#[test]
fn a_program_that_ends_instead_of_listening_is_reported_with_its_log() {
    let error = Service::try_spawn("it", &mut shell("echo 'no settings' >&2; exit 3")).err();
    let error = error.expect("it does not start").to_string();
    assert_eq!(error, "it has ended (exit status: 3):\nno settings\n");
}

#[test]
fn a_program_that_is_not_there_is_reported() {
    let error = Service::try_spawn("it", &mut Command::new("/nowhere/it")).err();
    let error = error.expect("it does not start").to_string();
    assert!(error.starts_with("cannot run it: No such file"), "{error}");
}

#[test]
fn a_program_that_takes_too_long_is_reported_and_killed() {
    let mut script = shell("echo waiting >&2; exec sleep 60");
    let mut program = Program::spawn("it", &mut script, Output::Captured).expect("it runs");
    let pid = program.pid();
    let logged = program.wait_until("a line", Duration::from_secs(20), |program| {
        program.log().contains("waiting").then_some(())
    });
    logged.expect("it logs");
    let never = program.wait_until("a miracle", Duration::from_millis(50), |_| None::<()>);
    let error = never.expect_err("it does not happen").to_string();
    assert_eq!(error, "it: a miracle did not happen within 50ms:\nwaiting\n");
    drop(program);
    assert!(test_kit::signals::send(pid, 15).is_err(), "it still runs");
}

#[test]
fn the_end_of_a_program_gives_its_status_and_its_whole_log() {
    let script =
        "trap 'echo stopped >&2; exit 7' TERM; echo port=1 >&2; while :; do sleep 0.01; done";
    let service = Service::spawn("it", &mut shell(script));
    assert_eq!(service.port(), 1);
    let (status, log) = service.stop(Signal::Term);
    assert_eq!((status.code(), log.as_str()), (Some(7), "port=1\nstopped\n"));
}
