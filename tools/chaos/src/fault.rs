//! The faults that there are, and the plan of them that a seed gives.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use test_kit::stack::QUEUE;

/// What can be broken independently of the rest. Each goes through a plan of its own, one fault after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Our processes.
    Processes,
    /// PostgreSQL.
    Database,
    /// SQS's answers.
    Queue,
}

/// A process that can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The api with this number.
    Api(usize),
    /// The worker with this number.
    Worker(usize),
    /// local-sqs.
    LocalSqs,
}

/// Something to break. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// `kill -9`, and started again so much later.
    Kill(Target, u64),
    /// SIGTERM, waited for, and started again.
    Terminate(Target),
    /// SIGSTOP, and SIGCONT after so long.
    Freeze(Target, u64),
    /// PostgreSQL is stopped in an orderly way, for so long.
    StopFast(u64),
    /// PostgreSQL is stopped as in a crash, for so long.
    StopImmediate(u64),
    /// Nothing can be written, for so long.
    ReadOnly(u64),
    /// Nobody gets a connection, for so long.
    OutOfConnections(u64),
    /// A session that deadlocks with an insert.
    Deadlock,
    /// A session that locks the table, for so long.
    LockTable(u64),
    /// A rule of local-sqs's fault hooks, for so long.
    Sqs(SqsFault, u64),
}

/// What SQS does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqsFault {
    /// Some calls get 500.
    InternalFailure,
    /// Some calls get 503.
    ServiceUnavailable,
    /// Some calls are throttled.
    Throttling,
    /// Some connections break before the work.
    Reset,
    /// Some answers get lost after the work.
    LostReply,
    /// Some entries of batches fail.
    Partial(&'static str),
    /// Some messages are delivered again while somebody has them.
    Duplicate,
    /// Some polls never return.
    HangingReceive,
    /// Some calls are worked on late.
    Late,
    /// Some answers come late.
    SlowReply,
}

/// How the faults of a run are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Pauses between faults are so many times as long.
    pub pauses: u64,
    /// The first api and worker are left alone, so that their memory can be watched.
    pub spare_the_first: bool,
    /// No fault takes longer, in milliseconds.
    pub longest_ms: u64,
}

/// The plan of one lane: what to break next, and how long to wait before it. It never ends.
pub struct Plan {
    lane: Lane,
    pace: Pace,
    dice: StdRng,
}

impl Plan {
    /// The plan that the seed gives.
    pub fn new(seed: u64, lane: Lane, pace: Pace) -> Self {
        Self { lane, pace, dice: StdRng::seed_from_u64(seed.wrapping_add(1 + lane as u64)) }
    }

    fn fault(&mut self) -> Fault {
        let dice = &mut self.dice;
        let longest = self.pace.longest_ms;
        match self.lane {
            Lane::Processes => {
                let instance = if self.pace.spare_the_first { 1 } else { dice.random_range(0..2) };
                let target = match dice.random_range(0..10) {
                    0..4 => Target::Worker(instance),
                    4..7 => Target::Api(instance),
                    _ => Target::LocalSqs,
                };
                match (dice.random_range(0..24), target) {
                    // Past the visibility timeout.
                    (0, _) => Fault::Freeze(
                        Target::Worker(instance),
                        dice.random_range(9_000..13_000).min(longest),
                    ),
                    (1..4, Target::Api(_) | Target::Worker(_)) => Fault::Terminate(target),
                    _ => Fault::Kill(target, dice.random_range(0..500)),
                }
            }
            Lane::Database => {
                let away = dice.random_range(500..5_000).min(longest);
                match dice.random_range(0..14) {
                    0..3 => Fault::StopFast(away),
                    3..6 => Fault::StopImmediate(away),
                    6..8 => Fault::ReadOnly(away),
                    8..10 => Fault::OutOfConnections(away),
                    10..13 => Fault::Deadlock,
                    // Longer than an insert may take.
                    _ => Fault::LockTable(dice.random_range(8_000..12_000).min(longest)),
                }
            }
            Lane::Queue => {
                const BATCHES: [&str; 3] =
                    ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"];
                let fault = match dice.random_range(0..12) {
                    0 => SqsFault::InternalFailure,
                    1 => SqsFault::ServiceUnavailable,
                    2 => SqsFault::Throttling,
                    3 => SqsFault::Reset,
                    4 | 5 => SqsFault::LostReply,
                    6 | 7 => SqsFault::Partial(
                        BATCHES.get(dice.random_range(0..3)).unwrap_or(&"SendMessageBatch"),
                    ),
                    8 => SqsFault::Duplicate,
                    9 => SqsFault::HangingReceive,
                    10 => SqsFault::Late,
                    _ => SqsFault::SlowReply,
                };
                Fault::Sqs(fault, dice.random_range(1_000..5_000).min(longest))
            }
        }
    }
}

/// The pause before a fault in milliseconds, and the fault.
impl Iterator for Plan {
    type Item = (u64, Fault);

    fn next(&mut self) -> Option<Self::Item> {
        let pause = match self.lane {
            Lane::Processes => self.dice.random_range(200..700),
            Lane::Database => self.dice.random_range(2_000..8_000),
            Lane::Queue => self.dice.random_range(500..3_000),
        };
        Some(((pause * self.pace.pauses).min(self.pace.longest_ms), self.fault()))
    }
}

