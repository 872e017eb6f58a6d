//! How a decimal of a message is written, and the constants that turn sixteen of its bytes into a mantissa.
//!
//! A venue writes the numbers of one field with the same decimals each time: `58710.20`, `61.50`, never `61.5`. Seen from
//! the right their bytes then stand still: the point, the decimals and the unit have fixed places, and only how many
//! whole digits come before differs. So sixteen bytes are loaded that *end* where the number ends:
//!
//! ```text
//! bytes         . . . " , " 5 8 7 1 0 . 2 0         what stands before the number is made zero by its length
//! expected      0 0 0 0 0 0 0 0 0 0 0 . 0 0         taken off: the point becomes zero, digits stay
//! limit         9 9 9 9 9 9 9 9 9 9 9 0 9 9         no byte above it: digits where digits belong, the point in its place
//! moved         0 0 0 0 0 0 0 0 0 5 8 7 1 0 2 0     the point squeezed out: sixteen digits, most significant first
//! ```
//!
//! Decimals beyond the instrument's scale must be zeros (limit 0) and are squeezed out too; missing ones come in as
//! zeros. Three multiplications make a number of sixteen digits.

use crate::decimal::POWERS;

/// Characters of the longest number that is read by its shape.
pub(super) const LONGEST: usize = 16;

/// Digits that one conversion takes.
const DIGITS: u32 = 16;

/// In a shuffle: a zero comes here.
const NOTHING: u8 = 0x80;

/// What a point is when `b'0'` is taken off.
const POINT: u8 = b'.'.wrapping_sub(b'0');

/// How a field's numbers are written and at which scale they are wanted. Every table is by byte of the sixteen that
/// end with the number, or by the number's length beyond the shortest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C, align(64))]
pub(super) struct Format {
    /// The byte that `b'0'` taken off leaves where there is no digit.
    pub(super) expected: [u8; LONGEST],
    /// The most that may then be left.
    pub(super) limit: [u8; LONGEST],
    /// Which byte each of the sixteen digits comes from.
    pub(super) moved: [u8; LONGEST],
    /// Characters of the shortest number: one whole digit.
    pub(super) shortest: u32,
    /// The longest, beyond the shortest.
    pub(super) spread: u32,
    /// The same as `moved`, for words: the whole digits and how far they move up, the decimals and how far they move,
    /// and what the result is multiplied with.
    pub(super) words: Words,
    /// The least mantissa of a number of this length: less has a zero in front.
    pub(super) least: [u64; LONGEST],
}

/// The steps of a [`Format`] in words of sixteen bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Words {
    /// The point, as `b'0'` and it differ; nothing where there is none.
    pub(super) point: u128,
    pub(super) whole: u128,
    pub(super) whole_up: u32,
    pub(super) decimals: u128,
    pub(super) decimals_up: u32,
    pub(super) factor: u64,
}

impl Format {
    /// How numbers like this one are written, for mantissas of this scale; `None` if they cannot be read this way.
    /// `zero` says whether a number may be 0.
    pub(super) fn of(text: &[u8], scale: u8, zero: bool) -> Option<Self> {
        let point = text.iter().position(|&byte| byte == b'.');
        let whole = point.unwrap_or(text.len());
        let decimals = point.map_or(0, |point| text.len() - point - 1);
        let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
        let sound = digits + usize::from(point.is_some()) == text.len()
            && whole > 0
            && (point.is_none() || decimals > 0)
            && (whole == 1 || text.first() != Some(&b'0'))
            && text.len() <= LONGEST;
        let scale = usize::from(scale);
        if !sound || scale >= LONGEST {
            return None;
        }
        let tail = if decimals > 0 { decimals + 1 } else { 0 };
        let mut format = Self {
            expected: [0; LONGEST],
            limit: [9; LONGEST],
            moved: [NOTHING; LONGEST],
            shortest: 1 + tail as u32,
            spread: (LONGEST - 1 - tail).min(LONGEST - 1 - scale) as u32,
            words: Words::new(decimals, scale),
            least: [u64::MAX; LONGEST],
        };
        format.place(tail, decimals, scale);
        for (beyond, least) in format.least.iter_mut().enumerate() {
            let power = POWERS.get(scale + beyond).copied();
            *least = match beyond {
                0 => u64::from(!zero),
                _ => power.unwrap_or(u64::MAX),
            };
        }
        Some(format)
    }

    /// The format of a number that is not there.
    pub(super) fn none() -> Self {
        Self {
            expected: [0; LONGEST],
            limit: [u8::MAX; LONGEST],
            moved: [NOTHING; LONGEST],
            shortest: 0,
            spread: u32::MAX,
            words: Words::new(0, 0),
            least: [0; LONGEST],
        }
    }

    /// The least mantissa of a number of so many characters, which are as many as it may have.
    #[inline(always)]
    pub(super) fn least_of(&self, length: u32) -> u64 {
        let beyond = length.wrapping_sub(self.shortest) as usize % LONGEST;
        self.least.get(beyond).copied().unwrap_or(u64::MAX)
    }

