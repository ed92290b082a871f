//! The body of a stream: what its task sends, and an error if the task does not come to its end.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};
use thiserror::Error;
use tokio::sync::mpsc;

/// The largest chunk. The server copies each chunk into the buffer of the connection.
const CHUNK: usize = 64 << 10;

/// The stream broke off; the connection is then closed in the middle of the body.
#[derive(Debug, Error)]
#[error("the export broke off")]
pub struct Broken;

/// A part, or the end.
pub enum Part {
    Bytes(Bytes),
    /// Everything was sent, and that is noted.
    End,
}

pub struct Parts {
    parts: mpsc::Receiver<Part>,
    current: Bytes,
    size: BodySize,
}

impl Parts {
    pub fn new(parts: mpsc::Receiver<Part>, length: Option<u64>) -> Self {
        let size = length.map_or(BodySize::Stream, BodySize::Sized);
        Self { parts, current: Bytes::new(), size }
    }
}

impl MessageBody for Parts {
    type Error = Broken;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            if !self.current.is_empty() {
                let length = self.current.len().min(CHUNK);
                return Poll::Ready(Some(Ok(self.current.split_to(length))));
            }
            match self.parts.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Part::Bytes(bytes))) => self.current = bytes,
                Poll::Ready(Some(Part::End)) => return Poll::Ready(None),
                // The task was dropped, or has failed.
                Poll::Ready(None) => return Poll::Ready(Some(Err(Broken))),
            }
        }
    }
}
