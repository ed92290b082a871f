use hawk_auth::Refusal;

use crate::sent::{CRM_KEY, NOW, OLD_KEY, Sent, Signing, attribute, verifier, verifier_with};

/// A different value in the same format.
fn with_changed_start(value: &str) -> String {
    let (first, rest) = value.split_at(1);
    format!("{}{rest}", if first == "A" { "B" } else { "A" })
}

fn alter_attribute(sent: &mut Sent, name: &str) {
    let value = attribute(sent.authorization.as_ref().unwrap(), name).to_owned();
    sent.replace(
        &format!("{name}=\"{value}\""),
        &format!("{name}=\"{}\"", with_changed_start(&value)),
    );
}

#[test]
fn each_alteration_has_the_expected_result() {
    let cases: [(&str, fn(&mut Sent), &str); 42] = [
        ("nothing", |_| {}, "good"),
        ("method", |sent| sent.method = "PUT".to_owned(), "mac_wrong"),
        ("case of the method", |sent| sent.method = "post".to_owned(), "good"),
        ("path", |sent| sent.path_and_query = "/form?a=1&b=%20".to_owned(), "mac_wrong"),
        ("query", |sent| sent.path_and_query = "/form/?a=2&b=%20".to_owned(), "mac_wrong"),
        (
            "order of the query",
            |sent| sent.path_and_query = "/form/?b=%20&a=1".to_owned(),
            "mac_wrong",
        ),
        (
            "escapes of the query",
            |sent| sent.path_and_query = "/form/?a=1&b=+".to_owned(),
            "mac_wrong",
        ),
        ("no query", |sent| sent.path_and_query = "/form/".to_owned(), "mac_wrong"),
        ("host", |sent| sent.host = "forms.example.org".to_owned(), "mac_wrong"),
        ("case of the host", |sent| sent.host = "Forms.Example.Com".to_owned(), "good"),
        ("port", |sent| sent.port = 80, "mac_wrong"),
        ("media type", |sent| sent.content_type = "text/plain".to_owned(), "payload_hash_wrong"),
        ("no media type", |sent| sent.content_type = String::new(), "payload_hash_wrong"),
        (
            "case of the media type",
            |sent| sent.content_type = "Application/JSON".to_owned(),
            "good",
        ),
        (
            "parameter",
            |sent| sent.content_type = "application/json ; charset=utf-8".to_owned(),
            "good",
        ),
        ("body", |sent| sent.body.push(b' '), "payload_hash_wrong"),
        ("no body", |sent| sent.body.clear(), "payload_hash_wrong"),
        ("no header", |sent| sent.authorization = None, "no_header"),
        ("empty header", |sent| sent.authorization = Some(String::new()), "another_scheme"),
        ("scheme", |sent| sent.replace("Hawk ", "Bearer "), "another_scheme"),
        ("longer scheme", |sent| sent.replace("Hawk ", "Hawks "), "another_scheme"),
        ("lower case of the scheme", |sent| sent.replace("Hawk ", "hawk "), "good"),
        ("upper case of the scheme", |sent| sent.replace("Hawk ", "HAWK "), "good"),
        ("id", |sent| sent.replace("id=\"ui\"", "id=\"uj\""), "unknown_client"),
        ("case of the id", |sent| sent.replace("id=\"ui\"", "id=\"UI\""), "unknown_client"),
        ("id of another client", |sent| sent.replace("id=\"ui\"", "id=\"crm\""), "mac_wrong"),
        ("ts", |sent| sent.replace("ts=\"1800000000\"", "ts=\"1800000001\""), "mac_wrong"),
        ("ts far off", |sent| sent.replace("ts=\"1800000000\"", "ts=\"1900000000\""), "mac_wrong"),
        (
            "writing of ts",
            |sent| sent.replace("ts=\"1800000000\"", "ts=\"01800000000\""),
            "mac_wrong",
        ),
        ("nonce", |sent| alter_attribute(sent, "nonce"), "mac_wrong"),
        ("ext", |sent| alter_attribute(sent, "ext"), "mac_wrong"),
        ("no ext", |sent| sent.replace("ext=\"some ext\", ", ""), "mac_wrong"),
        ("hash", |sent| alter_attribute(sent, "hash"), "mac_wrong"),
        ("empty hash", |sent| sent.replace("hash=\"", "hash=\"\", ext=\""), "duplicate_attribute"),
        ("mac", |sent| alter_attribute(sent, "mac"), "mac_wrong"),
        ("shorter mac", |sent| sent.replace("mac=\"", "mac=\"AAAA\", app=\""), "malformed"),
        ("added app", |sent| sent.replace("id=", "app=\"a\", id="), "mac_wrong"),
        ("added app and dlg", |sent| sent.replace("id=", "app=\"a\", dlg=\"d\", id="), "mac_wrong"),
        (
            "added dlg, which is signed only together with app",
            |sent| sent.replace("id=", "dlg=\"d\", id="),
            "malformed",
        ),
        ("added empty app", |sent| sent.replace("id=", "app=\"\", id="), "good"),
        ("clock ahead", |sent| sent.now = NOW + 61, "stale_timestamp"),
        ("clock behind", |sent| sent.now = NOW - 61, "stale_timestamp"),
    ];
    for (what, alter, expected) in cases {
        let mut sent = Sent::default().signed();
        alter(&mut sent);
        assert_eq!(sent.code(&verifier()), expected, "{what}");
    }
}

