//! The percentile distribution as text (`.hgrm`), as HdrHistogram's tools print it and its plotters read it.
//!
//! One line for each step toward 100 %, five steps for each halving of the distance: value, percentile as a fraction,
//! values up to here, and 1/(1-percentile), which the plotters use as their axis. Values are nanoseconds. The footer's
//! lines begin with `#[`.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

use super::DIGITS;

/// Steps for each halving of the distance to 100 %, the tools' usual number.
const STEPS_PER_HALF: u32 = 5;

/// Counts in one bucket of a histogram with three digits: the power of two above 2 x 10^3.
const SUB_BUCKETS: u32 = 2_048;

/// The distribution of one histogram.
pub(super) fn text(histogram: &Histogram<u64>) -> String {
    let mut text =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let decimals = usize::from(DIGITS);
    let mut total = 0;
    for step in histogram.iter_quantiles(STEPS_PER_HALF) {
        total += step.count_since_last_iteration();
        #[expect(clippy::cast_precision_loss, reason = "at most 60 s in nanoseconds, exact in 53 bits")]
        let value = step.value_iterated_to() as f64;
        let quantile = step.quantile_iterated_to();
        // Writing to a string cannot fail.
        let _ = write!(text, "{value:12.decimals$} {quantile:2.12} {total:10}");
        // The last line has no fourth column: it would be infinite.
        let _ =
            if quantile < 1.0 { writeln!(text, " {:14.2}", 1.0 / (1.0 - quantile)) } else { writeln!(text) };
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:12.decimals$}, StdDeviation   = {:12.decimals$}]",
        histogram.mean(),
        histogram.stdev()
    );
    #[expect(clippy::cast_precision_loss, reason = "at most 60 s in nanoseconds, exact in 53 bits")]
    let max = histogram.max() as f64;
    let _ = writeln!(text, "#[Max     = {max:12.decimals$}, Total count    = {:12}]", histogram.len());
    let _ = writeln!(text, "#[Buckets = {:12}, SubBuckets     = {SUB_BUCKETS:12}]", histogram.buckets());
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Stage, samples};
    use super::*;

    /// The four columns of each data line; the fourth is `None` on the last.
    fn parse(text: &str) -> Vec<(f64, f64, u64, Option<f64>)> {
        text.lines()
            .skip(2)
            .take_while(|line| !line.starts_with('#'))
            .map(|line| {
                let columns: Vec<&str> = line.split_whitespace().collect();
                let number = |index: usize| columns[index].parse::<f64>().unwrap();
                (number(0), number(1), columns[2].parse().unwrap(), columns.get(3).map(|_| number(3)))
            })
            .collect()
    }

    #[test]
    fn the_text_parses_back_to_the_histogram() {
        // Reads every line of a real-sized distribution: rising, each value that percentile's, the total complete.
        let recorder = samples::recorder();
        let histogram = recorder.stage(Stage::EndToEnd);
        let text = text(&histogram);
        let lines = parse(&text);
        assert!(lines.len() > 60, "{}", lines.len());
        for pair in lines.windows(2) {
            assert!(pair[0].0 <= pair[1].0 && pair[0].1 < pair[1].1 && pair[0].2 <= pair[1].2, "{pair:?}");
        }
        for (value, quantile, total, inverse) in &lines {
            let exact = histogram.value_at_quantile(*quantile) as f64;
            assert!((value / exact - 1.0).abs() < 0.002, "{value} at {quantile}, histogram {exact}");
            assert_eq!(*total, histogram.count_between(0, *value as u64));
            if let Some(inverse) = inverse {
                assert!((inverse * (1.0 - quantile) - 1.0).abs() < 0.01, "{inverse} at {quantile}");
            }
        }
        let last = lines.last().unwrap();
        assert_eq!((last.1, last.2, last.3), (1.0, histogram.len(), None));
        assert!(text.contains(&format!("Total count    = {:12}]", histogram.len())));
        assert!(text.contains("#[Buckets =           26, SubBuckets     =         2048]"), "{text}");
    }

    #[test]
    fn the_layout_is_the_tools_own() {
        // A two-value histogram, compared with the text the format prescribes.
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).unwrap();
        histogram.record(100).unwrap();
        histogram.record(300).unwrap();
        let expected = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n     100.000 0.000000000000          1           1.00\n";
        assert!(text(&histogram).starts_with(expected), "{}", text(&histogram));
        assert!(text(&histogram).contains("     300.000 1.000000000000          2\n#[Mean    =      200.000, StdDeviation   =      100.000]\n"));
    }
}
