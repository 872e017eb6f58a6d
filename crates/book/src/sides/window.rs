//! Quantities in a ring indexed by tick, around the best; the levels beyond it in sorted pieces.
//!
//! ```text
//! key (best = largest)       low                                 top                 low + width·step
//!      far (sorted pieces) .. |  .  #  #  .  #  .  .  #  #  #  #  #  .  .  .  .  .  . |
//!                             |<----------------- ring of pages, 64 ticks each ------>|
//! ```
//!
//! **Invariants.** Every level at or above `low` is in the ring; every far level is below `low`; so the best is in
//! the ring unless the side is empty. `top` is the best's tick.
//!
//! **Work for an update inside the window** (no loop): tick by one multiplication and a rotation, whose result proves
//! range and step at once ([`Step`]), one quantity, one occupancy word. Best after a removal: leading zeros of an
//! occupancy word, at most one summary word further.
//!
//! **Why this layout.** 443,193 real updates of a perpetual's book that grows to 9,596 levels, in one run of the bench
//! `book` (AMD EPYC, 2 shared cores; compare within the table only):
//!
//! | layout | ns/update | of `BTreeMap` | best 100 levels only | top 10 of both, ns | heap bytes |
//! | --- | --- | --- | --- | --- | --- |
//! | `BTreeMap` | 47.4 | 1.00 | 40.9 | 23 | some 263,000 |
//! | sorted arrays | 47.9 | 1.01 | 22.7 | 6 | 256,000 |
//! | sorted pieces | 24.3 | 0.51 | 21.0 | 29 | 411,040 |
//! | window, 1,024 ticks | 12.5 | 0.26 | 11.2 | 34 | 424,952 |
//! | **window, 4,096 ticks** | **7.4** | **0.16** | **4.5** | 34 | 473,648 |
//! | window, 16,384 ticks | 5.2 | 0.11 | 4.5 | 34 | 670,304 |
//! | window, 65,536 ticks | 4.8 | 0.10 | 4.5 | 34 | 1,468,512 |
//!
//! (In the bytes of the last five, 407,000 are reserved by the bench for 8,192 far levels a side.) 4,096 ticks take
//! most of the gain and leave an idle book at 67 KB; beyond 16,384 only memory grows. Copying the best ten is where
//! sorted arrays win.
//!
//! **Sliding.** A best above the ring slides it up, so that the best stands at 7/8; a best that falls below the
//! middle slides it down. What falls out goes to the far part, what comes in is taken from it: the cost is that of
//! the levels moved, and between two slides the best has moved by at least an eighth of the width.
//!
//! **Memory** with 4,096 ticks: 64 pages of 512 bytes, 64 occupancy words and a summary word: 33,288 bytes a side,
//! 66,576 for both, and nothing for the far part until a level falls there.
//!
//! **Growth.** A window that updates keep missing becomes wider: see `growth.rs`.
//!
//! **The step** is the instrument's tick, or learned: the first two levels give it, and a level between two ticks
//! makes it smaller (their greatest common divisor), which loads the side anew; that happens at most 40 times, as a
//! step at least halves each time. Levels of the far part need no step.

use touchline_market::{Level, Price, Qty, Side};

use super::ring::{PAGE, Ring};
use super::step::{STEP_MAX, Step};
use super::{Chunked, Key, Ladder};

mod cut;
mod growth;

/// Smallest and largest window, in ticks.
const TICKS: std::ops::RangeInclusive<usize> = 256..=1 << 20;

/// One side: a window of ticks around the best, and a far part.
#[derive(Clone, Debug)]
pub struct Window {
    /// Key of the ring's lowest tick.
    low: u64,
    step: Step,
    /// Ticks of the ring.
    width: u64,
    /// The best's tick, counted from `low`; 0 while the side is empty.
    top: u64,
    ring: Ring,
    /// Levels in the ring.
    near: usize,
    /// Keys from here up are counted in `proven`.
    bound: u64,
    proven: usize,
    /// No two levels were seen yet that could tell the step.
    learning: bool,
    far: Chunked,
    /// The window may grow to this many ticks.
    width_max: u64,
    /// Updates below the window that a grown one would have held.
    misses: u32,
}

