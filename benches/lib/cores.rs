//! Two pinned threads, a clock both read, and percentiles of what they saw.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use core_affinity::CoreId;
use quanta::Clock;

/// The processor's cycle counter, which two cores of one machine share.
#[derive(Clone, Debug)]
pub struct Ticks {
    clock: Clock,
    /// The median of two readings with nothing between them.
    pub empty: u64,
}

impl Ticks {
    /// Calibrates the counter against the system's clock, and measures what a reading costs.
    pub fn new() -> Self {
        let clock = Clock::new();
        let mut empty: Vec<u64> = (0..10_001)
            .map(|_| {
                let start = clock.raw();
                clock.raw() - start
            })
            .collect();
        empty.sort_unstable();
        let empty = empty.get(5_000).copied().unwrap_or(0);
        Self { clock, empty }
    }

    /// The counter now.
    #[inline(always)]
    pub fn now(&self) -> u64 {
        self.clock.raw()
    }

    /// Ticks as ns, with a fraction.
    pub fn ns(&self, ticks: u64) -> f64 {
        const SCALE: u64 = 1 << 20; // Whole ns of a million times as many ticks: no loss for short times.
        self.clock.delta_as_nanos(0, ticks * SCALE) as f64 / SCALE as f64
    }

    /// How many ticks `ns` are.
    pub fn of_ns(&self, ns: u64) -> u64 {
        (ns as f64 / self.ns(1)) as u64
    }
}

impl Default for Ticks {
    fn default() -> Self {
        Self::new()
    }
}

/// What two threads gave back.
#[derive(Debug)]
pub struct Ran<A, B> {
    /// The first function's result.
    pub first: A,
    /// The second function's result.
    pub second: B,
    /// Whether neither thread was made to leave its core meanwhile. If one was, the run measured the scheduler.
    pub is_quiet: bool,
}

/// Runs two functions at the same time, each on a core of its own where the machine has two.
pub fn on_two_cores<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> Ran<A, B> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let ready = AtomicUsize::new(0);
    let (low, high) = (cores.first().copied(), cores.last().copied());
    thread::scope(|scope| {
        let first = scope.spawn(|| pinned(low, &ready, first));
        let second = scope.spawn(|| pinned(high, &ready, second));
        match (first.join(), second.join()) {
            (Ok((first, before)), Ok((second, after))) => Ran { first, second, is_quiet: before && after },
            (Err(panic), _) | (_, Err(panic)) => std::panic::resume_unwind(panic),
        }
    })
}

/// Runs a function on a core when the other thread is there too, and says whether it kept the core.
fn pinned<R>(core: Option<CoreId>, ready: &AtomicUsize, function: impl FnOnce() -> R) -> (R, bool) {
    core.map(core_affinity::set_for_current);
    ready.fetch_add(1, Ordering::SeqCst);
    while ready.load(Ordering::SeqCst) < 2 {
        spin_loop();
    }
    let before = evictions();
    let result = function();
    (result, evictions() == before)
}

/// How often the system has taken this thread off its core, where it tells.
fn evictions() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/thread-self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"))?;
    line.trim().parse().ok()
}

/// The times that were measured. On a machine that others use too, disturbed rounds are left out while there are
/// quiet ones; their share is shown, so that nobody takes the figures for more than they are.
#[derive(Debug, Default)]
pub struct Rounds {
    quiet: Vec<u64>,
    disturbed: Vec<u64>,
    quiet_rounds: usize,
    rounds: usize,
}

impl Rounds {
    /// Adds the times that one round measured.
    pub fn add(&mut self, times: Vec<u64>, is_quiet: bool) {
        self.rounds += 1;
        self.quiet_rounds += usize::from(is_quiet);
        if is_quiet { &mut self.quiet } else { &mut self.disturbed }.extend(times);
    }

    /// The percentiles over all quiet rounds together, or over all rounds if none was quiet.
    ///
    /// `less` is taken off each time, and `to_ns` gives a time as ns.
    pub fn percentiles(&self, less: u64, to_ns: impl Fn(u64) -> f64) -> Percentiles {
        let mut times = if self.quiet.is_empty() { &self.disturbed } else { &self.quiet }.clone();
        times.sort_unstable();
        [0.5, 0.9, 0.99, 0.999].map(|share| {
            let index = (times.len() as f64 * share) as usize;
            times.get(index.min(times.len().saturating_sub(1))).map_or(0.0, |t| to_ns(t.saturating_sub(less)))
        })
    }

    /// The quiet rounds of all, as text.
    pub fn quiet_share(&self) -> String {
        format!("{}/{}", self.quiet_rounds, self.rounds)
    }
}

/// p50, p90, p99 and p99.9, in ns.
pub type Percentiles = [f64; 4];

/// Whether the program runs as a test (`cargo test --benches`), where a short look is enough.
pub fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
        || !std::env::args().any(|argument| argument == "--bench")
}
