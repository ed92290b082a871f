use crate::sent::{CRM_KEY, KEY, NOW, Sent, Signing, verifier, verifier_with};

fn with_nonce(nonce: &'static str) -> Sent {
    Sent::default().signed_with(&Signing { nonce, ..Signing::default() })
}

#[test]
fn an_instance_accepts_a_request_once_and_another_instance_sees_the_same_mac() {
    let (here, there) = (verifier(), verifier());
    let sent = Sent::default().signed();
    let first = sent.verify(&here).unwrap();
    assert_eq!(sent.code(&here), "nonce_seen");
    let second = sent.verify(&there).unwrap();
    assert_eq!((first.client_id(), first.mac()), (second.client_id(), second.mac()));
}

#[test]
fn a_nonce_works_once_even_if_the_rest_of_the_request_differs() {
    let verifier = verifier();
    assert_eq!(with_nonce("1").code(&verifier), "good");
    let other = Sent { body: b"{}".to_vec(), ..Sent::default() };
    assert_eq!(
        other.signed_with(&Signing { nonce: "1", ..Signing::default() }).code(&verifier),
        "nonce_seen"
    );
    let crm = Signing { id: "crm", key: CRM_KEY, nonce: "1", ..Signing::default() };
    assert_eq!(Sent::default().signed_with(&crm).code(&verifier), "good");
}

#[test]
fn a_replay_is_refused_while_its_timestamp_is_good() {
    let verifier = verifier();
    let ahead = Signing { ts: NOW + 60, ..Signing::default() };
    let mut sent = Sent::default().signed_with(&ahead);
    assert_eq!(sent.code(&verifier), "good");
    for (seconds, expected) in [
        (1, "nonce_seen"),
        (60, "nonce_seen"),
        (120, "nonce_seen"),
        (121, "stale_timestamp"),
        (200, "stale_timestamp"),
    ] {
        sent.now = NOW + seconds;
        assert_eq!(sent.code(&verifier), expected, "{seconds}");
    }
}

#[test]
fn a_nonce_is_not_remembered_if_anything_else_is_wrong() {
    let cases: [(fn(&mut Sent), &str); 6] = [
        (|sent| sent.method = "PUT".to_owned(), "mac_wrong"),
        (|sent| sent.replace("ext=\"some ext\"", "ext=\"other\""), "mac_wrong"),
        (|sent| sent.replace("id=\"ui\"", "id=\"uj\""), "unknown_client"),
        (|sent| sent.now = NOW + 61, "stale_timestamp"),
        (|sent| sent.body.push(b' '), "payload_hash_wrong"),
        (|sent| sent.replace("id=", "bewit=\"1\", id="), "malformed"),
    ];
    let good = Sent::default().signed();
    for (alter, expected) in cases {
        let verifier = verifier_with(&format!("ui:{KEY}"), 1);
        let mut altered = good.clone();
        alter(&mut altered);
        assert_eq!(altered.code(&verifier), expected);
        assert_eq!(good.code(&verifier), "good", "after {expected}");
    }
}

#[test]
fn a_full_memory_refuses_good_requests_until_the_oldest_nonce_expires() {
    let verifier = verifier_with(&format!("ui:{KEY}"), 2);
    assert_eq!(with_nonce("1").code(&verifier), "good");
    assert_eq!(with_nonce("2").code(&verifier), "good");
    assert_eq!(with_nonce("3").code(&verifier), "nonce_memory_full");
    assert_eq!(with_nonce("1").code(&verifier), "nonce_seen");
    let later = Sent { now: NOW + 121, ..Sent::default() };
    let signing = Signing { ts: NOW + 121, nonce: "3", ..Signing::default() };
    assert_eq!(later.signed_with(&signing).code(&verifier), "good");
}
