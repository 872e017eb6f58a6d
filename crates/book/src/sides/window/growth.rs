//! A window that updates keep missing becomes wider.
//!
//! A window that 1,024 updates have missed, and that would have held them four times as wide, becomes four
//! times as wide, up to the configured width: a busy deep book gets its 16,384 ticks (five eighths of the time above
//! 4,096 is saved) for 196,608 bytes a book more, a quiet or shallow one stays small. It costs one loading of the side
//! and never shrinks.

use touchline_market::Qty;

use super::{Ring, TICKS, Window};
use crate::sides::{Key, Ladder};

/// How many times as wide a window becomes when it grows.
const GROWTH: u64 = 4;

/// Updates that a grown window would have held, after which it grows.
const MISSES_MAX: u32 = 1_024;

impl Window {
    /// Lets the window grow up to `ticks_max` ticks (at most 2^20) where updates keep missing it.
    #[must_use]
    pub fn growing_to(mut self, ticks_max: usize) -> Self {
        self.width_max = ticks_max.min(*TICKS.end()) as u64;
        self
    }

    /// Ticks of the window now.
    #[must_use]
    pub fn ticks(&self) -> usize {
        self.width as usize
    }

    /// Counts an update below the window; grows the window if there were many that a wider one would have held.
    pub(super) fn miss(&mut self, key: Key) {
        let width = self.width * GROWTH;
        let reach = (width - self.width).saturating_mul(self.step.size());
        if width > self.width_max || self.low - key.0 > reach {
            return;
        }
        self.misses += 1;
        if self.misses == MISSES_MAX {
            self.grow(width);
        }
    }

    /// Loads the side anew in a wider ring.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, width: u64) {
        let levels: Vec<(Key, Qty)> = self.iter().collect();
        self.ring = Ring::new(width as usize);
        (self.width, self.misses) = (width, 0);
        self.fill(levels.iter().copied());
    }
}