    /// Fills the tables by byte.
    fn place(&mut self, tail: usize, decimals: usize, scale: usize) {
        let unit = LONGEST - 1 - tail;
        if tail > 0 {
            let point = unit + 1;
            set(&mut self.expected, point, POINT);
            set(&mut self.limit, point, 0);
        }
        for decimal in scale + 1..=decimals {
            set(&mut self.limit, unit + 1 + decimal, 0);
        }
        for power in 0..LONGEST {
            let from = if power < scale {
                let decimal = scale - power;
                (decimal <= decimals).then_some(unit + 1 + decimal)
            } else {
                unit.checked_sub(power - scale)
            };
            if let Some(from) = from {
                set(&mut self.moved, LONGEST - 1 - power, from as u8);
            }
        }
    }
}

fn set(table: &mut [u8; LONGEST], place: usize, value: u8) {
    if let Some(slot) = table.get_mut(place) {
        *slot = value;
    }
}

impl Words {
    fn new(decimals: usize, scale: usize) -> Self {
        let kept = decimals.min(scale);
        let tail = if decimals > 0 { decimals + 1 } else { 0 };
        let top = |bytes: usize| if bytes == 0 { 0 } else { u128::MAX << (128 - 8 * bytes as u32) };
        let dropped = 8 * (decimals - kept) as u32;
        Self {
            point: if decimals > 0 { u128::from(b'.' ^ b'0') << (120 - 8 * decimals) } else { 0 },
            whole: !top(tail),
            whole_up: dropped + if decimals > 0 { 8 } else { 0 },
            decimals: top(decimals),
            decimals_up: dropped,
            factor: POWERS.get(scale - kept).copied().unwrap_or_default(),
        }
    }
}

/// The mantissa of the number that ends with `bytes` and has `length` characters: byte by byte, the twin of every
/// faster way.
#[cfg(test)]
pub(super) fn simple(bytes: &[u8; LONGEST], length: usize, format: &Format) -> Option<u64> {
    let beyond = length.checked_sub(format.shortest as usize)?;
    if beyond > format.spread as usize {
        return None;
    }
    let mut left = [0; LONGEST];
    for place in LONGEST - length..LONGEST {
        left[place] = bytes[place].wrapping_sub(b'0') ^ format.expected[place];
        if left[place] > format.limit[place] {
            return None;
        }
    }
    let digits = format.moved.iter().map(|&from| left.get(usize::from(from)).copied().unwrap_or_default());
    let mantissa = digits.fold(0u64, |mantissa, digit| mantissa * 10 + u64::from(digit));
    (mantissa >= format.least[beyond]).then_some(mantissa)
}

const _: () = assert!(LONGEST == DIGITS as usize, "a byte a digit");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decimal;

    fn read(text: &str, format: &Format) -> Option<u64> {
        let mut bytes = [b'"'; LONGEST];
        bytes[LONGEST - text.len()..].copy_from_slice(text.as_bytes());
        simple(&bytes, text.len(), format)
    }

    /// Numbers written as the learned one are read as the decimal parser reads them; others are not read.
    #[test]
    fn numbers_of_the_same_form_are_read() {
        let format = Format::of(b"58710.20", 2, false).unwrap();
        assert_eq!(read("58710.20", &format), Some(5_871_020));
        assert_eq!(read("1.05", &format), Some(105));
        for other in ["0.00", "1.5", "01.50", "1", "1.505", "1x.50", ".50", "-1.50"] {
            assert_eq!(read(other, &format), None, "{other}");
        }
        let coarse = Format::of(b"0.02000000", 3, true).unwrap();
        assert_eq!(read("0.00000000", &coarse), Some(0));
        assert_eq!(read("13.02500000", &coarse), Some(13_025));
        assert_eq!(read("13.02510000", &coarse), None);
        let fine = Format::of(b"12", 4, true).unwrap();
        assert_eq!(read("1001", &fine), Some(10_010_000));
        assert_eq!(read("007", &fine), None);
        for text in ["", ".5", "5.", "1.2.3", "00", "12345678901234567"] {
            assert_eq!(Format::of(text.as_bytes(), 2, true), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// What is read at all is what the decimal parser reads; a number of the learned form within range is read.
        #[test]
        fn formats_agree_with_the_decimal_parser(
            whole in 0u64..10_000_000_000, decimals in 0usize..9, fraction in 0u64..1_000_000_000, scale in 0u8..12,
            damage in proptest::option::of((0usize..16, any::<u8>())),
        ) {
            let write = |whole: u64, fraction: u64| match decimals {
                0 => whole.to_string(),
                _ => format!("{whole}.{:0decimals$}", fraction % POWERS[decimals]),
            };
            let Some(format) = Format::of(write(7, 7).as_bytes(), scale, true) else { return Ok(()) };
            let mut text = write(whole, fraction).into_bytes();
            if let Some((place, byte)) = damage {
                let place = place % text.len();
                text[place] = byte;
            }
            if text.len() > LONGEST {
                return Ok(());
            }
            let mut bytes = [b'"'; LONGEST];
            bytes[LONGEST - text.len()..].copy_from_slice(&text);
            let ours = simple(&bytes, text.len(), &format);
            let theirs = decimal::quantity(&text, scale);
            match ours {
                Some(mantissa) => prop_assert_eq!(Ok(mantissa), theirs),
                None if damage.is_none() => {
                    let digits = whole.to_string().len() + usize::from(scale);
                    prop_assert!(theirs.is_err() || digits > LONGEST, "{}", String::from_utf8_lossy(&text));
                }
                None => {}
            }
        }
    }
}
