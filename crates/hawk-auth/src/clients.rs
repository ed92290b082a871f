//! The clients that may sign requests, and their keys.

use std::collections::{HashMap, HashSet};

use secrecy::SecretString;
use thiserror::Error;

/// Shorter keys can be guessed.
const MIN_KEY_LENGTH: usize = 16;

const MAX_ID_LENGTH: usize = 64;

/// The clients that may sign requests: each has one key, or two while the key is being changed.
#[derive(Clone, Debug)]
pub struct Clients {
    /// A single key is here twice, so that every client takes the same time to check.
    keys: HashMap<String, [SecretString; 2]>,
    decoy_keys: [SecretString; 2],
}

/// What is wrong with the list of clients. Entries count from 1.
///
/// The error shows only text that is known to be an id: any other text may be a misplaced key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ClientsError {
    /// An entry has no colon.
    #[error("entry {0} must be id:key; commas separate entries, so a key cannot contain one")]
    NoColon(usize),
    /// An id is empty, too long, or has characters that are not allowed.
    #[error(
        "entry {0} must have an id of 1 to 64 letters, digits, dots, hyphens and underscores before its first colon"
    )]
    BadId(usize),
    /// A key is too short.
    #[error("entry {0} must have a key of 16 characters or more")]
    KeyTooShort(usize),
    /// A key has characters that some clients cannot send.
    #[error("entry {0} must have a key of visible ASCII characters")]
    BadKey(usize),
    /// A client has a third key.
    #[error(
        "entry {entry} is a third key of client {id}: a client has one key, or two while the key is being changed"
    )]
    ThirdKey {
        /// The entry with the third key.
        entry: usize,
        /// The client.
        id: String,
    },
    /// A key appears twice. Hawk does not sign the id, so two clients with the same key could each
    /// send requests as the other.
    #[error("entry {0} has the key of an earlier entry")]
    KeyAgain(usize),
}

impl Clients {
    /// Parses `id:key` pairs separated by commas; white space around a pair is ignored:
    /// `ui:0123456789abcdef, crm:fedcba9876543210, crm:another-key-of-crm`.
    ///
    /// If an id appears twice, the client has two keys, and both are good.
    /// An id has 1 to 64 letters, digits, dots, hyphens and underscores.
    /// A key is everything after the first colon: 16 or more visible ASCII characters except the
    /// comma. There are no escapes.
    ///
    /// # Errors
    /// What is wrong with each entry that is not right, in their order.
    pub fn parse(text: &str) -> Result<Self, Vec<ClientsError>> {
        let mut found = Found::default();
        let entries = (1..).zip(text.split(','));
        let errors: Vec<_> =
            entries.filter_map(|(entry, pair)| found.add(entry, pair.trim()).err()).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let to_pair = |(first, second): (SecretString, Option<SecretString>)| match second {
            Some(second) => [first, second],
            None => [first.clone(), first],
        };
        Ok(Self {
            keys: found.keys.into_iter().map(|(id, keys)| (id, to_pair(keys))).collect(),
            // An unknown client is refused even if one of these keys matches.
            decoy_keys: [
                "a decoy, which never lets anyone in".into(),
                "a decoy, which never lets anyone in".into(),
            ],
        })
    }

    /// The keys of a client, if it is known.
    pub(crate) fn keys(&self, id: &str) -> Option<&[SecretString; 2]> {
        self.keys.get(id)
    }

    /// Keys for an unknown client, so that checking its MAC takes the usual time.
    pub(crate) fn decoy_keys(&self) -> &[SecretString; 2] {
        &self.decoy_keys
    }
}

/// The entries that were read so far.
#[derive(Default)]
struct Found<'a> {
    keys: HashMap<String, (SecretString, Option<SecretString>)>,
    keys_so_far: HashSet<&'a str>,
}

impl<'a> Found<'a> {
    fn add(&mut self, entry: usize, pair: &'a str) -> Result<(), ClientsError> {
        let (id, key) = pair.split_once(':').ok_or(ClientsError::NoColon(entry))?;
        check_entry(entry, id, key)?;
        if !self.keys_so_far.insert(key) {
            return Err(ClientsError::KeyAgain(entry));
        }
        match self.keys.get_mut(id) {
            None => drop(self.keys.insert(id.to_owned(), (key.into(), None))),
            Some((_, second @ None)) => *second = Some(key.into()),
            Some((_, Some(_))) => return Err(ClientsError::ThirdKey { entry, id: id.to_owned() }),
        }
        Ok(())
    }
}

