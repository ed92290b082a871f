//! The input is a line with a signature, a line with a path, and a body. Each secret has one good
//! signature.
#![no_main]

// The module is private in the api, so this includes its file.
#[allow(dead_code, reason = "only the api needs the name of the header")]
#[path = "../../crates/api/src/signature.rs"]
mod signature;

const SECRETS: [&str; 2] = ["debug", "previous"];

libfuzzer_sys::fuzz_target!(|request: &[u8]| {
    let mut lines = request.splitn(3, |byte| *byte == b'\n');
    let (Some(given), Some(path)) = (lines.next(), lines.next().and_then(|path| str::from_utf8(path).ok())) else {
        return;
    };
    let body = lines.next().unwrap_or_default();
    // From an independent implementation.
    let expected = SECRETS.map(|secret| {
        let content = [path.as_bytes(), body, secret.as_bytes()].concat();
        let hash = ring::digest::digest(&ring::digest::SHA256, &content);
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes()
    });
    let is_good = |given: &[u8]| signature::is_good(given, path, body, &SECRETS.map(Into::into));
    assert_eq!(is_good(given), expected.iter().any(|expected| expected == given));
    // The api looks at the form before it reads the body.
    assert!(signature::is_well_formed(given) || !is_good(given));
    for mut expected in expected {
        assert!(is_good(&expected));
        // The first bytes of the input choose the place, and the change that makes another byte.
        let at = usize::from(request[0]) % expected.len();
        expected[at] ^= body.first().copied().unwrap_or(0).max(1);
        assert!(!is_good(&expected));
        expected.truncate(at);
        assert!(!is_good(&expected));
    }
});
