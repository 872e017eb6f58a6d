//! A market with a true book: orders come and go around a price that wanders.

use std::collections::{BTreeMap, VecDeque};

use touchline_market::{Bbo, Level, Price, Qty, Side, Trade};
use touchline_venue::exchange::Statistics;

use crate::random::Random;

/// Trades before the market's first: a venue has counted for years, and its numbers keep their length.
const TRADES_BEFORE: u64 = 1_000_000;

/// Mean distance of a new order from the best price, in ticks.
const DISTANCE: u64 = 12;

/// Changes that can be undone, to answer with an old book.
const UNDO_MAX: usize = 2_048;

/// The venue's true book, in ticks and lots, and its counters.
#[derive(Clone, Debug)]
pub struct Market {
    random: Random,
    bids: BTreeMap<i64, u64>,
    asks: BTreeMap<i64, u64>,
    /// Levels a side at the start; half of them always stay.
    depth: usize,
    sequence: u64,
    /// The sequence before the change under way.
    before: u64,
    statistics: Statistics,
    /// What the last changes replaced, oldest first.
    undo: VecDeque<Undo>,
    /// The bid that locks the book, until the next step.
    lock: Option<i64>,
}

/// One change of the true book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Change {
    /// Whose side.
    pub side: Side,
    /// The level as it is now; quantity 0 if it is gone.
    pub level: Level,
    /// The sequence it brought the book to.
    pub sequence: u64,
    /// Set if the change is the work of a trade.
    pub trade: Option<Trade>,
}

/// What stood at a price before a change.
#[derive(Clone, Copy, Debug)]
struct Undo {
    /// The book's sequence before.
    sequence: u64,
    side: Side,
    level: Level,
}

/// A whole book at one sequence, best levels first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Whole {
    /// The last update id in it.
    pub sequence: u64,
    /// Bids, from the best down.
    pub bids: Vec<Level>,
    /// Asks, from the best up.
    pub asks: Vec<Level>,
}

impl Market {
    /// A market around `mid` ticks with `levels` levels a side, at least 30.
    #[must_use]
    pub fn new(seed: u64, mid: i64, levels: usize) -> Self {
        let depth = levels.max(30);
        let mut market = Self {
            random: Random::new(seed),
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            depth,
            sequence: 1_000_000 + seed % 1_000_000,
            before: 0,
            statistics: Statistics::default(),
            undo: VecDeque::new(),
            lock: None,
        };
        for distance in 1..=depth as i64 {
            let (bid, ask) = (market.lots(), market.lots());
            market.bids.insert(mid - distance, bid);
            market.asks.insert(mid + distance - 1, ask);
        }
        market.statistics.open = Price(mid);
        market.statistics.low = Price(mid);
        market.statistics.high = Price(mid);
        market.statistics.last = Level::new(mid, 1);
        market
    }

    /// Something happens: an order comes, goes, or trades.
    pub fn step(&mut self) -> Change {
        if let Some(price) = self.lock.take() {
            self.advance();
            return self.set(Side::Bid, price, 0, None);
        }
        self.advance();
        let side = if self.random.below(2) == 0 { Side::Bid } else { Side::Ask };
        match self.random.below(10) {
            0 => self.trade(side),
            1..=4 => self.cancel(side),
            _ => self.place(side),
        }
    }

    /// Somebody bids at the best ask and nobody trades: the book is locked until the next step.
    pub fn lock(&mut self) -> Change {
        let price = self.bbo().ask.price.0;
        self.advance();
        self.lock = Some(price);
        self.set(Side::Bid, price, 1, None)
    }

    /// The venue begins to count anew, at 1.
    pub fn reset_sequence(&mut self) {
        self.sequence = 0;
        self.undo.clear();
    }

    /// How many steps until the next message goes out: mostly few.
    pub fn burst(&mut self, steps_max: u64) -> u64 {
        (1 + self.random.geometric(5)).min(steps_max.max(1))
    }

    /// How many steps the book is ahead of the last message: a snapshot taken now is between two messages.
    pub fn lead(&mut self) -> u64 {
        self.random.below(4)
    }

    /// The last update id.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// What was traded.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// The best bid and offer.
    #[must_use]
    pub fn bbo(&self) -> Bbo {
        let level = |best: Option<(&i64, &u64)>| {
            best.map(|(&price, &qty)| Level::new(price, qty)).unwrap_or_default()
        };
        Bbo { bid: level(self.bids.last_key_value()), ask: level(self.asks.first_key_value()) }
    }

    /// The best levels of a side, best first.
    pub fn best(&self, side: Side, count: usize, out: &mut Vec<Level>) {
        out.clear();
        let level = |(&price, &qty): (&i64, &u64)| Level { price: Price(price), qty: Qty(qty) };
        match side {
            Side::Bid => out.extend(self.bids.iter().rev().take(count).map(level)),
            Side::Ask => out.extend(self.asks.iter().take(count).map(level)),
        }
    }

    /// Appends the best levels of a side that are worse than `price`.
    pub(crate) fn beyond(&self, side: Side, price: Price, count: usize, out: &mut Vec<Level>) {
        use std::ops::Bound::{Excluded, Unbounded};
        let level = |(&price, &qty): (&i64, &u64)| Level { price: Price(price), qty: Qty(qty) };
        match side {
            Side::Bid => out.extend(self.bids.range(..price.0).rev().take(count).map(level)),
            Side::Ask => {
                let worse = (Excluded(price.0), Unbounded);
                out.extend(self.asks.range(worse).take(count).map(level));
            }
        }
    }

