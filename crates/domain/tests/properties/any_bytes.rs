//! Bytes that nobody meant as a form.

use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*, sample::select};

use crate::holds;

/// The fuzzer's seeds for one of its targets.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let seeds: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|seed| fs::read(seed.unwrap().path()).unwrap())
        .collect();
    assert!(seeds.len() > 10);
    seeds
}

/// A seed in which some bytes are others, are more or are fewer.
fn spoilt(target: &str) -> impl Strategy<Value = Vec<u8>> {
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
fn the_seeds_hold() {
    seeds("fields").iter().for_each(|seed| holds::of_request(seed));
    seeds("message").iter().for_each(|seed| holds::of_message(seed));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_holds(
        content_type in select(vec!["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]),
        body in vec(any::<u8>(), 0..200),
        spoilt in spoilt("fields"),
    ) {
        holds::of_request(&[content_type.as_bytes(), b"\n", &body].concat());
        holds::of_request(&spoilt);
    }

    #[test]
    fn any_message_holds(spoilt in spoilt("message")) {
        holds::of_message(&spoilt);
    }
}
