//! One side's layouts against each other and `BTreeMap`, on the updates of a real recording.
//!
//! Every layout gets the same updates in the same order from the same snapshot; the books are compared at the end, so
//! no layout can win by dropping levels. Times are the median of rounds that take turns between the layouts: compare
//! rows of one run, not rows of two. `deep` is every update; `shallow` only those among the best 100 levels.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints its table"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;
use touchline_book::sides::{Chunked, Key, Ladder, Sorted, Window};
use touchline_market::{Level, Price, Qty, Side};

const CAPTURE: &str = "binance-usdm-btcusdt-20240808.cap.zst";
const ROUNDS: usize = 7;
const SHALLOW: usize = 100;

/// The peer: the standard library's ordered map.
#[derive(Clone, Default)]
struct Tree(BTreeMap<Key, Qty>);

impl Ladder for Tree {
    fn set(&mut self, key: Key, qty: Qty) -> bool {
        if qty.0 == 0 { self.0.remove(&key).is_some() } else { self.0.insert(key, qty).is_some() }
    }
    fn get(&self, key: Key) -> Option<Qty> {
        self.0.get(&key).copied()
    }
    fn best(&self) -> Option<(Key, Qty)> {
        self.0.last_key_value().map(|(&key, &qty)| (key, qty))
    }
    fn iter(&self) -> impl Iterator<Item = (Key, Qty)> {
        self.0.iter().rev().map(|(&key, &qty)| (key, qty))
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn clear(&mut self) {
        self.0.clear();
    }
    fn load(&mut self, best_first: impl Iterator<Item = (Key, Qty)> + Clone) {
        self.0 = best_first.collect();
    }
    fn heap_bytes(&self) -> usize {
        // A leaf holds up to 11 entries of 16 bytes and 12 bytes of head; two thirds full in the long run.
        self.0.len() * 192 / 7
    }
}

type Update = (Side, Key, Qty);

/// The snapshot and the updates after it.
struct Input {
    snapshot: Vec<Update>,
    updates: Vec<Update>,
}

fn mantissa(text: &str, scale: usize) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part:0<scale$}");
    digits.parse().expect("a plain decimal of the recording")
}

fn levels(side: Side, value: &Value) -> impl Iterator<Item = Update> {
    value.as_array().into_iter().flatten().map(move |level| {
        let text = |at: usize| level[at].as_str().expect("a decimal text");
        let price = Price(mantissa(text(0), 2).cast_signed());
        (side, Key::new(side, price), Qty(mantissa(text(1), 3)))
    })
}

fn read() -> Option<Input> {
    let folder = std::env::var_os("TOUCHLINE_CAPTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/captures")),
        PathBuf::from,
    );
    let file = std::fs::File::open(folder.join(CAPTURE)).ok()?;
    let text = zstd::decode_all(file).expect("a whole recording");
    let (mut snapshot, mut updates, mut last) = (Vec::new(), Vec::new(), 0);
    for line in std::str::from_utf8(&text).expect("text").lines() {
        let mut words = line.splitn(3, ' ');
        let (Some(_), Some(kind), Some(payload)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if kind == "H" && payload.contains("/depth?") {
            let body = payload.split_once(' ').expect("url and body").1;
            let value: Value = serde_json::from_str(body).expect("json");
            last = value["lastUpdateId"].as_u64().expect("a sequence");
            snapshot = levels(Side::Bid, &value["bids"]).chain(levels(Side::Ask, &value["asks"])).collect();
        } else if kind == "R" && last > 0 && payload.contains("depthUpdate") {
            let value: Value = serde_json::from_str(payload).expect("json");
            let data = &value["data"];
            if data["u"].as_u64().expect("a sequence") >= last {
                updates.extend(levels(Side::Bid, &data["b"]).chain(levels(Side::Ask, &data["a"])));
            }
        }
    }
    Some(Input { snapshot, updates })
}

/// Both sides of a book in one layout.
#[derive(Clone)]
struct Pair<L>([L; 2]);

impl<L: Ladder> Pair<L> {
    fn load(new: impl Fn() -> L, snapshot: &[Update]) -> Self {
        let mut pair = Self([new(), new()]);
        for side in [Side::Bid, Side::Ask] {
            let mut levels: Vec<_> =
                snapshot.iter().filter(|update| update.0 == side).map(|&(_, k, q)| (k, q)).collect();
            levels.sort_unstable_by(|a, b| b.cmp_key(a));
            pair.0[side as usize].load(levels.iter().copied());
        }
        pair
    }

    #[inline]
    fn apply(&mut self, updates: &[Update]) {
        let [bids, asks] = &mut self.0;
        for &(side, key, qty) in updates {
            match side {
                Side::Bid => bids.set(key, qty),
                Side::Ask => asks.set(key, qty),
            };
        }
    }

    fn levels(&self) -> [Vec<(Key, Qty)>; 2] {
        [self.0[0].iter().collect(), self.0[1].iter().collect()]
    }
}

