//! Encoding and decoding messages on the queue.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use chrono::DateTime;
use domain::{
    AttributeValue, Attributes, Encoding, Fields, FormType, InvalidMessage, Message, Received,
    Submission,
};
use uuid::Uuid;

fn submission() -> Submission {
    Submission {
        id: Uuid::try_parse("0199a7a1-5c3e-7d10-8000-0123456789ab").unwrap(),
        form_type: FormType::form(),
        received_at: DateTime::from_timestamp_micros(1_763_690_400_123_456).unwrap(),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        fields: Fields::parse(
            br#"{"data":{"n":1.50,"name":"Example Limited"},"x":"\uffff"}"#,
            Encoding::Json,
        )
        .unwrap(),
    }
}

fn received(body: &str, attributes: &[(&str, &str)]) -> Received {
    let attributes =
        attributes.iter().map(|(name, value)| ((*name).to_owned(), AttributeValue::string(*value)));
    Received {
        message_id: "5fea7756-0ea4-451a-a703-a558b933e274".to_owned(),
        body: body.to_owned(),
        attributes: attributes.collect(),
    }
}

fn to_text(message: &Message) -> String {
    let attributes = message.attributes.iter();
    let attributes =
        attributes.map(|(name, value)| format!("{name}: {}\n", value.text().unwrap_or("binary")));
    format!("{}{}\n", attributes.collect::<String>(), message.body)
}

#[test]
fn a_submission_becomes_its_fields_plus_attributes() {
    insta::assert_snapshot!(to_text(&Message::from_submission(submission())));
}

#[test]
fn the_worker_decodes_the_submission_that_the_api_sent() {
    let submission = submission();
    let message = Message::from_submission(submission.clone());
    let decoded =
        Received { message_id: "m".to_owned(), body: message.body, attributes: message.attributes }
            .decode(&FormType::form())
            .unwrap();
    assert_eq!(decoded.unreadable, Vec::<&str>::new());
    assert_eq!(decoded.record.submission_id, Some(submission.id));
    assert_eq!(decoded.record.received_at, Some(submission.received_at));
    assert_eq!(decoded.record.sqs_message_id, "m");
    assert_eq!(decoded.record.schema_digest, Some(FormType::form().schema_digest()));
    assert_eq!(decoded.record.traceparent, Some(submission.traceparent));
    assert_eq!(Fields::from_json(decoded.record.data.as_bytes()).unwrap(), submission.fields);
}

