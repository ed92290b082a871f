//! Input: three lines of attributes, and the body of a message.
#![no_main]

#[allow(dead_code, reason = "the rest checks requests")]
#[path = "../../crates/domain/tests/properties/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|message: &[u8]| invariants::check_message(message));
