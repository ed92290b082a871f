//! Published examples: from Hawk's README, and from the test vectors of the Tent protocol, which
//! uses `app`.

use crate::sent::{Sent, Signing, attribute, verifier_with};

const HAWK: &str = "dh37fgj492je:werxhqb98rpaxn39848xrunpaw3489ruxnpa98w4rxn";

fn example(method: &str, body: &str, authorization: &str) -> Sent {
    Sent {
        authorization: Some(authorization.to_owned()),
        method: method.to_owned(),
        path_and_query: "/resource/1?b=1&a=2".to_owned(),
        host: "example.com".to_owned(),
        port: 8000,
        content_type: "text/plain".to_owned(),
        body: body.into(),
        now: 1353832234,
    }
}

#[test]
fn hawks_example_with_a_payload_is_good() {
    let sent = example(
        "POST",
        "Thank you for flying Hawk",
        "Hawk id=\"dh37fgj492je\", ts=\"1353832234\", nonce=\"j4h3g2\", \
         hash=\"Yi9LfIIFRtBEPt74PVmbTF/xVAwPn7ub15ePICfgnuY=\", ext=\"some-app-ext-data\", \
         mac=\"aSe1DERmZuRl3pI36/9BdZmnErTw3sNzOOAUlfeKjVw=\"",
    );
    assert_eq!(sent.code(&verifier_with(HAWK, 1)), "good");
    let altered = Sent { body: b"Thank you for flying".to_vec(), ..sent };
    assert_eq!(altered.code(&verifier_with(HAWK, 1)), "payload_hash_wrong");
}

#[test]
fn hawks_example_without_a_payload_has_a_good_mac_but_no_hash() {
    let sent = example(
        "GET",
        "",
        "Hawk id=\"dh37fgj492je\", ts=\"1353832234\", nonce=\"j4h3g2\", ext=\"some-app-ext-data\", \
         mac=\"6R4rV5iE+NPoym+WwjeHzjAGXUtLNIxmo1vpMofpLAE=\"",
    );
    assert_eq!(sent.code(&verifier_with(HAWK, 1)), "payload_hash_missing");
    assert_eq!(
        Sent { method: "HEAD".to_owned(), ..sent }.code(&verifier_with(HAWK, 1)),
        "mac_wrong"
    );
}

const TENT: &str = "exqbZWtykFZIh2D7cXi9dA:HX9QcbD-r3ItFEnRcAuOSg";
const TENT_BODY: &str = r#"{"type":"https://tent.io/types/status/v0#"}"#;
const TENT_TYPE: &str = "application/vnd.tent.post.v0+json";

fn tent(authorization: &str) -> Sent {
    Sent {
        authorization: Some(authorization.to_owned()),
        method: "POST".to_owned(),
        path_and_query: "/posts".to_owned(),
        host: "example.com".to_owned(),
        port: 443,
        content_type: TENT_TYPE.to_owned(),
        body: TENT_BODY.into(),
        now: 1368996800,
    }
}

#[test]
fn tents_example_with_an_app_is_good_and_the_app_is_signed() {
    let mut sent = tent(
        "Hawk id=\"exqbZWtykFZIh2D7cXi9dA\", mac=\"2sttHCQJG9ejj1x7eCi35FP23Miu9VtlaUgwk68DTpM=\", \
         ts=\"1368996800\", nonce=\"3yuYCD4Z\", hash=\"neQFHgYKl/jFqDINrC21uLS0gkFglTz789rzcSr7HYU=\", \
         app=\"wn6yzHGe5TLaT-fvOPbAyQ\"",
    );
    assert_eq!(sent.code(&verifier_with(TENT, 1)), "good");
    sent.replace("app=\"wn6", "app=\"Wn6");
    assert_eq!(sent.code(&verifier_with(TENT, 1)), "mac_wrong");
}

#[test]
fn our_mac_over_the_time_equals_tents() {
    let long_ago = Signing {
        id: "exqbZWtykFZIh2D7cXi9dA",
        key: "HX9QcbD-r3ItFEnRcAuOSg",
        ts: 1,
        ..Signing::default()
    };
    let sent = tent("").signed_with(&long_ago);
    assert_eq!(
        sent.verify(&verifier_with(TENT, 1)).unwrap_err().www_authenticate(),
        "Hawk ts=\"1368996800\", tsm=\"HPDcD5S3Kw7LM/oyoXKcgv2Z30RnOLAI5ebXpYDGfo4=\", error=\"Stale timestamp\""
    );
}

#[test]
fn our_mac_over_an_answer_equals_tents() {
    let signing = Signing {
        id: "exqbZWtykFZIh2D7cXi9dA",
        key: "HX9QcbD-r3ItFEnRcAuOSg",
        ts: 1368996800,
        nonce: "3yuYCD4Z",
        ext: None,
        with_hash: true,
    };
    let verified = tent("").signed_with(&signing).verify(&verifier_with(TENT, 1)).unwrap();
    let answer = verified.server_authorization(TENT_TYPE, TENT_BODY.as_bytes());
    assert_eq!(attribute(&answer, "mac"), "LvxASIZ2gop5cwE2mNervvz6WXkPmVslwm11MDgEZ5E=");
    assert_eq!(attribute(&answer, "hash"), "neQFHgYKl/jFqDINrC21uLS0gkFglTz789rzcSr7HYU=");
}
