//! A book: two sides and the scales of their numbers.
//!
//! A message is checked whole before the first level changes: its body is all there, the sides stay within their
//! limit, every number fits the book's scales. In the expected case that check is five compares; the rest of the
//! work is one [`Window`] update for each level.
//!
//! Scales only ever become finer: a message with more decimals than the book multiplies every mantissa of the book, a
//! message with fewer is multiplied on its way in. No number changes its value by that.

use touchline_market::{
    Bug, Flags, Head, Level, Levels, Price, Record, SCALE_MAX, Side, planted, rescale_price,
};

use crate::BookError;
use crate::scale::Scales;
use crate::sides::{Key, Ladder, Window};
use crate::snapshot::{Survey, sort};

/// How a book is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BookConfig {
    /// Ticks of the window on each side, made a power of two from 256 to 2^20. Each takes 8 bytes a side.
    pub window_ticks: usize,
    /// Ticks to which a side's window may grow where updates keep missing it.
    pub window_ticks_max: usize,
    /// Most levels of a side; a message that might exceed it is rejected.
    pub levels_max: usize,
    /// Levels of a side outside the window for which memory is taken at start; more is taken when needed.
    pub reserve: usize,
    /// Smallest price step at `price_scale`; `None`: learned from the levels.
    pub tick: Option<Price>,
    /// Decimals of prices at first, at most 18.
    pub price_scale: u8,
    /// Decimals of quantities at first, at most 18.
    pub qty_scale: u8,
}

impl Default for BookConfig {
    /// The default window of 4,096 ticks makes an idle book 67 KB.
    fn default() -> Self {
        Self {
            window_ticks: 4_096,
            window_ticks_max: 16_384,
            levels_max: 65_536,
            reserve: 0,
            tick: None,
            price_scale: 0,
            qty_scale: 0,
        }
    }
}

/// Both sides of an instrument's market.
#[derive(Clone, Debug)]
pub struct Book {
    bids: Window,
    asks: Window,
    scales: Scales,
    levels_max: usize,
    /// The levels began with a snapshot, so that a depth is proven.
    proven: bool,
    /// Room to sort the levels of snapshots that are not sent best first: bids, asks.
    unsorted: (Vec<Level>, Vec<Level>),
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new(config: &BookConfig) -> Self {
        let side = || {
            Window::new(config.window_ticks, config.tick, config.reserve).growing_to(config.window_ticks_max)
        };
        let (price, qty) = (config.price_scale.min(SCALE_MAX), config.qty_scale.min(SCALE_MAX));
        Self {
            bids: side(),
            asks: side(),
            scales: Scales { price, qty },
            levels_max: config.levels_max,
            proven: false,
            unsorted: (Vec::new(), Vec::new()),
        }
    }

