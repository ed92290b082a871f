//! Readers of one variable each: name, default, values, meaning.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};

use actix_web::http::Uri;

use super::{environment::Environment, variable::Variable};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl Environment {
    /// A text with a default.
    pub fn text(&mut self, name: &str, default: &str, values: &str, meaning: &str) -> String {
        self.declare(Variable::new(name, &code(default), values, meaning));
        self.value(name).unwrap_or_else(|| default.to_owned())
    }

    /// A text with a default that `is_right`. The fault is "must be" and `values`.
    pub fn checked(
        &mut self,
        name: &str,
        default: &str,
        values: &str,
        is_right: impl FnOnce(&str) -> bool,
        meaning: &str,
    ) -> String {
        let text = self.text(name, default, values, meaning);
        if !is_right(&text) {
            self.fault(name, format_args!("must be {values}"));
        }
        text
    }

    /// A text that may be absent; `default` says in words what happens then.
    pub fn optional(
        &mut self,
        name: &str,
        default: &str,
        values: &str,
        meaning: &str,
    ) -> Option<String> {
        self.optional_if(true, name, default, values, meaning)
    }

    /// A text that must be there if `is_required`, and is not read otherwise; `condition` describes that case for the
    /// reference page. If it is missing, the text is empty, and a fault is recorded.
    pub fn required_if(
        &mut self,
        is_required: bool,
        name: &str,
        condition: &str,
        values: &str,
        meaning: &str,
    ) -> Option<String> {
        self.declare(Variable::new(name, &format!("required if {condition}"), values, meaning));
        is_required.then(|| {
            self.value(name).unwrap_or_else(|| {
                self.fault(name, "is not set");
                String::new()
            })
        })
    }

    /// A text that may be absent, and is not read unless `is_used`.
    pub fn optional_if(
        &mut self,
        is_used: bool,
        name: &str,
        default: &str,
        values: &str,
        meaning: &str,
    ) -> Option<String> {
        self.declare(Variable::new(name, default, values, meaning));
        if is_used { self.value(name) } else { None }
    }

    /// A value that `parse` makes of a text, or `None` without one. The fault is "must be" and `values`.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        default: &str,
        values: &str,
        meaning: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.optional(name, default, values, meaning)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.fault(name, format_args!("must be {values}"));
        }
        parsed
    }

    /// Names with commas between them, at least one and each once.
    pub fn names(&mut self, name: &str, default: &str, values: &str, meaning: &str) -> Vec<String> {
        let list = self.text(name, default, values, meaning);
        self.split(name, &list)
    }

    /// Like [`Environment::names`], but may be absent; `default` says in words what happens then.
    pub fn optional_names(
        &mut self,
        name: &str,
        default: &str,
        values: &str,
        meaning: &str,
    ) -> Option<Vec<String>> {
        let list = self.optional(name, default, values, meaning)?;
        Some(self.split(name, &list))
    }

    fn split(&mut self, name: &str, list: &str) -> Vec<String> {
        let mut items: Vec<String> = Vec::new();
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if items.iter().any(|known| known == item) {
                self.fault(name, format_args!("names {item} twice"));
            } else {
                items.push(item.to_owned());
            }
        }
        if items.is_empty() {
            self.fault(name, "names nothing");
        }
        items
    }

    /// One of two words. The first is the default.
    pub fn either<T>(&mut self, name: &str, choices: [(&str, T); 2], meaning: &str) -> T {
        let [(first_word, first), (second_word, second)] = choices;
        let values = format!("{} or {}", code(first_word), code(second_word));
        let word = self.text(name, first_word, &values, meaning);
        if word == second_word {
            return second;
        }
        if word != first_word {
            self.fault(name, format_args!("must be {first_word} or {second_word}"));
        }
        first
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &str, default: bool, meaning: &str) -> bool {
        self.declare(Variable::new(name, &code(default), "`true` or `false`", meaning));
        match self.value(name).map(|text| text.trim().to_ascii_lowercase()).as_deref() {
            None => default,
            Some("true" | "1") => true,
            Some("false" | "0") => false,
            Some(_) => {
                self.fault(name, "must be true or false");
                default
            }
        }
    }

    /// A whole number within a range.
    pub fn number<T>(
        &mut self,
        name: &str,
        default: T,
        range: RangeInclusive<T>,
        meaning: &str,
    ) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        self.number_of("", name, default, range, meaning)
    }

    /// A whole number of bytes within a range.
    pub fn bytes(
        &mut self,
        name: &str,
        default: usize,
        range: RangeInclusive<usize>,
        meaning: &str,
    ) -> usize {
        self.number_of(" bytes", name, default, range, meaning)
    }

    /// Whole seconds within a range.
    pub fn seconds(
        &mut self,
        name: &str,
        default: u64,
        range: RangeInclusive<u64>,
        meaning: &str,
    ) -> Duration {
        Duration::from_secs(self.number_of(" s", name, default, range, meaning))
    }

    /// Whole milliseconds within a range.
    pub fn milliseconds(
        &mut self,
        name: &str,
        default: u64,
        range: RangeInclusive<u64>,
        meaning: &str,
    ) -> Duration {
        Duration::from_millis(self.number_of(" ms", name, default, range, meaning))
    }

    fn number_of<T>(
        &mut self,
        unit: &str,
        name: &str,
        default: T,
        range: RangeInclusive<T>,
        meaning: &str,
    ) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let (least, most) = (range.start(), range.end());
        let size = |number: T| if unit == " bytes" { binary_size(number) } else { String::new() };
        let values = format!("{least} to {most}{unit}{}", size(*most));
        let default_text = format!("{}{}", code(default), size(default));
        self.declare(Variable::new(name, &default_text, &values, meaning));
        let Some(text) = self.value(name) else { return default };
        match text.trim().parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.fault(name, format_args!("must be a whole number from {least} to {most}"));
                default
            }
        }
    }
}

/// Whether this is a URL of a server, with or without a path.
pub fn is_http_url(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}

fn code(text: impl Display) -> String {
    let text = text.to_string();
    if text.is_empty() { "(empty)".to_owned() } else { format!("`{text}`") }
}

/// ` (3 MiB)` for a number that is a multiple of such a unit, else nothing.
fn binary_size(number: impl Display) -> String {
    let Ok(bytes) = number.to_string().parse::<u64>() else { return String::new() };
    let units = [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
    let unit = units.into_iter().find(|(size, _)| bytes >= *size && bytes % size == 0);
    unit.map_or(String::new(), |(size, name)| format!(" ({} {name})", bytes / size))
}
