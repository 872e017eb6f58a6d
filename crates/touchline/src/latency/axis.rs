//! The axes of a latency plot, for every picture of one.
//!
//! The horizontal axis is log10(1/(1-p)): every gridline is one more nine, so the rare slow messages get as much room
//! as the common fast ones. The vertical axis is log10 of the latency.

use std::f64::consts::LOG10_2;

use hdrhistogram::Histogram;

/// Points for each halving of the distance to 100 %. Ten make a smooth curve of some 150 points.
const POINTS_PER_HALF: u32 = 10;

/// 10 % on the horizontal axis: -log10(0.9). A vertical axis begins below what the lowest curve shows here: what the
/// fastest few values show is the clock's step more than the stage.
pub const TEN_PERCENT: f64 = 0.045_757_5;

/// The logs of 1, 2 and 5, and the first of the next decade: where a latency axis has its lines.
pub const STEPS: [f64; 4] = [0.0, LOG10_2, 1.0 - LOG10_2, 1.0];

/// A histogram's curve: log10(1/(1-p)) and log10(ns), from the smallest value to the largest, which stands at the
/// 1-in-its-count percentile. A logarithm has no zero: 0 ns is drawn as 1.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a picture shows three digits at most")]
pub fn curve(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let end = (histogram.len() as f64).log10();
    let height = |nanos: u64| (nanos.max(1) as f64).log10();
    let mut points = Vec::new();
    for step in histogram.iter_quantiles(POINTS_PER_HALF) {
        let nines = -(1.0 - step.quantile_iterated_to()).log10();
        if nines >= end {
            break;
        }
        points.push((nines.max(0.0), height(step.value_iterated_to())));
    }
    points.push((end, height(histogram.max())));
    points
}

/// The nearest step of 1, 2 or 5 below a log of a latency.
#[must_use]
pub fn step_below(log: f64) -> f64 {
    let decade = log.floor();
    STEPS.iter().rev().map(|step| decade + step).find(|step| *step < log).unwrap_or(decade - 1.0 + STEPS[2])
}

/// The nearest step of 1, 2 or 5 above a log of a latency.
#[must_use]
pub fn step_above(log: f64) -> f64 {
    let decade = log.floor();
    STEPS.iter().map(|step| decade + step).find(|step| *step > log).unwrap_or(decade + 1.0)
}

/// A number of nines as text: `0%`, `50%`, `90%`, `99%`, `99.9%`.
#[must_use]
pub fn percent(nines: f64) -> String {
    let decimals = if nines > 2.0 { nines as usize - 2 } else { 0 };
    format!("{:.decimals$}%", 100.0 * (1.0 - 10_f64.powf(-nines)))
}

#[cfg(test)]
mod tests {
    use super::super::{Stage, samples};
    use super::*;

    #[test]
    fn curves_rise_and_end_at_the_maximum() {
        // The curve of a real-sized histogram: both axes rise, the last point is (log10 count, log10 max).
        let histogram = samples::recorder().stage(Stage::EndToEnd);
        let points = curve(&histogram);
        assert!(points.len() > 100, "{}", points.len());
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
        let last = points.last().unwrap();
        assert!((last.0 - (histogram.len() as f64).log10()).abs() < 1e-12);
        assert!((last.1 - (histogram.max() as f64).log10()).abs() < 1e-12);
    }

    #[test]
    fn the_nines_are_named() {
        // Each gridline's label.
        let names: Vec<String> = (0..6).map(|nines| percent(f64::from(nines))).collect();
        assert_eq!(names, ["0%", "90%", "99%", "99.9%", "99.99%", "99.999%"]);
    }

    #[test]
    fn steps_are_the_nearest_of_1_2_and_5() {
        // 30 lies between 20 and 50; a step itself is left for the next one; both across a decade.
        let near = |log: f64, nanos: f64| (log - nanos.log10()).abs() < 1e-9;
        assert!(near(step_below(30_f64.log10()), 20.0) && near(step_above(30_f64.log10()), 50.0));
        assert!(near(step_below(10_f64.log10()), 5.0) && near(step_above(60_f64.log10()), 100.0));
    }
}
