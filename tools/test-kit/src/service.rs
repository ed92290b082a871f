//! The real programs of this workspace as child processes.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use signal_hook::consts::{SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM};

use crate::signals;

const START_LIMIT: Duration = Duration::from_secs(60);

/// A running program; it is killed on drop.
pub struct Service {
    program: String,
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    port: u16,
}

/// A signal to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// What an orchestrator sends.
    Term,
    /// What Ctrl-C sends.
    Int,
    /// What cannot be handled.
    Kill,
    /// Freezes the program.
    Stop,
    /// Thaws it.
    Continue,
}

/// A program's resident memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// At the moment.
    pub now: u64,
    /// The most that it had so far.
    pub most: u64,
}

impl Service {
    /// Starts `program` with these variables and no others, on a free port of 127.0.0.1, and waits until it listens.
    ///
    /// # Panics
    /// Where it is not built, ends, or does not listen within a minute; with its log.
    pub fn start(program: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(path_of(program));
        command.env_clear().envs([
            ("BIND_ADDRESS", "127.0.0.1"),
            ("PORT", "0"),
            ("RUST_BACKTRACE", "0"),
        ]);
        command.envs(variables.iter().copied());
        Self::spawn(program, &mut command)
    }

    /// Starts a command that tells its `port` on standard error once it listens.
    ///
    /// # Panics
    /// As [`Service::start`].
    pub fn spawn(program: &str, command: &mut Command) -> Self {
        let spawned =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
        let stderr = child.stderr.take().expect("standard error is piped");
        let log = Arc::new(Mutex::new(String::new()));
        let reader = thread::spawn({
            let log = Arc::clone(&log);
            move || collect(stderr, &log)
        });
        let mut service =
            Self { program: program.to_owned(), child, log, reader: Some(reader), port: 0 };
        service.port = service.wait_for_port();
        service
    }

    fn wait_for_port(&mut self) -> u16 {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let log = self.log();
            // As text, and as JSON.
            let port = log.split_once("port=").or_else(|| log.split_once("\"port\":\""));
            if let Some(port) = port.and_then(|(_, rest)| number(rest)) {
                return port;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                thread::sleep(Duration::from_millis(50));
                panic!("{} ended with {status}:\n{}", self.program, self.log());
            }
            assert!(Instant::now() < deadline, "{} does not listen:\n{}", self.program, self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://127.0.0.1:…` with this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// All that it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().clone()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The memory that it has.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("a process that runs");
        let bytes = |name: &str| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .expect("a line of this name");
            line.trim_end_matches("kB").trim().parse::<u64>().expect("a number of KiB") * 1024
        };
        Memory { now: bytes("VmRSS:"), most: bytes("VmHWM:") }
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// Where it cannot be sent.
    pub fn signal(&self, signal: Signal) {
        let number = match signal {
            Signal::Term => SIGTERM,
            Signal::Int => SIGINT,
            Signal::Kill => SIGKILL,
            Signal::Stop => SIGSTOP,
            Signal::Continue => SIGCONT,
        };
        let sent = signals::send(self.pid(), number);
        assert!(sent.is_ok(), "{} is gone:\n{}", self.program, self.log());
    }

    /// Waits for its end; its status and its whole log.
    ///
    /// # Panics
    /// Where it goes on for a minute.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + START_LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child's status") {
                break status;
            }
            assert!(Instant::now() < deadline, "{} does not end:\n{}", self.program, self.log());
            thread::sleep(Duration::from_millis(5));
        };
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        (status, self.log())
    }

    /// Sends a signal and waits for the end.
    pub fn stop(self, signal: Signal) -> (ExitStatus, String) {
        self.signal(signal);
        self.wait()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.program, self.log());
        }
    }
}

/// Where cargo puts a program of this workspace: beside the running one, or one directory up from a test.
///
/// # Panics
/// Where it is not built.
pub fn path_of(program: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let places: Vec<&Path> = own.ancestors().skip(1).take(2).collect();
    let found = places.iter().map(|directory| directory.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{program} is not built: run `cargo build --workspace`"))
}

fn collect(stderr: ChildStderr, log: &Mutex<String>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut log = log.lock();
        log.push_str(&line);
        log.push('\n');
    }
}

fn number(text: &str) -> Option<u16> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    text.get(..end)?.parse().ok()
}