trait CmpKey {
    fn cmp_key(&self, other: &Self) -> std::cmp::Ordering;
}

impl CmpKey for (Key, Qty) {
    fn cmp_key(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// What one layout took, one entry a round.
struct Row {
    name: String,
    update: Vec<f64>,
    best: Vec<f64>,
    top: Vec<f64>,
    bytes: usize,
    end: [Vec<(Key, Qty)>; 2],
}

/// A layout as a round of measurements.
type Round<'a> = Box<dyn FnMut(&mut Row) + 'a>;

fn layout<'a, L: Ladder + Clone + 'a>(
    name: &str,
    new: impl Fn() -> L + 'a,
    snapshot: &'a [Update],
    updates: &'a [Update],
) -> (Row, Round<'a>) {
    let row = Row {
        name: name.to_owned(),
        update: Vec::new(),
        best: Vec::new(),
        top: Vec::new(),
        bytes: 0,
        end: Default::default(),
    };
    let start = Pair::load(new, snapshot);
    let round = move |row: &mut Row| {
        let mut pair = start.clone();
        let clock = Instant::now();
        pair.apply(black_box(updates));
        row.update.push(clock.elapsed().as_nanos() as f64 / updates.len() as f64);
        let pair = black_box(pair);
        const READS: u32 = 20_000;
        let clock = Instant::now();
        for _ in 0..READS {
            black_box((black_box(&pair.0[0]).best(), black_box(&pair.0[1]).best()));
        }
        row.best.push(clock.elapsed().as_nanos() as f64 / f64::from(2 * READS));
        let mut top = [Level::default(); 20];
        let clock = Instant::now();
        for _ in 0..READS {
            for (side, rows) in [Side::Bid, Side::Ask].into_iter().zip(top.chunks_mut(10)) {
                black_box(black_box(&pair.0[side as usize]).top(side, rows));
            }
            black_box(&mut top);
        }
        row.top.push(clock.elapsed().as_nanos() as f64 / f64::from(READS));
        row.bytes = pair.0.iter().map(Ladder::heap_bytes).sum();
        row.end = pair.levels();
    };
    (row, Box::new(round))
}

/// The updates that fall among the best levels of their side at their time, and the snapshot cut likewise.
fn shallow(input: &Input) -> Input {
    let mut tree = Pair::load(Tree::default, &input.snapshot);
    let snapshot = [Side::Bid, Side::Ask]
        .into_iter()
        .flat_map(|side| {
            let best: Vec<_> = tree.0[side as usize].iter().take(SHALLOW).collect();
            best.into_iter().map(move |(key, qty)| (side, key, qty))
        })
        .collect();
    let mut updates = Vec::new();
    for &(side, key, qty) in &input.updates {
        let ladder = &mut tree.0[side as usize];
        if ladder.iter().nth(SHALLOW - 1).is_none_or(|(worst, _)| key >= worst) {
            updates.push((side, key, qty));
        }
        ladder.set(key, qty);
    }
    Input { snapshot, updates }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn table(title: &str, input: &Input) {
    let (snapshot, updates) = (&input.snapshot[..], &input.updates[..]);
    let window = |ticks: usize| move || Window::new(ticks, Some(Price(10)), 8_192);
    let mut layouts = vec![
        layout("BTreeMap", Tree::default, snapshot, updates),
        layout("sorted arrays", || Sorted::with_capacity(8_192), snapshot, updates),
        layout("sorted pieces", || Chunked::with_capacity(8_192), snapshot, updates),
        layout("window 1024", window(1_024), snapshot, updates),
        layout("window 4096", window(4_096), snapshot, updates),
        layout("window 16384", window(16_384), snapshot, updates),
        layout("window 65536", window(65_536), snapshot, updates),
    ];
    for _ in 0..ROUNDS {
        for (row, round) in &mut layouts {
            round(row);
        }
    }
    println!("\n{title}: {} updates after a snapshot of {} levels", updates.len(), snapshot.len());
    println!(
        "{:<16}{:>12}{:>10}{:>10}{:>12}{:>12}",
        "", "ns/update", "of tree", "best, ns", "top 10x2, ns", "bytes"
    );
    let mut tree = 0.0;
    let expected = layouts[0].0.end.clone();
    for (row, _) in &mut layouts {
        assert!(row.end == expected, "{} ends with another book than BTreeMap", row.name);
        let update = median(&mut row.update);
        tree = if tree == 0.0 { update } else { tree };
        let (best, top) = (median(&mut row.best), median(&mut row.top));
        println!(
            "{:<16}{update:>12.1}{:>9.2}x{best:>10.2}{top:>12.1}{:>12}",
            row.name,
            update / tree,
            row.bytes
        );
    }
}

fn main() {
    // `cargo test --benches` runs the program too: one look at the input is enough there.
    let Some(input) = read() else {
        println!("book: no {CAPTURE} in ../shared/captures (or TOUCHLINE_CAPTURES); nothing measured");
        return;
    };
    table("deep", &input);
    table("shallow", &shallow(&input));
}
