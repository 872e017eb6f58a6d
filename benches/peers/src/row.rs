//! One line of the table: ours beside one peer or floor, the goal, and whether it is met.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is asked of a ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The peer takes at least so many times our time.
    Faster(f64),
    /// We take at most so many times the other's time.
    Within(f64),
    /// Our figure is at most this, whoever else there is.
    AtMost(f64),
}

impl Bound {
    /// What the ratio says that this bound is about.
    fn says(self) -> Says {
        match self {
            Self::Faster(_) => Says::TimesFaster,
            Self::Within(_) | Self::AtMost(_) => Says::TimesItsTime,
        }
    }

    fn holds(self, turned: f64) -> bool {
        match self {
            Self::Faster(least) => turned >= least,
            Self::Within(most) | Self::AtMost(most) => turned <= most,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |value: f64| (value * 1_000.0).round() / 1_000.0;
        match *self {
            Self::Faster(least) => write!(f, ">= {}x faster", short(least)),
            Self::Within(most) => write!(f, "<= {}x of it", short(most)),
            Self::AtMost(most) => write!(f, "<= {}", short(most)),
        }
    }
}

/// What a row's ratio says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// How many times our time the peer takes.
    TimesFaster,
    /// How many times the other's time we take.
    TimesItsTime,
}

/// What became of a goal.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// There is none: the row is for orientation.
    None,
    /// The median meets it.
    Met,
    /// The median misses it, and the rounds do not rule out that it is met; or they are too few to tell.
    Noise,
    /// It is missed, by more than the rounds differ.
    Missed,
    /// Nothing was measured: the row's note says why.
    Unmeasured,
}

/// Ours beside another's.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Row {
    /// What is measured.
    pub stage: String,
    /// Which figure of it: a mean, or a percentile of single events.
    pub measure: String,
    /// Of what: `ns` unless said otherwise.
    pub unit: String,
    /// Which of ours, where there are several.
    pub ours: String,
    /// Our median over the rounds.
    pub ours_ns: Option<f64>,
    /// Beside whom.
    pub peer: String,
    /// Its median over the rounds.
    pub peer_ns: Option<f64>,
    /// The median of the rounds' ratios.
    pub ratio: Option<f64>,
    /// What the ratio says.
    pub says: Says,
    /// The median of the rounds' ratios lies between this and `high` with 95 % confidence.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The goal as text.
    pub goal: Option<String>,
    /// Whether the median meets the goal; none where there is no goal or no figure.
    pub met: Option<bool>,
    /// The same, with the noise.
    pub verdict: Verdict,
    /// Rounds that count.
    pub rounds: usize,
    /// What has to be known of this row.
    pub note: Option<String>,
}

/// Fewer rounds than this tell nothing about noise.
pub const ROUNDS_LEAST: usize = 6;

impl Row {
    /// The row of two series of the same rounds, in `(ours, theirs)` pairs. What its ratio says is the goal's choice, and
    /// without one the caller's.
    pub fn paired(
        stage: &str,
        measure: &str,
        pairs: &[(f64, f64)],
        bound: Option<Bound>,
        says: Says,
    ) -> Self {
        let says = bound.map_or(says, Bound::says);
        let ratio = |&(ours, peer): &(f64, f64)| match says {
            Says::TimesFaster => peer / ours,
            Says::TimesItsTime => ours / peer,
        };
        let (ratio, low, high) = interval(pairs.iter().map(ratio).collect());
        let mut row = Self::empty(stage, measure);
        row.says = says;
        row.ours_ns = finite(median(pairs.iter().map(|pair| pair.0).collect()));
        row.peer_ns = finite(median(pairs.iter().map(|pair| pair.1).collect()));
        (row.ratio, row.low, row.high) = (finite(ratio), finite(low), finite(high));
        row.rounds = pairs.len();
        row.judge(bound, ratio, [low, high])
    }

    /// The row of a series that stands alone.
    pub fn alone(stage: &str, measure: &str, values: &[f64], bound: Option<Bound>) -> Self {
        let (value, low, high) = interval(values.to_vec());
        let mut row = Self::empty(stage, measure);
        row.ours_ns = finite(value);
        row.rounds = values.len();
        row.judge(bound, value, [low, high])
    }

    /// The row of something that is not measured, and why.
    pub fn unmeasured(stage: &str, measure: &str, why: &str) -> Self {
        let mut row = Self::empty(stage, measure);
        row.verdict = Verdict::Unmeasured;
        row.note = Some(why.to_owned());
        row
    }

    /// What is asked of something that is not measured.
    pub fn asked(mut self, bound: Bound) -> Self {
        self.goal = Some(bound.to_string());
        self
    }

