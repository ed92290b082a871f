//! The checker: compares what was sent and answered with the stored rows and the kept messages. It is a pure function.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::{
    content::Content,
    history::{Kind, Outcome, Submission},
};

mod violation;

pub use violation::Violation;

/// A row of `forms`.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: u64,
    pub submission_id: Option<String>,
    /// SQS's id of the message.
    pub message_id: Option<String>,
    pub content: Content,
}

/// A row of `invalid_messages` that is `waiting`.
#[derive(Clone, Debug)]
pub struct InvalidMessage {
    pub id: u64,
    /// SQS's id of the message when it was on the form queue.
    pub message_id: String,
    /// Every character of the body counts.
    pub body: Content,
    /// How often a worker took it from the invalid queue.
    pub times_seen: usize,
}

/// The rows and messages after a run.
#[derive(Clone, Debug, Default)]
pub struct FinalState {
    pub rows: Vec<Row>,
    pub waiting: Vec<InvalidMessage>,
    /// The number of messages left on the form queue.
    pub on_form_queue: u64,
    /// The number of messages left on the invalid queue.
    pub on_invalid_queue: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub violations: Vec<Violation>,
    pub figures: Figures,
}

/// Counts for the report.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Posted or put on the queue.
    pub submissions: usize,
    pub attempts: usize,
    pub accepted: usize,
    pub refused: usize,
    /// Submissions that were neither accepted nor refused.
    pub unknown: usize,
    /// Those of them that are stored.
    pub unknown_stored: usize,
    pub rows: usize,
    /// Different messages that wait.
    pub set_aside: usize,
    /// All messages that came to the invalid queue for them.
    pub set_aside_copies: usize,
}

/// The message ids under which each piece of garbage waits.
type SetAside<'a> = HashMap<usize, BTreeSet<&'a str>>;

pub fn check(submissions: &[Submission], state: &FinalState) -> Verdict {
    let mut violations = Vec::new();
    let index = Index::new(submissions);
    let stored = Stored::assign(&index, submissions, &state.rows, &mut violations);
    let set_aside = set_aside(&index, submissions, &state.waiting, &mut violations);

    let mut figures = Figures { rows: state.rows.len(), ..Figures::default() };
    for (place, (submission, rows)) in submissions.iter().zip(&stored.rows).enumerate() {
        figures.count(submission, !rows.is_empty());
        match submission.kind {
            Kind::Form | Kind::Message => {
                let altered = stored.altered.contains(&place);
                check_stored_once(submission, rows, altered, &mut violations);
            }
            Kind::BadForm => {
                let accepted = submission.is_accepted();
                violations.extend(accepted.then_some(Violation::BadButAccepted(submission.name)));
                check_not_stored(submission, rows, &mut violations);
            }
            Kind::Garbage => {
                let originals = set_aside.get(&place).map_or(0, BTreeSet::len);
                check_set_aside(submission, originals, &mut violations);
                check_not_stored(submission, rows, &mut violations);
            }
        }
    }
    let left = state.on_form_queue;
    violations.extend((left > 0).then_some(Violation::LeftOnTheQueue(left)));
    let left = state.on_invalid_queue;
    violations.extend((left > 0).then_some(Violation::NotKept(left)));
    figures.set_aside = set_aside.values().map(BTreeSet::len).sum();
    figures.set_aside_copies = state.waiting.iter().map(|message| message.times_seen).sum();
    Verdict { violations, figures }
}

impl Figures {
    fn count(&mut self, submission: &Submission, is_stored: bool) {
        let refused = submission.outcomes.iter().any(|it| matches!(it, Outcome::Refused(_)));
        self.submissions += 1;
        self.attempts += submission.attempts;
        match (submission.is_accepted(), refused) {
            (true, _) => self.accepted += 1,
            (false, true) => self.refused += 1,
            (false, false) => {
                self.unknown += 1;
                self.unknown_stored += usize::from(is_stored);
            }
        }
    }
}

/// The rows of each submission, by its index.
struct Stored<'a> {
    rows: Vec<Vec<&'a Row>>,
    altered: HashSet<usize>,
}

