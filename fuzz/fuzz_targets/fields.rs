//! A `Content-Type`, a line end and a body, in any of the three encodings.
#![no_main]

#[allow(dead_code, reason = "the other half is for messages")]
#[path = "../../crates/domain/tests/properties/holds.rs"]
mod holds;

libfuzzer_sys::fuzz_target!(|request: &[u8]| holds::of_request(request));
