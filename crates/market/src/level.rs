//! Sides and levels.

use crate::{Price, Qty};

/// Which side of the book.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Side {
    /// Buy interest: the best is the highest price.
    Bid = 0,
    /// Sell interest: the best is the lowest price.
    Ask = 1,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }
}

/// One price with the quantity wanted or offered there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(C)]
pub struct Level {
    /// The price.
    pub price: Price,
    /// The whole quantity at that price; zero in a delta removes the level.
    pub qty: Qty,
}

const _: () = assert!(size_of::<Level>() == 16, "three levels and a word fill one record");

impl Level {
    /// A level of these mantissas.
    #[must_use]
    pub const fn new(price: i64, qty: u64) -> Self {
        Self { price: Price(price), qty: Qty(qty) }
    }
}
