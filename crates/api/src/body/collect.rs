//! Collects the bytes of one body.

use std::{mem, sync::Arc};

use actix_web::web::{Bytes, BytesMut};
use tokio::time::Instant;

use super::budget::{Budget, LargeBody, Request, SMALL, Share};
use crate::refusal::Refusal;

/// The bytes of one body that have arrived. What they took of the budget is given back on drop.
pub struct Collector {
    budget: Arc<Budget>,
    len: usize,
    announced: usize,
    body: Body,
}

enum Body {
    Small(BytesMut),
    /// Others can drop it.
    Large(Arc<LargeBody>),
}

impl Collector {
    /// `announced` is 0 if the length is not known.
    pub fn new(budget: &Arc<Budget>, announced: usize) -> Self {
        let body = Body::Small(BytesMut::new());
        Self { budget: Arc::clone(budget), len: 0, announced, body }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// # Errors
    /// There is no room for the chunk, or the body was dropped.
    pub fn add(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        let is_large = self.announced.max(self.len + chunk.len()) > SMALL;
        if is_large && let Body::Small(bytes) = &mut self.body {
            let bytes = mem::take(bytes);
            return self.become_large(bytes, chunk);
        }
        match &mut self.body {
            Body::Small(bytes) => {
                take(&self.budget, Request { bytes: chunk.len(), large_bytes: 0, rate: None })?;
                bytes.extend_from_slice(chunk);
            }
            Body::Large(body) => add_to_large(&self.budget, body, chunk)?,
        }
        self.len += chunk.len();
        Ok(())
    }

    fn become_large(&mut self, mut bytes: BytesMut, chunk: &[u8]) -> Result<(), Refusal> {
        let all = bytes.len() + chunk.len();
        let request = Request { bytes: chunk.len(), large_bytes: all, rate: None };
        take(&self.budget, request)?;
        bytes.extend_from_slice(chunk);
        self.len = all;
        let body = LargeBody::new(bytes);
        self.budget.has_begun(&body);
        self.body = Body::Large(body);
        Ok(())
    }

    /// Waits until the body is dropped to make room for others.
    pub async fn dropped(&self) -> Refusal {
        match &self.body {
            Body::Small(_) => std::future::pending().await,
            Body::Large(body) => {
                body.dropped.notified().await;
                Refusal::SlowBodyDropped
            }
        }
    }

    /// # Errors
    /// The body was dropped.
    pub fn finish(mut self) -> Result<(Bytes, Share), Refusal> {
        let large_bytes = if matches!(self.body, Body::Large(_)) { self.len } else { 0 };
        let bytes = self.take_bytes().ok_or(Refusal::SlowBodyDropped)?;
        let share = Share::new(Arc::clone(&self.budget), mem::take(&mut self.len), large_bytes);
        Ok((bytes.freeze(), share))
    }

    /// `None` if they were dropped or are taken already.
    fn take_bytes(&mut self) -> Option<BytesMut> {
        match &mut self.body {
            Body::Small(bytes) => Some(mem::take(bytes)),
            Body::Large(body) => {
                self.budget.has_ended(body);
                Some(body.collected.lock().take()?.bytes)
            }
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let large_bytes = if matches!(self.body, Body::Large(_)) { self.len } else { 0 };
        // If the budget has dropped the body, it has its bytes back already.
        if self.take_bytes().is_some() && self.len > 0 {
            self.budget.give_back(self.len, large_bytes);
        }
    }
}

fn take(budget: &Budget, request: Request) -> Result<(), Refusal> {
    if budget.take(request) { Ok(()) } else { Err(Refusal::BodiesInFlight) }
}

fn add_to_large(budget: &Budget, body: &LargeBody, chunk: &[u8]) -> Result<(), Refusal> {
    let bytes = chunk.len();
    let rate = body.collected.lock().as_ref().and_then(|body| body.rate.at(Instant::now()));
    take(budget, Request { bytes, large_bytes: bytes, rate })?;
    if let Some(collected) = body.collected.lock().as_mut() {
        collected.bytes.extend_from_slice(chunk);
        collected.rate.add(bytes);
        return Ok(());
    }
    // Another body has just taken its place.
    budget.give_back(bytes, bytes);
    Err(Refusal::SlowBodyDropped)
}
