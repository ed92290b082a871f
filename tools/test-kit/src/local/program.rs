//! One of our programs in the foreground of a terminal, its log among the others'.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use signal_hook::consts::SIGTERM;

use crate::signals;

/// More than the services' own grace period.
const STOP_LIMIT: Duration = Duration::from_secs(35);

pub struct Program {
    name: &'static str,
    child: Child,
    ready: String,
}

impl Program {
    /// Starts it; `ready` is the URL that answers 200 once it is.
    pub fn start(name: &'static str, mut command: Command, ready: String) -> Result<Self, String> {
        // A process group of its own: Ctrl-C reaches us, and we stop them in order.
        let child = command.stdin(Stdio::null()).process_group(0).spawn();
        Ok(Self {
            name,
            child: child.map_err(|error| format!("{name} cannot be run: {error}"))?,
            ready,
        })
    }

    pub fn is_ready(&self) -> bool {
        answers_200(&self.ready).unwrap_or(false)
    }

    pub fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("{} has ended: {status}", self.name)),
            Err(error) => Err(format!("{}: {error}", self.name)),
        }
    }

    /// Asks it to stop, and sees to it that it does.
    pub fn stop(mut self) {
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        if let Err(error) = signals::send(self.child.id(), SIGTERM) {
            eprintln!("{} cannot be asked to stop: {error}", self.name);
            let _ = self.child.kill();
        }
        let deadline = Instant::now() + STOP_LIMIT;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                eprintln!("{} does not stop and is killed", self.name);
                let _ = self.child.kill();
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn answers_200(url: &str) -> Option<bool> {
    let (address, path) = url.strip_prefix("http://")?.split_once('/')?;
    let mut connection = TcpStream::connect(address).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(connection, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    Some(answer.starts_with("HTTP/1.1 200"))
}
