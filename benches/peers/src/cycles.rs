//! The cycle counter with fences around it: a time that belongs to what stands between two readings, and to nothing
//! before or behind it.
//!
//! This package stands outside the project's workspace and may hold unsafe code where a peer or the processor asks for
//! it: here, in `heap.rs`, and at sonic-rs' unchecked parser.

use touchline_benches::cores::Ticks;

/// The fenced counter, its cost, and what a tick is.
pub struct Cycles {
    ticks: Ticks,
    /// The median of two readings with nothing between them.
    empty: u64,
}

impl Cycles {
    /// Measures what a pair of readings costs.
    pub fn new() -> Self {
        let mut empty: Vec<u64> = (0..10_001)
            .map(|_| {
                let start = begin();
                end() - start
            })
            .collect();
        empty.sort_unstable();
        Self { ticks: Ticks::new(), empty: empty.get(5_000).copied().unwrap_or(0) }
    }

    /// The unfenced counter, which two cores share.
    pub fn ticks(&self) -> &Ticks {
        &self.ticks
    }

    /// What `work` takes, in ticks, the cost of the readings taken off.
    #[inline(always)]
    pub fn of(&self, work: impl FnOnce()) -> u64 {
        let start = begin();
        work();
        (end() - start).saturating_sub(self.empty)
    }

    /// Ticks as ns.
    pub fn ns(&self, ticks: u64) -> f64 {
        self.ticks.ns(ticks)
    }

    /// These shares of a sample of ticks, in ns; it is sorted.
    pub fn percentiles<const N: usize>(&self, times: &mut [u64], shares: [f64; N]) -> [f64; N] {
        times.sort_unstable();
        shares.map(|share| {
            let index = (times.len() as f64 * share) as usize;
            times.get(index.min(times.len().saturating_sub(1))).map_or(f64::NAN, |&time| self.ns(time))
        })
    }
}

/// The counter, when everything before it is done and before anything behind it begins.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code, reason = "the counter has no safe name")]
fn begin() -> u64 {
    use std::arch::x86_64::{_mm_lfence, _rdtsc};
    // SAFETY: every x86-64 processor has both instructions; they touch no memory.
    unsafe {
        _mm_lfence();
        let now = _rdtsc();
        _mm_lfence();
        now
    }
}

/// The counter, when everything before it is done and before anything behind it begins.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code, reason = "the counter has no safe name")]
fn end() -> u64 {
    use std::arch::x86_64::{__rdtscp, _mm_lfence};
    let mut core = 0;
    // SAFETY: every x86-64 processor of this century has both instructions; `core` is where the second may write.
    unsafe {
        let now = __rdtscp(&mut core);
        _mm_lfence();
        now
    }
}

/// Elsewhere the compiler's fence has to do: single figures are then larger than they should be, of everybody alike.
#[cfg(not(target_arch = "x86_64"))]
fn begin() -> u64 {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    quanta_now()
}

#[cfg(not(target_arch = "x86_64"))]
fn end() -> u64 {
    begin()
}

#[cfg(not(target_arch = "x86_64"))]
fn quanta_now() -> u64 {
    use std::sync::OnceLock;
    static TICKS: OnceLock<Ticks> = OnceLock::new();
    TICKS.get_or_init(Ticks::new).now()
}
