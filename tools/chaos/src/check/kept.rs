//! The messages in `invalid_messages`, and the submissions that they belong to.

use std::collections::HashMap;

use super::{Index, Violation};
use crate::{
    content::Content,
    history::{Kind, Submission},
};

/// A row of `invalid_messages`.
#[derive(Clone, Debug)]
pub struct KeptMessage {
    pub id: u64,
    pub submission_id: Option<String>,
    /// SQS's id of the message when it was first on the form queue.
    pub message_id: String,
    pub state: State,
    /// Of the body as text, in which every character counts.
    pub text: Content,
    /// Of the body as JSON.
    pub form: Content,
    /// How often a worker took it from the invalid queue.
    pub times_seen: usize,
    /// How often it was sent back.
    pub times_sent: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Waiting,
    SentBack,
    Stored,
    Discarded,
}

impl KeptMessage {
    fn identity(&self) -> &str {
        self.submission_id.as_ref().unwrap_or(&self.message_id)
    }

    pub fn came_back(&self) -> bool {
        self.state == State::Waiting && self.times_sent > 0 && self.times_seen > 1
    }
}

/// The kept messages of each submission, by its index.
pub struct Kept<'a>(HashMap<usize, Vec<&'a KeptMessage>>);

impl<'a> Kept<'a> {
    /// Finds the submission of each message: by its id, or else by its body.
    pub fn assign(
        index: &Index<'_>,
        submissions: &[Submission],
        all: &'a [KeptMessage],
        violations: &mut Vec<Violation>,
    ) -> Self {
        let mut kept: HashMap<usize, Vec<&KeptMessage>> = HashMap::new();
        for message in all {
            let by_content = || {
                let by_text = index.by_content.get(&message.text);
                by_text.or_else(|| index.by_content.get(&message.form))
            };
            let place = index.by_id.get(message.identity()).or_else(by_content).copied();
            let submission = place.and_then(|place| Some((place, submissions.get(place)?)));
            let wrongly = || Violation::WronglySetAside(message.identity().to_owned());
            let Some((place, submission)) = submission else {
                violations.push(wrongly());
                continue;
            };
            violations.extend((!may_be_kept(submission, message)).then(wrongly));
            let content = match submission.kind {
                Kind::Garbage => &message.text,
                Kind::Form | Kind::Message | Kind::BadForm => &message.form,
            };
            if submission.content != *content {
                violations.push(Violation::AlteredAside(submission.name, message.id));
            }
            let of_submission = kept.entry(place).or_default();
            of_submission.push(message);
            if of_submission.len() > 1 {
                violations.push(Violation::SetAsideTwice(submission.name));
            }
        }
        Self(kept)
    }

    pub fn has(&self, place: usize) -> bool {
        self.0.contains_key(&place)
    }

    pub fn waits(&self, place: usize) -> bool {
        let kept = self.0.get(&place).into_iter().flatten();
        kept.into_iter().any(|message| message.state == State::Waiting)
    }
}

/// Nobody discards anything, and no garbage is ever stored. A message that is sent back is stored or waits again before
/// the queue is empty; [`super::check`] counts it as lost if it is neither. A form that PostgreSQL did not refuse can only
/// be a copy that came when the form was stored, which nobody sends back.
fn may_be_kept(submission: &Submission, message: &KeptMessage) -> bool {
    match (submission.kind, message.state) {
        (Kind::BadForm, _) | (_, State::Discarded) => false,
        (Kind::Garbage, state) => state == State::Waiting,
        (Kind::Form | Kind::Message, State::Stored) => {
            submission.refusable || message.times_sent == 0
        }
        (Kind::Form | Kind::Message, State::Waiting | State::SentBack) => submission.refusable,
    }
}
