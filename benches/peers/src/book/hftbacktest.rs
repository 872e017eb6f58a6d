//! hftbacktest's books: a hash map of all levels, and arrays of the levels in a range of interest, which drop the rest.

use std::hint::black_box;

use hftbacktest::depth::{
    HashMapMarketDepth, INVALID_MAX, INVALID_MIN, L2MarketDepth, MarketDepth, ROIVectorMarketDepth,
};

use super::{Input, Shelf};

/// The instrument's steps.
const TICK: f64 = 0.1;
const LOT: f64 = 0.001;

/// Prices of interest: the market, a few per cent up and down. The day's best prices never leave them.
const RANGE: [f64; 2] = [58_000.0, 65_500.0];

/// Farthest from the best that ten levels are looked for, in ticks.
const REACH: i64 = 5_000;

/// A price and a quantity.
type Pairs = Vec<(f64, f64)>;

/// One of the two books.
pub(super) struct Depths<B> {
    make: fn() -> B,
    snapshot: [Pairs; 2],
    messages: Vec<[Pairs; 2]>,
}

/// The book of all levels.
pub(super) fn hash_map(input: &Input) -> Depths<HashMapMarketDepth> {
    Depths::new(input, || HashMapMarketDepth::new(TICK, LOT))
}

/// The book of the range.
pub(super) fn vector(input: &Input) -> Depths<ROIVectorMarketDepth> {
    Depths::new(input, vector_of_range)
}

/// An empty book of the range.
pub fn vector_of_range() -> ROIVectorMarketDepth {
    ROIVectorMarketDepth::new(TICK, LOT, RANGE[0], RANGE[1])
}

impl<B: L2MarketDepth + MarketDepth> Depths<B> {
    fn new(input: &Input, make: fn() -> B) -> Self {
        let pairs = |levels: &crate::recording::Levels| -> Pairs {
            levels.iter().map(|&(price, qty)| (price as f64 / 100.0, qty as f64 / 1_000.0)).collect()
        };
        let sides = |depth: &crate::recording::Depth| [pairs(&depth.sides[0]), pairs(&depth.sides[1])];
        let (snapshot, messages) = (sides(&input.snapshot), input.messages.iter().map(sides).collect());
        Self { make, snapshot, messages }
    }
}

#[inline]
fn set<B: L2MarketDepth>(book: &mut B, [bids, asks]: &[Pairs; 2]) {
    for &(price, qty) in bids {
        black_box(book.update_bid_depth(price, qty, 0));
    }
    for &(price, qty) in asks {
        black_box(book.update_ask_depth(price, qty, 0));
    }
}

impl<B: L2MarketDepth + MarketDepth> Shelf for Depths<B> {
    type Book = B;

    fn fresh(&self) -> B {
        let mut book = (self.make)();
        set(&mut book, &self.snapshot);
        book
    }

    #[inline]
    fn apply(&self, book: &mut B, nth: usize) {
        set(book, &self.messages[nth]);
    }

    fn best(&self, book: &B) -> [Option<i64>; 2] {
        bests(book)
    }

    #[inline]
    fn top(&self, book: &B) {
        let (bid, ask) = (book.best_bid_tick(), book.best_ask_tick());
        let bids = (bid - REACH..=bid).rev().map(|tick| (tick, book.bid_qty_at_tick(tick)));
        let asks = (ask..=ask + REACH).map(|tick| (tick, book.ask_qty_at_tick(tick)));
        let mut top = [[(0, 0.0); 10]; 2];
        let held = |entry: &(i64, f64)| entry.1 > 0.0;
        top[0].iter_mut().zip(bids.filter(held)).for_each(|(slot, entry)| *slot = entry);
        top[1].iter_mut().zip(asks.filter(held)).for_each(|(slot, entry)| *slot = entry);
        black_box(&top);
    }
}

/// The best bid and ask at two decimals.
pub fn bests(book: &impl MarketDepth) -> [Option<i64>; 2] {
    let price = |tick: i64, none: i64| (tick != none).then_some(tick * 10);
    [price(book.best_bid_tick(), INVALID_MIN), price(book.best_ask_tick(), INVALID_MAX)]
}
