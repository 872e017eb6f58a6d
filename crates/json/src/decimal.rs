//! The text of a number to the mantissa of a fixed-point one: `"61837.63"` at scale 2 is `6183763`.
//!
//! The conversion is exact or it is an error; nothing is ever rounded. [`simple`] says what is accepted, one digit at
//! a time, and is what runs for every unusual text. The common ones have a point within the first eight bytes, up to
//! sixteen bytes in all, and whole digits and scale of seven together. For them:
//!
//! 1. Load the first eight bytes as one little-endian word. A shorter text is put together from two halves that
//!    overlap, so a load never leaves the slice and needs no loop.
//! 2. Find the point by the zero-byte trick. Before it stands at least one digit, and no zero before another digit.
//! 3. Move the whole digits to their place before the scale's decimals: one shift. The decimals move one byte less,
//!    over the point, and a mask joins the two. Missing decimals come out as zeros.
//! 4. Decimals beyond the scale must be zeros: those in the word are seen when the shift is undone, those behind it in
//!    the last eight bytes.
//! 5. Prove that all bytes are digits, and turn them into a number with three multiplications. [`level`] does this for
//!    a price and its quantity at once.
//!
//! A whole number and a mantissa of more digits take a similar way out of line. Anything that fails a step goes to
//! [`simple`], which decides alone whether it is an error and which.

mod plain;
#[doc(hidden)]
pub mod simple;
pub(crate) mod swar;
mod vector;

pub use plain::Plain;

/// The largest scale: the decimals of one wei of ether, and as many as an `i64` holds beside one whole digit.
pub const SCALE_MAX: u8 = 18;

