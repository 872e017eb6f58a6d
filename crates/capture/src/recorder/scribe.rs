//! What the recorder's thread does at each round: take from the rings, write, and bear with the disk.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::{Duration, Instant};

use touchline_market::Nanos;

use crate::journal::{Entry, EntryKind, Gap, Lost, PushError};
use crate::redact::Redactor;

use super::disk::{Disk, Paper};
use super::status::Shared;
use super::tap::Drain;
use super::{ALL_READERS, RecorderOptions};

/// So many entries of one tap before it is the next one's turn.
const TURN_ENTRIES: usize = 256;

/// When writing failed it is tried again so soon, then after twice as long, at most the second.
const RETRY: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];

/// Drives the recording; time is an argument.
pub(super) struct Scribe<D: Disk> {
    drains: Vec<Drain>,
    pen: Pen<D>,
    flush_every: Duration,
    sync_every: Duration,
    flushed: Instant,
    synced: Instant,
}

impl<D: Disk> Scribe<D> {
    /// Makes the first file.
    pub(super) fn start(
        disk: D,
        options: RecorderOptions,
        drains: Vec<Drain>,
        shared: Arc<Shared>,
        now: Instant,
        wall: Nanos,
    ) -> io::Result<Self> {
        let mut pen = Pen {
            disk,
            paper: None,
            redactor: options.redactor,
            setup: options.setup,
            setup_due: false,
            scratch: Vec::new(),
            shared,
            lost: Gap::default(),
            open: 0,
            failure: None,
            next_entry: 0,
            bytes_before: 0,
            now_ns: 0,
        };
        pen.resume(wall)?;
        let RecorderOptions { flush_every, sync_every, .. } = options;
        Ok(Self { drains, pen, flush_every, sync_every, flushed: now, synced: now })
    }

    pub(super) fn is_to_stop(&self) -> bool {
        self.pen.shared.stop.load(Acquire)
    }

    /// One round. Whether there was something to do.
    pub(super) fn round(&mut self, now: Instant, wall: Nanos) -> bool {
        self.pen.shared.came_round(now);
        if !self.pen.is_ready(now, wall) {
            return false;
        }
        let taken = self.take(now, wall);
        if now.saturating_duration_since(self.flushed) >= self.flush_every {
            self.flushed = now;
            self.pen.flush(now, wall);
        }
        if now.saturating_duration_since(self.synced) >= self.sync_every {
            self.synced = now;
            self.pen.sync();
        }
        self.pen.rotate_if_due(now, wall);
        taken > 0
    }

    /// Empties the rings a little more after the stop. Whether there may be more.
    pub(super) fn drain_at_end(&mut self, now: Instant, wall: Nanos) -> bool {
        if self.pen.failure.is_some() {
            self.pen.retry(now, wall);
        }
        self.pen.failure.is_none() && self.take(now, wall) > 0
    }

    /// Tells of everything lost and not told of, and ends the file.
    pub(super) fn finish(&mut self, now: Instant, wall: Nanos) {
        let Self { drains, pen, .. } = self;
        for drain in drains {
            // What still stands here had no time or no disk.
            drain.each(drain.entries_max(), |entry| {
                pen.pass_over(entry);
                true
            });
            let (gap, reader) = drain.untold();
            if gap.entries > 0 {
                let payload = gap.to_payload();
                pen.gap(&Entry { reader, payload: &payload, ..pen.own(EntryKind::Gap, wall) }, now, wall);
            }
        }
        pen.flush(now, wall);
        if pen.failure.is_some() || pen.lost.entries > 0 {
            pen.retry(now, wall);
        }
        pen.end_file();
        pen.count_bytes();
    }

    fn take(&mut self, now: Instant, wall: Nanos) -> usize {
        let Self { drains, pen, .. } = self;
        let mut taken = 0;
        for drain in drains {
            if pen.failure.is_some() {
                break;
            }
            taken += drain.each(TURN_ENTRIES, |entry| pen.take(entry, now, wall));
        }
        pen.count_bytes();
        taken
    }
}

/// Why nothing can be written, and when it is tried again. Meanwhile the rings hold what comes.
struct Failure {
    retry_at: Instant,
    wait: Duration,
    /// Another file may do better: this one is broken, or as long as the system lets it become. Tried once.
    try_other_file: bool,
}

