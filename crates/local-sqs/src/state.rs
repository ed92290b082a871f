//! The state of every message in one queue: visible, delayed or in flight. It only knows message
//! numbers, and has no clock of its own.
//!
//! Every operation costs O(log n) at most, and a message that was never received costs 16 bytes, so
//! that a backlog of a million messages is small. Times are milliseconds since 1970.

mod types;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

pub(crate) use self::types::{Counts, Delivered, History, Rules, Taken, Unchanged};

/// In SQS a message is invisible for at most twelve hours after its receive, however often the
/// timeout is extended.
const MAX_INVISIBLE_MS: i64 = 43_200_000;

/// The messages of one queue. Call [`State::advance_to`] before any other function: it makes
/// messages visible that have become due.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Never received from this queue, in order of arrival.
    fresh: VecDeque<Fresh>,
    /// Sent with a delay, by the end of the delay.
    delayed: BTreeMap<(i64, i64), i64>,
    /// Received before, and visible again.
    returned: BTreeSet<i64>,
    /// Received and invisible, by the end of the visibility timeout.
    in_flight: BTreeSet<(i64, i64)>,
    /// Every message in `returned` and `in_flight`.
    received: HashMap<i64, Received>,
}

#[derive(Debug)]
struct Fresh {
    id: i64,
    sent_ms: i64,
}

#[derive(Debug)]
struct Received {
    history: History,
    last_receive_ms: i64,
    /// The number of the latest receive; a handle with any other number is stale.
    receive: u64,
    /// Number of receives from this queue; a redrive policy limits it.
    receives_here: u32,
    /// End of the visibility timeout; `None` if the message is in `returned`.
    invisible_until_ms: Option<i64>,
}

impl State {
    /// Adds a new message, visible from `due_ms`.
    pub(crate) fn add_sent(&mut self, id: i64, sent_ms: i64, due_ms: i64, now_ms: i64) {
        if due_ms > now_ms {
            self.delayed.insert((due_ms, id), sent_ms);
        } else {
            self.fresh.push_back(Fresh { id, sent_ms });
        }
    }

    /// Adds a message with a past: from another queue, back because a move failed, or from before a
    /// restart.
    pub(crate) fn add_received(&mut self, id: i64, history: History, receives_here: u32) {
        let received = Received {
            history,
            last_receive_ms: 0,
            receive: 0,
            receives_here,
            invisible_until_ms: None,
        };
        self.received.insert(id, received);
        self.returned.insert(id);
    }

    /// Makes the messages visible that are due at `now_ms`.
    pub(crate) fn advance_to(&mut self, now_ms: i64) {
        while let Some(entry) = self.delayed.first_entry() {
            let (due_ms, id) = *entry.key();
            if due_ms > now_ms {
                break;
            }
            let sent_ms = entry.remove();
            self.fresh.push_back(Fresh { id, sent_ms });
        }
        while let Some(&(until_ms, id)) = self.in_flight.first() {
            if until_ms > now_ms {
                break;
            }
            self.in_flight.pop_first();
            if let Some(received) = self.received.get_mut(&id) {
                received.invisible_until_ms = None;
                self.returned.insert(id);
            }
        }
    }

    /// Receives the oldest visible messages; `next_receive` gives each receive its number.
    pub(crate) fn take_visible(
        &mut self,
        rules: Rules,
        now_ms: i64,
        mut next_receive: impl FnMut() -> u64,
    ) -> Taken {
        let mut taken = Taken::default();
        while taken.delivered.len() < rules.max_messages {
            let Some((id, mut received)) = self.pop_oldest() else { break };
            if is_expired(received.history.sent_ms, rules.retention_ms, now_ms) {
                taken.expired.push(id);
                continue;
            }
            if rules.max_receives.is_some_and(|most| received.receives_here >= most) {
                taken.exhausted.push((id, received.history));
                continue;
            }
            received.receive = next_receive();
            received.receives_here = received.receives_here.saturating_add(1);
            received.last_receive_ms = now_ms;
            received.history.receives = received.history.receives.saturating_add(1);
            received.history.first_receive_ms.get_or_insert(now_ms);
            let until_ms = now_ms.saturating_add(rules.invisible_ms);
            received.invisible_until_ms = Some(until_ms);
            self.in_flight.insert((until_ms, id));
            taken.delivered.push(Delivered {
                id,
                receive: received.receive,
                history: received.history,
                receives_here: received.receives_here,
            });
            self.received.insert(id, received);
        }
        taken
    }

