use std::time::{Duration, Instant};

use local_sqs::faults::{Kind, Rule};
use serde_json::{Value, json};
use test_kit::Fault;

use crate::harness::{Client, Server};

const DELAY: Duration = Duration::from_millis(600);

async fn start_with(fault: Fault) -> Server {
    let server = Server::with_queue(json!({})).await;
    server.faults.add(vec![rule(fault)]).unwrap();
    server
}

/// Reads a fault of the test kit as the control endpoint does.
fn rule(fault: Fault) -> Rule {
    serde_json::from_value(fault.rule()).unwrap()
}

async fn try_send(client: &Client) -> Result<u16, reqwest::Error> {
    let request = json!({"QueueUrl": "q", "MessageBody": "hello"}).to_string();
    client.try_call("SendMessage", request).await.map(|answer| answer.status)
}

fn entries(count: usize) -> Value {
    (0..count).map(|n| json!({"Id": n.to_string(), "MessageBody": n.to_string()})).collect()
}

#[tokio::test]
async fn a_delay_after_the_work_delays_only_the_answer() {
    let server = start_with(Fault::on("SendMessage").delay(DELAY).times(1)).await;
    let client = server.client.clone();
    let started = Instant::now();
    let send = tokio::spawn(async move { try_send(&client).await });
    assert_eq!(server.client.receive("q", json!({"WaitTimeSeconds": 5})).await.len(), 1);
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    assert_eq!(send.await.unwrap().unwrap(), 200);
    assert!(started.elapsed() >= DELAY);
}

#[tokio::test]
async fn a_delay_before_the_work_delays_the_work() {
    let server = start_with(Fault::on("SendMessage").delay_before_work(DELAY).times(1)).await;
    let client = server.client.clone();
    let started = Instant::now();
    let send = tokio::spawn(async move { try_send(&client).await });
    assert_eq!(server.client.receive("q", json!({"WaitTimeSeconds": 5})).await.len(), 1);
    assert!(started.elapsed() >= DELAY);
    assert_eq!(send.await.unwrap().unwrap(), 200);
}

#[tokio::test]
async fn an_error_has_its_status_and_code_and_no_work_is_done() {
    for (status, code, sender_fault, expected) in [
        (None, None, false, (500, "InternalFailure;Receiver", "com.amazonaws.sqs#InternalFailure")),
        (
            Some(503),
            Some("ServiceUnavailable"),
            false,
            (503, "ServiceUnavailable;Receiver", "com.amazonaws.sqs#ServiceUnavailable"),
        ),
        (
            Some(403),
            Some("AccessDeniedException"),
            true,
            (403, "AccessDeniedException;Sender", "com.amazonaws.sqs#AccessDeniedException"),
        ),
        (
            None,
            Some("ThrottlingException"),
            true,
            (400, "ThrottlingException;Sender", "com.amazonaws.sqs#ThrottlingException"),
        ),
    ] {
        let code = code.map(str::to_owned);
        let times = Some(1);
        let rule = Rule { status, code, sender_fault, times, ..Rule::new("*", Kind::Error) };
        let server = Server::with_queue(json!({})).await;
        server.faults.add(vec![rule]).unwrap();
        let answer =
            server.client.call("SendMessage", json!({"QueueUrl": "q", "MessageBody": "x"})).await;
        assert_eq!(
            (answer.status, answer.query_error.as_str(), answer.body["__type"].as_str().unwrap()),
            expected
        );
        assert!(server.client.bodies("q").await.is_empty());
    }
}

#[tokio::test]
async fn a_reset_closes_the_connection_without_a_byte_and_no_work_is_done() {
    use std::io::{Read as _, Write as _};
    let server = start_with(Fault::on("SendMessage").reset().times(1)).await;
    let address = server.client.base.trim_start_matches("http://").to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let body = r#"{"QueueUrl":"q","MessageBody":"x"}"#;
        let length = body.len();
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    assert_eq!(read.await.unwrap(), b"");
    assert!(server.client.bodies("q").await.is_empty());
    assert_eq!(try_send(&server.client).await.unwrap(), 200);
}

