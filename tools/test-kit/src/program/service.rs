//! A program that listens on a port, and the requests that a test sends to it.

use std::{
    net::SocketAddr,
    process::{Command, ExitStatus},
    time::Duration,
};

use super::{Memory, Output, Program, ProgramError, Signal, path_of};
use crate::{
    http::{Answer, Http, Request, raw},
    wait,
};

/// Starting and stopping may take this long on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A program that listens on 127.0.0.1. It is killed on drop.
pub struct Service {
    program: Program,
    port: u16,
    http: Http,
}

impl Service {
    /// Starts a program of this workspace with these variables and no others, on a free port of
    /// 127.0.0.1, and returns when it listens.
    ///
    /// # Panics
    /// The program is not built, ends, or does not listen within a minute. The message contains
    /// its log.
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

    /// Starts a command that logs its `port` to standard error once it listens.
    ///
    /// # Panics
    /// As [`Service::start`].
    pub fn spawn(name: &str, command: &mut Command) -> Self {
        Self::try_spawn(name, command).unwrap_or_else(|error| panic!("{error}"))
    }

    /// [`Service::spawn`] for a program that may not start.
    ///
    /// # Errors
    /// The program cannot be run, ends, or does not listen within a minute.
    pub fn try_spawn(name: &str, command: &mut Command) -> Result<Self, ProgramError> {
        let mut program = Program::spawn(name, command, Output::Captured)?;
        let port = program.wait_until("listening", LIMIT, |program| port_in(&program.log()))?;
        Ok(Self { program, port, http: Http::at(format!("http://127.0.0.1:{port}")) })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// `http://127.0.0.1:…` with this path.
    pub fn url(&self, path: &str) -> String {
        self.http.url(path)
    }

    /// Everything that it has logged so far.
    pub fn log(&self) -> String {
        self.program.log()
    }

    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// The memory that it uses.
    ///
    /// # Panics
    /// It has ended.
    pub fn memory(&self) -> Memory {
        self.program.memory().expect("the memory of a program that runs")
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// The program is gone.
    pub fn signal(&self, signal: Signal) {
        let sent = self.program.signal(signal);
        assert!(sent.is_ok(), "{} is gone:\n{}", self.program.name(), self.log());
    }

    /// Waits for its end and gives its status and its whole log.
    ///
    /// # Panics
    /// It still runs after a minute.
    pub fn wait(self) -> (ExitStatus, String) {
        self.wait_within(LIMIT)
    }

    /// [`Service::wait`] with a limit of its own.
    ///
    /// # Panics
    /// It still runs when the time is over.
    pub fn wait_within(self, limit: Duration) -> (ExitStatus, String) {
        self.program.wait(limit).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sends a signal and waits for the end. The thread is blocked until then: if tasks of the
    /// test must go on meanwhile, use [`Service::stop_while_others_run`].
    pub fn stop(self, signal: Signal) -> (ExitStatus, String) {
        self.signal(signal);
        self.wait()
    }

    /// Sends a signal and waits for the end while other tasks of the test go on.
    pub async fn stop_while_others_run(self, signal: Signal) -> (ExitStatus, String) {
        tokio::task::spawn_blocking(move || self.stop(signal)).await.expect("it stops")
    }

    /// Waits until its readiness page is green.
    pub async fn ready(&self) {
        let what = format!("{} is ready", self.program.name());
        wait::until(&what, async || {
            let page = self.request("GET", "/healthcheck/ready/").try_send().await;
            page.ok().filter(|page| page.status == 200).map(drop)
        })
        .await;
    }

    /// Waits until its log contains this text.
    pub async fn logged(&self, text: &str) {
        let what = format!("{} logs {text:?}", self.program.name());
        wait::until(&what, async || self.log().contains(text).then_some(())).await;
    }

    /// A client of this service, for tasks that need their own.
    pub fn http(&self) -> Http {
        self.http.clone()
    }

    /// A request to this service, to be completed and sent.
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.http.request(method, path)
    }

    /// Gets a page that needs no signature.
    pub async fn get(&self, path: &str) -> Answer {
        self.http.get(path).await
    }

    /// Posts JSON to `/form/`, signed with the UI secret.
    pub async fn post_form(&self, body: impl Into<Vec<u8>>) -> Answer {
        self.http.post_form(body).await
    }

    /// Sends bytes on a connection of their own, and reads until the service closes it or the
    /// time is over.
    pub async fn exchange(&self, request: &[u8], within: Duration) -> Answer {
        raw::exchange(self.address(), request, within).await
    }
}

/// The port in a log, as text or as JSON.
fn port_in(log: &str) -> Option<u16> {
    let (_, rest) = log.split_once("port=").or_else(|| log.split_once("\"port\":\""))?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest.get(..end)?.parse().ok()
}
