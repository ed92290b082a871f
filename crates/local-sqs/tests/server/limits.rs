use serde_json::{Value, json};

use crate::harness::{Server, redrive_to};

fn attributes(count: usize) -> Value {
    let one = json!({"DataType": "String", "StringValue": "v"});
    (0..count).map(|n| (format!("a{n}"), one.clone())).collect::<serde_json::Map<_, _>>().into()
}

pub fn send(more: Value) -> Value {
    let mut request = json!({"QueueUrl": "q", "MessageBody": "x"});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

fn with_attribute(name: &str, value: Value) -> Value {
    send(json!({"MessageAttributes": {name: value}}))
}

pub fn batch(entries: Vec<Value>) -> Value {
    json!({"QueueUrl": "q", "Entries": entries})
}

pub fn entry(id: &str) -> Value {
    json!({"Id": id, "MessageBody": "x", "ReceiptHandle": "x", "VisibilityTimeout": 0})
}

#[tokio::test]
async fn every_request_outside_the_limits_gets_the_error_of_sqs() {
    let server = Server::with_queue(json!({"MaximumMessageSize": "2048"})).await;
    let text = |value: &str| json!({"DataType": "String", "StringValue": value});
    let create =
        |name: &str, attributes: Value| json!({"QueueName": name, "Attributes": attributes});
    let set = |name: &str, value: &str| json!({"QueueUrl": "q", "Attributes": {name: value}});
    let receive = |name: &str, value: i64| json!({"QueueUrl": "q", name: value});
    const NO_QUEUE: &str = "AWS.SimpleQueueService.NonExistentQueue";
    const MANY: &str = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
    const EMPTY: &str = "AWS.SimpleQueueService.EmptyBatchRequest";
    const ENTRY_ID: &str = "AWS.SimpleQueueService.InvalidBatchEntryId";
    const NOT_DISTINCT: &str = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct";
    const TOO_LONG: &str = "AWS.SimpleQueueService.BatchRequestTooLong";
    const VALUE: &str = "InvalidParameterValue";
    const MISSING: &str = "MissingParameter";
    const CONTENTS: &str = "InvalidMessageContents";
    const ATTRIBUTE_NAME: &str = "InvalidAttributeName";
    const ATTRIBUTE_VALUE: &str = "InvalidAttributeValue";
    const HANDLE: &str = "ReceiptHandleIsInvalid";
    const JSON: &str = "SerializationException";
    let rows: Vec<(&str, &str, Value, &str)> = vec![
        ("no such queue", "SendMessage", send(json!({"QueueUrl": "http://h/1/missing"})), NO_QUEUE),
        ("no such queue", "ReceiveMessage", json!({"QueueUrl": "missing"}), NO_QUEUE),
        ("no such queue", "GetQueueUrl", json!({"QueueName": "missing"}), NO_QUEUE),
        ("no such queue", "DeleteQueue", json!({"QueueUrl": "missing"}), NO_QUEUE),
        ("no such queue", "PurgeQueue", json!({"QueueUrl": "missing"}), NO_QUEUE),
        ("no such queue", "GetQueueAttributes", json!({"QueueUrl": "missing"}), NO_QUEUE),
        ("no queue URL", "SendMessage", json!({"MessageBody": "x"}), MISSING),
        ("no body", "SendMessage", json!({"QueueUrl": "q"}), MISSING),
        ("empty body", "SendMessage", send(json!({"MessageBody": ""})), MISSING),
        ("NUL", "SendMessage", send(json!({"MessageBody": "a\u{0}"})), CONTENTS),
        ("control character", "SendMessage", send(json!({"MessageBody": "\u{b}"})), CONTENTS),
        ("U+FFFE", "SendMessage", send(json!({"MessageBody": "\u{fffe}"})), CONTENTS),
        ("U+FFFF", "SendMessage", send(json!({"MessageBody": "\u{ffff}"})), CONTENTS),
        (
            "body over the queue's size",
            "SendMessage",
            send(json!({"MessageBody": "x".repeat(2049)})),
            VALUE,
        ),
        ("delay below 0", "SendMessage", send(json!({"DelaySeconds": -1})), VALUE),
        ("delay above 900", "SendMessage", send(json!({"DelaySeconds": 901})), VALUE),
        ("delay is text", "SendMessage", send(json!({"DelaySeconds": "1"})), JSON),
        ("11 attributes", "SendMessage", send(json!({"MessageAttributes": attributes(11)})), VALUE),
        ("attribute name with a space", "SendMessage", with_attribute("a b", text("v")), VALUE),
        (
            "attribute name starting with AWS.",
            "SendMessage",
            with_attribute("Aws.x", text("v")),
            VALUE,
        ),
        (
            "attribute name ending in a period",
            "SendMessage",
            with_attribute("a.", text("v")),
            VALUE,
        ),
        (
            "attribute name too long",
            "SendMessage",
            with_attribute(&"a".repeat(257), text("v")),
            VALUE,
        ),
        ("attribute without value", "SendMessage", with_attribute("a", text("")), VALUE),
        (
            "attribute without type",
            "SendMessage",
            with_attribute("a", json!({"StringValue": "v"})),
            VALUE,
        ),
        (
            "attribute of unknown type",
            "SendMessage",
            with_attribute("a", json!({"DataType": "Text", "StringValue": "v"})),
            VALUE,
        ),
        (
            "number that is not a number",
            "SendMessage",
            with_attribute("a", json!({"DataType": "Number", "StringValue": "x"})),
            VALUE,
        ),
        (
            "binary attribute that is text",
            "SendMessage",
            with_attribute("a", json!({"DataType": "Binary", "StringValue": "x"})),
            VALUE,
        ),
        (
            "binary attribute that is not base64",
            "SendMessage",
            with_attribute("a", json!({"DataType": "Binary", "BinaryValue": "*"})),
            JSON,
        ),
        ("attribute value with NUL", "SendMessage", with_attribute("a", text("\u{0}")), CONTENTS),
        (
            "unknown system attribute",
            "SendMessage",
            send(json!({"MessageSystemAttributes": {"Other": text("v")}})),
            VALUE,
        ),
        ("no entries", "SendMessageBatch", batch(vec![]), EMPTY),
        ("no entries member", "DeleteMessageBatch", json!({"QueueUrl": "q"}), EMPTY),
        ("no entries", "ChangeMessageVisibilityBatch", batch(vec![]), EMPTY),
        (
            "11 entries",
            "SendMessageBatch",
            batch((0..11).map(|n| entry(&n.to_string())).collect()),
            MANY,
        ),
        (
            "11 entries",
            "DeleteMessageBatch",
            batch((0..11).map(|n| entry(&n.to_string())).collect()),
            MANY,
        ),
        (
            "11 entries",
            "ChangeMessageVisibilityBatch",
            batch((0..11).map(|n| entry(&n.to_string())).collect()),
            MANY,
        ),
        ("same id twice", "SendMessageBatch", batch(vec![entry("a"), entry("a")]), NOT_DISTINCT),
        ("same id twice", "DeleteMessageBatch", batch(vec![entry("a"), entry("a")]), NOT_DISTINCT),
        ("id with a period", "SendMessageBatch", batch(vec![entry("a.b")]), ENTRY_ID),
        ("id too long", "DeleteMessageBatch", batch(vec![entry(&"a".repeat(81))]), ENTRY_ID),
        ("no id", "SendMessageBatch", batch(vec![json!({"MessageBody": "x"})]), ENTRY_ID),
        (
            "sum over 1 MiB",
            "SendMessageBatch",
            batch(vec![json!({"Id": "a", "MessageBody": "x".repeat(1 << 20)}), entry("b")]),
            TOO_LONG,
        ),
        ("0 messages", "ReceiveMessage", receive("MaxNumberOfMessages", 0), VALUE),
        ("11 messages", "ReceiveMessage", receive("MaxNumberOfMessages", 11), VALUE),
        ("wait over 20 s", "ReceiveMessage", receive("WaitTimeSeconds", 21), VALUE),
        ("wait below 0", "ReceiveMessage", receive("WaitTimeSeconds", -1), VALUE),
        ("invisible over 12 h", "ReceiveMessage", receive("VisibilityTimeout", 43_201), VALUE),
        ("garbage handle", "DeleteMessage", json!({"QueueUrl": "q", "ReceiptHandle": "x"}), HANDLE),
        ("no handle", "DeleteMessage", json!({"QueueUrl": "q"}), MISSING),
        (
            "garbage handle",
            "ChangeMessageVisibility",
            json!({"QueueUrl": "q", "ReceiptHandle": "x", "VisibilityTimeout": 0}),
            HANDLE,
        ),
        (
            "no timeout",
            "ChangeMessageVisibility",
            json!({"QueueUrl": "q", "ReceiptHandle": "x"}),
            MISSING,
        ),
        ("bad queue name", "CreateQueue", create("a b", json!({})), VALUE),
        ("FIFO queue", "CreateQueue", create("a.fifo", json!({})), VALUE),
        ("queue name too long", "CreateQueue", create(&"a".repeat(81), json!({})), VALUE),
        ("no queue name", "CreateQueue", json!({}), MISSING),
        (
            "existing queue with another attribute",
            "CreateQueue",
            create("q", json!({"MaximumMessageSize": "2047"})),
            "QueueAlreadyExists",
        ),
        (
            "unknown attribute",
            "CreateQueue",
            create("n", json!({"FifoQueue": "true"})),
            ATTRIBUTE_NAME,
        ),
        ("unknown attribute", "SetQueueAttributes", set("QueueArn", "x"), ATTRIBUTE_NAME),
        (
            "unknown attribute",
            "GetQueueAttributes",
            json!({"QueueUrl": "q", "AttributeNames": ["Nonsense"]}),
            ATTRIBUTE_NAME,
        ),
        (
            "size below 1 KiB",
            "SetQueueAttributes",
            set("MaximumMessageSize", "1023"),
            ATTRIBUTE_VALUE,
        ),
        (
            "size above 1 MiB",
            "SetQueueAttributes",
            set("MaximumMessageSize", "1048577"),
            ATTRIBUTE_VALUE,
        ),
        (
            "retention below a minute",
            "SetQueueAttributes",
            set("MessageRetentionPeriod", "59"),
            ATTRIBUTE_VALUE,
        ),
        (
            "wait above 20 s",
            "SetQueueAttributes",
            set("ReceiveMessageWaitTimeSeconds", "21"),
            ATTRIBUTE_VALUE,
        ),
        (
            "timeout above 12 h",
            "SetQueueAttributes",
            set("VisibilityTimeout", "43201"),
            ATTRIBUTE_VALUE,
        ),
        ("timeout is text", "SetQueueAttributes", set("VisibilityTimeout", "x"), ATTRIBUTE_VALUE),
        ("policy is not JSON", "SetQueueAttributes", set("RedrivePolicy", "x"), VALUE),
        (
            "no such dead-letter queue",
            "SetQueueAttributes",
            set("RedrivePolicy", &redrive_to("no", 3)),
            VALUE,
        ),
        (
            "its own dead-letter queue",
            "SetQueueAttributes",
            set("RedrivePolicy", &redrive_to("q", 3)),
            VALUE,
        ),
        (
            "1001 receives",
            "SetQueueAttributes",
            set("RedrivePolicy", &redrive_to("q", 1001)),
            VALUE,
        ),
        ("0 results", "ListQueues", json!({"MaxResults": 0}), VALUE),
        ("token of another server", "ListQueues", json!({"NextToken": "zz"}), VALUE),
        ("unknown action", "Nonsense", json!({}), "UnknownOperationException"),
    ];
    for (reason, action, request, code) in rows {
        let answer = server.client.call(action, request).await;
        let status = if code == "UnknownOperationException" { 404 } else { 400 };
        assert_eq!(
            (answer.status, answer.query_error),
            (status, format!("{code};Sender")),
            "{reason}: {action}"
        );
        assert!(answer.body["message"].is_string(), "{reason}: {action}");
    }
    assert_eq!(server.client.attribute("q", "ApproximateNumberOfMessages").await, "0");
    assert_eq!(server.client.attribute("q", "MaximumMessageSize").await, "2048");
}
