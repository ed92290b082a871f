//! Shows invalid messages as a table: one line each, columns separated by spaces, the reason last.

use std::{
    io::{self, Write},
    time::{Duration, SystemTime},
};

use serde::de::IgnoredAny;

use super::look::Row;

pub fn write_head(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:<36}  {:>6}  {:>8}  {:>6}  reason", "id", "age", "bytes", "copies")
}

/// Writes one message. The age is the age of its oldest copy on the invalid queue.
pub fn write_row(out: &mut impl Write, row: &Row, now: SystemTime) -> io::Result<()> {
    let age = row.sent_at.map_or_else(
        || "-".to_owned(),
        |sent_at| age(now.duration_since(sent_at).unwrap_or_default()),
    );
    let reason = printable(row.reason.as_deref().unwrap_or("-"));
    writeln!(
        out,
        "{:<36}  {age:>6}  {:>8}  {:>6}  {reason}",
        row.identity,
        row.bytes,
        row.copies.len()
    )
}

/// The worker writes a code as the reason. Somebody else may have written anything, which must not
/// control the terminal.
pub fn printable(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The two largest units, without a space: `13d2h`, `5m0s`.
pub fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A body as one line of JSON: its own text if that is JSON, otherwise a JSON string of the text.
pub fn body(body: &str) -> String {
    let json = match serde_json::from_str::<IgnoredAny>(body) {
        // Valid JSON has these only between tokens, where a space means the same.
        Ok(_) => body.trim().replace(['\n', '\r', '\t'], " "),
        Err(_) => serde_json::Value::from(body).to_string(),
    };
    // Some terminals treat these as commands. They can only be inside a string.
    let controls =
        |c: char| if c.is_control() { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(controls).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_shown_in_its_two_largest_units() {
        let shown = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 1_209_600]
            .map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0s", "59s", "1m0s", "59m59s", "1h0m", "23h59m", "1d0h", "14d0h"]);
    }

    #[test]
    fn a_body_is_shown_as_one_line_of_json_without_terminal_commands() {
        let cases = [
            ("{\"n\": 1.50,\r\n\t\"e\": 1e1000}", r#"{"n": 1.50,   "e": 1e1000}"#),
            ("not json\n\u{1b}[2J \"x\"", r#""not json\n\u001b[2J \"x\"""#),
            ("\"\u{9b}31m\u{7f}é\"", r#""\u009b31m\u007fé""#),
            ("", r#""""#),
        ];
        for (text, shown) in cases {
            assert_eq!(body(text), shown);
            assert!(serde_json::from_str::<IgnoredAny>(&body(text)).is_ok(), "{shown}");
        }
    }

    #[test]
    fn a_reason_is_shown_shortened_and_without_terminal_commands() {
        let reason = Some(format!("a\u{1b}[2J\n{}", "b".repeat(1000)));
        let row = Row {
            identity: "x".to_owned(),
            reason,
            sent_at: None,
            bytes: 1,
            copies: vec!["x".to_owned()],
        };
        let mut out = Vec::new();
        write_row(&mut out, &row, SystemTime::now()).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.ends_with("bb\n") && out.len() < 300 && !out.contains('\u{1b}'), "{out}");
    }
}
