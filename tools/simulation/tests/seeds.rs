//! Some worlds, small enough for every test run; the program runs the many.

use std::time::Duration;

use touchline_simulation::{Plan, Switch, many, run, shrink};

/// Two minutes with faults, and the minute without.
const FAULTY: Duration = Duration::from_secs(60);

/// In forty worlds, of every venue there is, no live book is wrong or stale, every book comes back, and nothing is
/// unaccounted for; and they are worlds in which something happens.
#[test]
fn worlds_hold() {
    let summary = many((1..=40).filter_map(|seed| Plan::of(seed, &[], None)), FAULTY, 2, |_| {});
    assert!(summary.failures.is_empty(), "{:#?}", summary.failures);
    assert_eq!(summary.seeds, 40);
    assert!(summary.counted.compared > 50_000 && summary.counted.whole > 1_000, "{:?}", summary.counted);
    for name in ["dropped", "duplicate", "end: half-open", "ring overrun", "hand-over"] {
        assert!(summary.marks.contains_key(name), "{name} never happened");
    }
}

/// Everything comes from the seed: a world run twice is the same to the last view and the last command, another one is not.
#[test]
fn a_seed_names_a_world() {
    let hash = |seed| run(&Plan::of(seed, &[], None).unwrap(), FAULTY, 0).hash;
    let hashes: Vec<u64> = (1..=6).map(hash).collect();
    assert_eq!(hashes, (1..=6).map(hash).collect::<Vec<_>>());
    assert!(hashes.windows(2).all(|pair| pair[0] != pair[1]));
}

/// A world that holds has nothing to shrink, and a fault that is switched off does not happen.
#[test]
fn faults_can_be_switched_off() {
    assert!(shrink(1, None, None, Duration::from_secs(10), &[]).is_none());
    let bare = (1..=6).filter_map(|seed| Plan::of(seed, Switch::ALL, None));
    let without = many(bare, FAULTY, 2, |_| {});
    assert!(without.failures.is_empty(), "{:#?}", without.failures);
    assert!(without.marks.keys().all(|name| *name == "request timed out"), "{:?}", without.marks);
}

/// Where two connections bring each book, one fills the holes of the other, and the end of one goes unnoticed; such a world
/// is the same twice, too.
#[test]
fn worlds_of_two_paths_hold() {
    let plans = || (41..=56).filter_map(|seed| Plan::of_paths(seed, &[Switch::Crowd], None, Some(2)));
    let summary = many(plans(), FAULTY, 2, |_| {});
    assert!(summary.failures.is_empty(), "{:#?}", summary.failures);
    for name in ["hole filled by a path", "connection lost, books LIVE"] {
        assert!(summary.marks.contains_key(name), "{name} never happened");
    }
    assert_eq!(summary.hash, many(plans(), FAULTY, 1, |_| {}).hash);
}
