//! Reads a request body within the limits on one, on all together and on time.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    dev::Payload,
    http::header::{self, HeaderMap},
    web::{Bytes, BytesMut},
};
use futures_util::StreamExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::{answers, metrics, settings::LimitSettings};

/// How long the rest of a refused body is read and thrown away.
const DISCARD_TIME: Duration = Duration::from_secs(3);

/// The limits on bodies, shared by all requests.
#[derive(Clone)]
pub struct BodyLimits {
    one: usize,
    time: Duration,
    /// One permit a byte.
    in_flight: Arc<Semaphore>,
}

/// A body's share of the bytes in flight, until it is dropped.
pub type Share = Option<OwnedSemaphorePermit>;

impl BodyLimits {
    pub fn new(settings: &LimitSettings) -> Self {
        Self {
            one: settings.body_bytes,
            time: settings.body_time,
            in_flight: Arc::new(Semaphore::new(settings.bodies_in_flight_bytes)),
        }
    }

    /// Reads a body whole.
    ///
    /// # Errors
    /// The answer: 413, 415 (a coding such as gzip), 408, 400 (the connection broke off) or 503 (too many bytes in flight).
    pub async fn read(
        &self,
        headers: &HeaderMap,
        mut payload: Payload,
    ) -> Result<(Bytes, Share), HttpResponse> {
        let deadline = Instant::now() + self.time;
        let Ok(outcome) = timeout_at(deadline, self.read_in_time(headers, &mut payload)).await
        else {
            metrics::refused("body_too_slow");
            return Err(answers::too_slow());
        };
        if outcome.is_err() {
            // A client that is still writing when the connection closes would see a reset instead of the answer.
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
    ) -> Result<(Bytes, Share), HttpResponse> {
        if headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            metrics::refused("content_encoding");
            return Err(answers::unsupported(
                "Encoded bodies are not accepted: send it without Content-Encoding.",
            ));
        }
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > self.one) {
            return Err(self.too_long());
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

    async fn collect(&self, payload: &mut Payload) -> Result<(Bytes, Share), HttpResponse> {
        let mut bytes = BytesMut::new();
        let mut share: Share = None;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| {
                metrics::refused("body_broke_off");
                answers::bad_request("The request's body did not arrive whole.")
            })?;
            if bytes.len() + chunk.len() > self.one {
                return Err(self.too_long());
            }
            // Only what has arrived counts, so that slow clients do not hold what they only announced.
            let more = u32::try_from(chunk.len()).ok();
            let more = more
                .and_then(|length| Arc::clone(&self.in_flight).try_acquire_many_owned(length).ok());
            let more = more.ok_or_else(|| {
                metrics::refused("bodies_in_flight");
                answers::try_again()
            })?;
            match &mut share {
                Some(share) => share.merge(more),
                None => share = Some(more),
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((bytes.freeze(), share))
    }

    fn too_long(&self) -> HttpResponse {
        metrics::refused("body_too_long");
        answers::too_long(&format!("The request's body is longer than {} bytes.", self.one))
    }
}
