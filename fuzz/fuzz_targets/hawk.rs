//! `Authorization`, method, path, host, port and media type of a request on a line each, and its body.
#![no_main]

#[allow(dead_code, reason = "the rest is for the tests")]
#[path = "../../crates/hawk-auth/tests/hawk/sent.rs"]
mod sent;

#[allow(dead_code, reason = "the rest is for the tests")]
#[path = "../../crates/hawk-auth/tests/hawk/holds.rs"]
mod holds;

libfuzzer_sys::fuzz_target!(|request: &[u8]| holds::of_request(request));
