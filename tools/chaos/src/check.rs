//! The checker: compares what was sent and answered with the stored rows and the kept messages. It is a pure function.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::{
    content::Content,
    history::{Kind, Outcome, Submission},
};

mod kept;
mod violation;

pub use kept::{KeptMessage, State};
pub use violation::Violation;

use kept::Kept;

/// A row of `forms`.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: u64,
    pub submission_id: Option<String>,
    /// SQS's id of the message.
    pub message_id: Option<String>,
    pub content: Content,
}

/// The rows and messages after a run.
#[derive(Clone, Debug, Default)]
pub struct FinalState {
    pub rows: Vec<Row>,
    pub kept: Vec<KeptMessage>,
    /// Whether PostgreSQL must have refused some forms.
    pub some_refused: bool,
    /// Whether some messages must have been sent back.
    pub some_sent_back: bool,
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
    /// Accepted submissions that are good forms.
    pub accepted_forms: usize,
    /// Accepted forms with a row.
    pub accepted_stored: usize,
    /// Accepted forms that wait in `invalid_messages` and have no row.
    pub accepted_waiting: usize,
    /// Accepted forms that wait, and were stored when their message came again.
    pub accepted_in_both: usize,
    /// Different messages in `invalid_messages`.
    pub kept: usize,
    /// All messages that came to the invalid queue for them.
    pub kept_copies: usize,
    /// Messages that were sent back, failed again, and wait again.
    pub came_back: usize,
}

pub fn check(submissions: &[Submission], state: &FinalState) -> Verdict {
    let mut violations = Vec::new();
    let index = Index::new(submissions);
    let stored = Stored::assign(&index, submissions, &state.rows, &mut violations);
    let kept = Kept::assign(&index, submissions, &state.kept, &mut violations);

    let mut figures = Figures { rows: state.rows.len(), ..Figures::default() };
    for (place, (submission, rows)) in submissions.iter().zip(&stored.rows).enumerate() {
        let waits = kept.waits(place);
        figures.count(submission, !rows.is_empty(), waits);
        match submission.kind {
            Kind::Form | Kind::Message => {
                let altered = stored.altered.contains(&place);
                let was_taken = submission.is_accepted() || kept.has(place);
                let is_lost = was_taken && rows.is_empty() && !altered && !waits;
                check_stored_once(submission, rows, is_lost, &mut violations);
            }
            Kind::BadForm => {
                let accepted = submission.is_accepted();
                violations.extend(accepted.then_some(Violation::BadButAccepted(submission.name)));
                check_not_stored(submission, rows, &mut violations);
            }
            Kind::Garbage => {
                check_set_aside(submission, waits, &mut violations);
                check_not_stored(submission, rows, &mut violations);
            }
        }
    }
    let left = state.on_form_queue;
    violations.extend((left > 0).then_some(Violation::LeftOnTheQueue(left)));
    let left = state.on_invalid_queue;
    violations.extend((left > 0).then_some(Violation::NotKept(left)));
    let none_waits = state.some_refused && figures.accepted_waiting == 0;
    violations.extend(none_waits.then_some(Violation::NoneRefused));
    let none_sent =
        state.some_sent_back && state.kept.iter().all(|message| message.times_sent == 0);
    violations.extend(none_sent.then_some(Violation::NoneSentBack));
    figures.kept = state.kept.len();
    figures.kept_copies = state.kept.iter().map(|message| message.times_seen).sum();
    figures.came_back = state.kept.iter().filter(|message| message.came_back()).count();
    Verdict { violations, figures }
}

impl Figures {
    fn count(&mut self, submission: &Submission, is_stored: bool, waits: bool) {
        if submission.is_accepted() && submission.kind != Kind::Garbage {
            self.accepted_forms += 1;
            self.accepted_stored += usize::from(is_stored);
            self.accepted_waiting += usize::from(waits && !is_stored);
            self.accepted_in_both += usize::from(waits && is_stored);
        }
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
    is_lost: bool,
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
        [] if is_lost => {
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

fn check_set_aside(submission: &Submission, waits: bool, violations: &mut Vec<Violation>) {
    if submission.is_accepted() && !waits {
        let id = accepted_ids(submission).pop_first();
        violations.push(Violation::NotSetAside(submission.name, id));
    }
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
