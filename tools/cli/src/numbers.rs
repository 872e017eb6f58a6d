//! Numbers for people: counts, rates, times and columns of decimals.

use std::time::Duration;

/// A count with a comma after every third digit from the right.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Nanoseconds with three digits in the unit that suits: `412 ns`, `1.24 us`, `13.7 ms`, `2.05 s`.
pub(crate) fn time(nanos: u64) -> String {
    let nanos = nanos as f64;
    let (value, unit) = match nanos {
        // The limits lie where three digits would round up to 1000.
        _ if nanos < 999.5 => return format!("{nanos:.0} ns"),
        _ if nanos < 999.5e3 => (nanos / 1e3, "us"),
        _ if nanos < 999.5e6 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    let decimals = match value {
        _ if value >= 99.95 => 0,
        _ if value >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {unit}")
}

/// How long ago: `12 ms`, `3.4 s`, `5 min`, `2 h`.
pub(crate) fn age(age: Duration) -> String {
    match age.as_secs() {
        0 => format!("{} ms", age.as_millis()),
        seconds if seconds < 60 => format!("{:.1} s", age.as_secs_f64()),
        seconds if seconds < 7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

/// How long it runs: `00:01:23`.
pub(crate) fn uptime(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// Messages a second: one decimal where there are few.
pub(crate) fn rate(rate: f64) -> String {
    if rate < 9.95 { format!("{rate:.1}") } else { grouped(rate.round() as u64) }
}

/// Digits behind the point.
pub(crate) fn decimals(number: &str) -> usize {
    number.split_once('.').map_or(0, |(_, decimals)| decimals.len())
}

/// A decimal with zeros up to so many digits behind the point: a column of them stands point under point.
pub(crate) fn padded(number: &str, digits: usize) -> String {
    let zeros = "0".repeat(digits.saturating_sub(decimals(number)));
    let point = if number.contains('.') || zeros.is_empty() { "" } else { "." };
    format!("{number}{point}{zeros}")
}

/// A text of at most so many characters; one that was cut says so by its last.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers, short and full decimals, negative ones: same length behind the point, same value.
    #[test]
    fn decimals_stand_point_under_point() {
        let cases = [("61781", "61781.0"), ("61781.2", "61781.2"), ("-3", "-3.0"), ("0", "0.0")];
        for (number, expected) in cases {
            assert_eq!(padded(number, 1), expected);
        }
        assert_eq!((padded("5", 0), padded("1.28", 3)), ("5".to_owned(), "1.280".to_owned()));
    }

    /// Each unit, and both sides of the places where rounding moves to the next.
    #[test]
    fn times_read_with_three_digits() {
        let cases = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_240, "1.24 us"),
            (9_996, "10.0 us"),
            (99_960, "100 us"),
            (999_600, "1.00 ms"),
            (13_700_000, "13.7 ms"),
            (60_000_000_000, "60.0 s"),
        ];
        for (nanos, expected) in cases {
            assert_eq!(time(nanos), expected);
        }
    }

    /// Ages and rates at the edges of their forms.
    #[test]
    fn ages_and_rates_are_short() {
        let shown = [0, 999, 1_000, 59_900, 60_000, 7_199_000, 7_200_000];
        let shown = shown.map(|millis| age(Duration::from_millis(millis)));
        assert_eq!(shown, ["0 ms", "999 ms", "1.0 s", "59.9 s", "1 min", "119 min", "2 h"]);
        assert_eq!(uptime(Duration::from_secs(3_723)), "01:02:03");
        assert_eq!([0.0, 9.94, 9.96, 1_234.4].map(rate), ["0.0", "9.9", "10", "1,234"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    /// What does not fit ends in a mark, and is never wider than asked.
    #[test]
    fn cut_texts_say_so() {
        assert_eq!((cut("abc", 3), cut("abcd", 3)), ("abc".to_owned(), "ab…".to_owned()));
        assert_eq!((cut("abcd", 1), cut("abcd", 0)), ("…".to_owned(), String::new()));
    }
}
