//! What the true book was at each message, so that every published view can be judged.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use touchline_market::{Level, Side};
use touchline_venue::exchange::Key;

use crate::config::Symbol;
use crate::market::{Market, Whole};

/// Levels a side that the history knows.
pub const TRUTH_LEVELS: usize = 20;

/// Levels a side that are compared of a book cut to fewer.
const SHALLOW_LEVELS: usize = 10;

/// States whose levels are kept beside their hash.
const CONTENTS_MAX: usize = 64;

/// Counts of the venue, from one reset of its sequence to the next, that are kept.
const ERAS_MAX: usize = 4;

/// What a comparison says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The levels are the true ones.
    Equal,
    /// They are not.
    Differs,
    /// The state is not known: too old, or never the end of a message.
    Unknown,
}

/// One symbol's true book and its past. Clones look at the same book; it may be asked from any thread.
///
/// A state is found by its key: what the venue's book messages carry of it. [`Truth::key`] makes the key of a view.
#[derive(Clone, Debug)]
pub struct Truth(Arc<Mutex<State>>);

/// The book with its past.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) market: Market,
    /// The stamp of the state recorded last, µs: it grows with every state.
    stamp_us: u64,
    price_scale: u8,
    qty_scale: u8,
    key: Key,
    history: usize,
    /// Newest last.
    eras: VecDeque<Era>,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

/// One count of the venue: sequences only grow in it.
#[derive(Debug, Default)]
struct Era {
    states: VecDeque<Known>,
    /// The newest states in full.
    contents: VecDeque<Whole>,
}

/// What is kept of a state.
#[derive(Clone, Copy, Debug)]
struct Known {
    sequence: u64,
    stamp_us: u64,
    /// Of the best [`SHALLOW_LEVELS`] and [`TRUTH_LEVELS`] levels a side.
    shallow: u64,
    deep: u64,
}

impl Known {
    fn key(&self, key: Key) -> u64 {
        match key {
            Key::Sequence => self.sequence,
            Key::Stamp => self.stamp_us,
        }
    }
}

impl Truth {
    pub(crate) fn new(market: Market, symbol: &Symbol, key: Key, history: usize, now_ms: u64) -> Self {
        let mut state = State {
            market,
            stamp_us: 0,
            price_scale: symbol.price_scale,
            qty_scale: symbol.qty_scale,
            key,
            history,
            eras: VecDeque::from([Era::default()]),
            bids: Vec::new(),
            asks: Vec::new(),
        };
        state.record(now_ms);
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of the state that a view shows: its sequence, or its `ts_event` in µs where the venue's messages carry no
    /// sequence of the book (see [`Key`]).
    #[must_use]
    pub fn key(&self, sequence: u64, ts_event_ns: u64) -> u64 {
        match self.state().key {
            Key::Sequence => sequence,
            Key::Stamp => ts_event_ns / 1_000,
        }
    }

    /// Are these the best 20 levels of each side (fewer only where the book has fewer) in the state of this
    /// [key](Self::key)? Mantissas are at the scales given, which need not be the market's.
    #[must_use]
    pub fn judge(&self, key: u64, price_scale: u8, qty_scale: u8, bids: &[Level], asks: &[Level]) -> Verdict {
        self.judge_to(TRUTH_LEVELS, key, price_scale, qty_scale, bids, asks)
    }

    /// As [`judge`](Self::judge), of a book that is cut to `depth` levels a side: the depth of its stream, which the
    /// client chose and so knows. The best 20 levels are compared, or the best 10 where the depth is less than 20.
    #[must_use]
    pub fn judge_to(
        &self,
        depth: usize,
        key: u64,
        price_scale: u8,
        qty_scale: u8,
        bids: &[Level],
        asks: &[Level],
    ) -> Verdict {
        let levels = if depth < TRUTH_LEVELS { SHALLOW_LEVELS } else { TRUTH_LEVELS };
        let state = self.state();
        let (bids, asks) = (first(bids, levels), first(asks, levels));
        let (Some(bids), Some(asks)) =
            (state.at_scales(price_scale, qty_scale, bids), state.at_scales(price_scale, qty_scale, asks))
        else {
            return Verdict::Differs;
        };
        let (shallow, deep) = hashes(&bids, &asks);
        state.find(
            key,
            |known| {
                if levels == TRUTH_LEVELS { deep == known.deep } else { shallow == known.shallow }
            },
        )
    }

    /// Is this the whole book in the state of this key? Known only while it is the newest.
    #[must_use]
    pub fn judge_whole(
        &self,
        key: u64,
        price_scale: u8,
        qty_scale: u8,
        bids: &[Level],
        asks: &[Level],
    ) -> Verdict {
        let state = self.state();
        if key != state.newest_key() {
            return Verdict::Unknown;
        }
        let scaled = |levels| state.at_scales(price_scale, qty_scale, levels);
        let equal = scaled(bids).is_some_and(|bids| bids == state.market.levels(Side::Bid))
            && scaled(asks).is_some_and(|asks| asks == state.market.levels(Side::Ask));
        if equal { Verdict::Equal } else { Verdict::Differs }
    }

    /// The best levels in the state of a key, at the market's scales, for a failing test's words; none once they are
    /// forgotten. The sequence in it is the key.
    #[must_use]
    pub fn levels_at(&self, key: u64) -> Option<Whole> {
        let state = self.state();
        let mut contents = state.eras.iter().rev().flat_map(|era| &era.contents);
        contents.find(|whole| whole.sequence == key).cloned()
    }

    /// The whole true book of this moment, at the market's scales. The sequence in it is its key.
    #[must_use]
    pub fn newest(&self) -> Whole {
        let state = self.state();
        Whole { sequence: state.newest_key(), ..state.market.whole() }
    }

    /// The key of this moment's state.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.state().newest_key()
    }

