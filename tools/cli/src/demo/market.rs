//! A market with a true book: orders come and go around a price that wanders.

use std::collections::BTreeMap;

use touchline::market::{Bbo, Level, Price, Qty, Side, Trade};
use touchline::{BookView, VIEW_DEPTH};

use super::random::Random;

/// Levels a side at the start.
const LEVELS: i64 = 400;

/// Mean distance of a new order from the best price, in ticks.
const DISTANCE: u64 = 12;

/// The venue's true book, in ticks and lots, and its counters.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    random: Random,
    bids: BTreeMap<i64, u64>,
    asks: BTreeMap<i64, u64>,
    /// The last update id.
    pub(crate) sequence: u64,
    trades: u64,
}

/// One change of the true book.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) side: Side,
    pub(crate) level: Level,
    /// Set if the change is the work of a trade.
    pub(crate) trade: Option<Trade>,
}

impl Market {
    /// A market around `mid` ticks.
    pub(crate) fn new(seed: u64, mid: i64) -> Self {
        let mut market = Self {
            random: Random::new(seed),
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            sequence: 1_000_000 + seed,
            trades: 0,
        };
        for distance in 1..=LEVELS {
            let (bid, ask) = (market.lots(), market.lots());
            market.bids.insert(mid - distance, bid);
            market.asks.insert(mid + distance - 1, ask);
        }
        market
    }

    /// Something happens: an order comes, goes, or trades.
    pub(crate) fn step(&mut self) -> Change {
        self.sequence += 1 + self.random.below(3);
        let side = if self.random.below(2) == 0 { Side::Bid } else { Side::Ask };
        match self.random.below(10) {
            0 => self.trade(side),
            1..=4 => self.cancel(side),
            _ => self.place(side),
        }
    }

    /// The best bid and offer.
    pub(crate) fn bbo(&self) -> Bbo {
        let level = |best: Option<(&i64, &u64)>| {
            best.map(|(&price, &qty)| Level::new(price, qty)).unwrap_or_default()
        };
        Bbo { bid: level(self.bids.last_key_value()), ask: level(self.asks.first_key_value()) }
    }

    /// All levels, best first.
    pub(crate) fn levels(&self, side: Side) -> Vec<Level> {
        let level = |(&price, &qty): (&i64, &u64)| Level { price: Price(price), qty: Qty(qty) };
        match side {
            Side::Bid => self.bids.iter().rev().map(level).collect(),
            Side::Ask => self.asks.iter().map(level).collect(),
        }
    }

    /// Does the view show exactly this book, and say that it does?
    pub(crate) fn equals(&self, view: &BookView<VIEW_DEPTH>) -> bool {
        let shown = |side: Side| self.levels(side).into_iter().take(VIEW_DEPTH).collect::<Vec<_>>();
        view.state.is_live()
            && view.sequence.0 == self.sequence
            && view.bids() == shown(Side::Bid)
            && view.asks() == shown(Side::Ask)
    }

    fn lots(&mut self) -> u64 {
        1 + self.random.geometric(20) * (1 + self.random.below(8))
    }

    fn side(&mut self, side: Side) -> &mut BTreeMap<i64, u64> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    /// A new order, somewhere behind the best price; where the spread is wide often inside it, which closes it again.
    fn place(&mut self, side: Side) -> Change {
        let best = self.bbo();
        let free = (best.ask.price.0 - best.bid.price.0 - 1).unsigned_abs();
        let better = if free > 0 && self.random.below(4) == 0 { 1 + self.random.below(free) } else { 0 };
        let worse = if better > 0 { 0 } else { self.random.geometric(DISTANCE) };
        let price = match side {
            Side::Bid => best.bid.price.0 + better as i64 - worse as i64,
            Side::Ask => best.ask.price.0 - better as i64 + worse as i64,
        };
        let lots = self.lots();
        let qty = self.side(side).entry(price).or_default();
        *qty += lots;
        Change { side, level: Level::new(price, *qty), trade: None }
    }

    /// An order is withdrawn, whole or in part. The last levels of a side stay.
    fn cancel(&mut self, side: Side) -> Change {
        let away = self.random.geometric(DISTANCE) as usize;
        let whole = self.random.below(2) == 0;
        let levels = self.side(side);
        let found = match side {
            Side::Bid => levels.iter().rev().nth(away),
            Side::Ask => levels.iter().nth(away),
        };
        let Some((&price, &qty)) = found.filter(|_| levels.len() > LEVELS as usize / 2) else {
            return self.place(side);
        };
        self.set(side, price, if whole { 0 } else { qty / 2 }, None)
    }

    /// Somebody takes from the best level.
    fn trade(&mut self, side: Side) -> Change {
        let best = self.bbo();
        let level = if side == Side::Bid { best.bid } else { best.ask };
        if self.side(side).len() <= LEVELS as usize / 2 {
            return self.place(side);
        }
        let taken = 1 + self.random.below(level.qty.0);
        self.trades += 1;
        let trade =
            Trade { price: level.price, qty: Qty(taken), id: self.trades, aggressor: side.opposite() };
        self.set(side, level.price.0, level.qty.0 - taken, Some(trade))
    }

    fn set(&mut self, side: Side, price: i64, qty: u64, trade: Option<Trade>) -> Change {
        let levels = self.side(side);
        if qty == 0 {
            levels.remove(&price);
        } else {
            levels.insert(price, qty);
        }
        Change { side, level: Level::new(price, qty), trade }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over many steps the book never crosses, never runs empty, its spread stays narrow, and its counter only grows.
    #[test]
    fn the_market_stays_a_market() {
        for seed in 0..4 {
            let mut market = Market::new(seed, 600_000);
            let mut spread = 0;
            for _ in 0..20_000 {
                let before = market.sequence;
                market.step();
                let best = market.bbo();
                assert!(best.bid.price < best.ask.price && market.sequence > before);
                assert!(best.bid.qty.0 > 0 && best.ask.qty.0 > 0);
                spread += best.ask.price.0 - best.bid.price.0;
            }
            assert!(spread / 20_000 < 4, "seed {seed}: a mean spread of {} ticks", spread / 20_000);
        }
    }

    /// The same seed gives the same market, another seed another.
    #[test]
    fn a_seed_names_a_market() {
        let run = |seed| {
            let mut market = Market::new(seed, 1_000);
            for _ in 0..500 {
                market.step();
            }
            market.levels(Side::Bid)
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }
}