/// Writes, and keeps account of what could not be written.
struct Pen<D: Disk> {
    disk: D,
    paper: Option<D::Writer>,
    redactor: Redactor,
    setup: Vec<u8>,
    /// The file has no setup yet.
    setup_due: bool,
    scratch: Vec<u8>,
    shared: Arc<Shared>,
    /// Lost and not yet told of in a file.
    lost: Gap,
    /// Entries of taps in the block under way.
    open: u64,
    failure: Option<Failure>,
    /// Number of the first entry of the next file.
    next_entry: u64,
    /// Bytes of the files before this one.
    bytes_before: u64,
    /// Of the entry before, on the clock that drives timers.
    now_ns: u64,
}

impl<D: Disk> Pen<D> {
    /// Takes an entry out of a ring. Whether another one can be taken.
    fn take(&mut self, entry: &Entry<'_>, now: Instant, wall: Nanos) -> bool {
        self.now_ns = entry.now;
        if entry.kind == EntryKind::Gap {
            self.gap(entry, now, wall);
            return self.failure.is_none();
        }
        let Some(paper) = &mut self.paper else {
            self.pass_over(entry);
            return false;
        };
        let (payload, redacted) = self.redactor.redact(entry.kind, entry.payload, &mut self.scratch);
        self.shared.redacted.fetch_add(redacted as u64, Relaxed);
        self.open += 1;
        match paper.push(&Entry { payload, ..*entry }) {
            Ok(()) if paper.open_entries() == 0 => self.settle(),
            Ok(()) => {}
            Err(PushError::Lost(lost)) => self.lose_block(lost, now, wall),
            Err(error @ PushError::TooLong { .. }) => {
                self.open -= 1;
                self.shared.failed(&error, None);
                self.pass_over(entry);
                self.tell(now, wall);
            }
        }
        self.failure.is_none()
    }

    /// Takes a gap that a tap told of. It has a block of its own, so that nothing else is lost with it.
    fn gap(&mut self, entry: &Entry<'_>, now: Instant, wall: Nanos) {
        self.flush(now, wall);
        let written = if self.failure.is_none() { self.write_own(entry) } else { Ok(false) };
        if !matches!(written, Ok(true)) {
            add(&mut self.lost, Gap::from_payload(entry.payload).unwrap_or_default());
        }
        if let Err(error) = written {
            self.fail(&error, now, wall);
        }
    }

    fn flush(&mut self, now: Instant, wall: Nanos) {
        match self.paper.as_mut().map_or(Ok(()), Paper::flush) {
            Ok(()) => self.settle(),
            Err(lost) => self.lose_block(lost, now, wall),
        }
        self.count_bytes();
    }

    /// Brings the file to the disk. Nothing follows from a failure: the next block says more.
    fn sync(&mut self) {
        if let Some(Err(error)) = self.paper.as_ref().map(Paper::sync) {
            self.shared.failed(&error, None);
        }
    }

    fn rotate_if_due(&mut self, now: Instant, wall: Nanos) {
        let Some(paper) = &self.paper else { return };
        if self.failure.is_some() || !self.disk.should_rotate(paper.bytes(), wall) {
            return;
        }
        self.flush(now, wall);
        if self.failure.is_none() {
            self.end_file();
            if let Err(error) = self.resume(wall) {
                self.fail(&error, now, wall);
            }
        }
    }

    /// Whether entries can be taken: it works, or works again.
    fn is_ready(&mut self, now: Instant, wall: Nanos) -> bool {
        if self.failure.as_ref().is_some_and(|failure| now >= failure.retry_at) {
            self.retry(now, wall);
        }
        self.failure.is_none()
    }

    fn retry(&mut self, now: Instant, wall: Nanos) {
        if self.failure.as_mut().is_some_and(|failure| std::mem::take(&mut failure.try_other_file)) {
            self.leave_file();
        }
        match self.resume(wall) {
            Ok(()) => {
                self.failure = None;
                self.shared.recovered();
            }
            Err(error) => self.fail(&error, now, wall),
        }
    }

