//! Where each message of one queue stands: waiting, delayed, in flight. Numbers only, and no clock of its own.
//!
//! Every operation costs O(log n) at most, and a message that was never received costs 16 bytes, so that a backlog of a
//! million messages is small. Times are milliseconds since 1970.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// SQS lets a message be invisible for twelve hours from its receive, however often that is extended.
const MAX_INVISIBLE_MS: i64 = 43_200_000;

/// The messages of one queue. Call [`State::advance`] before anything else: it makes due what time has made due.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Never received here, in order of arrival.
    fresh: VecDeque<Fresh>,
    /// Sent with a delay, by the time it ends.
    delayed: BTreeMap<(i64, i64), i64>,
    /// Received before, and visible again.
    returned: BTreeSet<i64>,
    /// Received and invisible, by the time that ends.
    in_flight: BTreeSet<(i64, i64)>,
    /// All of `returned` and `in_flight`.
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
    /// The number of the latest receive; a handle with another one is stale.
    receive: u64,
    /// Receives from this queue, which a redrive policy counts.
    receives_here: u32,
    /// End of invisibility; `None` in `returned`.
    invisible_until_ms: Option<i64>,
}

/// What SQS tells about a message's past, kept when it moves to a dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) sent_ms: i64,
    pub(crate) first_receive_ms: Option<i64>,
    /// Receives from all queues.
    pub(crate) receives: u32,
}

/// The rules of one receive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) max_messages: usize,
    pub(crate) invisible_ms: i64,
    pub(crate) retention_ms: i64,
    /// More receives than this move a message away.
    pub(crate) max_receives: Option<u32>,
}

/// What one receive took out of the queue.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) delivered: Vec<Delivered>,
    /// Too old; no longer in the queue.
    pub(crate) expired: Vec<i64>,
    /// Received too often; no longer in the queue.
    pub(crate) exhausted: Vec<(i64, History)>,
}

/// A message that is now in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) id: i64,
    pub(crate) receive: u64,
    pub(crate) history: History,
}

/// Why the visibility of a message was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unchanged {
    /// Deleted, or received again since.
    Stale,
    NotInFlight,
    /// Beyond twelve hours from its receive.
    TooLong,
}

/// The approximate numbers of messages, which are exact here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) visible: usize,
    pub(crate) in_flight: usize,
    pub(crate) delayed: usize,
}

impl State {
    /// A message that was sent, visible from `due_ms`.
    pub(crate) fn add(&mut self, id: i64, sent_ms: i64, due_ms: i64, now_ms: i64) {
        if due_ms > now_ms {
            self.delayed.insert((due_ms, id), sent_ms);
        } else {
            self.fresh.push_back(Fresh { id, sent_ms });
        }
    }

    /// A message with a past: from another queue, or one that could not be moved there.
    pub(crate) fn add_received(&mut self, id: i64, history: History) {
        let received = Received {
            history,
            last_receive_ms: 0,
            receive: 0,
            receives_here: 0,
            invisible_until_ms: None,
        };
        self.received.insert(id, received);
        self.returned.insert(id);
    }

    /// Makes visible what is due at `now_ms`.
    pub(crate) fn advance(&mut self, now_ms: i64) {
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

    /// Receives the oldest visible messages; `next_receive` numbers each receive.
    pub(crate) fn take(
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
            });
            self.received.insert(id, received);
        }
        taken
    }

    /// The oldest visible message, taken out of everything.
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

    /// Takes out what is visible and too old, oldest first, as far as it stands at the head.
    pub(crate) fn expire(&mut self, retention_ms: i64, now_ms: i64) -> Vec<i64> {
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
            self.remove(id);
            expired.push(id);
        }
        expired
    }

    /// Whether `receive` is the latest receive of the message, so that its handle may delete it.
    pub(crate) fn is_latest(&self, id: i64, receive: u64) -> bool {
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

    /// Takes out a message that was received, wherever it stands.
    pub(crate) fn remove(&mut self, id: i64) {
        self.returned.remove(&id);
        let until_ms = self.received.remove(&id).and_then(|received| received.invisible_until_ms);
        if let Some(until_ms) = until_ms {
            self.in_flight.remove(&(until_ms, id));
        }
    }

    /// Takes out everything.
    pub(crate) fn clear(&mut self) -> Vec<i64> {
        let all = std::mem::take(self);
        let mut ids: Vec<i64> = all.fresh.into_iter().map(|fresh| fresh.id).collect();
        ids.extend(all.delayed.into_keys().map(|(_, id)| id));
        ids.extend(all.received.into_keys());
        ids
    }

    /// Whether a receive would find something.
    pub(crate) fn has_visible(&self) -> bool {
        !self.fresh.is_empty() || !self.returned.is_empty()
    }

    /// When the next message becomes visible by itself.
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
