//! The signature of 2016: `X-Signature` is the SHA-256 of path with query, body and shared secret,
//! in lower-case hex.

use ring::digest::{Context, SHA256};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

pub const HEADER: &str = "X-Signature";

/// Whether this can be the signature of some body.
pub fn is_well_formed(signature: &[u8]) -> bool {
    signature.len() == 64
        && signature.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte))
}

/// Whether any of the secrets gives this signature of path and body. Takes the same time for each
/// of them.
pub fn is_good(
    signature: &[u8],
    path_and_query: &str,
    body: &[u8],
    secrets: &[SecretString],
) -> bool {
    let mut content = Context::new(&SHA256);
    content.update(path_and_query.as_bytes());
    content.update(body);
    secrets.iter().fold(false, |good, secret| {
        let mut content = content.clone();
        content.update(secret.expose_secret().as_bytes());
        let expected = hex::encode(content.finish());
        good | bool::from(expected.as_bytes().ct_eq(signature))
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const SIGNATURE: &[u8] = b"fcc0484bdb8e2382ab9c3813ad34af0c87726259951ad0c1b3d436b83a1e938a";

    fn verdict(signature: &[u8], path: &str, body: &[u8], secrets: &[&str]) -> bool {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
        is_good(signature, path, body, &secrets)
    }

    #[test]
    fn the_current_and_the_previous_secret_are_good() {
        assert!(verdict(SIGNATURE, "/form/", b"data=1", &["debug"]));
        assert!(verdict(SIGNATURE, "/form/", b"data=1", &["new", "debug"]));
    }

    #[test]
    fn a_signature_is_bad_if_anything_is_altered() {
        let upper = SIGNATURE.to_ascii_uppercase();
        let cases: [(&[u8], &str, &[u8], &[&str]); 7] = [
            (SIGNATURE, "/form", b"data=1", &["debug"]),
            (SIGNATURE, "/form/?", b"data=1", &["debug"]),
            (SIGNATURE, "/form/", b"data=2", &["debug"]),
            (SIGNATURE, "/form/", b"data=1", &["debug2", "debug3"]),
            (&upper, "/form/", b"data=1", &["debug"]),
            (&SIGNATURE[..63], "/form/", b"data=1", &["debug"]),
            (b"", "/form/", b"data=1", &["debug"]),
        ];
        for (signature, path, body, secrets) in cases {
            assert!(!verdict(signature, path, body, secrets), "{path} {secrets:?}");
        }
    }

    #[test]
    fn only_64_lower_case_hex_digits_can_be_a_signature() {
        assert!(is_well_formed(SIGNATURE));
        let upper = SIGNATURE.to_ascii_uppercase();
        for bad in [&b""[..], &SIGNATURE[..63], &upper, &[SIGNATURE, b"0"].concat(), &[b'g'; 64]] {
            assert!(!is_well_formed(bad), "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn each_secret_gives_exactly_one_good_signature(
            path in "/[ -~é]{0,30}",
            body in vec(any::<u8>(), 0..100),
            secret in "[!-~]{1,20}",
            others in vec("[!-~]{1,20}", 0..2),
            at in 0..64usize,
            byte: u8,
        ) {
            let mut signature = test_kit::forms::signature(&path, &body, &secret).into_bytes();
            let all_secrets: Vec<&str> = others.iter().map(String::as_str).chain([secret.as_str()]).collect();
            prop_assert!(is_well_formed(&signature));
            prop_assert!(verdict(&signature, &path, &body, &all_secrets));
            prop_assert!(others.contains(&secret) || others.is_empty() || !verdict(&signature, &path, &body, &all_secrets[..others.len()]));
            prop_assert!(!verdict(&signature[..at], &path, &body, &all_secrets));
            prop_assume!(signature[at] != byte);
            signature[at] = byte;
            prop_assert!(!verdict(&signature, &path, &body, &all_secrets));
        }
    }
}
