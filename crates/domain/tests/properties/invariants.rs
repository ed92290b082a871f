//! The invariants that must hold for any bytes. `make test` tries them with the seeds and with
//! random bytes, `make fuzz` with the bytes that the fuzzer generates.

use std::sync::LazyLock;

use chrono::DateTime;
use domain::{
    AttributeValue, Encoding, Fields, FormType, FormTypes, InvalidMessage, Message, Received,
    Refusal, Submission,
};
use serde_json::Value;
use uuid::Uuid;

/// `form`, and `enrolment`, whose schema has more rules.
static FORM_TYPES: LazyLock<Vec<FormType>> = LazyLock::new(|| {
    let names = ["form", "enrolment"].map(str::to_owned);
    FormTypes::new(&names, &Default::default()).unwrap().iter().cloned().collect()
});

/// The largest message that SQS accepts, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// Checks a request. `input` is its `Content-Type`, a line end and its body.
pub fn check_request(input: &[u8]) {
    let Some((content_type, body)) = first_line(input) else { return };
    let Ok(encoding) = Encoding::from_content_type(content_type) else { return };
    match Fields::parse(body, encoding) {
        Ok(fields) => {
            check_accepted(&fields);
            // If we accept the JSON, serde_json's own parser reads the same value.
            if encoding == Encoding::Json && !matches!(body.trim_ascii(), b"" | b"null") {
                let value: Value = serde_json::from_slice(body).unwrap();
                assert_eq!(value, fields.to_value());
                // It also writes the same text, except for the characters that SQS refuses.
                let text = value.to_string();
                let text = text.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff");
                assert_eq!(text, fields.as_json());
            }
        }
        Err(refusal) => check_refusal(&refusal),
    }
}

/// Checks a message. `input` has a line each for `id`, `received_at` and `original_message_id`,
/// empty if the message does not have the attribute, and then the body.
pub fn check_message(input: &[u8]) {
    let mut rest = input;
    let mut attributes = domain::Attributes::new();
    for name in ["id", "received_at", "original_message_id"] {
        let Some((value, after)) = first_line(rest) else { return };
        if !value.is_empty() {
            attributes.insert(name.to_owned(), AttributeValue::string(value));
        }
        rest = after;
    }
    let Ok(body) = str::from_utf8(rest) else { return };
    let received = Received { message_id: "first".to_owned(), body: body.to_owned(), attributes };

    check_kept(received.clone());
    for form_type in &*FORM_TYPES {
        let decoded = received.decode(form_type);
        let reason = match &decoded {
            Ok(decoded) => {
                let record = &decoded.record;
                assert_eq!(
                    (record.form_type.as_str(), &record.data),
                    (form_type.name(), &received.body)
                );
                assert!((1..=255).contains(&record.sqs_message_id.len()));
                let fields = Fields::from_json(body.as_bytes()).unwrap();
                check_accepted(&fields);
                // If our api has not checked the message, `decode` has.
                assert!(record.submission_id.is_some() || form_type.check(&fields).is_ok());
                "id_taken".to_owned()
            }
            Err(refusal) => {
                check_refusal(refusal);
                refusal.to_string()
            }
        };
        // The invalid queue keeps the whole message, and sending it back restores it.
        let Message { body, attributes } = Message::for_invalid_queue(&received, &reason, MAX_SIZE);
        let sent_back = Received { message_id: "second".to_owned(), body, attributes };
        assert!(sent_back.size() <= MAX_SIZE && sent_back.attributes.len() <= 10);
        assert_eq!(sent_back.body, received.body);
        match (decoded, sent_back.decode(form_type)) {
            (Ok(first), Ok(second)) => assert_eq!(first.record, second.record),
            (Err(first), Err(second)) => assert_eq!(first, second),
            (first, second) => panic!("{first:?}, sent back {second:?}"),
        }
        // If there is no room, attributes are dropped, but never a part of the body.
        let trimmed = Message::for_invalid_queue(&received, &reason, received.body.len() + 40);
        assert!(trimmed.size() <= received.body.len() + 40 && trimmed.body == received.body);
    }
}

