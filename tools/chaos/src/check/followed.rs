//! What the followers have seen, and the rows that there are.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use super::Violation;

/// Somebody who reads the forms by id during the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Follower {
    /// Asks the reader, which answers when there is a row.
    Waiting,
    /// Asks the reader again and again.
    Polling,
    /// Pages the table itself.
    BareTable,
}

/// The ids that it has seen, in this order.
#[derive(Clone, Debug)]
pub struct Followed {
    pub follower: Follower,
    pub seen: Vec<u64>,
}

/// What one follower got wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub missed: usize,
    pub twice: usize,
}

impl Followed {
    /// Compares with the ids of all rows. Only clients of the reader break a promise.
    pub fn check(&self, rows: &BTreeSet<u64>, violations: &mut Vec<Violation>) -> Faults {
        let mut times: HashMap<u64, usize> = HashMap::new();
        self.seen.iter().for_each(|id| *times.entry(*id).or_default() += 1);
        let missed = rows.iter().filter(|id| !times.contains_key(id));
        let missed: Vec<u64> = missed.copied().collect();
        let mut twice: Vec<u64> =
            times.iter().filter(|(_, times)| **times > 1).map(|(id, _)| *id).collect();
        twice.sort_unstable();
        if self.follower != Follower::BareTable {
            let follower = self.follower;
            violations.extend(missed.iter().map(|row| Violation::Missed(follower, *row)));
            violations.extend(twice.iter().map(|row| Violation::SeenTwice(follower, *row)));
            let mut gone: Vec<&u64> = times.keys().filter(|id| !rows.contains(id)).collect();
            gone.sort_unstable();
            violations.extend(gone.into_iter().map(|row| Violation::SeenAndGone(follower, *row)));
        }
        Faults { missed: missed.len(), twice: twice.len() }
    }
}

impl fmt::Display for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "the client that waits",
            Self::Polling => "the client that polls",
            Self::BareTable => "the client of the bare table",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{FinalState, check};

    /// Two clients of the reader have seen rows 1 to 3, and the client of the bare table has missed the second.
    fn good() -> FinalState {
        let seen = |follower, seen: &[u64]| Followed { follower, seen: seen.to_vec() };
        FinalState {
            visible: BTreeSet::from([1, 2, 3]),
            followed: vec![
                seen(Follower::Waiting, &[1, 2, 3]),
                seen(Follower::Polling, &[1, 2, 3]),
                seen(Follower::BareTable, &[1, 3]),
            ],
            bare_table_misses: true,
            ..FinalState::default()
        }
    }

    fn with(change: impl FnOnce(&mut FinalState)) -> Vec<Violation> {
        let mut state = good();
        change(&mut state);
        // The rows themselves are another matter.
        check(&[], &state).violations
    }

    #[test]
    fn clients_that_see_each_row_once_break_no_promise_and_the_bare_table_is_a_control() {
        let verdict = check(&[], &good());
        assert_eq!(verdict.violations, []);
        assert_eq!(verdict.figures.followed, Faults::default());
        assert_eq!((verdict.figures.visible, verdict.figures.bare_table_missed), (3, 1));
    }

    #[test]
    fn a_row_that_a_client_of_the_reader_has_not_seen_is_missed() {
        let missed = with(|state| state.followed[1].seen.retain(|row| *row > 1));
        assert_eq!(missed, [Violation::Missed(Follower::Polling, 1)]);
        let none = with(|state| state.followed[0].seen.clear());
        assert_eq!(none, [1, 2, 3].map(|row| Violation::Missed(Follower::Waiting, row)));
    }

    #[test]
    fn a_row_that_a_client_of_the_reader_sees_again_is_a_violation() {
        let twice = with(|state| state.followed[0].seen.push(2));
        assert_eq!(twice, [Violation::SeenTwice(Follower::Waiting, 2)]);
    }

    #[test]
    fn a_row_that_a_client_has_seen_has_to_exist() {
        let gone = with(|state| state.followed[0].seen.push(9));
        assert_eq!(gone, [Violation::SeenAndGone(Follower::Waiting, 9)]);
    }

    #[test]
    fn a_run_in_which_the_bare_table_misses_nothing_shows_nothing() {
        let all = with(|state| state.followed[2].seen = vec![1, 2, 3]);
        assert_eq!(all, [Violation::BareTableMissedNone]);
        let short = with(|state| {
            state.followed[2].seen = vec![1, 2, 3];
            state.bare_table_misses = false;
        });
        assert_eq!(short, []);
    }
}
