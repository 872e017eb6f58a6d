//! One side's layouts against each other and `BTreeMap`, on the updates of a real recording.
//!
//! Every layout gets the same updates in the same order from the same snapshot; the books are compared at the end, so
//! no layout can win by dropping levels. Times are the fastest of several rounds that take turns between the layouts:
//! compare rows of one run, not rows of two. `deep` is every update; `shallow` only those among the best 100 levels.
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
use touchline_book::{BookConfig, Keeper, KeeperConfig, Publisher};
use touchline_market::{
    Head, InstrumentId, Level, LevelPacker, Nanos, Price, Qty, Record, Sequence, Side, UpdateKind,
};

const CAPTURE: &str = "binance-usdm-btcusdt-20240808.cap.zst";
/// Rounds when `cargo bench` asks for measurements; `cargo test --benches` only wants to see it run.
const ROUNDS: usize = 11;
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

/// Levels of one side, as one message brings them.
type Run = (Side, Vec<(Key, Qty)>);

/// The snapshot, best first, and the updates after it.
struct Input {
    snapshot: [Run; 2],
    updates: Vec<Run>,
}

impl Input {
    fn count(&self) -> usize {
        self.updates.iter().map(|(_, levels)| levels.len()).sum()
    }
}

fn mantissa(text: &str, scale: usize) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part:0<scale$}");
    digits.parse().expect("a plain decimal of the recording")
}

fn levels(side: Side, value: &Value) -> Run {
    let level = |level: &Value| {
        let text = |at: usize| level[at].as_str().expect("a decimal text");
        let price = Price(mantissa(text(0), 2).cast_signed());
        (Key::new(side, price), Qty(mantissa(text(1), 3)))
    };
    (side, value.as_array().into_iter().flatten().map(level).collect())
}

fn read() -> Option<Input> {
    let folder = std::env::var_os("TOUCHLINE_CAPTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/captures")),
        PathBuf::from,
    );
    let file = std::fs::File::open(folder.join(CAPTURE)).ok()?;
    let text = zstd::decode_all(file).expect("a whole recording");
    let (mut snapshot, mut updates, mut last) = (None, Vec::new(), 0);
    for line in std::str::from_utf8(&text).expect("text").lines() {
        let mut words = line.splitn(3, ' ');
        let (Some(_), Some(kind), Some(payload)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if kind == "H" && payload.contains("/depth?") {
            let body = payload.split_once(' ').expect("url and body").1;
            let value: Value = serde_json::from_str(body).expect("json");
            last = value["lastUpdateId"].as_u64().expect("a sequence");
            snapshot = Some([levels(Side::Bid, &value["bids"]), levels(Side::Ask, &value["asks"])]);
        } else if kind == "R" && last > 0 && payload.contains("depthUpdate") {
            let value: Value = serde_json::from_str(payload).expect("json");
            let data = &value["data"];
            if data["u"].as_u64().expect("a sequence") >= last {
                updates.extend([levels(Side::Bid, &data["b"]), levels(Side::Ask, &data["a"])]);
            }
        }
    }
    Some(Input { snapshot: snapshot?, updates })
}

/// Both sides of a book in one layout.
#[derive(Clone)]
struct Pair<L>([L; 2]);

impl<L: Ladder> Pair<L> {
    fn load(new: impl Fn() -> L, snapshot: &[Run; 2]) -> Self {
        let mut pair = Self([new(), new()]);
        for (side, levels) in snapshot {
            pair.0[*side as usize].load(levels.iter().copied());
        }
        pair
    }

    fn apply(&mut self, updates: &[Run]) {
        for (side, levels) in updates {
            set(&mut self.0[*side as usize], levels);
        }
    }

    fn levels(&self) -> [Vec<(Key, Qty)>; 2] {
        [self.0[0].iter().collect(), self.0[1].iter().collect()]
    }
}

