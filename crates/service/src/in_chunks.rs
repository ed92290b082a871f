//! A body that is sent in chunks, so that a client that does not take it holds little memory.
//!
//! The server copies each chunk into the buffer of the connection, and asks for the next one only
//! if the buffer has less than [`WRITE_BUFFER`] bytes. A body in one piece would be copied whole.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};

/// With one more chunk, the buffer needs one page of memory. An answer to a form with its head is
/// smaller, so it is sent in one piece.
pub const WRITE_BUFFER: usize = 1 << 10;

const CHUNK: usize = 2 << 10;

/// Bytes to be sent in chunks.
pub struct InChunks(pub Bytes);

impl MessageBody for InChunks {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.0.len().min(CHUNK);
        Poll::Ready(Some(Ok(self.0.split_to(length))))
    }
}
