//! A health check for callers that are not async.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Whether the page at this `http://` URL answers 200.
pub fn is_healthy(url: &str) -> bool {
    status_line(url).is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn status_line(url: &str) -> Option<String> {
    let (address, path) = url.strip_prefix("http://")?.split_once('/')?;
    let mut connection = TcpStream::connect(address).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(connection, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    Some(answer)
}
