//! What people and programs see.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use anyhow::Context;
use serde_json::Value;

/// Writes results to standard output, at once.
///
/// # Errors
/// Nobody takes them.
pub fn results(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .context("standard output takes no results")
}

/// Writes a message for people to standard error.
pub fn message(text: &str) {
    let lines: Vec<String> = text.lines().map(escaped).collect();
    // If nobody takes messages, the exit status still says how it ended.
    let _ = writeln!(io::stderr(), "{}", lines.join("\n"));
}

/// Objects as JSON Lines.
pub fn json_lines(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("{object}\n")).collect()
}

/// Names and values below each other.
pub fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, value) in pairs {
        let _ = writeln!(text, "{name:width$}  {}", escaped(value));
    }
    text
}

/// A table whose columns are as wide as their widest cell; the last one ends the line.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let head = head.map(str::to_owned);
    let rows: Vec<[String; N]> = std::iter::once(&head)
        .chain(rows)
        .map(|row| row.each_ref().map(|cell| escaped(cell)))
        .collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// Without characters that a terminal would obey, or that would turn the rest of the line around.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || turns {
            escaped.extend(character.escape_unicode());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_commands() {
        assert_eq!(escaped("a\u{1b}[2J\n\u{9b}é\u{202e}"), "a\\u{1b}[2J\\u{a}\\u{9b}é\\u{202e}");
    }

    #[test]
    fn columns_of_a_table_are_below_each_other() {
        let rows = [["é".to_owned(), "x\ty".to_owned()], ["abc".to_owned(), String::new()]];
        assert_eq!(table(["id", "note"], &rows), "id   note\né    x\\u{9}y\nabc\n");
    }
}
