use hawk::{Key, SHA256};

use crate::sent::{KEY, NOW, OLD_KEY, Sent, Signing, attribute, verifier, verifier_with};

#[test]
fn clocks_may_differ_by_60_seconds_and_no_more() {
    for (ts, expected) in [
        (NOW - 61, "stale_timestamp"),
        (NOW - 60, "good"),
        (NOW + 60, "good"),
        (NOW + 61, "stale_timestamp"),
        (0, "stale_timestamp"),
        (u64::MAX, "stale_timestamp"),
    ] {
        // The crate `hawk` uses SystemTime, whose range is smaller than that of u64.
        let signing = Signing { ts: ts.min(u64::MAX / 4), ..Signing::default() };
        assert_eq!(Sent::default().signed_with(&signing).code(&verifier()), expected, "{ts}");
    }
}

#[test]
fn a_client_with_the_right_key_and_a_wrong_clock_gets_the_time_with_a_mac() {
    for key in [KEY, OLD_KEY] {
        let verifier = verifier_with(&format!("ui:{KEY},ui:{OLD_KEY}"), 1);
        let sent =
            Sent::default().signed_with(&Signing { key, ts: NOW - 3600, ..Signing::default() });
        let challenge = sent.verify(&verifier).unwrap_err().www_authenticate().into_owned();
        assert_eq!(attribute(&challenge, "ts"), "1800000000");
        assert_eq!(attribute(&challenge, "error"), "Stale timestamp");
        let expected = Key::new(key, SHA256).unwrap().sign(b"hawk.1.ts\n1800000000\n").unwrap();
        let expected = hawk::Header::new(
            None,
            None,
            None,
            Some(expected.into()),
            None::<&str>,
            None,
            None,
            None,
        );
        let expected = format!(" {}", expected.unwrap());
        assert_eq!(attribute(&challenge, "tsm"), attribute(&expected, "mac"));
    }
}

#[test]
fn a_sender_without_the_key_does_not_get_the_time() {
    let long_ago = Sent::default().signed_with(&Signing {
        key: OLD_KEY,
        ts: NOW - 3600,
        ..Signing::default()
    });
    assert_eq!(long_ago.verify(&verifier()).unwrap_err().www_authenticate(), "Hawk");
}