    /// Makes the next file if there is none, and writes what must stand in front of the next entry. The block under
    /// way is empty.
    fn resume(&mut self, wall: Nanos) -> io::Result<()> {
        if self.paper.is_none() {
            self.paper = Some(self.disk.open(self.next_entry, wall)?);
            self.shared.opened(self.disk.path());
            self.setup_due = !self.setup.is_empty();
        }
        if self.setup_due {
            let setup = std::mem::take(&mut self.setup);
            let (payload, _) = self.redactor.redact(EntryKind::Setup, &setup, &mut self.scratch);
            let payload = payload.to_vec();
            self.setup = setup;
            self.write_own(&Entry { payload: &payload, ..self.own(EntryKind::Setup, wall) })?;
            self.setup_due = false;
        }
        if self.lost.entries > 0 {
            let payload = self.lost.to_payload();
            self.write_own(&Entry { payload: &payload, ..self.own(EntryKind::Gap, wall) })?;
            self.lost = Gap::default();
        }
        self.count_bytes();
        Ok(())
    }

    /// Tells at once of something lost while all works.
    fn tell(&mut self, now: Instant, wall: Nanos) {
        self.flush(now, wall);
        if self.failure.is_none()
            && let Err(error) = self.resume(wall)
        {
            self.fail(&error, now, wall);
        }
    }

    /// Writes an entry that no tap offered, in a block of its own; it never counts as lost. False without a file.
    fn write_own(&mut self, entry: &Entry<'_>) -> io::Result<bool> {
        let Some(paper) = &mut self.paper else { return Ok(false) };
        match paper.push(entry) {
            Ok(()) => paper.flush().map_err(|lost| lost.source)?,
            Err(PushError::Lost(lost)) => return Err(lost.source),
            Err(error) => return Err(io::Error::other(error)),
        }
        Ok(true)
    }

    /// An entry of the recorder itself; the payload is still to come.
    fn own(&self, kind: EntryKind, wall: Nanos) -> Entry<'static> {
        let (now, kernel) = (self.now_ns, Nanos::NONE);
        Entry { kind, reader: ALL_READERS, path: 0, source: 0, recv: wall, now, kernel, payload: &[] }
    }

    /// The block under way has been written.
    fn settle(&mut self) {
        count(&self.shared.entries, std::mem::take(&mut self.open));
    }

    fn lose_block(&mut self, lost: Lost, now: Instant, wall: Nanos) {
        self.open = 0;
        self.lose(lost.gap);
        self.fail(&lost.source, now, wall);
    }

    /// Counts an entry as lost that cannot be written. A tap's gap adds what it counts, which the tap has counted.
    fn pass_over(&mut self, entry: &Entry<'_>) {
        match Gap::from_payload(entry.payload) {
            Some(gap) if entry.kind == EntryKind::Gap => add(&mut self.lost, gap),
            _ => self.lose(Gap { entries: 1, bytes: entry.payload.len() as u64, since: entry.recv }),
        }
    }

    fn lose(&mut self, gap: Gap) {
        add(&mut self.lost, gap);
        count(&self.shared.file_lost_entries, gap.entries);
        count(&self.shared.file_lost_bytes, gap.bytes);
    }

    fn fail(&mut self, error: &io::Error, now: Instant, wall: Nanos) {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        self.shared.failed(error, Some(wall));
        match &mut self.failure {
            Some(failure) => {
                failure.wait = (failure.wait * 2).min(RETRY[1]);
                failure.retry_at = now + failure.wait;
            }
            None => {
                let try_other_file = !matches!(error.kind(), StorageFull | QuotaExceeded);
                self.failure = Some(Failure { retry_at: now + RETRY[0], wait: RETRY[0], try_other_file });
            }
        }
    }

    /// Ends the file, whose block under way is empty.
    fn end_file(&mut self) {
        let Some(paper) = self.leave_file() else { return };
        if let Err(error) = paper.finish() {
            // Only its index is missing, which readers do without.
            self.shared.failed(&error, None);
        }
    }

    /// Goes away from the file as it is.
    fn leave_file(&mut self) -> Option<D::Writer> {
        let paper = self.paper.take()?;
        self.next_entry = paper.next_entry();
        self.bytes_before += paper.bytes();
        Some(paper)
    }

    fn count_bytes(&self) {
        let bytes = self.bytes_before + self.paper.as_ref().map_or(0, Paper::bytes);
        self.shared.bytes_written.store(bytes, Relaxed);
    }
}

/// Adds a gap to one before it.
fn add(sum: &mut Gap, gap: Gap) {
    if sum.entries == 0 {
        sum.since = gap.since;
    }
    sum.entries += gap.entries;
    sum.bytes += gap.bytes;
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Relaxed);
}
