//! Kraken's recordings, where the folder of recordings is there: each frame is understood, and checksums travel.
#![allow(clippy::print_stdout, reason = "a test over recordings says what it read")]

mod common;

use std::path::PathBuf;

use common::Session;
use common::recordings::{read, recordings};
use touchline_market::{Flags, Trailer, UpdateKind};
use touchline_venue::by_name_prefix;

/// The recordings of the venue; futures are another protocol.
fn kraken(wanted: impl Fn(&str) -> bool) -> Vec<(String, PathBuf)> {
    let ours = |name: &str| name.starts_with("kraken-") && !name.starts_with("kraken-futures-");
    recordings(|name| ours(name) && wanted(name))
}

/// Name of a recording, messages with a checksum, and messages by kind.
type Expected = (&'static str, u64, &'static [(&'static str, u64)]);

/// Every frame of the recorded connections is understood. How many of each kind there are, and how many carry a
/// checksum, is known of each recording; with its own list of pairs the updates are the same ones.
#[test]
fn recorded_frames_are_understood() {
    const BEATS: &str = "ignored: heartbeat";
    const ACKS: &str = "ignored: acknowledgement";
    const EXPECTED: [Expected; 4] = [
        ("kraken-v1-ws48-20210417", 0, &[(BEATS, 30), (ACKS, 10), ("ignored: notice", 1)]),
        ("kraken-v1-ws49-20210417", 0, &[("Ticker", 18), (BEATS, 31), (ACKS, 10)]),
        ("kraken-v1-ws50-20210417", 4_269, &[("Snapshot", 10), ("Delta", 4_269), (BEATS, 31)]),
        ("kraken-v2-checksum-btcusd", 1, &[("Snapshot", 1)]),
    ];
    for (name, path) in kraken(|name| !name.ends_with("-frames")) {
        let venue = by_name_prefix(&name).expect("a venue").name;
        let mut sent = 0;
        let learned = read(&path, &mut Session::learning(venue.as_str()), |head, body| {
            let trailer = head.flags.has(Flags::TRAILER).then(|| Trailer::of(body.last().unwrap()));
            let is_book = matches!(head.kind, UpdateKind::Snapshot | UpdateKind::Delta);
            assert_eq!(trailer.is_some(), is_book, "{name}: {head:?}");
            sent += u64::from(trailer.is_some_and(|trailer| trailer.checksum.is_some()));
        });
        assert!(learned.rejected.is_empty(), "{name}: {:#?}", learned.rejected);
        if !learned.listed.is_empty() {
            let listed = read(&path, &mut Session::listed(venue.as_str(), &learned.listed), |_, _| {});
            assert_eq!((listed.counts, listed.rejected), (learned.counts.clone(), Vec::new()), "{name}");
        }
        let (_, checksums, counts) =
            EXPECTED.iter().find(|(known, ..)| *known == name).expect("a known recording");
        assert_eq!(sent, *checksums, "{name}");
        for (kind, count) in *counts {
            assert_eq!(learned.counts.get(*kind), Some(count), "{name}: {kind}");
        }
    }
}

/// Collections that mix protocols and REST bodies, in both dialects: what is a message of the dialect is understood, and
/// only bodies that are no message of any are rejected.
#[test]
fn mixed_collections_are_told_apart() {
    for (name, path) in kraken(|name| name.ends_with("-frames")) {
        for venue in ["kraken", "kraken-v1"] {
            println!("{name} as {venue}:");
            let tally = read(&path, &mut Session::learning(venue), |_, _| {});
            for rejected in &tally.rejected {
                println!("    {rejected}");
                let is_rest = ["elements", "result"]
                    .iter()
                    .any(|key| rejected.contains(&format!(": neither an event nor a reply: {{\"{key}")));
                assert!(is_rest, "{rejected}");
            }
        }
    }
}
