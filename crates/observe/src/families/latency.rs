//! What the stages took, since the start: each report's figures added to those before.

use touchline::latency::{Recorder, Stage};

use crate::family::{Family, Value, labels};

/// Upper bounds of the buckets, ns: a few a decade where books are fast, and on to a second.
const BOUNDS_NS: [u64; 19] = [
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    50_000_000,
    100_000_000,
    1_000_000_000,
];

/// What every stage took so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    stages: [Taken; Stage::ALL.len()],
}

#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    counts: [u64; BOUNDS_NS.len() + 1],
    sum_seconds: f64,
}

impl Latencies {
    /// Adds what was recorded since the last time.
    pub(crate) fn add(&mut self, recorder: &Recorder) {
        for (stage, taken) in Stage::ALL.into_iter().zip(&mut self.stages) {
            for value in recorder.stage(stage).iter_recorded() {
                taken.add(value.value_iterated_to(), value.count_since_last_iteration());
            }
        }
    }

    pub(crate) fn family(&self) -> Family {
        let mut family = Family::histogram(
            "touchline_stage_latency_seconds",
            "What a stage took, by stage; the figures are right to 0.1 %",
        );
        for (stage, taken) in Stage::ALL.into_iter().zip(&self.stages) {
            let bounds = BOUNDS_NS.iter().map(|bound| *bound as f64 / 1e9).chain([f64::INFINITY]);
            let buckets = bounds.zip(taken.counts).collect();
            let value = Value::Histogram { sum: taken.sum_seconds, buckets };
            family.samples.push((labels![stage = stage.name()], value));
        }
        family
    }
}

impl Taken {
    fn add(&mut self, nanos: u64, count: u64) {
        let place = BOUNDS_NS.partition_point(|bound| *bound < nanos);
        if let Some(bucket) = self.counts.get_mut(place) {
            *bucket += count;
        }
        self.sum_seconds += nanos as f64 / 1e9 * count as f64;
    }
}

#[cfg(test)]
mod tests {
    use touchline::latency::MessageKind;

    use super::*;

    /// Two reports' figures add up, each value in its bucket, a bound's own value at or below it; the sum is theirs.
    #[test]
    fn reports_add_up() {
        let mut latencies = Latencies::default();
        for kind in [MessageKind::Delta, MessageKind::Trade] {
            let mut recorder = Recorder::new();
            for nanos in [0, 100, 101, 750, 2_000_000_000] {
                recorder.record(Stage::Parse, kind, nanos);
            }
            latencies.add(&recorder);
        }
        let family = latencies.family();
        let Value::Histogram { sum, buckets } = &family.samples[Stage::Parse as usize].1 else {
            panic!("no histogram")
        };
        let counts: Vec<_> = buckets.iter().map(|(_, count)| *count).collect();
        let mut expected = vec![0; 20];
        (expected[0], expected[1], expected[3], expected[19]) = (4, 2, 2, 2);
        assert_eq!(counts, expected);
        assert!((sum / 4.000_001_902 - 1.0).abs() < 0.001, "{sum}");
        assert!(matches!(&family.samples[0].1, Value::Histogram { .. }));
        assert_eq!(buckets.last().map(|(bound, _)| *bound), Some(f64::INFINITY));
    }
}
