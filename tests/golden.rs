//! Every recording of a venue that is spoken here: its books equal the reference bit for bit, through the two-thread
//! pipeline and through one thread.

use serde_json::Value;
use touchline::verify::Verification;
use touchline::{Placement, Replay};
use touchline_tests::{captures_with_golden, tell};

/// How the names of recordings begin.
const RECORDED: [&str; 5] = ["binance-", "bitstamp-", "coinbase-advanced-", "kraken-v1-", "kraken-v2-"];

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
    for prefix in RECORDED {
        let mut compared = Compared::default();
        for (name, capture, golden) in captures_with_golden(prefix) {
            if touchline_venue::by_name_prefix(&name).is_none() {
                tell(&format!("skipped: {name} (its venue is not spoken here)"));
                continue;
            }
            let golden: Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
            for placement in [Placement::BookThread, Placement::Reader] {
                compared.compare(&name, Replay::open(&capture).unwrap().placement(placement), &golden);
            }
            compared.recordings += 1;
        }
        if compared.recordings == 0 {
            continue;
        }
        let Compared { recordings, books, states, best_prices, checksums } = compared;
        tell(&format!(
            "{prefix}*: compared {states} states of {books} books in {recordings} recordings, both placements; \
             {checksums} checksums and {best_prices} best prices agree with the venue's own"
        ));
    }
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
