//! The bytes that all pages together may have while they are read and sent.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};
use service::in_chunks::InChunks;

use crate::{
    fair::{Fair, Permits},
    metrics,
    refusal::Refusal,
    settings::PageSettings,
};

/// How long a page waits for its share.
const SHARE_WITHIN: Duration = Duration::from_secs(5);

/// The semaphore counts in these, because its numbers have 32 bits.
const UNIT: usize = 1 << 10;

/// All pages share it.
#[derive(Clone)]
pub struct Budget {
    free: Fair,
    total: usize,
    page: usize,
}

/// A page's part of the bytes in flight, until it is dropped.
pub struct Share {
    permits: Permits,
    budget: Budget,
}

impl Budget {
    pub fn new(settings: &PageSettings) -> Self {
        let total = settings.bytes_in_flight / UNIT;
        let page = settings.bytes.div_ceil(UNIT).min(total);
        Self { free: Fair::new(total, page), total, page }
    }

    /// Room for the largest page.
    ///
    /// # Errors
    /// None became free in time.
    pub async fn take(&self, client: &str) -> Result<Share, Refusal> {
        let page = u32::try_from(self.page).unwrap_or(u32::MAX);
        let permits = self.free.take(client, page, SHARE_WITHIN).await?;
        self.record();
        Ok(Share { permits, budget: self.clone() })
    }

    fn record(&self) {
        let taken = self.total.saturating_sub(self.free.available());
        metrics::set_page_bytes(taken * UNIT);
    }
}

impl Share {
    /// Gives back what the page does not need.
    pub fn shrink_to(&mut self, bytes: usize) {
        self.permits.shrink_to(bytes.div_ceil(UNIT).max(1));
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
