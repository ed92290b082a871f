//! Reads the body of a request, if it is not too long.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_LENGTH, ContentType},
    web::{Bytes, BytesMut, Payload},
};
use futures_util::StreamExt as _;
use tokio::time::timeout;

/// The longest request in bytes, its JSON with all escapes.
///
/// The front end of SQS has been reported to refuse more than this since 2013: six times the
/// 256 KiB that a message could have then, and 88 KiB. Amazon does not document it, and nobody
/// knows whether the limit of 1 MiB for messages since 2025 has raised it. This server takes the
/// less convenient reading, so that tests expose a client that relies on more. It is enough for
/// every batch that SQS documents as allowed (1 MiB of payload over all entries, otherwise
/// BatchRequestTooLong), as long as JSON escapes few of its bytes. Ten messages of 1 MiB never get
/// as far as BatchRequestTooLong.
const MAX_BYTES: usize = 1_662_976;

/// How much of a long request is received and thrown away, and how long this may take. A client
/// that is still writing when the connection closes would see a reset instead of the answer.
const DISCARDED_BYTES: usize = 64 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// Memory for a body before any of it has come; more is taken as it comes.
const FIRST_BYTES: usize = 64 << 10;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    TooLong,
    /// The client disconnected, or sent something that is not HTTP.
    BrokenOff,
}

/// Reads the body. At most [`MAX_BYTES`] of it are in memory, even if the client announces or sends
/// more.
pub(crate) async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, Unread> {
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
        .unwrap_or_default();
    let read = if announced > MAX_BYTES {
        Err(Unread::TooLong)
    } else {
        collect(&mut payload, announced).await
    };
    if read == Err(Unread::TooLong) && announced <= DISCARDED_BYTES {
        // If it takes too long, the client gets its answer all the same.
        let _ = timeout(DISCARD_TIME, discard(&mut payload)).await;
    }
    read
}

/// The answer of the front end, which is not that of the JSON protocol. The connection is closed,
/// because the rest of the request may still be on it.
pub(crate) fn too_long() -> HttpResponse {
    HttpResponse::PayloadTooLarge()
        .force_close()
        .content_type(ContentType::plaintext())
        .body(format!("HTTP content length exceeded {MAX_BYTES} bytes."))
}

async fn collect(payload: &mut Payload, announced: usize) -> Result<Bytes, Unread> {
    let mut bytes = BytesMut::with_capacity(announced.min(FIRST_BYTES));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Unread::BrokenOff)?;
        if bytes.len() + chunk.len() > MAX_BYTES {
            return Err(Unread::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

async fn discard(payload: &mut Payload) {
    let mut discarded = 0;
    while let Some(Ok(chunk)) = payload.next().await {
        discarded += chunk.len();
        if discarded > DISCARDED_BYTES {
            return;
        }
    }
}
