//! Room for messages, in bytes: reserved before a poll, because nobody knows what it will bring.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes are counted in these units, rounded up, so that each permit of the semaphore stands for one
/// unit.
const UNIT: usize = 1 << 10;

/// Room for a number of bytes. Clones share it. Callers get room in the order in which they asked,
/// so that a caller who needs a lot does not wait forever.
#[derive(Clone)]
pub struct Room(Arc<Inner>);

struct Inner {
    /// One permit for each free unit.
    free: Arc<Semaphore>,
    units: Mutex<Units>,
    /// Bytes of all messages that hold room.
    held: AtomicUsize,
}

struct Units {
    all: u32,
    /// What one poll of each form type needs.
    for_polls: u32,
}

/// Room that is held until this is dropped.
pub struct Reserved {
    permit: OwnedSemaphorePermit,
    room: Room,
}

/// The room that one message holds until this is dropped.
pub struct Held {
    bytes: usize,
    room: Room,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub fn new(bytes: usize) -> Self {
        let all = units(bytes);
        Self(Arc::new(Inner {
            free: Arc::new(Semaphore::new(all as usize)),
            units: Mutex::new(Units { all, for_polls: 0 }),
            held: AtomicUsize::new(0),
        }))
    }

    /// Enlarges the room, if necessary, so that it holds one poll of each form type and as many bytes
    /// again as one poll brings. Otherwise the polls of quiet form types, which last up to 20 s, would
    /// keep the others waiting.
    pub fn fit_poll_of_one_more_form_type(&self, bytes: usize) {
        let mut room = self.0.units.lock();
        room.for_polls = room.for_polls.saturating_add(units(bytes));
        let needed = room.for_polls.saturating_add(units(bytes));
        if needed > room.all {
            self.0.free.add_permits((needed - room.all) as usize);
            room.all = needed;
        }
    }

    /// Waits until there is room for this many bytes. More than all of the room counts as all of it.
    pub async fn reserve(&self, bytes: usize) -> Reserved {
        let units = units(bytes).min(self.0.units.lock().all);
        loop {
            // Nobody closes the semaphore, so this does not fail.
            if let Ok(permit) = Arc::clone(&self.0.free).acquire_many_owned(units).await {
                return Reserved { permit, room: self.clone() };
            }
        }
    }

    /// Whether at least half of the room is free.
    pub fn is_half_free(&self) -> bool {
        self.0.free.available_permits() * 2 >= self.0.units.lock().all as usize
    }

    /// The bytes of all messages that hold room.
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    /// All bytes that are taken: held by messages, or reserved.
    pub fn taken(&self) -> usize {
        (self.0.units.lock().all as usize).saturating_sub(self.0.free.available_permits()) * UNIT
    }
}

impl Reserved {
    /// Room for one message, out of what is reserved.
    pub fn hold(&mut self, bytes: usize) -> Held {
        self.room.0.held.fetch_add(bytes, Ordering::Relaxed);
        // A message that is larger than its queue promised gets what is left.
        let units = (units(bytes) as usize).min(self.permit.num_permits());
        Held { bytes, room: self.room.clone(), _permit: self.permit.split(units) }
    }
}

impl Held {
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.0.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn units(bytes: usize) -> u32 {
    // The largest setting, 64 GiB, is 2^26 units.
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const MIB: usize = 1 << 20;

    fn reserve(room: &Room, bytes: usize) -> Option<Reserved> {
        room.reserve(bytes).now_or_never()
    }

    #[test]
    fn what_a_poll_reserved_and_did_not_bring_is_free_again() {
        let room = Room::new(20 * MIB);
        let mut first = reserve(&room, 10 * MIB).unwrap();
        let _second = reserve(&room, 10 * MIB).unwrap();
        assert!(reserve(&room, MIB).is_none());
        let message = first.hold(3 * MIB);
        drop(first);
        assert_eq!((room.held(), room.taken()), (3 * MIB, 13 * MIB));
        assert!(reserve(&room, 8 * MIB).is_none());
        assert!(reserve(&room, 7 * MIB).is_some());
        drop(message);
        assert!(reserve(&room, 10 * MIB).is_some());
        assert_eq!(room.held(), 0);
    }

    #[test]
    fn a_poll_that_may_bring_more_than_all_the_room_waits_for_all_of_it() {
        let room = Room::new(MIB);
        let mut poll = reserve(&room, 10 * MIB).unwrap();
        let messages = [poll.hold(MIB), poll.hold(5 * MIB)];
        drop(poll);
        assert!(reserve(&room, 10 * MIB).is_none());
        drop(messages);
        assert!(reserve(&room, 10 * MIB).is_some());
    }

    #[test]
    fn one_poll_of_each_form_type_fits_beside_the_messages_of_one_whatever_the_limit_is() {
        let room = Room::new(15 * MIB);
        room.fit_poll_of_one_more_form_type(10 * MIB);
        room.fit_poll_of_one_more_form_type(10 * MIB);
        let mut polls = [reserve(&room, 10 * MIB).unwrap(), reserve(&room, 10 * MIB).unwrap()];
        let messages = [polls[0].hold(5 * MIB), polls[0].hold(5 * MIB)];
        assert!(reserve(&room, 10 * MIB).is_some());
        assert!(reserve(&room, 11 * MIB).is_none());
        drop((polls, messages));
        assert_eq!(room.taken(), 0);
    }
}
