//! Writes JSON in its canonical form: compact, the members of each object sorted by name, each name
//! once.
//!
//! The writer makes text straight from the values as they are parsed and never builds a tree. A
//! tree takes up to a hundred times the memory of its text, because each object with one short
//! member takes more than 600 bytes in it.

mod writer;

use std::{cmp::Ordering, ops::Range};

pub(crate) use writer::{Name, Object, Writer};

/// Values that JSON allows and PostgreSQL's jsonb does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unstorable {
    pub(crate) null_character: bool,
    pub(crate) long_number: bool,
}

impl Unstorable {
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            null_character: self.null_character | other.null_character,
            long_number: self.long_number | other.long_number,
        }
    }
}

/// A member of an object: places in the text.
// 32 bits each, because a body can have a million members. `Fields` refuses longer bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Member {
    /// Where the name starts, with its quotation mark.
    start: u32,
    value: u32,
    end: u32,
    unstorable: Unstorable,
}

impl Member {
    fn name(self, text: &str) -> &str {
        // Without the quotation marks and the colon.
        let (start, end) = (self.start as usize + 1, (self.value as usize).saturating_sub(2));
        text.get(start..end).unwrap_or_default()
    }

    fn value(self) -> Range<usize> {
        self.value as usize..self.end as usize
    }
}

/// One JSON value in canonical form. If it is an object, its members can be looked up.
///
/// U+FFFE and U+FFFF are written as escapes, because SQS accepts neither.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Canonical {
    text: String,
    /// Sorted by name.
    members: Vec<Member>,
}

impl Canonical {
    pub(crate) fn empty_object() -> Self {
        Self { text: "{}".to_owned(), members: Vec::new() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// The names, and what PostgreSQL could not store of their values.
    pub(crate) fn members(&self) -> impl Iterator<Item = (String, Unstorable)> {
        self.members
            .iter()
            .map(|member| (unescape(member.name(&self.text)).collect(), member.unstorable))
    }

    /// Whether PostgreSQL could not store some value.
    pub(crate) fn has_unstorable(&self) -> bool {
        self.members.iter().any(|member| member.unstorable != Unstorable::default())
    }

    /// Whether a name starts with these characters, none of which is written as an escape.
    pub(crate) fn has_name_with_prefix(&self, prefix: &str) -> bool {
        self.members.iter().any(|member| member.name(&self.text).starts_with(prefix))
    }

    /// Where the text has the value of a member.
    fn range_of(&self, name: &str) -> Option<Range<usize>> {
        let found = self
            .members
            .binary_search_by(|member| unescape(member.name(&self.text)).cmp(name.chars()));
        self.members.get(found.ok()?).map(|member| member.value())
    }

    /// The JSON text of the value of a member.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.text.get(self.range_of(name)?)
    }
}

/// Compares two names that are written in canonical form, by what they mean.
fn compare_names(one: &str, other: &str) -> Ordering {
    if one.contains('\\') || other.contains('\\') {
        unescape(one).cmp(unescape(other))
    } else {
        one.cmp(other)
    }
}

/// The characters of a string that [`Writer`] wrote, given without its quotation marks.
fn unescape(written: &str) -> impl Iterator<Item = char> {
    let mut characters = written.chars();
    std::iter::from_fn(move || {
        let character = characters.next()?;
        if character != '\\' {
            return Some(character);
        }
        match characters.next()? {
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => {
                let digits = characters.by_ref().take(4);
                let code = digits
                    .fold(0, |code, digit| code * 16 + digit.to_digit(16).unwrap_or_default());
                char::from_u32(code)
            }
            other => Some(other),
        }
    })
}
