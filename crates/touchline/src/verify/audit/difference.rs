//! Where two books differ.

use std::collections::BTreeMap;

use serde::Serialize;
use touchline_book::Book;
use touchline_market::{Decimal, Level, SCALE_MAX, Side};

/// Levels of a difference that are told.
const LEVELS: usize = 10;

/// A snapshot that the book was not equal to.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// The snapshot's line in the recording, from 0.
    pub line: u64,
    /// The snapshot's own sequence.
    pub snapshot_sequence: u64,
    /// The sequence at which the two books were compared.
    pub sequence: u64,
    /// Levels that were compared.
    pub compared: u64,
    /// Levels of them that differ.
    pub differing: u64,
    /// The first ten of those: bids before asks, the best first.
    pub levels: Vec<LevelDifference>,
}

/// A level that differs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct LevelDifference {
    /// `bid` or `ask`.
    pub side: &'static str,
    /// The price.
    pub price: String,
    /// Our quantity; none: our book has no such level.
    pub ours: Option<String>,
    /// The venue's.
    pub theirs: Option<String>,
}

/// The quantities of two books at one price.
#[derive(Clone, Copy, Default)]
struct Pair {
    ours: Option<i128>,
    theirs: Option<i128>,
}

/// What differs between our book and theirs; `None` if nothing does. Lines and sequences are left to the caller.
pub(super) fn between(ours: &Book, theirs: &Book) -> Option<Difference> {
    let mut found = Difference::default();
    for side in [Side::Bid, Side::Ask] {
        compare(side, ours, theirs, &mut found);
    }
    (found.differing > 0).then_some(found)
}

fn compare(side: Side, ours: &Book, theirs: &Book, found: &mut Difference) {
    // The deepest level of theirs that is proven: beyond it they may lack what we have.
    let Some(bound) = levels(theirs, side).take(theirs.proven(side)).last().map(|(key, _)| key) else {
        return;
    };
    let own_bound = levels(ours, side).take(ours.proven(side)).last().map(|(key, _)| key);
    let mut prices = BTreeMap::<i128, Pair>::new();
    for (key, qty) in levels(theirs, side).take_while(|(key, _)| *key <= bound) {
        prices.entry(key).or_default().theirs = Some(qty);
    }
    for (key, qty) in levels(ours, side).take_while(|(key, _)| *key <= bound) {
        prices.entry(key).or_default().ours = Some(qty);
    }
    for (key, pair) in prices {
        // Beyond our own proven depth a level is known only once it changed.
        if pair.ours.is_none() && own_bound.is_none_or(|own| key > own) {
            continue;
        }
        found.compared += 1;
        if pair.ours == pair.theirs {
            continue;
        }
        found.differing += 1;
        if found.levels.len() < LEVELS {
            let price = if side == Side::Bid { -key } else { key };
            found.levels.push(LevelDifference {
                side: if side == Side::Bid { "bid" } else { "ask" },
                price: text(price),
                ours: pair.ours.map(text),
                theirs: pair.theirs.map(text),
            });
        }
    }
}

/// The levels of a side, the best first, in numbers that books of any scales share: a price that is smaller the better
/// it is, and a quantity.
fn levels(book: &Book, side: Side) -> impl Iterator<Item = (i128, i128)> {
    let (price_scale, qty_scale) = (book.price_scale(), book.qty_scale());
    book.levels(side).map(move |Level { price, qty }| {
        let price = at_full_scale(i128::from(price.0), price_scale);
        let key = if side == Side::Bid { -price } else { price };
        (key, at_full_scale(i128::from(qty.0), qty_scale))
    })
}

/// 64 bits times 10^18 fit 127.
fn at_full_scale(mantissa: i128, scale: u8) -> i128 {
    mantissa * 10_i128.pow(u32::from(SCALE_MAX.saturating_sub(scale)))
}

fn text(mantissa: i128) -> String {
    Decimal { mantissa, scale: SCALE_MAX }.to_string()
}
