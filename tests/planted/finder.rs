//! Who may find a bug: each check of the contract suite at each venue, and each of the first seeds of the simulation.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::Duration;

use touchline::market::{Bug, plant};
use touchline::venue::{VenueFacts, all};
use touchline_simulation::{Plan, run};

use crate::single::Kind;
use crate::{budget, crossed, cuts, race, single, whole};

/// Seeds that are tried.
const SEEDS: usize = 90;

/// How long each has its faults. A minute without follows.
const FAULTY: Duration = Duration::from_secs(120);

/// Runs at a venue; panics when something is wrong.
type Check = fn(&'static VenueFacts);

/// The checks, the shortest first.
const CHECKS: [(&str, Check); 9] = [
    ("budget", |facts| _ = budget::check(facts)),
    ("undamaged", |facts| _ = whole::check(facts)),
    ("crossed", |facts| _ = crossed::check(facts)),
    ("cut", |facts| _ = cuts::check(facts)),
    ("snapshots", |facts| _ = race::check(facts)),
    ("lost", |facts| each(facts, Kind::Lost)),
    ("doubled", |facts| each(facts, Kind::Doubled)),
    ("repeated", |facts| each(facts, Kind::Repeated)),
    ("swapped", |facts| each(facts, Kind::Swapped)),
];

fn each(facts: &'static VenueFacts, kind: Kind) {
    if let Some(trace) = single::trace(facts) {
        single::check(facts, &trace, kind);
    }
}

/// One who may find a bug.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Finder {
    Check(&'static str, Check, &'static VenueFacts),
    Seed(usize, &'static VenueFacts),
}

impl Finder {
    /// Every check at every venue.
    pub(crate) fn checks() -> Vec<Self> {
        CHECKS
            .iter()
            .flat_map(|(name, check)| all().iter().map(|facts| Self::Check(name, *check, facts)))
            .collect()
    }

    /// The first seeds, at one venue after the other.
    pub(crate) fn seeds() -> Vec<Self> {
        let venues = all().iter().filter(|facts| (facts.exchange)().is_some()).cycle();
        (0..SEEDS).zip(venues).map(|(seed, facts)| Self::Seed(seed, facts)).collect()
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Check(name, _, facts) => format!("{name}, {}", facts.name),
            Self::Seed(seed, facts) => format!("seed {seed}, {}", facts.name),
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        let (what, venue) = name.split_once(", ")?;
        if let Some(seed) = what.strip_prefix("seed ") {
            return Some(Self::Seed(seed.parse().ok()?, touchline::venue::find(venue)?));
        }
        Self::checks().into_iter().find(|finder| finder.name() == name)
    }

    /// The first words of what it finds with this bug planted.
    pub(crate) fn find(&self, bug: Option<Bug>) -> Option<String> {
        plant(bug);
        let found = match *self {
            Self::Check(_, check, facts) => quietly(|| check(facts)).err(),
            Self::Seed(seed, facts) => quietly(|| simulate(seed, facts)).unwrap_or_else(Some),
        };
        plant(None);
        found.map(|text| first_words(&text))
    }
}

/// What the simulation of a seed finds wrong.
fn simulate(seed: usize, facts: &VenueFacts) -> Option<String> {
    run(&Plan::of(seed as u64, &[], Some(facts.name.as_str()))?, FAULTY, 0).failure
}

thread_local! {
    /// A panic is what is looked for here: nothing is printed of it.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What a panic said, if there was one.
fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    QUIET.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    outcome.map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast::<&str>().map_or_else(|_| String::from("?"), |text| (*text).to_owned()),
    })
}

/// The first line, not too long, with `n` for each number: those change with every change elsewhere.
fn first_words(text: &str) -> String {
    const LONGEST: usize = 90;
    let text = text.strip_prefix("assertion `left == right` failed: ").unwrap_or(text);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let (mut words, mut inside) = (String::new(), false);
    for letter in line.chars().take_while(|letter| *letter != '{').take(LONGEST) {
        let number = letter.is_ascii_digit() || inside && letter == '.';
        match letter {
            _ if number && inside => {}
            _ if number => words.push('n'),
            '|' => words.push('/'),
            '`' => words.push('\''),
            other => words.push(other),
        }
        inside = number;
    }
    words.trim_end().to_owned()
}
