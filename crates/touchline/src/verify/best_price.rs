//! The second witness: the venue's own best bid and offer beside the book's.

use std::collections::VecDeque;

use touchline_market::Price;

/// Best bids and offers remembered, and book states waiting for a later one: far more than lie between two depth
/// messages 100 ms apart.
const REMEMBERED: usize = 16_384;

/// Best prices at a sequence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct BestAt {
    pub(super) sequence: u64,
    pub(super) bid: Option<Price>,
    pub(super) ask: Option<Price>,
}

/// Compares each book state with the last best bid and offer whose sequence is not above the state's; that is known
/// as soon as one with a greater sequence is.
#[derive(Debug, Default)]
pub(super) struct BestPriceCheck {
    venue: VecDeque<BestAt>,
    waiting: VecDeque<BestAt>,
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl BestPriceCheck {
    /// The book's best prices after a delta.
    pub(super) fn book(&mut self, state: BestAt) {
        if self.waiting.len() == REMEMBERED {
            self.waiting.pop_front();
        }
        self.waiting.push_back(state);
        self.judge();
    }

    /// The venue's best prices.
    pub(super) fn venue(&mut self, best: BestAt) {
        if self.venue.len() == REMEMBERED {
            self.venue.pop_front();
        }
        self.venue.push_back(best);
        self.judge();
    }

    fn judge(&mut self) {
        let Some(newest) = self.venue.back().map(|best| best.sequence) else { return };
        while let Some(state) = self.waiting.front().copied().filter(|state| state.sequence < newest) {
            self.waiting.pop_front();
            let last = self.venue.iter().rev().find(|best| best.sequence <= state.sequence);
            if let Some(last) = last {
                let agrees = (last.bid, last.ask) == (state.bid, state.ask);
                *if agrees { &mut self.passed } else { &mut self.failed } += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sequence: u64, bid: i64, ask: i64) -> BestAt {
        BestAt { sequence, bid: Some(Price(bid)), ask: Some(Price(ask)) }
    }

    /// A state is judged by the last best price not above it, once a later one has come, whichever came first.
    #[test]
    fn states_are_judged_by_the_best_price_at_their_sequence() {
        let mut check = BestPriceCheck::default();
        check.venue(at(5, 10, 11));
        check.book(at(7, 10, 11));
        assert_eq!((check.passed, check.failed), (0, 0), "a best price of sequence 6 or 7 may still come");
        check.venue(at(8, 9, 11));
        assert_eq!((check.passed, check.failed), (1, 0));
        check.venue(at(12, 9, 12));
        check.book(at(10, 9, 11));
        check.book(at(11, 9, 13));
        assert_eq!((check.passed, check.failed), (2, 1));
        check.book(at(1, 1, 1));
        assert_eq!((check.passed, check.failed), (2, 1), "nothing is known of a time before the first");
    }
}
