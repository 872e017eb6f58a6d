//! Every recording of the venue, where the folder of recordings is there: each frame is understood.
#![allow(clippy::print_stdout, reason = "a test over recordings says what it read")]

mod common;

use std::path::PathBuf;

use common::recordings::{read, recordings};
use common::{Session, VENUES};
use touchline_venue::by_name_prefix;

/// The recordings of Binance's products; options are another protocol.
fn binance(wanted: impl Fn(&str) -> bool) -> Vec<(String, PathBuf)> {
    let ours = |name: &str| name.starts_with("binance-") || name.starts_with("binanceus-");
    recordings(|name| ours(name) && !name.starts_with("binance-options-") && wanted(name))
}

/// All frames and snapshots of all recordings in their own dialect, instruments learned from the data: none is rejected.
#[test]
fn every_recorded_frame_is_understood() {
    let mut frames = 0;
    for (name, path) in binance(|name| !name.ends_with("-frames")) {
        let venue = by_name_prefix(&name).expect("a venue").name;
        let tally = read(&path, &mut Session::learning(venue.as_str()), |_, _| {});
        assert!(tally.rejected.is_empty(), "{name}: {:#?}", tally.rejected);
        assert!(tally.frames > 0, "{name}");
        frames += tally.frames;
    }
    println!("{frames} frames in all");
}

/// The same with the recording's own list of instruments and no other. Orders older than a change of tick or lot stay in
/// the book at their finer steps, so a snapshot may be finer than the list: it is taken all the same.
#[test]
fn listed_instruments_take_the_same_updates() {
    for (name, path) in binance(|name| !name.ends_with("-frames")) {
        let venue = by_name_prefix(&name).expect("a venue").name;
        let learned = read(&path, &mut Session::learning(venue.as_str()), |_, _| {});
        if learned.listed.is_empty() {
            continue;
        }
        let mut session = Session::listed(venue.as_str(), &learned.listed);
        let tally = read(&path, &mut session, |_, _| {});
        assert!(tally.rejected.is_empty(), "{name}: {:#?}", tally.rejected);
        assert_eq!(tally.counts, learned.counts, "{name}");
        let finer = session.listing.instruments().zip(&learned.listed).filter(|((_, now), listed)| {
            (now.price_scale, now.qty_scale) != (listed.price_scale, listed.qty_scale)
        });
        println!("{name}: {} listed, {} finer than listed", learned.listed.len(), finer.count());
    }
}

/// Collections that mix products, in each dialect: whatever they hold, nothing breaks, and the sink agrees.
#[test]
fn mixed_collections_break_nothing() {
    for (name, path) in binance(|name| name.ends_with("-frames")) {
        for (venue, _) in VENUES {
            println!("{name} as {venue}:");
            let tally = read(&path, &mut Session::learning(venue), |_, _| {});
            for rejected in tally.rejected {
                println!("    {rejected}");
            }
        }
    }
}
