//! Time in a replay: inputs come when they are due.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use touchline_market::Nanos;

use super::timing::Timing;
use super::{Pace, SLEEP_MARGIN};
use crate::clock::Ticks;

/// Holds inputs back until they are due.
pub(super) struct Pacer {
    /// Recorded nanoseconds per nanosecond of ours; `None`: no waiting.
    speed: Option<f64>,
    origin: Option<(Nanos, Instant)>,
}

impl Pacer {
    pub(super) fn new(pace: Pace) -> Self {
        let speed = match pace {
            Pace::Max => None,
            Pace::Times(speed) => Some(speed.max(1e-6)),
        };
        Self { speed, origin: None }
    }

    /// Waits until the input received at `recv` is due; returns the clock at that moment, which has passed already if
    /// the pipeline is behind: latencies count from there. `Ticks(0)` without a pace or a clock.
    #[inline]
    pub(super) fn wait(&mut self, recv: Nanos, timing: Option<&Timing>, stop: &AtomicBool) -> Ticks {
        let Some(speed) = self.speed else { return Ticks(0) };
        let (first, began) = *self.origin.get_or_insert_with(|| (recv, Instant::now()));
        let after = Duration::from_nanos((recv.0.saturating_sub(first.0) as f64 / speed) as u64);
        let mut late = Duration::ZERO;
        while !stop.load(Relaxed) {
            let elapsed = began.elapsed();
            if elapsed >= after {
                late = elapsed.saturating_sub(after);
                break;
            }
            let left = after.saturating_sub(elapsed);
            if left > 2 * SLEEP_MARGIN {
                // In slices, so that a stop is heard.
                std::thread::sleep((left - SLEEP_MARGIN).min(Duration::from_millis(50)));
            } else {
                std::hint::spin_loop();
            }
        }
        timing.map_or(Ticks(0), |timing| {
            let late = late.as_nanos() as f64 * timing.clock.ticks_per_nano();
            Ticks(timing.now().0.saturating_sub(late as u64))
        })
    }
}
