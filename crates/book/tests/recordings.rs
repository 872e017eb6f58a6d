//! The array book equals the oracle over the real updates of the recordings.
//!
//! Reads `../shared/captures`, or the folder named by `TOUCHLINE_CAPTURES`. Without them the test says so and passes,
//! except where `CI=true`: there it fails.
#![allow(clippy::print_stdout, reason = "says how many states it compared")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{Oracle, assert_books_equal, assert_tops_equal, message};
use serde_json::Value;
use touchline_book::sides::{Chunked, Key, Ladder, Sorted};
use touchline_book::{Keeper, KeeperConfig, Outcome, Start};
use touchline_market::{Continuity, Flags, Level, Side, State, UpdateKind};

/// Decimals enough for every price and quantity of these recordings.
const SCALE: u8 = 8;

fn mantissa(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<8}").parse().unwrap()
}

fn levels(value: &Value) -> Vec<Level> {
    let level = |level: &Value| {
        let text = |at: usize| mantissa(level[at].as_str().unwrap());
        Level::new(text(0).cast_signed(), text(1))
    };
    value.as_array().unwrap().iter().map(level).collect()
}

/// One symbol of a recording: the keeper under test, and what the reference's rules make of the same lines.
struct Symbol {
    keeper: Keeper,
    oracle: Oracle,
    /// The two other layouts, bids and asks, on the same updates.
    peers: [(Sorted, Chunked); 2],
    last: u64,
    waiting: Vec<(u64, Vec<Level>, Vec<Level>)>,
    started: bool,
    msgs: u64,
    futures: bool,
}

impl Symbol {
    fn new(futures: bool, start: Start) -> Self {
        let continuity = if futures { Continuity::Predecessor } else { Continuity::Range };
        let config = KeeperConfig { continuity, start, ..KeeperConfig::default() };
        Self {
            keeper: Keeper::new(&config),
            oracle: Oracle::default(),
            peers: Default::default(),
            last: 0,
            waiting: Vec::new(),
            started: start == Start::Empty,
            msgs: 0,
            futures,
        }
    }

    /// The reference: plain maps, plain rules.
    fn reference(&mut self, sequence: u64, bids: &[Level], asks: &[Level]) {
        let old = if self.futures { sequence < self.last } else { sequence <= self.last };
        if old {
            return;
        }
        for (side, levels) in [(Side::Bid, bids), (Side::Ask, asks)] {
            for level in levels {
                self.oracle.set(side, level.price.0, level.qty.0);
                let (sorted, chunked) = &mut self.peers[side as usize];
                let key = Key::new(side, level.price);
                assert_eq!(sorted.set(key, level.qty), chunked.set(key, level.qty));
            }
        }
        self.last = sequence;
        self.msgs += 1;
    }

    fn snapshot(&mut self, value: &Value) {
        let (bids, asks) = (levels(&value["bids"]), levels(&value["asks"]));
        self.last = value["lastUpdateId"].as_u64().unwrap();
        for level in &bids {
            self.oracle.set(Side::Bid, level.price.0, level.qty.0);
        }
        for level in &asks {
            self.oracle.set(Side::Ask, level.price.0, level.qty.0);
        }
        for (side, levels) in [(Side::Bid, &bids), (Side::Ask, &asks)] {
            let keyed = levels.iter().map(|level| (Key::new(side, level.price), level.qty));
            self.peers[side as usize].0.load(keyed.clone());
            self.peers[side as usize].1.load(keyed);
        }
        (self.started, self.msgs) = (true, 1);
        for (sequence, bids, asks) in std::mem::take(&mut self.waiting) {
            self.reference(sequence, &bids, &asks);
        }
        let sequence = value["lastUpdateId"].as_u64().unwrap();
        let (mut head, body) = message(UpdateKind::Snapshot, (0, sequence), &bids, &asks);
        head.flags = Flags::BESIDE_STREAM;
        (head.price_scale, head.qty_scale) = (SCALE, SCALE);
        assert_eq!(self.keeper.handle(&head, body.iter()), Outcome::Applied);
    }

