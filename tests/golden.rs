//! Every recording of a venue that is spoken here: its books equal the reference bit for bit, through the two-thread
//! pipeline and through one thread.

use std::path::Path;

use serde_json::Value;
use touchline::venue::{VenueFacts, all, by_host_of, by_name_prefix};
use touchline::verify::Verification;
use touchline::{Placement, Replay};
use touchline_capture::{Kind, Reader};
use touchline_tests::{captures_with_golden, tell};

/// The fields of a symbol that must be equal.
const FIELDS: [&str; 10] = [
    "start",
    "msgs",
    "snapshots",
    "updates",
    "stale",
    "gaps",
    "checksum_pass",
    "checksum_fail",
    "checkpoints",
    "end",
];

/// What was compared.
#[derive(Debug, Default)]
struct Compared {
    recordings: usize,
    books: usize,
    states: usize,
    best_prices: u64,
    checksums: u64,
}

/// Verifies each recording in both placements and compares every symbol with its reference, field by field and state
/// by state; the venue's checksums and its own best prices, where the reference counted them, must agree as often.
#[test]
fn every_book_equals_the_reference() {
    let (spoken, skipped): (Vec<_>, Vec<_>) = captures_with_golden("")
        .into_iter()
        .map(|(name, capture, golden)| (venue_of(&name, &capture), name, capture, golden))
        .partition(|(venue, ..)| venue.is_some());
    for (_, name, ..) in skipped {
        tell(&format!("skipped: {name} (its venue is not spoken here)"));
    }
    for facts in all() {
        let mut compared = Compared::default();
        let of_venue = |venue: &Option<&VenueFacts>| venue.is_some_and(|venue| venue.name == facts.name);
        for (_, name, capture, golden) in spoken.iter().filter(|(venue, ..)| of_venue(venue)) {
            let golden: Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
            for placement in [Placement::BookThread, Placement::Reader] {
                compared.compare(name, Replay::open(capture).unwrap().placement(placement), &golden);
            }
            compared.recordings += 1;
        }
        if compared.recordings == 0 {
            continue;
        }
        let Compared { recordings, books, states, best_prices, checksums } = compared;
        tell(&format!(
            "{}: compared {states} states of {books} books in {recordings} recordings, both placements; \
             {checksums} checksums and {best_prices} best prices agree with the venue's own",
            facts.name
        ));
    }
}

/// The venue that a recording is of: the one its name begins with, unless all its URLs are of somebody else, whose
/// name only begins alike.
fn venue_of(name: &str, capture: &Path) -> Option<&'static VenueFacts> {
    let venue = by_name_prefix(name)?;
    let mut reader = Reader::open(capture).unwrap();
    let mut others = false;
    while let Some(record) = reader.next().unwrap() {
        let url = match record.kind {
            Kind::Connected => std::str::from_utf8(record.payload).ok(),
            Kind::Rest => record.rest().map(|(url, _)| url),
            _ => None,
        };
        match url.map(by_host_of) {
            Some(Some(venue)) => return Some(venue),
            Some(None) => others = true,
            None => {}
        }
    }
    (!others).then_some(venue)
}

impl Compared {
    /// Replays one recording and compares it.
    fn compare(&mut self, name: &str, replay: Replay, golden: &Value) {
        let (verified, finished) = Verification::start(replay, None).unwrap().join().unwrap();
        assert!(finished.balances(), "{name}: {:?}", finished.intake);
        assert!(finished.damage.is_none(), "{name}: {:?}", finished.damage);
        let ours = serde_json::to_value(&verified).unwrap();
        for field in ["format", "capture", "lines", "frames", "every"] {
            assert_eq!(ours[field], golden[field], "{name}: {field}");
        }
        let symbols = golden["symbols"].as_object().unwrap();
        assert_eq!(ours["symbols"].as_object().unwrap().len(), symbols.len(), "{name}: symbols");
        for (symbol, theirs) in symbols {
            let ours = &ours["symbols"][symbol];
            for field in FIELDS {
                assert_eq!(ours[field], theirs[field], "{name} {symbol}: {field}");
            }
            // The reference also judges each delta replayed at the snapshot's line; here that line is one state.
            let count = |book: &Value, field: &str| book[field].as_u64().unwrap();
            let judged = |book| count(book, "bbo_pass") + count(book, "bbo_fail");
            let replayed = count(theirs, "buffered_or_dropped_before_start");
            assert!(
                judged(ours) <= judged(theirs) && judged(theirs) - judged(ours) <= replayed,
                "{name} {symbol}"
            );
            assert!(count(ours, "bbo_fail") <= count(theirs, "bbo_fail"), "{name} {symbol}");
            self.best_prices += count(ours, "bbo_pass");
            self.checksums += count(ours, "checksum_pass");
            self.states += ours["checkpoints"].as_array().unwrap().len() + 1;
            self.books += 1;
        }
    }
}
