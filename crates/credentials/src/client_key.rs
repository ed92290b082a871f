//! The text of a key: `dfd_<key id>_<32 random bytes and their CRC-32, in base 62>`.
//!
//! Scanners for secrets find it by its shape: `dfd_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}`. With the CRC, a
//! key that was cut or mistyped is known as one without asking the database.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use secrecy::SecretString;

use crate::{
    NoRandomBytes,
    base62::{decode, encode, is_base62},
};

const PREFIX: &str = "dfd_";
const ID_LENGTH: usize = 12;
/// As many digits as 36 bytes need.
const SECRET_LENGTH: usize = 49;

/// A key of a client.
#[derive(Clone)]
pub struct ClientKey {
    id: String,
    text: SecretString,
}

/// The text is not a key of ours, or was cut or mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key of this service, or not all of it")]
pub struct NotAKey;

impl ClientKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// There are no random bytes.
    pub fn generate() -> Result<Self, NoRandomBytes> {
        let id = new_id()?;
        let secret: [u8; 32] = random_bytes()?;
        let text = SecretString::from(format!("{PREFIX}{id}_{}", with_checksum(secret)));
        Ok(Self { id, text })
    }

    /// Reads a key that a client has sent.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let (id, secret) =
            text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(NotAKey)?;
        if id.len() != ID_LENGTH || !is_base62(id) || secret.len() != SECRET_LENGTH {
            return Err(NotAKey);
        }
        let bytes: [u8; 36] = decode(secret).ok_or(NotAKey)?;
        let (random, checksum) = bytes.split_at(32);
        if checksum != crc32fast::hash(random).to_be_bytes() {
            return Err(NotAKey);
        }
        Ok(Self { id: id.to_owned(), text: SecretString::from(text) })
    }

    /// A name for a key that is taken over from elsewhere.
    ///
    /// # Errors
    /// There are no random bytes.
    pub fn id_for_imported() -> Result<String, NoRandomBytes> {
        new_id()
    }

    /// The name of the key, by which it is looked up.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole text: the Hawk key, the Bearer token and the Basic password.
    pub fn text(&self) -> &SecretString {
        &self.text
    }
}

/// Shows the name alone.
impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn new_id() -> Result<String, NoRandomBytes> {
    // 8 bytes have fewer values than 12 digits, so none is cut.
    Ok(encode(&random_bytes::<8>()?, ID_LENGTH))
}

fn with_checksum(secret: [u8; 32]) -> String {
    let mut bytes = secret.to_vec();
    bytes.extend(crc32fast::hash(&secret).to_be_bytes());
    encode(&bytes, SECRET_LENGTH)
}

pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], NoRandomBytes> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomBytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_new_key_has_the_documented_shape_and_is_read_back() {
        for _ in 0..100 {
            let key = ClientKey::generate().unwrap();
            let text = key.text().expose_secret();
            let parts: Vec<&str> = text.split('_').collect();
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [3, 12, 49]);
            assert!(parts.iter().all(|part| is_base62(part)), "{parts:?}");
            assert_eq!(parts[1], key.id());
            assert_eq!(ClientKey::parse(text).unwrap().id(), key.id());
            assert_eq!(ClientKey::parse(text).unwrap().text().expose_secret(), text);
        }
    }

    #[test]
    fn keys_are_never_the_same() {
        let (one, other) = (ClientKey::generate().unwrap(), ClientKey::generate().unwrap());
        assert_ne!(one.id(), other.id());
        assert_ne!(one.text().expose_secret(), other.text().expose_secret());
    }

    #[test]
    fn the_checksum_is_the_crc_32_of_gzip_and_png() {
        let text = format!("dfd_000000000000_{}", with_checksum([7; 32]));
        assert_eq!(text, "dfd_000000000000_07oN3NpWzIAFS58bdE7hEdq72WQzpkkLhUcKC9KTeXLWlgfz1");
        assert!(ClientKey::parse(&text).is_ok());
    }

    #[test]
    fn a_key_with_one_character_changed_cut_or_added_is_not_a_key() {
        let key = ClientKey::generate().unwrap();
        let text = key.text().expose_secret();
        for at in 0..text.len() {
            // The id has no checksum: there, another key is looked up and not found.
            if (4..16).contains(&at) {
                continue;
            }
            let mut other = text.to_owned().into_bytes();
            other[at] = if other[at] == b'q' { b'r' } else { b'q' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(ClientKey::parse(&other).err(), Some(NotAKey), "{at}");
        }
        for other in [
            "",
            "dfd_",
            "dfd__",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}0"),
            &format!(" {text}"),
            &text.replace("dfd_", "DFD_"),
            &text.replace('_', "-"),
        ] {
            assert_eq!(ClientKey::parse(other).err(), Some(NotAKey), "{other}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = ClientKey::generate().unwrap();
        let secret = &key.text().expose_secret()[17..];
        assert!(!format!("{key:?}").contains(secret));
    }
}
