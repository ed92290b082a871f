//! A running `make local` in a directory of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use signal_hook::consts::SIGINT;
use test_kit::{program::path_of, signals};

/// A directory that user postgres may enter, when root runs this.
pub fn checkout() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// Five free ports in a row, below the ephemeral range, so that no connection takes one before its
/// use.
pub fn free_ports() -> u16 {
    let all_free = |first: &u16| {
        (*first..first + 5).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
    };
    (0..).map(|_| 10_000 + (rand::random::<u16>() % 22_000)).find(all_free).unwrap()
}

/// The running system, and the command that it prints for reading forms.
pub fn start(directory: &Path, port: u16) -> (Child, String) {
    let mut command = Command::new(path_of("local"));
    command.current_dir(directory).env("LOCAL_PORT", port.to_string()).env("RUST_LOG", "warn");
    command.env("FORM_TYPES", "form,enrolment");
    let mut local = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(local.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "Ready."), "it did not start");
    let other_type = "  make submit FORM=your-enrolment.json TYPE=enrolment";
    let introduction: Vec<String> =
        lines.map_while(Result::ok).take_while(|line| !line.starts_with("Press Ctrl-C")).collect();
    assert!(introduction.iter().any(|line| line == other_type), "it lacks the other form type");
    let read = introduction.into_iter().find(|line| line.starts_with("  curl -H 'Authorization"));
    (local, read.expect("a command that reads forms"))
}

/// The process ids and names of the programs that it has started.
pub fn children(local: &Child) -> Vec<(u32, String)> {
    let entries = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let processes = entries.filter_map(|name| name.parse::<u32>().ok());
    // `id (name) state parent …`
    let child = |id: u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (before, after) = stat.rsplit_once(") ")?;
        let parent: u32 = after.split(' ').nth(1)?.parse().ok()?;
        (parent == local.id()).then(|| (id, before.split_once('(').unwrap().1.to_owned()))
    };
    processes.filter_map(child).collect()
}

pub fn signal(number: i32, pid: u32) {
    signals::send(pid, number).unwrap();
}

pub fn interrupt(mut local: Child) {
    let children = children(&local);
    assert_eq!(children.len(), 5, "{children:?}");
    signal(SIGINT, local.id());
    assert_eq!(local.wait().unwrap().code(), Some(0));
    for (pid, name) in children {
        assert!(!Path::new("/proc").join(pid.to_string()).exists(), "{name} is still there");
    }
}

pub fn submit(directory: &Path, form: &[&str]) -> (Option<i32>, String, String) {
    end(Command::new(path_of("submit")).args(form).current_dir(directory))
}

pub fn manage(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(path_of("local"));
    command.args(["manage", "--", "clients"]).args(arguments).current_dir(directory);
    end(command.env_remove("USER").env_remove("MANAGE_ACTOR"))
}

pub fn end(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
