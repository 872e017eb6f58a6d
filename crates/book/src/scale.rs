//! Scales: bringing the numbers of a book and of a message to the finer of their scales.

use touchline_market::{Head, Level, SCALE_MAX, rescale_price, rescale_qty};

use crate::BookError;

/// Decimals of a book's or a message's numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Scales {
    pub(crate) price: u8,
    pub(crate) qty: u8,
}

impl Scales {
    /// The scales of a message.
    pub(crate) fn of(head: &Head) -> Result<Self, BookError> {
        let scales = Self { price: head.price_scale, qty: head.qty_scale };
        match scales.price.max(scales.qty) {
            scale if scale > SCALE_MAX => Err(BookError::NoScale(scale)),
            _ => Ok(scales),
        }
    }

    /// The finer of both, for each number.
    pub(crate) fn finer(self, other: Self) -> Self {
        Self { price: self.price.max(other.price), qty: self.qty.max(other.qty) }
    }

    /// Checks that every one of these levels fits the finer scales `to`.
    pub(crate) fn check(self, to: Self, mut levels: impl Iterator<Item = Level>) -> Result<(), BookError> {
        if self == to {
            return Ok(());
        }
        levels.try_for_each(|level| {
            rescale_price(level.price, self.price, to.price)
                .map_err(|_| BookError::Scale { from: self.price, to: to.price })?;
            rescale_qty(level.qty, self.qty, to.qty)
                .map_err(|_| BookError::Scale { from: self.qty, to: to.qty })?;
            Ok(())
        })
    }

    /// A level at the finer scales `to`; the level itself where it does not fit, which [`check`](Self::check) rules out.
    pub(crate) fn convert(self, to: Self, level: Level) -> Level {
        Level {
            price: rescale_price(level.price, self.price, to.price).unwrap_or(level.price),
            qty: rescale_qty(level.qty, self.qty, to.qty).unwrap_or(level.qty),
        }
    }
}
