//! Minimal HTTP/1.1: it sends prepared bytes, and reads an answer that has a `Content-Length`.
//!
//! The load generator shares its processors with the service it measures, so its own work lowers the result.

use std::{io, net::SocketAddr, str};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A connection that has one request in flight at a time.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 << 10) })
    }

    /// Sends a request, reads the whole answer and returns its status.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut head: Option<Head> = None;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if head.is_none() {
                head = Head::parse(&self.buffer)?;
            }
            if let Some(Head { status, length }) = head
                && self.buffer.len() >= length
            {
                return Ok(status);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Head {
    status: u16,
    /// Bytes of the whole answer, head and body.
    length: usize,
}

impl Head {
    /// `None` until the whole head has arrived.
    fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = bytes.get(..end).and_then(|head| str::from_utf8(head).ok());
        let parsed = head.and_then(|head| {
            let mut lines = head.split("\r\n");
            let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
            let content_length = lines.find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().ok())?
            })?;
            Some(Self { status, length: head.len() + 4 + content_length })
        });
        parsed.map(Some).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "the answer has no Content-Length")
        })
    }
}