#[tokio::test]
async fn a_lost_reply_comes_after_the_work() {
    let server = start_with(Fault::on("SendMessage").lost_reply().times(1)).await;
    assert!(try_send(&server.client).await.is_err());
    assert_eq!(server.client.bodies("q").await, ["hello"]);
}

#[tokio::test]
async fn a_lost_reply_waits_for_a_receive_with_messages_and_leaves_them_in_flight() {
    let server = start_with(Fault::on("ReceiveMessage").lost_reply().times(1)).await;
    assert!(server.client.bodies("q").await.is_empty());
    assert_eq!(server.faults.rules()[0].fired, 0);
    server.client.send("q", "hello").await;
    let request = json!({"QueueUrl": "q"}).to_string();
    assert!(server.client.try_call("ReceiveMessage", request).await.is_err());
    assert_eq!(server.client.attribute("q", "ApproximateNumberOfMessagesNotVisible").await, "1");
}

#[tokio::test]
async fn a_duplicate_is_received_again_while_the_first_receiver_still_has_it() {
    let server = start_with(Fault::on("ReceiveMessage").duplicate().times(1)).await;
    server.client.send("q", "hello").await;
    let first = server.client.receive("q", json!({})).await;
    let second = server.client.receive("q", json!({})).await;
    assert_eq!(
        (&first[0]["Body"], &first[0]["MessageId"]),
        (&second[0]["Body"], &second[0]["MessageId"])
    );
    assert!(server.client.bodies("q").await.is_empty());
    server.client.delete("q", &first[0]).await;
    server.client.delete("q", &second[0]).await;
    assert_eq!(server.client.attribute("q", "ApproximateNumberOfMessagesNotVisible").await, "0");
}

