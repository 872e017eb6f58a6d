//! What the tests of this crate share: the oracle, a plain book of `BTreeMap`s, and messages made by hand.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::BTreeMap;

use touchline_book::Book;
use touchline_market::{Head, InstrumentId, Level, LevelPacker, Record, Sequence, Side, UpdateKind};

/// A book as the standard library would keep it: quantity by price, at scales of its own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Oracle {
    pub(crate) bids: BTreeMap<i64, u64>,
    pub(crate) asks: BTreeMap<i64, u64>,
}

impl Oracle {
    pub(crate) fn set(&mut self, side: Side, price: i64, qty: u64) {
        let levels = match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        };
        if qty == 0 {
            levels.remove(&price)
        } else {
            levels.insert(price, qty)
        };
    }

    /// Keeps the best levels of both sides.
    pub(crate) fn cut(&mut self, count: usize) {
        while self.bids.len() > count {
            self.bids.pop_first();
        }
        while self.asks.len() > count {
            self.asks.pop_last();
        }
    }

    /// Best first.
    pub(crate) fn levels(&self, side: Side) -> Vec<Level> {
        let level = |(&price, &qty): (&i64, &u64)| Level::new(price, qty);
        match side {
            Side::Bid => self.bids.iter().rev().map(level).collect(),
            Side::Ask => self.asks.iter().map(level).collect(),
        }
    }

    pub(crate) fn top(&self, side: Side, count: usize) -> Vec<Level> {
        let level = |(&price, &qty): (&i64, &u64)| Level::new(price, qty);
        match side {
            Side::Bid => self.bids.iter().rev().take(count).map(level).collect(),
            Side::Ask => self.asks.iter().take(count).map(level).collect(),
        }
    }
}

/// Best and top ten of both sides.
pub(crate) fn assert_tops_equal(book: &Book, oracle: &Oracle) {
    for side in [Side::Bid, Side::Ask] {
        let mut top = [Level::default(); 10];
        let count = book.top(side, &mut top);
        let expected = oracle.top(side, 10);
        assert_eq!(top[..count], expected);
        assert_eq!(book.best(side), expected.first().copied());
    }
}

/// Every level.
pub(crate) fn assert_books_equal(book: &Book, oracle: &Oracle) {
    for side in [Side::Bid, Side::Ask] {
        assert_eq!(book.levels(side).collect::<Vec<_>>(), oracle.levels(side));
        assert_eq!(book.len(side), oracle.levels(side).len());
    }
}

/// A message of these levels, bids first.
pub(crate) fn message(
    kind: UpdateKind,
    sequences: (u64, u64),
    bids: &[Level],
    asks: &[Level],
) -> (Head, Vec<Record>) {
    let mut head = Head::new(kind, InstrumentId(0));
    (head.previous, head.sequence) = (Sequence(sequences.0), Sequence(sequences.1));
    (head.bids, head.asks) = (bids.len() as u16, asks.len() as u16);
    let (mut records, mut packer) = (Vec::new(), LevelPacker::default());
    for &level in bids.iter().chain(asks) {
        packer.push(level, &mut records).unwrap();
    }
    packer.finish(&mut records).unwrap();
    (head, records)
}
