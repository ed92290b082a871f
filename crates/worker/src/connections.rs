//! The connections to the database as permits, and whether what was received waits for one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};

/// When messages have waited so long for a connection, no more are received.
const CONGESTED_AFTER: Duration = Duration::from_secs(1);

/// Cloning shares the connections.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    permits: Arc<Semaphore>,
    congested: AtomicBool,
}

impl Connections {
    pub fn new(count: u32) -> Self {
        let permits = Arc::new(Semaphore::new(count as usize));
        Self(Arc::new(Inner { permits, congested: AtomicBool::new(false) }))
    }

    /// A connection that is free, `None` where none comes free by the deadline.
    pub async fn free(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        let free = Arc::clone(&self.0.permits).acquire_owned();
        tokio::pin!(free);
        if let Ok(permit) = timeout(CONGESTED_AFTER, &mut free).await {
            return permit.ok();
        }
        self.0.congested.store(true, Ordering::Release);
        timeout_at(deadline, free).await.ok()?.ok()
    }

    /// Returns when what would be received now need not wait long.
    pub async fn uncongested(&self) {
        if self.0.congested.load(Ordering::Acquire) {
            // Whoever waits to store goes first: permits are given in the order in which they are asked for.
            let permit = self.0.permits.acquire().await;
            self.0.congested.store(false, Ordering::Release);
            drop(permit);
        }
    }
}
