//! The checker: what was sent and answered against what is stored and set aside. It looks at nothing else.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
};

use crate::{
    content::Content,
    history::{Kind, Name, Outcome, Submission},
};

/// A row of `forms`.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its key.
    pub id: u64,
    /// The submission's id, where it had one.
    pub submission_id: Option<String>,
    /// SQS's id of the message.
    pub message_id: Option<String>,
    /// What it says.
    pub content: Content,
}

/// A message on the invalid queue.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// SQS's id of it.
    pub message_id: String,
    /// The id it had on the form queue.
    pub original_message_id: Option<String>,
    /// Its body, in which every character counts.
    pub body: Content,
}

/// Everything that is there when all is over.
#[derive(Clone, Debug, Default)]
pub struct Remains {
    /// All rows.
    pub rows: Vec<Row>,
    /// All messages of the invalid queue.
    pub aside: Vec<SetAside>,
    /// Messages on the form queue.
    pub on_the_queue: u64,
}

/// What breaks a promise. Ids, and never content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Accepted, and not stored.
    Lost(Name, Option<String>),
    /// Stored more than once.
    Doubled(Name, usize),
    /// Stored under the id of its 202 with another content.
    Altered(Name, u64),
    /// Stored under another id than that of its 202.
    OtherId(Name, u64),
    /// One key and content, and several ids.
    SeveralIds(Name),
    /// Refused, or no form, and stored all the same.
    StoredThoughRefused(Name, u64),
    /// A good form that got 4xx.
    GoodButRefused(Name, u16),
    /// A bad form that got 202.
    BadButAccepted(Name),
    /// A row that nobody sent.
    RowOfNobody(u64),
    /// Confirmed on the form queue, no form, and not on the invalid queue.
    NotSetAside(Name, Option<String>),
    /// On the invalid queue under several `original_message_id`s.
    SetAsideTwice(Name),
    /// On the invalid queue with another body.
    AlteredAside(Name, String),
    /// On the invalid queue, where it does not belong.
    WronglySetAside(String),
    /// Messages on the form queue that nobody stores.
    LeftOnTheQueue(u64),
}

/// What the checker found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What breaks a promise.
    pub violations: Vec<Violation>,
    /// What was seen.
    pub figures: Figures,
}

/// Counts for the report.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Submissions, posted or put on the queue.
    pub submissions: usize,
    /// Attempts to send them.
    pub attempts: usize,
    /// Submissions that were accepted.
    pub accepted: usize,
    /// Submissions that were refused.
    pub refused: usize,
    /// Submissions of which nothing is known but that they were sent.
    pub unknown: usize,
    /// Those of them that are stored.
    pub unknown_stored: usize,
    /// Rows.
    pub rows: usize,
    /// Different messages on the invalid queue.
    pub aside: usize,
    /// Copies of them.
    pub aside_copies: usize,
}

/// Compares.
pub fn check(submissions: &[Submission], remains: &Remains) -> Verdict {
    let mut violations = Vec::new();
    let index = Index::of(submissions);
    let mut rows: Vec<Vec<&Row>> = vec![Vec::new(); submissions.len()];
    let mut altered = HashSet::new();
    for row in &remains.rows {
        let id = row.submission_id.as_ref().or(row.message_id.as_ref());
        if let Some(rows) =
            index.by_content.get(&row.content).and_then(|place| rows.get_mut(*place))
        {
            rows.push(row);
        } else if let Some(place) = id.and_then(|id| index.by_id.get(id.as_str())) {
            altered.insert(*place);
            violations.extend(
                submissions
                    .get(*place)
                    .map(|submission| Violation::Altered(submission.name, row.id)),
            );
        } else {
            violations.push(Violation::RowOfNobody(row.id));
        }
    }
    let aside = aside(&index, submissions, remains, &mut violations);

    let mut figures =
        Figures { rows: remains.rows.len(), submissions: submissions.len(), ..Figures::default() };
    for (place, (submission, rows)) in submissions.iter().zip(&rows).enumerate() {
        let accepted =
            submission.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Accepted(_)));
        let refused = submission.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Refused(status) => Some(*status),
            Outcome::Accepted(_) | Outcome::Unknown(_) => None,
        });
        figures.attempts += submission.attempts;
        figures.accepted += usize::from(accepted);
        figures.refused += usize::from(refused.is_some() && !accepted);
        figures.unknown += usize::from(refused.is_none() && !accepted);
        figures.unknown_stored += usize::from(refused.is_none() && !accepted && !rows.is_empty());
        let aside = aside.get(&place).map_or(0, BTreeSet::len);
        match submission.kind {
            Kind::Form | Kind::Message => {
                stored_once(submission, rows, altered.contains(&place), &mut violations)
            }
            Kind::BadForm => {
                violations.extend(accepted.then_some(Violation::BadButAccepted(submission.name)));
                stored_never(submission, rows, &mut violations);
            }
            Kind::Garbage => {
                let missing = accepted && aside == 0;
                violations.extend(
                    missing.then(|| {
                        Violation::NotSetAside(submission.name, ids(submission).pop_first())
                    }),
                );
                violations.extend((aside > 1).then_some(Violation::SetAsideTwice(submission.name)));
                stored_never(submission, rows, &mut violations);
            }
        }
    }
    violations.extend(
        (remains.on_the_queue > 0).then_some(Violation::LeftOnTheQueue(remains.on_the_queue)),
    );
    figures.aside = aside.values().map(BTreeSet::len).sum();
    figures.aside_copies = remains.aside.len();
    Verdict { violations, figures }
}

