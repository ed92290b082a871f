//! Names of environment variables.

use std::fmt;

/// `[A-Za-z_][A-Za-z0-9_]*`: what every shell, Docker and Compose take.
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

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn a_name_is_letters_digits_and_underscores_and_starts_with_no_digit() {
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
