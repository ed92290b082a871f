//! What must hold of any bytes: in `make test` of the seeds and of random ones, in `make fuzz` of what the fuzzer makes.

use std::sync::LazyLock;

use chrono::DateTime;
use domain::{
    AttributeValue, Encoding, Fields, FormType, FormTypes, Message, Received, Refusal, Submission,
};
use serde_json::Value;
use uuid::Uuid;

/// `form`, and `enrolment`, whose schema has more in it.
static FORM_TYPES: LazyLock<Vec<FormType>> = LazyLock::new(|| {
    let names = ["form", "enrolment"].map(str::to_owned);
    FormTypes::new(&names, &Default::default()).unwrap().iter().cloned().collect()
});

/// The largest message that SQS takes, in bytes.
const LARGEST: usize = 1 << 20;

/// A request: its `Content-Type`, a line end, its body.
pub fn of_request(input: &[u8]) {
    let Some((content_type, body)) = first_line(input) else { return };
    let Ok(encoding) = Encoding::of(content_type) else { return };
    match Fields::parse(body, encoding) {
        Ok(fields) => {
            of_accepted(&fields);
            // Of what is not refused, serde_json's own reader and ours have one reading.
            if encoding == Encoding::Json && !matches!(body.trim_ascii(), b"" | b"null") {
                assert_eq!(&serde_json::from_slice::<Value>(body).unwrap(), fields.as_value());
            }
        }
        Err(refusal) => of_refusal(&refusal),
    }
}

/// A message: its `id`, `received_at` and `original_message_id`, a line each that is empty where it is absent, its body.
pub fn of_message(input: &[u8]) {
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
                of_accepted(&fields);
                // What no api of ours has checked is checked here.
                assert!(record.submission_id.is_some() || form_type.check(&fields).is_ok());
                "id_taken".to_owned()
            }
            Err(refusal) => {
                of_refusal(refusal);
                refusal.to_string()
            }
        };
        // On the invalid queue it is whole, and what is sent back from there is what it was.
        let Message { body, attributes } = Message::invalid(&received, &reason, LARGEST);
        let sent_back = Received { message_id: "second".to_owned(), body, attributes };
        assert!(sent_back.size() <= LARGEST && sent_back.attributes.len() <= 10);
        assert_eq!(sent_back.body, received.body);
        match (decoded, sent_back.decode(form_type)) {
            (Ok(first), Ok(second)) => assert_eq!(first.record, second.record),
            (Err(first), Err(second)) => assert_eq!(first, second),
            (first, second) => panic!("{first:?}, sent back {second:?}"),
        }
        // Where there is no room, attributes are left out, and never a part of the body.
        let cramped = Message::invalid(&received, &reason, received.body.len() + 40);
        assert!(cramped.size() <= received.body.len() + 40 && cramped.body == received.body);
    }
}

/// Fields that the edge takes.
pub fn of_accepted(fields: &Fields) {
    storable(fields.as_value(), 1);
    let submission = Submission {
        id: Uuid::max(),
        form_type: FormType::form(),
        received_at: DateTime::from_timestamp_micros(1_763_690_400_123_456).unwrap(),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        fields: fields.clone(),
    };
    let Message { body, attributes } = Message::from_submission(&submission);
    assert!(body.chars().all(sqs_takes));
    let decoded = Received { message_id: "m".to_owned(), body: body.clone(), attributes }
        .decode(&submission.form_type)
        .expect("the worker decodes what the edge takes");
    assert_eq!(decoded.unreadable, [""; 0]);
    assert_eq!(decoded.record.submission_id, Some(submission.id));
    assert_eq!(decoded.record.received_at, Some(submission.received_at));
    let stored = Fields::from_json(decoded.record.data.as_bytes()).unwrap();
    assert!(stored == *fields, "the worker decodes other fields");
    assert_eq!(stored.to_json(), body);
    for form_type in &*FORM_TYPES {
        form_type.check(fields).unwrap_or_else(|refusal| of_refusal(&refusal));
    }
}

fn of_refusal(refusal: &Refusal) {
    let answer = refusal.to_json();
    assert!(answer.as_object().is_some_and(|answer| !answer.is_empty()));
    assert_eq!(serde_json::from_str::<Value>(&answer.to_string()).unwrap(), answer);
    // It goes into a log line and into an attribute of a message.
    let reason = refusal.to_string();
    assert!(
        (1..100).contains(&reason.len())
            && reason.bytes().all(|b| b.is_ascii_graphic() || b == b' '),
        "{reason}"
    );
}

/// What PostgreSQL's jsonb holds, written down once more.
fn storable(value: &Value, depth: usize) {
    assert!(depth <= 127 || !(value.is_object() || value.is_array()), "nested too deeply");
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => assert!(plain_digits(number.as_str()) <= 1000, "{number}"),
        Value::String(text) => assert!(!text.contains('\0')),
        Value::Array(items) => items.iter().for_each(|item| storable(item, depth + 1)),
        Value::Object(members) => {
            for (key, member) in members {
                assert!(!key.contains('\0'));
                storable(member, depth + 1);
            }
        }
    }
}

/// At least as many digits as the number takes in plain notation without leading zeros.
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

/// The characters that SendMessage documents.
fn sqs_takes(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn first_line(input: &[u8]) -> Option<(&str, &[u8])> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    Some((str::from_utf8(&input[..end]).ok()?, &input[end + 1..]))
}
