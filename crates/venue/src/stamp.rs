//! Stamps that venues write as text, and days of the calendar.

use touchline_market::Nanos;

const SECONDS_A_DAY: u64 = 86_400;

/// Days from 0001-01-01 to 1970-01-01.
const DAYS_TO_1970: u64 = 719_162;

/// Reads an RFC 3339 stamp of UTC, `2023-10-06T17:35:55.440295Z`, with a fraction of at most nine digits. `None` if the
/// text is no such stamp: another offset than `Z` or a leap second too, which no venue sends, and a stamp beyond the
/// year 2554, which nanoseconds cannot hold.
///
/// Venues write "never" as the first instant of 1970 or of the year 1: everything up to 1970 is [`Nanos::NONE`].
#[inline]
pub(crate) fn rfc3339(text: &str) -> Option<Nanos> {
    let (whole, fraction) = text.as_bytes().split_first_chunk::<19>()?;
    #[rustfmt::skip]
    let &[y3, y2, y1, y0, b'-', o1, o0, b'-', d1, d0, b'T' | b't', h1, h0, b':', m1, m0, b':', s1, s0] = whole else {
        return None;
    };
    let year = number([y3, y2, y1, y0])?;
    let (month, day) = (number([o1, o0])?, number([d1, d0])?);
    let (hour, minute, second) = (number([h1, h0])?, number([m1, m0])?, number([s1, s0])?);
    let of_day = (1..=days_of_month(year, month)?).contains(&day);
    if year == 0 || !of_day || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = fraction_ns(fraction)?;
    let days = days_before_year(year) + days_before_month(year, month)? + day - 1;
    let Some(days) = days.checked_sub(DAYS_TO_1970) else { return Some(Nanos::NONE) };
    let seconds = days * SECONDS_A_DAY + hour * 3_600 + minute * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction).map(Nanos)
}

/// What stands behind the seconds: `Z`, or a point, one to nine digits and `Z`.
#[inline]
fn fraction_ns(text: &[u8]) -> Option<u64> {
    let digits = match text {
        [b'Z' | b'z'] => return Some(0),
        [b'.', digits @ .., b'Z' | b'z'] if (1..=9).contains(&digits.len()) => digits,
        _ => return None,
    };
    let mut ns = 0;
    for &byte in digits {
        ns = ns * 10 + digit(byte)?;
    }
    Some(ns * 10_u64.pow(9 - digits.len() as u32))
}

#[inline]
fn number<const N: usize>(digits: [u8; N]) -> Option<u64> {
    let mut number = 0;
    for byte in digits {
        number = number * 10 + digit(byte)?;
    }
    Some(number)
}

#[inline]
fn digit(byte: u8) -> Option<u64> {
    byte.is_ascii_digit().then(|| u64::from(byte - b'0'))
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Days from 0001-01-01 to the first of January of a year from 1 on.
const fn days_before_year(year: u64) -> u64 {
    let years = year - 1;
    years * 365 + years / 4 - years / 100 + years / 400
}

const _: () = assert!(days_before_year(1970) == DAYS_TO_1970);

fn days_before_month(year: u64, month: u64) -> Option<u64> {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before = BEFORE.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    Some(before + u64::from(month > 2 && is_leap(year)))
}

fn days_of_month(year: u64, month: u64) -> Option<u64> {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(28 + u64::from(is_leap(year))),
        _ => None,
    }
}

/// Year, month and day of a day counted from 1970-01-01.
pub(crate) fn date(days: u64) -> (u64, u64, u64) {
    // Years counted from March, so that the leap day is a year's last; eras of 400 years are all alike.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + 400 * era + u64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stamps of known seconds since 1970, leap days and the ends of years among them, with every length of fraction.
    #[test]
    fn stamps_are_exact() {
        for (text, ns) in [
            ("1970-01-01T00:00:01Z", 1_000_000_000),
            ("1972-02-29T00:00:00Z", 68_169_600_000_000_000),
            ("1999-12-31T23:59:59Z", 946_684_799_000_000_000),
            ("2000-02-29T12:00:00Z", 951_825_600_000_000_000),
            ("2000-03-01T00:00:00Z", 951_868_800_000_000_000),
            ("2023-10-06T17:35:55.440295Z", 1_696_613_755_440_295_000),
            ("2024-02-29T23:59:59.999999999Z", 1_709_251_199_999_999_999),
            ("2024-12-31T23:59:59.5Z", 1_735_689_599_500_000_000),
            ("2554-07-21T23:34:33.709551615Z", u64::MAX),
        ] {
            assert_eq!(rfc3339(text), Some(Nanos(ns)), "{text}");
        }
        for digits in 1..=9 {
            let text = format!("2023-10-06T17:35:55.{}Z", &"123456789"[..digits]);
            let fraction = 123_456_789 / 10_u64.pow(9 - digits as u32) * 10_u64.pow(9 - digits as u32);
            assert_eq!(rfc3339(&text), Some(Nanos(1_696_613_755_000_000_000 + fraction)), "{text}");
        }
    }

    /// Every day from 1970 to 2100 follows the one before it by 86,400 seconds, and is found again by its number.
    #[test]
    fn days_follow_one_another() {
        let mut expected = 0;
        for year in 1970..=2100 {
            for month in 1..=12 {
                for day in 1..=days_of_month(year, month).unwrap() {
                    let text = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
                    assert_eq!(rfc3339(&text), Some(Nanos(expected)), "{text}");
                    assert_eq!(date(expected / (SECONDS_A_DAY * 1_000_000_000)), (year, month, day));
                    expected += SECONDS_A_DAY * 1_000_000_000;
                }
            }
        }
    }

    /// What venues write where there is no stamp is none.
    #[test]
    fn the_first_instants_are_no_stamp() {
        for text in ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000000Z", "0001-01-01T00:00:00Z"] {
            assert_eq!(rfc3339(text), Some(Nanos::NONE), "{text}");
        }
        assert_eq!(rfc3339("1969-12-31T23:59:59.999Z"), Some(Nanos::NONE));
    }

    /// Texts that are no stamp of UTC are refused: other offsets, days that do not exist, cut and padded texts.
    #[test]
    fn other_texts_are_refused() {
        let whole = "2023-10-06T17:35:55.440295Z";
        for length in 0..whole.len() {
            assert_eq!(rfc3339(&whole[..length]), None, "{}", &whole[..length]);
        }
        for text in [
            "2023-10-06T17:35:55+00:00",
            "2023-10-06T17:35:55.440295+02:00",
            "2023-10-06T17:35:55.Z",
            "2023-10-06T17:35:55.0123456789Z",
            "2023-10-06T17:35:55.44029aZ",
            "2023-10-06T17:35:55,440295Z",
            "2023-10-06 17:35:55Z",
            "2023-10-06T17:35:55ZZ",
            " 2023-10-06T17:35:55Z",
            "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2023-04-31T00:00:00Z",
            "2023-00-10T00:00:00Z",
            "2023-13-10T00:00:00Z",
            "2023-10-00T00:00:00Z",
            "2023-10-06T24:00:00Z",
            "2023-10-06T17:60:00Z",
            "2016-12-31T23:59:60Z",
            "0000-01-01T00:00:00Z",
            "2554-07-21T23:34:33.709551616Z",
            "9999-12-31T23:59:59Z",
            "２023-10-06T17:35:55Z",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
