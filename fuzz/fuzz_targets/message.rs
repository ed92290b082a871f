//! Three lines of attributes and the body of a message.
#![no_main]

#[allow(dead_code, reason = "the other half is for requests")]
#[path = "../../crates/domain/tests/properties/holds.rs"]
mod holds;

libfuzzer_sys::fuzz_target!(|message: &[u8]| holds::of_message(message));