#[inline(never)]
fn set(ladder: &mut impl Ladder, levels: &[(Key, Qty)]) {
    for &(key, qty) in levels {
        ladder.set(key, qty);
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
    input: &'a Input,
) -> (Row, Round<'a>) {
    let row = Row {
        name: name.to_owned(),
        update: Vec::new(),
        best: Vec::new(),
        top: Vec::new(),
        bytes: 0,
        end: Default::default(),
    };
    let (start, count) = (Pair::load(new, &input.snapshot), input.count() as f64);
    let round = move |row: &mut Row| {
        let mut pair = start.clone();
        let clock = Instant::now();
        pair.apply(black_box(&input.updates));
        row.update.push(clock.elapsed().as_nanos() as f64 / count);
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
    let snapshot =
        [Side::Bid, Side::Ask].map(|side| (side, tree.0[side as usize].iter().take(SHALLOW).collect()));
    let mut updates = Vec::new();
    for (side, levels) in &input.updates {
        let (ladder, mut kept) = (&mut tree.0[*side as usize], Vec::new());
        for &(key, qty) in levels {
            if ladder.iter().nth(SHALLOW - 1).is_none_or(|(worst, _)| key >= worst) {
                kept.push((key, qty));
            }
            ladder.set(key, qty);
        }
        updates.push((*side, kept));
    }
    Input { snapshot, updates }
}

/// The fastest round: what the machine does when nobody disturbs it.
fn fastest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn table(title: &str, input: &Input, rounds: usize) {
    let window = |ticks: usize| move || Window::new(ticks, Some(Price(10)), 8_192);
    let mut layouts = vec![
        layout("BTreeMap", Tree::default, input),
        layout("sorted arrays", || Sorted::with_capacity(8_192), input),
        layout("sorted pieces", || Chunked::with_capacity(8_192), input),
        layout("window 1024", window(1_024), input),
        layout("window 4096", window(4_096), input),
        layout("window 16384", window(16_384), input),
        layout("window 65536", window(65_536), input),
    ];
    for _ in 0..rounds {
        for (row, round) in &mut layouts {
            round(row);
        }
    }
    let snapshot: usize = input.snapshot.iter().map(|(_, levels)| levels.len()).sum();
    println!("\n{title}: {} updates after a snapshot of {snapshot} levels", input.count());
    println!(
        "{:<16}{:>12}{:>10}{:>10}{:>12}{:>12}",
        "", "ns/update", "of tree", "best, ns", "top 10x2, ns", "bytes"
    );
    let mut tree = 0.0;
    let expected = layouts[0].0.end.clone();
    for (row, _) in &layouts {
        assert!(row.end == expected, "{} ends with another book than BTreeMap", row.name);
        let update = fastest(&row.update);
        tree = if tree == 0.0 { update } else { tree };
        let (best, top) = (fastest(&row.best), fastest(&row.top));
        println!(
            "{:<16}{update:>12.1}{:>9.2}x{best:>10.2}{top:>12.1}{:>12}",
            row.name,
            update / tree,
            row.bytes
        );
    }
}

/// A message of these levels, as it leaves a ring.
fn message(kind: UpdateKind, sequence: u64, sides: &[Run]) -> (Head, Vec<Record>) {
    let mut head = Head::new(kind, InstrumentId(0));
    (head.previous, head.sequence) = (Sequence(sequence), Sequence(sequence + 1));
    (head.price_scale, head.qty_scale) = (2, 3);
    let (mut records, mut packer) = (Vec::new(), LevelPacker::default());
    for (side, levels) in sides {
        match side {
            Side::Bid => head.bids = levels.len() as u16,
            Side::Ask => head.asks = levels.len() as u16,
        }
        for &(key, qty) in levels {
            packer.push(Level { price: key.price(*side), qty }, &mut records).expect("room");
        }
    }
    packer.finish(&mut records).expect("room");
    (head, records)
}

/// The whole stage: a message's records in, continuity, levels, crossing, and the two views out.
fn stage(input: &Input, rounds: usize) {
    let messages: Vec<_> =
        (1..).zip(input.updates.chunks(2)).map(|(n, m)| message(UpdateKind::Delta, n, m)).collect();
    let (head, body) = message(UpdateKind::Snapshot, 0, &input.snapshot);
    let book = BookConfig { tick: Some(Price(10)), price_scale: 2, qty_scale: 3, ..BookConfig::default() };
    let mut start = Keeper::new(&KeeperConfig { book, ..KeeperConfig::default() });
    start.handle(&head, body.iter());
    let (mut publisher, reader) = Publisher::<20>::new();
    let [mut apply, mut publish, mut read] = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        let mut keeper = start.clone();
        let clock = Instant::now();
        for (head, body) in &messages {
            black_box(keeper.handle(head, body.iter()));
        }
        apply.push(clock.elapsed().as_nanos() as f64);
        assert!(keeper.state().is_live(), "the stream is whole");
        let clock = Instant::now();
        for n in 0..messages.len() as u64 {
            publisher.publish(black_box(&keeper), Nanos(n));
        }
        publish.push(clock.elapsed().as_nanos() as f64 / messages.len() as f64);
        let clock = Instant::now();
        for _ in 0..messages.len() {
            black_box(reader.read());
        }
        read.push(clock.elapsed().as_nanos() as f64 / messages.len() as f64);
    }
    let (apply, count) = (fastest(&apply), messages.len() as f64);
    println!("\nwhole stage, window 4096: {} messages, all live at the end", messages.len());
    println!(
        "records to book      {:>8.1} ns/update {:>8.0} ns/message",
        apply / input.count() as f64,
        apply / count
    );
    println!(
        "publish 1 and 20 x 2 {:>8.1} ns/message, read back 20 x 2 {:>8.1} ns",
        fastest(&publish),
        fastest(&read)
    );
}

fn main() {
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    let Some(input) = read() else {
        println!("book: no {CAPTURE} in ../shared/captures (or TOUCHLINE_CAPTURES); nothing measured");
        return;
    };
    table("deep", &input, rounds);
    table("shallow", &shallow(&input), rounds);
    stage(&input, rounds);
}
