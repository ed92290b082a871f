//! The formula guard: text that a spreadsheet would run gets a `'` in front.
//!
//! Text is guarded if it begins with `=`, `+`, `-`, `@`, tab or CR, or with any number of `'`
//! followed by one of them. The second half makes the guard reversible: without it `'=1` and the
//! guarded `=1` would be the same.

/// Whether the guard puts a `'` before this text.
pub(crate) fn needs_guard(text: &[u8]) -> bool {
    match text {
        [b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r', ..] => true,
        [b'\'', rest @ ..] => {
            let after = rest.iter().find(|byte| **byte != b'\'');
            matches!(after, Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'))
        }
        _ => false,
    }
}

/// The text as it was before the formula guard. Use it for every cell of a text column, and for
/// every name in the header, of a CSV that was written with the guard.
pub fn unguard(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if needs_guard(rest.as_bytes()) => rest,
        _ => text,
    }
}
