//! Records each submission before it is sent, and each answer, in an append-only file.

use std::{
    fmt,
    fs::File,
    io::{self, Write},
    path::Path,
    time::Instant,
};

use parking_lot::Mutex;
use serde::Serialize;

use crate::content::Content;

/// The sender, and the number among its submissions. With the seed, it reproduces the submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SubmissionName {
    pub sender: u32,
    pub number: u32,
}

/// What has to happen to a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A good form, posted: a row under the id of its 202.
    Form,
    /// A bad form, posted: refused with 4xx.
    BadForm,
    /// A good form, put on the queue without attributes, as the service of 2016 did: a row under its message id.
    Message,
    /// Put on the queue, but not a form: it belongs on the invalid queue.
    Garbage,
}

/// How an attempt to send ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 202, or confirmed by SQS. With the submission id or message id, unless the answer broke off after its head.
    Accepted(Option<String>),
    /// 4xx.
    Refused(u16),
    /// 5xx, or no answer: the submission may have been accepted or not.
    Unknown(String),
}

/// A submission with all attempts to send it.
#[derive(Clone, Debug)]
pub struct Submission {
    pub name: SubmissionName,
    pub kind: Kind,
    /// No two submissions of a history have the same content.
    pub content: Content,
    /// The size of the body.
    pub bytes: usize,
    /// A good form that PostgreSQL refuses for some of the time.
    pub refusable: bool,
    /// Of each attempt that has ended.
    pub outcomes: Vec<Outcome>,
    /// Attempts begun.
    pub attempts: usize,
}

/// A submission that is about to be sent for the first time.
#[derive(Clone, Copy, Serialize)]
pub struct Sending<'a> {
    pub name: SubmissionName,
    pub kind: Kind,
    pub content: &'a Content,
    pub encoding: &'a str,
    pub bytes: usize,
    /// Whether it has an `Idempotency-Key`.
    pub with_key: bool,
    pub refusable: bool,
}

/// A fault that is over. Times are in milliseconds since the start of the run.
#[derive(Clone, Debug, Serialize)]
pub struct FaultRecord {
    pub at_ms: u64,
    pub until_ms: u64,
    /// Its description.
    pub what: String,
    pub kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Sending(Sending<'a>),
    Ended { name: SubmissionName, outcome: &'a Outcome },
    Fault(&'a FaultRecord),
}

#[derive(Serialize)]
struct Timed<'a> {
    at_ms: u64,
    #[serde(flatten)]
    line: Line<'a>,
}

/// The history of a run, shared by senders and nemeses.
pub struct History {
    started: Instant,
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    /// The first error of the file itself; [`History::check_file`] reports it.
    broken: Option<io::Error>,
    submissions: Vec<Submission>,
    faults: Vec<FaultRecord>,
    accepted: usize,
}

/// A submission's position in the history.
#[derive(Clone, Copy, Debug)]
pub struct SubmissionIndex(usize);

impl Submission {
    pub fn is_accepted(&self) -> bool {
        self.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Accepted(_)))
    }
}

impl History {
    /// An empty history in a new file.
    pub fn create(path: &Path) -> io::Result<Self> {
        let inner = Inner {
            file: File::options().create_new(true).append(true).open(path)?,
            broken: None,
            submissions: Vec::new(),
            faults: Vec::new(),
            accepted: 0,
        };
        Ok(Self { started: Instant::now(), inner: Mutex::new(inner) })
    }

    /// Milliseconds since the start.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub fn record_sending(&self, sending: Sending<'_>) -> SubmissionIndex {
        let mut inner = self.inner.lock();
        self.write(&mut inner, Line::Sending(sending));
        inner.submissions.push(Submission {
            name: sending.name,
            kind: sending.kind,
            content: sending.content.clone(),
            bytes: sending.bytes,
            refusable: sending.refusable,
            outcomes: Vec::new(),
            attempts: 1,
        });
        SubmissionIndex(inner.submissions.len() - 1)
    }

    /// Counts one more attempt, which is about to begin.
    pub fn record_retry(&self, index: SubmissionIndex) {
        if let Some(submission) = self.inner.lock().submissions.get_mut(index.0) {
            submission.attempts += 1;
        }
    }

    pub fn record_outcome(&self, index: SubmissionIndex, outcome: Outcome) {
        let mut inner = self.inner.lock();
        let Some(submission) = inner.submissions.get_mut(index.0) else { return };
        let name = submission.name;
        let was_accepted = submission.is_accepted();
        submission.outcomes.push(outcome.clone());
        let newly_accepted = !was_accepted && submission.is_accepted();
        inner.accepted += usize::from(newly_accepted);
        self.write(&mut inner, Line::Ended { name, outcome: &outcome });
    }

    pub fn record_fault(&self, fault: FaultRecord) {
        let mut inner = self.inner.lock();
        self.write(&mut inner, Line::Fault(&fault));
        inner.faults.push(fault);
    }

    /// The number of submissions accepted so far.
    pub fn accepted(&self) -> usize {
        self.inner.lock().accepted
    }

    pub fn submissions(&self) -> Vec<Submission> {
        self.inner.lock().submissions.clone()
    }

    /// All faults so far, ordered by when they began.
    pub fn faults(&self) -> Vec<FaultRecord> {
        let mut faults = self.inner.lock().faults.clone();
        faults.sort_by_key(|fault| fault.at_ms);
        faults
    }

    /// Returns the error of the first line that could not be written, if any.
    pub fn check_file(&self) -> io::Result<()> {
        let mut inner = self.inner.lock();
        inner.broken.take().map_or_else(|| inner.file.sync_all(), Err)
    }

    fn write(&self, inner: &mut Inner, line: Line<'_>) {
        let line =
            serde_json::to_vec(&Timed { at_ms: self.now_ms(), line }).map_err(io::Error::from);
        let written = line.and_then(|mut line| {
            line.push(b'\n');
            inner.file.write_all(&line)
        });
        if let Err(error) = written {
            inner.broken.get_or_insert(error);
        }
    }
}

impl fmt::Display for SubmissionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "submission {}/{}", self.sender, self.number)
    }
}