    /// Applies a delta's levels: absolute quantities, zero removes. Tells how many removals named a level that was
    /// not there, which is normal at most venues.
    ///
    /// The body's `size_hint` should be exact, as a slice's is: a lower one costs a second pass over the levels.
    ///
    /// # Errors
    /// Any of [`BookError`]; the book is then unchanged.
    #[inline]
    pub fn apply_delta<'a, I>(&mut self, head: &Head, body: I) -> Result<u32, BookError>
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let expected = head.price_scale == self.scales.price
            && head.qty_scale == self.scales.qty
            && body.size_hint().0 >= head.body_records()
            && self.bids.len() + usize::from(head.bids) <= self.levels_max
            && self.asks.len() + usize::from(head.asks) <= self.levels_max;
        if expected { Ok(self.apply_records(head, body)) } else { self.apply_unusual(head, body) }
    }

    /// Replaces all levels by the snapshot's. They may stand in any order; a quantity of zero means no level.
    ///
    /// # Errors
    /// Any of [`BookError`]; the book is then unchanged.
    pub fn load_snapshot<'a, I>(&mut self, head: &Head, body: I) -> Result<(), BookError>
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        if planted(Bug::SnapshotMerged) {
            return self.apply_delta(head, body).map(|_| ());
        }
        check_body(head, &body)?;
        let from = Scales::of(head)?;
        let to = from.finer(self.scales);
        let levels = Levels::new(head, body).filter(|(_, level)| level.qty.0 != 0);
        from.check(to, levels.clone().map(|(_, level)| level))?;
        let side = |side| {
            levels.clone().filter(move |&(of, _)| of == side).map(move |(_, level)| from.convert(to, level))
        };
        let (bids, asks) = (Survey::of(Side::Bid, side(Side::Bid)), Survey::of(Side::Ask, side(Side::Ask)));
        self.check_limit(bids.count.max(asks.count))?;
        for (of, survey, scratch) in
            [(Side::Bid, bids, &mut self.unsorted.0), (Side::Ask, asks, &mut self.unsorted.1)]
        {
            scratch.clear();
            if !survey.in_order {
                scratch.extend(side(of));
                sort(of, scratch)?;
            }
        }
        // Nothing can fail from here on.
        self.clear();
        self.set_scales(to);
        self.proven = true;
        let windows = [
            (Side::Bid, bids, &mut self.bids, &self.unsorted.0),
            (Side::Ask, asks, &mut self.asks, &self.unsorted.1),
        ];
        for (of, survey, window, scratch) in windows {
            let keyed = move |level: Level| (Key::new(of, level.price), level.qty);
            if survey.in_order {
                window.load(side(of).map(keyed));
            } else {
                window.load(scratch.iter().copied().map(keyed));
            }
            window.prove_to(survey.worst);
        }
        Ok(())
    }

    /// Drops the levels of both sides beyond the `count` best, as a venue does that keeps no more: it names every
    /// level that enters its best ones, so all that are left are proven. Does nothing if `count` is 0.
    pub fn cut(&mut self, count: usize) {
        if count > 0 {
            self.bids.cut(count);
            self.asks.cut(count);
        }
    }

    /// Removes every level. Scales and memory stay.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.proven = false;
    }

    /// The best level of a side.
    #[inline]
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        self.side(side).best().map(|(key, qty)| Level { price: key.price(side), qty })
    }

    /// Copies the best levels of a side, best first; tells how many there were, at most `levels.len()`.
    #[inline]
    pub fn top(&self, side: Side, levels: &mut [Level]) -> usize {
        self.side(side).top(side, levels)
    }

    /// As [`top`](Self::top), into slots of the caller's making.
    #[inline]
    pub fn top_with<T>(&self, side: Side, slots: &mut [T], write: impl Fn(&mut T, Level)) -> usize {
        self.side(side).top_with(side, slots, write)
    }

    /// Every level of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + Clone {
        self.side(side).levels().map(move |(key, qty)| Level { price: key.price(side), qty })
    }

    /// How many levels a side has.
    #[inline]
    #[must_use]
    pub fn len(&self, side: Side) -> usize {
        self.side(side).len()
    }

    /// Has neither side a level?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    /// How many levels of a side are known to be all there are: those from the best to the worst price of the last
    /// snapshot. Beyond it a level is known only once it changed. In a book that is [cut](Self::cut) all levels are.
    /// 0 for a book that never had a snapshot.
    #[inline]
    #[must_use]
    pub fn proven(&self, side: Side) -> usize {
        if self.proven { self.side(side).proven() } else { 0 }
    }

    /// Best bid above best ask: the book cannot be right, unless the venue's rules allow it.
    #[inline]
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        self.spread_is(|bid, ask| bid > ask)
    }

    /// Best bid equal to best ask.
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.spread_is(|bid, ask| bid == ask)
    }

    /// Decimals of the book's prices.
    #[inline]
    #[must_use]
    pub fn price_scale(&self) -> u8 {
        self.scales.price
    }

    /// Decimals of the book's quantities.
    #[inline]
    #[must_use]
    pub fn qty_scale(&self) -> u8 {
        self.scales.qty
    }

    /// Bytes the book takes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let unsorted = self.unsorted.0.capacity() + self.unsorted.1.capacity();
        self.bids.heap_bytes() + self.asks.heap_bytes() + unsorted * size_of::<Level>()
    }

    #[inline]
    fn side(&self, side: Side) -> &Window {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    #[inline]
    fn spread_is(&self, test: impl Fn(Price, Price) -> bool) -> bool {
        match (self.best(Side::Bid), self.best(Side::Ask)) {
            (Some(bid), Some(ask)) => test(bid.price, ask.price),
            _ => false,
        }
    }

    /// Sets the levels of records that were checked; tells how many removals met no level. What
    /// [`apply`](Self::apply) does, without asking each level for its side: but for the one record in which one side
    /// ends and the other begins, a record is of one side.
    #[inline]
    fn apply_records<'a>(&mut self, head: &Head, records: impl Iterator<Item = &'a Record>) -> u32 {
        let (bids, asks) = (usize::from(head.bids), usize::from(head.asks));
        let (mut first, mut second) = ((&mut self.bids, Side::Bid, bids), (&mut self.asks, Side::Ask, asks));
        if head.flags.has(Flags::ASKS_FIRST) {
            (first, second) = (second, first);
        }
        second.2 -= usize::from(planted(Bug::LastLevelLeftOut) && second.2 > 0);
        let mut unknown = 0;
        for record in records {
            let [a, b, c, d, e, f, _] = record.0;
            let levels = [(a, b), (c, d), (e, f)].map(|(price, qty)| Level::new(price.cast_signed(), qty));
            let side = if first.2 > 0 { &mut first } else { &mut second };
            if side.2 >= levels.len() {
                side.2 -= levels.len();
                for level in levels {
                    unknown += set(side.0, side.1, level);
                }
                continue;
            }
            for level in levels {
                let side = if first.2 > 0 { &mut first } else { &mut second };
                let Some(left) = side.2.checked_sub(1) else { break };
                side.2 = left;
                unknown += set(side.0, side.1, level);
            }
        }
        unknown
    }

    /// Sets levels that were checked; tells how many removals met no level.
    #[inline]
    fn apply(&mut self, head: &Head, levels: impl Iterator<Item = (Side, Level)>) -> u32 {
        let mut levels = levels.map(|(_, level)| level);
        let (bids, asks) = (usize::from(head.bids), usize::from(head.asks));
        // One side after the other: what a side needs of its fields stays in registers.
        if head.flags.has(Flags::ASKS_FIRST) {
            set_all(&mut self.asks, Side::Ask, levels.by_ref().take(asks))
                + set_all(&mut self.bids, Side::Bid, levels.take(bids))
        } else {
            set_all(&mut self.bids, Side::Bid, levels.by_ref().take(bids))
                + set_all(&mut self.asks, Side::Ask, levels.take(asks))
        }
    }

    /// Applies a delta whose scales are not the book's, or which is near a limit, or too short.
    #[cold]
    #[inline(never)]
    fn apply_unusual<'a, I>(&mut self, head: &Head, body: I) -> Result<u32, BookError>
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        check_body(head, &body)?;
        let from = Scales::of(head)?;
        if head.levels() == 0 {
            return Ok(0);
        }
        let to = from.finer(self.scales);
        let levels = Levels::new(head, body);
        from.check(to, levels.clone().map(|(_, level)| level))?;
        let own = self.levels(Side::Bid).chain(self.levels(Side::Ask));
        self.scales.check(to, own)?;
        let levels = levels.map(|(side, level)| (side, from.convert(to, level)));
        for side in [Side::Bid, Side::Ask] {
            // Prices of another scale than the book's are all counted as new: near the limit that is safe.
            let same_scale = self.scales.price == to.price;
            let new = levels.clone().filter(|&(of, level)| {
                let known = same_scale && self.side(of).get(Key::new(of, level.price)).is_some();
                of == side && level.qty.0 != 0 && !known
            });
            self.check_limit(self.len(side) + new.count())?;
        }
        if to != self.scales {
            self.rescale(to);
        }
        Ok(self.apply(head, levels))
    }

    /// Brings every level to finer scales, which was checked to be possible.
    fn rescale(&mut self, to: Scales) {
        let from = self.scales;
        let price = |price: Price| {
            let saturated = if price.0 < 0 { Price(i64::MIN) } else { Price(i64::MAX) };
            rescale_price(price, from.price, to.price).unwrap_or(saturated)
        };
        for side in [Side::Bid, Side::Ask] {
            let levels: Vec<_> = self.levels(side).map(|level| from.convert(to, level)).collect();
            let bound = price(self.side(side).bound().price(side));
            let window = match side {
                Side::Bid => &mut self.bids,
                Side::Ask => &mut self.asks,
            };
            let tick = window.tick().and_then(|tick| rescale_price(tick, from.price, to.price).ok());
            window.clear();
            window.set_tick(tick);
            window.load(levels.iter().map(|level| (Key::new(side, level.price), level.qty)));
            window.prove_to(Key::new(side, bound));
        }
        self.scales = to;
    }

    /// Takes finer scales for an empty book.
    fn set_scales(&mut self, to: Scales) {
        if to != self.scales {
            self.rescale(to);
        }
    }

    fn check_limit(&self, levels: usize) -> Result<(), BookError> {
        if levels <= self.levels_max {
            return Ok(());
        }
        let number = |levels: usize| u32::try_from(levels).unwrap_or(u32::MAX);
        Err(BookError::TooManyLevels { levels: number(levels), limit: number(self.levels_max) })
    }
}

/// Sets levels of one side; tells how many removals met no level.
fn set_all(window: &mut Window, side: Side, levels: impl Iterator<Item = Level>) -> u32 {
    levels.map(|level| set(window, side, level)).sum()
}

/// Sets one level; 1 if it was a removal that met no level.
#[inline(always)]
fn set(window: &mut Window, side: Side, level: Level) -> u32 {
    if planted(Bug::RemovalUnheard) && level.qty.0 == 0 {
        return 0;
    }
    let known = window.set(Key::new(side, level.price), level.qty);
    u32::from(!known & (level.qty.0 == 0))
}

/// Is the body all there?
pub(crate) fn check_body<'a>(
    head: &Head,
    body: &(impl Iterator<Item = &'a Record> + Clone),
) -> Result<(), BookError> {
    let expected = head.body_records();
    let found = body.clone().take(expected).count();
    if found == expected {
        return Ok(());
    }
    Err(BookError::Short { expected: expected as u32, found: found as u32 })
}
