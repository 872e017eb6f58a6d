//! Many seeds, on several cores: each world runs in one thread, and several at once.

use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::Counted;
use crate::coverage::Marks;
use crate::plan::Plan;
use crate::world::{Outcome, run};

/// What many worlds came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Worlds that ran.
    pub seeds: u64,
    /// What was not as promised, by seed.
    pub failures: Vec<(u64, String)>,
    /// What was compared.
    pub counted: Counted,
    /// Messages that the exchanges sent.
    pub messages: u64,
    /// How long the worlds lasted, all together.
    pub lasted: Duration,
    /// What they took of processors, all together.
    pub worked: Duration,
    /// How long it took.
    pub wall: Duration,
    /// Which faults happened how often.
    pub marks: Marks,
    /// Which changes of state, how often.
    pub edges: Marks,
    /// The hashes of all worlds, mixed.
    pub hash: u64,
}

impl Summary {
    /// Adds one world.
    pub fn add(&mut self, outcome: &Outcome, worked: Duration) {
        self.seeds += 1;
        if let Some(failure) = &outcome.failure {
            self.failures.push((outcome.seed, failure.clone()));
        }
        self.counted.publications += outcome.counted.publications;
        self.counted.compared += outcome.counted.compared;
        self.counted.whole += outcome.counted.whole;
        self.counted.unjudged += outcome.counted.unjudged;
        self.messages += outcome.messages;
        self.lasted += outcome.lasted;
        self.worked += worked;
        for (sum, more) in [(&mut self.marks, &outcome.marks), (&mut self.edges, &outcome.edges)] {
            for (name, count) in more {
                *sum.entry(name).or_default() += count;
            }
        }
        // In any order of the worlds the same.
        self.hash = self.hash.wrapping_add(outcome.hash.wrapping_mul(2 * outcome.seed + 1));
    }

    /// Virtual time for each second of a processor.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.lasted.as_secs_f64() / self.worked.as_secs_f64().max(1e-9)
    }
}

/// How long this thread has had a processor: others on the machine do not make a world slower. Where the system does not
/// say, the time that passed.
fn worked() -> Duration {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|told| told.split_whitespace().next()?.parse().ok());
    nanos.map_or_else(|| BEGAN.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

/// Runs the world of every plan, so long with faults, `jobs` at a time; `done` hears of each.
///
/// # Panics
/// A world does: that is a defect too, and its seed is the one `done` never heard of.
pub fn many(
    plans: impl IntoIterator<Item = Plan>,
    faulty: Duration,
    jobs: usize,
    done: impl Fn(&Outcome) + Sync,
) -> Summary {
    let queue = Mutex::new(plans.into_iter().collect::<VecDeque<Plan>>());
    let summary = Mutex::new(Summary::default());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(plan) = next else { return };
                    let began = worked();
                    let outcome = run(&plan, faulty, 0);
                    done(&outcome);
                    summary
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .add(&outcome, worked().saturating_sub(began));
                }
            });
        }
    });
    let mut summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    summary.failures.sort();
    summary.wall = began.elapsed();
    summary
}
