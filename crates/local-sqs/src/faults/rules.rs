//! What a rule says, and whether it applies to a request.

use std::borrow::Cow;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::Shown;
use crate::action::Action;

/// One fault, and when it happens. Members that do not belong to its kind are ignored.
///
/// One flat object: nested or tagged forms of serde do not read numbers when serde_json keeps them exact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The name of an action, as `SendMessage`, or `*` for all.
    pub action: String,
    /// What happens.
    pub kind: Kind,
    /// The name of a queue; all queues where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// For how many requests at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// From 0 to 1, for each request; for `partial` without `entries`, for each entry. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Makes the probability repeatable. Default 0.
    #[serde(default)]
    pub seed: u64,
    /// `delay`: milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// `delay`: before the work instead of after it.
    #[serde(default)]
    pub before: bool,
    /// `error`: the HTTP status. Default 400 for a fault of the sender, else 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `error` and `partial`: the code, as `ThrottlingException`. Default `InternalFailure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `error` and `partial`: whether the answer puts the blame on the sender.
    #[serde(default)]
    pub sender_fault: bool,
    /// `partial`: which entries fail, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<usize>>,
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The answer comes `ms` later; with `before` the work is done later, too.
    Delay,
    /// An error answer with `status` and `code`, nothing done.
    Error,
    /// The connection is closed without a byte of answer, nothing done.
    Reset,
    /// No answer until the client goes away, nothing done.
    Hang,
    /// Some entries of a batch fail with `code`, nothing done for them; the rest is done.
    Partial,
    /// The work is done, then the connection is closed without a byte of answer.
    LostReply,
    /// ReceiveMessage: the messages stay visible, so that the next receive, by anyone, gets them again.
    Duplicate,
}

/// Why a rule was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// Neither an action of this server nor `*`.
    #[error("there is no action {0}")]
    Action(String),
    /// Not from 0 to 1.
    #[error("a probability is a number from 0 to 1")]
    Probability,
    /// A delay says how long.
    #[error("a delay needs ms")]
    Delay,
    /// Not an HTTP status of an answer.
    #[error("a status is a number from 200 to 599")]
    Status,
}

/// Where in a request a fault applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    BeforeWork,
    InsteadOfWork,
    AfterWork,
    InsteadOfAnswer,
}

/// What rules look at in a request.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) action: Action,
    pub(super) queue: Option<String>,
    /// Entries of a batch; `None` for other actions.
    pub(super) entries: Option<usize>,
}

/// A rule that applies to this request.
#[derive(Debug)]
pub(super) struct Fired {
    pub(super) rule: Rule,
    /// `partial`: which entries fail.
    pub(super) entries: Vec<usize>,
}

/// A rule with its count and its dice.
#[derive(Debug)]
pub(super) struct Armed {
    rule: Rule,
    fired: u64,
    dice: StdRng,
}

impl Rule {
    /// A rule for every request of an action (or `*`), to be narrowed by the other members.
    pub fn new(action: &str, kind: Kind) -> Self {
        Rule {
            action: action.to_owned(),
            kind,
            queue: None,
            times: None,
            probability: None,
            seed: 0,
            ms: None,
            before: false,
            status: None,
            code: None,
            sender_fault: false,
            entries: None,
        }
    }

    pub(super) fn code(&self) -> &str {
        self.code.as_deref().unwrap_or("InternalFailure")
    }

    fn point(&self) -> Point {
        match self.kind {
            Kind::Delay if self.before => Point::BeforeWork,
            Kind::Delay => Point::AfterWork,
            Kind::Error | Kind::Reset | Kind::Hang | Kind::Partial => Point::InsteadOfWork,
            Kind::LostReply | Kind::Duplicate => Point::InsteadOfAnswer,
        }
    }
}

impl Call {
    pub(super) fn read(action: Action, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Envelope<'a> {
            #[serde(borrow)]
            queue_url: Option<Cow<'a, str>>,
            #[serde(borrow)]
            queue_name: Option<Cow<'a, str>>,
            entries: Option<Vec<IgnoredAny>>,
        }
        let envelope: Envelope = serde_json::from_slice(body).unwrap_or_default();
        let from_url = envelope.queue_url.as_deref().and_then(|url| url.rsplit('/').next());
        Call {
            action,
            queue: from_url.or(envelope.queue_name.as_deref()).map(str::to_owned),
            entries: envelope.entries.map(|entries| entries.len()),
        }
    }
}

impl Armed {
    pub(super) fn new(rule: Rule) -> Result<Self, InvalidRule> {
        if rule.action != "*" && Action::from_name(&rule.action).is_none() {
            return Err(InvalidRule::Action(rule.action));
        }
        if rule.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Err(InvalidRule::Probability);
        }
        if rule.kind == Kind::Delay && rule.ms.is_none() {
            return Err(InvalidRule::Delay);
        }
        if rule.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return Err(InvalidRule::Status);
        }
        Ok(Armed { fired: 0, dice: StdRng::seed_from_u64(rule.seed), rule })
    }

    pub(super) fn shown(&self) -> Shown {
        Shown { rule: self.rule.clone(), fired: self.fired }
    }

    pub(super) fn fire(&mut self, call: &Call, point: Point) -> Option<Fired> {
        let rule = &self.rule;
        let matches = rule.point() == point
            && (rule.action == "*" || rule.action == call.action.name())
            && (rule.queue.is_none() || rule.queue == call.queue)
            && (rule.kind != Kind::Duplicate || call.action == Action::ReceiveMessage)
            && rule.times.is_none_or(|times| self.fired < times);
        if !matches {
            return None;
        }
        let entries = self.entries(call)?;
        self.fired += 1;
        Some(Fired { rule: self.rule.clone(), entries })
    }

    /// The entries that fail, empty for other kinds than `partial`; `None` where the dice spare the request.
    fn entries(&mut self, call: &Call) -> Option<Vec<usize>> {
        let probability = self.rule.probability.unwrap_or(1.0);
        let count = call.entries.unwrap_or_default();
        let entries: Vec<usize> = match (self.rule.kind, &self.rule.entries) {
            (Kind::Partial, None) => {
                (0..count).filter(|_| self.dice.random_bool(probability)).collect()
            }
            (_, entries) => {
                if !self.dice.random_bool(probability) {
                    return None;
                }
                entries.iter().flatten().copied().filter(|entry| *entry < count).collect()
            }
        };
        (self.rule.kind != Kind::Partial || !entries.is_empty()).then_some(entries)
    }
}
