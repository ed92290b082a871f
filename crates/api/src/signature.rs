//! The signature of 2016: `X-Signature` holds the SHA-256 of path with query, body and the shared secret, in lower-case hex.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The header that carries it.
pub const HEADER: &str = "X-Signature";

/// Whether `signature` is that of path and body under any of the secrets; takes as long whichever it is.
pub fn is_good(signature: &[u8], path_and_query: &str, body: &[u8], secrets: &[SecretString]) -> bool {
    let content = Sha256::new().chain_update(path_and_query).chain_update(body);
    secrets.iter().fold(false, |good, secret| {
        let expected = hex::encode(content.clone().chain_update(secret.expose_secret()).finalize());
        good | bool::from(expected.as_bytes().ct_eq(signature))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &[u8] = b"fcc0484bdb8e2382ab9c3813ad34af0c87726259951ad0c1b3d436b83a1e938a";

    fn verdict(signature: &[u8], path: &str, body: &[u8], secrets: &[&str]) -> bool {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
        is_good(signature, path, body, &secrets)
    }

    #[test]
    fn the_current_and_the_previous_secret_sign() {
        assert!(verdict(SIGNATURE, "/form/", b"data=1", &["debug"]));
        assert!(verdict(SIGNATURE, "/form/", b"data=1", &["new", "debug"]));
    }

    #[test]
    fn a_signature_is_bad_when_anything_else_is_altered() {
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
}
