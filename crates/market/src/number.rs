//! Fixed-point numbers: a mantissa here, its scale once per instrument.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The largest scale: `10^18` is the last power of ten that leaves room for a digit before the point in an `i64`.
pub const SCALE_MAX: u8 = 18;

/// A price: `mantissa × 10^-price_scale`, the scale being the instrument's. May be zero or negative where the
/// instrument allows it (spreads, options).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[repr(transparent)]
pub struct Price(pub i64);

/// A quantity in the venue's own unit (coins or contracts): `mantissa × 10^-qty_scale`. Zero in a delta removes
/// the level.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[repr(transparent)]
pub struct Qty(pub u64);

/// A number does not fit the scale asked for. Keep the old scale, reject the message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("mantissa {mantissa} does not fit 64 bits when its scale goes from {from} to {to}")]
pub struct ScaleError {
    /// The mantissa that does not fit.
    pub mantissa: i128,
    /// Its scale.
    pub from: u8,
    /// The scale asked for.
    pub to: u8,
}

/// `10^exponent`; `None` beyond 10^19, the largest power in a `u64`.
fn power_of_ten(exponent: u8) -> Option<u64> {
    10u64.checked_pow(u32::from(exponent))
}

/// The same price at a finer (larger) scale; the value never changes.
///
/// # Errors
/// The mantissa would leave 64 bits, or `to` is coarser than `from`.
pub fn rescale_price(price: Price, from: u8, to: u8) -> Result<Price, ScaleError> {
    let error = ScaleError { mantissa: i128::from(price.0), from, to };
    let factor = to.checked_sub(from).and_then(power_of_ten).ok_or(error)?;
    let factor = i64::try_from(factor).map_err(|_| error)?;
    price.0.checked_mul(factor).map(Price).ok_or(error)
}

/// The same quantity at a finer (larger) scale; the value never changes.
///
/// # Errors
/// As [`rescale_price`].
pub fn rescale_qty(qty: Qty, from: u8, to: u8) -> Result<Qty, ScaleError> {
    let error = ScaleError { mantissa: i128::from(qty.0), from, to };
    let factor = to.checked_sub(from).and_then(power_of_ten).ok_or(error)?;
    qty.0.checked_mul(factor).map(Qty).ok_or(error)
}

impl Price {
    /// The price as a float, for strategies that want one; rounds as floats do.
    #[must_use]
    pub fn to_f64(self, scale: u8) -> f64 {
        self.0 as f64 / 10f64.powi(i32::from(scale))
    }

    /// The exact price with its scale, for display.
    #[must_use]
    pub fn at(self, scale: u8) -> Decimal {
        Decimal { mantissa: i128::from(self.0), scale }
    }
}

impl Qty {
    /// The quantity as a float; rounds as floats do.
    #[must_use]
    pub fn to_f64(self, scale: u8) -> f64 {
        self.0 as f64 / 10f64.powi(i32::from(scale))
    }

    /// The exact quantity with its scale, for display.
    #[must_use]
    pub fn at(self, scale: u8) -> Decimal {
        Decimal { mantissa: i128::from(self.0), scale }
    }
}

/// An exact number with its scale beside it: `mantissa × 10^-scale`. Shown in plain notation, without trailing
/// zeros, exponent or plus sign: `100.5`, `0.041`, `-3`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Decimal {
    /// The digits.
    pub mantissa: i128,
    /// How many of them stand behind the point; at most [`SCALE_MAX`] for prices and quantities.
    pub scale: u8,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut digits, mut scale) = (self.mantissa.unsigned_abs(), usize::from(self.scale));
        while scale > 0 && digits.is_multiple_of(10) {
            digits /= 10;
            scale -= 1;
        }
        let sign = if self.mantissa < 0 { "-" } else { "" };
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        // A scale the type allows but no price has (over 38) shows every digit behind the point.
        let unit = 10u128.checked_pow(scale as u32);
        let (whole, part) = unit.map_or((0, digits), |unit| (digits / unit, digits % unit));
        write!(f, "{sign}{whole}.{part:0scale$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plain notation without trailing zeros, by a table.
    #[test]
    fn decimals_show_without_trailing_zeros() {
        for (mantissa, scale, text) in [
            (10_050, 2, "100.5"),
            (10_000, 2, "100"),
            (41, 3, "0.041"),
            (-305, 1, "-30.5"),
            (0, 8, "0"),
            (5, 0, "5"),
            (i128::from(i64::MIN), 18, "-9.223372036854775808"),
        ] {
            assert_eq!(Decimal { mantissa, scale }.to_string(), text);
        }
    }

    /// A finer scale keeps the value; an overflow or a coarser scale is refused.
    #[test]
    fn rescaling_keeps_the_value_or_refuses() {
        assert_eq!(rescale_price(Price(-615), 1, 3), Ok(Price(-61_500)));
        assert_eq!(rescale_qty(Qty(7), 0, 18), Ok(Qty(7_000_000_000_000_000_000)));
        assert!(rescale_price(Price(10), 0, 18).is_err());
        assert!(rescale_qty(Qty(19), 0, 18).is_err());
        assert!(rescale_price(Price(1), 3, 2).is_err());
        assert!(rescale_qty(Qty(1), 0, 255).is_err());
    }
}