impl<'a> Stored<'a> {
    /// Finds the submission of each row: by its content, or else by its id.
    fn assign(
        index: &Index<'_>,
        submissions: &[Submission],
        all: &'a [Row],
        violations: &mut Vec<Violation>,
    ) -> Self {
        let mut rows: Vec<Vec<&Row>> = vec![Vec::new(); submissions.len()];
        let mut altered = HashSet::new();
        for row in all {
            let by_content = index.by_content.get(&row.content);
            if let Some(rows) = by_content.and_then(|place| rows.get_mut(*place)) {
                rows.push(row);
                continue;
            }
            let id = row.submission_id.as_ref().or(row.message_id.as_ref());
            let by_id = id.and_then(|id| index.by_id.get(id.as_str())).copied();
            match by_id.and_then(|place| Some((place, submissions.get(place)?))) {
                Some((place, submission)) => {
                    altered.insert(place);
                    violations.push(Violation::Altered(submission.name, row.id));
                }
                None => violations.push(Violation::UnknownRow(row.id)),
            }
        }
        Self { rows, altered }
    }
}

fn check_stored_once(
    submission: &Submission,
    rows: &[&Row],
    altered: bool,
    violations: &mut Vec<Violation>,
) {
    let name = submission.name;
    let ids = accepted_ids(submission);
    violations.extend((ids.len() > 1).then_some(Violation::SeveralIds(name)));
    for outcome in &submission.outcomes {
        if let Outcome::Refused(status) = outcome {
            violations.push(Violation::GoodButRefused(name, *status));
            violations.extend(rows.first().map(|row| Violation::StoredThoughRefused(name, row.id)));
        }
    }
    match rows {
        [] if submission.is_accepted() && !altered => {
            violations.push(Violation::Lost(name, ids.first().cloned()));
        }
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

fn check_not_stored(submission: &Submission, rows: &[&Row], violations: &mut Vec<Violation>) {
    violations
        .extend(rows.iter().map(|row| Violation::StoredThoughRefused(submission.name, row.id)));
}

fn check_set_aside(submission: &Submission, originals: usize, violations: &mut Vec<Violation>) {
    let name = submission.name;
    match originals {
        0 if submission.is_accepted() => {
            violations.push(Violation::NotSetAside(name, accepted_ids(submission).pop_first()));
        }
        0 | 1 => {}
        _ => violations.push(Violation::SetAsideTwice(name)),
    }
}

/// Finds the garbage of each message that waits: by its id, or else by its body.
fn set_aside<'a>(
    index: &Index<'_>,
    submissions: &[Submission],
    waiting: &'a [InvalidMessage],
    violations: &mut Vec<Violation>,
) -> SetAside<'a> {
    let mut found = SetAside::new();
    for message in waiting {
        let id = message.message_id.as_str();
        let by_id = index.by_id.get(id);
        let place = by_id.or_else(|| index.by_content.get(&message.body)).copied();
        let submission = place.and_then(|place| submissions.get(place));
        match (place, submission) {
            (Some(place), Some(submission)) if submission.kind == Kind::Garbage => {
                if submission.content != message.body {
                    violations.push(Violation::AlteredAside(submission.name, message.id));
                }
                if !found.entry(place).or_default().insert(id) {
                    violations.push(Violation::SetAsideTwice(submission.name));
                }
            }
            _ => violations.push(Violation::WronglySetAside(id.to_owned())),
        }
    }
    found
}

/// All ids under which a submission was accepted.
fn accepted_ids(submission: &Submission) -> BTreeSet<String> {
    let ids = submission.outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Accepted(id) => id.clone(),
        Outcome::Refused(_) | Outcome::Unknown(_) => None,
    });
    ids.collect()
}

/// The index of each submission.
struct Index<'a> {
    by_content: HashMap<&'a Content, usize>,
    by_id: HashMap<&'a str, usize>,
}

impl<'a> Index<'a> {
    fn new(submissions: &'a [Submission]) -> Self {
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

#[cfg(test)]
mod tests;
