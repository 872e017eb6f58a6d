//! Contestants that take turns, so that a slow minute of the machine hits all alike.

use crate::row::{Bound, ROUNDS_LEAST, Row, Says};

/// What one turn of a contestant gave: a figure for each measure of the race.
pub struct Lap {
    /// In the order of the race's measures.
    pub figures: Vec<f64>,
    /// Whether no thread was made to leave its core meanwhile. Other laps are used only where there are too few quiet
    /// ones.
    pub is_quiet: bool,
}

impl Lap {
    /// A turn on one thread, where a disturbance is seen in the spread.
    pub fn new(figures: impl Into<Vec<f64>>) -> Self {
        Self { figures: figures.into(), is_quiet: true }
    }
}

/// Who takes part.
pub struct Contestant<'a> {
    name: String,
    /// What ratios to it say.
    says: Says,
    lap: Box<dyn FnMut() -> Lap + 'a>,
    laps: Vec<Lap>,
}

/// A goal of the race.
struct Goal {
    measure: &'static str,
    peer: &'static str,
    bound: Bound,
}

/// One stage: what is measured, by whom, and what is asked of the first of them, which is ours.
pub struct Race<'a> {
    stage: String,
    unit: &'static str,
    measures: &'static [&'static str],
    /// How many of the first contestants are ours.
    ours: usize,
    contestants: Vec<Contestant<'a>>,
    goals: Vec<Goal>,
    missing: Vec<(&'static str, &'static str)>,
}

impl<'a> Race<'a> {
    /// A race of these measures, all of one unit.
    pub fn new(stage: impl Into<String>, measures: &'static [&'static str]) -> Self {
        let (contestants, goals, missing) = (Vec::new(), Vec::new(), Vec::new());
        Self { stage: stage.into(), unit: "ns", measures, ours: 0, contestants, goals, missing }
    }

    /// The unit of its figures.
    pub fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// One of ours. Goals are asked of the first.
    pub fn ours(&mut self, name: impl Into<String>, lap: impl FnMut() -> Lap + 'a) {
        let says = Says::TimesFaster;
        let contestant = Contestant { name: name.into(), says, lap: Box::new(lap), laps: Vec::new() };
        self.contestants.insert(self.ours, contestant);
        self.ours += 1;
    }

    /// A peer: how many times faster are we?
    pub fn peer(&mut self, name: impl Into<String>, lap: impl FnMut() -> Lap + 'a) {
        self.add(name.into(), Says::TimesFaster, Box::new(lap));
    }

    /// What nobody can go below: how many times its time do we take?
    pub fn floor(&mut self, name: impl Into<String>, lap: impl FnMut() -> Lap + 'a) {
        self.add(name.into(), Says::TimesItsTime, Box::new(lap));
    }

    fn add(&mut self, name: String, says: Says, lap: Box<dyn FnMut() -> Lap + 'a>) {
        self.contestants.push(Contestant { name, says, lap, laps: Vec::new() });
    }

    /// A peer that this build or this machine does not have.
    #[allow(dead_code, reason = "only some builds lack a peer")]
    pub fn missing(&mut self, name: &'static str, why: &'static str) {
        self.missing.push((name, why));
    }

    /// What is asked of a measure beside a peer.
    pub fn goal(&mut self, measure: &'static str, peer: &'static str, bound: Bound) {
        self.goals.push(Goal { measure, peer, bound });
    }

    /// So many rounds, each begun by another contestant; then the rows.
    pub fn run(mut self, rounds: usize) -> Vec<Row> {
        let count = self.contestants.len();
        for round in 0..rounds {
            for turn in 0..count {
                let contestant = &mut self.contestants[(round + turn) % count];
                let lap = (contestant.lap)();
                contestant.laps.push(lap);
            }
        }
        self.rows()
    }

    fn rows(&self) -> Vec<Row> {
        let (ours, others) = self.contestants.split_at(self.ours);
        let mut rows = Vec::new();
        for (nth, our) in ours.iter().enumerate() {
            for (at, measure) in self.measures.iter().enumerate() {
                if others.is_empty() {
                    let values: Vec<_> = our.laps.iter().map(|lap| lap.figures[at]).collect();
                    let bound = self.bound(nth, measure, "");
                    let row = Row::alone(&self.stage, measure, &values, bound);
                    rows.push(row.between(&our.name, "").unit(self.unit));
                }
                for other in others {
                    let pairs = pairs(our, other, at);
                    if pairs.is_empty() {
                        continue; // Not a measure of this contestant.
                    }
                    let bound = self.bound(nth, measure, &other.name);
                    let row = Row::paired(&self.stage, measure, &pairs, bound, other.says);
                    rows.push(row.between(&our.name, &other.name).unit(self.unit));
                }
            }
        }
        for (name, why) in &self.missing {
            let ours = ours.first().map_or("", |our| &our.name);
            rows.push(Row::unmeasured(&self.stage, self.measures[0], why).between(ours, name));
        }
        rows
    }

    fn bound(&self, nth_of_ours: usize, measure: &str, peer: &str) -> Option<Bound> {
        let goal = self.goals.iter().find(|goal| goal.measure == measure && goal.peer == peer);
        goal.filter(|_| nth_of_ours == 0).map(|goal| goal.bound)
    }
}

/// The figures of the rounds that were quiet for both, or of all where those are too few. A lap that has no figure for
/// this measure says so by one that is not a number.
fn pairs(our: &Contestant<'_>, other: &Contestant<'_>, at: usize) -> Vec<(f64, f64)> {
    let all = || our.laps.iter().zip(&other.laps);
    let pair = |(our, other): (&Lap, &Lap)| (our.figures[at], other.figures[at]);
    let measured = |pair: &(f64, f64)| pair.0.is_finite() && pair.1.is_finite();
    let quiet = all().filter(|(our, other)| our.is_quiet && other.is_quiet);
    let quiet: Vec<_> = quiet.map(pair).filter(measured).collect();
    if quiet.len() >= ROUNDS_LEAST { quiet } else { all().map(pair).filter(measured).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Verdict;

    /// Two of ours and a peer three times as slow as the first: every pair has a row, the goal is asked of the first
    /// alone, and laps that were not quiet do not count.
    #[test]
    fn rows_are_paired_by_round() {
        let mut race = Race::new("stage", &["mean"]);
        race.ours("fast", || Lap::new([1.0]));
        race.ours("slow", || Lap::new([9.0]));
        let mut lap = 0;
        race.peer("peer", move || {
            lap += 1;
            Lap { figures: vec![if lap % 3 == 0 { 1_000.0 } else { 3.0 }], is_quiet: lap % 3 != 0 }
        });
        race.goal("mean", "peer", Bound::Faster(3.0));
        let rows = race.run(12);
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (rows[0].ours.as_str(), rows[0].ratio, rows[0].verdict),
            ("fast", Some(3.0), Verdict::Met)
        );
        assert_eq!((rows[1].ours.as_str(), rows[1].verdict), ("slow", Verdict::None));
        assert_eq!(rows[0].rounds, 8);
    }
}
