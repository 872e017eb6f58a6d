//! Recordings of a small market, honest and not, as a venue would send it.

use std::collections::BTreeMap;

use super::*;
use crate::Replay;
use crate::verify::{Verification, Verified};

/// The market: its true book at a sequence. Every call gives the text that the venue would send.
#[derive(Clone, Default)]
struct Market {
    sequence: u64,
    sides: [BTreeMap<u32, u32>; 2],
}

const BID: usize = 0;
const ASK: usize = 1;

impl Market {
    /// Bids 100 down to 91, asks 101 up to 110, at sequence 1000.
    fn new() -> Self {
        let bids = (91..=100).map(|price| (price, 5)).collect();
        let asks = (101..=110).map(|price| (price, 7)).collect();
        Self { sequence: 1_000, sides: [bids, asks] }
    }

    /// A level changes without a word, and without a number.
    fn silently(&mut self, side: usize, price: u32, qty: u32) {
        match qty {
            0 => self.sides[side].remove(&price),
            _ => self.sides[side].insert(price, qty),
        };
    }

    /// A level changes; the delta has two numbers.
    fn delta(&mut self, side: usize, price: u32, qty: u32) -> String {
        self.silently(side, price, qty);
        self.sequence += 2;
        let (first, last) = (self.sequence - 1, self.sequence);
        let mut sides = [String::new(), String::new()];
        sides[side] = format!("[\"{price}\",\"{qty}\"]");
        let [bids, asks] = sides;
        let data = format!(
            r#"{{"e":"depthUpdate","E":5,"s":"BTCUSDT","U":{first},"u":{last},"b":[{bids}],"a":[{asks}]}}"#
        );
        format!(r#"R {{"stream":"btcusdt@depth@100ms","data":{data}}}"#)
    }

    /// So many best levels of each side by REST.
    fn snapshot(&self, levels: usize) -> String {
        let text = |(price, qty): (&u32, &u32)| format!("[\"{price}\",\"{qty}\"]");
        let bids: Vec<_> = self.sides[BID].iter().rev().take(levels).map(text).collect();
        let asks: Vec<_> = self.sides[ASK].iter().take(levels).map(text).collect();
        let (bids, asks) = (bids.join(","), asks.join(","));
        let body = format!(r#"{{"lastUpdateId":{},"bids":[{bids}],"asks":[{asks}]}}"#, self.sequence);
        format!("H https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000 {body}")
    }
}

/// Verifies a recording of these lines.
fn verify(lines: &[String], audited: bool) -> Verified {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("binance.cap");
    let stamped = lines.iter().enumerate().map(|(n, line)| format!("{} {line}\n", 1_000_000 * (n + 1)));
    std::fs::write(&path, stamped.collect::<String>()).unwrap();
    let replay = Replay::open(&path).unwrap();
    let started =
        if audited { Verification::start_audited(replay, None) } else { Verification::start(replay, None) };
    let (verified, finished) = started.unwrap().join().unwrap();
    assert!(finished.balances(), "a snapshot that is kept from the book is accounted for");
    verified
}

fn audit(lines: &[String]) -> BookAudit {
    verify(lines, true).audit.unwrap().remove("BTCUSDT").unwrap_or_default()
}

/// The first delta, the first snapshot, and a delta that makes the book LIVE.
fn begun(market: &mut Market) -> Vec<String> {
    let first = market.delta(BID, 100, 6);
    let snapshot = market.snapshot(10);
    vec![first, snapshot, market.delta(ASK, 101, 8)]
}

/// An honest recording: snapshots behind the book, at it and ahead of it, deep and shallow, are all equal to it.
#[test]
fn honest_snapshots_are_equal() {
    let mut market = Market::new();
    let mut lines = begun(&mut market);
    let behind = market.snapshot(10);
    lines.push(market.delta(BID, 99, 0));
    lines.push(market.delta(BID, 98, 3));
    lines.push(behind);
    lines.push(market.snapshot(3));
    let later = [market.delta(ASK, 103, 0), market.delta(ASK, 111, 4), market.delta(BID, 100, 1)];
    lines.push(market.snapshot(10));
    lines.extend(later);
    let found = audit(&lines);
    let expected = BookAudit { snapshots: 3, equal: 3, ..BookAudit::default() };
    assert_eq!(found, expected);
    assert_eq!(found.compared(), 3);
}

/// A delta was taken out and the numbers closed up behind it: the book is LIVE and sound by every number, and only the
/// next snapshot shows the levels that are not the venue's.
#[test]
fn a_lost_delta_that_no_number_tells_of_is_found() {
    let mut market = Market::new();
    let mut lines = begun(&mut market);
    market.silently(BID, 95, 42);
    market.silently(ASK, 102, 0);
    lines.push(market.delta(BID, 99, 1));
    let sound = verify(&lines, false);
    assert_eq!(sound.symbols["BTCUSDT"].doubt(), None);
    lines.push(market.snapshot(8));
    let behind = market.snapshot(10);
    lines.push(market.delta(BID, 97, 1));
    lines.push(behind);
    // Set again, the level is the venue's; the other one is wrong for good.
    lines.push(market.delta(BID, 95, 43));
    lines.push(market.snapshot(10));
    let found = audit(&lines);
    assert_eq!((found.snapshots, found.equal, found.different), (3, 0, 3));
    let level = |side, price: &str, ours: Option<&str>, theirs: Option<&str>| LevelDifference {
        side,
        price: price.to_owned(),
        ours: ours.map(str::to_owned),
        theirs: theirs.map(str::to_owned),
    };
    let (bid, ask) = (level("bid", "95", Some("5"), Some("42")), level("ask", "102", Some("7"), None));
    let first = &found.differences[0];
    assert_eq!((first.line, first.snapshot_sequence, first.sequence, first.differing), (4, 1_006, 1_006, 2));
    assert_eq!(first.levels, [bid.clone(), ask.clone()]);
    let second = &found.differences[1];
    assert_eq!((second.line, second.snapshot_sequence, second.sequence), (6, 1_006, 1_008));
    assert_eq!(second.levels, [bid, ask.clone()]);
    assert_eq!(found.differences[2].levels, [ask]);
}

/// What is audited does not heal the book: its end is that of a recording without the later snapshots.
#[test]
fn audited_snapshots_do_not_change_the_book() {
    let mut market = Market::new();
    let lines = begun(&mut market);
    let alone = verify(&lines, false);
    market.silently(BID, 100, 0);
    let mut more = lines.clone();
    more.push(market.snapshot(10));
    market.sequence += 50;
    more.push(market.snapshot(10));
    let audited = verify(&more, true);
    let (book, expected) = (&audited.symbols["BTCUSDT"], &alone.symbols["BTCUSDT"]);
    assert_eq!(book.end.as_ref().unwrap().state, expected.end.as_ref().unwrap().state);
    let found = &audited.audit.unwrap()["BTCUSDT"];
    assert_eq!((found.snapshots, found.different), (2, 1));
    assert_eq!(found.not_comparable, BTreeMap::from([(NOT_REACHED, 1)]));
}

/// What cannot be compared says why; a recording with one snapshot has nothing to audit, and a book that fell is healed
/// by the next snapshot as ever.
#[test]
fn what_cannot_be_compared_is_told() {
    let mut market = Market::new();
    let old = market.snapshot(10);
    market.sequence += 100;
    let mut lines = begun(&mut market);
    assert_eq!(verify(&lines, true).audit, Some(BTreeMap::new()));
    lines.push(old);
    let found = audit(&lines);
    assert_eq!((found.snapshots, found.compared()), (1, 0));
    assert_eq!(found.not_comparable, BTreeMap::from([(TOO_OLD, 1)]));

    // A delta is lost for all to see while a snapshot waits for the stream.
    let mut market = Market::new();
    let mut lines = begun(&mut market);
    let (next, _lost) = (market.delta(BID, 100, 2), market.delta(BID, 100, 3));
    lines.push(market.snapshot(10));
    lines.push(next);
    lines.push(market.delta(BID, 100, 4));
    lines.push(market.snapshot(10));
    lines.push(market.delta(BID, 100, 9));
    lines.push(market.snapshot(10));
    let found = audit(&lines);
    assert_eq!((found.snapshots, found.equal, found.different), (2, 1, 0), "{found:?}");
    assert_eq!(found.not_comparable, BTreeMap::from([(NOT_LIVE, 1)]));
}