impl Window {
    /// An empty side with a ring of `ticks` ticks (made a power of two, 256 to 2^20) of `tick` each (`None`: learned
    /// from the levels), and room for `reserve` levels in its far part.
    #[must_use]
    pub fn new(ticks: usize, tick: Option<Price>, reserve: usize) -> Self {
        let ring = Ring::new(ticks.clamp(*TICKS.start(), *TICKS.end()).next_power_of_two());
        let mut window = Self {
            low: 0,
            step: Step::new(STEP_MAX),
            width: ring.width(),
            top: 0,
            ring,
            near: 0,
            bound: u64::MAX,
            proven: 0,
            learning: true,
            far: Chunked::with_capacity(reserve),
            width_max: 0,
            misses: 0,
        };
        window.set_tick(tick);
        window
    }

    /// Takes another step for an empty side: `None` to learn it from the levels.
    pub fn set_tick(&mut self, tick: Option<Price>) {
        debug_assert!(self.is_empty());
        let tick = tick.map(|tick| tick.0.unsigned_abs()).filter(|&tick| tick > 0);
        self.learning = tick.is_none();
        self.step = Step::new(tick.unwrap_or(STEP_MAX));
    }

    /// The price step in use, in units of the price's last digit; `None` while it is not known.
    #[must_use]
    pub fn tick(&self) -> Option<Price> {
        if self.learning { None } else { i64::try_from(self.step.size()).ok().map(Price) }
    }

    /// From now on, counts the levels at or above `bound` ([`proven`](Self::proven)).
    pub fn prove_to(&mut self, bound: Key) {
        self.bound = bound.0;
        self.proven = self.iter().take_while(|&(key, _)| key >= bound).count();
    }

    /// How many levels are at or above the bound.
    #[inline]
    #[must_use]
    pub fn proven(&self) -> usize {
        self.proven
    }

    /// The key from which on levels are counted.
    #[must_use]
    pub fn bound(&self) -> Key {
        Key(self.bound)
    }

    /// Every level, the best first; the iterator can be cloned.
    #[inline]
    pub fn levels(&self) -> impl Iterator<Item = (Key, Qty)> + Clone {
        let number = self.top / PAGE;
        let bits = self.ring.ticks(number).1;
        Near { window: self, number, bits, left: self.near }.chain(self.far.levels())
    }

    /// Writes the best levels of `side` into slots of the caller's making, best first; tells how many there were.
    ///
    /// The walk over the ring takes one page after the other: inside a page the next level costs a count of leading
    /// zeros and two stores.
    #[inline]
    pub fn top_with<T>(&self, side: Side, slots: &mut [T], write: impl Fn(&mut T, Level)) -> usize {
        let (room, step) = (slots.len(), self.step.size());
        let mut left = self.near.min(room);
        let (near, mut number) = (left, self.top / PAGE);
        let mut free = slots.iter_mut();
        while left > 0 {
            let (quantities, mut bits) = self.ring.ticks(number);
            let base = self.low + number * PAGE * step;
            while bits != 0 {
                let Some(slot) = free.next() else { return room };
                let bit = 63 - (bits.leading_zeros() & 63);
                bits ^= 1 << bit;
                let price = Key(base + u64::from(bit) * step).price(side);
                let qty = quantities.get(bit as usize).copied().unwrap_or_default();
                write(slot, Level { price, qty: Qty(qty) });
                left -= 1;
            }
            let below = number.checked_sub(1).and_then(|below| self.ring.occupied_at_or_below(below));
            let Some(below) = below else { break };
            number = below;
        }
        if near == room || self.far.is_empty() {
            return near;
        }
        let far = free.zip(self.far.levels());
        near + far.map(|(slot, (key, qty))| write(slot, Level { price: key.price(side), qty })).count()
    }

    /// How many levels are outside the ring.
    #[must_use]
    pub fn far(&self) -> usize {
        self.far.len()
    }

    /// Counts a level that came or went.
    #[inline]
    fn count(&mut self, key: Key, known: bool, present: bool) {
        let inside = usize::from(key.0 >= self.bound);
        self.proven =
            (self.proven + (usize::from(present) & inside)).wrapping_sub(usize::from(known) & inside);
    }

    /// Writes a tick of the ring; tells whether it was occupied.
    #[inline]
    fn put(&mut self, tick: u64, qty: u64) -> bool {
        let known = self.ring.put(tick, qty) != 0;
        self.near = (self.near + usize::from(qty != 0)).wrapping_sub(usize::from(known));
        known
    }

