use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{
    invariants,
    sent::{NOW, Sent, verifier},
};

#[test]
fn the_invariants_hold_for_every_seed_and_one_seed_is_good() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/hawk");
    let seeds: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|seed| fs::read(seed.unwrap().path()).unwrap())
        .collect();
    seeds.iter().for_each(|seed| invariants::check_request(seed));
    assert!(seeds.contains(&invariants::good_request()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn a_request_with_changed_bytes_is_refused_or_means_the_same(
        changes in vec((any::<Index>(), 0..3usize, vec(prop_oneof![any::<u8>(), 0x20..0x7fu8], 0..3)), 1..4)
    ) {
        let mut request = invariants::good_request();
        for (at, fewer, more) in changes {
            let at = at.index(request.len() + 1);
            let end = (at + fewer).min(request.len());
            request.splice(at..end, more);
        }
        invariants::check_request(&request);
    }

    #[test]
    fn no_byte_of_the_mac_or_the_hash_can_be_changed(place in 0..44usize, byte in 0x20..0x7fu8, attribute in 0..2usize) {
        let mut sent = Sent::default().signed();
        let header = sent.authorization.as_ref().unwrap();
        let value = ["mac=\"", "hash=\""][attribute];
        let at = header.find(value).unwrap() + value.len() + place;
        let mut bytes = header.clone().into_bytes();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        sent.authorization = Some(String::from_utf8(bytes).unwrap());
        sent.now = NOW;
        prop_assert_ne!(sent.code(&verifier()), "good");
    }
}
