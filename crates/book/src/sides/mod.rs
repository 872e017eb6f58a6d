//! One side of a book, as levels ordered by a key whose largest value is the best.
//!
//! Both sides are stored alike: a bid's key rises with its price, an ask's falls ([`Key`]). Everything below is
//! then written once, for "the largest is the best". Three layouts do the same work ([`Ladder`]):
//!
//! - [`Window`]: a ring of quantities indexed by tick, around the best; what leaves it goes to a far part.
//!   The layout of every [`Book`](crate::Book).
//! - [`Chunked`]: sorted pieces of fixed size with a directory over them. The window's far part.
//! - [`Sorted`]: two sorted arrays with the best at their end. The plain peer.

mod chunked;
mod ring;
mod sorted;
mod step;
mod window;

pub use chunked::Chunked;
pub use sorted::Sorted;
pub use window::Window;

use touchline_market::{Level, Price, Qty, Side};

/// A price's rank on its side: the larger, the better.
///
/// A bid's key is its mantissa with the sign bit turned, which orders `i64` as `u64`; an ask's is the same with
/// every bit turned, which reverses the order. Every `i64` has a key, and no arithmetic can overflow. The distance
/// of two keys of one side is the distance of their prices.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Key(pub u64);

const SIGN: u64 = 1 << 63;

impl Key {
    /// The rank of this price on this side.
    #[inline]
    #[must_use]
    pub const fn new(side: Side, price: Price) -> Self {
        Self(price.0.cast_unsigned() ^ turned(side))
    }

    /// The price of this rank on this side.
    #[inline]
    #[must_use]
    pub const fn price(self, side: Side) -> Price {
        Price((self.0 ^ turned(side)).cast_signed())
    }
}

/// The bits in which a key differs from its price.
const fn turned(side: Side) -> u64 {
    match side {
        Side::Bid => SIGN,
        Side::Ask => !SIGN,
    }
}

/// One side of a book. Quantities held are never zero.
pub trait Ladder {
    /// Sets the quantity at a key; zero removes the level. Tells whether the level was there before.
    fn set(&mut self, key: Key, qty: Qty) -> bool;

    /// The quantity at a key.
    fn get(&self, key: Key) -> Option<Qty>;

    /// The level with the largest key.
    fn best(&self) -> Option<(Key, Qty)>;

    /// Every level, the best first.
    fn iter(&self) -> impl Iterator<Item = (Key, Qty)>;

    /// How many levels there are.
    fn len(&self) -> usize;

    /// Removes every level; keeps the memory.
    fn clear(&mut self);

    /// Replaces everything by these levels: keys strictly falling, quantities not zero.
    fn load(&mut self, best_first: impl Iterator<Item = (Key, Qty)> + Clone);

    /// Bytes taken on the heap.
    fn heap_bytes(&self) -> usize;

    /// Copies the best levels as levels of `side`, best first; tells how many there were, at most `levels.len()`.
    fn top(&self, side: Side, levels: &mut [Level]) -> usize {
        let pairs = levels.iter_mut().zip(self.iter());
        pairs.map(|(slot, (key, qty))| *slot = Level { price: key.price(side), qty }).count()
    }

    /// Is there no level?
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
