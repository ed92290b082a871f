//! Random bytes, and seeds of the fuzzer with changed bytes.

use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*, sample::select};

use crate::invariants;

/// The seeds for one target of the fuzzer.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let seeds: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|seed| fs::read(seed.unwrap().path()).unwrap())
        .collect();
    assert!(seeds.len() > 10);
    seeds
}

/// A seed with some bytes replaced, added or removed.
fn changed_seed(target: &str) -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((any::<prop::sample::Index>(), 0..4usize, vec(any::<u8>(), 0..4)), 0..6);
    (select(seeds(target)), changes).prop_map(|(mut seed, changes)| {
        for (at, fewer, more) in changes {
            let at = at.index(seed.len() + 1);
            let end = (at + fewer).min(seed.len());
            seed.splice(at..end, more);
        }
        seed
    })
}

#[test]
fn the_invariants_hold_for_every_seed() {
    seeds("fields").iter().for_each(|seed| invariants::check_request(seed));
    seeds("message").iter().for_each(|seed| invariants::check_message(seed));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_invariants_hold_for_any_request(
        content_type in select(vec!["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]),
        body in vec(any::<u8>(), 0..200),
        changed in changed_seed("fields"),
    ) {
        invariants::check_request(&[content_type.as_bytes(), b"\n", &body].concat());
        invariants::check_request(&changed);
    }

    #[test]
    fn the_invariants_hold_for_any_message(changed in changed_seed("message")) {
        invariants::check_message(&changed);
    }
}
