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
    /// The connections to each book that were asked for.
    pub paths: Option<u8>,
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
        let only = self.only.as_ref().map_or_else(String::new, |only| format!(" --venue {only}"));
        let paths = self.paths.map_or_else(String::new, |paths| format!(" --paths {paths}"));
        let seconds = self.faulty.as_secs_f64();
        format!(
            "touchline-simulation one --seed {}{only}{paths} --faulty-seconds {seconds:.3}{without} --trace",
            self.seed
        )
    }
}

/// Halves the time, then switches faults off one by one, as long as it still fails; `None` if it does not fail at all.
#[must_use]
pub fn shrink(
    seed: u64,
    only: Option<&str>,
    paths: Option<u8>,
    faulty: Duration,
    without: &[Switch],
) -> Option<Shrunk> {
    let only = only.map(str::to_owned);
    let (without, failure) = (without.to_vec(), String::new());
    let mut least = Shrunk { seed, faulty, only, paths, without, failure };
    least.failure = least.failure_of(faulty, &least.without)?;
    least.less_time();
    for switch in least.plan(&least.without)?.switches().to_vec() {
        let mut without = least.without.clone();
        without.push(switch);
        if let Some(failure) = least.failure_of(least.faulty, &without) {
            (least.without, least.failure) = (without, failure);
        }
    }
    least.less_time();
    Some(least)
}

impl Shrunk {
    fn plan(&self, without: &[Switch]) -> Option<Plan> {
        Plan::of_paths(self.seed, without, self.only.as_deref(), self.paths)
    }

    fn failure_of(&self, faulty: Duration, without: &[Switch]) -> Option<String> {
        run(&self.plan(without)?, faulty, 0).failure
    }

    fn less_time(&mut self) {
        for part in [2, 2, 2, 2, 2, 2, 3, 4] {
            let less = self.faulty - self.faulty / part;
            if let Some(failure) = self.failure_of(less, &self.without) {
                (self.faulty, self.failure) = (less, failure);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command names all that the world was made from.
    #[test]
    fn the_command_names_the_world() {
        let mut least = Shrunk {
            seed: 7,
            faulty: Duration::from_secs(2),
            only: None,
            paths: None,
            without: Vec::new(),
            failure: String::new(),
        };
        assert_eq!(least.command(), "touchline-simulation one --seed 7 --faulty-seconds 2.000 --trace");
        (least.only, least.paths, least.without) = (Some("kraken".to_owned()), Some(3), vec![Switch::Drop]);
        let command = "touchline-simulation one --seed 7 --venue kraken --paths 3 --faulty-seconds 2.000 --without drop --trace";
        assert_eq!(least.command(), command);
    }
}