fn check_entry(entry: usize, id: &str, key: &str) -> Result<(), ClientsError> {
    let id_is_good = (1..=MAX_ID_LENGTH).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if !id_is_good {
        return Err(ClientsError::BadId(entry));
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ClientsError::BadKey(entry));
    }
    if key.len() < MIN_KEY_LENGTH {
        return Err(ClientsError::KeyTooShort(entry));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const KEY: &str = "0123456789abcdef";

    fn keys_of<'a>(clients: &'a Clients, id: &str) -> Option<[&'a str; 2]> {
        clients.keys(id).map(|keys| keys.each_ref().map(|key| key.expose_secret()))
    }

    #[test]
    fn each_client_has_one_key_or_two() {
        let clients = Clients::parse(
            "ui:0123456789abcdef, c.r-m_2:with:colons+and=/so\n,ui:another-key-of-ui",
        )
        .unwrap();
        assert_eq!(keys_of(&clients, "ui"), Some(["0123456789abcdef", "another-key-of-ui"]));
        assert_eq!(
            keys_of(&clients, "c.r-m_2"),
            Some(["with:colons+and=/so", "with:colons+and=/so"])
        );
        assert_eq!(keys_of(&clients, "UI"), None);
        assert_eq!(keys_of(&clients, ""), None);
    }

    #[test]
    fn errors_name_the_entry_and_never_show_a_key() {
        let third = ClientsError::ThirdKey { entry: 4, id: "ui".to_owned() };
        let long_id = format!("ui:{KEY},{}:{KEY}2", "i".repeat(65));
        let cases = [
            ("", ClientsError::NoColon(1)),
            ("ui:0123456789abcdef,", ClientsError::NoColon(2)),
            ("ui:0123456789abcdef,0123456789abcdef", ClientsError::NoColon(2)),
            (":0123456789abcdef", ClientsError::BadId(1)),
            ("u i:0123456789abcdef", ClientsError::BadId(1)),
            ("ü:0123456789abcdef", ClientsError::BadId(1)),
            (&long_id, ClientsError::BadId(2)),
            ("ui:0123456789abcde", ClientsError::KeyTooShort(1)),
            // Id and key swapped: the error must not show the id, because it is really the key.
            ("0123456789abcdef:ui", ClientsError::KeyTooShort(1)),
            ("ui:", ClientsError::KeyTooShort(1)),
            ("ui:0123456789 abcdef", ClientsError::BadKey(1)),
            ("ui:0123456789äbcdef", ClientsError::BadKey(1)),
            (
                "ui:0123456789abcdef1,crm:0123456789abcdef2,ui:0123456789abcdef3,ui:0123456789abcdef4",
                third,
            ),
            ("ui:0123456789abcdef,ui:0123456789abcdef", ClientsError::KeyAgain(2)),
            ("ui:0123456789abcdef,crm:0123456789abcdef", ClientsError::KeyAgain(2)),
        ];
        for (text, expected) in cases {
            let errors = Clients::parse(text).unwrap_err();
            assert_eq!(errors, [expected], "{text}");
            for error in errors {
                assert!(!format!("{error} {error:?}").contains("0123456789"), "{error}");
            }
        }
    }

    #[test]
    fn every_entry_that_is_not_right_is_named() {
        let errors =
            Clients::parse("ui:short,, ui:0123456789abcdef,ü:0123456789abcdef").unwrap_err();
        let expected =
            [ClientsError::KeyTooShort(1), ClientsError::NoColon(2), ClientsError::BadId(4)];
        assert_eq!(errors, expected);
    }

    #[test]
    fn ids_of_64_characters_and_keys_of_16_are_accepted() {
        let id = "i".repeat(64);
        assert!(Clients::parse(&format!("{id}:{KEY}")).unwrap().keys(&id).is_some());
    }

    #[test]
    fn debug_output_shows_no_key() {
        let clients = Clients::parse("ui:0123456789abcdef").unwrap();
        assert!(!format!("{clients:?} {clients:#?}").contains("0123456789"));
    }
}
