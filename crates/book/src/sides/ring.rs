//! A ring of quantities by tick, with occupancy bits.
//!
//! Ticks are counted from the ring's lowest, which wanders round the memory as the ring is turned; a page of 64 ticks
//! is the unit of turning, so that a page's ticks and its occupancy word never wrap.
//!
//! The summary has one bit for each page. It is written only when a page becomes empty or is no longer empty, which
//! is rare; that keeps every update from waiting for the last one's store to the same word.

use touchline_market::Qty;

/// Ticks in a page, one for each bit of an occupancy word.
pub(super) const PAGE: u64 = 64;

type Page = [u64; PAGE as usize];

/// Quantities of `width` ticks; zero means that there is no level.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    /// The page of the lowest ticks.
    first: usize,
    /// Pages less one; their number is a power of two.
    mask: usize,
    pages: Box<[Page]>,
    /// A bit for each tick whose quantity is not zero.
    occupied: Box<[u64]>,
    /// A bit for each page with an occupied tick.
    summary: Box<[u64]>,
}

impl Ring {
    /// An empty ring of this many ticks, a power of two and at least a page.
    pub(super) fn new(ticks: usize) -> Self {
        let pages = ticks / PAGE as usize;
        debug_assert!(pages.is_power_of_two());
        Self {
            first: 0,
            mask: pages - 1,
            pages: vec![[0; PAGE as usize]; pages].into_boxed_slice(),
            occupied: vec![0; pages].into_boxed_slice(),
            summary: vec![0; pages.div_ceil(PAGE as usize)].into_boxed_slice(),
        }
    }

    /// Writes a tick below the width; returns what it held.
    #[inline]
    pub(super) fn put(&mut self, tick: u64, qty: u64) -> u64 {
        let (page, bit) = (self.page(tick / PAGE), tick % PAGE);
        let (Some(quantities), Some(word)) = (self.pages.get_mut(page), self.occupied.get_mut(page)) else {
            return 0;
        };
        let Some(slot) = quantities.get_mut(bit as usize) else { return 0 };
        let (before, bits) = (*slot, *word);
        *slot = qty;
        *word = bits & !(1 << bit) | u64::from(qty != 0) << bit;
        if (bits == 0) != (*word == 0) {
            self.summarise(page);
        }
        before
    }

    /// A page became empty, or is so no longer.
    #[inline]
    fn summarise(&mut self, page: usize) {
        let occupied = self.occupied.get(page).is_some_and(|&word| word != 0);
        if let Some(summary) = self.summary.get_mut(page / 64) {
            *summary = *summary & !(1 << (page % 64)) | u64::from(occupied) << (page % 64);
        }
    }

    /// Takes the levels out of a page of the lowest ones, and hands them on with their ticks, the lowest first.
    pub(super) fn vacate(&mut self, number: u64, mut take: impl FnMut(u64, Qty)) {
        let page = self.page(number);
        if let (Some(word), Some(quantities)) = (self.occupied.get_mut(page), self.pages.get_mut(page)) {
            while *word != 0 {
                let bit = u64::from(word.trailing_zeros());
                *word &= *word - 1;
                if let Some(slot) = quantities.get_mut(bit as usize) {
                    take(number * PAGE + bit, Qty(*slot));
                    *slot = 0;
                }
            }
        }
        self.summarise(page);
    }

    /// Makes the ring begin this many pages higher. The pages that leave must be vacant.
    pub(super) fn turn_up(&mut self, pages: u64) {
        self.first = self.page(pages);
    }

    /// Makes the ring begin this many pages lower. The highest pages, which become the lowest, must be vacant.
    pub(super) fn turn_down(&mut self, pages: u64) {
        self.first = self.first.wrapping_sub(pages as usize) & self.mask;
    }

    /// Removes every level.
    pub(super) fn clear(&mut self) {
        for (quantities, word) in self.pages.iter_mut().zip(&mut self.occupied) {
            if *word != 0 {
                quantities.fill(0);
                *word = 0;
            }
        }
        self.summary.fill(0);
    }

    /// The quantity at a tick below the width, zero for none.
    #[inline]
    pub(super) fn get(&self, tick: u64) -> u64 {
        let page = self.pages.get(self.page(tick / PAGE));
        page.and_then(|page| page.get((tick % PAGE) as usize)).copied().unwrap_or_default()
    }

    /// The quantities of 64 ticks, with a bit for each that is occupied.
    #[inline]
    pub(super) fn ticks(&self, number: u64) -> (&Page, u64) {
        let page = self.page(number);
        (self.pages.get(page).unwrap_or(&[0; 64]), self.occupied.get(page).copied().unwrap_or_default())
    }

    /// The highest occupied tick of the page `number` or one below it.
    #[inline]
    pub(super) fn highest(&self, number: u64) -> Option<u64> {
        let number = self.occupied_at_or_below(number)?;
        let (_, bits) = self.ticks(number);
        Some(number * PAGE + 63u64.checked_sub(u64::from(bits.leading_zeros()))?)
    }

    /// The lowest occupied tick.
    pub(super) fn lowest(&self) -> Option<u64> {
        let mut at = self.first;
        // The words from the lowest page up, round the ring, and at last the part of the first word below it.
        for _ in 0..=self.summary.len() {
            let word = self.summary.get(at / 64)? & (u64::MAX << (at % 64));
            if word != 0 {
                let found = (at & !63) | word.trailing_zeros() as usize;
                let number = (found.wrapping_sub(self.first) & self.mask) as u64;
                let (_, bits) = self.ticks(number);
                return Some(number * PAGE + u64::from(bits.trailing_zeros()));
            }
            at = ((at | 63) + 1) & self.mask;
        }
        None
    }

    /// The highest page with an occupied tick that is `number` or below it.
    #[inline]
    pub(super) fn occupied_at_or_below(&self, number: u64) -> Option<u64> {
        let from = self.page(number);
        let mut at = from;
        // The words from this page down, round the ring, and at last the part of the first word above it.
        for _ in 0..=self.summary.len() {
            let word = self.summary.get(at / 64)? & (u64::MAX >> (63 - at % 64));
            if word != 0 {
                let found = (at & !63) | (63 - word.leading_zeros() as usize);
                let back = (from.wrapping_sub(found) & self.mask) as u64;
                // What lies further back than the lowest page is above the one we began with.
                return number.checked_sub(back);
            }
            at = (at & !63).wrapping_sub(1) & self.mask;
        }
        None
    }

    /// Ticks in the ring.
    #[inline]
    pub(super) fn width(&self) -> u64 {
        (self.mask as u64 + 1) * PAGE
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.pages) + size_of_val(&*self.occupied) + size_of_val(&*self.summary)
    }

    /// Where the ring's `number`th 64 ticks are.
    #[inline]
    fn page(&self, number: u64) -> usize {
        (self.first + number as usize) & self.mask
    }
}
