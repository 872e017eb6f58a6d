//! The way back: a mantissa and its scale as text in plain notation.

use std::fmt;

use super::SCALE_MAX;

/// A fixed-point number that prints in plain notation: no exponent, no plus, no trailing zeros.
///
/// ```
/// use touchline_json::Plain;
///
/// assert_eq!(Plain::price(10_050, 2).to_string(), "100.5");
/// assert_eq!(Plain::quantity(41, 3).to_string(), "0.041");
/// assert_eq!(Plain::price(-200, 2).write(&mut [0; Plain::BYTES_MAX]), "-2");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Plain {
    negative: bool,
    magnitude: u64,
    scale: u8,
}

impl Plain {
    /// Room for the longest text: a sign, twenty digits, a point, and two bytes to spare.
    pub const BYTES_MAX: usize = 24;

    /// A price of `mantissa × 10^-scale`. A scale above [`SCALE_MAX`] is a fault of the caller and counts as that.
    #[inline]
    pub const fn price(mantissa: i64, scale: u8) -> Self {
        Self { negative: mantissa < 0, magnitude: mantissa.unsigned_abs(), scale: bounded(scale) }
    }

    /// A quantity of `mantissa × 10^-scale`. A scale above [`SCALE_MAX`] is a fault of the caller and counts as that.
    #[inline]
    pub const fn quantity(mantissa: u64, scale: u8) -> Self {
        Self { negative: false, magnitude: mantissa, scale: bounded(scale) }
    }

    /// Writes the text to the end of `buffer` and returns it: for digests over a whole book, where a formatter's
    /// detour costs more than the digits.
    pub fn write(self, buffer: &mut [u8; Self::BYTES_MAX]) -> &str {
        let (mut rest, mut decimals) = (self.magnitude, self.scale);
        while decimals > 0 && rest.is_multiple_of(10) {
            rest /= 10;
            decimals -= 1;
        }
        // From the last digit to the sign. At most 18 decimals, a point and a whole digit, or 20 digits and a point,
        // then a sign: the slots never run out.
        let mut slots = buffer.iter_mut().rev();
        let mut length = 0;
        let mut put = |byte: u8| {
            if let Some(slot) = slots.next() {
                *slot = byte;
                length += 1;
            }
        };
        for _ in 0..decimals {
            put(b'0' + (rest % 10) as u8);
            rest /= 10;
        }
        if decimals > 0 {
            put(b'.');
        }
        loop {
            put(b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if self.negative {
            put(b'-');
        }
        let text = buffer.get(Self::BYTES_MAX - length..).unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
    }
}

const fn bounded(scale: u8) -> u8 {
    debug_assert!(scale <= SCALE_MAX, "no instrument has such a scale");
    if scale <= SCALE_MAX { scale } else { SCALE_MAX }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.write(&mut [0; Self::BYTES_MAX]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{price, quantity, scale_of};
    use super::*;

    #[test]
    fn text_is_plain_and_shortest() {
        // A table of mantissas and scales against the text a person would write.
        let table: [(i64, u8, &str); 12] = [
            (0, 0, "0"),
            (0, 8, "0"),
            (1, 0, "1"),
            (10, 0, "10"),
            (10, 1, "1"),
            (10_050, 2, "100.5"),
            (-41, 3, "-0.041"),
            (-100, 2, "-1"),
            (1, 18, "0.000000000000000001"),
            (i64::MIN, 0, "-9223372036854775808"),
            (i64::MIN, 18, "-9.223372036854775808"),
            (i64::MAX, 18, "9.223372036854775807"),
        ];
        for (mantissa, scale, text) in table {
            assert_eq!(Plain::price(mantissa, scale).to_string(), text);
        }
        assert_eq!(Plain::quantity(u64::MAX, 18).to_string(), "18.446744073709551615");
        assert_eq!(format!("{:>6}", Plain::quantity(5, 1)), "   0.5");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn text_reads_back_as_the_same_number(mantissa: i64, scale in 0..=SCALE_MAX) {
            // Any price and any quantity, through text and back; the text needs no more decimals than the scale.
            let mut buffer = [0; Plain::BYTES_MAX];
            let text = Plain::price(mantissa, scale).write(&mut buffer);
            prop_assert_eq!(price(text.as_bytes(), scale), Ok(mantissa));
            prop_assert!(scale_of(text.as_bytes()).is_ok_and(|least| least <= scale));
            let text = Plain::quantity(mantissa as u64, scale).write(&mut buffer);
            prop_assert_eq!(quantity(text.as_bytes(), scale), Ok(mantissa as u64));
        }
    }
}
