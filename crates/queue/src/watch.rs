//! Looks at the attributes of queues again, because somebody may change them while a service runs.

use std::{convert::Infallible, time::Duration};

use tokio::time::{sleep, timeout};

use crate::{
    attributes::{self, Attributes},
    deviation::{self, Deviation},
    metrics,
    queue::Queue,
    queue_finder::QueuePair,
};

/// How often a service looks, unless a test does.
pub const LOOK_EVERY: Duration = Duration::from_secs(600);
/// The least time between two looks, however many messages SQS refuses.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(5);

impl Queue {
    /// Keeps [`Queue::max_message_size`] up to date: looks at once, then each time that `every` has passed, and soon
    /// after SQS has refused a message because of its size. Never returns.
    pub async fn watch(&self, every: Duration) -> Infallible {
        loop {
            self.look().await;
            sleep(LOOK_AT_MOST_EVERY.min(every)).await;
            // In either case it is time to look.
            let _ = timeout(every, self.limit.refused()).await;
        }
    }

    /// `None` if SQS does not give the attributes. The next look may work.
    async fn look(&self) -> Option<Attributes> {
        let attributes = match attributes::read(&self.address).await {
            Ok(attributes) => attributes?,
            Err(error) => {
                log::warn!(queue = self.name(), error:%; "The attributes of a queue cannot be read.");
                return None;
            }
        };
        if let Some(size) = attributes.max_message_size
            && self.limit.set(size)
        {
            log::info!(
                queue = self.name(), max_message_size = size;
                "The queue accepts messages of another size than before."
            );
        }
        if let Some(retention) = attributes.retention {
            metrics::set_retention(self.name(), retention);
        }
        Some(attributes)
    }
}

impl QueuePair {
    /// Looks at both queues at once, and then as [`Queue::watch`] does. Warns of each attribute that can lose
    /// messages, and again only when that changes. Never returns.
    pub async fn watch(&self, every: Duration) -> Infallible {
        let mut known = None;
        loop {
            if let Some(found) = self.deviations().await {
                report(known.replace(found.clone()), &found);
            }
            sleep(LOOK_AT_MOST_EVERY.min(every)).await;
            let _ = timeout(every, async {
                tokio::select! {
                    () = self.form.limit.refused() => {}
                    () = self.invalid.limit.refused() => {}
                }
            })
            .await;
        }
    }

    /// `None` if the attributes of one of the queues cannot be read.
    async fn deviations(&self) -> Option<Vec<Deviation>> {
        let (form, invalid) = tokio::join!(self.form.look(), self.invalid.look());
        Some(deviation::of_pair((&self.form, &form?), (&self.invalid, &invalid?)))
    }
}

fn report(known: Option<Vec<Deviation>>, found: &[Deviation]) {
    if known.as_deref() == Some(found) {
        return;
    }
    let known = known.unwrap_or_default();
    found.iter().filter(|deviation| !known.contains(deviation)).for_each(Deviation::warn);
    if found.is_empty() {
        log::info!("The attributes of the queues are as they should be.");
    }
}