    fn delta(&mut self, data: &Value) {
        let number = |key: &str| data[key].as_u64().unwrap();
        let (bids, asks, sequence) = (levels(&data["b"]), levels(&data["a"]), number("u"));
        if self.started {
            self.reference(sequence, &bids, &asks);
        } else {
            self.waiting.push((sequence, bids.clone(), asks.clone()));
        }
        let previous = if self.futures { number("pu") } else { number("U") - 1 };
        let (mut head, body) = message(UpdateKind::Delta, (previous, sequence), &bids, &asks);
        (head.price_scale, head.qty_scale) = (SCALE, SCALE);
        self.keeper.handle(&head, body.iter());
    }

    fn compare(&self, whole: bool) {
        assert_eq!(self.keeper.counters().msgs(), self.msgs);
        assert_tops_equal(self.keeper.book(), &self.oracle);
        if whole {
            assert_books_equal(self.keeper.book(), &self.oracle);
            for side in [Side::Bid, Side::Ask] {
                let (sorted, chunked) = &self.peers[side as usize];
                let expected = self.oracle.levels(side);
                let level = |(key, qty): (Key, _)| Level { price: Key::price(key, side), qty };
                assert_eq!(sorted.iter().map(level).collect::<Vec<_>>(), expected);
                assert_eq!(chunked.iter().map(level).collect::<Vec<_>>(), expected);
            }
        }
    }
}

/// The symbol and the fields of a line's snapshot or depth update.
fn book_message(line: &str, payload: &str) -> Option<(String, Value)> {
    if line.contains(" H ") {
        let (url, body) = payload.split_once(' ').filter(|(url, _)| url.contains("/depth?symbol="))?;
        let name = url.split_once("symbol=")?.1.split('&').next()?;
        return Some((name.to_owned(), serde_json::from_str(body).unwrap()));
    }
    if !line.contains("depthUpdate") {
        return None;
    }
    let mut value: Value = serde_json::from_str(payload).unwrap();
    let data = value["data"].take();
    Some((data["s"].as_str()?.to_owned(), data))
}

/// Replays one recording; how many states were compared.
fn replay(path: &Path) -> usize {
    let name = path.file_name().unwrap().to_str().unwrap();
    let futures = name.contains("usdm") || name.contains("coinm");
    let text = zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    let has_snapshot = text.lines().any(|line| line.contains(" H ") && line.contains("/depth?symbol="));
    let start = if has_snapshot { Start::Snapshot } else { Start::Empty };
    let mut symbols = BTreeMap::<String, Symbol>::new();
    let mut states = 0;
    for line in text.lines() {
        let payload = line.splitn(3, ' ').nth(2).unwrap_or_default();
        let Some((name, value)) = book_message(line, payload) else { continue };
        let symbol = symbols.entry(name).or_insert_with(|| Symbol::new(futures, start));
        match value.get("lastUpdateId") {
            Some(_) => symbol.snapshot(&value),
            None => symbol.delta(&value),
        }
        if symbol.started {
            states += 1;
            symbol.compare(states % 100 == 0);
        }
    }
    for (name, symbol) in &symbols {
        symbol.compare(symbol.started);
        let expected = if has_snapshot && symbol.started { State::Live } else { State::Syncing };
        assert_eq!(symbol.keeper.state(), expected, "{name}");
        assert!(symbol.keeper.counters().balance(symbol.keeper.buffered()));
        assert_eq!(symbol.keeper.counters().gaps, 0, "{name}");
    }
    states
}

/// Over every Binance recording that has a reference book: best and top ten after each message, the whole book after
/// every hundredth and at the end, in all three layouts.
#[test]
fn array_book_equals_the_oracle_on_every_recording() {
    let folder = std::env::var_os("TOUCHLINE_CAPTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/captures")),
        PathBuf::from,
    );
    let Ok(entries) = std::fs::read_dir(&folder) else {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "no recordings in {}",
            folder.display()
        );
        println!("skipped: no recordings in {} (set TOUCHLINE_CAPTURES)", folder.display());
        return;
    };
    let mut paths: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let golden = name.strip_suffix(".cap.zst").map(|stem| format!("{stem}.golden.json"));
            name.starts_with("binance-") && golden.is_some_and(|golden| folder.join(golden).exists())
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no Binance recording", folder.display());
    let states: usize = paths.iter().map(|path| replay(path)).sum();
    println!("compared {states} states of {} recordings", paths.len());
}
