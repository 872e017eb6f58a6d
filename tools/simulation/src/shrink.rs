//! Makes a failing world small: less time, fewer faults.

use std::time::Duration;

use crate::plan::{Plan, Switch};
use crate::world::run;

/// The smallest failing world found.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// Its seed.
    pub seed: u64,
    /// How long it needs faults for.
    pub faulty: Duration,
    /// The venue that was asked for.
    pub only: Option<String>,
    /// The faults it does not need.
    pub without: Vec<Switch>,
    /// How it fails.
    pub failure: String,
}

impl Shrunk {
    /// The command that shows it.
    #[must_use]
    pub fn command(&self) -> String {
        let without: Vec<&str> = self.without.iter().map(|switch| switch.name()).collect();
        let without =
            if without.is_empty() { String::new() } else { format!(" --without {}", without.join(",")) };
        let seconds = self.faulty.as_secs_f64();
        format!(
            "touchline-simulation one --seed {} --faulty-seconds {seconds:.3}{without} --trace",
            self.seed
        )
    }
}

fn failure(seed: u64, only: Option<&str>, faulty: Duration, without: &[Switch]) -> Option<String> {
    run(&Plan::of(seed, without, only)?, faulty, 0).failure
}

/// Halves the time, then switches faults off one by one, as long as it still fails; `None` if it does not fail at all.
#[must_use]
pub fn shrink(seed: u64, only: Option<&str>, faulty: Duration, without: &[Switch]) -> Option<Shrunk> {
    let first = failure(seed, only, faulty, without)?;
    let mut least =
        Shrunk { seed, faulty, only: only.map(str::to_owned), without: without.to_vec(), failure: first };
    least.less_time();
    let on = Plan::of(seed, &least.without, only)?.switches().to_vec();
    for switch in on {
        let mut without = least.without.clone();
        without.push(switch);
        if let Some(failure) = failure(seed, only, least.faulty, &without) {
            (least.without, least.failure) = (without, failure);
        }
    }
    least.less_time();
    Some(least)
}

impl Shrunk {
    fn less_time(&mut self) {
        for part in [2, 2, 2, 2, 2, 2, 3, 4] {
            let less = self.faulty - self.faulty / part;
            if let Some(failure) = failure(self.seed, self.only.as_deref(), less, &self.without) {
                (self.faulty, self.failure) = (less, failure);
            }
        }
    }
}
