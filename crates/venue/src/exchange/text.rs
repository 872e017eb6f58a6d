//! Numbers and stamps as text.

use crate::stamp::date;

/// Appends `mantissa × 10^-scale` with all its decimals, trailing zeros included: `105944.20`. A scale is at most 19.
pub fn number(out: &mut String, mantissa: i64, scale: u8) {
    if mantissa < 0 {
        out.push('-');
    }
    let unit = 10_u64.saturating_pow(u32::from(scale));
    let mantissa = mantissa.unsigned_abs();
    digits(out, mantissa / unit, 1);
    if scale > 0 {
        out.push('.');
        digits(out, mantissa % unit, scale.into());
    }
}

/// Appends a stamp in UTC, to the microsecond: `2023-10-06T17:35:55.440295Z`.
pub fn rfc3339(out: &mut String, stamp_us: u64) {
    let (seconds, us) = (stamp_us / 1_000_000, stamp_us % 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    digits(out, year, 4);
    for (mark, value) in [('-', month), ('-', day), ('T', hour), (':', minute), (':', second)] {
        out.push(mark);
        digits(out, value, 2);
    }
    out.push('.');
    digits(out, us, 6);
    out.push('Z');
}

/// Appends a number with zeros in front up to a width of at most 20: what `{:0width$}` writes, several times faster.
pub(crate) fn digits(out: &mut String, value: u64, width: usize) {
    let mut text = [b'0'; 20];
    let (mut left, mut used) = (value, 0);
    for digit in text.iter_mut().rev() {
        if left == 0 && used >= width {
            break;
        }
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
        used += 1;
    }
    let written = text.get(text.len() - used..).and_then(|text| std::str::from_utf8(text).ok());
    out.push_str(written.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers keep their zeros on both sides of the point.
    #[test]
    fn numbers_keep_their_zeros() {
        for (mantissa, scale, text) in [
            (10_594_420, 2, "105944.20"),
            (500, 8, "0.00000500"),
            (7, 0, "7"),
            (-15, 1, "-1.5"),
            (0, 3, "0.000"),
        ] {
            let mut out = String::new();
            number(&mut out, mantissa, scale);
            assert_eq!(out, text);
        }
    }

    /// Widths from none to all digits.
    #[test]
    fn digits_fill_their_width() {
        for (value, width) in [(0, 0), (0, 1), (7, 3), (1_234, 2), (u64::MAX, 1), (u64::MAX, 20)] {
            let mut out = String::new();
            digits(&mut out, value, width);
            let expected = if (value, width) == (0, 0) { String::new() } else { format!("{value:0width$}") };
            assert_eq!(out, expected);
        }
    }

    /// Stamps around the turns of months, years and leap days.
    #[test]
    fn stamps_are_dates() {
        for (stamp_us, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
            (1_696_613_755_440_295, "2023-10-06T17:35:55.440295Z"),
            (1_709_251_199_999_999, "2024-02-29T23:59:59.999999Z"),
            (1_798_761_599_000_000, "2026-12-31T23:59:59.000000Z"),
        ] {
            let mut out = String::new();
            rfc3339(&mut out, stamp_us);
            assert_eq!(out, text);
        }
    }
}
