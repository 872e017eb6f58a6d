//! What the true book was at each sequence, so that every published view can be judged.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use touchline_market::{Level, Side};

use crate::market::{Market, Whole};

/// Levels a side that the history knows.
pub const TRUTH_LEVELS: usize = 20;

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
    /// The sequence is not known: too old, or never the end of a message.
    Unknown,
}

/// One symbol's true book and its past. Clones look at the same book; it may be asked from any thread.
#[derive(Clone, Debug)]
pub struct Truth(Arc<Mutex<State>>);

/// The book with its past.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) market: Market,
    price_scale: u8,
    qty_scale: u8,
    history: usize,
    /// Newest last.
    eras: VecDeque<Era>,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

/// One count of the venue: sequences only grow in it.
#[derive(Debug, Default)]
struct Era {
    /// Sequence and hash.
    hashes: VecDeque<(u64, u64)>,
    /// The newest states in full.
    contents: VecDeque<Whole>,
}

impl Truth {
    pub(crate) fn new(market: Market, price_scale: u8, qty_scale: u8, history: usize) -> Self {
        let mut state = State {
            market,
            price_scale,
            qty_scale,
            history,
            eras: VecDeque::from([Era::default()]),
            bids: Vec::new(),
            asks: Vec::new(),
        };
        state.record();
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Are these the best 20 levels of each side (fewer only where the book has fewer) at this sequence? Mantissas are
    /// at the scales given, which need not be the market's.
    #[must_use]
    pub fn judge(
        &self,
        sequence: u64,
        price_scale: u8,
        qty_scale: u8,
        bids: &[Level],
        asks: &[Level],
    ) -> Verdict {
        let state = self.state();
        let (bids, asks) = (first(bids), first(asks));
        let (Some(bids), Some(asks)) =
            (state.at_scales(price_scale, qty_scale, bids), state.at_scales(price_scale, qty_scale, asks))
        else {
            return Verdict::Differs;
        };
        state.find(sequence, hash(&bids, &asks))
    }

    /// Is this the whole book at this sequence? Known only while the sequence is the newest.
    #[must_use]
    pub fn judge_whole(
        &self,
        sequence: u64,
        price_scale: u8,
        qty_scale: u8,
        bids: &[Level],
        asks: &[Level],
    ) -> Verdict {
        let state = self.state();
        if sequence != state.market.sequence() {
            return Verdict::Unknown;
        }
        let scaled = |levels| state.at_scales(price_scale, qty_scale, levels);
        let equal = scaled(bids).is_some_and(|bids| bids == state.market.levels(Side::Bid))
            && scaled(asks).is_some_and(|asks| asks == state.market.levels(Side::Ask));
        if equal { Verdict::Equal } else { Verdict::Differs }
    }

    /// The best levels at a sequence, at the market's scales, for a failing test's words; none once they are forgotten.
    #[must_use]
    pub fn levels_at(&self, sequence: u64) -> Option<Whole> {
        let state = self.state();
        let mut contents = state.eras.iter().rev().flat_map(|era| &era.contents);
        contents.find(|whole| whole.sequence == sequence).cloned()
    }

    /// The whole true book of this moment, at the market's scales.
    #[must_use]
    pub fn newest(&self) -> Whole {
        self.state().market.whole()
    }

    /// The sequence of this moment.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.state().market.sequence()
    }

    /// The market's decimals: of prices and of quantities.
    #[must_use]
    pub fn scales(&self) -> (u8, u8) {
        let state = self.state();
        (state.price_scale, state.qty_scale)
    }
}

impl State {
    /// Remembers the book as it stands.
    pub(crate) fn record(&mut self) {
        if self.history == 0 {
            return;
        }
        let sequence = self.market.sequence();
        self.market.best(Side::Bid, TRUTH_LEVELS, &mut self.bids);
        self.market.best(Side::Ask, TRUTH_LEVELS, &mut self.asks);
        let hash = hash(&self.bids, &self.asks);
        let Some(era) = self.eras.back_mut() else { return };
        if era.hashes.back().is_some_and(|(last, _)| *last == sequence) {
            return;
        }
        if era.hashes.len() >= self.history {
            era.hashes.pop_front();
        }
        era.hashes.push_back((sequence, hash));
        // The oldest entry's memory serves the newest.
        let recycled = era.contents.len() >= CONTENTS_MAX.min(self.history);
        let mut whole = if recycled { era.contents.pop_front() } else { None }.unwrap_or_default();
        whole.sequence = sequence;
        whole.bids.clone_from(&self.bids);
        whole.asks.clone_from(&self.asks);
        era.contents.push_back(whole);
    }

    /// The venue counts anew.
    pub(crate) fn reset(&mut self) {
        self.market.reset_sequence();
        if self.eras.len() == ERAS_MAX {
            self.eras.pop_front();
        }
        self.eras.push_back(Era::default());
    }

    /// A recorded sequence some messages back, or the oldest of this count.
    pub(crate) fn sequence_back(&self, messages: usize) -> u64 {
        let hashes = self.eras.back().map(|era| &era.hashes);
        let place = hashes.map_or(0, VecDeque::len).saturating_sub(1 + messages);
        hashes.and_then(|hashes| hashes.get(place)).map_or(0, |(sequence, _)| *sequence)
    }

    fn find(&self, sequence: u64, hash: u64) -> Verdict {
        let mut verdict = Verdict::Unknown;
        for era in self.eras.iter().rev() {
            let found = era.hashes.binary_search_by_key(&sequence, |(sequence, _)| *sequence);
            match found.ok().and_then(|place| era.hashes.get(place)) {
                Some((_, known)) if *known == hash => return Verdict::Equal,
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

fn first(levels: &[Level]) -> &[Level] {
    levels.get(..TRUTH_LEVELS).unwrap_or(levels)
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

/// A mix of every price and quantity, in order, and of where the sides part.
fn hash(bids: &[Level], asks: &[Level]) -> u64 {
    let mut hash = bids.len() as u64;
    for level in bids.iter().chain(asks) {
        for word in [level.price.0 as u64, level.qty.0] {
            hash = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            hash ^= hash >> 29;
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth() -> Truth {
        Truth::new(Market::new(1, 10_000, 50), 1, 3, 8)
    }

    fn step(truth: &Truth) -> u64 {
        let mut state = truth.state();
        state.market.step();
        state.record();
        state.market.sequence()
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
