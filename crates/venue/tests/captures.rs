//! Every recording of the venue, where the folder of recordings is there: each frame is understood.
#![allow(clippy::print_stdout, reason = "a test over recordings says what it read")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Session, VENUES, ignored};
use touchline_capture::{Kind, Reader};
use touchline_market::Instrument;
use touchline_venue::{Parsed, Rejected, Rest, by_name_prefix};

/// The recordings of Binance's products, sorted; none if there is no such folder. `TOUCHLINE_CAPTURES` names it, else
/// `../shared/captures` beside the workspace. Under `CI=true` an absent folder fails the test.
fn recordings() -> Vec<(String, PathBuf)> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let folder = std::env::var_os("TOUCHLINE_CAPTURES").map_or(beside, PathBuf::from);
    let name = |path: &PathBuf| path.file_name()?.to_str()?.strip_suffix(".cap.zst").map(str::to_owned);
    let mut found: Vec<_> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("a folder entry").path())
        .filter_map(|path| name(&path).map(|name| (name, path)))
        .filter(|(name, _)| name.starts_with("binance-") || name.starts_with("binanceus-"))
        // Options are another protocol.
        .filter(|(name, _)| !name.starts_with("binance-options-"))
        .collect();
    found.sort();
    if found.is_empty() {
        println!("no recordings in {}: nothing read", folder.display());
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI needs recordings");
    }
    found
}

/// What became of the frames of one recording.
#[derive(Default)]
struct Tally {
    frames: u64,
    counts: BTreeMap<String, u64>,
    rejected: Vec<String>,
    listed: Vec<Instrument>,
}

impl Tally {
    fn add(&mut self, line: u64, payload: &[u8], session: &mut Session, outcome: Result<Parsed, Rejected>) {
        let kind = match outcome {
            Ok(Parsed::Updates(_)) => {
                let (head, _) = session.sink.messages.last().expect("an update");
                format!("{:?}", head.kind)
            }
            Ok(Parsed::Ignored(reason)) => ignored(reason),
            Err(rejected) => {
                let start = payload.get(..payload.len().min(120)).unwrap_or_default();
                self.rejected.push(format!("line {line}: {rejected}: {}", String::from_utf8_lossy(start)));
                format!("rejected: {}", rejected.error.reason())
            }
        };
        *self.counts.entry(kind).or_default() += 1;
        session.sink.messages.clear();
    }
}

/// Reads a recording in the dialect of `venue`: frames, snapshots and lists of instruments.
fn read(path: &Path, venue: &str) -> Tally {
    read_with(path, &mut Session::learning(venue))
}

fn read_with(path: &Path, session: &mut Session) -> Tally {
    let mut reader = Reader::open(path).expect("a recording");
    let mut tally = Tally::default();
    while let Some(record) = reader.next().expect("a sound recording") {
        match record.kind {
            Kind::Connected => session.dialect.connected(std::str::from_utf8(record.payload).expect("a URL")),
            Kind::Text => {
                tally.frames += 1;
                let outcome = session.frame(record.payload);
                tally.add(record.line, record.payload, session, outcome);
            }
            Kind::Rest => {
                let (url, body) = record.rest().expect("a response");
                match session.dialect.rest_kind(url) {
                    Rest::Snapshot { symbol } => {
                        let outcome = session.snapshot(symbol, body);
                        tally.add(record.line, body, session, outcome);
                    }
                    Rest::Instruments => {
                        let list = session.dialect.instruments(body).expect("a list of instruments");
                        assert!(!list.is_empty(), "{}: instruments", path.display());
                        *tally.counts.entry("instruments".to_owned()).or_default() += list.len() as u64;
                        tally.listed.extend(list);
                    }
                    Rest::Other => {}
                }
            }
            _ => {}
        }
    }
    tally
}

/// All frames and snapshots of all recordings in their own dialect, instruments learned from the data: none is rejected.
#[test]
fn every_recorded_frame_is_understood() {
    let mut frames = 0;
    for (name, path) in recordings().into_iter().filter(|(name, _)| !name.ends_with("-frames")) {
        let venue = by_name_prefix(&name).expect("a venue").name;
        let tally = read(&path, venue.as_str());
        println!("{name} ({venue}): {} frames, {:?}", tally.frames, tally.counts);
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
    for (name, path) in recordings().into_iter().filter(|(name, _)| !name.ends_with("-frames")) {
        let venue = by_name_prefix(&name).expect("a venue").name;
        let learned = read(&path, venue.as_str());
        if learned.listed.is_empty() {
            continue;
        }
        let mut session = Session::listed(venue.as_str(), &learned.listed);
        let tally = read_with(&path, &mut session);
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
    for (name, path) in recordings().into_iter().filter(|(name, _)| name.ends_with("-frames")) {
        for (venue, _) in VENUES {
            let tally = read(&path, venue);
            println!("{name} as {venue}: {} frames, {:?}", tally.frames, tally.counts);
            for rejected in tally.rejected {
                println!("    {rejected}");
            }
        }
    }
}
