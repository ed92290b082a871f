//! The value of a host variable, and whether it can be a line of a file.

use std::{ffi::OsString, fmt};

/// It has no `Debug`, because the text may be a secret.
pub enum Value {
    /// Not set or empty: nobody means to set a required variable to nothing.
    Unset,
    Text(String),
    Unwritable(Reason),
}

/// Why a value cannot be a line of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The rest of the value would be read as more variables.
    LineBreak,
    Nul,
    NotUtf8,
}

impl From<Option<OsString>> for Value {
    fn from(raw: Option<OsString>) -> Self {
        match raw.map(OsString::into_string) {
            None => Self::Unset,
            Some(Ok(text)) if text.is_empty() => Self::Unset,
            Some(Ok(text)) if text.contains(['\n', '\r']) => Self::Unwritable(Reason::LineBreak),
            Some(Ok(text)) if text.contains('\0') => Self::Unwritable(Reason::Nul),
            Some(Ok(text)) => Self::Text(text),
            Some(Err(_)) => Self::Unwritable(Reason::NotUtf8),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineBreak => "contains a line break",
            Self::Nul => "contains a NUL character",
            Self::NotUtf8 => "is not UTF-8",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_value_that_is_not_one_line_of_text_cannot_be_written() {
        for (bytes, reason) in [
            (&b"a\nb"[..], Reason::LineBreak),
            (b"a\n", Reason::LineBreak),
            (b"a\rb", Reason::LineBreak),
            // No operating system passes NUL in a variable, but another caller of the library may.
            (b"a\0b", Reason::Nul),
            (b"a\xffb", Reason::NotUtf8),
        ] {
            match Value::from(Some(OsString::from_vec(bytes.to_vec()))) {
                Value::Unwritable(found) => assert_eq!(found, reason, "{bytes:?}"),
                Value::Text(_) | Value::Unset => panic!("{bytes:?} was accepted"),
            }
        }
    }
}
