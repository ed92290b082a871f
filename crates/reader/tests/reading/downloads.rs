//! Streams as clients take them.

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::Reading;

/// A whole answer as bytes.
pub struct Download {
    pub status: u16,
    headers: reqwest::header::HeaderMap,
    /// `None` if it broke off.
    pub body: Option<Vec<u8>>,
}

impl Download {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn bytes(&self) -> &[u8] {
        self.body.as_deref().expect("a complete body")
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap()
    }
}

pub async fn download(reading: &Reading, path: &str, headers: &[(&str, &str)]) -> Download {
    let mut request = reqwest::Client::new().get(reading.url(path)).bearer_auth(&reading.key);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.ok().map(|bytes| bytes.to_vec());
    Download { status, headers, body }
}

pub async fn proof(reading: &Reading, id: &str) -> Value {
    reading.get(&format!("/api/v1/exports/{id}")).await.expect_status(200).json()
}

pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rows of about 1 KiB, so many that no buffer between us holds them.
pub fn large(reading: &Reading) {
    reading.dataset(0);
    reading.database.sql(
        r#"INSERT INTO "org.ds"."L0" SELECT n, repeat('x', 1000), n FROM generate_series(1, 60000) n"#,
    );
}

/// A client that takes the head of the answer, and then no more.
pub async fn lazy_client(reading: &Reading, key: &str, path: &str) -> (TcpStream, String) {
    let mut client = TcpStream::connect(reading.reader.address()).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    (client, String::from_utf8(head).unwrap().to_lowercase())
}

pub fn export_id(head: &str) -> String {
    let (_, rest) = head.split_once("export-id: ").expect("an Export-Id");
    rest.lines().next().unwrap().to_owned()
}
