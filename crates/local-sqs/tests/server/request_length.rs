use std::time::Duration;

use serde_json::{Value, json};
use test_kit::http::raw;

use crate::{
    harness::{Client, Process, Server},
    limits::batch,
};

/// The longest request that the front end of SQS lets through, in bytes.
const LIMIT: usize = 1_662_976;
const MIB: u64 = 1 << 20;

/// The status, the content type and the text of the answer to a call.
async fn answer(client: &Client, action: &str, body: String) -> (u16, String, String) {
    let response = client
        .http
        .post(format!("{}/", client.base))
        .header("X-Amz-Target", format!("AmazonSQS.{action}"))
        .body(body)
        .send()
        .await
        .unwrap();
    let kind = response.headers()["Content-Type"].to_str().unwrap().to_owned();
    (response.status().as_u16(), kind, response.text().await.unwrap())
}

fn too_long() -> (u16, String, String) {
    let text = format!("HTTP content length exceeded {LIMIT} bytes.");
    (413, "text/plain; charset=utf-8".to_owned(), text)
}

/// A request of exactly this many bytes with a body of 1 MiB, of which JSON writes some bytes as
/// two.
fn request_of(bytes: usize) -> String {
    let frame = r#"{"QueueUrl":"q","MessageBody":""}"#.len();
    let escaped = bytes - frame - (1 << 20);
    let body = format!("{}{}", r"\t".repeat(escaped), "x".repeat((1 << 20) - escaped));
    format!(r#"{{"QueueUrl":"q","MessageBody":"{body}"}}"#)
}

#[tokio::test]
async fn a_request_is_measured_with_its_escapes_and_may_have_exactly_the_limit() {
    let server = Server::with_queue(json!({})).await;
    let request = request_of(LIMIT);
    assert_eq!(request.len(), LIMIT);
    assert_eq!(answer(&server.client, "SendMessage", request).await.0, 200);
    let refused = answer(&server.client, "SendMessage", request_of(LIMIT + 1)).await;
    assert_eq!(refused, too_long());
    let stored = &server.client.bodies("q").await;
    assert_eq!(stored.iter().map(String::len).collect::<Vec<_>>(), [1 << 20]);
}

#[tokio::test]
async fn ten_messages_of_one_mebibyte_get_plain_text_and_a_little_too_much_gets_the_code_of_sqs() {
    let server = Server::with_queue(json!({})).await;
    let entries = |count: usize, bytes: usize| -> Vec<Value> {
        let entry = |n: usize| json!({"Id": n.to_string(), "MessageBody": "x".repeat(bytes)});
        (0..count).map(entry).collect()
    };
    let ten = batch(entries(10, 1 << 20)).to_string();
    assert_eq!(answer(&server.client, "SendMessageBatch", ten).await, too_long());
    // Past the front end, SQS adds up the payload of the entries.
    let five = server.client.call("SendMessageBatch", batch(entries(5, 300_000))).await;
    let code = "AWS.SimpleQueueService.BatchRequestTooLong;Sender";
    assert_eq!((five.status, five.query_error.as_str()), (400, code));
    assert_eq!(server.client.attribute("q", "ApproximateNumberOfMessages").await, "0");
}

#[tokio::test]
async fn a_request_that_announces_a_gibibyte_is_refused_before_its_body_comes() {
    let parent = tempfile::tempdir().unwrap();
    let server = Process::start(&parent.path().join("data"));
    let head = "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n\
                Content-Length: 1073741824\r\n\r\n";
    let refused =
        raw::exchange(server.service.address(), head.as_bytes(), Duration::from_secs(10)).await;
    assert_eq!((refused.status, refused.body), (too_long().0, too_long().2));
    assert!(refused.closed, "the rest of the request would be taken for the next one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_requests_of_unknown_length_are_not_kept_in_memory() {
    let parent = tempfile::tempdir().unwrap();
    let server = Process::start(&parent.path().join("data"));
    let before = server.service.memory().now;
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(15)
    );
    let request = std::sync::Arc::new(request);
    let address = server.service.address();
    let senders: Vec<_> = (0..16)
        .map(|_| {
            let request = std::sync::Arc::clone(&request);
            tokio::spawn(async move {
                raw::exchange(address, request.as_bytes(), Duration::from_secs(20)).await
            })
        })
        .collect();
    for sender in senders {
        let refused = sender.await.unwrap();
        assert_eq!((refused.status, refused.body), (too_long().0, too_long().2));
    }
    let grown = (server.service.memory().most - before) / MIB;
    println!("{grown} MiB more at the peak, for 16 requests of 15 MiB at once");
    assert!(grown < 64, "{grown} MiB");
}
