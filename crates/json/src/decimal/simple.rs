//! The plain version: one digit at a time, the whole grammar, every error.
//!
//! It defines what the fast path must return, and runs whenever the fast path meets something unusual:
//!
//! ```text
//! sign, digits of the whole part, digits of the fraction, exponent   by the grammar of RFC 8259, section 6
//! significand = the digits without leading and trailing zeros
//! power       = exponent - decimals + trailing zeros                 value = significand × 10^power
//! needed      = the decimals the value has: -power, or 0
//! mantissa    = significand × 10^(power + scale)                     if needed <= scale
//! ```

use super::{DecimalError, POWERS, SCALE_MAX};

/// A number taken apart: `±significand × 10^power`.
#[derive(Clone, Copy)]
struct Parts {
    negative: bool,
    /// Without trailing zeros; `None` if more than 64 bits.
    significand: Option<u64>,
    /// 0 for zero.
    power: i64,
}

/// The significant digits read so far, and the zeros after them that may turn out to be trailing.
#[derive(Default)]
struct Digits {
    value: u64,
    overflowed: bool,
    zeros: i64,
}

impl Digits {
    fn push(&mut self, digit: u8) {
        if digit == 0 {
            // Leading zeros say nothing; later ones wait for a digit behind them.
            self.zeros += i64::from(self.value != 0);
            return;
        }
        let power = usize::try_from(self.zeros + 1).ok().and_then(|n| POWERS.get(n));
        self.zeros = 0;
        // A zero value takes any shift; it has no zeros waiting.
        match power.and_then(|&p| self.value.checked_mul(p)?.checked_add(u64::from(digit))) {
            Some(value) if !self.overflowed => self.value = value,
            _ => self.overflowed = true,
        }
    }
}

/// Takes one byte off the front if it is among `wanted`.
fn take(rest: &mut &[u8], wanted: &[u8]) -> Option<u8> {
    let (&first, tail) = rest.split_first()?;
    if !wanted.contains(&first) {
        return None;
    }
    *rest = tail;
    Some(first)
}

/// Takes a run of digits off the front, hands each to `each` and returns how many.
fn digits(rest: &mut &[u8], mut each: impl FnMut(u8)) -> i64 {
    let mut count = 0;
    while let Some(byte) = take(rest, b"0123456789") {
        each(byte - b'0');
        count += 1;
    }
    count
}

fn parts(text: &[u8]) -> Result<Parts, DecimalError> {
    let mut rest = text;
    let negative = take(&mut rest, b"-").is_some();

    let mut significant = Digits::default();
    let zero_first = rest.first() == Some(&b'0');
    let whole = digits(&mut rest, |digit| significant.push(digit));
    if whole == 0 || (zero_first && whole > 1) {
        return Err(DecimalError::Malformed);
    }

    let mut decimals = 0;
    if take(&mut rest, b".").is_some() {
        decimals = digits(&mut rest, |digit| significant.push(digit));
        if decimals == 0 {
            return Err(DecimalError::Malformed);
        }
    }

    let mut exponent: i64 = 0;
    if take(&mut rest, b"eE").is_some() {
        let down = take(&mut rest, b"+-") == Some(b'-');
        // Far beyond any scale and any length of text, and far from the ends of an i64.
        let count = digits(&mut rest, |digit| exponent = (exponent * 10 + i64::from(digit)).min(1 << 40));
        if count == 0 {
            return Err(DecimalError::Malformed);
        }
        if down {
            exponent = -exponent;
        }
    }

    let zero = significant.value == 0 && !significant.overflowed;
    if !rest.is_empty() || (zero && negative) {
        return Err(DecimalError::Malformed);
    }
    let significand = (!significant.overflowed).then_some(significant.value);
    let power = if zero { 0 } else { exponent - decimals + significant.zeros };
    Ok(Parts { negative, significand, power })
}

impl Parts {
    fn needed(self) -> u8 {
        u8::try_from((-self.power).max(0)).unwrap_or(u8::MAX)
    }

    fn magnitude(self, scale: u8) -> Result<u64, DecimalError> {
        let needed = self.needed();
        if scale > SCALE_MAX {
            return Err(DecimalError::OutOfRange);
        }
        if needed > scale {
            return Err(DecimalError::TooPrecise { needed });
        }
        if self.significand == Some(0) {
            return Ok(0);
        }
        let power = usize::try_from(self.power + i64::from(scale)).ok().and_then(|n| POWERS.get(n));
        let mantissa = self.significand.zip(power).and_then(|(value, &power)| value.checked_mul(power));
        mantissa.ok_or(DecimalError::OutOfRange)
    }
}

/// What [`price`](super::price) returns.
pub fn price(text: &[u8], scale: u8) -> Result<i64, DecimalError> {
    let parts = parts(text)?;
    let magnitude = parts.magnitude(scale)?;
    let mantissa =
        if parts.negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() };
    mantissa.ok_or(DecimalError::OutOfRange)
}

/// What [`quantity`](super::quantity) returns.
pub fn quantity(text: &[u8], scale: u8) -> Result<u64, DecimalError> {
    let parts = parts(text)?;
    if parts.negative {
        return Err(DecimalError::Negative);
    }
    parts.magnitude(scale)
}

/// What [`scale_of`](super::scale_of) returns.
pub fn scale_of(text: &[u8]) -> Result<u8, DecimalError> {
    let needed = parts(text)?.needed();
    if needed > SCALE_MAX { Err(DecimalError::TooPrecise { needed }) } else { Ok(needed) }
}
