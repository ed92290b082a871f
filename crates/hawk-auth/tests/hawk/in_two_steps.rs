//! The head is checked before the body arrives.

use hawk_auth::{Refusal, SignedHead, Verified, Verifier};

use crate::sent::{NOW, Sent, verifier};

fn head(sent: &Sent, verifier: &Verifier) -> SignedHead {
    verifier.verify_head(&sent.head(), sent.now).map_err(|refusal| refusal.code()).unwrap()
}

fn body(sent: &Sent, verifier: &Verifier, head: SignedHead, now: u64) -> Result<Verified, Refusal> {
    verifier.verify_body(head, &sent.content_type, &sent.body, now)
}

#[test]
fn everything_but_the_body_is_refused_with_the_head() {
    let cases: [(fn(&mut Sent), &str); 6] = [
        (|sent| sent.authorization = None, "no_header"),
        (|sent| sent.method = "PUT".to_owned(), "mac_wrong"),
        (|sent| sent.replace("id=\"ui\"", "id=\"uj\""), "unknown_client"),
        (|sent| sent.now = NOW + 61, "stale_timestamp"),
        (|sent| sent.replace("hash=\"", "hash=\"x"), "mac_wrong"),
        (|sent| sent.replace("id=", "bewit=\"1\", id="), "malformed"),
    ];
    for (alter, expected) in cases {
        let mut altered = Sent::default().signed();
        alter(&mut altered);
        let refused = verifier().verify_head(&altered.head(), altered.now).map(|_| ());
        assert_eq!(refused.unwrap_err().code(), expected);
    }
}

#[test]
fn a_body_that_never_comes_or_is_wrong_does_not_use_up_the_nonce() {
    let (verifier, sent) = (verifier(), Sent::default().signed());
    drop(head(&sent, &verifier));
    let wrong = Sent { body: b"other".to_vec(), ..sent.clone() };
    let refused = body(&wrong, &verifier, head(&sent, &verifier), NOW).unwrap_err();
    assert_eq!(refused.code(), "payload_hash_wrong");
    assert!(body(&sent, &verifier, head(&sent, &verifier), NOW).is_ok());
    let again = verifier.verify_head(&sent.head(), NOW).map(|_| ()).unwrap_err();
    assert_eq!(again.code(), "nonce_seen");
}

#[test]
fn of_two_copies_that_arrive_at_once_one_is_accepted() {
    let (verifier, sent) = (verifier(), Sent::default().signed());
    let (one, other) = (head(&sent, &verifier), head(&sent, &verifier));
    assert!(body(&sent, &verifier, one, NOW).is_ok());
    assert_eq!(body(&sent, &verifier, other, NOW).unwrap_err().code(), "nonce_seen");
}

/// Otherwise a copy whose body takes long enough would outlive the memory of its nonce.
#[test]
fn a_timestamp_must_still_be_good_when_the_body_is_complete() {
    let (verifier, sent) = (verifier(), Sent::default().signed());
    let late = body(&sent, &verifier, head(&sent, &verifier), NOW + 61).unwrap_err();
    assert_eq!(late.code(), "stale_timestamp");
}