    #[inline]
    fn key_of(&self, tick: u64) -> Key {
        Key(self.low + tick * self.step.size())
    }

    /// The best was removed: finds the next one.
    #[inline(never)]
    fn lower(&mut self) {
        if self.near == 0 {
            return self.recentre();
        }
        self.top = self.ring.highest(self.top / PAGE).unwrap_or_default();
        debug_assert_ne!(self.ring.get(self.top), 0);
        if self.top < self.width / 2 {
            self.slide_down();
        }
    }

    /// An update outside the window, or between two ticks, or on an empty side.
    #[inline(never)]
    fn set_outside(&mut self, key: Key, qty: Qty) -> bool {
        if key.0 >= self.low || self.near == 0 {
            if qty.0 == 0 {
                // No level can be there: above the ring and between its ticks there is none.
                return false;
            }
            self.make_room(key);
        }
        let known = if key.0 < self.low {
            let known = self.far.set(key, qty);
            self.miss(key);
            known
        } else {
            let tick = self.step.ticks(key.0 - self.low);
            self.top = self.top.max(tick);
            self.put(tick, qty.0)
        };
        self.count(key, known, qty.0 != 0);
        known
    }

    /// Where the best stands after a slide, in ticks.
    #[inline]
    fn rest(&self) -> u64 {
        self.width / 8 * 7
    }

    /// Puts the empty ring where `key` is its best.
    fn place(&mut self, key: Key) {
        debug_assert_eq!(self.near, 0);
        let below = self.rest().min(key.0 / self.step.size());
        self.low = key.0 - below * self.step.size();
        self.top = 0;
    }

    /// Makes `key` (not below `low`, or the side is empty) a tick of the ring, or a key below it if the step shrank.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, key: Key) {
        if self.near == 0 {
            return self.place(key);
        }
        let best = self.key_of(self.top);
        let distance = key.0.abs_diff(best.0);
        if self.learning || !distance.is_multiple_of(self.step.size()) {
            let step = if self.learning { Step::new(distance) } else { self.step.with(distance) };
            self.reload(step);
        }
        if key > best {
            self.slide_up(key);
        }
    }

    /// Slides the ring up until `key`, above the best and on a tick, is inside.
    fn slide_up(&mut self, key: Key) {
        let tick = (key.0 - self.low) / self.step.size();
        if tick < self.width {
            return;
        }
        let pages = (tick - self.rest()).div_ceil(PAGE);
        let (low, step) = (self.low, self.step.size());
        for number in 0..pages.min(self.width / PAGE) {
            let (near, far) = (&mut self.near, &mut self.far);
            self.ring.vacate(number, |tick, qty| {
                far.push(Key(low + tick * step), qty);
                *near -= 1;
            });
        }
        self.ring.turn_up(pages);
        self.low += pages * PAGE * step;
        self.top = self.top.saturating_sub(pages * PAGE);
    }

    /// Slides the ring down, so that the best stands at its rest again, and takes the far levels now inside.
    #[cold]
    #[inline(never)]
    fn slide_down(&mut self) {
        let page_size = PAGE * self.step.size();
        let pages = ((self.rest() - self.top) / PAGE).min(self.low / page_size);
        self.ring.turn_down(pages);
        self.low -= pages * page_size;
        self.top += pages * PAGE;
        self.take_far();
    }

    /// The ring is empty: puts it at the best far level, if there is one.
    #[cold]
    #[inline(never)]
    fn recentre(&mut self) {
        self.top = 0;
        if let Some((key, _)) = self.far.best() {
            self.place(key);
            self.top = (key.0 - self.low) / self.step.size();
            self.take_far();
        }
    }

    /// Takes the far levels at or above `low` into the ring.
    fn take_far(&mut self) {
        while let Some((key, qty)) = self.far.best().filter(|(key, _)| key.0 >= self.low) {
            let tick = self.step.ticks(key.0 - self.low);
            if tick >= self.width {
                let step = self.step.with(key.0 - self.low);
                return self.reload(step);
            }
            self.put(tick, qty.0);
            self.far.pop();
        }
    }

    /// Loads the side anew with another step.
    #[cold]
    #[inline(never)]
    fn reload(&mut self, step: Step) {
        let levels: Vec<(Key, Qty)> = self.iter().collect();
        self.learning = false;
        self.step = step;
        self.fill(levels.iter().copied());
    }

    /// Replaces all levels; the step becomes smaller if a level near the best does not fit it.
    fn fill(&mut self, best_first: impl Iterator<Item = (Key, Qty)> + Clone) {
        while let Err(step) = self.try_fill(best_first.clone()) {
            self.step = step;
        }
    }

    fn try_fill(&mut self, best_first: impl Iterator<Item = (Key, Qty)>) -> Result<(), Step> {
        self.empty();
        let mut levels = best_first.peekable();
        let Some(&(best, _)) = levels.peek() else { return Ok(()) };
        self.place(best);
        self.top = (best.0 - self.low) / self.step.size();
        while let Some((key, qty)) = levels.next_if(|(key, _)| key.0 >= self.low) {
            let tick = self.step.ticks(key.0 - self.low);
            if tick >= self.width {
                return Err(self.step.with(best.0 - key.0));
            }
            self.put(tick, qty.0);
        }
        self.far.load_falling(levels);
        Ok(())
    }

    /// Removes every level but leaves the count of proven ones alone.
    fn empty(&mut self) {
        if self.near > 0 {
            self.ring.clear();
        }
        self.near = 0;
        self.top = 0;
        self.far.clear();
    }
}

