//! Names of environment variables.

use std::fmt;

/// `[A-Za-z_][A-Za-z0-9_]*`: the names that every shell, Docker and Compose accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let starts_with_digit = text.starts_with(|c: char| c.is_ascii_digit());
        let all_allowed = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        (!text.is_empty() && !starts_with_digit && all_allowed).then_some(Self(text))
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A name with one `*`, which stands for one or more characters. It is for names that cannot be
/// listed because they come from data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern<'a> {
    before: &'a str,
    after: &'a str,
}

impl<'a> Pattern<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let (before, after) = text.split_once('*')?;
        let is_rest = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        ((before.is_empty() || Name::parse(before).is_some()) && is_rest(after))
            .then_some(Self { before, after })
    }

    /// Also false for text that is not a valid name.
    pub fn matches(self, name: &str) -> bool {
        let rest = name.strip_prefix(self.before).and_then(|rest| rest.strip_suffix(self.after));
        rest.is_some_and(|rest| !rest.is_empty()) && Name::parse(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Name, Pattern};

    #[test]
    fn a_star_stands_for_one_or_more_characters() {
        let matches = |pattern, name| Pattern::parse(pattern).unwrap().matches(name);
        for (pattern, name) in [
            ("SQS_*_NAME", "SQS_A_NAME"),
            ("SQS_*_NAME", "SQS_A_NAME_NAME"),
            ("*", "A"),
            ("A*", "AB"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("SQS_*_NAME", "SQS__NAME"),
            ("SQS_*_NAME", "SQS_NAME"),
            ("A*A", "AA"),
            ("A*", "BA"),
            ("A*", "A-"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        for text in ["A", "", "*A*", "1*", "A-*", "*-"] {
            assert!(Pattern::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_name_has_letters_digits_and_underscores_and_does_not_start_with_a_digit() {
        for good in ["A", "_", "a1", "UI_SECRET", "_1"] {
            assert!(Name::parse(good).is_some(), "{good:?}");
        }
        for (bad, reason) in [
            ("", "empty"),
            ("1A", "starts with a digit"),
            ("UI-SECRET", "hyphen"),
            ("UI SECRET", "space"),
            ("A=B", "would set A"),
            ("A\nB", "would be two lines"),
            ("É", "not ASCII"),
            ("A٣", "a digit, but not an ASCII one"),
        ] {
            assert!(Name::parse(bad).is_none(), "{bad:?}: {reason}");
        }
    }
}
