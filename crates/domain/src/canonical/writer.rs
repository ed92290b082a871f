//! Writes the text.

use std::fmt::Write;

use super::{Canonical, Member, Unstorable, compare_names};
use crate::limits;

/// Writes one JSON value, from its start to its end.
#[derive(Default)]
pub(crate) struct Writer {
    text: String,
    /// The members of all objects that are open, the outermost object's first.
    members: Vec<Member>,
}

/// An object with more members than this is sorted while it is written, and again each time it has
/// twice as many, so that repeated names do not take much memory.
const SORT_FROM: usize = 1024;

/// An object that has been opened and not closed.
pub(crate) struct Object {
    start: usize,
    first_member: usize,
    /// Sorted when it has this many members.
    sort_at: usize,
}

/// A member whose name has been written.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    start: usize,
    value: usize,
    unstorable: Unstorable,
}

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), members: Vec::new() }
    }

    pub(crate) fn word(&mut self, word: &str) -> Unstorable {
        self.text.push_str(word);
        Unstorable::default()
    }

    pub(crate) fn integer(&mut self, integer: impl std::fmt::Display) -> Unstorable {
        // A `String` takes any text.
        let _ = write!(self.text, "{integer}");
        Unstorable::default()
    }

    pub(crate) fn digits(&mut self, digits: &str) -> Unstorable {
        self.text.push_str(digits);
        Unstorable { long_number: limits::is_too_long(digits), null_character: false }
    }

    pub(crate) fn string(&mut self, string: &str) -> Unstorable {
        self.text.push('"');
        // Without a branch for each byte, this loop is faster.
        let is_plain = !string.bytes().fold(false, |special, byte| special | may_be_escaped(byte));
        if is_plain {
            self.text.push_str(string);
        } else {
            string.chars().for_each(|character| self.character(character));
        }
        self.text.push('"');
        Unstorable { null_character: !is_plain && string.contains('\0'), long_number: false }
    }

    /// The same escapes as those of serde_json, plus two for the characters that SQS refuses.
    fn character(&mut self, character: char) {
        match character {
            '"' => self.text.push_str("\\\""),
            '\\' => self.text.push_str("\\\\"),
            '\u{8}' => self.text.push_str("\\b"),
            '\u{c}' => self.text.push_str("\\f"),
            '\n' => self.text.push_str("\\n"),
            '\r' => self.text.push_str("\\r"),
            '\t' => self.text.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                // A `String` takes any text.
                let _ = write!(self.text, "\\u{:04x}", u32::from(character));
            }
            other => self.text.push(other),
        }
    }

    /// Starts a list. Call [`Writer::end_of_item`] after each item.
    pub(crate) fn open_list(&mut self) {
        self.text.push('[');
    }

    pub(crate) fn end_of_item(&mut self) {
        self.text.push(',');
    }

    pub(crate) fn close_list(&mut self) {
        self.drop_last_comma();
        self.text.push(']');
    }

    pub(crate) fn open_object(&mut self) -> Object {
        let (start, first_member) = (self.text.len(), self.members.len());
        self.text.push('{');
        Object { start, first_member, sort_at: SORT_FROM }
    }

    /// Starts a member of the innermost object. Write its value next, and then call
    /// [`Writer::end_of_member`].
    pub(crate) fn name(&mut self, name: &str) -> Name {
        let start = self.text.len();
        let unstorable = self.string(name);
        self.text.push(':');
        Name { start, value: self.text.len(), unstorable }
    }

    pub(crate) fn end_of_member(&mut self, object: &mut Object, name: Name, value: Unstorable) {
        // `Fields` refuses bodies whose text could be longer than this.
        let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        self.members.push(Member {
            start: place(name.start),
            value: place(name.value),
            end: place(self.text.len()),
            unstorable: name.unstorable.or(value),
        });
        if self.members.len() - object.first_member >= object.sort_at {
            self.sort(object);
            object.sort_at = SORT_FROM.max(2 * (self.members.len() - object.first_member));
        }
        self.text.push(',');
    }

    pub(crate) fn close_object(&mut self, object: &Object) -> Unstorable {
        self.drop_last_comma();
        self.sort(object);
        self.text.push('}');
        let members = self.members.drain(object.first_member..);
        members.fold(Unstorable::default(), |all, member| all.or(member.unstorable))
    }

    /// Closes the object that is the whole value, and keeps its members.
    pub(crate) fn close_whole_object(&mut self, object: &Object) -> Unstorable {
        self.drop_last_comma();
        self.sort(object);
        self.text.push('}');
        Unstorable::default()
    }

    /// Undoes [`Writer::open_object`].
    pub(crate) fn take_back(&mut self, object: &Object) {
        self.text.truncate(object.start);
    }

    pub(crate) fn finish(mut self) -> Canonical {
        // Fields are kept while SQS takes its time.
        self.text.shrink_to_fit();
        self.members.shrink_to_fit();
        Canonical { text: self.text, members: self.members }
    }

    /// A value never ends with a comma, so one at the end is from the last member or item.
    fn drop_last_comma(&mut self) {
        if self.text.ends_with(',') {
            self.text.pop();
        }
    }

    /// Sorts the members of the innermost object. The last value of a repeated name wins.
    fn sort(&mut self, object: &Object) {
        let Self { text, members } = self;
        let unsorted = members.get_mut(object.first_member..).unwrap_or_default();
        let compare =
            |one: &Member, other: &Member| compare_names(one.name(text), other.name(text));
        if unsorted.is_sorted_by(|one, other| compare(one, other).is_lt()) {
            return;
        }
        // The last of equal names comes first, and it stays.
        unsorted
            .sort_unstable_by(|one, other| compare(one, other).then(other.start.cmp(&one.start)));
        let mut kept: usize = 0;
        for at in 0..unsorted.len() {
            let Some(member) = unsorted.get(at).copied() else { break };
            let last = kept.checked_sub(1).and_then(|last| unsorted.get(last));
            if last.is_none_or(|last| compare(last, &member).is_ne()) {
                unsorted.swap(kept, at);
                kept += 1;
            }
        }
        members.truncate(object.first_member + kept);
        self.rewrite(object);
    }

    /// Writes the members of the innermost object again, in their new order.
    fn rewrite(&mut self, object: &Object) {
        let first = object.start + 1;
        let mut rewritten = String::with_capacity(self.text.len().saturating_sub(first));
        for member in self.members.get_mut(object.first_member..).unwrap_or_default() {
            if !rewritten.is_empty() {
                rewritten.push(',');
            }
            let written = self.text.get(member.start as usize..member.end as usize);
            let start = u32::try_from(first + rewritten.len()).unwrap_or(u32::MAX);
            rewritten.push_str(written.unwrap_or_default());
            member.value = start + (member.value - member.start);
            member.end = start + (member.end - member.start);
            member.start = start;
        }
        self.text.truncate(first);
        self.text.push_str(&rewritten);
    }
}

/// In UTF-8, U+FFFE and U+FFFF start with 0xEF, and few other characters do.
fn may_be_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0xef
}
