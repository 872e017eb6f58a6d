//! A book's state written down exactly.

use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};
use touchline_book::Keeper;
use touchline_market::{Level, Side};

/// Levels a side that are written out; the hash covers all.
const BEST: usize = 10;

/// The book after a line and every line before it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct StateAt {
    /// The line, from 0.
    pub line: u64,
    /// The rest.
    #[serde(flatten)]
    pub state: BookState,
}

/// The book after the last line.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct EndState {
    /// The last line, from 0.
    pub line: u64,
    /// The line that changed the book last.
    pub last_change_line: u64,
    /// The rest.
    #[serde(flatten)]
    pub state: BookState,
}

/// A book in exact decimals: plain notation, no trailing zeros.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct BookState {
    /// Book messages that have taken effect.
    pub msgs: u64,
    /// Bid levels.
    pub bids: usize,
    /// Ask levels.
    pub asks: usize,
    /// Price and quantity of the best bids, the best first.
    pub best_bids: Vec<[String; 2]>,
    /// Price and quantity of the best asks, the best first.
    pub best_asks: Vec<[String; 2]>,
    /// Over `price:qty\n` of all bids from the best down, `--\n`, and all asks from the best up.
    pub sha256: String,
}

impl BookState {
    /// The state of a book.
    #[must_use]
    pub fn of(keeper: &Keeper) -> Self {
        let book = keeper.book();
        let (price_scale, qty_scale) = (book.price_scale(), book.qty_scale());
        let texts =
            |level: Level| [level.price.at(price_scale).to_string(), level.qty.at(qty_scale).to_string()];
        let best = |side| book.levels(side).take(BEST).map(texts).collect();
        let mut text = String::new();
        let mut hash = Sha256::new();
        for side in [Side::Bid, Side::Ask] {
            for level in book.levels(side) {
                text.clear();
                let _ = writeln!(text, "{}:{}", level.price.at(price_scale), level.qty.at(qty_scale));
                hash.update(&text);
            }
            if side == Side::Bid {
                hash.update("--\n");
            }
        }
        let [bids, asks] = [Side::Bid, Side::Ask].map(|side| book.len(side));
        Self {
            msgs: keeper.counters().msgs(),
            bids,
            asks,
            best_bids: best(Side::Bid),
            best_asks: best(Side::Ask),
            sha256: hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}