    /// The market's decimals: of prices and of quantities.
    #[must_use]
    pub fn scales(&self) -> (u8, u8) {
        let state = self.state();
        (state.price_scale, state.qty_scale)
    }
}

impl State {
    /// Remembers the book as it stands, with a stamp of its own if it has changed.
    pub(crate) fn record(&mut self, now_ms: u64) {
        let sequence = self.market.sequence();
        let Some(era) = self.eras.back_mut() else { return };
        if era.states.back().is_some_and(|last| last.sequence == sequence) {
            return;
        }
        self.stamp_us = (now_ms * 1_000).max(self.stamp_us + 1);
        if self.history == 0 {
            return;
        }
        self.market.best(Side::Bid, TRUTH_LEVELS, &mut self.bids);
        self.market.best(Side::Ask, TRUTH_LEVELS, &mut self.asks);
        let (shallow, deep) = hashes(&self.bids, &self.asks);
        let known = Known { sequence, stamp_us: self.stamp_us, shallow, deep };
        if era.states.len() >= self.history {
            era.states.pop_front();
        }
        era.states.push_back(known);
        // The oldest entry's memory serves the newest.
        let recycled = era.contents.len() >= CONTENTS_MAX.min(self.history);
        let mut whole = if recycled { era.contents.pop_front() } else { None }.unwrap_or_default();
        whole.sequence = known.key(self.key);
        whole.bids.clone_from(&self.bids);
        whole.asks.clone_from(&self.asks);
        era.contents.push_back(whole);
    }

    /// The stamp of the state recorded last, µs.
    pub(crate) fn stamp_us(&self) -> u64 {
        self.stamp_us
    }

    /// The venue counts anew.
    pub(crate) fn reset(&mut self) {
        self.market.reset_sequence();
        if self.eras.len() == ERAS_MAX {
            self.eras.pop_front();
        }
        self.eras.push_back(Era::default());
    }

    /// Sequence and stamp of a state some messages back, or of the oldest of this count that can be told whole.
    pub(crate) fn state_back(&self, messages: usize) -> (u64, u64) {
        let states = self.eras.back().map(|era| &era.states);
        let place = states.map_or(0, VecDeque::len).saturating_sub(1 + messages);
        let oldest = self.market.oldest();
        let mut known = states.into_iter().flatten().skip(place);
        let found = known.find(|known| known.sequence >= oldest);
        found.map_or((0, self.stamp_us), |known| (known.sequence, known.stamp_us))
    }

