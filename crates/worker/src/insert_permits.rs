//! One permit per database connection for inserting, and whether messages have to wait for one.
//!
//! The form type that got its last permit longest ago is next, however long its messages have
//! waited: they give up after some seconds, and a form type that had to line up again each time
//! would get no permit at all beside others with slow inserts.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout, timeout_at},
};

/// If messages have waited this long for a permit, the worker receives no more.
const CONGESTED_AFTER: Duration = Duration::from_secs(1);

/// The permits of all form types, and the ticket of one of them. Clones share both.
#[derive(Clone)]
pub struct InsertPermits {
    shared: Arc<Shared>,
    /// Drawn when this form type got its last permit.
    ticket: Arc<Mutex<u64>>,
}

struct Shared {
    permits: Arc<Semaphore>,
    congested: AtomicBool,
    congested_after: Duration,
    line: Mutex<Line>,
    /// Marked whenever somebody joins or leaves the line.
    line_changed: watch::Sender<()>,
}

/// The lowest ticket is next.
#[derive(Default)]
struct Line {
    last_ticket: u64,
    /// The number of calls that wait with each ticket.
    waiting: BTreeMap<u64, usize>,
}

impl Line {
    fn draw(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }
}

impl InsertPermits {
    pub fn new(count: u32) -> Self {
        Self::with_patience(count, CONGESTED_AFTER)
    }

    fn with_patience(count: u32, congested_after: Duration) -> Self {
        let shared = Shared {
            permits: Arc::new(Semaphore::new(count as usize)),
            congested: AtomicBool::new(false),
            congested_after,
            line: Mutex::default(),
            line_changed: watch::Sender::new(()),
        };
        Self { shared: Arc::new(shared), ticket: Arc::default() }
    }

    /// The same permits with another ticket.
    pub fn for_form_type(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        let ticket = shared.line.lock().draw();
        Self { shared, ticket: Arc::new(Mutex::new(ticket)) }
    }

    /// Waits for a permit; `None` if none becomes free by the deadline.
    pub async fn acquire(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        let permit = self.permit_in_turn();
        tokio::pin!(permit);
        let permit = match timeout(self.shared.congested_after, &mut permit).await {
            Ok(permit) => permit,
            Err(_) => {
                self.shared.congested.store(true, Ordering::Release);
                timeout_at(deadline, permit).await.ok()?
            }
        };
        *self.ticket.lock() = self.shared.line.lock().draw();
        permit
    }

    /// Returns when a message that is received now will not wait long for its permit.
    pub async fn wait_while_congested(&self) {
        if self.shared.congested.load(Ordering::Acquire) {
            let permit = self.permit_in_turn().await;
            self.shared.congested.store(false, Ordering::Release);
            drop(permit);
        }
    }

    /// Only who is first in the line waits for the semaphore.
    async fn permit_in_turn(&self) -> Option<OwnedSemaphorePermit> {
        let shared = &*self.shared;
        let mut changes = shared.line_changed.subscribe();
        let place = self.join_line();
        loop {
            changes.mark_unchanged();
            if shared.line.lock().waiting.first_key_value().map(|(first, _)| *first)
                == Some(place.ticket)
            {
                tokio::select! {
                    biased;
                    permit = Arc::clone(&shared.permits).acquire_owned() => return permit.ok(),
                    _ = changes.changed() => {}
                }
            } else {
                // This cannot fail, because `self` holds the sender.
                let _ = changes.changed().await;
            }
        }
    }

    fn join_line(&self) -> Place<'_> {
        let ticket = *self.ticket.lock();
        *self.shared.line.lock().waiting.entry(ticket).or_default() += 1;
        self.shared.line_changed.send_replace(());
        Place { shared: &self.shared, ticket }
    }
}

/// A call in the line, which it leaves on drop.
struct Place<'a> {
    shared: &'a Shared,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = self.shared.line.lock();
        if let Some(count) = line.waiting.get_mut(&self.ticket) {
            *count -= 1;
            if *count == 0 {
                line.waiting.remove(&self.ticket);
            }
        }
        drop(line);
        self.shared.line_changed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tokio::time::sleep;

    use super::*;

    /// Twenty times faster than the worker.
    fn fast(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds / 20.0)
    }

    /// Form types that always have messages: how many batches of each are stored in three minutes.
    async fn served(form_types: usize, connections: u32, insert_seconds: f64) -> Vec<u32> {
        let permits = InsertPermits::with_patience(connections, fast(1.0));
        let end = Instant::now() + fast(180.0);
        let lines = (0..form_types).map(|_| {
            let permits = permits.for_form_type();
            async move {
                let mut served = 0;
                while Instant::now() < end {
                    // As the pollers and the batcher do. A message without a permit is released.
                    permits.wait_while_congested().await;
                    if let Some(permit) = permits.acquire(Instant::now() + fast(5.0)).await {
                        sleep(fast(insert_seconds)).await;
                        drop(permit);
                        served += 1;
                    }
                }
                served
            }
        });
        join_all(lines).await
    }

    #[tokio::test]
    async fn more_form_types_than_connections_are_served_in_turn() {
        let cases = [(4, 1, 9.0), (5, 2, 3.0), (6, 2, 4.0), (8, 2, 6.0), (12, 2, 2.5), (7, 3, 8.0)];
        let all = cases.map(|(types, connections, seconds)| served(types, connections, seconds));
        for (case, served) in cases.iter().zip(join_all(all).await) {
            println!("{case:?} (form types, connections, seconds of an insert): {served:?}");
            let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
            assert!(most - least <= 2, "{case:?}: {served:?}");
        }
    }
}
