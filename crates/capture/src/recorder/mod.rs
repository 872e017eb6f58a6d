//! The recorder: what reader threads saw goes to journal files on a thread of its own, and never holds a reader up.
//!
//! ```text
//! reader thread 0 ── Tap ══ ring of bytes ══╗
//! reader thread 1 ── Tap ══ ring of bytes ══╬══▶ recorder's thread: redact ─▶ block ─▶ NAME-…-000001.tlj
//! ```
//!
//! A [`Tap`] copies an entry into its ring: no allocation, no lock, no system call, no waiting. The thread comes round
//! once a millisecond at the latest, so that a tap has nobody to wake.
//!
//! # Nothing is lost in silence
//!
//! A disk that is full, broken or slow fills the rings, and a full ring loses entries. Each tap counts what it loses
//! and writes one [`Gap`](crate::journal::Gap) into its place, in front of the next entry that has room. A block that
//! could not be written is told of by a gap of all readers ([`ALL_READERS`]) once writing works again, tried first
//! after 250 ms and then at least once a second; until then the rings hold what comes. So when the recorder has been
//! stopped after its taps are gone:
//!
//! ```text
//! entries offered to taps = entries in the files + entries that the files' gaps count
//! ```
//!
//! unless the disk did not work at the end either; then [`RecorderStatus::lost_entries`] has the rest.
//!
//! # What a crash costs
//!
//! The block under way is handed to the system every [`RecorderOptions::flush_every`], at most a second: that much a
//! `kill -9` loses, with what stands in the rings. Every [`RecorderOptions::sync_every`] the system is asked to bring
//! all to the disk itself: that much a power failure loses.
//!
//! # Arithmetic
//!
//! At 20,000 entries of 280 bytes a second a ring of 64 MiB holds 10 s of a disk that does not answer. An entry takes
//! its payload and [`HEAD_BYTES`] there.

mod disk;
mod scribe;
mod status;
mod tap;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use touchline_market::Nanos;

use crate::journal::{Files, Rotation};
use crate::redact::Redactor;

use self::disk::Disk;
use self::scribe::Scribe;
use self::status::Shared;

pub use self::status::RecorderStatus;
pub use self::tap::{HEAD_BYTES, Tap};

/// The reader of a gap that concerns all of them: a block of the file was lost.
pub const ALL_READERS: u16 = u16::MAX;

/// The block under way is never held back longer.
pub const FLUSH_EVERY_MAX: Duration = Duration::from_secs(1);

/// A smaller ring has no room for a frame worth recording.
pub const RING_BYTES_MIN: usize = 4096;

/// The thread looks at its rings again so soon when they were empty.
const IDLE: Duration = Duration::from_millis(1);

/// So long the rings are emptied after the stop was asked for; what stands there later is told of as lost.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

/// So long a stop waits for a disk that does not answer.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// How to record.
pub struct RecorderOptions {
    /// Where to, and how much into one file.
    pub rotation: Rotation,
    /// Which recording; see [`Header::random_id`](crate::journal::Header::random_id).
    pub id: [u8; 16],
    /// zstd's level, 1 (fast) to 22 (small).
    pub level: i32,
    /// Bytes of each tap's ring, taken and touched at the start.
    pub ring_bytes: usize,
    /// How often the block under way is handed to the system.
    pub flush_every: Duration,
    /// How often the system is asked to bring all to the disk.
    pub sync_every: Duration,
    /// Takes the secrets out.
    pub redactor: Redactor,
    /// Payload of the [`Setup`](crate::journal::EntryKind::Setup) entry at the head of every file; none if empty.
    pub setup: Vec<u8>,
}

impl RecorderOptions {
    /// The usual: level 3, 64 MiB a ring, flushed every 250 ms, synced every 5 s, no setup.
    #[must_use]
    pub fn new(rotation: Rotation, id: [u8; 16], redactor: Redactor) -> Self {
        Self {
            rotation,
            id,
            level: 3,
            ring_bytes: 64 << 20,
            flush_every: Duration::from_millis(250),
            sync_every: Duration::from_secs(5),
            redactor,
            setup: Vec::new(),
        }
    }
}

/// Says how a recording goes, from anywhere, also after its end.
#[derive(Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
}

impl Monitor {
    /// As [`Recorder::status`].
    #[must_use]
    pub fn status(&self) -> RecorderStatus {
        self.shared.status()
    }
}

/// A recording under way. Dropping it stops it as well.
pub struct Recorder {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl Recorder {
    /// Makes the first file, the rings and the thread. One tap for each reader thread.
    ///
    /// # Errors
    /// `InvalidInput` for `flush_every` above [`FLUSH_EVERY_MAX`] or `ring_bytes` below [`RING_BYTES_MIN`]; else what
    /// the system says of the first file or the thread.
    pub fn start(options: RecorderOptions, taps: usize) -> io::Result<(Self, Vec<Tap>)> {
        let files = Files::new(options.rotation.clone(), options.id, options.level);
        Self::start_on(files, options, taps)
    }

    fn start_on<D: Disk>(disk: D, options: RecorderOptions, taps: usize) -> io::Result<(Self, Vec<Tap>)> {
        if options.flush_every > FLUSH_EVERY_MAX || options.ring_bytes < RING_BYTES_MIN {
            let bounds = "a recorder flushes at least once a second and has 4 KiB a ring";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, bounds));
        }
        let (taps, drains): (Vec<Tap>, Vec<_>) = (0..taps).map(|_| tap::channel(options.ring_bytes)).unzip();
        let shared = Arc::new(Shared::new(drains.iter().map(tap::Drain::losses).collect()));
        let scribe = Scribe::start(disk, options, drains, Arc::clone(&shared), Instant::now(), wall())?;
        let thread = thread::Builder::new().name("recorder".to_owned()).spawn(move || run(scribe))?;
        Ok((Self { shared, thread }, taps))
    }

    /// How it goes. Takes a lock that the recorder's thread holds for moments only; not for a hot path.
    #[must_use]
    pub fn status(&self) -> RecorderStatus {
        self.shared.status()
    }

    /// Whoever wants to know how it goes.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor { shared: Arc::clone(&self.shared) }
    }

    /// Writes what the rings hold, ends the file and says how it went: within 2 s on a disk that works, and after
    /// 5 s whatever the disk does.
    ///
    /// Drop the taps or keep them quiet before: what they are offered from now on may be missing from every count.
    #[must_use = "says what was lost"]
    pub fn stop(self) -> RecorderStatus {
        self.end();
        self.shared.status()
    }

    fn end(&self) {
        self.shared.stop.store(true, Release);
        // Not joined: a disk that never answers would hold the caller for ever.
        let until = Instant::now() + STOP_TIME_MAX;
        while !self.thread.is_finished() && Instant::now() < until {
            thread::sleep(IDLE);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !self.shared.stop.load(Acquire) {
            self.end();
        }
    }
}

/// The thread's life.
fn run<D: Disk>(mut scribe: Scribe<D>) {
    while !scribe.is_to_stop() {
        if !scribe.round(Instant::now(), wall()) {
            thread::sleep(IDLE);
        }
    }
    let until = Instant::now() + DRAIN_TIME_MAX;
    while Instant::now() < until && scribe.drain_at_end(Instant::now(), wall()) {}
    scribe.finish(Instant::now(), wall());
}

/// The wall clock.
fn wall() -> Nanos {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