/// Checks that a message is kept as it came, whatever its attributes say.
fn check_kept(mut received: Received) {
    for name in ["traceparent", "times_sent", "reason", "unknown"] {
        let value = received.identity() + &received.body;
        received.attributes.insert(name.to_owned(), AttributeValue::string(value));
    }
    let (data_type, value) = ("Binary.x".to_owned(), received.body.clone().into_bytes());
    let binary = AttributeValue::Binary { data_type, value };
    received.attributes.insert("binary".to_owned(), binary);
    received.traceparent();

    let kept = InvalidMessage::from_received(received.clone(), "form");
    assert!(kept.reason.chars().count() <= 200 && !kept.reason.contains('\0'));
    assert!((1..=40).contains(&kept.reason_code().len()));
    assert_eq!(kept.body, received.body.as_bytes());
    let message_id = received.first_message_id().to_owned();
    assert!(kept.into_received() == Some(Received { message_id, ..received }));
}

/// Checks fields that the api accepts.
pub fn check_accepted(fields: &Fields) {
    let value = fields.to_value();
    assert_storable(&value, 1);
    for (name, member) in value.as_object().unwrap() {
        let text = fields.get(name).unwrap();
        assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), member);
    }
    let submission = Submission {
        id: Uuid::max(),
        form_type: FormType::form(),
        received_at: DateTime::from_timestamp_micros(1_763_690_400_123_456).unwrap(),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        fields: fields.clone(),
    };
    let (id, received_at) = (submission.id, submission.received_at);
    let Message { body, attributes } = Message::from_submission(submission);
    assert_eq!(body, fields.as_json());
    assert!(body.chars().all(is_allowed_by_sqs));
    let decoded = Received { message_id: "m".to_owned(), body: body.clone(), attributes }
        .decode(&FormType::form())
        .expect("the worker decodes every form that the api accepts");
    assert_eq!(decoded.unreadable, [""; 0]);
    assert_eq!(decoded.record.submission_id, Some(id));
    assert_eq!(decoded.record.received_at, Some(received_at));
    let stored = Fields::from_json(decoded.record.data.as_bytes()).unwrap();
    assert!(stored == *fields, "the worker decodes other fields");
    assert_eq!(stored.into_json(), body);
    for form_type in &*FORM_TYPES {
        form_type.check(fields).unwrap_or_else(|refusal| check_refusal(&refusal));
    }
}

fn check_refusal(refusal: &Refusal) {
    let answer = refusal.to_json();
    assert!(answer.as_object().is_some_and(|answer| !answer.is_empty()));
    assert_eq!(serde_json::from_str::<Value>(&answer.to_string()).unwrap(), answer);
    // The reason goes into a log line and into an attribute of a message.
    let reason = refusal.to_string();
    assert!(
        (1..100).contains(&reason.len())
            && reason.bytes().all(|b| b.is_ascii_graphic() || b == b' '),
        "{reason}"
    );
}

/// Asserts that PostgreSQL's jsonb can store the value. Deliberately not the code under test.
fn assert_storable(value: &Value, depth: usize) {
    assert!(depth <= 127 || !(value.is_object() || value.is_array()), "nested too deeply");
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => assert!(plain_digits(number.as_str()) <= 1000, "{number}"),
        Value::String(text) => assert!(!text.contains('\0')),
        Value::Array(items) => items.iter().for_each(|item| assert_storable(item, depth + 1)),
        Value::Object(members) => {
            for (key, member) in members {
                assert!(!key.contains('\0'));
                assert_storable(member, depth + 1);
            }
        }
    }
}

/// An upper bound for the digits of the number in plain notation without leading zeros.
fn plain_digits(number: &str) -> i64 {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i64 = exponent.parse().unwrap();
    let (whole, fraction) = mantissa
        .trim_start_matches('-')
        .split_once('.')
        .unwrap_or((mantissa.trim_start_matches('-'), ""));
    assert!(
        !whole.is_empty()
            && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()),
        "{number}"
    );
    let before = (whole.len() as i64).saturating_add(exponent).max(1);
    let after = (fraction.len() as i64).saturating_sub(exponent).max(0);
    before.saturating_add(after)
}

/// The characters that the documentation of SendMessage allows.
fn is_allowed_by_sqs(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn first_line(input: &[u8]) -> Option<(&str, &[u8])> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    Some((str::from_utf8(&input[..end]).ok()?, &input[end + 1..]))
}