#[test]
fn a_signature_with_the_wrong_key_time_or_parts_is_refused() {
    let cases = [
        ("no hash", Signing { with_hash: false, ..Signing::default() }, "payload_hash_missing"),
        ("another key", Signing { key: OLD_KEY, ..Signing::default() }, "mac_wrong"),
        ("the key of another client", Signing { key: CRM_KEY, ..Signing::default() }, "mac_wrong"),
        (
            "the key that unknown clients are compared with",
            Signing { id: "x", key: "a decoy, which never lets anyone in", ..Signing::default() },
            "unknown_client",
        ),
        (
            "that key, for a client with one key",
            Signing { key: "a decoy, which never lets anyone in", ..Signing::default() },
            "mac_wrong",
        ),
        ("an empty key", Signing { key: "", ..Signing::default() }, "mac_wrong"),
        (
            "no hash, long ago",
            Signing { with_hash: false, ts: 1, ..Signing::default() },
            "stale_timestamp",
        ),
        (
            "another key, long ago",
            Signing { key: OLD_KEY, ts: 1, ..Signing::default() },
            "mac_wrong",
        ),
        (
            "an unknown client, long ago",
            Signing { id: "x", ts: 1, ..Signing::default() },
            "unknown_client",
        ),
    ];
    for (what, signing, expected) in cases {
        assert_eq!(Sent::default().signed_with(&signing).code(&verifier()), expected, "{what}");
    }
}

#[test]
fn an_app_from_the_crate_hawk_is_refused_because_that_crate_does_not_sign_it() {
    let mut sent = Sent::default().signed();
    let unsigned = sent.hawk_header(&Signing::default());
    let with_app = hawk::Header { app: Some("an-app".to_owned()), ..unsigned };
    sent.authorization = Some(format!("Hawk {with_app}"));
    assert_eq!(sent.code(&verifier()), "mac_wrong");
}

#[test]
fn every_cause_except_the_clock_has_the_same_answer() {
    let verifier = verifier_with("ui:key-of-the-ui-1234567890", 1);
    let good = Sent::default().signed();
    good.verify(&verifier).unwrap();
    let next = Sent::default().signed_with(&Signing { nonce: "next", ..Signing::default() });
    let mut refusals =
        vec![good.verify(&verifier).unwrap_err(), next.verify(&verifier).unwrap_err()];
    assert_eq!(refusals, [Refusal::NonceSeen, Refusal::NonceMemoryFull]);
    refusals.extend([
        Refusal::NoHeader,
        Refusal::AnotherScheme,
        Refusal::HeaderTooLong,
        Refusal::Malformed,
        Refusal::DuplicateAttribute,
        Refusal::AttributeMissing,
        Refusal::UnknownClient,
        Refusal::MacWrong,
        Refusal::PayloadHashMissing,
        Refusal::PayloadHashWrong,
    ]);
    for refusal in refusals {
        assert_eq!(refusal.www_authenticate(), "Hawk", "{refusal}");
    }
}
