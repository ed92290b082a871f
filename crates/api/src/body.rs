//! Reads a request body within four limits: bytes of one body, bytes of all bodies, time, and the
//! lowest rate.

mod budget;
mod collect;
mod pace;

use std::{sync::Arc, time::Duration};

use actix_web::{
    dev::Payload,
    http::header::{self, HeaderMap},
    web::Bytes,
};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use crate::{refusal::Refusal, settings::LimitSettings};

use budget::Budget;
pub use budget::Share;
use collect::Collector;
use pace::LowestRate;

/// How long the api reads on and discards, after it has refused a body.
const DISCARD_TIME: Duration = Duration::from_secs(3);

/// The limits on bodies, shared by all requests.
#[derive(Clone)]
pub struct BodyLimits {
    one: usize,
    time: Duration,
    lowest_rate: LowestRate,
    in_flight: Arc<Budget>,
}

/// The length in `Content-Length`, if the request has one.
#[derive(Clone, Copy)]
pub struct Announced(Option<usize>);

impl BodyLimits {
    pub fn new(settings: &LimitSettings) -> Self {
        Self {
            one: settings.body_bytes,
            time: settings.body_time,
            lowest_rate: LowestRate::new(settings.body_bytes_per_second),
            in_flight: Arc::new(Budget::new(settings.bodies_in_flight_bytes, settings.body_bytes)),
        }
    }

    /// Checks what the headers say about the body.
    ///
    /// # Errors
    /// The body is encoded, or it is going to be too long.
    pub fn check_headers(&self, headers: &HeaderMap) -> Result<Announced, Refusal> {
        if headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(Refusal::ContentEncoding);
        }
        let announced: Option<usize> = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        match announced {
            Some(length) if length > self.one => Err(Refusal::BodyTooLong { limit: self.one }),
            _ => Ok(Announced(announced)),
        }
    }

    /// Reads a whole body.
    ///
    /// # Errors
    /// The body is too long, too slow or not complete, or too many bytes are in flight.
    pub async fn read(
        &self,
        announced: Announced,
        mut payload: Payload,
    ) -> Result<(Bytes, Share), Refusal> {
        let deadline = Instant::now() + self.time;
        let reading = self.collect(announced, &mut payload);
        let outcome = timeout_at(deadline, reading).await.unwrap_or(Err(Refusal::BodyTooSlow));
        if outcome.as_ref().is_err_and(|refusal| !matches!(refusal, Refusal::BodyTooSlow)) {
            self.discard_until(deadline, &mut payload).await;
        }
        outcome
    }

    /// Reads and discards the rest of a refused body, for at most 3 s and about `MAX_BODY_BYTES`. A
    /// client that is still writing when the connection closes would see a reset instead of the
    /// answer.
    pub async fn discard(&self, mut payload: Payload) {
        self.discard_until(Instant::now() + self.time, &mut payload).await;
    }

    async fn discard_until(&self, deadline: Instant, payload: &mut Payload) {
        let discarding = async {
            let mut discarded = 0;
            while let Some(Ok(chunk)) = payload.next().await {
                discarded += chunk.len();
                if discarded > self.one {
                    return;
                }
            }
        };
        let _ = timeout_at(deadline.min(Instant::now() + DISCARD_TIME), discarding).await;
    }

    async fn collect(
        &self,
        Announced(announced): Announced,
        payload: &mut Payload,
    ) -> Result<(Bytes, Share), Refusal> {
        let mut collector = Collector::new(&self.in_flight, announced.unwrap_or_default());
        let mut pace = self.lowest_rate.start();
        loop {
            let chunk = tokio::select! {
                biased;
                // A chunk that has not been returned stays in the payload.
                chunk = payload.next() => chunk,
                refusal = collector.dropped() => return Err(refusal),
                refusal = pace.too_slow() => return Err(refusal),
            };
            let Some(chunk) = chunk else { return collector.finish() };
            let chunk = chunk.map_err(|_| Refusal::BodyBrokeOff)?;
            if collector.len() + chunk.len() > self.one {
                return Err(Refusal::BodyTooLong { limit: self.one });
            }
            pace.add(chunk.len());
            // Only the bytes that have arrived count, so that a slow client does not reserve bytes
            // by announcing them.
            collector.add(&chunk)?;
        }
    }
}
