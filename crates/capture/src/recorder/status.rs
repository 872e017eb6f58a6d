//! How a recording goes, for whoever asks.

use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use touchline_market::Nanos;

use super::tap::Losses;

/// How a recording goes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RecorderStatus {
    /// Entries from taps that stand in files, handed to the system.
    pub entries: u64,
    /// Bytes of all files so far, headers included.
    pub bytes_written: u64,
    /// The file being written, or written last.
    pub path: PathBuf,
    /// Entries lost: for want of room in a ring, or with a block that could not be written.
    pub lost_entries: u64,
    /// Their payloads' bytes.
    pub lost_bytes: u64,
    /// Secrets replaced.
    pub redacted: u64,
    /// Since when nothing can be written, by the wall clock; `None` while the disk works.
    pub failing_since: Option<Nanos>,
    /// What the system said last when something failed, be it over or not.
    pub last_error: Option<String>,
    /// How long ago the thread last came round its rings. More than some milliseconds: the disk holds it up.
    pub round_age: Duration,
}

/// What the thread and those who ask have in common.
pub(super) struct Shared {
    pub(super) stop: AtomicBool,
    pub(super) entries: AtomicU64,
    pub(super) bytes_written: AtomicU64,
    pub(super) redacted: AtomicU64,
    /// Lost with a block of the file.
    pub(super) file_lost_entries: AtomicU64,
    pub(super) file_lost_bytes: AtomicU64,
    /// When the thread came round last, nanoseconds since `start`.
    round_ns: AtomicU64,
    start: Instant,
    taps: Vec<Arc<Losses>>,
    rare: Mutex<Rare>,
}

/// What changes rarely.
#[derive(Default)]
struct Rare {
    path: PathBuf,
    failing_since: Option<Nanos>,
    last_error: Option<String>,
}

impl Shared {
    pub(super) fn new(taps: Vec<Arc<Losses>>) -> Self {
        Self {
            stop: AtomicBool::new(false),
            entries: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
            redacted: AtomicU64::new(0),
            file_lost_entries: AtomicU64::new(0),
            file_lost_bytes: AtomicU64::new(0),
            round_ns: AtomicU64::new(0),
            start: Instant::now(),
            taps,
            rare: Mutex::default(),
        }
    }

    pub(super) fn came_round(&self, now: Instant) {
        self.round_ns.store(nanos(now.saturating_duration_since(self.start)), Relaxed);
    }

    pub(super) fn opened(&self, path: PathBuf) {
        self.rare().path = path;
    }

    /// Something failed; `since` if nothing can be written from now on.
    pub(super) fn failed(&self, error: &dyn std::error::Error, since: Option<Nanos>) {
        let mut rare = self.rare();
        rare.last_error = Some(error.to_string());
        rare.failing_since = rare.failing_since.or(since);
    }

    pub(super) fn recovered(&self) {
        self.rare().failing_since = None;
    }

    pub(super) fn status(&self) -> RecorderStatus {
        let lost = |of_tap: fn(&Losses) -> &AtomicU64, of_file: &AtomicU64| {
            self.taps.iter().map(|tap| of_tap(tap).load(Relaxed)).sum::<u64>() + of_file.load(Relaxed)
        };
        let age_ns = nanos(self.start.elapsed()).saturating_sub(self.round_ns.load(Relaxed));
        let rare = self.rare();
        RecorderStatus {
            entries: self.entries.load(Relaxed),
            bytes_written: self.bytes_written.load(Relaxed),
            path: rare.path.clone(),
            lost_entries: lost(|tap| &tap.entries, &self.file_lost_entries),
            lost_bytes: lost(|tap| &tap.bytes, &self.file_lost_bytes),
            redacted: self.redacted.load(Relaxed),
            failing_since: rare.failing_since,
            last_error: rare.last_error.clone(),
            round_age: Duration::from_nanos(age_ns),
        }
    }

    fn rare(&self) -> MutexGuard<'_, Rare> {
        // Nothing in there is ever half changed.
        self.rare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
