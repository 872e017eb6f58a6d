//! Runs beside each other: what is slower than in the first of them, the base.

use std::collections::BTreeSet;

use hdrhistogram::Histogram;

use super::Stage;
use super::log::{Log, stage_of};

/// A tag that the base and at least one other run have; or, of a single run, any.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The tag.
    pub tag: &'a str,
    /// Its values in each run, the base first.
    pub runs: Vec<Option<&'a Histogram<u64>>>,
}

/// Runs side by side.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// Tags that can be compared: stages in the order of the journey, each before its kinds, then other tags.
    pub rows: Vec<Row<'a>>,
    /// Tags that some runs lack, with the numbers of those that have it.
    pub partial: Vec<(&'a str, Vec<usize>)>,
}

/// From where on a run is too slow.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Above so many times the base's latency.
    pub ratio: f64,
    /// At these percentiles, in percent.
    pub at: Vec<f64>,
    /// Tags with fewer values, here or in the base, are not judged: their percentiles are those of a few messages.
    pub least_count: u64,
}

/// One figure that is above the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slower<'a> {
    /// The tag.
    pub tag: &'a str,
    /// The run's number; the base is 0.
    pub run: usize,
    /// The percentile, in percent.
    pub percentile: f64,
    /// The base's figure, in nanoseconds.
    pub base: u64,
    /// The run's figure, in nanoseconds.
    pub value: u64,
}

impl Slower<'_> {
    /// How many times the base's figure it is.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        ratio(self.value, self.base)
    }
}

/// What a limit found.
#[derive(Clone, Debug, Default)]
pub struct Verdict<'a> {
    /// Figures above the limit, in the order of the rows.
    pub slower: Vec<Slower<'a>>,
    /// Figures compared with the limit. A verdict on none says nothing.
    pub judged: usize,
    /// Tags and runs left out because of their few values.
    pub too_few: Vec<(&'a str, usize)>,
}

impl<'a> Comparison<'a> {
    /// Compares runs, the base first, by those tags, or by all if there are none.
    #[must_use]
    pub fn new(logs: &'a [Log], tags: &[String]) -> Self {
        let wanted = |tag: &&String| tags.is_empty() || tags.contains(*tag);
        let names: BTreeSet<&String> = logs.iter().flat_map(|log| log.tags.keys()).filter(wanted).collect();
        let mut names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        names.sort_by_key(|tag| place(tag));
        let (mut rows, mut partial) = (Vec::new(), Vec::new());
        for tag in names {
            let runs: Vec<_> = logs.iter().map(|log| log.tags.get(tag)).collect();
            let having: Vec<usize> = (0..runs.len())
                .filter(|run| logs.get(*run).is_some_and(|log| log.tags.contains_key(tag)))
                .collect();
            if having.len() < runs.len() {
                partial.push((tag, having.clone()));
            }
            if having.first() == Some(&0) && (having.len() > 1 || runs.len() == 1) {
                rows.push(Row { tag, runs });
            }
        }
        Self { rows, partial }
    }

    /// Which figures are above a limit.
    #[must_use]
    pub fn judge(&self, limit: &Limit) -> Verdict<'a> {
        let mut verdict = Verdict::default();
        for row in &self.rows {
            let mut runs = row.runs.iter().enumerate();
            let Some((_, Some(base))) = runs.next() else { continue };
            for (run, histogram) in runs {
                let Some(histogram) = histogram else { continue };
                if histogram.len().min(base.len()) < limit.least_count {
                    verdict.too_few.push((row.tag, run));
                    continue;
                }
                for percentile in limit.at.iter().copied() {
                    let (base, value) = (value_at(base, percentile), value_at(histogram, percentile));
                    verdict.judged += 1;
                    if ratio(value, base) > limit.ratio {
                        verdict.slower.push(Slower { tag: row.tag, run, percentile, base, value });
                    }
                }
            }
        }
        verdict
    }
}

/// Where a tag stands: by stage, a stage over all kinds first; other tags behind, by name.
fn place(tag: &str) -> (usize, String) {
    let own = Stage::ALL.into_iter().find(|stage| stage.name() == tag);
    let stage = own.or_else(|| stage_of(tag)).map_or(Stage::ALL.len(), |stage| stage as usize);
    (stage, tag.to_owned())
}

/// The value at or below which that many percent are, in nanoseconds; of 100 the largest. 0 of an empty histogram.
#[must_use]
pub fn value_at(histogram: &Histogram<u64>, percentile: f64) -> u64 {
    match percentile {
        _ if histogram.is_empty() => 0,
        _ if percentile >= 100.0 => histogram.max(),
        _ => histogram.value_at_quantile(percentile / 100.0),
    }
}