    /// Removes and returns the oldest visible message.
    fn pop_oldest(&mut self) -> Option<(i64, Received)> {
        let fresh = self.fresh.front().map(|fresh| fresh.id);
        let returned = self.returned.first().copied();
        match (fresh, returned) {
            (_, Some(id)) if fresh.is_none_or(|fresh| id < fresh) => {
                self.returned.pop_first();
                self.received.remove(&id).map(|received| (id, received))
            }
            _ => self.fresh.pop_front().map(|Fresh { id, sent_ms }| {
                let history = History { sent_ms, first_receive_ms: None, receives: 0 };
                let received = Received {
                    history,
                    last_receive_ms: 0,
                    receive: 0,
                    receives_here: 0,
                    invisible_until_ms: None,
                };
                (id, received)
            }),
        }
    }

    /// Removes expired messages from the heads of the visible ones, and returns them oldest first.
    pub(crate) fn take_expired(&mut self, retention_ms: i64, now_ms: i64) -> Vec<i64> {
        let mut expired = Vec::new();
        while self
            .fresh
            .front()
            .is_some_and(|fresh| is_expired(fresh.sent_ms, retention_ms, now_ms))
        {
            expired.extend(self.fresh.pop_front().map(|fresh| fresh.id));
        }
        while let Some(&id) = self.returned.first() {
            let sent_ms = self.received.get(&id).map(|received| received.history.sent_ms);
            if sent_ms.is_some_and(|sent_ms| !is_expired(sent_ms, retention_ms, now_ms)) {
                break;
            }
            self.remove_received(id);
            expired.push(id);
        }
        expired
    }

    /// Whether `receive` is the latest receive of the message, so that its handle may delete it.
    pub(crate) fn is_latest_receive(&self, id: i64, receive: u64) -> bool {
        self.received.get(&id).is_some_and(|received| received.receive == receive)
    }

    /// Makes a message in flight invisible for `invisible_ms` from now; 0 makes it visible.
    pub(crate) fn change_visibility(
        &mut self,
        id: i64,
        receive: u64,
        invisible_ms: i64,
        now_ms: i64,
    ) -> Result<(), Unchanged> {
        let received = self
            .received
            .get_mut(&id)
            .filter(|received| received.receive == receive)
            .ok_or(Unchanged::Stale)?;
        let before_ms = received.invisible_until_ms.ok_or(Unchanged::NotInFlight)?;
        let until_ms = now_ms.saturating_add(invisible_ms);
        if until_ms - received.last_receive_ms > MAX_INVISIBLE_MS {
            return Err(Unchanged::TooLong);
        }
        self.in_flight.remove(&(before_ms, id));
        if invisible_ms == 0 {
            received.invisible_until_ms = None;
            self.returned.insert(id);
        } else {
            received.invisible_until_ms = Some(until_ms);
            self.in_flight.insert((until_ms, id));
        }
        Ok(())
    }

    /// Removes a message that was received, whether it is in flight or visible again.
    pub(crate) fn remove_received(&mut self, id: i64) {
        self.returned.remove(&id);
        let until_ms = self.received.remove(&id).and_then(|received| received.invisible_until_ms);
        if let Some(until_ms) = until_ms {
            self.in_flight.remove(&(until_ms, id));
        }
    }

    /// Removes and returns all messages.
    pub(crate) fn take_all(&mut self) -> Vec<i64> {
        let all = std::mem::take(self);
        let mut ids: Vec<i64> = all.fresh.into_iter().map(|fresh| fresh.id).collect();
        ids.extend(all.delayed.into_keys().map(|(_, id)| id));
        ids.extend(all.received.into_keys());
        ids
    }

    /// Whether a receive would find a message.
    pub(crate) fn has_visible(&self) -> bool {
        !self.fresh.is_empty() || !self.returned.is_empty()
    }

    /// When the next message becomes visible without a request.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        let delayed = self.delayed.first_key_value().map(|((due_ms, _), _)| *due_ms);
        let in_flight = self.in_flight.first().map(|(until_ms, _)| *until_ms);
        delayed.into_iter().chain(in_flight).min()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            visible: self.fresh.len() + self.returned.len(),
            in_flight: self.in_flight.len(),
            delayed: self.delayed.len(),
        }
    }
}

fn is_expired(sent_ms: i64, retention_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(sent_ms) > retention_ms
}

#[cfg(test)]
mod tests;