impl SqsFault {
    /// The rule of local-sqs's fault hooks; `seed` makes its dice repeatable.
    pub fn rule(self, seed: u64) -> Value {
        let mut rule = match self {
            Self::InternalFailure => {
                json!({ "action": "*", "kind": "error", "status": 500, "code": "InternalFailure", "probability": 0.3 })
            }
            Self::ServiceUnavailable => {
                json!({ "action": "*", "kind": "error", "status": 503, "code": "ServiceUnavailable", "probability": 0.3 })
            }
            Self::Throttling => {
                json!({ "action": "*", "kind": "error", "status": 400, "code": "ThrottlingException", "probability": 0.3 })
            }
            Self::Reset => json!({ "action": "*", "kind": "reset", "probability": 0.2 }),
            Self::LostReply => json!({ "action": "*", "kind": "lost_reply", "probability": 0.2 }),
            Self::Partial(action) => {
                json!({ "action": action, "kind": "partial", "code": "InternalError", "probability": 0.3 })
            }
            Self::Duplicate => {
                json!({ "action": "ReceiveMessage", "kind": "duplicate", "probability": 0.3 })
            }
            Self::HangingReceive => {
                json!({ "action": "ReceiveMessage", "kind": "hang", "queue": QUEUE, "probability": 0.1 })
            }
            Self::Late => {
                json!({ "action": "*", "kind": "delay", "before": true, "ms": 700, "probability": 0.2 })
            }
            Self::SlowReply => {
                json!({ "action": "*", "kind": "delay", "ms": 700, "probability": 0.2 })
            }
        };
        if let Some(rule) = rule.as_object_mut() {
            rule.insert("seed".to_owned(), seed.into());
        }
        rule
    }
}

impl Fault {
    /// The name of its kind, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Kill(Target::Api(_), _) => "kill -9 of api",
            Self::Kill(Target::Worker(_), _) => "kill -9 of worker",
            Self::Kill(Target::LocalSqs, _) => "kill -9 of local-sqs",
            Self::Terminate(Target::Api(_)) => "SIGTERM of api, restart",
            Self::Terminate(Target::Worker(_)) => "SIGTERM of worker, restart",
            Self::Terminate(Target::LocalSqs) => "SIGTERM of local-sqs, restart",
            Self::Freeze(..) => "SIGSTOP of worker past the visibility timeout",
            Self::StopFast(_) => "PostgreSQL stopped fast, restart",
            Self::StopImmediate(_) => "PostgreSQL stopped immediate, restart",
            Self::ReadOnly(_) => "PostgreSQL read-only",
            Self::OutOfConnections(_) => "PostgreSQL out of connections",
            Self::Deadlock => "PostgreSQL deadlock",
            Self::LockTable(_) => "PostgreSQL table locked",
            Self::Sqs(fault, _) => match fault {
                SqsFault::InternalFailure => "SQS answers 500",
                SqsFault::ServiceUnavailable => "SQS answers 503",
                SqsFault::Throttling => "SQS throttles",
                SqsFault::Reset => "SQS resets connections",
                SqsFault::LostReply => "SQS's reply is lost after the work",
                SqsFault::Partial("SendMessageBatch") => "SQS fails entries of sends",
                SqsFault::Partial("DeleteMessageBatch") => "SQS fails entries of deletes",
                SqsFault::Partial(_) => "SQS fails entries of visibility changes",
                SqsFault::Duplicate => "SQS delivers twice",
                SqsFault::HangingReceive => "SQS's receive never returns",
                SqsFault::Late => "SQS works late",
                SqsFault::SlowReply => "SQS answers late",
            },
        }
    }

    /// What is done, in words.
    pub fn in_words(&self) -> String {
        let kind = self.kind();
        match self {
            Self::Kill(target, _) | Self::Terminate(target) => match target {
                Target::Api(instance) | Target::Worker(instance) => {
                    format!("{kind} ({})", instance + 1)
                }
                Target::LocalSqs => kind.to_owned(),
            },
            Self::Freeze(_, ms)
            | Self::StopFast(ms)
            | Self::StopImmediate(ms)
            | Self::ReadOnly(ms)
            | Self::OutOfConnections(ms)
            | Self::LockTable(ms)
            | Self::Sqs(_, ms) => {
                let tenths = ms / 100;
                format!("{kind}, {}.{} s", tenths / 10, tenths % 10)
            }
            Self::Deadlock => kind.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn plan(seed: u64, spare_the_first: bool) -> Vec<(u64, Fault)> {
        let pace = Pace { pauses: 1, spare_the_first, longest_ms: 60_000 };
        let lanes = [Lane::Processes, Lane::Database, Lane::Queue];
        lanes.into_iter().flat_map(|lane| Plan::new(seed, lane, pace).take(300)).collect()
    }

    #[test]
    fn a_seed_gives_the_same_plan_and_every_kind_of_fault_is_drawn() {
        assert_eq!(plan(7, false), plan(7, false));
        assert_ne!(plan(7, false), plan(8, false));
        let kinds: BTreeSet<_> = plan(7, false).iter().map(|(_, fault)| fault.kind()).collect();
        assert_eq!(kinds.len(), 24, "{kinds:?}");
    }

    #[test]
    fn the_first_of_each_is_spared_where_its_memory_is_watched() {
        let first = |fault: &Fault| match fault {
            Fault::Kill(target, _) | Fault::Terminate(target) | Fault::Freeze(target, _) => {
                matches!(target, Target::Api(0) | Target::Worker(0))
            }
            _ => false,
        };
        assert!(!plan(7, true).iter().any(|(_, fault)| first(fault)));
        assert!(plan(7, false).iter().any(|(_, fault)| first(fault)));
    }
}
