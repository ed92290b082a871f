//! Reads: requests without a body, whose answers may be streamed, and whose clients may change.

use hawk_auth::{Clients, Verifier};
use serde_json::{Value, json};

use crate::{
    mohawk::{mohawk, sent, with},
    sent::{CRM_KEY, KEY, NOW, OLD_KEY, Sent, Signing, verifier},
};

/// Every escape that a router or a proxy may be tempted to decode.
const PATH: &str = "/api/v1/table-data/%6Frg.ds/L%30?name=eq.%C3%A9%7E%41+%2B&column.a%2Fb=is.null";

fn reader() -> Verifier {
    verifier().that_accepts_reads_without_hash()
}

fn get() -> Value {
    json!({
        "id": "ui", "key": KEY, "ts": NOW, "nonce": "abc", "method": "GET",
        "url": format!("https://forms.example.com{PATH}"), "content": "", "content_type": "",
    })
}

fn bare(method: &str) -> Sent {
    Sent {
        method: method.to_owned(),
        path_and_query: PATH.to_owned(),
        content_type: String::new(),
        body: Vec::new(),
        ..Sent::default()
    }
}

fn without_hash() -> Signing {
    Signing { with_hash: false, ..Signing::default() }
}

#[test]
fn mohawk_reads_with_the_hash_of_nothing_or_without_a_hash() {
    let head = with(get(), json!({"method": "HEAD"}));
    let cases = [
        ("GET with hash", get()),
        ("GET without hash", with(get(), json!({"hash": false}))),
        ("HEAD with hash", head.clone()),
        ("HEAD without hash", with(head, json!({"hash": false}))),
    ];
    let requests: Vec<Value> = cases.iter().map(|(_, request)| request.clone()).collect();
    for ((what, request), result) in cases.iter().zip(mohawk(&requests)) {
        let sent = sent(request, 443, PATH, &result);
        assert_eq!(sent.code(&reader()), "good", "{what}");
    }
}

#[test]
fn only_the_request_target_as_it_was_sent_is_good() {
    let result = mohawk(&[get()]).remove(0);
    for (old, new) in [("%6F", "o"), ("%30", "0"), ("%C3%A9", "é"), ("%7E", "~"), ("%2F", "%2f")] {
        assert!(PATH.contains(old));
        let other = sent(&get(), 443, &PATH.replace(old, new), &result);
        assert_eq!(other.code(&reader()), "mac_wrong", "{old}");
    }
}

#[test]
fn a_missing_hash_is_refused_for_other_methods_with_a_body_and_by_the_intake() {
    let get = bare("GET").signed_with(&without_hash());
    assert_eq!(get.code(&verifier()), "payload_hash_missing");
    assert_eq!(get.code(&reader()), "good");
    let with_body = Sent { body: b"x".to_vec(), ..get };
    assert_eq!(with_body.code(&reader()), "payload_hash_missing");
    for method in ["POST", "PUT", "DELETE"] {
        let other = bare(method).signed_with(&without_hash());
        assert_eq!(other.code(&reader()), "payload_hash_missing", "{method}");
    }
}

#[test]
fn a_wrong_hash_is_refused_even_if_none_was_needed() {
    let signed_type = Sent { content_type: "text/plain".to_owned(), ..bare("GET") };
    let other = Sent { content_type: String::new(), ..signed_type.signed() };
    assert_eq!(other.code(&reader()), "payload_hash_wrong");
}

#[test]
fn mohawk_accepts_a_stream_only_if_it_is_willing_to_trust_its_body() {
    let result = mohawk(&[get()]).remove(0);
    let verified = sent(&get(), 443, PATH, &result).verify(&reader()).unwrap();
    let header = verified.server_authorization_without_hash();
    let answer = json!({
        "server_authorization": header, "content": "id\r\n1\r\n", "content_type": "text/csv",
        "untrusted": true,
    });
    let strict = with(answer.clone(), json!({"untrusted": false}));
    let altered =
        with(answer.clone(), json!({"server_authorization": header.replace("mac=\"", "mac=\"A")}));
    let accepted: Vec<Value> = mohawk(&[
        with(get(), json!({"answer": answer})),
        with(get(), json!({"answer": strict})),
        with(get(), json!({"answer": altered})),
    ])
    .into_iter()
    .map(|mut result| result["accepted"].take())
    .collect();
    assert_eq!(accepted, [json!(true), json!("MisComputedContentHash"), json!("MacMismatch")]);
}

#[test]
fn clients_may_change_while_nonces_are_remembered() {
    let verifier = reader();
    let ours = bare("GET").signed();
    let nonce = |nonce| Signing { nonce, ..Signing::default() };
    assert_eq!(ours.code(&verifier), "good");
    let keys = |first: &str, second: Option<&str>| {
        Clients::new([("ui".to_owned(), first.into(), second.map(Into::into))])
    };

    verifier.replace_clients(keys(CRM_KEY, Some(KEY)));
    assert_eq!(ours.code(&verifier), "nonce_seen");
    assert_eq!(bare("GET").signed_with(&nonce("2")).verify(&verifier).unwrap().key_index(), 1);
    let first = Signing { key: CRM_KEY, ..nonce("3") };
    assert_eq!(bare("GET").signed_with(&first).verify(&verifier).unwrap().key_index(), 0);

    verifier.replace_clients(keys(OLD_KEY, None));
    assert_eq!(bare("GET").signed_with(&nonce("4")).code(&verifier), "mac_wrong");
    verifier.replace_clients(Clients::new([]));
    assert_eq!(bare("GET").signed_with(&nonce("5")).code(&verifier), "unknown_client");
}
