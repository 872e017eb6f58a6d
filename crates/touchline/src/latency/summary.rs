//! The figures of one histogram, and how they are written for people.

use hdrhistogram::Histogram;
use serde::Serialize;

/// The figures of one histogram, in nanoseconds. Percentiles are the highest value equivalent at three digits, as
/// HdrHistogram's own tools print them. All are 0 if `count` is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Values recorded.
    pub count: u64,
    /// The smallest.
    pub min: u64,
    /// The arithmetic mean.
    pub mean: f64,
    /// Half are at or below.
    pub p50: u64,
    /// 90 % are at or below.
    pub p90: u64,
    /// 99 % are at or below.
    pub p99: u64,
    /// 99.9 % are at or below.
    pub p99_9: u64,
    /// 99.99 % are at or below.
    pub p99_99: u64,
    /// The largest.
    pub max: u64,
}

impl Summary {
    /// The figures of a histogram.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            count: histogram.len(),
            min: histogram.min(),
            mean: histogram.mean(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: histogram.max(),
        }
    }

    /// The titles of [`columns`](Self::columns).
    pub(crate) const TITLES: [&'static str; 7] = ["mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"];

    /// Mean, percentiles and maximum, in nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "at most 60 s, exact in 53 bits")]
    pub(crate) fn columns(&self) -> [f64; 7] {
        let Self { mean, p50, p90, p99, p99_9, p99_99, max, .. } = *self;
        [mean, p50 as f64, p90 as f64, p99 as f64, p99_9 as f64, p99_99 as f64, max as f64]
    }
}

/// Nanoseconds with three digits in the unit that suits: `412 ns`, `1.24 us`, `13.7 ms`, `2.05 s`.
pub(crate) fn readable(nanos: f64, micro: &str) -> String {
    let (value, unit) = match nanos {
        // The limits lie where three digits would round up to 1000.
        _ if nanos < 999.5 => (nanos, "ns"),
        _ if nanos < 999.5e3 => (nanos / 1e3, micro),
        _ if nanos < 999.5e6 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    let decimals = match value {
        _ if unit == "ns" || value >= 99.95 => 0,
        _ if value >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {unit}")
}

/// A count with a comma after every third digit from the right.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds since 1970 as `2024-08-08 12:34:56 UTC`. Counts years and months off one by one: it runs once a report.
pub(crate) fn date(seconds: u64) -> String {
    let (mut day, second) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970_u64;
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    // The largest stamp this is asked for, 2^64 ns, lies in 2554.
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for days in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02} UTC", day + 1)
}

/// Foreign text on one line: control characters become the replacement character.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_with_three_digits_and_their_unit() {
        // Each unit, and both sides of every place where rounding moves to the next.
        let cases = [
            (0.0, "0 ns"),
            (21.4, "21 ns"),
            (999.4, "999 ns"),
            (999.5, "1.00 us"),
            (1_240.0, "1.24 us"),
            (9_994.0, "9.99 us"),
            (9_996.0, "10.0 us"),
            (99_949.0, "99.9 us"),
            (99_960.0, "100 us"),
            (999_600.0, "1.00 ms"),
            (13_700_000.0, "13.7 ms"),
            (999_600_000.0, "1.00 s"),
            (60e9, "60.0 s"),
        ];
        for (nanos, expected) in cases {
            assert_eq!(readable(nanos, "us"), expected);
        }
    }

    #[test]
    fn counts_are_grouped_by_three() {
        // Lengths around each comma.
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (93_953, "93,953"), (1_234_567, "1,234,567")];
        for (count, expected) in cases {
            assert_eq!(grouped(count), expected);
        }
    }

    #[test]
    fn dates_are_right_at_the_edges_of_the_calendar() {
        // The epoch, a leap day, the days around a century's, and a known second; as `date -u -d @N` prints them.
        let cases = [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_799, "2000-02-29 23:59:59 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (1_723_120_496, "2024-08-08 12:34:56 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(date(seconds), expected);
        }
    }

    #[test]
    fn a_summary_of_nothing_is_all_zero() {
        // An empty stage must print, not divide.
        let empty = Summary::of(&Histogram::new(3).unwrap());
        assert_eq!((empty.count, empty.max, empty.p99), (0, 0, 0));
        assert!(empty.mean.abs() < f64::EPSILON);
    }
}
