//! The parts of `make large`, with few rows.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use bench::large::{Options, upgrade};
use test_kit::program::path_of;

#[test]
fn a_database_of_the_last_release_is_migrated_while_it_writes_and_ends_as_a_new_one() {
    let programs = path_of("worker").parent().unwrap().to_owned();
    let options =
        Options { programs, quick: true, rows: 60_000, pairs: 1, memory: None, only: None };
    // It fails if a row is missing, or if the schemas differ.
    let upgraded = upgrade::measure(&options, 20_000, &mut Vec::new()).unwrap();
    assert_eq!(upgraded.rows, 20_000);
    for writing in [upgraded.during_migrate, upgraded.during_finish_move] {
        // On a busy machine an insert may take a second, but it may not wait for a lock for so long.
        assert!(writing.inserts > 0 && writing.blocked == 0, "{writing:?}");
    }
}
