//! One thread's sense of time: the processor's counter as the one clock, the wall clock as an offset from it.
//!
//! A stamp is one reading of the counter. Moments are nanoseconds on it since the process's first timekeeper, so they
//! never go back and agree between threads. The wall clock is the same moment plus an offset, which is measured anew
//! once a second: a correction of the system's clock arrives within a second, and no stamp costs a system call for it.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use touchline_feed::Moment;
use touchline_market::Nanos;

use crate::clock::{Clock, Ticks};
use crate::driver::Stamp;

/// How often the wall clock is looked at.
const ANCHOR_EVERY: Duration = Duration::from_secs(1);

/// The moment 0 of this process.
static ORIGIN: OnceLock<Ticks> = OnceLock::new();

/// Makes the stamps of one thread.
#[derive(Debug)]
pub(crate) struct Timekeeper {
    clock: Clock,
    origin: Ticks,
    wall: Cell<Wall>,
}

/// The wall clock at moment 0, and when that has to be measured again.
#[derive(Clone, Copy, Debug)]
struct Wall {
    at_origin: u64,
    until: Moment,
}

impl Timekeeper {
    pub(crate) fn new() -> Self {
        let clock = Clock::new();
        let origin = *ORIGIN.get_or_init(|| clock.now());
        let wall = Cell::new(Wall { at_origin: 0, until: Moment(0) });
        Self { clock, origin, wall }
    }

    /// Now, on the clock that drives timers.
    pub(crate) fn now(&self) -> Moment {
        Moment(self.clock.nanos(self.origin, self.clock.now()))
    }

    /// Now, on every clock; the kernel's word is the caller's.
    pub(crate) fn stamp(&self, kernel: Nanos) -> Stamp {
        let ticks = self.clock.now();
        let now = Moment(self.clock.nanos(self.origin, ticks));
        let mut wall = self.wall.get();
        if now >= wall.until {
            wall = anchor(now);
            self.wall.set(wall);
        }
        Stamp { now, recv: Nanos(wall.at_origin.saturating_add(now.0)), ticks, kernel }
    }
}

#[cold]
fn anchor(now: Moment) -> Wall {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let wall = u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX);
    Wall { at_origin: wall.saturating_sub(now.0), until: now + ANCHOR_EVERY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_agree_with_the_wall_clock_and_never_fall() {
        // A thousand stamps between two readings of the system's clock: each lies between them (to 5 ms for an
        // interruption at the anchor), and none before the last.
        let keeper = Timekeeper::new();
        let wall = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        let from = wall();
        let stamps: Vec<Stamp> = (0..1_000).map(|_| keeper.stamp(Nanos::NONE)).collect();
        let to = wall();
        assert!(stamps.iter().all(|s| s.recv.0 + 5_000_000 >= from && s.recv.0 <= to + 5_000_000));
        assert!(stamps.windows(2).all(|pair| pair[0].now <= pair[1].now && pair[0].ticks <= pair[1].ticks));
        assert!(stamps.iter().all(|s| s.kernel == Nanos::NONE));
    }

    #[test]
    fn two_threads_share_the_origin() {
        // A moment taken here, then one on another thread, then one here again: in this order (to 1 ms for counters
        // of two cores).
        let here = Timekeeper::new();
        let before = here.now();
        let there = std::thread::spawn(|| Timekeeper::new().now()).join().unwrap();
        let after = here.now();
        assert!(there.0 + 1_000_000 >= before.0 && there.0 <= after.0 + 1_000_000);
    }
}
