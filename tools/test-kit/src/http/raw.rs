//! HTTP as bytes on a connection, for requests that a well-behaved client cannot send.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::Answer;

/// Sends bytes and reads until the server closes the connection or the time is over.
pub async fn exchange(address: SocketAddr, request: &[u8], within: Duration) -> Answer {
    let mut connection = TcpStream::connect(address).await.expect("a server that listens");
    // A server that refuses early may close the connection before it has read everything.
    let _ = connection.write_all(request).await;
    read(&mut connection, within).await
}

/// Reads an answer until the server closes the connection or the time is over.
pub async fn read(connection: &mut TcpStream, within: Duration) -> Answer {
    let mut bytes = Vec::new();
    let closed = timeout(within, connection.read_to_end(&mut bytes)).await.is_ok();
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Answer { status, headers, body: body.to_owned(), closed }
}
