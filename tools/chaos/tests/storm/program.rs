//! The program itself, for a few seconds.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use test_kit::{program::path_of, signals};

#[test]
fn a_short_run_keeps_every_promise_and_writes_its_report() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("chaos");
    let mut command = Command::new(path_of("chaos"));
    command.env("TMPDIR", directory.path()).arg("--report").arg(&report);
    let output =
        command.args(["--seed", "5", "--seconds", "6", "--senders", "8"]).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains("seed 5;") && !stdout.contains("VIOLATION"), "{stdout}");

    let text = fs::read_to_string(report.with_extension("md")).unwrap();
    assert!(
        text.contains("| **lost** | **0** |") && text.contains("| **doubled** | **0** |"),
        "{text}"
    );
    assert!(
        text.contains("`make chaos SEED=5 SECONDS=6`") && text.contains("(chaos.svg)"),
        "{text}"
    );
    for row in ["| **missed by them** | **0** |", "| **seen twice by them** | **0** |"] {
        assert!(text.contains(row), "{text}");
    }
    // The program fails if no accepted form waits.
    let row = "| of them refused by PostgreSQL, and waiting | ";
    let waiting = text.split_once(row).and_then(|(_, rest)| rest.split(' ').next());
    assert!(waiting.unwrap().parse::<u32>().unwrap() > 0, "{text}");
    assert!(text.contains("| PostgreSQL refuses some forms | "), "{text}");
    assert!(text.contains("| up to 1 KiB | ") && text.contains("| up to 1 MiB | "), "{text}");
    assert!(fs::read_to_string(report.with_extension("svg")).unwrap().contains("accepted: 202"));
    // The history has a line for each event.
    let kept = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let run = kept.into_iter().find(|path| path.is_dir()).unwrap();
    let history = fs::read_to_string(run.join("history.jsonl")).unwrap();
    for event in ["\"sending\"", "\"ended\"", "\"fault\"", "\"accepted\"", "kill -9 of"] {
        assert!(history.contains(event), "{event}");
    }
}

#[test]
fn ctrl_c_stops_everything_and_prints_no_result() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(path_of("chaos"));
    command.env("TMPDIR", directory.path()).args(["--seed", "6", "--seconds", "300"]);
    let chaos = command.stderr(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let run = directory.path();
    let postgres_pid = wait_for(|| {
        let kept = fs::read_dir(run).unwrap().next()?.unwrap().path();
        let pid = fs::read_to_string(kept.join("postgres/data/postmaster.pid")).ok()?;
        let sending = fs::read_to_string(kept.join("history.jsonl")).ok()?.contains("\"ended\"");
        sending.then(|| pid.lines().next().unwrap().trim().parse::<u32>().unwrap())
    });
    signals::send(chaos.id(), 2).unwrap();
    let output = chaos.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert!(!fs::exists(format!("/proc/{postgres_pid}")).unwrap(), "PostgreSQL still runs");
}

fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain");
        thread::sleep(Duration::from_millis(50));
    }
}