#[tokio::test]
async fn a_partial_failure_fails_the_given_entries_only() {
    let fault = Fault::on("SendMessageBatch").entries_fail([0, 3, 99], "InternalError");
    let server = start_with(fault.times(1)).await;
    let answer =
        server.client.ok("SendMessageBatch", json!({"QueueUrl": "q", "Entries": entries(5)})).await;
    let ids = |list: &str| -> Vec<String> {
        answer[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["Id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("Successful"), ["1", "2", "4"]);
    assert_eq!(ids("Failed"), ["0", "3"]);
    assert_eq!(answer["Failed"][0]["Code"], "InternalError");
    assert_eq!(answer["Failed"][0]["SenderFault"], false);
    assert_eq!(server.client.bodies("q").await, ["1", "2", "4"]);
}

#[tokio::test]
async fn a_partial_failure_of_all_entries_does_no_work() {
    let server =
        start_with(Fault::on("SendMessageBatch").any_entries_fail("InternalError").times(1)).await;
    let answer =
        server.client.ok("SendMessageBatch", json!({"QueueUrl": "q", "Entries": entries(5)})).await;
    assert_eq!(answer["Failed"].as_array().unwrap().len(), 5);
    assert_eq!(answer["Successful"], json!([]));
    assert!(server.client.bodies("q").await.is_empty());
}

#[tokio::test]
async fn a_partial_failure_by_probability_is_the_same_for_the_same_seed() {
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let fault = Fault::on("SendMessageBatch").any_entries_fail("InternalError");
        let server = start_with(fault.probability(0.5).seed(7).blamed_on_sender()).await;
        let mut failed = 0;
        for _ in 0..10 {
            let answer = server
                .client
                .ok("SendMessageBatch", json!({"QueueUrl": "q", "Entries": entries(10)}))
                .await;
            failed += answer["Failed"].as_array().map_or(0, Vec::len);
        }
        assert!((20..80).contains(&failed), "{failed}");
        outcomes.push(failed);
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

#[tokio::test]
async fn a_hanging_receive_gets_no_answer_and_takes_no_message() {
    let server = start_with(Fault::on("ReceiveMessage").hang().times(1)).await;
    server.client.send("q", "hello").await;
    let patience = Duration::from_millis(500);
    let request = json!({"QueueUrl": "q"});
    assert!(
        tokio::time::timeout(patience, server.client.call("ReceiveMessage", request))
            .await
            .is_err()
    );
    assert_eq!(server.client.bodies("q").await, ["hello"]);
}

#[tokio::test]
async fn a_rule_applies_to_its_action_and_queue_at_most_the_given_number_of_times() {
    let server = Server::with_queue(json!({})).await;
    server.client.create("other", json!({})).await;
    let fault = Fault::on("SendMessage").internal_failure().queue("other").times(2);
    server.faults.add(vec![rule(fault)]).unwrap();
    assert_eq!(try_send(&server.client).await.unwrap(), 200);
    assert!(server.client.bodies("other").await.is_empty());
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let url = format!("{}/000000000000/other", server.client.base);
        let request = json!({"QueueUrl": url, "MessageBody": "x"});
        statuses.push(server.client.call("SendMessage", request).await.status);
    }
    assert_eq!(statuses, [500, 500, 200]);
    assert_eq!(server.faults.rules()[0].fired, 2);
}

#[tokio::test]
async fn rules_and_calls_can_be_set_and_shown_over_http() {
    let server = Server::with_queue(json!({})).await;
    let (http, base) = (&server.client.http, &server.client.base);
    let rules = json!([
        {
            "action": "SendMessage",
            "kind": "error",
            "status": 503,
            "code": "ServiceUnavailable",
            "times": 1,
        },
        {"action": "*", "kind": "delay", "ms": 1, "probability": 0.25, "seed": 3},
    ]);
    let added = http.post(format!("{base}/_faults")).json(&rules).send().await.unwrap();
    assert_eq!(added.status(), 200);
    assert_eq!(try_send(&server.client).await.unwrap(), 503);
    assert_eq!(try_send(&server.client).await.unwrap(), 200);
    let shown: Value =
        http.get(format!("{base}/_faults")).send().await.unwrap().json().await.unwrap();
    assert_eq!(shown[0]["fired"], 1);
    assert_eq!(shown[0]["rule"]["code"], "ServiceUnavailable");
    assert_eq!(shown[1]["rule"]["probability"], 0.25);
    http.delete(format!("{base}/_faults")).send().await.unwrap();
    assert!(server.faults.rules().is_empty());

    server.client.ok("SendMessageBatch", json!({"QueueUrl": "q", "Entries": entries(4)})).await;
    assert_eq!(server.client.bodies("q").await.len(), 5);
    let calls: Value =
        http.get(format!("{base}/_calls")).send().await.unwrap().json().await.unwrap();
    assert_eq!(calls["SendMessage"], json!({"requests": 2, "entries": 2}));
    assert_eq!(calls["SendMessageBatch"], json!({"requests": 1, "entries": 4}));
    assert_eq!(calls["ReceiveMessage"], json!({"requests": 1, "entries": 5}));
    http.delete(format!("{base}/_calls")).send().await.unwrap();
    assert!(server.faults.calls().is_empty());
}

#[tokio::test]
async fn invalid_rules_are_refused() {
    let server = Server::start();
    for rule in [
        json!({"action": "Nonsense", "kind": "reset"}),
        json!({"action": "*", "kind": "nonsense"}),
        json!({"action": "*", "kind": "delay"}),
        json!({"action": "*", "kind": "reset", "probability": 2}),
        json!({"action": "*", "kind": "error", "status": 99}),
        json!({"action": "*", "kind": "reset", "typo": 1}),
    ] {
        let url = format!("{}/_faults", server.client.base);
        let response = server.client.http.post(url).json(&json!([rule])).send().await.unwrap();
        assert_eq!(response.status(), 400, "{rule}");
    }
    assert!(server.faults.rules().is_empty());
}
