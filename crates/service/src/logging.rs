//! Logs: one line per event on standard error, as text or as JSON, written by env_logger.
//!
//! A line is a sentence and fields: `log::info!(queue = name; "Found the queues.")`.

use std::io::{self, Write};

use env_logger::{Builder, Target, fmt::Formatter};
use log::{
    Level, Record,
    kv::{Error, Key, Value, VisitSource, VisitValue},
};
use serde_json::Map;

use crate::settings::{LogFormat, LogSettings};

/// The crates of this workspace, which never log form data.
const OURS: [&str; 11] = [
    "api",
    "domain",
    "local_sqs",
    "reader",
    "relations",
    "service",
    "queue",
    "store",
    "tabular",
    "worker",
    "panic",
];

/// Starts logging. It also logs panics, without their payload, which may quote input.
pub fn start(settings: &LogSettings) {
    let format = match settings.format {
        LogFormat::Text => write_text,
        LogFormat::Json => write_json,
    };
    Builder::new()
        .parse_filters(&settings.directives)
        .target(Target::Stderr)
        .format(
            move |buffer, record| {
                if may_be_shown(record) { format(buffer, record) } else { Ok(()) }
            },
        )
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        log::error!(target: "panic", place; "A task panicked: this is a bug in the program.");
    }));
}

fn write_text(buffer: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let time = buffer.timestamp_millis();
    let (level, target, sentence) = (record.level(), record.target(), record.args());
    write!(buffer, "{time} {level:5} {target}: {sentence}")?;
    for (key, value) in Fields::of(record).0 {
        if needs_quotes(&value) {
            write!(buffer, " {key}={value:?}")?;
        } else {
            write!(buffer, " {key}={value}")?;
        }
    }
    writeln!(buffer)
}

fn needs_quotes(value: &str) -> bool {
    value.is_empty() || value.contains(|c: char| c == ' ' || c == '"' || c.is_control())
}

fn write_json(buffer: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let time = buffer.timestamp_millis().to_string();
    writeln!(buffer, "{}", json(&time, record))
}

/// All values are text. A field named `time`, `level`, `target` or `message` is overwritten.
fn json(time: &str, record: &Record<'_>) -> serde_json::Value {
    let fields = Fields::of(record).0;
    let mut line: Map<_, _> = fields.into_iter().map(|(key, value)| (key, value.into())).collect();
    let (level, target) = (record.level().as_str(), record.target());
    for (name, value) in [("time", time), ("level", level), ("target", target)] {
        line.insert(name.to_owned(), value.into());
    }
    line.insert("message".to_owned(), record.args().to_string().into());
    line.into()
}

/// The fields of a line, in the order in which the call names them.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn of(record: &Record<'_>) -> Self {
        let mut fields = Self(Vec::new());
        // This visitor never fails.
        let _ = record.key_values().visit(&mut fields);
        fields
    }
}

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let mut absent = IsNone(false);
        value.visit(&mut absent)?;
        if !absent.0 {
            self.0.push((key.to_string(), value.to_string()));
        }
        Ok(())
    }
}

/// Whether a value is `None`: a line leaves such a field out.
struct IsNone(bool);

impl VisitValue<'_> for IsNone {
    fn visit_any(&mut self, _: Value<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        self.0 = true;
        Ok(())
    }
}

/// Libraries log requests and bodies below the level of warnings, and even `RUST_LOG=trace` must not show form data.
///
/// Of an error, somebody should know. But anybody can send bytes that are not HTTP, for which actix-http logs errors.
fn may_be_shown(record: &Record<'_>) -> bool {
    let root = record.target().split("::").next().unwrap_or_default();
    OURS.contains(&root) || record.level() <= Level::Warn && root != "actix_http"
}

#[cfg(test)]
mod tests {
    use log::kv::ToValue;

    use super::*;

    #[test]
    fn a_text_value_is_quoted_if_it_is_empty_or_has_a_space_a_quote_or_a_control_character() {
        for value in ["", "a b", "\"", "a\nb", "\r", "\t", "\u{1b}[2J", "\u{85}"] {
            assert!(needs_quotes(value), "{value:?}");
        }
        for value in ["a", "x=1", "Köln"] {
            assert!(!needs_quotes(value), "{value:?}");
        }
    }

    #[test]
    fn a_json_line_has_the_sentence_and_each_field_as_text() {
        let fields: &[(&str, Value<'_>)] = &[
            ("queue", "a b".into()),
            ("messages", 3.into()),
            ("error", "it said \"no\" to x=1".into()),
            ("level", "a field cannot hide the level".into()),
            ("absent", None::<&str>.to_value()),
        ];
        let record = Record::builder()
            .args(format_args!("Sent = not parsed."))
            .level(Level::Warn)
            .target("worker::poll")
            .key_values(&fields)
            .build();
        let expected = serde_json::json!({
            "time": "now",
            "level": "WARN",
            "target": "worker::poll",
            "message": "Sent = not parsed.",
            "queue": "a b",
            "messages": "3",
            "error": "it said \"no\" to x=1",
        });
        assert_eq!(json("now", &record), expected);
    }
}
