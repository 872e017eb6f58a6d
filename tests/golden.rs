//! Every Binance recording's books equal the reference bit for bit, through the two-thread pipeline and through one
//! thread.

use serde_json::Value;
use touchline::verify::Verification;
use touchline::{Placement, Replay};
use touchline_tests::{captures_with_golden, tell};

/// The fields of a symbol that must be equal.
const FIELDS: [&str; 8] = ["start", "msgs", "snapshots", "updates", "stale", "gaps", "checkpoints", "end"];

/// Verifies each recording in both placements and compares every symbol with its reference, field by field and state
/// by state; the venue's own best prices, where the reference counted them, must agree as often.
#[test]
fn every_binance_book_equals_the_reference() {
    let (mut states, mut books, mut recordings, mut best_prices) = (0, 0, 0, 0);
    for (name, capture, golden) in captures_with_golden("binance-") {
        let golden: Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
        for placement in [Placement::BookThread, Placement::Reader] {
            let replay = Replay::open(&capture).unwrap().placement(placement);
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
                best_prices += count(ours, "bbo_pass");
                states += ours["checkpoints"].as_array().unwrap().len() + 1;
                books += 1;
            }
        }
        recordings += 1;
    }
    tell(&format!(
        "compared {states} states of {books} books in {recordings} recordings, both placements; \
         {best_prices} best prices agree with the venue's own"
    ));
}
