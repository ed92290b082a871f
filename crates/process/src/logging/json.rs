//! A log line as a JSON object: `time`, `level`, `target`, `message`, and the fields that stand behind the sentence.

use log::Record;
use serde_json::{Map, Value};

/// The line of a record, whose text is a sentence and then `key=value` or `key="some words"`, as everywhere here.
pub fn line(time: &str, record: &Record<'_>) -> Value {
    let text = record.args().to_string();
    let (sentence, fields) = split(&text);
    let mut line: Map<String, Value> = fields.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    for (name, value) in [("time", time), ("level", record.level().as_str()), ("target", record.target())] {
        line.insert(name.to_owned(), value.into());
    }
    line.insert("message".to_owned(), sentence.into());
    Value::Object(line)
}

fn split(text: &str) -> (&str, Vec<(&str, &str)>) {
    let (sentence, mut rest) = until_next_field(text);
    let mut fields = Vec::new();
    while let Some((key, value)) = rest.and_then(|field| field.split_once('=')) {
        let (value, next) = match end_of_quoted(value).and_then(|end| value.split_at_checked(end)) {
            Some((quoted, behind)) => (quoted.get(1..quoted.len() - 1).unwrap_or(quoted), until_next_field(behind).1),
            None => until_next_field(value),
        };
        fields.push((key, value));
        rest = next;
    }
    (sentence, fields)
}

/// Where a value in quotes ends, which may hold quotes, and what looks like a field: with the quote behind which there
/// is nothing, or another field.
fn end_of_quoted(value: &str) -> Option<usize> {
    let quotes = value.match_indices('"').map(|(at, _)| at + 1);
    quotes.skip(1).filter(|_| value.starts_with('"')).find(|end| {
        let behind = value.get(*end..).unwrap_or_default();
        behind.is_empty() || matches!(until_next_field(behind), ("", Some(_)))
    })
}

/// What is before the next ` key=`, and what begins with that key.
fn until_next_field(text: &str) -> (&str, Option<&str>) {
    let spaces = text.match_indices(' ').map(|(at, _)| at);
    let fields = spaces.filter_map(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    let is_field = |field: &str| {
        let key = field.split_once('=').map(|(key, _)| key).unwrap_or_default();
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut fields = fields.filter(|(_, field)| is_field(field));
    fields.next().map_or((text, None), |(before, field)| (before, Some(field)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_and_its_fields_are_told_apart() {
        for (text, sentence, fields) in [
            ("Stopped.", "Stopped.", vec![]),
            ("Found it. queue=a size=Some(1)", "Found it.", vec![("queue", "a"), ("size", "Some(1)")]),
            ("Lost. error=\"a b: c=d (e)\" id=1", "Lost.", vec![("error", "a b: c=d (e)"), ("id", "1")]),
            ("Lost. error=\"it said \"no\" to x=1\"", "Lost.", vec![("error", "it said \"no\" to x=1")]),
            ("Missing. names=[\"a\", \"b\"] more=", "Missing.", vec![("names", "[\"a\", \"b\"]"), ("more", "")]),
            ("Run: x --y z queue=q", "Run: x --y z", vec![("queue", "q")]),
            ("Odd. error=\"never closed id=1", "Odd.", vec![("error", "\"never closed"), ("id", "1")]),
        ] {
            assert_eq!(split(text), (sentence, fields));
        }
    }
}
