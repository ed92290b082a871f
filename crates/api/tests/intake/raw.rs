//! HTTP as bytes on a connection, for what a well-behaved client cannot send.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// An answer as it came: status line and headers, then the body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
    /// The server closed the connection.
    pub closed: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends bytes and reads until the server closes or `within` is over.
pub async fn exchange(port: u16, request: &[u8], within: Duration) -> Answer {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // A server that refuses early may close before it has read all.
    let _ = connection.write_all(request).await;
    read(&mut connection, within).await
}

/// Reads an answer until the server closes or `within` is over.
pub async fn read(connection: &mut TcpStream, within: Duration) -> Answer {
    let mut bytes = Vec::new();
    let closed = timeout(within, connection.read_to_end(&mut bytes)).await.is_ok();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Answer { status, head: head.to_owned(), body: body.to_owned(), closed }
}

/// A request whose connection is closed after the answer.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nHost: forms.example\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method == "POST" {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}
