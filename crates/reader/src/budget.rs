//! The bytes that all pages together may have while they are read and sent.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};
use service::in_chunks::InChunks;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{metrics, refusal::Refusal, settings::PageSettings};

/// How long a page waits for its share.
const SHARE_WITHIN: Duration = Duration::from_secs(5);

/// The semaphore counts in these, because its numbers have 32 bits.
const UNIT: usize = 1 << 10;

/// All pages share it.
#[derive(Clone)]
pub struct Budget {
    free: Arc<Semaphore>,
    total: usize,
    page: usize,
}

/// A page's part of the bytes in flight, until it is dropped.
pub struct Share {
    permit: OwnedSemaphorePermit,
    budget: Budget,
}

impl Budget {
    pub fn new(settings: &PageSettings) -> Self {
        let total = settings.bytes_in_flight / UNIT;
        let page = settings.bytes.div_ceil(UNIT).min(total);
        Self { free: Arc::new(Semaphore::new(total)), total, page }
    }

    /// Room for the largest page.
    ///
    /// # Errors
    /// None became free in time.
    pub async fn take(&self) -> Result<Share, Refusal> {
        let page = u32::try_from(self.page).unwrap_or(u32::MAX);
        let permit = timeout(SHARE_WITHIN, Arc::clone(&self.free).acquire_many_owned(page)).await;
        let permit = permit.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Bug)?;
        let share = Share { permit, budget: self.clone() };
        share.budget.record();
        Ok(share)
    }

    fn record(&self) {
        let taken = self.total.saturating_sub(self.free.available_permits());
        metrics::set_page_bytes(taken * UNIT);
    }
}

impl Share {
    /// Gives back what the page does not need.
    pub fn shrink_to(&mut self, bytes: usize) {
        let excess = self.permit.num_permits().saturating_sub(bytes.div_ceil(UNIT).max(1));
        drop(self.permit.split(excess));
        self.budget.record();
    }
}

/// A body that is sent in chunks, with its share.
pub struct Held {
    body: InChunks,
    _share: Option<Share>,
}

impl Held {
    pub fn new(body: Bytes, share: Option<Share>) -> Self {
        Self { body: InChunks(body), _share: share }
    }
}

impl MessageBody for Held {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