/// How many times the base a value is; two zeros are alike.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a ratio is right to three digits, as its parts are")]
pub fn ratio(value: u64, base: u64) -> f64 {
    if value == base { 1.0 } else { value as f64 / base as f64 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{IntervalLog, MessageKind, Recorder};
    use super::*;

    /// A log with so many values of so many nanoseconds for each tag.
    fn log(values: &[(Stage, MessageKind, u64, u64)]) -> Log {
        let mut recorder = Recorder::new();
        for (stage, kind, nanos, count) in values.iter().copied() {
            for _ in 0..count {
                recorder.record(stage, kind, nanos);
            }
        }
        let mut log = IntervalLog::begin(Vec::new(), std::time::UNIX_EPOCH, &[]).unwrap();
        log.append(&recorder, Duration::ZERO, Duration::from_secs(1)).unwrap();
        Log::read(log.into_inner().as_slice(), false).unwrap()
    }

    const DELTA: MessageKind = MessageKind::Delta;

    #[test]
    fn rows_stand_in_the_order_of_the_journey() {
        // Three runs with different tags: what the base shares with any is a row, what some lack is named.
        let runs = [
            log(&[
                (Stage::EndToEnd, DELTA, 10, 1),
                (Stage::Parse, DELTA, 10, 1),
                (Stage::Ring, DELTA, 10, 1),
            ]),
            log(&[(Stage::EndToEnd, DELTA, 10, 1), (Stage::Parse, MessageKind::Bbo, 10, 1)]),
            log(&[(Stage::EndToEnd, DELTA, 10, 1), (Stage::Parse, DELTA, 10, 1)]),
        ];
        let all = Comparison::new(&runs, &[]);
        let tags: Vec<&str> = all.rows.iter().map(|row| row.tag).collect();
        assert_eq!(tags, ["parse", "parse.delta", "end_to_end", "end_to_end.delta"]);
        assert!(all.rows[1].runs[1].is_none() && all.rows[1].runs[2].is_some());
        let partial =
            [("parse.bbo", vec![1]), ("parse.delta", vec![0, 2]), ("ring", vec![0]), ("ring.delta", vec![0])];
        assert_eq!(all.partial, partial);
        let one = Comparison::new(&runs, &["end_to_end".to_owned()]);
        assert_eq!((one.rows.len(), one.rows[0].tag, one.partial.len()), (1, "end_to_end", 0));
        // A single run has nothing to be compared with, and is shown whole.
        assert_eq!(Comparison::new(&runs[..1], &[]).rows.len(), 6);
    }

    #[test]
    fn a_figure_is_slower_above_the_ratio_and_not_at_it() {
        // 100 ns against 110: 1.1 times is at the limit, a limit of 1.09 is passed; faster is never slower.
        let (base, slow) =
            (log(&[(Stage::Apply, DELTA, 100, 2_000)]), log(&[(Stage::Apply, DELTA, 110, 2_000)]));
        let tag = ["apply.delta".to_owned()];
        let runs = [base, slow];
        let compared = Comparison::new(&runs, &tag);
        let limit = |ratio| Limit { ratio, at: vec![50.0, 99.0], least_count: 1_000 };
        assert!(compared.judge(&limit(1.1)).slower.is_empty());
        let verdict = compared.judge(&limit(1.09));
        let slower = |percentile| Slower { tag: "apply.delta", run: 1, percentile, base: 100, value: 110 };
        assert_eq!((verdict.judged, verdict.slower), (2, vec![slower(50.0), slower(99.0)]));
        assert!((slower(50.0).ratio() - 1.1).abs() < 1e-12);
        let [base, slow] = runs;
        assert!(Comparison::new(&[slow, base], &tag).judge(&limit(1.0)).slower.is_empty());
    }

    #[test]
    fn few_values_are_not_judged() {
        // 999 values on either side are too few for a thousand, whichever side it is.
        let (few, many) = (log(&[(Stage::Ring, DELTA, 10, 999)]), log(&[(Stage::Ring, DELTA, 90, 1_000)]));
        let limit = Limit { ratio: 1.0, at: vec![99.0], least_count: 1_000 };
        let tag = ["ring.delta".to_owned()];
        for runs in
            [[few, many], [log(&[(Stage::Ring, DELTA, 10, 1_000)]), log(&[(Stage::Ring, DELTA, 90, 999)])]]
        {
            let verdict = Comparison::new(&runs, &tag).judge(&limit);
            assert_eq!((verdict.judged, verdict.slower.len()), (0, 0));
            assert_eq!(verdict.too_few, [("ring.delta", 1)]);
            let any = Comparison::new(&runs, &tag).judge(&Limit { least_count: 0, ..limit.clone() });
            assert_eq!((any.judged, any.slower.len()), (1, 1));
        }
    }

    #[test]
    fn figures_at_the_edges_are_defined() {
        // Nothing recorded, the largest value, and ratios with zeros.
        let empty = Histogram::<u64>::new(3).unwrap();
        assert_eq!(value_at(&empty, 99.0), 0);
        let run = log(&[(Stage::Ring, DELTA, 10, 99), (Stage::Ring, DELTA, 900, 1)]);
        let ring = &run.tags["ring"];
        assert_eq!(
            [50.0, 99.0, 99.5, 100.0].map(|percentile| value_at(ring, percentile)),
            [10, 10, 900, 900]
        );
        assert!(ratio(0, 0) == 1.0 && ratio(1, 0) == f64::INFINITY && ratio(0, 1) == 0.0);
    }
}
