//! Fault rules, and whether a rule applies to a request.

use std::borrow::Cow;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::action::Action;

/// One fault, and when it happens. Members that do not belong to its kind are ignored.
///
/// This is one flat object because serde cannot read numbers in nested or tagged forms while
/// serde_json keeps numbers exact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The name of an action, such as `SendMessage`, or `*` for all.
    pub action: String,
    /// The kind of fault.
    pub kind: Kind,
    /// The name of a queue; if absent, the rule applies to all queues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The maximum number of requests that the rule applies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// From 0 to 1, per request; for `partial` without `entries`, per entry. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The seed of the random numbers, so that a run can be repeated. Default 0.
    #[serde(default)]
    pub seed: u64,
    /// `delay`: milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// `delay`: wait before the work instead of after it.
    #[serde(default)]
    pub before: bool,
    /// `error`: the HTTP status. Default 400 if `sender_fault` is set, else 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `error` and `partial`: the code, such as `ThrottlingException`. Default `InternalFailure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `error` and `partial`: whether the answer blames the sender.
    #[serde(default)]
    pub sender_fault: bool,
    /// `partial`: the indices of the entries that fail, starting at 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<usize>>,
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The answer comes `ms` later; with `before` the work is done later as well.
    Delay,
    /// An error answer with `status` and `code`; no work is done.
    Error,
    /// The connection is closed without a byte of answer; no work is done.
    Reset,
    /// No answer until the client disconnects; no work is done.
    Hang,
    /// Some entries of a batch fail with `code`, without any work done for them; the others
    /// succeed.
    Partial,
    /// The work is done, then the connection is closed without a byte of answer.
    LostReply,
    /// ReceiveMessage: the messages stay visible, so that the next receive, by any client, gets
    /// them again.
    Duplicate,
}

/// Why a rule was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// Neither an action of this server nor `*`.
    #[error("unknown action {0}")]
    Action(String),
    /// Not from 0 to 1.
    #[error("probability must be a number from 0 to 1")]
    Probability,
    /// A delay without `ms`.
    #[error("a delay needs ms")]
    Delay,
    /// Not an HTTP status that ends a request.
    #[error("status must be a number from 200 to 599")]
    Status,
}

/// The point in a request where a fault applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    BeforeWork,
    InsteadOfWork,
    AfterWork,
    InsteadOfAnswer,
}

/// The parts of a request that rules match.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) action: Action,
    pub(super) queue: Option<String>,
    /// Number of batch entries; `None` for other actions.
    pub(super) entries: Option<usize>,
}

/// A rule that applies to this request.
#[derive(Debug)]
pub(super) struct FiredRule {
    pub(super) rule: Rule,
    /// `partial`: the indices of the entries that fail.
    pub(super) entries: Vec<usize>,
}

/// A rule with its count and its random numbers.
#[derive(Debug)]
pub(super) struct ArmedRule {
    rule: Rule,
    fired: u64,
    random: StdRng,
}

/// A rule, and how often it has fired.
#[derive(Debug, Clone, Serialize)]
pub struct RuleStatus {
    /// The rule as it was given.
    pub rule: Rule,
    /// Number of requests that it has applied to.
    pub fired: u64,
}

impl Rule {
    /// A rule for every request of an action (or `*`); set other members to narrow it.
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

impl ArmedRule {
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
        Ok(ArmedRule { fired: 0, random: StdRng::seed_from_u64(rule.seed), rule })
    }

    pub(super) fn status(&self) -> RuleStatus {
        RuleStatus { rule: self.rule.clone(), fired: self.fired }
    }

    pub(super) fn fire(&mut self, call: &Call, point: Point) -> Option<FiredRule> {
        let rule = &self.rule;
        let matches = rule.point() == point
            && (rule.action == "*" || rule.action == call.action.name())
            && (rule.queue.is_none() || rule.queue == call.queue)
            && (rule.kind != Kind::Duplicate || call.action == Action::ReceiveMessage)
            && rule.times.is_none_or(|times| self.fired < times);
        if !matches {
            return None;
        }
        let entries = self.failing_entries(call)?;
        self.fired += 1;
        Some(FiredRule { rule: self.rule.clone(), entries })
    }

    /// The indices of the entries that fail, empty unless the kind is `partial`; `None` if chance
    /// spares the request.
    fn failing_entries(&mut self, call: &Call) -> Option<Vec<usize>> {
        let probability = self.rule.probability.unwrap_or(1.0);
        let count = call.entries.unwrap_or_default();
        let entries: Vec<usize> = match (self.rule.kind, &self.rule.entries) {
            (Kind::Partial, None) => {
                (0..count).filter(|_| self.random.random_bool(probability)).collect()
            }
            (_, entries) => {
                if !self.random.random_bool(probability) {
                    return None;
                }
                entries.iter().flatten().copied().filter(|entry| *entry < count).collect()
            }
        };
        (self.rule.kind != Kind::Partial || !entries.is_empty()).then_some(entries)
    }
}