/// `10^n` for every scale and one more.
#[allow(clippy::indexing_slicing, reason = "evaluated at compile time, where a panic is an error")]
pub(crate) const POWERS: [u64; 20] = {
    let mut powers = [1u64; 20];
    let mut n = 1;
    while n < 20 {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// Why a text is not the number that was asked for. Nothing may be done with the message it stands in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecimalError {
    /// Not a number by the grammar of JSON (RFC 8259, section 6), or a negative zero. Reject the message.
    #[error("not a decimal number")]
    Malformed,
    /// The value has more decimals than the scale. A scale that is still being learned can be widened to `needed`, if
    /// that is not above [`SCALE_MAX`]; otherwise the instrument's data is out of date: fetch it, then resync.
    #[error("too precise: scale {needed} needed")]
    TooPrecise {
        /// The smallest scale that holds the value exactly; 255 stands for all above 254.
        needed: u8,
    },
    /// The mantissa does not fit 64 bits, or the scale is above [`SCALE_MAX`]. Reject the message.
    #[error("out of range")]
    OutOfRange,
    /// Below zero where only a quantity can stand. Reject the message.
    #[error("negative quantity")]
    Negative,
    /// The JSON value is neither a string nor a number. Reject the message.
    #[error("neither a string nor a number")]
    WrongType,
}

const _: () = assert!(size_of::<DecimalError>() == 2, "a hot-path error is two bytes");

/// Mantissa of a price: the value times `10^scale`, sign allowed.
///
/// ```
/// use touchline_json::{DecimalError, decimal};
///
/// assert_eq!(decimal::price(b"61837.63000000", 2), Ok(6_183_763));
/// assert_eq!(decimal::price(b"-2e-8", 8), Ok(-2));
/// assert_eq!(decimal::price(b"0.125", 2), Err(DecimalError::TooPrecise { needed: 3 }));
/// ```
///
/// # Errors
/// Everything of [`DecimalError`] but `Negative` and `WrongType`.
#[inline(always)]
pub fn price(text: &[u8], scale: u8) -> Result<i64, DecimalError> {
    match swar::narrow(text, scale) {
        Some(mantissa) => Ok(mantissa as i64), // eight digits
        // Taken apart and put together, so that the result of the fast path stays in registers: a call that returns
        // the whole result wants it in memory, for both paths.
        None => match price_wide(text, scale) {
            Ok(mantissa) => Ok(mantissa),
            Err(error) => Err(error),
        },
    }
}

/// Mantissa of a quantity: the value times `10^scale`, never negative.
///
/// ```
/// use touchline_json::{DecimalError, decimal};
///
/// assert_eq!(decimal::quantity(b"2.507", 3), Ok(2_507));
/// assert_eq!(decimal::quantity(b"-1", 3), Err(DecimalError::Negative));
/// ```
///
/// # Errors
/// Everything of [`DecimalError`] but `WrongType`.
#[inline(always)]
pub fn quantity(text: &[u8], scale: u8) -> Result<u64, DecimalError> {
    match swar::narrow(text, scale) {
        Some(mantissa) => Ok(mantissa),
        // In two steps for the same reason as in `price`.
        None => match quantity_wide(text, scale) {
            Ok(mantissa) => Ok(mantissa),
            Err(error) => Err(error),
        },
    }
}

/// A price and its quantity at once: what [`price`] and [`quantity`] return for them, in less time than both.
///
/// ```
/// use touchline_json::decimal;
///
/// assert_eq!(decimal::level(b"61837.63", 2, b"0.105", 3), Ok((6_183_763, 105)));
/// ```
///
/// # Errors
/// Those of [`price`], then those of [`quantity`].
#[inline(always)]
pub fn level(
    price: &[u8],
    price_scale: u8,
    quantity: &[u8],
    quantity_scale: u8,
) -> Result<(i64, u64), DecimalError> {
    Levels::new(price_scale, quantity_scale).level(price, quantity)
}

/// [`level`] for many levels of the same two scales.
#[derive(Clone, Copy, Debug)]
pub struct Levels {
    price_scale: u8,
    quantity_scale: u8,
    /// `None` if one of the scales is beyond the fast path.
    frames: Option<[swar::Frame; 2]>,
}

impl Levels {
    /// For levels of these scales.
    #[inline(always)]
    #[must_use]
    pub fn new(price_scale: u8, quantity_scale: u8) -> Self {
        let frames = match (swar::Frame::of(price_scale), swar::Frame::of(quantity_scale)) {
            (Some(price), Some(quantity)) => Some([price, quantity]),
            _ => None,
        };
        Self { price_scale, quantity_scale, frames }
    }

    /// A price and its quantity.
    ///
    /// # Errors
    /// Those of [`price`], then those of [`quantity`].
    #[inline(always)]
    pub fn level(&self, price: &[u8], quantity: &[u8]) -> Result<(i64, u64), DecimalError> {
        let fast = self.frames.and_then(|frames| swar::narrow_pair([price, quantity], frames));
        match fast {
            Some([price, quantity]) => Ok((price as i64, quantity)), // eight digits each
            None => match level_wide(price, self.price_scale, quantity, self.quantity_scale) {
                Ok((price, quantity)) => Ok((price, quantity)),
                Err(error) => Err(error),
            },
        }
    }
}

/// A whole number: a quantity of scale 0. `1.0` and `1e3` are whole numbers too.
///
/// # Errors
/// Everything of [`DecimalError`] but `WrongType`; a fraction is `TooPrecise`.
#[inline]
pub fn integer(text: &[u8]) -> Result<u64, DecimalError> {
    quantity(text, 0)
}

/// The smallest scale that holds the value exactly: trailing zeros do not count, `"1.250"` needs 2.
///
/// # Errors
/// `Malformed`, or `TooPrecise` where more than [`SCALE_MAX`] decimals are needed.
#[inline]
pub fn scale_of(text: &[u8]) -> Result<u8, DecimalError> {
    simple::scale_of(text)
}

/// Whole numbers and mantissas of more digits; behind them signs, exponents, long texts and errors.
#[inline(never)]
fn price_wide(text: &[u8], scale: u8) -> Result<i64, DecimalError> {
    match swar::wide(text, scale) {
        Some(mantissa) if mantissa <= i64::MAX as u64 => Ok(mantissa as i64),
        _ => simple::price(text, scale),
    }
}

/// As [`price_wide`].
#[inline(never)]
fn quantity_wide(text: &[u8], scale: u8) -> Result<u64, DecimalError> {
    match swar::wide(text, scale) {
        Some(mantissa) => Ok(mantissa),
        None => simple::quantity(text, scale),
    }
}

/// As [`price_wide`].
#[inline(never)]
fn level_wide(
    price: &[u8],
    price_scale: u8,
    quantity: &[u8],
    quantity_scale: u8,
) -> Result<(i64, u64), DecimalError> {
    Ok((self::price(price, price_scale)?, self::quantity(quantity, quantity_scale)?))
}

#[cfg(test)]
mod tests;
