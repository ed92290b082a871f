use std::str::FromStr;

use hawk::{Header, Key, PayloadHasher, RequestBuilder, SHA256};

use crate::sent::{KEY, NOW, OLD_KEY, Sent, Signing, verifier};

#[test]
fn a_request_signed_by_another_implementation_is_good_and_has_its_client_id() {
    let sent = Sent::default().signed();
    let verified = sent.verify(&verifier()).unwrap();
    assert_eq!((verified.client_id(), verified.ts()), ("ui", NOW));
    assert_eq!(verified.mac()[..], sent.hawk_header(&Signing::default()).mac.unwrap()[..]);
}

#[test]
fn a_request_without_body_and_query_is_good_if_it_has_a_hash() {
    let bare = Sent {
        method: "GET".to_owned(),
        path_and_query: "/".to_owned(),
        content_type: String::new(),
        body: Vec::new(),
        ..Sent::default()
    };
    assert_eq!(
        bare.signed_with(&Signing { ext: None, ..Signing::default() }).code(&verifier()),
        "good"
    );
}

#[test]
fn another_implementation_accepts_our_answer_but_not_an_altered_one() {
    let sent = Sent::default().signed();
    let ours = sent
        .verify(&verifier())
        .unwrap()
        .server_authorization("Application/JSON; charset=utf-8", b"{}");

    let request_header = sent.hawk_header(&Signing::default());
    let request =
        RequestBuilder::new(&sent.method, &sent.host, sent.port, &sent.path_and_query).request();
    let accepts = |media_type: &str, body: &str, key: &str, header: &str| {
        let hash = PayloadHasher::hash(media_type, SHA256, body).unwrap();
        request
            .make_response_builder(&request_header)
            .hash(&hash[..])
            .response()
            .validate_header(&Header::from_str(header).unwrap(), &Key::new(key, SHA256).unwrap())
    };
    let header = ours.strip_prefix("Hawk ").unwrap();
    assert!(accepts("application/json", "{}", KEY, header));
    assert!(!accepts("application/json", "{ }", KEY, header));
    assert!(!accepts("text/plain", "{}", KEY, header));
    assert!(!accepts("application/json", "{}", OLD_KEY, header));
    assert!(!accepts("application/json", "{}", KEY, &header.replace("mac=\"", "mac=\"AAAA")));
}

#[test]
fn the_mac_of_a_request_is_not_valid_for_its_answer() {
    let sent = Sent::default().signed_with(&Signing { ext: None, ..Signing::default() });
    let answer =
        sent.verify(&verifier()).unwrap().server_authorization(&sent.content_type, &sent.body);
    let mac = crate::sent::attribute(&answer, "mac");
    assert!(!sent.authorization.unwrap().contains(mac));
}

#[test]
fn debug_output_shows_neither_key_nor_mac() {
    let verifier = verifier();
    let sent = Sent::default().signed();
    let verified = sent.verify(&verifier).unwrap();
    assert_eq!(format!("{verified:?}"), "Verified { client_id: \"ui\", .. }");
    let printed = format!("{verifier:?} {verifier:#?}");
    assert!(printed.contains("ui") && !printed.contains("key-of"), "{printed}");
}