    /// The market's sequence in the state of a key.
    pub(crate) fn sequence_of(&self, key: u64) -> Option<u64> {
        let mut eras = self.eras.iter().rev();
        eras.find_map(|era| {
            let found = era.states.binary_search_by_key(&key, |known| known.key(self.key)).ok()?;
            era.states.get(found).map(|known| known.sequence)
        })
    }

    fn newest_key(&self) -> u64 {
        match self.key {
            Key::Sequence => self.market.sequence(),
            Key::Stamp => self.stamp_us,
        }
    }

    fn find(&self, key: u64, equal: impl Fn(&Known) -> bool) -> Verdict {
        let mut verdict = Verdict::Unknown;
        for era in self.eras.iter().rev() {
            let found = era.states.binary_search_by_key(&key, |known| known.key(self.key));
            match found.ok().and_then(|place| era.states.get(place)) {
                Some(known) if equal(known) => return Verdict::Equal,
                Some(_) => verdict = Verdict::Differs,
                None => {}
            }
        }
        verdict
    }

    /// The levels at the market's scales; `None` where one is not a multiple of the market's step.
    fn at_scales(&self, price_scale: u8, qty_scale: u8, levels: &[Level]) -> Option<Vec<Level>> {
        levels
            .iter()
            .map(|level| {
                let price = rescale(i128::from(level.price.0), price_scale, self.price_scale)?;
                let qty = rescale(i128::from(level.qty.0), qty_scale, self.qty_scale)?;
                Some(Level::new(i64::try_from(price).ok()?, u64::try_from(qty).ok()?))
            })
            .collect()
    }
}

fn first(levels: &[Level], count: usize) -> &[Level] {
    levels.get(..count).unwrap_or(levels)
}

/// The same number with other decimals, if it can be had exactly.
fn rescale(mantissa: i128, from: u8, to: u8) -> Option<i128> {
    let factor = 10_i128.checked_pow(u32::from(from.abs_diff(to)))?;
    if from <= to {
        mantissa.checked_mul(factor)
    } else {
        (mantissa % factor == 0).then_some(mantissa / factor)
    }
}

