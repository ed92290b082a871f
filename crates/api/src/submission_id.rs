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
    ///
    /// The draft standard of the header writes a key in quotes, with a backslash before a quote or a
    /// backslash in it. Such a key is the same as without them.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let key = unquoted(value).unwrap_or_else(|| value.to_vec());
        let good = (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
        good.then(|| Self(String::from_utf8_lossy(&key).into_owned()))
    }

    /// The time in the key, in milliseconds since 1970, if the key is a UUIDv7.
    fn milliseconds(&self) -> Option<u64> {
        let uuid = Uuid::try_parse(&self.0).ok()?;
        let (seconds, nanoseconds) = uuid.get_timestamp()?.to_unix();
        let is_v7 = uuid.get_version_num() == 7;
        is_v7.then(|| seconds * 1000 + u64::from(nanoseconds) / 1_000_000)
    }
}

/// `None` if the value is not a quoted string.
fn unquoted(value: &[u8]) -> Option<Vec<u8>> {
    let inside = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut key = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => key.push(*bytes.next().filter(|next| matches!(next, b'"' | b'\\'))?),
            b'"' => return None,
            _ => key.push(*byte),
        }
    }
    Some(key)
}

/// The id of a submission with this message body.
///
/// With a key, it is a UUIDv8 made from sender, key and content: the same key with other content is
/// another submission. A Hawk request without a key has a UUIDv8 made from its MAC, so that a
/// replay at any instance is the same submission. So has a request with the signature of 2016 if
/// repetitions are looked for, made from its signature and the period of its first request. Any
/// other submission has a new UUIDv7.
///
/// A UUIDv8 begins with a time if all repetitions have the same one: a table with a random index
/// takes much longer to insert into than one whose index grows at its end.
pub fn submission_id(
    form_type: &str,
    sent_by: &SentBy,
    key: Option<&IdempotencyKey>,
    body: &str,
) -> Uuid {
    match (key, sent_by) {
        (Some(key), SentBy::Ui { .. }) => derived(
            key.milliseconds(),
            &["idempotency-key", form_type, "signature", &key.0, body].map(str::as_bytes),
        ),
        (Some(key), SentBy::HawkClient { id, .. }) => derived(
            key.milliseconds(),
            &["idempotency-key:hawk", form_type, id, &key.0, body].map(str::as_bytes),
        ),
        (None, SentBy::HawkClient { id, ts, mac }) => derived(
            Some(ts.saturating_mul(1000)),
            &[b"hawk-mac".as_slice(), form_type.as_bytes(), id.as_bytes(), mac.as_slice()],
        ),
        (None, SentBy::Ui { repeat: Some(Repeat { signature, period_began }) }) => derived(
            Some(*period_began),
            &[
                b"signature".as_slice(),
                form_type.as_bytes(),
                signature.as_slice(),
                &period_began.to_be_bytes(),
            ],
        ),
        (None, SentBy::Ui { repeat: None }) => Uuid::now_v7(),
    }
}

/// The length of each part comes before it, so that no two lists of parts have the same bytes. The
/// time, in milliseconds since 1970, takes the first 48 bits, as in a UUIDv7.
fn derived(milliseconds: Option<u64>, parts: &[&[u8]]) -> Uuid {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.finish().as_ref()).for_each(|(byte, of_hash)| *byte = *of_hash);
    if let Some(milliseconds) = milliseconds {
        let time = milliseconds.to_be_bytes();
        bytes.iter_mut().zip(time.iter().skip(2)).for_each(|(byte, of_time)| *byte = *of_time);
    }
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UI: SentBy = SentBy::Ui { repeat: None };

    fn hawk(id: &str, mac: u8) -> SentBy {
        SentBy::HawkClient { id: id.to_owned(), ts: 1_800_000_000, mac: [mac; 32] }
    }

    fn id(form_type: &str, sent_by: &SentBy, key: &str, body: &str) -> Uuid {
        submission_id(form_type, sent_by, IdempotencyKey::parse(key.as_bytes()).as_ref(), body)
    }

    #[test]
    fn the_same_parts_have_the_same_id_and_every_part_counts() {
        let ui = |signature: u8, period_began| SentBy::Ui {
            repeat: Some(Repeat { signature: [signature; 32], period_began }),
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
    fn an_id_begins_with_a_time_that_all_repetitions_have() {
        let begins = |id: Uuid| id.to_string()[..13].to_owned();
        assert_eq!(id("form", &hawk("a", 1), "", "{}").get_version_num(), 8);
        // 1,800,000,000,000 ms.
        assert_eq!(begins(id("form", &hawk("a", 1), "", "{}")), "01a3185c-5000");
        let uuid_v7 = "019a7a15-c3e7-7d10-8000-0123456789ab";
        for sent_by in [&UI, &hawk("a", 1)] {
            assert_eq!(begins(id("form", sent_by, uuid_v7, "{}")), "019a7a15-c3e7");
            assert!(id("form", sent_by, uuid_v7, "{}") != id("form", sent_by, uuid_v7, "{ }"));
            let uuid_v4 = "019a7a15-c3e7-4d10-8000-0123456789ab";
            assert!(begins(id("form", sent_by, uuid_v4, "{}")) != "019a7a15-c3e7");
        }
        let repeat = Repeat { signature: [1; 32], period_began: 1_800_000_000_000 };
        assert_eq!(
            begins(id("form", &SentBy::Ui { repeat: Some(repeat) }, "", "{}")),
            "01a3185c-5000"
        );
    }

    #[test]
    fn a_key_in_quotes_is_the_same_key() {
        let parse = |text: &str| IdempotencyKey::parse(text.as_bytes());
        for (quoted, plain) in [(r#""abc""#, "abc"), (r#""a\"b\\c""#, r#"a"b\c"#)] {
            assert_eq!(parse(quoted), parse(plain), "{quoted}");
            assert!(parse(plain).is_some());
        }
        // These are not quoted strings, so every character counts.
        for plain in [r#""abc"#, r#"abc""#, r#""a"b""#, r#""a\b""#, r#"""#] {
            assert_eq!(parse(plain), Some(IdempotencyKey(plain.to_owned())));
        }
        assert_eq!(parse(r#""""#), None);
        assert_eq!(parse(&format!("\"{}\"", "x".repeat(256))), None);
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
