//! Which prices a book has, so that those that leave without a word can be named.

use std::collections::BTreeMap;

use touchline::market::{Decimal, SCALE_MAX, Side};

/// The prices of both sides, each by its worth at the finest scale.
#[derive(Debug, Default)]
pub(super) struct Prices {
    bids: BTreeMap<i128, Decimal>,
    asks: BTreeMap<i128, Decimal>,
}

impl Prices {
    /// Says whether a price has a level.
    pub(super) fn set(&mut self, side: Side, price: Decimal, is_there: bool) {
        let worth = price.mantissa * 10i128.pow(u32::from(SCALE_MAX.saturating_sub(price.scale)));
        let prices = self.of(side);
        if is_there {
            prices.insert(worth, price);
        } else {
            prices.remove(&worth);
        }
    }

    pub(super) fn len(&mut self, side: Side) -> usize {
        self.of(side).len()
    }

    /// Takes the price that is furthest from the other side.
    pub(super) fn pop_worst(&mut self, side: Side) -> Option<Decimal> {
        let worst = match side {
            Side::Bid => self.bids.pop_first(),
            Side::Ask => self.asks.pop_last(),
        };
        worst.map(|(_, price)| price)
    }

    pub(super) fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    fn of(&mut self, side: Side) -> &mut BTreeMap<i128, Decimal> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A price is the same at every scale; the worst bid is the lowest, the worst ask the highest.
    #[test]
    fn prices_are_known_by_their_worth() {
        let mut prices = Prices::default();
        let price = |mantissa, scale| Decimal { mantissa, scale };
        for side in [Side::Bid, Side::Ask] {
            for mantissa in [100, 98, 99] {
                prices.set(side, price(mantissa, 0), true);
            }
            prices.set(side, price(9_900, 2), false);
            assert_eq!(prices.len(side), 2);
        }
        assert_eq!(prices.pop_worst(Side::Bid), Some(price(98, 0)));
        assert_eq!(prices.pop_worst(Side::Ask), Some(price(100, 0)));
        prices.clear();
        assert_eq!(prices.pop_worst(Side::Ask), None);
    }
}
