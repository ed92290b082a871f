//! Input: a `Content-Type`, a line end, and a body in any of the three encodings.
#![no_main]

#[allow(dead_code, reason = "the rest checks messages")]
#[path = "../../crates/domain/tests/properties/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|request: &[u8]| invariants::check_request(request));