impl Ladder for Window {
    #[inline]
    fn set(&mut self, key: Key, qty: Qty) -> bool {
        let tick = self.step.ticks(key.0.wrapping_sub(self.low));
        // The second test matters for a ring that reaches beyond the largest key only.
        if tick >= self.width || key.0 < self.low {
            return self.set_outside(key, qty);
        }
        let known = self.put(tick, qty.0);
        let present = qty.0 != 0;
        self.count(key, known, present);
        if tick >= self.top {
            if present {
                self.top = tick;
            } else if tick == self.top {
                self.lower();
            }
        }
        known
    }

    fn get(&self, key: Key) -> Option<Qty> {
        if key.0 < self.low {
            return self.far.get(key);
        }
        let tick = self.step.ticks(key.0 - self.low);
        let qty = if tick < self.width { self.ring.get(tick) } else { 0 };
        if qty == 0 { None } else { Some(Qty(qty)) }
    }

    #[inline]
    fn best(&self) -> Option<(Key, Qty)> {
        let qty = self.ring.get(self.top);
        if qty == 0 { None } else { Some((self.key_of(self.top), Qty(qty))) }
    }

    #[inline]
    fn iter(&self) -> impl Iterator<Item = (Key, Qty)> {
        self.levels()
    }

    #[inline]
    fn top(&self, side: Side, levels: &mut [Level]) -> usize {
        self.top_with(side, levels, |slot, level| *slot = level)
    }

    #[inline]
    fn len(&self) -> usize {
        self.near + self.far.len()
    }

    fn clear(&mut self) {
        self.empty();
        self.proven = 0;
        self.bound = u64::MAX;
    }

    fn load(&mut self, best_first: impl Iterator<Item = (Key, Qty)> + Clone) {
        let mut first = best_first.clone().map(|(key, _)| key.0);
        if let (true, Some(best), Some(second)) = (self.learning, first.next(), first.next()) {
            self.learning = false;
            self.step = Step::new(best - second);
        }
        self.fill(best_first);
        self.proven = 0;
        self.bound = u64::MAX;
    }

    fn heap_bytes(&self) -> usize {
        self.ring.heap_bytes() + self.far.heap_bytes()
    }
}

/// The ring's levels, the best first.
#[derive(Clone)]
struct Near<'a> {
    window: &'a Window,
    /// Which 64 ticks, counted from the ring's lowest.
    number: u64,
    /// Their occupied ticks not yet given.
    bits: u64,
    left: usize,
}

impl Iterator for Near<'_> {
    type Item = (Key, Qty);

    #[inline]
    fn next(&mut self) -> Option<(Key, Qty)> {
        self.left = self.left.checked_sub(1)?;
        while self.bits == 0 {
            self.number = self.window.ring.occupied_at_or_below(self.number.checked_sub(1)?)?;
            self.bits = self.window.ring.ticks(self.number).1;
        }
        let bit = 63 - u64::from(self.bits.leading_zeros());
        self.bits ^= 1 << bit;
        let tick = self.number * PAGE + bit;
        Some((self.window.key_of(tick), Qty(self.window.ring.get(tick))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
