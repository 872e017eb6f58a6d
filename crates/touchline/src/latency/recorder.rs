//! The table of histograms that a thread of the pipeline fills.
//!
//! Bounds are fixed: 1 ns to 60 s at three significant digits. Such a histogram has 26 buckets of 1,024 counts and
//! one more half, 27,648 counts of 8 bytes: 221,184 bytes. 6 stages x 5 kinds make 6,635,520 bytes a recorder, all
//! taken and touched in `new`, so that no later record meets a page fault. A run touches few of them: latencies
//! between 100 ns and 10 us lie within 60 KB of each histogram.

use hdrhistogram::Histogram;

use super::{MessageKind, Stage};

/// The smallest value told apart from 0, in nanoseconds.
pub const LOWEST_NS: u64 = 1;

/// The largest value, in nanoseconds. Anything above is recorded as this much and counted as clipped.
pub const HIGHEST_NS: u64 = 60_000_000_000;

/// Significant decimal digits of every figure: values are right to 0.1 %.
pub const DIGITS: u8 = 3;

/// One histogram for each stage and kind. Each thread fills one of its own; [`merge`](Self::merge) joins them at the
/// end of a run.
#[derive(Clone, Debug)]
pub struct Recorder {
    table: Box<[Histogram<u64>]>,
    clipped: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// An empty recorder with all its memory in place.
    #[must_use]
    pub fn new() -> Self {
        let cells = Stage::ALL.len() * MessageKind::ALL.len();
        Self { table: (0..cells).map(|_| empty()).collect(), clipped: 0 }
    }

    /// Adds one latency in nanoseconds. Never allocates and never fails: values above [`HIGHEST_NS`] count as that.
    #[inline]
    pub fn record(&mut self, stage: Stage, kind: MessageKind, nanos: u64) {
        self.clipped += u64::from(nanos > HIGHEST_NS);
        if let Some(histogram) = self.table.get_mut(cell(stage, kind)) {
            histogram.saturating_record(nanos);
        }
    }

    /// Adds everything that `other` has recorded.
    pub fn merge(&mut self, other: &Self) {
        self.clipped += other.clipped;
        for (ours, theirs) in self.table.iter_mut().zip(&other.table) {
            let outcome = ours.add(theirs);
            debug_assert!(outcome.is_ok(), "all histograms have the same bounds: {outcome:?}");
        }
    }

    /// Forgets everything recorded, keeping the memory: for the end of a warm-up.
    pub fn reset(&mut self) {
        self.clipped = 0;
        self.table.iter_mut().for_each(Histogram::reset);
    }

    /// The histogram of one stage and kind.
    #[must_use]
    pub fn histogram(&self, stage: Stage, kind: MessageKind) -> &Histogram<u64> {
        &self.table[cell(stage, kind)]
    }

    /// The histogram of one stage over all kinds.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> Histogram<u64> {
        let mut sum = empty();
        for kind in MessageKind::ALL {
            let outcome = sum.add(self.histogram(stage, kind));
            debug_assert!(outcome.is_ok(), "all histograms have the same bounds: {outcome:?}");
        }
        sum
    }

    /// How many values were above [`HIGHEST_NS`].
    #[must_use]
    pub fn clipped(&self) -> u64 {
        self.clipped
    }
}

/// Below 30 for every pair, which is the table's length.
const fn cell(stage: Stage, kind: MessageKind) -> usize {
    stage as usize * MessageKind::ALL.len() + kind as usize
}

fn empty() -> Histogram<u64> {
    let mut histogram =
        Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS).expect("the bounds are valid constants");
    // Fresh memory is mapped at its first write; writing zeros to every count does that now.
    histogram.reset();
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_a_histogram_of_its_own() {
        // Records a different number of values into each of the 30 cells and counts them back.
        let mut recorder = Recorder::new();
        let pairs: Vec<_> =
            Stage::ALL.iter().flat_map(|s| MessageKind::ALL.iter().map(move |k| (*s, *k))).collect();
        for (index, (stage, kind)) in pairs.iter().enumerate() {
            for _ in 0..=index {
                recorder.record(*stage, *kind, 100);
            }
        }
        for (index, (stage, kind)) in pairs.iter().enumerate() {
            assert_eq!(recorder.histogram(*stage, *kind).len(), index as u64 + 1);
        }
        assert_eq!(recorder.stage(Stage::Parse).len(), 6 + 7 + 8 + 9 + 10);
    }

    #[test]
    fn the_edges_of_the_range_are_kept_and_beyond_is_clipped() {
        // 0, 1, the highest, one above, and the largest u64: all recorded, two of them clipped.
        let mut recorder = Recorder::new();
        for nanos in [0, LOWEST_NS, HIGHEST_NS, HIGHEST_NS + 1, u64::MAX] {
            recorder.record(Stage::Apply, MessageKind::Delta, nanos);
        }
        let histogram = recorder.histogram(Stage::Apply, MessageKind::Delta);
        assert_eq!((histogram.len(), recorder.clipped(), histogram.min()), (5, 2, 0));
        // "As the highest" holds to the three digits; the last count's range ends a little above.
        assert!(histogram.max() >= HIGHEST_NS && histogram.max() < HIGHEST_NS + HIGHEST_NS / 8);
    }

    #[test]
    fn merging_adds_and_reset_forgets() {
        // Two recorders with different cells: the sum has both, and a reset one equals a new one.
        let (mut reader, mut book) = (Recorder::new(), Recorder::new());
        reader.record(Stage::Parse, MessageKind::Trade, 50);
        book.record(Stage::Parse, MessageKind::Trade, 70);
        book.record(Stage::Publish, MessageKind::Trade, u64::MAX);
        reader.merge(&book);
        let parse = reader.histogram(Stage::Parse, MessageKind::Trade);
        assert_eq!((parse.len(), parse.min(), parse.max(), reader.clipped()), (2, 50, 70, 1));
        reader.reset();
        assert_eq!((reader.stage(Stage::Parse), reader.clipped()), (Recorder::new().stage(Stage::Parse), 0));
    }

    #[test]
    fn the_memory_is_what_the_module_says() {
        // The count of distinct values times 8 bytes is the figure in the first paragraph.
        let histogram = empty();
        assert_eq!(histogram.distinct_values() * 8, 221_184);
        assert_eq!(Recorder::new().table.len() * histogram.distinct_values() * 8, 6_635_520);
    }
}
