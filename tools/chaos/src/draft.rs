//! Generates submissions: the same seed, sender and number always give the same submission.

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Map, Value};

use crate::{
    content::Content,
    history::{Kind, SubmissionName},
    size,
};

/// A submission that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub kind: Kind,
    /// A media type, or `message` for a message on the queue.
    pub encoding: &'static str,
    /// The `Content-Type` header, with its boundary.
    pub content_type: String,
    /// Of the request, or of the message.
    pub body: Vec<u8>,
    /// The expected content of the row, or of the message on the invalid queue.
    pub content: Content,
    /// The `Idempotency-Key`.
    pub key: Option<String>,
    /// Whether it has a wrong signature.
    pub forged: bool,
    /// Whether PostgreSQL refuses it while [`REFUSED`] is in force.
    pub refusable: bool,
    /// How often to send it again, with the same key, after an unknown outcome.
    pub retries: u32,
    /// Whether to send it again, with the same key, after it was accepted, like a person who clicks twice.
    pub repeat: bool,
    /// How long the sender waits before it sends this.
    pub pause_ms: u64,
}

const TEXTS: &[&str] = &[
    "Example Limited",
    "Grüße aus Köln — «déjà vu»",
    "例え株式会社",
    "شركة المثال",
    "🦀👩‍👩‍👧 \u{1f3f4}\u{e0067}\u{e0062}\u{e007f}",
    "a \"quoted\" \\ back\\slash / and\ttab\r\nnew line",
    "\u{1}\u{1f}\u{7f}\u{85}\u{2028}\u{feff}",
    "\u{fffe}\u{ffff}\u{fffd}\u{10ffff}",
    "e\u{301} is not é",
    "a&b=c%20+d;e",
    "'; drop table forms; --",
    "",
];

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "1.50",
    "1.5e3",
    "-12E-3",
    "9007199254740993",
    "18446744073709551616",
    "0.1000000000000000055511151231257827021181583404541015625",
    "123456789012345678901234567890.10",
    "1e400",
    "-1e-400",
];

/// What PostgreSQL sometimes refuses, as a condition on `data`: the mark of a fifth of the forms.
pub const REFUSED: &str = "coalesce(data #>> '{data,mark}', data ->> 'data') ~ '[37]$'";

const BOUNDARY: &str = "----boundary-of-a-form";

pub fn draft(seed: u64, name: SubmissionName) -> Draft {
    let mut rng = seeded_rng(seed, name);
    // The mark makes every submission of every run different.
    let mark = format!("{seed:x}-{}-{}", name.sender, name.number);
    let mut draft = match rng.random_range(0..100) {
        0..5 => message(&mut rng, &mark),
        5..7 => garbage(&mut rng, &mark),
        7..13 => bad_form(&mut rng, &mark),
        13..35 => posted("application/x-www-form-urlencoded", urlencoded(&mut rng, &mark)),
        35..50 => posted("multipart/form-data", multipart(&mut rng, &mark)),
        _ => posted("application/json", json(&mut rng, &mark, json_string)),
    };
    if draft.kind == Kind::Form && rng.random_bool(0.5) {
        draft.key = Some(format!("key-{mark}"));
        draft.retries = *[0, 3].choose(&mut rng).unwrap_or(&0);
        draft.repeat = name.number.is_multiple_of(4);
    }
    draft.pause_ms = rng.random_range(0..80);
    let is_form = matches!(draft.kind, Kind::Form | Kind::Message);
    draft.refusable = is_form && matches!(name.number % 10, 3 | 7);
    draft
}

fn seeded_rng(seed: u64, SubmissionName { sender, number }: SubmissionName) -> StdRng {
    let mut bytes = [0; 32];
    let parts =
        seed.to_le_bytes().into_iter().chain(sender.to_le_bytes()).chain(number.to_le_bytes());
    bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    StdRng::from_seed(bytes)
}

fn posted(encoding: &'static str, (body, content): (String, Content)) -> Draft {
    let content_type = match encoding {
        "multipart/form-data" => format!("{encoding}; boundary={BOUNDARY}"),
        other => other.to_owned(),
    };
    Draft {
        kind: Kind::Form,
        encoding,
        content_type,
        body: body.into_bytes(),
        content,
        key: None,
        forged: false,
        refusable: false,
        retries: 0,
        repeat: false,
        pause_ms: 0,
    }
}

/// A message as the server of 2016 put it on the queue: JSON in ASCII, without attributes.
fn message(rng: &mut StdRng, mark: &str) -> Draft {
    Draft { kind: Kind::Message, ..posted("message", json(rng, mark, ascii_json_string)) }
}

fn garbage(rng: &mut StdRng, mark: &str) -> Draft {
    let bodies = [
        format!("not json {mark}"),
        format!("[\"{mark}\"]"),
        format!("\"{mark}\""),
        format!("{{\"mark\":\"{mark}\"}}"),
        format!("{{\"data\":null,\"mark\":\"{mark}\"}}"),
        format!("{{\"data\":\"\\u0000\",\"mark\":\"{mark}\"}}"),
        format!("{{\"data\":\"\\ud800\",\"mark\":\"{mark}\"}}"),
        format!("{{\"data\":1e1000,\"mark\":\"{mark}\"}}"),
        format!("{{\"mark\":\"{mark}\",\"data\":{}", "[".repeat(10_000)),
    ];
    let body = bodies.choose(rng).cloned().unwrap_or_default();
    let content = Content::of_bytes(&body);
    Draft { kind: Kind::Garbage, ..posted("message", (body, content)) }
}

