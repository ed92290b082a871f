//! What was sent and what was answered, written down before and after, in a file that is only ever appended to.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    time::Instant,
};

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use crate::content::Content;

/// Which submission: the sender, and the number among what that sender sent. With the seed they say what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Name {
    /// The sender's number.
    pub sender: u32,
    /// The submission's number.
    pub number: u32,
}

/// What has to become of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A good form, posted: a row under the id of its 202.
    Form,
    /// Posted, and to be refused with 4xx.
    BadForm,
    /// A good form, put on the queue without attributes, as the service of 2016 did: a row under its message id.
    Message,
    /// Put on the queue, and no form: it belongs on the invalid queue.
    Garbage,
}

/// How an attempt to send ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 202, or confirmed by SQS; with the submission's or message's id, unless the answer broke off behind its head.
    Accepted(Option<String>),
    /// 4xx.
    Refused(u16),
    /// 5xx, or no answer: it may have been taken or not.
    Unknown(String),
}

/// A submission with all attempts to send it.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Which.
    pub name: Name,
    /// What has to become of it.
    pub kind: Kind,
    /// What it says. No two submissions of a history say the same.
    pub content: Content,
    /// The end of each attempt that has ended.
    pub outcomes: Vec<Outcome>,
    /// Attempts that were begun.
    pub attempts: usize,
}

/// A fault that was done.
#[derive(Clone, Debug, Serialize)]
pub struct FaultDone {
    /// Milliseconds since the start of the run.
    pub at_ms: u64,
    /// When it was over.
    pub until_ms: u64,
    /// What, in words.
    pub what: String,
    /// The name of its kind.
    pub kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Sending {
        name: Name,
        kind: Kind,
        content: &'a Content,
        encoding: &'a str,
        bytes: usize,
        with_key: bool,
    },
    Ended {
        name: Name,
        outcome: &'a Outcome,
    },
    Fault(&'a FaultDone),
}

#[derive(Serialize)]
struct Timed<'a> {
    at_ms: u64,
    #[serde(flatten)]
    line: Line<'a>,
}

/// The history of a run. Shared by all who send and all who break things.
pub struct History {
    started: Instant,
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    /// The first fault of the file itself, told at the end.
    broken: Option<io::Error>,
    submissions: Vec<Submission>,
    faults: Vec<FaultDone>,
    accepted: usize,
}

/// A submission's place in the history.
#[derive(Clone, Copy, Debug)]
pub struct Place(usize);

impl History {
    /// An empty one in this file.
    ///
    /// # Errors
    /// The file cannot be made.
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

    /// Writes down a submission that is about to be sent for the first time.
    pub fn sending(
        &self,
        (name, kind): (Name, Kind),
        content: &Content,
        (encoding, bytes, with_key): (&str, usize, bool),
    ) -> Place {
        let mut inner = self.lock();
        self.write(&mut inner, Line::Sending { name, kind, content, encoding, bytes, with_key });
        let submission =
            Submission { name, kind, content: content.clone(), outcomes: Vec::new(), attempts: 1 };
        inner.submissions.push(submission);
        Place(inner.submissions.len() - 1)
    }

    /// Counts another attempt that is about to be made.
    pub fn sending_again(&self, place: Place) {
        if let Some(submission) = self.lock().submissions.get_mut(place.0) {
            submission.attempts += 1;
        }
    }

    /// Writes down how an attempt has ended.
    pub fn ended(&self, place: Place, outcome: Outcome) {
        let mut inner = self.lock();
        let Some(submission) = inner.submissions.get_mut(place.0) else { return };
        let name = submission.name;
        let first =
            !submission.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Accepted(_)));
        submission.outcomes.push(outcome.clone());
        inner.accepted += usize::from(first && matches!(outcome, Outcome::Accepted(_)));
        self.write(&mut inner, Line::Ended { name, outcome: &outcome });
    }

    /// Writes down a fault that is over.
    pub fn fault(&self, fault: FaultDone) {
        let mut inner = self.lock();
        self.write(&mut inner, Line::Fault(&fault));
        inner.faults.push(fault);
    }

    /// Submissions that were accepted so far.
    pub fn accepted(&self) -> usize {
        self.lock().accepted
    }

    /// All submissions so far.
    pub fn submissions(&self) -> Vec<Submission> {
        self.lock().submissions.clone()
    }

    /// All faults so far, by the time at which they began.
    pub fn faults(&self) -> Vec<FaultDone> {
        let mut faults = self.lock().faults.clone();
        faults.sort_by_key(|fault| fault.at_ms);
        faults
    }

    /// Whether everything got into the file.
    ///
    /// # Errors
    /// The first line that did not.
    pub fn check_file(&self) -> io::Result<()> {
        let mut inner = self.lock();
        inner.broken.take().map_or_else(|| inner.file.sync_all(), Err)
    }

    fn write(&self, inner: &mut Inner, line: Line<'_>) {
        let line =
            serde_json::to_vec(&Timed { at_ms: self.now_ms(), line }).map_err(io::Error::other);
        let written = line.and_then(|mut line| {
            line.push(b'\n');
            inner.file.write_all(&line)
        });
        if let Err(error) = written {
            inner.broken.get_or_insert(error);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}
