//! What a connection knows of each symbol's book beside its levels: depth, and the decimals it is written with.

use rustc_hash::FxHashMap;
use touchline_market::{Nanos, Sequence, Trailer};

use crate::SYMBOLS_MAX;

/// The depths that can be subscribed to.
pub(crate) const DEPTHS: [u16; 5] = [10, 25, 100, 500, 1_000];

/// The smallest depth that holds so many levels a side, or the largest there is.
pub(crate) fn depth_for(levels: u32) -> u16 {
    let [.., deepest] = DEPTHS;
    DEPTHS.into_iter().find(|&depth| u32::from(depth) >= levels).unwrap_or(deepest)
}

/// What brings a `ticker` message about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Trigger {
    Bbo,
    Trades,
}

/// One symbol on one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    /// The subscribed depth, as the venue acknowledged it; 0 if no acknowledgement was seen.
    pub(crate) depth: u16,
    /// The depth that the last snapshot fits; 0 before the first.
    pub(crate) guessed_depth: u16,
    /// What the ticker was subscribed for; `None` if no acknowledgement was seen.
    pub(crate) trigger: Option<Trigger>,
    /// Decimals of the book's numbers.
    pub(crate) digits: Digits,
    newest: Nanos,
}

impl Standing {
    /// The trailer of a book message. Without an acknowledged depth (a recording that begins later) a snapshot shows
    /// it: as many levels as the depth, or fewer where the market has no more.
    pub(crate) fn trailer(&self, checksum: Option<u32>) -> Trailer {
        let cut = if self.depth == 0 { self.guessed_depth } else { self.depth };
        Trailer { checksum, price_digits: self.digits.price, qty_digits: self.digits.qty, cut }
    }

    /// The newest stamp of the book as its sequence, microseconds: it only grows, two messages may share one.
    pub(crate) fn sequence(&mut self, stamp: Nanos) -> Sequence {
        self.newest = self.newest.max(stamp);
        Sequence(self.newest.0 / 1_000)
    }
}

/// Most decimals of a book's numbers as sent, trailing zeros included. The venue writes all prices of a pair with the
/// same number of decimals, and all quantities.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Digits {
    price: u8,
    qty: u8,
}

impl Digits {
    /// Notes the texts of one level.
    #[inline]
    pub(crate) fn note(&mut self, price: &[u8], qty: &[u8]) {
        self.price = self.price.max(decimals(price));
        self.qty = self.qty.max(decimals(qty));
    }
}

/// Digits behind the point. A number with an exponent says nothing of the digits others are written with.
#[inline]
fn decimals(text: &[u8]) -> u8 {
    let Some(point) = text.iter().position(|&byte| byte == b'.') else { return 0 };
    let decimals = text.len() - point - 1;
    if decimals > 18 || text.iter().any(|byte| byte | 0x20 == b'e') { 0 } else { decimals as u8 }
}

/// The symbols of one connection.
#[derive(Debug, Default)]
pub(crate) struct Standings(FxHashMap<Box<str>, Standing>);

impl Standings {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What is known of a symbol.
    #[inline]
    pub(crate) fn of(&self, symbol: &str) -> Standing {
        self.0.get(symbol).copied().unwrap_or_default()
    }

    /// Keeps what a message that was taken taught. A hostile stream of new symbols does not fill the memory: beyond
    /// the bound they stay unknown.
    #[inline]
    pub(crate) fn keep(&mut self, symbol: &str, standing: Standing) {
        if let Some(place) = self.0.get_mut(symbol) {
            *place = standing;
        } else if self.0.len() < SYMBOLS_MAX {
            self.0.insert(symbol.into(), standing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decimals are counted as sent, zeros included; exponents say nothing.
    #[test]
    fn decimals_are_counted_as_sent() {
        let cases =
            [("45283.50", 2), ("0.10000000", 8), ("5", 0), ("1e-8", 0), ("1.5e-8", 0), ("1.5E3", 0), ("", 0)];
        for (text, expected) in cases {
            assert_eq!(decimals(text.as_bytes()), expected, "{text}");
        }
    }

    /// Depths are the smallest that hold the levels.
    #[test]
    fn depths_hold_the_levels() {
        for (levels, depth) in [(0, 10), (10, 10), (11, 25), (100, 100), (501, 1_000), (5_000, 1_000)] {
            assert_eq!(depth_for(levels), depth);
        }
    }

    /// Sequences never go back, and symbols beyond the bound are not kept.
    #[test]
    fn standings_are_bounded_and_sequences_grow() {
        let mut standing = Standing::default();
        let sequences = [5_000, 3_000, 9_999].map(|stamp| standing.sequence(Nanos(stamp)).0);
        assert_eq!(sequences, [5, 5, 9]);
        let mut standings = Standings::default();
        for symbol in 0..SYMBOLS_MAX + 2 {
            standings.keep(&symbol.to_string(), Standing { depth: 10, ..Standing::default() });
        }
        assert_eq!(standings.0.len(), SYMBOLS_MAX);
        assert_eq!(standings.of("5").depth, 10);
        standings.clear();
        assert_eq!(standings.of("5").depth, 0);
    }
}
