//! Parses `application/x-www-form-urlencoded` as the 2016 service did, except that text must be
//! UTF-8.

use std::collections::HashSet;

use crate::{
    canonical::Canonical,
    pairs::Pairs,
    refusal::{Fault, MAX_REPORTED, Refusal},
};

/// The decoder puts it in place of bytes that are not UTF-8.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// One more than an answer reports, which says that there are more. A fault takes a hundred times
/// the memory of its text.
const MAX_FAULTS: usize = MAX_REPORTED + 1;

/// A malformed percent escape is kept as it is.
///
/// # Errors
/// Names and texts that are not UTF-8.
pub(crate) fn parse(body: &[u8], list_fields: &HashSet<String>) -> Result<Canonical, Refusal> {
    let mut pairs = Pairs::new(list_fields);
    let (mut faults, mut with_fault) = (Vec::new(), HashSet::new());
    for text in body.split(|byte| *byte == b'&') {
        let Some((name, value)) = form_urlencoded::parse(text).next() else { continue };
        // Nearly no text has this character, so nearly none is decoded twice.
        if (name.contains(REPLACEMENT) || value.contains(REPLACEMENT)) && !is_utf8(text) {
            if !with_fault.contains(&*name) {
                faults.push(Fault::not_utf8(&name));
                with_fault.insert(name.into_owned());
            }
            if faults.len() == MAX_FAULTS {
                break;
            }
        } else if faults.is_empty() {
            pairs.add(&name, &value);
        }
    }
    if faults.is_empty() { Ok(pairs.finish()) } else { Err(Refusal::Fields(faults)) }
}

/// Whether a name and its value are UTF-8 without their percent escapes.
fn is_utf8(text: &[u8]) -> bool {
    let hex = |digit: Option<&u8>| char::from(*digit?).to_digit(16);
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escaped = hex(after.first()).zip(hex(after.get(1)));
        let (byte, after) = match escaped.filter(|_| *first == b'%') {
            Some((high, low)) => (
                u8::try_from(high * 16 + low).unwrap_or(*first),
                after.get(2..).unwrap_or_default(),
            ),
            None => (*first, after),
        };
        decoded.push(byte);
        rest = after;
    }
    str::from_utf8(&decoded).is_ok()
}
