//! One permit per database connection for inserting, and whether messages have to wait for one.

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

/// If messages have waited this long for a permit, the worker receives no more.
const CONGESTED_AFTER: Duration = Duration::from_secs(1);

/// The permits of all form types. Clones share them.
#[derive(Clone)]
pub struct InsertPermits(Arc<Inner>);

struct Inner {
    permits: Arc<Semaphore>,
    congested: AtomicBool,
}

impl InsertPermits {
    pub fn new(count: u32) -> Self {
        let permits = Arc::new(Semaphore::new(count as usize));
        Self(Arc::new(Inner { permits, congested: AtomicBool::new(false) }))
    }

    /// Waits for a permit; `None` if none becomes free by the deadline.
    pub async fn acquire(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.0.permits).acquire_owned();
        tokio::pin!(permit);
        if let Ok(permit) = timeout(CONGESTED_AFTER, &mut permit).await {
            return permit.ok();
        }
        self.0.congested.store(true, Ordering::Release);
        timeout_at(deadline, permit).await.ok()?.ok()
    }

    /// Returns when a message that is received now will not wait long for its permit.
    pub async fn wait_while_congested(&self) {
        if self.0.congested.load(Ordering::Acquire) {
            // The semaphore is fair: messages that already wait get their permits before this call
            // does.
            let permit = self.0.permits.acquire().await;
            self.0.congested.store(false, Ordering::Release);
            drop(permit);
        }
    }
}
