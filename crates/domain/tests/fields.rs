//! Parsing request bodies in all three encodings.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::collections::BTreeMap;

use domain::{Encoding, Fields, FormType, Refusal};

const JSON: Encoding = Encoding::Json;
const URL: Encoding = Encoding::UrlEncoded;
const MULTIPART: Encoding = Encoding::Multipart { content_type: "multipart/form-data; boundary=b" };

/// The text for the queue, or the reason and the answer.
fn outcome(body: &[u8], encoding: Encoding) -> String {
    let checked = Fields::parse(body, encoding)
        .and_then(|fields| FormType::form().check(&fields).map(|()| fields));
    match checked {
        Ok(fields) => fields.into_json(),
        Err(refusal) => format!("{refusal} | {}", refusal.to_json()),
    }
}

#[test]
fn bodies_in_every_encoding_are_parsed_or_refused_with_a_reason() {
    let part = |head: &str, text: &str| {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n")
    };
    let multipart = |parts: &[String]| format!("{}--b--\r\n", parts.concat());
    let deep =
        |depth: usize| format!("{{\"data\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let cases: Vec<(&str, Vec<u8>, Encoding)> = vec![
        ("keys are sorted", br#"{"z":1, "data": {"b":1,"a":2}}"#.to_vec(), JSON),
        ("numbers keep scale and digits", br#"{"data":[1.50,-0.0,12345678901234567890.123,1e10]}"#.to_vec(), JSON),
        ("text keeps every character", "{\"data\":\"\u{1F600} é \\t \\u007f \u{fffd}\"}".into(), JSON),
        ("U+FFFE and U+FFFF are escaped", "{\"data\":\"\u{fffe}\",\"\u{ffff}\":1}".into(), JSON),
        ("white space around null", b" null\n".to_vec(), JSON),
        ("white space alone", b" ".to_vec(), JSON),
        ("a float", b"1.5".to_vec(), JSON),
        ("true", b"true".to_vec(), JSON),
        ("trailing text", br#"{"data":1} x"#.to_vec(), JSON),
        ("a trailing comma", br#"{"data":1,}"#.to_vec(), JSON),
        ("a leading zero", br#"{"data":01}"#.to_vec(), JSON),
        ("Infinity", br#"{"data":-Infinity}"#.to_vec(), JSON),
        ("a byte order mark", "\u{feff}{\"data\":1}".into(), JSON),
        ("depth 127", deep(127).into_bytes(), JSON),
        ("depth 128", deep(128).into_bytes(), JSON),
        ("a pair of surrogates", br#"{"data":"\ud83d\ude00"}"#.to_vec(), JSON),
        ("a trailing surrogate alone", br#"{"data":"\ude00"}"#.to_vec(), JSON),
        ("a private key", br#"{"data":{"$serde_json::private::Number":"1"}}"#.to_vec(), JSON),
        ("all faults of all fields", br#"{"a":"\u0000","b":1e1000,"\u0000":"\u0000","data":[1e-1000,"\u0000"]}"#.to_vec(), JSON),
        ("a thousand digits", br#"{"data":1e-999}"#.to_vec(), JSON),
        ("a pair without =", b"data&x".to_vec(), URL),
        ("escaped separators", b"data=a%26b%3Dc%2B+d".to_vec(), URL),
        ("NUL in a name", b"data=1&a%00=1".to_vec(), URL),
        ("a private key as a name", b"data=1&$serde_json::private::Number=1".to_vec(), URL),
        ("a private key as a part's name", multipart(&[part("name=\"$serde_json::private::RawValue\"", "1")]).into(), MULTIPART),
        ("a file of that name", multipart(&[part("name=\"$serde_json::private::Number\"; filename=\"x\"", "1")]).into(), MULTIPART),
        ("two parts of one name", multipart(&[part("name=\"data\"", "1"), part("name=\"data\"", "2")]).into(), MULTIPART),
        ("an empty file input", multipart(&[part("name=\"data\"", "1"), part("name=\"cv\"; filename=\"\"", "")]).into(), MULTIPART),
        ("two files", multipart(&[part("name=\"a\"; filename=\"x\"", "1"), part("name=\"b\"; filename=\"y\"", "")]).into(), MULTIPART),
        ("text in another character set", b"--b\r\nContent-Disposition: form-data; name=\"data\"\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9\r\n--b--\r\n".to_vec(), MULTIPART),
        ("line breaks in a part", multipart(&[part("name=\"data\"", "a\r\nb\r\n")]).into(), MULTIPART),
        ("a part that is cut off", b"--b\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\nhel".to_vec(), MULTIPART),
        ("no part at all", b"x".to_vec(), MULTIPART),
    ];
    let outcomes: Vec<String> = cases
        .iter()
        .map(|(name, body, encoding)| {
            let outcome = outcome(body, *encoding);
            let outcome =
                if outcome.len() > 400 { format!("{} bytes", outcome.len()) } else { outcome };
            format!("{name}: {outcome}")
        })
        .collect();
    insta::assert_snapshot!(outcomes.join("\n"));
}

/// An object with many members is sorted while it is read.
#[test]
fn of_many_repeated_names_the_last_value_is_kept_in_every_encoding() {
    // Each name comes about seven times, in no order, and some names have an escape.
    let name =
        |n: usize| format!("{}{}", if n.is_multiple_of(3) { "é\"" } else { "" }, n * 7919 % 1500);
    let pairs: Vec<(String, usize)> = (0..10_000).map(|n| (name(n), n)).collect();
    let last: BTreeMap<&str, usize> = pairs.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    let quoted = |name: &str| serde_json::to_string(name).unwrap();
    let join = |pairs: &mut dyn Iterator<Item = (&str, usize)>, mark: &str| {
        let members: Vec<String> =
            pairs.map(|(name, n)| format!("{}:{mark}{n}{mark}", quoted(name))).collect();
        format!("{{{}}}", members.join(","))
    };
    let all = || pairs.iter().map(|(name, n)| (name.as_str(), *n));
    let kept = || last.iter().map(|(name, n)| (*name, *n));

    let json = join(&mut all(), "");
    let fields = Fields::from_json(json.as_bytes()).unwrap();
    assert_eq!(fields.as_json(), join(&mut kept(), ""));
    assert_eq!(fields.get("1"), Some(last["1"].to_string().as_str()));

    // Two objects that are inside another one with many members.
    let inside = Fields::from_json(format!(r#"{{"b":{json},"a":[{json}]}}"#).as_bytes()).unwrap();
    let object = join(&mut kept(), "");
    assert_eq!(inside.as_json(), format!(r#"{{"a":[{object}],"b":{object}}}"#));

    let url =
        all().map(|(name, n)| format!("{}={n}&", name.replace('"', "%22"))).collect::<String>();
    assert_eq!(Fields::parse(url.as_bytes(), URL).unwrap().as_json(), join(&mut kept(), "\""));
}

#[test]
fn urlencoded_text_that_is_not_utf8_is_refused_and_the_character_for_it_is_not() {
    let good = "\u{fffd}=%EF%BF%BD&data=%C3%A9+%F0%9F%98%80&percent=%&half=%4&no=%zz";
    let fields = Fields::parse(good.as_bytes(), URL).unwrap();
    let expected = "{\"data\":\"é 😀\",\"half\":\"%4\",\"no\":\"%zz\",\"percent\":\"%\",\"\u{fffd}\":\"\u{fffd}\"}";
    assert_eq!(fields.as_json(), expected);
    for bad in [
        &b"data=%FF"[..],
        b"data=\xff",
        b"data=1&data=%C3",
        b"data=%C3&=%A9",
        b"%ff=1",
        b"a%C3=%A9",
        b"data=%ED%A0%80",
        b"data=%FF%FE%2",
    ] {
        let refusal = Fields::parse(bad, URL).unwrap_err();
        assert_eq!(refusal.code(), "not_utf8", "{}", bad.escape_ascii());
    }
    // One fault for each field, and not for all of a million fields.
    let many =
        "data=%FF&".repeat(1000) + &(0..1000).map(|n| format!("{n}=%FF&")).collect::<String>();
    let answer = Fields::parse(many.as_bytes(), URL).unwrap_err().to_json();
    assert_eq!(answer["data"], serde_json::json!(["Text must be UTF-8."]));
    assert_eq!(answer["non_field_errors"], serde_json::json!(["There are more errors."]));
    assert_eq!(answer.as_object().unwrap().len(), 101);
}

#[test]
fn an_empty_body_gives_no_fields_in_any_encoding() {
    for encoding in [JSON, URL, MULTIPART] {
        let refusal = FormType::form().check(&Fields::parse(b"", encoding).unwrap()).unwrap_err();
        assert_eq!(refusal.to_string(), "field_required at data");
    }
}

#[test]
fn a_message_that_is_null_is_refused() {
    assert_eq!(Fields::from_json(b"null").unwrap_err(), Refusal::NotAnObject { got: "NoneType" });
}

#[test]
fn debug_output_and_reasons_never_show_the_submission() {
    let fields = Fields::from_json(br#"{"data":"canary","canary":1}"#).unwrap();
    assert!(!format!("{fields:?}").contains("canary"));
    for body in [
        r#"{"canary":"\u0000"}"#,
        r#"{"data":canary}"#,
        r#""canary""#,
        r#"{"data":{"canary\u0000":1}}"#,
    ] {
        let refusal = Fields::from_json(body.as_bytes()).unwrap_err();
        assert!(!refusal.to_string().contains("canary"), "{refusal}");
    }
}
