//! The clients, which are programs that we did not write: curl, and libraries of Python.

use std::{
    env, fmt,
    io::Read as _,
    path::PathBuf,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::lab::{self, Credentials};

/// take.py ends with it if the library reported an error.
const REPORTED: i32 = 3;
/// curl cannot resolve, cannot connect, or got an error as an answer.
const CURL_HAS_NOT_BEGUN: [i32; 3] = [6, 7, 22];
/// A client that has not ended by then hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// A program that downloads a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taker {
    Curl,
    Requests,
    Pandas,
}

/// What a client says of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It has everything.
    Complete,
    /// It reported an error.
    Error(String),
}

impl Taker {
    pub const ALL: [Self; 3] = [Self::Curl, Self::Requests, Self::Pandas];

    /// Starts downloading. `gzip` is for curl: requests always asks for it, pandas never.
    pub fn start(
        self,
        url: &str,
        client: &Credentials,
        format: &str,
        gzip: bool,
    ) -> Result<Taking> {
        let mut command = match self {
            Self::Curl => {
                let mut curl = Command::new("curl");
                curl.args(["--silent", "--show-error", "--fail", "--output", "/dev/null"]);
                if gzip {
                    curl.arg("--compressed");
                }
                curl.args(["--header", &format!("Authorization: Bearer {}", client.key), url]);
                curl
            }
            Self::Requests | Self::Pandas => {
                let mut take = python("take.py")?;
                take.args([&self.to_string(), url, &client.key, format]);
                take
            }
        };
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = child.spawn().with_context(|| format!("cannot run {self}"))?;
        Ok(Taking { taker: self, child })
    }
}

impl fmt::Display for Taker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Curl => "curl",
            Self::Requests => "requests",
            Self::Pandas => "pandas",
        })
    }
}

/// A client that is downloading. It is killed on drop.
#[derive(Debug)]
pub struct Taking {
    taker: Taker,
    child: std::process::Child,
}

impl Taking {
    /// Waits for its end. An error if it has not even begun, or hangs.
    pub fn end(mut self) -> Result<Said> {
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                bail!("{} hangs", self.taker);
            }
            sleep(Duration::from_millis(5));
        };
        let mut text = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            errors.read_to_string(&mut text)?;
        }
        let text = text.trim().to_owned();
        match (self.taker, status.code()) {
            (_, Some(0)) => Ok(Said::Complete),
            (Taker::Curl, Some(code)) if !CURL_HAS_NOT_BEGUN.contains(&code) => {
                Ok(Said::Error(text))
            }
            (Taker::Requests | Taker::Pandas, Some(REPORTED)) => Ok(Said::Error(text)),
            _ => bail!("{}: {status}: {text}", self.taker),
        }
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// One of our scripts, in the Python that has the libraries.
#[expect(clippy::disallowed_methods, reason = "a tool of the tests, not a setting of a service")]
pub fn python(script: &str) -> Result<Command> {
    let python: PathBuf = env::var_os("TEST_PYTHON")
        .context("TEST_PYTHON is not set: run `make test` or `make streams`")?
        .into();
    let mut command = Command::new(python);
    command.arg(lab::clients().join(script)).stdin(Stdio::null());
    Ok(command)
}

/// Runs a script to its end, and gives its standard output.
pub fn run_python(script: &str, arguments: &[&str]) -> Result<String> {
    let output = python(script)?.args(arguments).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{script}: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(text)
}
