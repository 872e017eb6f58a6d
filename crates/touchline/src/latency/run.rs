//! The facts of a run that its figures depend on.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::pipeline::Placement;

/// What was run, how and where: everything in a report that is not a latency.
#[derive(Clone, Debug)]
pub struct RunInfo {
    /// The recording's name. Foreign text: every writer escapes it.
    pub recording: String,
    /// Frames read.
    pub frames: u64,
    /// Messages that reached a book or an event.
    pub messages: u64,
    /// From the first frame to the last view.
    pub wall: Duration,
    /// Where books were built.
    pub placement: Placement,
    /// How fast frames were handed in: `max`, `real`, or a factor such as `10x`.
    pub pace: String,
    /// What the end-to-end figures say about waiting.
    pub omission: Omission,
    /// What one stamp costs, in nanoseconds; see [`Clock::cost`](crate::clock::Clock::cost).
    pub clock_cost_ns: f64,
    /// When the run began.
    pub started: SystemTime,
    /// The machine.
    pub machine: Machine,
}

impl RunInfo {
    /// Frames a second; 0 for a run without duration.
    #[must_use]
    pub fn frames_per_second(&self) -> f64 {
        let seconds = self.wall.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let frames = self.frames as f64;
        if seconds > 0.0 { frames / seconds } else { 0.0 }
    }

    /// Where books were built, as the command line says it: `book-thread` or `reader`.
    #[must_use]
    pub const fn placement_name(&self) -> &'static str {
        match self.placement {
            Placement::BookThread => "book-thread",
            Placement::Reader => "reader",
        }
    }

    /// The start in nanoseconds since 1970, 0 if the system clock stands before that.
    #[must_use]
    pub fn started_ns(&self) -> u128 {
        self.started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
    }
}

/// Whether time that a message spent waiting for the pipeline is in the figures ("coordinated omission").
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Omission {
    /// End to end runs from the moment a frame was due by its recorded time: waiting behind a slow message counts,
    /// as it would on a socket.
    MeasuredFromSchedule,
    /// Frames were handed in as fast as the reader took them, so none was ever due. Behind a ring the reader runs
    /// ahead of the books: ring and end to end then hold the queue in front of the book thread, which is as long as
    /// the ring allows and says nothing about a live feed.
    NotCorrected,
    /// Frames came from sockets: end to end runs from the read that brought a frame's last byte. What it waited in the
    /// kernel before is not in it, but a stage of its own.
    MeasuredFromRead,
}

impl Omission {
    /// The name used in `report.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MeasuredFromSchedule => "measured_from_schedule",
            Self::NotCorrected => "not_corrected",
            Self::MeasuredFromRead => "measured_from_read",
        }
    }

    /// What that means for a run whose books were built there, for people.
    #[must_use]
    pub const fn sentence(self, placement: Placement) -> &'static str {
        match (self, placement) {
            (Self::MeasuredFromSchedule, _) => {
                "Corrected for coordinated omission: end to end runs from the moment each frame was due, so a stall \
                 counts for every frame behind it."
            }
            (Self::MeasuredFromRead, _) => {
                "Live: end to end runs from the read of the socket that brought a frame's last byte; waiting behind \
                 other frames of the same read counts, waiting in the kernel does not: that is the stage before."
            }
            (Self::NotCorrected, Placement::BookThread) => {
                "Not corrected for coordinated omission: frames came as fast as the reader took them, so it ran ahead \
                 of the books. Parse, apply and publish are service times; ring and end to end include the queue in \
                 front of the book thread."
            }
            (Self::NotCorrected, Placement::Reader) => {
                "Not corrected for coordinated omission: each frame was handed in when the one before it was \
                 published. There is no queue: every figure is a service time."
            }
        }
    }
}

/// The machine and the build.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Machine {
    /// The processor's name for itself.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
    /// Operating system and kernel release.
    pub system: String,
    /// Whether assertions are compiled in; such a build's figures are not worth keeping.
    pub debug_assertions: bool,
}

impl Machine {
    /// This machine. What the system does not tell reads `unknown`.
    #[must_use]
    pub fn here() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: cpu_name(&cpuinfo).unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {} {}", std::env::consts::OS, kernel.trim(), std::env::consts::ARCH),
            debug_assertions: cfg!(debug_assertions),
        }
    }
}

/// The first `model name` of `/proc/cpuinfo`.
fn cpu_name(cpuinfo: &str) -> Option<&str> {
    cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_by_its_first_model_line() {
        // A cut of a real file, one without the line, and an empty one.
        let text = "processor\t: 0\nmodel\t\t: 207\nmodel name\t: Intel(R) Xeon(R)  @ 2.1GHz \nmodel name\t: other\n";
        assert_eq!(cpu_name(text), Some("Intel(R) Xeon(R)  @ 2.1GHz"));
        assert_eq!(cpu_name("processor: 0\n"), None);
        assert_eq!(cpu_name(""), None);
    }
}
