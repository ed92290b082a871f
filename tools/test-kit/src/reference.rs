//! Reference pages under `docs/reference/`, written from the code.
//!
//! A generated block is between `<!-- generated: NAME -->` and `<!-- end: NAME -->`. A test
//! generates the block again and compares. `make reference` writes the page instead.

use std::{env, fs, path::Path};

/// If this variable has a value, [`check`] writes the page instead of comparing.
const WRITE: &str = "WRITE_REFERENCE";

/// Compares the block `name` of `docs/reference/<page>` with the text that the code generates.
///
/// # Panics
/// The page has no such block, or the block differs.
pub fn check(page: &str, name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(page);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("docs/reference/{page}: {error}"));
    let (begin, end) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end: {name} -->"));
    let parts =
        text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
    let Some((before, (block, after))) = parts else {
        panic!("docs/reference/{page} has no block between {begin} and {end}");
    };
    let expected = format!("\n{}\n\n", expected.trim());
    if block == expected {
        return;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "not a service's setting: `make reference` sets it"
    )]
    if env::var_os(WRITE).is_some() {
        fs::write(&path, format!("{before}{begin}{expected}{end}{after}"))
            .expect("a page that we may write");
        return;
    }
    panic!(
        "docs/reference/{page}: block {name} differs from the code. Run `make reference`. It should be:\n{expected}"
    );
}

/// Checks that `env.json` names each variable of a table made by `service::settings`.
///
/// # Panics
/// A variable is missing.
pub fn check_env_json(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../env.json");
    let text = fs::read_to_string(path).expect("env.json");
    let names = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    // env.json has one pattern for the names of all queues.
    let missing: Vec<&str> = names
        .filter(|name| !(name.starts_with("SQS_") && name.ends_with("_QUEUE_NAME")))
        .filter(|name| !text.contains(&format!("\"{name}\"")))
        .collect();
    assert!(missing.is_empty(), "env.json does not name {missing:?}");
}
