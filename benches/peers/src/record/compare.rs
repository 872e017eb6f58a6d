//! What has become slower from one record to another, by more than noise.

use std::fmt;

use super::file::Entry;

/// Two runs of the same program differ by so much for reasons that no round sees: where its code and its memory happen
/// to lie.
const BETWEEN_RUNS: f64 = 0.05;

/// How much a ratio whose noise was not measured may move.
const UNKNOWN_NOISE: f64 = 0.25;

/// How much a count of instructions may move: what the compiler does to code that nobody changed.
const COUNTED: f64 = 0.01;

/// One line that is worse than before.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression {
    /// Which line.
    pub key: [String; 4],
    /// Before and after: ratios to the same peer, or values of what stands alone.
    pub figures: [f64; 2],
    /// How much worse it would have had to be to count.
    pub allowed: f64,
}

impl fmt::Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [bench, case, measure, beside] = &self.key;
        let beside = if beside.is_empty() { String::new() } else { format!(" of {beside}") };
        let [before, after] = self.figures;
        let worse = 100.0 * (after / before - 1.0);
        write!(f, "{bench} {case}, {measure}: {before:.4} -> {after:.4}{beside}")?;
        if worse.is_finite() {
            write!(f, ", {worse:+.1} % (noise up to {:.1} %)", 100.0 * self.allowed)?;
        }
        Ok(())
    }
}

/// Lines of both records in which the second is worse by more than noise, the worst first; and how many lines could be
/// compared.
pub fn compare(before: &[Entry], after: &[Entry]) -> (Vec<Regression>, usize) {
    let mut regressions = Vec::new();
    let mut compared = 0;
    for new in after {
        let Some(old) = before.iter().find(|old| old.key == new.key && old.unit == new.unit) else {
            continue;
        };
        let (figures, allowed) = match (old.ratio, new.ratio) {
            (Some(before), Some(after)) => ([before, after], of_ratios(old, new)),
            _ if old.unit == "ns" => continue, // A time that stands alone says more of the machine than of us.
            _ if old.unit == "instructions" => ([old.value, new.value], COUNTED),
            _ => ([old.value, new.value], 0.0),
        };
        compared += 1;
        if figures[1] > figures[0] * (1.0 + allowed) {
            regressions.push(Regression { key: new.key.clone(), figures, allowed });
        }
    }
    let worse = |one: &Regression| one.figures[1] / one.figures[0];
    regressions.sort_by(|one, other| worse(other).total_cmp(&worse(one)));
    (regressions, compared)
}

/// How much worse a ratio may be: as far as the two intervals reach towards each other, and what runs differ by.
fn of_ratios(old: &Entry, new: &Entry) -> f64 {
    let reach = |entry: &Entry, end: usize| match (entry.ratio, entry.interval) {
        (Some(ratio), Some(interval)) if ratio > 0.0 => (interval[end] / ratio - 1.0).abs(),
        _ => UNKNOWN_NOISE,
    };
    BETWEEN_RUNS + reach(old, 1) + reach(new, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(case: &str, ratio: Option<f64>, interval: Option<[f64; 2]>, value: f64, unit: &str) -> Entry {
        let key = ["peers", case, "mean", "peer"].map(str::to_owned);
        Entry { key, value, ratio, unit: unit.to_owned(), interval }
    }

    fn ratio(case: &str, ratio: f64, spread: f64) -> Entry {
        entry(case, Some(ratio), Some([ratio * (1.0 - spread), ratio * (1.0 + spread)]), 100.0, "ns")
    }

    fn named(before: &[Entry], after: &[Entry]) -> Vec<String> {
        compare(before, after).0.into_iter().map(|regression| regression.key[1].clone()).collect()
    }

    /// A ratio that is a fifth worse with intervals of 3 % is named; the same with intervals of 10 % is noise, and so is
    /// 4 % worse without any spread. Better is never named, and the worst comes first.
    #[test]
    fn a_planted_regression_is_named_and_noise_is_not() {
        let before = [
            ratio("planted", 0.5, 0.03),
            ratio("noisy", 0.5, 0.1),
            ratio("near", 0.5, 0.0),
            ratio("better", 0.5, 0.0),
            ratio("worst", 0.5, 0.01),
        ];
        let after = [
            ratio("planted", 0.6, 0.03),
            ratio("noisy", 0.6, 0.1),
            ratio("near", 0.52, 0.0),
            ratio("better", 0.3, 0.0),
            ratio("worst", 2.0, 0.01),
        ];
        assert_eq!(named(&before, &after), ["worst", "planted"]);
        assert_eq!(compare(&before, &after).1, 5);
        assert_eq!(named(&before, &before), Vec::<String>::new());
    }

    /// Instructions may grow by one per cent; heap calls and bytes not at all, also from none; a time that stands alone is
    /// not compared, nor is a line that one record lacks.
    #[test]
    fn counts_are_held_tighter_than_times() {
        let alone = |case: &str, value: f64, unit: &str| entry(case, None, None, value, unit);
        let before =
            [alone("code", 1_000.0, "instructions"), alone("heap", 0.0, "calls"), alone("time", 10.0, "ns")];
        let slightly =
            [alone("code", 1_009.0, "instructions"), alone("heap", 0.0, "calls"), alone("time", 90.0, "ns")];
        let clearly =
            [alone("code", 1_011.0, "instructions"), alone("heap", 1.0, "calls"), alone("new", 9.0, "calls")];
        assert_eq!(named(&before, &slightly), Vec::<String>::new());
        assert_eq!(compare(&before, &slightly).1, 2);
        assert_eq!(named(&before, &clearly), ["heap", "code"]);
    }

    /// Without a measured noise a quarter on each side is allowed.
    #[test]
    fn old_records_without_noise_are_compared_loosely() {
        let old = |ratio: f64| entry("hop", Some(ratio), None, 50.0, "ns");
        assert_eq!(named(&[old(0.6)], &[old(0.9)]), Vec::<String>::new());
        assert_eq!(named(&[old(0.6)], &[old(1.0)]), ["hop"]);
    }

    /// A regression says what it was, what it is, and how much of that could be noise.
    #[test]
    fn a_regression_reads_as_a_sentence() {
        let (regressions, _) = compare(&[ratio("planted", 0.5, 0.0)], &[ratio("planted", 0.75, 0.0)]);
        let text = regressions[0].to_string();
        assert_eq!(text, "peers planted, mean: 0.5000 -> 0.7500 of peer, +50.0 % (noise up to 5.0 %)");
    }
}
