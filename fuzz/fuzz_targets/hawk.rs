//! Input: `Authorization`, method, path, host, port and media type of a request, each on its own
//! line, and the body.
#![no_main]

#[allow(dead_code, reason = "only the tests use the rest")]
#[path = "../../crates/hawk-auth/tests/hawk/sent.rs"]
mod sent;

#[allow(dead_code, reason = "only the tests use the rest")]
#[path = "../../crates/hawk-auth/tests/hawk/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|request: &[u8]| invariants::check_request(request));