fn stored_once(
    submission: &Submission,
    rows: &[&Row],
    altered: bool,
    violations: &mut Vec<Violation>,
) {
    let name = submission.name;
    let ids = ids(submission);
    let accepted =
        submission.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Accepted(_)));
    violations.extend((ids.len() > 1).then_some(Violation::SeveralIds(name)));
    for outcome in &submission.outcomes {
        if let Outcome::Refused(status) = outcome {
            violations.push(Violation::GoodButRefused(name, *status));
            violations.extend(rows.first().map(|row| Violation::StoredThoughRefused(name, row.id)));
        }
    }
    match rows {
        [] if accepted && !altered => violations.push(Violation::Lost(name, ids.first().cloned())),
        [] => {}
        [row] => {
            let id = match submission.kind {
                Kind::Message if row.submission_id.is_some() => None,
                Kind::Message => row.message_id.as_ref(),
                _ => row.submission_id.as_ref(),
            };
            let expected = ids.first();
            let other = expected.is_some_and(|expected| id != Some(expected)) || id.is_none();
            violations.extend(other.then_some(Violation::OtherId(name, row.id)));
        }
        rows => violations.push(Violation::Doubled(name, rows.len())),
    }
}

fn stored_never(submission: &Submission, rows: &[&Row], violations: &mut Vec<Violation>) {
    violations
        .extend(rows.iter().map(|row| Violation::StoredThoughRefused(submission.name, row.id)));
}

/// The `original_message_id`s under which each piece of garbage lies on the invalid queue.
fn aside<'a>(
    index: &Index<'_>,
    submissions: &[Submission],
    remains: &'a Remains,
    violations: &mut Vec<Violation>,
) -> HashMap<usize, BTreeSet<&'a str>> {
    let mut found: HashMap<usize, BTreeSet<&str>> = HashMap::new();
    for message in &remains.aside {
        let original = message.original_message_id.as_deref();
        let by_id = original.and_then(|id| index.by_id.get(id));
        let place = by_id.or_else(|| index.by_content.get(&message.body)).copied();
        let submission = place.and_then(|place| submissions.get(place));
        match (place, submission, original) {
            (Some(place), Some(submission), Some(original)) if submission.kind == Kind::Garbage => {
                if submission.content != message.body {
                    violations
                        .push(Violation::AlteredAside(submission.name, message.message_id.clone()));
                }
                found.entry(place).or_default().insert(original);
            }
            _ => violations.push(Violation::WronglySetAside(message.message_id.clone())),
        }
    }
    found
}

/// All ids under which a submission was accepted.
fn ids(submission: &Submission) -> BTreeSet<String> {
    let ids = submission.outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Accepted(id) => id.clone(),
        Outcome::Refused(_) | Outcome::Unknown(_) => None,
    });
    ids.collect()
}

struct Index<'a> {
    by_content: HashMap<&'a Content, usize>,
    by_id: HashMap<&'a str, usize>,
}

impl<'a> Index<'a> {
    fn of(submissions: &'a [Submission]) -> Self {
        let mut index = Self { by_content: HashMap::new(), by_id: HashMap::new() };
        for (place, submission) in submissions.iter().enumerate() {
            index.by_content.insert(&submission.content, place);
            for outcome in &submission.outcomes {
                if let Outcome::Accepted(Some(id)) = outcome {
                    index.by_id.insert(id, place);
                }
            }
        }
        index
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "submission {}/{}", self.sender, self.number)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "unknown".to_owned());
        match self {
            Self::Lost(name, accepted) => write!(f, "lost: {name}, accepted as {}", id(accepted)),
            Self::Doubled(name, rows) => write!(f, "doubled: {name} is {rows} rows"),
            Self::Altered(name, row) => {
                write!(f, "altered: {name} is row {row} with another content")
            }
            Self::OtherId(name, row) => {
                write!(f, "other id: {name} is row {row}, not under the id it was accepted as")
            }
            Self::SeveralIds(name) => {
                write!(f, "several ids: {name} was accepted as more than one")
            }
            Self::StoredThoughRefused(name, row) => {
                write!(f, "stored though refused: {name} is row {row}")
            }
            Self::GoodButRefused(name, status) => {
                write!(f, "good but refused: {name} got {status}")
            }
            Self::BadButAccepted(name) => write!(f, "bad but accepted: {name}"),
            Self::RowOfNobody(row) => write!(f, "row of nobody: row {row}"),
            Self::NotSetAside(name, message) => {
                write!(f, "not set aside: {name}, message {}", id(message))
            }
            Self::SetAsideTwice(name) => {
                write!(f, "set aside twice: {name} has several original_message_ids")
            }
            Self::AlteredAside(name, message) => {
                write!(f, "altered aside: {name}, message {message}")
            }
            Self::WronglySetAside(message) => {
                write!(f, "wrongly set aside: message {message} of the invalid queue")
            }
            Self::LeftOnTheQueue(messages) => write!(f, "left on the queue: {messages} messages"),
        }
    }
}

#[cfg(test)]
mod tests;
