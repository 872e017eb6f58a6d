//! Stamps from the processor's time stamp counter.
//!
//! A stamp is one `rdtsc`: no system call, no memory shared with another thread. It is not a fence: the processor may
//! move some work across it, so two stamps around a few instructions mean little, and around a message of some
//! hundred nanoseconds they are right to a few. Where the processor has no invariant counter, `quanta` reads the
//! monotonic system clock instead, and a tick is one nanosecond.
//!
//! Measured by `cargo bench -p touchline-benches --bench clock` on a 2-vCPU guest (AMD EPYC, family 26, 2.6 GHz
//! counter), one quiet run, nanoseconds:
//!
//! | | this clock | `std::time::Instant` |
//! | --- | --- | --- |
//! | stamp | 9.5 | 22.4 |
//! | stamp and difference | 9.3 | 28.3 |
//!
//! That processor's counter moves in steps of 26 ticks, 10 ns: of 200,000 readings in a row each is 26 ticks after the
//! one before, or 1 and 25. Single figures there are multiples of 10 ns, and their means and percentiles over many
//! messages are worth no more digits than that.
//!
//! Recording a difference takes 2.6 more. A message stamped at its receipt and after each of four stages, with five
//! latencies recorded, pays 5 x 9.5 + 5 x 2.6 = 60 ns, about as much as a small message costs to apply: a pipeline
//! that is not being measured should not take stamps between its stages.

use std::hint::black_box;

/// One reading of the counter. Only the difference of two, by [`Clock::nanos`], means anything.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Ticks(pub u64);

/// The clock of a pipeline. Cheap to clone; every clone and every thread reads the same counter.
///
/// # Example
/// ```
/// let clock = touchline_link::clock::Clock::new();
/// let (from, to) = (clock.now(), clock.now());
/// assert!(clock.nanos(from, to) < 1_000_000_000);
/// ```
#[derive(Clone, Debug)]
pub struct Clock {
    counter: quanta::Clock,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// A calibrated clock. The first one in a process measures the counter's rate against the system clock, which
    /// takes up to 200 ms: make it before the first message.
    #[must_use]
    pub fn new() -> Self {
        Self { counter: quanta::Clock::new() }
    }

    /// A stamp.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Ticks {
        Ticks(self.counter.raw())
    }

    /// Nanoseconds between two stamps; 0 if `to` is not after `from`, which two cores' counters can show by some
    /// nanoseconds.
    #[inline]
    #[must_use]
    pub fn nanos(&self, from: Ticks, to: Ticks) -> u64 {
        self.counter.delta_as_nanos(from.0, to.0)
    }

    /// Ticks in a nanosecond: the counter's rate in GHz, or 1 if stamps come from the system clock.
    #[must_use]
    pub fn ticks_per_nano(&self) -> f64 {
        let ticks = 1_u64 << 40;
        #[expect(clippy::cast_precision_loss, reason = "2^40 and some 10^11 are exact in 53 bits")]
        let rate = ticks as f64 / self.counter.delta_as_nanos(0, ticks) as f64;
        rate
    }

    /// Measures what one stamp costs, in nanoseconds: the best of 64 batches of 256 stamps, some 0.3 ms in all. The
    /// best batch is the one that no interrupt and no other program disturbed.
    #[must_use]
    pub fn cost(&self) -> f64 {
        const STAMPS: u32 = 256;
        let batch = || {
            let from = self.now();
            for _ in 0..STAMPS {
                black_box(self.now());
            }
            self.now().0.saturating_sub(from.0)
        };
        let best = (0..64).map(|_| batch()).min().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a batch lasts microseconds")]
        let nanos = best as f64 / self.ticks_per_nano();
        nanos / f64::from(STAMPS + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_one_thread_never_fall_and_agree_with_the_system_clock() {
        // A million stamps, enclosed by one span of `Instant` and enclosing another: however the thread is
        // interrupted, ours lies between the two, to a thousandth for the calibration.
        let clock = Clock::new();
        let outer = std::time::Instant::now();
        let first = clock.now();
        let inner = std::time::Instant::now();
        let mut last = first;
        for _ in 0..1_000_000 {
            let stamp = clock.now();
            assert!(stamp >= last);
            last = stamp;
        }
        let inner = inner.elapsed().as_nanos() as f64;
        let ours = clock.nanos(first, clock.now()) as f64;
        let outer = outer.elapsed().as_nanos() as f64;
        assert!(ours >= inner * 0.999 && ours <= outer * 1.001, "{inner} {ours} {outer}");
        assert!(clock.nanos(first, last) > 0);
    }

    #[test]
    fn a_stamp_before_the_first_counts_as_no_time() {
        // Two cores may differ by some ticks: the difference is 0 then, never a huge number.
        let clock = Clock::new();
        assert_eq!(clock.nanos(Ticks(2_000), Ticks(1_000)), 0);
        assert_eq!(clock.nanos(Ticks(7), Ticks(7)), 0);
    }

    #[test]
    fn the_cost_of_a_stamp_is_a_positive_figure() {
        // A figure of 0 or not a number would make every report's note on it wrong.
        let clock = Clock::new();
        assert!(clock.cost() > 0.0 && clock.cost().is_finite());
        assert!(clock.ticks_per_nano() > 0.0);
    }
}