/// A form that the api must refuse with 4xx.
fn bad_form(rng: &mut StdRng, mark: &str) -> Draft {
    let good = format!("{{\"data\":\"{mark}\"}}");
    let json = |body: String| {
        let content = Content::of_json(&body);
        Draft { kind: Kind::BadForm, ..posted("application/json", (body, content)) }
    };
    match rng.random_range(0..9) {
        0 => json(format!("{{\"mark\":\"{mark}\"}}")),
        1 => json(format!("{{\"data\":null,\"mark\":\"{mark}\"}}")),
        2 => json(format!("{{\"data\":\"{mark}\"")),
        3 => json(format!("[\"{mark}\"]")),
        4 => json(format!("{{\"data\":\"{mark}\\u0000\"}}")),
        5 => json(format!("{{\"data\":1e1000,\"mark\":\"{mark}\"}}")),
        6 => Draft { forged: true, ..json(good) },
        7 => Draft { content_type: "text/plain".to_owned(), ..json(good) },
        _ => Draft { key: Some("not visible".to_owned()), ..json(good) },
    }
}

/// JSON text that writes every number as it is in [`NUMBERS`]; `text` writes a string.
fn json(rng: &mut StdRng, mark: &str, text: fn(&str) -> String) -> (String, Content) {
    let mut data = vec![format!("\"mark\":{}", text(mark))];
    for index in 0..rng.random_range(0..8) {
        let value = match rng.random_range(0..6) {
            0..3 => text(TEXTS.choose(rng).unwrap_or(&"")),
            3..5 => NUMBERS.choose(rng).unwrap_or(&"0").to_string(),
            _ => format!("[true,false,null,{{{}:[[]]}}]", text("désert")),
        };
        data.push(format!("\"field {index}\":{value}"));
    }
    let data = data.join(", ");
    let size = size::draw(rng);
    let beside = match rng.random_bool(0.3) {
        true => format!(",\"beside\":{}", text(TEXTS.choose(rng).unwrap_or(&""))),
        false => String::new(),
    };
    let numbers = match rng.random_bool(0.5) {
        true => numbers(rng, size),
        false => "[]".to_owned(),
    };
    let filler = filler(size.saturating_sub(data.len() + beside.len() + numbers.len()));
    let body = format!(
        "{{\"data\": {{{data}, \"numbers\":{numbers}, \"filler\":{}}}{beside}}}",
        text(&filler)
    );
    let content = Content::of_json(&body);
    (body, content)
}

fn json_string(text: &str) -> String {
    Value::from(text).to_string()
}

/// As Python's `json.dumps` writes it.
fn ascii_json_string(text: &str) -> String {
    let mut escaped = String::new();
    for character in json_string(text).chars() {
        if character.is_ascii() && character != '\u{7f}' {
            escaped.push(character);
        } else {
            character
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}")));
        }
    }
    escaped
}

fn text_fields(rng: &mut StdRng, mark: &str) -> Vec<(String, String)> {
    let mut fields = vec![("data".to_owned(), mark.to_owned())];
    for index in 0..rng.random_range(0..8) {
        fields.push((format!("feld-ö {index}"), TEXTS.choose(rng).unwrap_or(&"").to_string()));
    }
    let others = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    fields.push(("filler".to_owned(), filler(size::draw(rng).saturating_sub(others))));
    fields
}

fn content(fields: &[(String, String)]) -> Content {
    let object: Map<_, _> =
        fields.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    Content::of_json(&Value::Object(object).to_string())
}

fn urlencoded(rng: &mut StdRng, mark: &str) -> (String, Content) {
    let fields = text_fields(rng, mark);
    (
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish(),
        content(&fields),
    )
}

fn multipart(rng: &mut StdRng, mark: &str) -> (String, Content) {
    let fields = text_fields(rng, mark);
    let mut body = String::new();
    for (name, value) in &fields {
        body.push_str(&format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str(&format!("--{BOUNDARY}--\r\n"));
    (body, content(&fields))
}

fn filler(bytes: usize) -> String {
    let mut filler = "filler ".repeat(bytes / 7 + 1);
    filler.truncate(bytes);
    filler
}

/// A list of numbers as JSON text, of about this many bytes but at most 16 KiB, because parsing it takes long.
fn numbers(rng: &mut StdRng, bytes: usize) -> String {
    let mut list = "[0".to_owned();
    while list.len() < bytes.min(16 * 1024) {
        list.push_str(&format!(",{}.{}0", rng.random_range(0..100), rng.random_range(0..10)));
    }
    list.push(']');
    list
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    #[test]
    fn a_seed_gives_the_same_submissions_and_no_two_are_equal() {
        let mut kinds = BTreeMap::new();
        let mut contents = HashSet::new();
        for number in 0..2000 {
            let name = SubmissionName { sender: number % 16, number };
            let one = draft(7, name);
            assert_eq!(one, draft(7, name));
            *kinds.entry((format!("{:?}", one.kind), one.encoding)).or_insert(0) += 1;
            assert!(contents.insert(one.content.clone()), "{number}");
            assert_ne!(one.content, draft(8, name).content);
        }
        assert_eq!(kinds.len(), 6, "{kinds:?}");
    }

    #[test]
    fn a_message_of_2016_is_ascii_and_decodes_to_the_same_text() {
        for text in TEXTS {
            let escaped = ascii_json_string(text);
            assert!(escaped.bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{escaped}");
            assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), *text);
        }
    }
}
