//! All faults, with their names.

use std::time::Duration;

use test_kit::stack::QUEUE;

/// How late a call is done or answered.
const DELAY: Duration = Duration::from_millis(700);

/// A process to kill, stop or freeze; apis and workers by the index of their instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Api(usize),
    Worker(usize),
    LocalSqs,
}

/// Something to break, and for how many milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// `kill -9`; the process starts again after this time.
    Kill(Target, u64),
    /// SIGTERM; the process starts again as soon as it has ended.
    Terminate(Target),
    /// SIGSTOP; SIGCONT after this time.
    Freeze(Target, u64),
    /// PostgreSQL stops in an orderly way.
    StopFast(u64),
    /// PostgreSQL stops as in a crash.
    StopImmediate(u64),
    /// PostgreSQL refuses writes.
    ReadOnly(u64),
    /// PostgreSQL refuses connections of workers.
    OutOfConnections(u64),
    /// Another session deadlocks with an insert.
    Deadlock,
    /// Another session locks the table.
    LockTable(u64),
    /// PostgreSQL refuses the forms that are marked for it.
    RefuseForms(u64),
    /// An operator sends the older half of what waits back, and the command is killed after this time.
    Redrive(u64),
    /// local-sqs injects a fault.
    Sqs(SqsFault, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqsFault {
    /// Some calls get 500.
    InternalFailure,
    /// Some calls get 503.
    ServiceUnavailable,
    /// Some calls are throttled.
    Throttling,
    /// Some connections break before the call is done.
    Reset,
    /// Some answers are lost after the call is done.
    LostReply,
    /// Some entries fail in batches of this action.
    Partial(&'static str),
    /// Some messages are delivered again while they are in flight.
    Duplicate,
    /// Some polls never return.
    HangingReceive,
    /// Some calls are done late.
    Late,
    /// Some answers arrive late.
    SlowReply,
}

impl SqsFault {
    /// The fault for local-sqs to inject; `seed` makes its random choices repeatable.
    pub fn injected(self, seed: u64) -> test_kit::Fault {
        let everywhere = test_kit::Fault::on_all;
        let fault = match self {
            Self::InternalFailure => everywhere().internal_failure().probability(0.3),
            Self::ServiceUnavailable => everywhere().service_unavailable().probability(0.3),
            Self::Throttling => everywhere().throttled().probability(0.3),
            Self::Reset => everywhere().reset().probability(0.2),
            Self::LostReply => everywhere().lost_reply().probability(0.2),
            Self::Partial(action) => {
                test_kit::Fault::on(action).any_entries_fail("InternalError").probability(0.3)
            }
            Self::Duplicate => test_kit::Fault::on("ReceiveMessage").duplicate().probability(0.3),
            Self::HangingReceive => {
                test_kit::Fault::on("ReceiveMessage").hang().queue(QUEUE).probability(0.1)
            }
            Self::Late => everywhere().delay_before_work(DELAY).probability(0.2),
            Self::SlowReply => everywhere().delay(DELAY).probability(0.2),
        };
        fault.seed(seed)
    }
}

impl Fault {
    /// Names the kind of fault, for counting.
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
            Self::RefuseForms(_) => "PostgreSQL refuses some forms",
            Self::Redrive(_) => "worker redrive, killed if it takes longer",
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

    /// Describes the fault, with its target or duration.
    pub fn description(&self) -> String {
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
            | Self::RefuseForms(ms)
            | Self::Redrive(ms)
            | Self::Sqs(_, ms) => {
                let tenths = ms / 100;
                format!("{kind}, {}.{} s", tenths / 10, tenths % 10)
            }
            Self::Deadlock => kind.to_owned(),
        }
    }
}
