//! The recordings of the venue and of its neighbours, where the folder of recordings is there.

use crate::common::Session;
use crate::common::recordings::{read, recordings};
use crate::{VENUE, session};

/// The recording of the venue: nothing is rejected and nothing missing, both snapshots are read, and with the venue's
/// own list the updates are the same ones.
#[test]
fn every_recorded_frame_is_understood() {
    for (name, path) in recordings(|name| name.starts_with("coinbase-advanced-")) {
        let learned = read(&path, &mut session(), |_, _| {});
        let count = |what: &str| learned.counts.get(what).copied().unwrap_or_default();
        assert!(learned.rejected.is_empty(), "{name}: {:#?}", learned.rejected);
        for (kind, least) in
            [("Snapshot", 2), ("Delta", 400), ("Trade", 40), ("Ticker", 100), ("Candle", 202)]
        {
            assert!(count(kind) >= least, "{kind}: {learned:?}");
        }
        assert_eq!(count("ignored: history"), 2);
        assert_eq!(count("ignored: repeated"), 0);
        assert!(learned.listed.len() > 500, "{}", learned.listed.len());
        let mut wanted = learned.listed.clone();
        wanted.retain(|instrument| ["BTC-USD", "ETH-USD"].contains(&instrument.name.as_str()));
        assert_eq!(wanted.len(), 2);
        let listed = read(&path, &mut Session::listed(VENUE, &wanted), |_, _| {});
        assert_eq!(listed.counts, learned.counts);
    }
}

/// The Exchange product, whose recordings lie beside, is told apart by every frame; collections of single frames, some
/// of them made to be wrong, break nothing.
#[test]
fn other_products_are_told_apart() {
    for (name, path) in recordings(|name| name.starts_with("coinbase-")) {
        let told = read(&path, &mut session(), |_, _| {});
        if name.contains("coinbase-ws") {
            assert_eq!(told.counts.keys().collect::<Vec<_>>(), ["ignored: other product"], "{name}");
        }
    }
}