    /// All levels of a side, best first.
    #[must_use]
    pub fn levels(&self, side: Side) -> Vec<Level> {
        let mut out = Vec::new();
        self.best(side, usize::MAX, &mut out);
        out
    }

    /// The whole book.
    #[must_use]
    pub fn whole(&self) -> Whole {
        Whole { sequence: self.sequence, bids: self.levels(Side::Bid), asks: self.levels(Side::Ask) }
    }

    /// The oldest sequence of which the whole book is still known.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.undo.front().map_or(self.sequence, |undo| undo.sequence)
    }

    /// The whole book as it was at `sequence`, or the oldest that is still known.
    #[must_use]
    pub fn whole_at(&self, sequence: u64) -> Whole {
        let mut past = Self { undo: VecDeque::new(), ..self.clone() };
        for undo in self.undo.iter().rev() {
            if past.sequence <= sequence {
                break;
            }
            let (price, qty) = (undo.level.price.0, undo.level.qty.0);
            let levels = past.side(undo.side);
            if qty == 0 {
                levels.remove(&price);
            } else {
                levels.insert(price, qty);
            }
            past.sequence = undo.sequence;
        }
        past.whole()
    }

    fn advance(&mut self) {
        self.before = self.sequence;
        self.sequence += 1 + self.random.below(3);
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
        let free = (best.ask.price.0 - best.bid.price.0 - 1).max(0).unsigned_abs();
        let better = if free > 0 && self.random.below(4) == 0 { 1 + self.random.below(free) } else { 0 };
        let worse = if better > 0 { 0 } else { self.random.geometric(DISTANCE) };
        let price = match side {
            Side::Bid => best.bid.price.0 + better as i64 - worse as i64,
            Side::Ask => best.ask.price.0 - better as i64 + worse as i64,
        };
        let lots = self.lots();
        let qty = self.side(side).get(&price).copied().unwrap_or_default() + lots;
        self.set(side, price, qty, None)
    }

    /// An order is withdrawn, whole or in part. The last levels of a side stay.
    fn cancel(&mut self, side: Side) -> Change {
        let away = self.random.geometric(DISTANCE) as usize;
        let whole = self.random.below(2) == 0;
        let keep = self.depth / 2;
        let levels = self.side(side);
        let found = match side {
            Side::Bid => levels.iter().rev().nth(away),
            Side::Ask => levels.iter().nth(away),
        };
        let Some((&price, &qty)) = found.filter(|_| levels.len() > keep) else {
            return self.place(side);
        };
        self.set(side, price, if whole { 0 } else { qty / 2 }, None)
    }

    /// Somebody takes from the best level.
    fn trade(&mut self, side: Side) -> Change {
        let best = self.bbo();
        let level = if side == Side::Bid { best.bid } else { best.ask };
        if self.side(side).len() <= self.depth / 2 {
            return self.place(side);
        }
        let taken = 1 + self.random.below(level.qty.0);
        let sums = &mut self.statistics;
        sums.trades += 1;
        sums.high = sums.high.max(level.price);
        sums.low = sums.low.min(level.price);
        sums.last = Level { price: level.price, qty: Qty(taken) };
        sums.volume = Qty(sums.volume.0 + taken);
        let trade = Trade {
            price: level.price,
            qty: Qty(taken),
            id: TRADES_BEFORE + sums.trades,
            aggressor: side.opposite(),
        };
        self.set(side, level.price.0, level.qty.0 - taken, Some(trade))
    }

    fn set(&mut self, side: Side, price: i64, qty: u64, trade: Option<Trade>) -> Change {
        let levels = self.side(side);
        let before = if qty == 0 { levels.remove(&price) } else { levels.insert(price, qty) };
        if self.undo.len() == UNDO_MAX {
            self.undo.pop_front();
        }
        let sequence = self.before;
        self.undo.push_back(Undo { sequence, side, level: Level::new(price, before.unwrap_or_default()) });
        Change { side, level: Level::new(price, qty), sequence: self.sequence, trade }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over many steps the book never crosses, never runs empty, its spread stays narrow, and its counter only grows.
    #[test]
    fn the_market_stays_a_market() {
        for (seed, levels) in [(0, 400), (1, 50), (2, 100), (3, 400)] {
            let mut market = Market::new(seed, 600_000, levels);
            let mut spread = 0;
            for _ in 0..20_000 {
                let before = market.sequence();
                market.step();
                let best = market.bbo();
                assert!(best.bid.price < best.ask.price && market.sequence() > before);
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
            let mut market = Market::new(seed, 1_000, 100);
            for _ in 0..500 {
                market.step();
            }
            market.levels(Side::Bid)
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }

    /// A book of the past is the book that was: each of 500 states is found again, and what is older is the oldest.
    #[test]
    fn the_past_is_known() {
        let mut market = Market::new(5, 10_000, 50);
        let oldest = market.whole();
        let mut states = Vec::new();
        for _ in 0..500 {
            market.step();
            states.push(market.whole());
        }
        for state in &states {
            assert_eq!(&market.whole_at(state.sequence), state);
        }
        assert_eq!(market.whole_at(7), oldest);
    }

    /// A locked book is locked for one step, and never crossed.
    #[test]
    fn a_lock_lasts_one_step() {
        let mut market = Market::new(6, 10_000, 50);
        market.lock();
        assert_eq!(market.bbo().bid.price, market.bbo().ask.price);
        market.step();
        assert!(market.bbo().bid.price < market.bbo().ask.price);
    }
}
