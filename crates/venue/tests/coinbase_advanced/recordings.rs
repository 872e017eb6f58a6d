//! The recordings of the venue and of its neighbours, where the folder of recordings is there.
#![allow(clippy::print_stdout, reason = "a test over recordings says what it read")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use touchline_capture::{Kind, Reader};
use touchline_venue::{Parsed, Rest};

use crate::common::{Session, ignored};
use crate::{VENUE, hand_in, session};

/// The recordings whose names begin so; none if there is no folder of recordings (see `captures.rs`).
fn recordings(begin: &str) -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let folder = std::env::var_os("TOUCHLINE_CAPTURES").map_or(beside, PathBuf::from);
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let entries = std::fs::read_dir(&folder).into_iter().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| name(path).starts_with(begin) && name(path).ends_with(".cap.zst"))
        .collect();
    found.sort();
    if found.is_empty() {
        println!("no recordings of {begin} in {}: nothing read", folder.display());
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI needs recordings");
    }
    found
}

/// What became of a recording's frames; a frame behind a hole is handed in again.
fn read(path: &Path, session: &mut Session) -> BTreeMap<String, u64> {
    let mut reader = Reader::open(path).expect("a recording");
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    while let Some(record) = reader.next().expect("a sound recording") {
        match record.kind {
            Kind::Connected => session.dialect.connected(std::str::from_utf8(record.payload).expect("a URL")),
            Kind::Text => {
                let frame = std::str::from_utf8(record.payload).expect("text");
                match hand_in(session, frame) {
                    Ok(Parsed::Updates(_)) => {}
                    Ok(Parsed::Ignored(reason)) => *counts.entry(ignored(reason)).or_default() += 1,
                    Err(rejected) => {
                        let start = frame.get(..frame.len().min(160)).unwrap_or_default();
                        println!("line {}: {rejected}: {start}", record.line);
                        *counts.entry("rejected".to_owned()).or_default() += 1;
                    }
                }
                for (head, _) in session.sink.messages.drain(..) {
                    *counts.entry(format!("{:?}", head.kind)).or_default() += 1;
                }
            }
            _ => {}
        }
    }
    println!("{}: {counts:?}", path.display());
    counts
}

fn count(counts: &BTreeMap<String, u64>, what: &str) -> u64 {
    counts.get(what).copied().unwrap_or_default()
}

/// The recording of the venue: nothing is rejected and nothing missing, both snapshots are read, and with the venue's
/// own list the updates are the same ones.
#[test]
fn every_recorded_frame_is_understood() {
    for path in recordings("coinbase-advanced-") {
        let learned = read(&path, &mut session());
        assert_eq!(count(&learned, "rejected"), 0, "{}", path.display());
        for (kind, least) in
            [("Snapshot", 2), ("Delta", 400), ("Trade", 40), ("Ticker", 100), ("Candle", 202)]
        {
            assert!(count(&learned, kind) >= least, "{kind}: {learned:?}");
        }
        assert_eq!(count(&learned, "ignored: history"), 2);
        assert_eq!(count(&learned, "ignored: repeated"), 0);

        let mut reader = Reader::open(&path).expect("a recording");
        let first = reader.next().expect("a sound recording").expect("the list of products");
        let (url, body) = first.rest().expect("a response");
        let dialect = session().dialect;
        assert_eq!(dialect.rest_kind(url), Rest::Instruments);
        let list = dialect.instruments(body).expect("a list");
        assert!(list.len() > 500, "{}", list.len());
        let wanted: Vec<_> =
            list.into_iter().filter(|i| ["BTC-USD", "ETH-USD"].contains(&i.name.as_str())).collect();
        assert_eq!(wanted.len(), 2);
        assert_eq!(read(&path, &mut Session::listed(VENUE, &wanted)), learned);
    }
}

/// The Exchange product, whose recordings lie beside, is told apart by every frame; collections of single frames, some
/// of them made to be wrong, break nothing.
#[test]
fn other_products_are_told_apart() {
    for path in recordings("coinbase-") {
        let counts = read(&path, &mut session());
        if path.to_string_lossy().contains("coinbase-ws") {
            assert_eq!(counts.keys().collect::<Vec<_>>(), ["ignored: other product"], "{}", path.display());
        }
    }
}
