//! Child processes: start one, wait for it, signal it, stop it.
//!
//! Tests, the local run and chaos all start programs with [`Program`]; [`Service`] adds the port
//! that a program listens on.

mod health;
mod service;

use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use signal_hook::consts::{SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM};
use thiserror::Error;

use crate::signals;

pub use health::is_healthy;
pub use service::Service;

/// A child process. It is killed on drop.
pub struct Program {
    name: String,
    child: Child,
    log: Option<Log>,
}

/// Where the output of a program goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard error is kept for [`Program::log`]; standard output is dropped.
    Captured,
    /// Both go where ours go.
    Inherited,
}

/// A signal to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// An orchestrator sends this.
    Term,
    /// Ctrl-C sends this.
    Int,
    /// No program can handle this.
    Kill,
    /// Freezes the program.
    Stop,
    /// Thaws it.
    Continue,
}

/// A program's resident memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub now: u64,
    /// The peak since the program started.
    pub most: u64,
}

/// Why a program does not do what we wait for. The message contains the log, if we have it.
#[derive(Debug, Error)]
pub enum ProgramError {
    #[error("cannot run {name}: {source}")]
    NotRun { name: String, source: io::Error },
    #[error("{name} has ended ({status}){log}")]
    Ended { name: String, status: ExitStatus, log: String },
    #[error("{name}: {what} did not happen within {limit:?}{log}")]
    TimedOut { name: String, what: String, limit: Duration, log: String },
    #[error("cannot watch {name}: {source}")]
    Unknown { name: String, source: io::Error },
}

impl Program {
    /// Starts a command. It reads nothing from our standard input.
    ///
    /// # Errors
    /// The command cannot be run.
    pub fn spawn(name: &str, command: &mut Command, output: Output) -> Result<Self, ProgramError> {
        command.stdin(Stdio::null());
        if output == Output::Captured {
            command.stdout(Stdio::null()).stderr(Stdio::piped());
        }
        let name = name.to_owned();
        match command.spawn() {
            Ok(mut child) => {
                let log = child.stderr.take().map(Log::collect);
                Ok(Self { name, child, log })
            }
            Err(source) => Err(ProgramError::NotRun { name, source }),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has logged so far, if we capture its output.
    pub fn log(&self) -> String {
        self.log.as_ref().map(|log| log.text.lock().clone()).unwrap_or_default()
    }

    /// Its exit status, or `None` while it runs.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn status(&mut self) -> Result<Option<ExitStatus>, ProgramError> {
        let status = self.child.try_wait();
        let status =
            status.map_err(|source| ProgramError::Unknown { name: self.name.clone(), source })?;
        if let (Some(_), Some(log)) = (status, &mut self.log) {
            log.finish();
        }
        Ok(status)
    }

    /// Fails if it has ended.
    ///
    /// # Errors
    /// It has ended, and the error says how.
    pub fn check_running(&mut self) -> Result<(), ProgramError> {
        let Some(status) = self.status()? else { return Ok(()) };
        Err(ProgramError::Ended { name: self.name.clone(), status, log: self.indented_log() })
    }

    /// Waits until the condition gives a value. `what` is for the error message.
    ///
    /// # Errors
    /// The program ends first, or the time is over.
    pub fn wait_until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut condition: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T, ProgramError> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(value) = condition(self) {
                return Ok(value);
            }
            self.check_running()?;
            self.check_time(what, limit, deadline)?;
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// The program is gone.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        signals::send(self.pid(), signal.number())
    }

    /// Waits for its end and gives its status and its whole log.
    ///
    /// # Errors
    /// It still runs when the time is over; then it is killed.
    pub fn wait(mut self, limit: Duration) -> Result<(ExitStatus, String), ProgramError> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.status()? {
                return Ok((status, self.log()));
            }
            self.check_time("its end", limit, deadline)?;
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The memory that it uses.
    ///
    /// # Errors
    /// It has ended.
    pub fn memory(&self) -> io::Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
        };
        let memory = || Some(Memory { now: bytes("VmRSS:")?, most: bytes("VmHWM:")? });
        memory().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn check_time(
        &self,
        what: &str,
        limit: Duration,
        deadline: Instant,
    ) -> Result<(), ProgramError> {
        if Instant::now() < deadline {
            return Ok(());
        }
        let (name, what) = (self.name.clone(), what.to_owned());
        Err(ProgramError::TimedOut { name, what, limit, log: self.indented_log() })
    }

    fn indented_log(&self) -> String {
        let log = self.log();
        if log.is_empty() { log } else { format!(":\n{log}") }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        if thread::panicking() && self.log.is_some() {
            eprintln!("--- log of {} ---\n{}", self.name, self.log());
        }
    }
}

impl Signal {
    fn number(self) -> i32 {
        match self {
            Self::Term => SIGTERM,
            Self::Int => SIGINT,
            Self::Kill => SIGKILL,
            Self::Stop => SIGSTOP,
            Self::Continue => SIGCONT,
        }
    }
}

/// What a program writes to standard error, read by a thread.
struct Log {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Log {
    fn collect(stderr: ChildStderr) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&text);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut text = shared.lock();
                text.push_str(&line);
                text.push('\n');
            }
        });
        Self { text, reader: Some(reader) }
    }

    /// Reads the rest of the output of an ended program.
    ///
    /// It waits for at most a second: a child of the program may still have the pipe open.
    fn finish(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(1);
        let Some(reader) = self.reader.take() else { return };
        while !reader.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The path of a program of this workspace: cargo puts it beside the running program, or one
/// directory above a running test.
///
/// # Panics
/// The program is not built.
pub fn path_of(program: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let places: Vec<&Path> = own.ancestors().skip(1).take(2).collect();
    let found = places.iter().map(|directory| directory.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{program} is not built: run `cargo build --workspace`"))
}
