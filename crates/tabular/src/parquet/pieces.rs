//! The bytes that are ready, in the pieces in which the encoder wrote them.

use std::io::{self, Write};

/// Smaller writes go to the piece before them.
const PIECE: usize = 64 * 1024;

/// Collects what the encoder writes. One large vector would have to grow while the pages that are
/// copied into it are still there, so a row group would be in memory up to three times.
#[derive(Default)]
pub(super) struct Pieces {
    pieces: Vec<Vec<u8>>,
    length: usize,
}

impl Pieces {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.length);
        // Each piece is freed before the next one is copied.
        for piece in self.pieces.drain(..) {
            all.extend_from_slice(&piece);
        }
        self.length = 0;
        all
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.pieces.last_mut() {
            Some(piece) if piece.len() + bytes.len() <= PIECE => piece.extend_from_slice(bytes),
            _ => self.pieces.push(bytes.to_vec()),
        }
        self.length += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
