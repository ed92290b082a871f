//! The id of a submission. It is new, or derived, so that a repeated submission has the same id.

use ring::digest::{Context, SHA256};
use uuid::{Builder, Uuid};

use crate::{repeats::Repeat, sent_by::SentBy};

/// A client that may send a submission again marks it with this header.
pub const HEADER: &str = "Idempotency-Key";

/// The key of a client: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// `None` if the value is not a key.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let good = (1..=255).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
        good.then(|| Self(String::from_utf8_lossy(value).into_owned()))
    }
}

/// The id of a submission with this message body.
///
/// With a key, it is a UUIDv8 made from sender, key and content: the same key with other content is
/// another submission. A Hawk request without a key has a UUIDv8 made from its MAC, so that a
/// replay at any instance is the same submission. So has a request with the signature of 2016 if
/// repetitions are looked for, made from its signature and the period of its first request. Any
/// other submission has a new UUIDv7.
pub fn submission_id(
    form_type: &str,
    sent_by: &SentBy,
    key: Option<&IdempotencyKey>,
    body: &str,
) -> Uuid {
    match (key, sent_by) {
        (Some(key), SentBy::Ui { .. }) => {
            derived(&["idempotency-key", form_type, "signature", &key.0, body].map(str::as_bytes))
        }
        (Some(key), SentBy::HawkClient { id, .. }) => {
            derived(&["idempotency-key:hawk", form_type, id, &key.0, body].map(str::as_bytes))
        }
        (None, SentBy::HawkClient { id, mac }) => {
            derived(&[b"hawk-mac".as_slice(), form_type.as_bytes(), id.as_bytes(), mac.as_slice()])
        }
        (None, SentBy::Ui { repeat: Some(Repeat { signature, period }) }) => derived(&[
            b"signature".as_slice(),
            form_type.as_bytes(),
            signature.as_slice(),
            &period.to_be_bytes(),
        ]),
        (None, SentBy::Ui { repeat: None }) => Uuid::now_v7(),
    }
}

/// The length of each part comes before it, so that no two lists of parts have the same bytes.
fn derived(parts: &[&[u8]]) -> Uuid {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.finish().as_ref()).for_each(|(byte, of_hash)| *byte = *of_hash);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UI: SentBy = SentBy::Ui { repeat: None };

    fn id(form_type: &str, sent_by: &SentBy, key: &str, body: &str) -> Uuid {
        submission_id(form_type, sent_by, IdempotencyKey::parse(key.as_bytes()).as_ref(), body)
    }

    #[test]
    fn the_same_parts_have_the_same_id_and_every_part_counts() {
        let hawk = |id: &str, mac: u8| SentBy::HawkClient { id: id.to_owned(), mac: [mac; 32] };
        let ui = |signature: u8, period| SentBy::Ui {
            repeat: Some(Repeat { signature: [signature; 32], period }),
        };
        let first = id("form", &UI, "k", "{}");
        assert_eq!(first, id("form", &ui(1, 1), "k", "{}"), "with a key, only the key counts");
        assert_eq!(id("form", &ui(1, 1), "", "{}"), id("form", &ui(1, 1), "", "{ }"));
        assert_eq!(first, id("form", &UI, "k", "{}"));
        assert_eq!(first.get_version_num(), 8);
        // An id that a client has received must never change.
        assert_eq!(first.to_string(), "8052eed3-25ff-81fb-a627-296025094d73");
        let others = [
            id("enrolment", &UI, "k", "{}"),
            id("form", &UI, "l", "{}"),
            id("form", &UI, "k", "{ }"),
            id("form", &hawk("signature", 1), "k", "{}"),
            id("form", &hawk("a", 1), "k", "{}"),
            id("form", &hawk("a", 1), "", "{}"),
            id("form", &hawk("a", 2), "", "{}"),
            id("form", &ui(1, 1), "", "{}"),
            id("form", &ui(2, 1), "", "{}"),
            id("form", &ui(1, 2), "", "{}"),
            id("enrolment", &ui(1, 1), "", "{}"),
        ];
        for (index, other) in others.iter().enumerate() {
            assert!(*other != first && !others[..index].contains(other), "{index}");
        }
        assert_eq!(
            id("form", &hawk("a", 1), "k", "{}"),
            id("form", &hawk("a", 2), "k", "{}"),
            "with a key, the MAC does not count"
        );
        assert_eq!(id("form", &UI, "", "{}").get_version_num(), 7);
    }

    #[test]
    fn a_key_is_1_to_255_visible_ascii_characters() {
        for good in ["k", "!~", &"x".repeat(255)] {
            assert!(IdempotencyKey::parse(good.as_bytes()).is_some(), "{good}");
        }
        for bad in ["", " ", "a b", "a\t", "é", "\u{7f}", &"x".repeat(256)] {
            assert!(IdempotencyKey::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
