//! The settings in libpq's parameter `options`: `-c name=value`, `-cname=value`, `--name=value`.

use std::time::Duration;

const UNREADABLE: &str = "has options with a statement_timeout that PostgreSQL would not take";

/// One setting, or any other argument of the server.
struct Argument {
    raw: String,
    name: String,
    value: String,
}

/// The `statement_timeout`; zero means no limit.
pub(super) fn statement_timeout(options: &str) -> Result<Option<Duration>, &'static str> {
    match arguments(options).iter().rfind(|argument| argument.is_statement_timeout()) {
        Some(argument) => duration(&argument.value).map(Some).ok_or(UNREADABLE),
        None => Ok(None),
    }
}

/// The same options without `statement_timeout`.
pub(super) fn without_statement_timeout(options: &str) -> String {
    let mut arguments = arguments(options);
    arguments.retain(|argument| !argument.is_statement_timeout());
    arguments.into_iter().map(|argument| argument.raw).collect::<Vec<_>>().join(" ")
}

impl Argument {
    fn is_statement_timeout(&self) -> bool {
        self.name.eq_ignore_ascii_case("statement_timeout")
    }
}

fn arguments(options: &str) -> Vec<Argument> {
    let mut words = words(options).into_iter();
    let mut arguments = Vec::new();
    while let Some(mut raw) = words.next() {
        if raw == "-c"
            && let Some(setting) = words.next()
        {
            raw = format!("-c {setting}");
        }
        let setting = raw.strip_prefix("-c").or_else(|| raw.strip_prefix("--"));
        let setting = unescape(setting.unwrap_or_default().trim_start());
        let (name, value) = setting.split_once('=').unwrap_or_default();
        arguments.push(Argument { name: name.replace('-', "_"), value: value.to_owned(), raw });
    }
    arguments
}

/// Splits at white space, except behind a backslash.
fn words(options: &str) -> Vec<String> {
    let (mut words, mut word, mut escaped) = (Vec::new(), String::new(), false);
    for c in options.chars() {
        if c.is_ascii_whitespace() && !escaped {
            words.push(std::mem::take(&mut word));
        } else {
            word.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn unescape(word: &str) -> String {
    let mut text = String::new();
    let mut rest = word.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.extend(rest.next()),
            c => text.push(c),
        }
    }
    text
}

/// A number of milliseconds, or with one of PostgreSQL's units of time.
fn duration(value: &str) -> Option<Duration> {
    let value = value.trim();
    let unit_at = value.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(value.len());
    let (number, unit) = value.split_at(unit_at);
    let number: f64 = number.trim().parse().ok()?;
    let milliseconds = match unit {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * milliseconds / 1_000.0).ok()
}
