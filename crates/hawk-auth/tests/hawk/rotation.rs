use crate::sent::{CRM_KEY, KEY, OLD_KEY, Sent, Signing, verifier_with};

#[test]
fn both_keys_of_a_client_are_good_and_the_answer_is_signed_with_the_same_key() {
    let key_alone = |key: &'static str| {
        let verified = signed_with(key).verify(&verifier_with(&format!("ui:{key}"), 1)).unwrap();
        verified.server_authorization("text/plain", b"ok")
    };
    for clients in
        [format!("ui:{KEY},ui:{OLD_KEY}"), format!("ui:{OLD_KEY},crm:{CRM_KEY},ui:{KEY}")]
    {
        for key in [KEY, OLD_KEY] {
            let verified = signed_with(key).verify(&verifier_with(&clients, 1)).unwrap();
            assert_eq!(verified.server_authorization("text/plain", b"ok"), key_alone(key));
        }
    }
    assert_ne!(key_alone(KEY), key_alone(OLD_KEY));
}

#[test]
fn a_removed_key_is_no_longer_good() {
    assert_eq!(signed_with(OLD_KEY).code(&verifier_with(&format!("ui:{KEY}"), 1)), "mac_wrong");
}

#[test]
fn a_replay_is_refused_even_if_the_other_key_signed_it() {
    let verifier = verifier_with(&format!("ui:{KEY},ui:{OLD_KEY}"), 10);
    assert_eq!(signed_with(KEY).code(&verifier), "good");
    assert_eq!(signed_with(OLD_KEY).code(&verifier), "nonce_seen");
}

fn signed_with(key: &'static str) -> Sent {
    Sent::default().signed_with(&Signing { key, ..Signing::default() })
}
