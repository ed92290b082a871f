//! Permits that all clients share, of which one client has at most half: a client that asks for much
//! keeps no others away.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::refusal::Refusal;

/// All permits. Clones share them.
#[derive(Clone)]
pub struct Fair {
    all: Arc<Semaphore>,
    /// One for each client that has asked.
    by_client: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
    of_client: usize,
}

/// Permits, until they are dropped.
pub struct Permits {
    of_client: OwnedSemaphorePermit,
    of_all: OwnedSemaphorePermit,
}

impl Fair {
    /// A client may have half of the permits, and in any case as many as `least`.
    pub fn new(total: usize, least: usize) -> Self {
        let of_client = (total / 2).max(least);
        Self { all: Arc::new(Semaphore::new(total)), by_client: Arc::default(), of_client }
    }

    /// Takes `count` permits.
    ///
    /// # Errors
    /// They did not become free in time.
    pub async fn take(
        &self,
        client: &str,
        count: u32,
        within: Duration,
    ) -> Result<Permits, Refusal> {
        let (all, own) = (Arc::clone(&self.all), self.of(client));
        let permits = timeout(within, async {
            // The client's own first: only then does it stand in the line of all.
            let of_client = own.acquire_many_owned(count).await?;
            let of_all = all.acquire_many_owned(count).await?;
            Ok::<_, AcquireError>(Permits { of_client, of_all })
        });
        permits.await.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Bug)
    }

    pub fn available(&self) -> usize {
        self.all.available_permits()
    }

    fn of(&self, client: &str) -> Arc<Semaphore> {
        let mut by_client = self.by_client.lock();
        let own = by_client.entry(client.to_owned());
        Arc::clone(own.or_insert_with(|| Arc::new(Semaphore::new(self.of_client))))
    }
}

impl Permits {
    /// Gives all back except `count`.
    pub fn shrink_to(&mut self, count: usize) {
        let excess = self.of_all.num_permits().saturating_sub(count);
        drop((self.of_all.split(excess), self.of_client.split(excess)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_client_has_half_and_another_gets_the_rest() {
        let fair = Fair::new(4, 1);
        let take = async |client: &str, count| {
            fair.take(client, count, Duration::from_millis(1)).await.ok()
        };
        let mut first = take("a", 2).await.unwrap();
        assert!(take("a", 1).await.is_none());
        let second = take("b", 2).await.unwrap();
        assert!(take("c", 1).await.is_none());
        first.shrink_to(1);
        assert_eq!(fair.available(), 1);
        assert!(take("b", 1).await.is_none());
        let _third = take("a", 1).await.unwrap();
        drop(second);
        assert!(take("c", 2).await.is_some());
    }
}