/// A mix of every price and quantity, in order, and of where the sides part: of the best [`SHALLOW_LEVELS`] a side, and of
/// all.
fn hashes(bids: &[Level], asks: &[Level]) -> (u64, u64) {
    let side = |levels: &[Level]| {
        let (mut hash, mut shallow) = (0_u64, None);
        for (place, level) in levels.iter().enumerate() {
            if place == SHALLOW_LEVELS {
                shallow = Some(hash);
            }
            for word in [level.price.0 as u64, level.qty.0] {
                hash = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                hash ^= hash >> 29;
            }
        }
        (shallow.unwrap_or(hash), hash)
    };
    let (bids, asks) = (side(bids), side(asks));
    let both = |bids: u64, asks: u64| bids.rotate_left(32).wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ asks;
    (both(bids.0, asks.0), both(bids.1, asks.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth_by(key: Key) -> Truth {
        let symbol = Symbol { name: String::new(), price_scale: 1, qty_scale: 3, mid: 10_000, levels: 50 };
        Truth::new(Market::new(1, symbol.mid, symbol.levels), &symbol, key, 8, 0)
    }

    fn truth() -> Truth {
        truth_by(Key::Sequence)
    }

    fn step(truth: &Truth) -> u64 {
        let mut state = truth.state();
        state.market.step();
        state.record(1_000);
        state.newest_key()
    }

    /// States that are found by their stamp: each has its own, also within a millisecond; a cut book is judged to ten
    /// levels, and only to those.
    #[test]
    fn states_are_found_by_stamp_and_to_a_depth() {
        let truth = truth_by(Key::Stamp);
        assert_eq!((truth.key(7, 1_000_000_999), truth_by(Key::Sequence).key(7, 9)), (1_000_000, 7));
        let (first, second) = (step(&truth), step(&truth));
        assert_eq!((first, second, truth.sequence()), (1_000_000, 1_000_001, second));
        let mut whole = truth.levels_at(first).unwrap();
        assert_eq!(truth.judge(first, 1, 3, &whole.bids, &whole.asks), Verdict::Equal);
        whole.bids.truncate(10);
        whole.asks.truncate(10);
        assert_eq!(truth.judge(first, 1, 3, &whole.bids, &whole.asks), Verdict::Differs);
        assert_eq!(truth.judge_to(10, first, 1, 3, &whole.bids, &whole.asks), Verdict::Equal);
        assert_eq!(truth.judge_to(10, first + 7, 1, 3, &whole.bids, &whole.asks), Verdict::Unknown);
        whole.asks[9].qty.0 += 1;
        assert_eq!(truth.judge_to(10, first, 1, 3, &whole.bids, &whole.asks), Verdict::Differs);
    }

    /// A view is equal at its own sequence only, at any scales that show it exactly, and not when a lot is off.
    #[test]
    fn views_are_judged_by_sequence_and_content() {
        let truth = truth();
        let sequence = step(&truth);
        let mut whole = truth.levels_at(sequence).unwrap();
        assert_eq!(truth.judge(sequence, 1, 3, &whole.bids, &whole.asks), Verdict::Equal);
        assert_eq!(truth.judge(sequence + 1_000, 1, 3, &whole.bids, &whole.asks), Verdict::Unknown);
        let finer = |levels: &[Level]| -> Vec<Level> {
            levels.iter().map(|level| Level::new(level.price.0 * 100, level.qty.0 * 10)).collect()
        };
        let (bids, asks) = (finer(&whole.bids), finer(&whole.asks));
        assert_eq!(truth.judge(sequence, 3, 4, &bids, &asks), Verdict::Equal);
        assert_eq!(truth.judge(sequence, 4, 4, &bids, &asks), Verdict::Differs);
        // A step may be behind the best 20 levels: go on until one is not.
        let mut next = step(&truth);
        while truth.levels_at(next).unwrap().bids == whole.bids {
            next = step(&truth);
        }
        assert_eq!(truth.judge(next, 1, 3, &whole.bids, &whole.asks), Verdict::Differs);
        whole.asks[7].qty.0 += 1;
        assert_eq!(truth.judge(sequence, 1, 3, &whole.bids, &whole.asks), Verdict::Differs);
    }

    /// History is bounded: what fell out is unknown. A reset begins a count of its own, and the old one stays known.
    #[test]
    fn history_is_bounded_and_survives_a_reset() {
        let truth = truth();
        let first = step(&truth);
        let old = truth.levels_at(first).unwrap();
        for _ in 0..7 {
            step(&truth);
        }
        assert_eq!(truth.judge(first, 1, 3, &old.bids, &old.asks), Verdict::Equal);
        let kept = step(&truth);
        assert_eq!(truth.judge(first, 1, 3, &old.bids, &old.asks), Verdict::Unknown);
        let before = truth.levels_at(kept).unwrap();
        truth.state().reset();
        assert!(step(&truth) < 10);
        assert_eq!(truth.judge(kept, 1, 3, &before.bids, &before.asks), Verdict::Equal);
    }

    /// The newest book is judged whole.
    #[test]
    fn the_newest_book_is_judged_whole() {
        let truth = truth();
        let mut whole = truth.newest();
        assert_eq!(truth.judge_whole(whole.sequence, 1, 3, &whole.bids, &whole.asks), Verdict::Equal);
        whole.bids.pop();
        assert_eq!(truth.judge_whole(whole.sequence, 1, 3, &whole.bids, &whole.asks), Verdict::Differs);
        assert_eq!(truth.judge_whole(whole.sequence + 1, 1, 3, &whole.bids, &whole.asks), Verdict::Unknown);
    }
}
