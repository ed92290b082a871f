//! The plan of faults that a seed determines.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::fault::{Fault, SqsFault, Target};

/// A part that can be broken independently of the others. Each lane has a plan of its own, with one fault at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Processes,
    /// PostgreSQL.
    Database,
    /// The answers of SQS.
    Queue,
    /// Forms that cannot be stored, and that somebody sends back.
    Invalid,
}

impl Lane {
    pub const ALL: [Self; 4] = [Self::Processes, Self::Database, Self::Queue, Self::Invalid];
}

/// How often and how long to break things.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Multiplies the pauses between faults.
    pub pause_factor: u64,
    /// Leaves the first api and worker alone, so that we can watch their memory.
    pub spare_the_first: bool,
    /// The longest duration of a fault.
    pub longest_ms: u64,
}

/// The endless plan of one lane.
pub struct Plan {
    lane: Lane,
    pace: Pace,
    rng: StdRng,
    drawn: u64,
}

/// A fault, and the pause before it.
#[derive(Debug, PartialEq)]
pub struct PlannedFault {
    pub pause_ms: u64,
    pub fault: Fault,
}

impl Plan {
    pub fn new(seed: u64, lane: Lane, pace: Pace) -> Self {
        let rng = StdRng::seed_from_u64(seed.wrapping_add(1 + lane as u64));
        Self { lane, pace, rng, drawn: 0 }
    }

    fn draw_fault(&mut self) -> Fault {
        match self.lane {
            Lane::Processes => self.process_fault(),
            Lane::Database => self.database_fault(),
            Lane::Queue => self.queue_fault(),
            Lane::Invalid => self.invalid_fault(),
        }
    }

    /// In a fixed order, so that a short run has both.
    fn invalid_fault(&mut self) -> Fault {
        self.drawn += 1;
        match self.drawn % 3 {
            2 => Fault::Redrive(self.rng.random_range(100..4_000).min(self.pace.longest_ms)),
            _ => {
                let longest = self.pace.longest_ms / 2;
                Fault::RefuseForms(self.rng.random_range(2_000..5_000).min(longest))
            }
        }
    }

    fn process_fault(&mut self) -> Fault {
        let (rng, longest) = (&mut self.rng, self.pace.longest_ms);
        let instance = if self.pace.spare_the_first { 1 } else { rng.random_range(0..2) };
        let target = match rng.random_range(0..10) {
            0..4 => Target::Worker(instance),
            4..7 => Target::Api(instance),
            _ => Target::LocalSqs,
        };
        match (rng.random_range(0..24), target) {
            // Longer than the visibility timeout.
            (0, _) => {
                let ms = rng.random_range(9_000..13_000).min(longest);
                Fault::Freeze(Target::Worker(instance), ms)
            }
            (1..4, Target::Api(_) | Target::Worker(_)) => Fault::Terminate(target),
            _ => Fault::Kill(target, rng.random_range(0..500)),
        }
    }

    fn database_fault(&mut self) -> Fault {
        let (rng, longest) = (&mut self.rng, self.pace.longest_ms);
        let ms = rng.random_range(500..5_000).min(longest);
        match rng.random_range(0..14) {
            0..3 => Fault::StopFast(ms),
            3..6 => Fault::StopImmediate(ms),
            6..8 => Fault::ReadOnly(ms),
            8..10 => Fault::OutOfConnections(ms),
            10..13 => Fault::Deadlock,
            // Longer than an insert may take.
            _ => Fault::LockTable(rng.random_range(8_000..12_000).min(longest)),
        }
    }

    fn queue_fault(&mut self) -> Fault {
        const BATCHES: [&str; 3] =
            ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"];
        let (rng, longest) = (&mut self.rng, self.pace.longest_ms);
        let fault = match rng.random_range(0..12) {
            0 => SqsFault::InternalFailure,
            1 => SqsFault::ServiceUnavailable,
            2 => SqsFault::Throttling,
            3 => SqsFault::Reset,
            4 | 5 => SqsFault::LostReply,
            6 | 7 => SqsFault::Partial(
                BATCHES.get(rng.random_range(0..3)).unwrap_or(&"SendMessageBatch"),
            ),
            8 => SqsFault::Duplicate,
            9 => SqsFault::HangingReceive,
            10 => SqsFault::Late,
            _ => SqsFault::SlowReply,
        };
        Fault::Sqs(fault, rng.random_range(1_000..5_000).min(longest))
    }
}

impl Iterator for Plan {
    type Item = PlannedFault;

    fn next(&mut self) -> Option<Self::Item> {
        let longest = self.pace.longest_ms;
        let (pause, longest) = match self.lane {
            Lane::Processes => (self.rng.random_range(200..700), longest),
            Lane::Database => (self.rng.random_range(2_000..8_000), longest),
            Lane::Queue => (self.rng.random_range(500..3_000), longest),
            Lane::Invalid => (self.rng.random_range(2_000..6_000), longest / 4),
        };
        let pause_ms = (pause * self.pace.pause_factor).min(longest);
        Some(PlannedFault { pause_ms, fault: self.draw_fault() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn plan(seed: u64, spare_the_first: bool) -> Vec<PlannedFault> {
        let pace = Pace { pause_factor: 1, spare_the_first, longest_ms: 60_000 };
        Lane::ALL.into_iter().flat_map(|lane| Plan::new(seed, lane, pace).take(300)).collect()
    }

    #[test]
    fn a_seed_gives_the_same_plan_with_every_kind_of_fault() {
        assert_eq!(plan(7, false), plan(7, false));
        assert_ne!(plan(7, false), plan(8, false));
        let kinds: BTreeSet<_> =
            plan(7, false).iter().map(|planned| planned.fault.kind()).collect();
        assert_eq!(kinds.len(), 26, "{kinds:?}");
    }

    #[test]
    fn a_run_of_six_seconds_refuses_forms_before_and_after_a_redrive() {
        let pace = Pace { pause_factor: 1, spare_the_first: false, longest_ms: 2_000 };
        let mut ms = 0;
        let begun = Plan::new(7, Lane::Invalid, pace).map(|planned| {
            let (Fault::RefuseForms(lasts) | Fault::Redrive(lasts)) = planned.fault else {
                panic!("{planned:?}")
            };
            ms += planned.pause_ms + lasts;
            (planned.fault.kind(), ms)
        });
        let begun: Vec<_> = begun.take_while(|(_, until)| *until < 6_000).collect();
        let kinds: Vec<_> = begun.iter().map(|(kind, _)| *kind).take(3).collect();
        let [refuse, redrive] = [Fault::RefuseForms(0).kind(), Fault::Redrive(0).kind()];
        assert_eq!(kinds, [refuse, redrive, refuse], "{begun:?}");
    }

    #[test]
    fn the_first_api_and_worker_are_spared_if_their_memory_is_watched() {
        let hits_first = |planned: &PlannedFault| match planned.fault {
            Fault::Kill(target, _) | Fault::Terminate(target) | Fault::Freeze(target, _) => {
                matches!(target, Target::Api(0) | Target::Worker(0))
            }
            _ => false,
        };
        assert!(!plan(7, true).iter().any(hits_first));
        assert!(plan(7, false).iter().any(hits_first));
    }
}