    /// Beside whom, and which of ours.
    pub fn between(mut self, ours: &str, peer: &str) -> Self {
        (self.ours, self.peer) = (ours.to_owned(), peer.to_owned());
        self
    }

    /// Of what.
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = unit.to_owned();
        self
    }

    fn empty(stage: &str, measure: &str) -> Self {
        Self {
            stage: stage.to_owned(),
            measure: measure.to_owned(),
            unit: "ns".to_owned(),
            ours: String::new(),
            ours_ns: None,
            peer: String::new(),
            peer_ns: None,
            ratio: None,
            says: Says::TimesFaster,
            low: None,
            high: None,
            goal: None,
            met: None,
            verdict: Verdict::None,
            rounds: 0,
            note: None,
        }
    }

    fn judge(mut self, bound: Option<Bound>, value: f64, interval: [f64; 2]) -> Self {
        if value.is_nan() {
            self.verdict = Verdict::Unmeasured;
            self.note = Some("no round gave a figure".to_owned());
            return self;
        }
        let Some(bound) = bound else { return self };
        self.goal = Some(bound.to_string());
        self.met = Some(bound.holds(value));
        self.verdict = if bound.holds(value) {
            Verdict::Met
        } else if self.rounds < ROUNDS_LEAST || interval.iter().any(|&end| bound.holds(end)) {
            Verdict::Noise
        } else {
            Verdict::Missed
        };
        self
    }
}

/// The median, and the order statistics between which the true one lies with 95 % confidence (the sign test's
/// interval, which asks nothing of the distribution).
fn interval(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let count = values.len();
    let Some(last) = count.checked_sub(1) else { return (f64::NAN, f64::NAN, f64::NAN) };
    let rank = (count as f64 / 2.0 - 0.98 * (count as f64).sqrt()).floor().max(1.0) as usize - 1;
    (values[count / 2], values[rank], values[last - rank])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(ratios: &[f64], bound: Bound) -> Verdict {
        let pairs: Vec<_> = ratios.iter().map(|&ratio| (100.0, 100.0 * ratio)).collect();
        Row::paired("stage", "mean", &pairs, Some(bound), Says::TimesFaster).verdict
    }

    /// Thirty-one rounds around 14.5 with a spread of 2: fifteen is missed within noise, sixteen clearly, fourteen met.
    #[test]
    fn a_goal_is_missed_only_by_more_than_the_rounds_differ() {
        let ratios: Vec<f64> = (0..31).map(|n| 13.5 + f64::from(n * 7 % 31) / 15.0).collect();
        assert_eq!(judged(&ratios, Bound::Faster(14.0)), Verdict::Met);
        assert_eq!(judged(&ratios, Bound::Faster(14.7)), Verdict::Noise);
        assert_eq!(judged(&ratios, Bound::Faster(16.0)), Verdict::Missed);
        assert_eq!(judged(&ratios[..5], Bound::Faster(16.0)), Verdict::Noise, "five rounds cannot tell");
    }

    /// The two directions of a ratio: half the time is twice as fast, and within 0.5 times.
    #[test]
    fn ratios_turn_with_the_goal() {
        let pairs = [(50.0, 100.0); 9];
        let row = |bound, says| Row::paired("stage", "mean", &pairs, bound, says);
        let faster = row(Some(Bound::Faster(2.0)), Says::TimesItsTime);
        let within = row(Some(Bound::Within(0.5)), Says::TimesFaster);
        assert_eq!((faster.ratio, faster.met), (Some(2.0), Some(true)));
        assert_eq!((within.ratio, within.met), (Some(0.5), Some(true)));
        assert_eq!(row(None, Says::TimesFaster).ratio, Some(2.0));
        assert_eq!(row(None, Says::TimesItsTime).ratio, Some(0.5));
    }

    /// Ours takes nothing at all: no ratio can be written, and the goal is met.
    #[test]
    fn nothing_at_all_is_faster_than_anything() {
        let row =
            Row::paired("heap", "calls", &[(0.0, 567.0); 9], Some(Bound::Faster(2.0)), Says::TimesFaster);
        assert_eq!((row.ours_ns, row.ratio, row.verdict), (Some(0.0), None, Verdict::Met));
    }

    /// A row alone is held against the value itself; one without rounds says that nothing was measured.
    #[test]
    fn values_alone_and_none_at_all() {
        assert_eq!(Row::alone("heap", "calls", &[0.0], Some(Bound::AtMost(0.0))).verdict, Verdict::Met);
        assert_eq!(Row::alone("heap", "calls", &[2.0; 9], Some(Bound::AtMost(0.0))).verdict, Verdict::Missed);
        assert_eq!(
            Row::paired("stage", "mean", &[], Some(Bound::Within(1.0)), Says::TimesFaster).verdict,
            Verdict::Unmeasured
        );
    }
}
