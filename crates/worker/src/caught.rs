//! Lets code that reads input fail alone.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Returns what `read` returns, or `None` if it panics: a bug in the program, which the panic hook
/// has logged. One message must not take others with it, let alone the process.
pub fn caught<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer_and_not_the_end() {
        assert_eq!(caught(|| 1), Some(1));
        let no_bytes: &[u8] = &[];
        assert_eq!(caught(|| no_bytes[no_bytes.len()]), None);
    }
}
