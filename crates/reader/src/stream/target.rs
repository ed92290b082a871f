//! Where the bytes of a stream go, and why they may not come to their end.

use std::io::Write as _;

use actix_web::web::Bytes;
use flate2::{Compression, write::GzEncoder};
use tokio::sync::mpsc;

use super::body::Part;
use crate::refusal::Refusal;

/// The body of the answer, compressed or not.
pub struct Target {
    pub parts: mpsc::Sender<Part>,
    gzip: Option<Gzip>,
}

pub struct Gzip(GzEncoder<Vec<u8>>);

/// Why a stream ends before its end.
pub enum Failure {
    /// The client has gone.
    Gone,
    /// The reader stops.
    Stop,
    Refused(Refusal),
    /// It has not begun, and the client learns why.
    Answered,
}

impl Gzip {
    pub fn new() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::fast()))
    }
}

impl Target {
    pub fn new(parts: mpsc::Sender<Part>, gzip: Option<Gzip>) -> Self {
        Self { parts, gzip }
    }

    /// Gives the bytes to the body when the bytes before them have gone.
    ///
    /// # Errors
    /// The client has gone.
    pub async fn send(&mut self, bytes: Vec<u8>, is_last: bool) -> Result<(), Failure> {
        let bytes = match &mut self.gzip {
            None => bytes,
            Some(Gzip(gzip)) => {
                // It writes into memory.
                let _ = gzip.write_all(&bytes);
                if is_last {
                    let _ = gzip.try_finish();
                }
                std::mem::take(gzip.get_mut())
            }
        };
        if bytes.is_empty() {
            return Ok(());
        }
        let part = Part::Bytes(Bytes::from(bytes));
        self.parts.send(part).await.map_err(|_| Failure::Gone)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
