//! Receive stamps as other programs write them, to exact nanoseconds.

use std::io::{self, Write};

use touchline_market::Nanos;

const NS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;

/// Decimal digits of a second that a nanosecond has.
const FRACTION_DIGITS: usize = 9;

/// A decimal number without sign; at least one digit and nothing else.
pub(super) fn integer(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let add = |value: u64, &byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { value.checked_mul(10)?.checked_add(u64::from(digit)) }
    };
    digits.iter().try_fold(0, add)
}

/// The digits behind a point as nanoseconds; digits finer than that must be zeros.
fn fraction(digits: &[u8]) -> Option<u64> {
    let (fine, beyond) = digits.split_at(digits.len().min(FRACTION_DIGITS));
    if beyond.iter().any(|&byte| byte != b'0') {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(FRACTION_DIGITS - fine.len()).ok()?);
    Some(integer(fine)? * scale)
}

/// `1623635618.7756119` or `1623635618`: seconds since 1970 with any digits behind the point.
pub(super) fn seconds(text: &[u8]) -> Option<u64> {
    let (whole, part) = match memchr::memchr(b'.', text) {
        Some(point) => (text.get(..point)?, fraction(text.get(point + 1..)?)?),
        None => (text, 0),
    };
    integer(whole)?.checked_mul(NS_PER_SECOND)?.checked_add(part)
}

/// `2019-06-01T00:03:03.1238784Z`: a moment of UTC in ISO 8601, with up to nine digits behind the point or none.
pub(super) fn iso(text: &[u8]) -> Option<u64> {
    let (moment, rest) = text.split_at_checked("2019-06-01T00:03:03".len())?;
    let part = match rest.strip_suffix(b"Z")? {
        [] => 0,
        [b'.', digits @ ..] => fraction(digits)?,
        _ => return None,
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|&(at, mark)| moment.get(at) != Some(&mark)) {
        return None;
    }
    let field = |from: usize, to: usize| integer(moment.get(from..to)?);
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    let seconds = days * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second;
    seconds.checked_mul(NS_PER_SECOND)?.checked_add(part)
}

/// Writes a stamp as [`iso`] reads it with seven digits behind the point, which is the width that all readers of the
/// form expect. Returns whether anything finer was cut off.
pub(super) fn write_iso(to: &mut impl Write, stamp: Nanos) -> io::Result<bool> {
    let seconds = stamp.0 / NS_PER_SECOND;
    let (year, month, day) = date(seconds / SECONDS_PER_DAY);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let part = stamp.0 % NS_PER_SECOND / 100;
    write!(to, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{part:07}Z")?;
    Ok(!stamp.0.is_multiple_of(100))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u64::from(is_leap(year)),
        _ => 31,
    }
}

/// Days from 1970 to the beginning of a year not before it.
fn days_before(year: u64) -> u64 {
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969)
}

/// The day's number, if there is such a day and it is not before 1970.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let known = year >= 1970 && (1..=12).contains(&month);
    if !known || !(1..=days_of_month(year, month)).contains(&day) {
        return None;
    }
    let before: u64 = (1..month).map(|month| days_of_month(year, month)).sum();
    Some(days_before(year) + before + day - 1)
}

/// Year, month and day of a day's number.
fn date(day: u64) -> (u64, u64, u64) {
    // A year has 365 days at least, so the estimate is never early; it is a year late at most by 2500.
    let mut year = 1970 + day / 365;
    while days_before(year) > day {
        year -= 1;
    }
    let mut left = day - days_before(year);
    let mut month = 1;
    while left >= days_of_month(year, month) {
        left -= days_of_month(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_with_a_point_are_exact() {
        // A table: Python's shortest texts of doubles, no point, nine digits and more, and what is no such number.
        let table: &[(&str, Option<u64>)] = &[
            ("1623635618.7756119", Some(1_623_635_618_775_611_900)),
            ("1623635618.77553", Some(1_623_635_618_775_530_000)),
            ("1623635618.0", Some(1_623_635_618_000_000_000)),
            ("1623635618", Some(1_623_635_618_000_000_000)),
            ("0.000000001", Some(1)),
            ("1.123456789000", Some(1_123_456_789)),
            ("18446744073.709551615", Some(u64::MAX)),
            ("18446744073.709551616", None),
            ("1.1234567891", None),
            ("1.", None),
            (".5", None),
            ("", None),
            ("-1.0", None),
            ("1.6e9", None),
            ("1 .0", None),
        ];
        for (text, expected) in table {
            assert_eq!(seconds(text.as_bytes()), *expected, "{text}");
        }
    }

    #[test]
    fn moments_of_utc_are_exact() {
        // A table with days whose number is known (date -u -d ... +%s), and moments that do not exist.
        let table: &[(&str, Option<u64>)] = &[
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:34:56.5Z", Some(951_827_696_500_000_000)),
            ("2019-06-01T00:03:03.1238784Z", Some(1_559_347_383_123_878_400)),
            ("2024-08-08T23:54:13.937085768Z", Some(1_723_161_253_937_085_768)),
            ("2100-03-01T00:00:00.000Z", Some(4_107_542_400_000_000_000)),
            ("2554-07-21T23:34:33.709551615Z", Some(u64::MAX)),
            ("2554-07-21T23:34:33.709551616Z", None),
            ("2100-02-29T00:00:00Z", None),
            ("2023-13-01T00:00:00Z", None),
            ("2023-00-01T00:00:00Z", None),
            ("2023-04-31T00:00:00Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("2023-01-01T24:00:00Z", None),
            ("2023-01-01T00:00:60Z", None),
            ("2023-01-01T00:00:00.Z", None),
            ("2023-01-01T00:00:00", None),
            ("2023-01-01T00:00:00+00:00", None),
            ("2023-01-01 00:00:00Z", None),
            ("2023-1-01T00:00:00.000Z", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(iso(text.as_bytes()), *expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_stamp_comes_back_from_its_iso_text_to_100_ns(ns in any::<u64>()) {
            // Any 64 bits there and back: the same moment but for its last two digits, always 28 characters.
            let mut text = Vec::new();
            let cut = write_iso(&mut text, Nanos(ns)).unwrap();
            prop_assert_eq!(text.len(), 28);
            prop_assert_eq!(iso(&text), Some(ns / 100 * 100));
            prop_assert_eq!(cut, ns % 100 != 0);
        }

        #[test]
        fn every_stamp_comes_back_from_its_seconds(ns in any::<u64>(), cut in 0_usize..9) {
            // Any 64 bits as a decimal text with its trailing zeros cut, as Python prints it, and with more of them.
            let text = format!("{}.{:09}", ns / NS_PER_SECOND, ns % NS_PER_SECOND);
            prop_assert_eq!(seconds(text.as_bytes()), Some(ns));
            let short = text.trim_end_matches('0');
            let short = if short.ends_with('.') { format!("{short}0") } else { short.to_owned() };
            prop_assert_eq!(seconds(short.as_bytes()), Some(ns));
            let long = format!("{text}{}", "0".repeat(cut));
            prop_assert_eq!(seconds(long.as_bytes()), Some(ns));
        }

        #[test]
        fn any_bytes_are_a_stamp_or_none(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            // No panic; and what is read as a moment of UTC prints as a moment that reads the same.
            let _ = seconds(&bytes);
            if let Some(ns) = iso(&bytes) {
                let mut text = Vec::new();
                write_iso(&mut text, Nanos(ns)).unwrap();
                prop_assert_eq!(iso(&text), Some(ns / 100 * 100));
            }
        }
    }
}