#[test]
fn a_message_is_decoded_or_refused_with_a_reason() {
    let id = "0199a7a1-5c3e-7d10-8000-0123456789ab";
    let cases: &[(&str, &str, &[(&str, &str)])] = &[
        ("from the 2016 web server", r#"{"data": "x"}"#, &[]),
        ("with our id, no data", r#"{"x": 1}"#, &[("id", id)]),
        ("without an id, no data", r#"{"x": 1}"#, &[]),
        ("null data", r#"{"data": null}"#, &[]),
        ("with an unreadable id", r#"{"data": 1}"#, &[("id", "7"), ("received_at", "yesterday")]),
        ("with an unreadable id, no data", "{}", &[("id", "7")]),
        (
            "sent back from the invalid queue",
            r#"{"data": 1}"#,
            &[("original_message_id", "first"), ("reason", "r")],
        ),
        (
            "with an unreadable schema and trace",
            r#"{"data": 1}"#,
            &[("schema_digest", "44136fa355"), ("traceparent", "canary")],
        ),
        ("with a bad original id", r#"{"data": 1}"#, &[("original_message_id", "a b")]),
        ("not json", "not json", &[]),
        ("a list", "[]", &[("id", id)]),
        ("null", "null", &[("id", id)]),
        ("five", "5", &[]),
        ("an empty object", "{}", &[]),
        ("NaN", r#"{"data":NaN}"#, &[]),
        ("NUL", r#"{"data":"\u0000"}"#, &[("id", id)]),
        ("NUL in an unknown field", r#"{"data":1,"x":"\u0000"}"#, &[]),
        ("brackets", "[[[[", &[]),
    ];
    let outcomes: Vec<String> = cases
        .iter()
        .map(|(name, body, attributes)| {
            match received(body, attributes).decode(&FormType::form()) {
                Ok(decoded) => format!("{name}: {:?} {:?}", decoded.record, decoded.unreadable),
                Err(refusal) => format!("{name}: {refusal}"),
            }
        })
        .collect();
    insta::assert_snapshot!(outcomes.join("\n"));
}

#[test]
fn an_invalid_message_keeps_its_body_and_has_the_reason() {
    let received = received("not json", &[("id", "7"), ("tenant", "x")]);
    insta::assert_snapshot!(to_text(&Message::for_invalid_queue(&received, "not_json", 1 << 20)));
}

#[test]
fn an_invalid_message_that_was_sent_back_before_keeps_its_first_id_and_its_number() {
    let attributes = [("original_message_id", "first"), ("reason", "old"), ("times_sent", "2")];
    let received = received("not json", &attributes);
    let message = Message::for_invalid_queue(&received, "not_json", 1 << 20);
    assert_eq!(message.attributes["original_message_id"].text(), Some("first"));
    assert_eq!(message.attributes["reason"].text(), Some("not_json"));
    assert_eq!(message.attributes["times_sent"].text(), Some("2"));
}

#[test]
fn an_invalid_message_that_is_too_large_drops_attributes_but_keeps_its_body() {
    let names: Vec<String> = (0..10).map(|n| format!("attribute{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let message = Message::for_invalid_queue(&received("x", &many), "not_json", 1 << 20);
    assert_eq!(message.attributes.len(), 10);
    assert!(
        message.attributes.contains_key("reason")
            && message.attributes.contains_key("original_message_id")
    );

    let full = "x".repeat(1024);
    let message = Message::for_invalid_queue(&received(&full, &[("id", "7")]), "not_json", 1024);
    assert_eq!((message.body.as_str(), &message.attributes), (full.as_str(), &Attributes::new()));

    let message = Message::for_invalid_queue(
        &received(&full, &[("id", "7"), ("other", "v")]),
        "not_json",
        1024 + 9,
    );
    assert_eq!(message.attributes.keys().collect::<Vec<_>>(), ["id"]);
}

#[test]
fn sending_a_message_back_restores_it() {
    let first = received("not json", &[("id", "7"), ("tenant", "x")]);
    let aside = Message::for_invalid_queue(&first, "not_json", 1 << 20);
    let aside = Received {
        message_id: "another".to_owned(),
        body: aside.body,
        attributes: aside.attributes,
    };
    assert_eq!(aside.reason(), Some("not_json"));
    let back = Message::for_redrive(&aside, None, 1 << 20);
    let mut expected = first.attributes.clone();
    expected.insert("original_message_id".to_owned(), AttributeValue::string(&first.message_id));
    assert_eq!((back.body, back.attributes), (first.body, expected));
}

#[test]
fn a_kept_message_is_all_of_the_message_that_arrived() {
    let mut received = received("{\"a\"", &[("reason", "a\u{1b}[2Jb c"), ("times_sent", "3")]);
    let photo =
        AttributeValue::Binary { data_type: "Binary.png".to_owned(), value: vec![0, 255, 10] };
    received.attributes.insert("photo".to_owned(), photo);
    let kept = InvalidMessage::from_received(received.clone(), "form");
    assert_eq!((kept.reason.as_str(), kept.reason_code()), ("a[2Jb c", "other"));
    assert_eq!(kept.times_sent, Some(3));
    assert!(!format!("{kept:?}").contains("photo"));
    assert_eq!(kept.clone().into_received(), Some(received));

    for (reason, code) in
        [("not_json", "not_json"), ("id_taken x", "id_taken"), ("Ann 1", "other"), ("", "other")]
    {
        let kept = InvalidMessage { reason: reason.to_owned(), ..kept.clone() };
        assert_eq!(kept.reason_code(), code);
    }
    for attributes in [
        "",
        "[]",
        r#"{"a":{"type":"String"}}"#,
        r#"{"a":{"type":"String","value":"","base64":""}}"#,
    ] {
        let changed = InvalidMessage { attributes: attributes.into(), ..kept.clone() };
        assert_eq!(changed.into_received(), None, "{attributes}");
    }
}

#[test]
fn a_message_is_identified_by_its_id_or_else_by_its_first_message_id() {
    let id = "0199a7a1-5c3e-7d10-8000-0123456789ab";
    let own = "5fea7756-0ea4-451a-a703-a558b933e274";
    let cases: &[(&[(&str, &str)], &str, &str)] = &[
        (&[], own, own),
        (&[("original_message_id", "first")], "first", "first"),
        (&[("id", id), ("original_message_id", "first")], id, "first"),
        (&[("id", id)], id, own),
        (&[("id", "7"), ("original_message_id", "first")], "first", "first"),
        (&[("original_message_id", "a b")], own, own),
    ];
    for (attributes, identity, first) in cases {
        let received = received("{}", attributes);
        assert_eq!(
            (received.identity().as_str(), received.first_message_id()),
            (*identity, *first),
            "{attributes:?}"
        );
    }
}

#[test]
fn a_message_that_is_sent_back_may_drop_attributes_but_never_its_identity() {
    let names: Vec<String> = (0..10).map(|n| format!("attribute{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let back = Message::for_redrive(&received("x", &many), None, 1 << 20);
    assert_eq!(
        (back.attributes.len(), back.attributes.contains_key("original_message_id")),
        (10, true)
    );

    let id = "0199a7a1-5c3e-7d10-8000-0123456789ab";
    let back = Message::for_redrive(&received("x", &[("other", "v")]), None, 0);
    assert_eq!(back.attributes.keys().collect::<Vec<_>>(), ["original_message_id"]);
    let back = Message::for_redrive(&received("x", &[("id", id), ("other", "v")]), None, 0);
    assert_eq!(back.attributes.keys().collect::<Vec<_>>(), ["id"]);
    // An unreadable id identifies nothing.
    let back = Message::for_redrive(&received("x", &[("id", "7"), ("other", "v")]), None, 0);
    assert_eq!(back.attributes.keys().collect::<Vec<_>>(), ["original_message_id"]);
}

#[test]
fn the_debug_output_of_messages_and_records_never_shows_the_body() {
    let received = received(r#"{"data":"canary"}"#, &[("note", "canary")]);
    let message = Message::for_invalid_queue(&received, "not_json", 1 << 20);
    let decoded = received.decode(&FormType::form()).unwrap();
    for debug in [format!("{received:?}"), format!("{message:?}"), format!("{decoded:?}")] {
        assert!(!debug.contains("canary"), "{debug}");
    }
}

#[test]
fn the_digest_of_a_schema_depends_on_what_it_says_and_not_on_how_it_is_written() {
    let digest = |schema: &str| FormType::from_schema("a", schema).unwrap().schema_digest();
    let schema = r#"{"properties":{"a":{"maximum":1.50},"é":{"type":"string"}},"type":"object"}"#;
    for same in [
        schema.to_owned(),
        schema.replace(':', " :\n\t"),
        r#"{"type":"object","properties":{"\u00e9":{"type":"string"},"a":{"maximum":1.50}}}"#
            .to_owned(),
        format!("\u{feff}{schema}"),
    ] {
        assert_eq!(digest(&same), digest(schema), "{same}");
    }
    for other in [schema.replace("1.50", "1.5"), schema.replace("string", "number")] {
        assert_ne!(digest(&other), digest(schema), "{other}");
    }
    // printf '%s' "$schema" | sha256sum
    let expected = "3a97455f58574b7f0b603afbd451e698ec14903b788623347a0ebc478c63ac28";
    assert_eq!(digest(schema).to_string(), expected);
}

#[test]
fn the_digest_of_the_schema_never_makes_a_message_too_long() {
    let message = Message::from_submission(submission());
    let (size, bare) = (message.size(), message.size() - "schema_digestString".len() - 64);
    for (limit, has_digest) in [(size, true), (size - 1, false), (bare, false), (bare - 1, true)] {
        let made_room = message.clone().make_room(limit);
        assert_eq!(made_room.attributes.contains_key("schema_digest"), has_digest, "{limit}");
        assert_eq!(made_room.attributes.len(), if has_digest { 5 } else { 4 });
    }
}
