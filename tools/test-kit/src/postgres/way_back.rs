use std::{fs, path::PathBuf};

/// The scripts that give the table of 2016 back, in the order in which they run: the `down.sql` of
/// each migration, the newest first.
///
/// # Panics
/// The migrations are not in the source tree.
#[expect(clippy::expect_used, reason = "a test cannot go on without the migrations")]
pub fn way_back() -> Vec<PathBuf> {
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    let entries = fs::read_dir(migrations).expect("the migrations");
    let mut scripts: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a migration").path().join("down.sql")).collect();
    scripts.sort();
    scripts.reverse();
    scripts
}
