//! The key that encrypts the keys of clients: AES-256-GCM, with a random nonce before each ciphertext.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::{NoRandomBytes, client_key::random_bytes};

/// Encrypts with one key, and decrypts with that or the one before it.
pub struct CredentialsKey {
    current: LessSafeKey,
    previous: Option<LessSafeKey>,
}

/// It is not 32 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 32 bytes in base64")]
pub struct BadCredentialsKey;

/// A key of a client in plain text.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The text of the key.
    pub text: SecretString,
    /// Whether it is encrypted with the key before the current one, and should be encrypted again.
    pub with_previous: bool,
}

impl CredentialsKey {
    /// Reads the keys from base64.
    ///
    /// # Errors
    /// One of them is not a key.
    pub fn new(
        current: &SecretString,
        previous: Option<&SecretString>,
    ) -> Result<Self, BadCredentialsKey> {
        Ok(Self { current: read(current)?, previous: previous.map(read).transpose()? })
    }

    /// Whether a text is such a key.
    pub fn is_one(text: &str) -> bool {
        read(&SecretString::from(text)).is_ok()
    }

    /// Encrypts a key, so that it can be decrypted for this client and this name of the key alone:
    /// a row that was copied to another client opens nothing.
    ///
    /// # Errors
    /// There are no random bytes.
    pub fn seal(
        &self,
        client: &str,
        key_id: &str,
        text: &SecretString,
    ) -> Result<Vec<u8>, NoRandomBytes> {
        let nonce: [u8; NONCE_LEN] = random_bytes()?;
        let mut sealed = text.expose_secret().as_bytes().to_vec();
        self.current
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                belongs_to(client, key_id),
                &mut sealed,
            )
            // Only a text of many gigabytes is too long.
            .map_err(|_| NoRandomBytes)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts a key. `None` if it was encrypted with another key, or for another client or name.
    pub fn open(&self, client: &str, key_id: &str, ciphertext: &[u8]) -> Option<Opened> {
        let keys = [(Some(&self.current), false), (self.previous.as_ref(), true)];
        keys.into_iter().find_map(|(key, with_previous)| {
            let text = open_with(key?, client, key_id, ciphertext)?;
            Some(Opened { text, with_previous })
        })
    }
}

impl fmt::Debug for CredentialsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsKey")
            .field("has_previous", &self.previous.is_some())
            .finish_non_exhaustive()
    }
}

fn open_with(
    key: &LessSafeKey,
    client: &str,
    key_id: &str,
    ciphertext: &[u8],
) -> Option<SecretString> {
    let (nonce, sealed) = ciphertext.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut sealed = sealed.to_vec();
    let text = key.open_in_place(nonce, belongs_to(client, key_id), &mut sealed).ok()?;
    let text = SecretString::from(str::from_utf8(text).ok()?);
    // The plain text must not stay in memory that is used again.
    drop(SecretSlice::from(sealed));
    Some(text)
}

/// An id has no NUL, so two different pairs never give the same bytes.
fn belongs_to(client: &str, key_id: &str) -> Aad<Vec<u8>> {
    Aad::from(format!("{client}\0{key_id}").into_bytes())
}

fn read(text: &SecretString) -> Result<LessSafeKey, BadCredentialsKey> {
    let bytes = STANDARD.decode(text.expose_secret().trim()).map_err(|_| BadCredentialsKey)?;
    let bytes = SecretSlice::from(bytes);
    let key =
        UnboundKey::new(&AES_256_GCM, bytes.expose_secret()).map_err(|_| BadCredentialsKey)?;
    Ok(LessSafeKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64(byte: u8) -> SecretString {
        SecretString::from(STANDARD.encode([byte; 32]))
    }

    fn only(byte: u8) -> CredentialsKey {
        CredentialsKey::new(&base64(byte), None).unwrap()
    }

    fn opened(
        key: &CredentialsKey,
        client: &str,
        id: &str,
        sealed: &[u8],
    ) -> Option<(String, bool)> {
        let opened = key.open(client, id, sealed)?;
        Some((opened.text.expose_secret().to_owned(), opened.with_previous))
    }

    #[test]
    fn a_key_opens_for_its_client_and_its_name_alone() {
        let sealed = only(1).seal("a", "b", &"the key".into()).unwrap();
        assert_eq!(opened(&only(1), "a", "b", &sealed), Some(("the key".to_owned(), false)));
        for (key, client, id) in [
            (2, "a", "b"),
            (1, "A", "b"),
            (1, "a", "c"),
            (1, "ab", ""),
            (1, "", "ab"),
            (1, "b", "a"),
        ] {
            assert_eq!(opened(&only(key), client, id, &sealed), None, "{key} {client} {id}");
        }
    }

    #[test]
    fn while_the_key_is_changed_both_open_and_the_new_one_encrypts() {
        let old = only(1).seal("a", "b", &"the key".into()).unwrap();
        let both = CredentialsKey::new(&base64(2), Some(&base64(1))).unwrap();
        assert_eq!(opened(&both, "a", "b", &old), Some(("the key".to_owned(), true)));
        let new = both.seal("a", "b", &"the key".into()).unwrap();
        assert_eq!(opened(&both, "a", "b", &new), Some(("the key".to_owned(), false)));
        assert_eq!(opened(&only(2), "a", "b", &new), Some(("the key".to_owned(), false)));
    }

    #[test]
    fn a_ciphertext_with_any_bit_changed_or_cut_opens_nothing_and_never_panics() {
        let sealed = only(1).seal("a", "b", &"key".into()).unwrap();
        assert_eq!(sealed.len(), 12 + 3 + 16);
        for at in 0..sealed.len() {
            assert_eq!(opened(&only(1), "a", "b", &sealed[..at]), None, "{at}");
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert_eq!(opened(&only(1), "a", "b", &other), None, "{at}");
        }
    }

    #[test]
    fn each_encryption_has_another_nonce() {
        let seal = || only(1).seal("a", "b", &"key".into()).unwrap();
        assert_ne!(seal()[..12], seal()[..12]);
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        for (text, is_one) in [
            (STANDARD.encode([1; 32]), true),
            (format!("{}\n", STANDARD.encode([1; 32])), true),
            (STANDARD.encode([1; 31]), false),
            (STANDARD.encode([1; 33]), false),
            (String::new(), false),
            ("x".repeat(32), false),
            (STANDARD.encode([1; 32]).replace('=', ""), false),
        ] {
            assert_eq!(CredentialsKey::is_one(&text), is_one, "{text}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let both = CredentialsKey::new(&base64(2), Some(&base64(1))).unwrap();
        assert_eq!(format!("{both:?}"), "CredentialsKey { has_previous: true, .. }");
        let sealed = both.seal("a", "b", &"the key".into()).unwrap();
        assert!(!format!("{:?}", both.open("a", "b", &sealed)).contains("the key"));
    }
}
