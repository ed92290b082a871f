//! The proofs of `make streams`, with few rows and few kills.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use streams::{
    breaks::{self, Victim},
    files,
    lab::Lab,
    pipeline,
};

#[test]
fn the_consumer_of_the_old_data_store_gets_each_row_once() {
    let lab = Lab::start().unwrap();
    let loaded = pipeline::run(&lab, 2_500).unwrap();
    assert!(loaded.is_right() && loaded.pages == 3, "{loaded:?}");
}

#[test]
fn no_client_takes_a_stream_for_whole_that_was_cut_off_at_any_byte() {
    let mut lab = Lab::start().unwrap();
    let options = breaks::Options { seed: 20_261_122, kills: 10 };
    eprintln!("seed {}", options.seed);
    let breaks = breaks::run(&mut lab, options, |_| {}).unwrap();
    assert_eq!(breaks.broken.len(), 30);
    assert!(breaks.unnoticed().is_empty(), "{:?}", breaks.unnoticed());
    assert!(breaks.wrong_records().is_empty(), "{:?}", breaks.wrong_records());
    for victim in [Victim::Reader, Victim::Proxy, Victim::Postgres] {
        assert!(breaks.broken.iter().any(|broken| broken.victim == victim), "{victim}");
    }
}

#[test]
fn other_programs_read_every_value_of_every_format_as_it_is_in_the_table() {
    let lab = Lab::start().unwrap();
    let compared = files::run(&lab, 3_000, 1_000, |_| {}).unwrap();
    assert_eq!(compared.len(), 9);
    for compared in compared {
        assert!(compared.different == 0 && compared.values > 20_000, "{compared:#?}");
    }
}
