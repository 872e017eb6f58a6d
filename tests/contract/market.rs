//! A true book, kept in the plainest way there is: two maps. Everything that a venue would say of it is made from
//! these states, and every published view is held against them.

use std::collections::BTreeMap;

use touchline::market::Level;

/// A small generator of numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % limit
    }
}

/// Levels a side, best first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sides {
    pub(crate) bids: Vec<Level>,
    pub(crate) asks: Vec<Level>,
}

impl Sides {
    /// The best `levels` of each side; all for 0.
    pub(crate) fn best(&self, levels: usize) -> Sides {
        let cut = |side: &[Level]| {
            side.iter().copied().take(if levels == 0 { usize::MAX } else { levels }).collect()
        };
        Sides { bids: cut(&self.bids), asks: cut(&self.asks) }
    }

    /// What has to be said to somebody who has `self` so that he has `after`, levels that fell off the end of a cut
    /// book unsaid.
    pub(crate) fn changes_to(&self, after: &Sides, cut: bool) -> Sides {
        let side = |old: &[Level], new: &[Level], beyond: &dyn Fn(i64, i64) -> bool| {
            let old_map: BTreeMap<_, _> = old.iter().map(|level| (level.price.0, level.qty.0)).collect();
            let new_map: BTreeMap<_, _> = new.iter().map(|level| (level.price.0, level.qty.0)).collect();
            let worst = new.last().map(|level| level.price.0);
            let mut said: Vec<Level> = new
                .iter()
                .copied()
                .filter(|level| old_map.get(&level.price.0) != Some(&level.qty.0))
                .collect();
            for price in old_map.keys().filter(|price| !new_map.contains_key(price)) {
                let unsaid = cut && worst.is_some_and(|worst| beyond(*price, worst));
                if !unsaid {
                    said.push(Level::new(*price, 0));
                }
            }
            said
        };
        Sides {
            bids: side(&self.bids, &after.bids, &|price, worst| price < worst),
            asks: side(&self.asks, &after.asks, &|price, worst| price > worst),
        }
    }
}

/// The market: bids and asks by price, never crossed.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    dice: Dice,
    bids: BTreeMap<i64, u64>,
    asks: BTreeMap<i64, u64>,
}

/// Levels a side at the start; the sides hover around it.
const LEVELS: i64 = 60;

impl Market {
    pub(crate) fn new(seed: u64) -> Self {
        let mut market = Self { dice: Dice(seed), bids: BTreeMap::new(), asks: BTreeMap::new() };
        for i in 0..LEVELS {
            let (bid, ask) = (1 + market.dice.below(900), 1 + market.dice.below(900));
            market.bids.insert(500_000 - i, bid);
            market.asks.insert(500_001 + i, ask);
        }
        market
    }

    /// One to four changes, at least one of them a real one among the best ten levels or so.
    pub(crate) fn step(&mut self) {
        let before = self.sides();
        loop {
            for _ in 0..=self.dice.below(4) {
                self.change();
            }
            if self.sides().best(8) != before.best(8) {
                return;
            }
        }
    }

    fn change(&mut self) {
        let is_bid = self.dice.below(2) == 0;
        let near = self.dice.below(3) > 0;
        let distance = self.dice.below(if near { 8 } else { 70 }) as i64;
        let (best_bid, best_ask) = (self.best_bid(), self.best_ask());
        let thin = if is_bid { self.bids.len() } else { self.asks.len() } < 40;
        let qty = if thin || self.dice.below(5) < 3 { 1 + self.dice.below(900) } else { 0 };
        if is_bid {
            let price = best_bid + 2 - distance;
            set(&mut self.bids, price, qty);
            if qty > 0 {
                self.asks.retain(|ask, _| *ask > price);
            }
        } else {
            let price = best_ask - 2 + distance;
            set(&mut self.asks, price, qty);
            if qty > 0 {
                self.bids.retain(|bid, _| *bid < price);
            }
        }
        // Neither side ever runs empty.
        if self.bids.len() < 5 {
            let best = self.best_ask();
            (1..20).for_each(|i| set(&mut self.bids, best - i, 5));
        }
        if self.asks.len() < 5 {
            let best = self.best_bid();
            (1..20).for_each(|i| set(&mut self.asks, best + i, 5));
        }
    }

    fn best_bid(&self) -> i64 {
        self.bids.keys().next_back().copied().unwrap_or(500_000)
    }

    fn best_ask(&self) -> i64 {
        self.asks.keys().next().copied().unwrap_or(500_001)
    }

    pub(crate) fn sides(&self) -> Sides {
        let level = |(price, qty): (&i64, &u64)| Level::new(*price, *qty);
        Sides {
            bids: self.bids.iter().rev().map(level).collect(),
            asks: self.asks.iter().map(level).collect(),
        }
    }
}

fn set(side: &mut BTreeMap<i64, u64>, price: i64, qty: u64) {
    if qty == 0 {
        side.remove(&price);
    } else {
        side.insert(price, qty);
    }
}
