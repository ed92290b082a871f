//! Reads a request body within three limits: bytes of one body, bytes of all bodies, and time.

use std::{sync::Arc, time::Duration};

use actix_web::{
    dev::Payload,
    http::header::{self, HeaderMap},
    web::{Bytes, BytesMut},
};
use futures_util::StreamExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::{refusal::Refusal, settings::LimitSettings};

/// How long the api reads on and discards, after it has refused a body.
const DISCARD_TIME: Duration = Duration::from_secs(3);

/// The limits on bodies, shared by all requests.
#[derive(Clone)]
pub struct BodyLimits {
    one: usize,
    time: Duration,
    /// One permit per byte.
    in_flight: Arc<Semaphore>,
}

/// A body's share of the bytes in flight, until it is dropped. An empty body has none.
pub type Share = Option<OwnedSemaphorePermit>;

impl BodyLimits {
    pub fn new(settings: &LimitSettings) -> Self {
        Self {
            one: settings.body_bytes,
            time: settings.body_time,
            in_flight: Arc::new(Semaphore::new(settings.bodies_in_flight_bytes)),
        }
    }

    /// Reads a whole body.
    ///
    /// # Errors
    /// The body is too long, too slow, encoded or not complete, or too many bytes are in flight.
    pub async fn read(
        &self,
        headers: &HeaderMap,
        mut payload: Payload,
    ) -> Result<(Bytes, Share), Refusal> {
        let deadline = Instant::now() + self.time;
        let Ok(outcome) = timeout_at(deadline, self.read_in_time(headers, &mut payload)).await
        else {
            return Err(Refusal::BodyTooSlow);
        };
        if outcome.is_err() {
            // A client that is still writing when the connection closes would see a reset instead
            // of the answer.
            let _ =
                timeout_at(deadline.min(Instant::now() + DISCARD_TIME), self.discard(&mut payload))
                    .await;
        }
        outcome
    }

    async fn read_in_time(
        &self,
        headers: &HeaderMap,
        payload: &mut Payload,
    ) -> Result<(Bytes, Share), Refusal> {
        if headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(Refusal::ContentEncoding);
        }
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > self.one) {
            return Err(Refusal::BodyTooLong { limit: self.one });
        }
        self.collect(payload).await
    }

    async fn discard(&self, payload: &mut Payload) {
        let mut discarded = 0;
        while let Some(Ok(chunk)) = payload.next().await {
            discarded += chunk.len();
            if discarded > self.one {
                return;
            }
        }
    }

    async fn collect(&self, payload: &mut Payload) -> Result<(Bytes, Share), Refusal> {
        let mut bytes = BytesMut::new();
        let mut share: Share = None;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Refusal::BodyBrokeOff)?;
            if bytes.len() + chunk.len() > self.one {
                return Err(Refusal::BodyTooLong { limit: self.one });
            }
            // Only the bytes that have arrived count, so that a slow client does not reserve bytes
            // by announcing them.
            let more = u32::try_from(chunk.len())
                .ok()
                .and_then(|length| Arc::clone(&self.in_flight).try_acquire_many_owned(length).ok())
                .ok_or(Refusal::BodiesInFlight)?;
            match &mut share {
                Some(share) => share.merge(more),
                None => share = Some(more),
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((bytes.freeze(), share))
    }
}
