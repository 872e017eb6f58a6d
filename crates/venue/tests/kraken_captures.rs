//! Kraken's recordings, where the folder of recordings is there: each frame is understood, and checksums travel.
#![allow(clippy::print_stdout, reason = "a test over recordings says what it read")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{Session, facts};
use touchline_capture::{Kind, Reader};
use touchline_market::{Flags, Trailer, UpdateKind};
use touchline_venue::{Parsed, Rest, by_name_prefix};

/// The recordings, sorted; none if there is no such folder. `TOUCHLINE_CAPTURES` names it, else `../shared/captures`
/// beside the workspace. Under `CI=true` an absent folder fails the test.
fn recordings(wanted: impl Fn(&str) -> bool) -> Vec<(String, PathBuf)> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let folder = std::env::var_os("TOUCHLINE_CAPTURES").map_or(beside, PathBuf::from);
    let name = |path: &PathBuf| path.file_name()?.to_str()?.strip_suffix(".cap.zst").map(str::to_owned);
    let entries = std::fs::read_dir(&folder).into_iter().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.expect("a folder entry").path())
        .filter_map(|path| name(&path).map(|name| (name, path)))
        // Futures are another protocol.
        .filter(|(name, _)| {
            name.starts_with("kraken-") && !name.starts_with("kraken-futures-") && wanted(name)
        })
        .collect();
    found.sort();
    if found.is_empty() {
        println!("no recordings in {}: nothing read", folder.display());
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI needs recordings");
    }
    found
}

/// What a recording gave, by kind of update or reason; rejections with their line.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<String, u64>,
    checksums: u64,
    rejected: Vec<String>,
}

/// Reads a recording. The instruments of its own list are known before, and every other symbol is adopted.
fn read(path: &Path, venue: &str) -> Tally {
    let mut session = Session::learning(venue);
    let mut reader = Reader::open(path).expect("a recording");
    let mut tally = Tally::default();
    while let Some(record) = reader.next().expect("a sound recording") {
        match record.kind {
            Kind::Connected => session.dialect.connected(std::str::from_utf8(record.payload).expect("a URL")),
            Kind::Text => match session.frame(record.payload) {
                Ok(Parsed::Updates(_)) => {
                    for (head, body) in session.sink.messages.drain(..) {
                        *tally.counts.entry(format!("{:?}", head.kind)).or_default() += 1;
                        let trailer =
                            head.flags.has(Flags::TRAILER).then(|| Trailer::of(body.last().unwrap()));
                        let is_book = matches!(head.kind, UpdateKind::Snapshot | UpdateKind::Delta);
                        assert_eq!(trailer.is_some(), is_book, "line {}", record.line);
                        tally.checksums +=
                            u64::from(trailer.is_some_and(|trailer| trailer.checksum.is_some()));
                    }
                }
                Ok(Parsed::Ignored(reason)) => {
                    *tally.counts.entry(reason.name().to_owned()).or_default() += 1
                }
                Err(rejected) => {
                    let start = String::from_utf8_lossy(record.payload).chars().take(80).collect::<String>();
                    tally.rejected.push(format!("{rejected}: {start}"));
                }
            },
            Kind::Rest => {
                let (url, body) = record.rest().expect("a response");
                if session.dialect.rest_kind(url) == Rest::Instruments {
                    for instrument in session.dialect.instruments(body).expect("a list of instruments") {
                        session.listing.insert(instrument);
                        *tally.counts.entry("instruments".to_owned()).or_default() += 1;
                    }
                }
            }
            _ => {}
        }
    }
    tally
}

/// Name of a recording, messages with a checksum, and messages by kind.
type Expected = (&'static str, u64, &'static [(&'static str, u64)]);

/// Every frame of the recorded connections is understood. How many of each kind there are, and how many carry a
/// checksum, is known of each recording.
#[test]
fn recorded_frames_are_understood() {
    const EXPECTED: [Expected; 4] = [
        ("kraken-v1-ws48-20210417", 0, &[("heartbeat", 30), ("acknowledgement", 10), ("notice", 1)]),
        ("kraken-v1-ws49-20210417", 0, &[("Ticker", 18), ("heartbeat", 31), ("acknowledgement", 10)]),
        ("kraken-v1-ws50-20210417", 4_269, &[("Snapshot", 10), ("Delta", 4_269), ("heartbeat", 31)]),
        ("kraken-v2-checksum-btcusd", 1, &[("Snapshot", 1)]),
    ];
    for (name, path) in recordings(|name| !name.ends_with("-frames")) {
        let tally = read(&path, by_name_prefix(&name).expect("a venue").name.as_str());
        println!("{name}: {:?}, {} checksums", tally.counts, tally.checksums);
        assert!(tally.rejected.is_empty(), "{name}: {:#?}", tally.rejected);
        let (_, checksums, counts) =
            EXPECTED.iter().find(|(known, ..)| *known == name).expect("a known recording");
        assert_eq!(tally.checksums, *checksums, "{name}");
        for (kind, count) in *counts {
            assert_eq!(tally.counts.get(*kind), Some(count), "{name}: {kind}");
        }
    }
}

/// Collections that mix protocols and REST bodies, in both dialects: what is a message of the dialect is understood, and
/// only bodies that are no message of any are rejected.
#[test]
fn mixed_collections_are_told_apart() {
    for (name, path) in recordings(|name| name.ends_with("-frames")) {
        for venue in ["kraken", "kraken-v1"] {
            let tally = read(&path, facts(venue).name.as_str());
            println!("{name} as {venue}: {:?}", tally.counts);
            for rejected in &tally.rejected {
                println!("    {rejected}");
                let is_rest = ["elements", "result"]
                    .iter()
                    .any(|key| rejected.starts_with(&format!("neither an event nor a reply: {{\"{key}")));
                assert!(is_rest, "{rejected}");
            }
        }
    }
}
