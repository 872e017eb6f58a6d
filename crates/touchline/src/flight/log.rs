//! Incidents as files, written by a thread of their own.
//!
//! A book thread hands an incident over and goes on; what does not fit is counted. Files are bounded in number and
//! in rate, so that a bad day fills no disk: whoever wants more has the events.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use touchline_market::Reason;

use super::{Incident, IncidentReport};
use crate::Error;
use crate::pipeline::{Marking, spawn};

/// Incidents that may wait to be written.
const WAITING: usize = 256;

/// Most files in the folder; what is there already counts.
const FILES: usize = 1_000;

/// Most files in a second.
const A_SECOND: usize = 10;

/// How often it is looked whether the feed ends.
const LOOK: Duration = Duration::from_millis(50);

/// What both sides see.
#[derive(Debug, Default)]
struct Shared {
    closing: AtomicBool,
    dropped: AtomicU64,
}

/// The writer of a folder.
#[derive(Debug)]
pub(crate) struct IncidentLog {
    sender: IncidentSender,
    thread: JoinHandle<Option<io::Error>>,
}

/// A book thread's way to it.
#[derive(Clone, Debug)]
pub(crate) struct IncidentSender {
    queue: SyncSender<Arc<Incident>>,
    shared: Arc<Shared>,
}

impl IncidentSender {
    /// Hands an incident over; never waits. Ends that somebody asked for are none: those of a feed that stops, and of
    /// books that are unsubscribed.
    pub(crate) fn send(&self, incident: &Arc<Incident>) {
        let asked_for = matches!(incident.reason(), Some(Reason::WriterDead | Reason::Config));
        if !asked_for && self.queue.try_send(Arc::clone(incident)).is_err() {
            self.shared.dropped.fetch_add(1, Relaxed);
        }
    }
}

impl IncidentLog {
    /// Starts to write into a folder, which is made if it is not there.
    pub(crate) fn start(folder: &Path) -> Result<Self, Error> {
        let refused = |source| Error::Folder { path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(refused)?;
        let there = std::fs::read_dir(folder).map_err(refused)?.flatten();
        let there = there.filter(|entry| entry.path().extension().is_some_and(|end| end == "json")).count();
        let (queue, incidents) = sync_channel(WAITING);
        let shared = Arc::new(Shared::default());
        let writer = Writer {
            folder: folder.to_owned(),
            shared: Arc::clone(&shared),
            number: there,
            second: Instant::now(),
            in_second: 0,
            failed: None,
        };
        let thread = spawn("incidents", move || writer.run(&incidents))?;
        Ok(Self { sender: IncidentSender { queue, shared }, thread })
    }

    /// A way to it.
    pub(crate) fn sender(&self) -> IncidentSender {
        self.sender.clone()
    }

    /// How many could not be written so far.
    #[cfg(test)]
    pub(crate) fn dropped(&self) -> u64 {
        self.sender.shared.dropped.load(Relaxed)
    }

    /// Ends it. Says what could not be written.
    pub(crate) fn stop(self) -> Option<String> {
        let Self { sender: IncidentSender { queue, shared }, thread } = self;
        shared.closing.store(true, Relaxed);
        drop(queue);
        let failed = thread.join().ok()?;
        let dropped = shared.dropped.load(Relaxed);
        let why = match failed {
            Some(error) => format!("the first one because {error}"),
            None => format!("there is room for {FILES} files, and for {A_SECOND} a second"),
        };
        (dropped > 0).then(|| format!("{dropped} incidents were not written: {why}"))
    }
}

/// The thread's own.
struct Writer {
    folder: PathBuf,
    shared: Arc<Shared>,
    /// Files in the folder.
    number: usize,
    second: Instant,
    in_second: usize,
    failed: Option<io::Error>,
}

impl Writer {
    fn run(mut self, incidents: &Receiver<Arc<Incident>>) -> Option<io::Error> {
        loop {
            match incidents.recv_timeout(LOOK) {
                Ok(incident) => self.take(&incident),
                // Whoever still has a sender is about to drop it: what it brings then is not waited for.
                Err(RecvTimeoutError::Timeout) if self.shared.closing.load(Relaxed) => return self.failed,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.failed,
            }
        }
    }

    fn take(&mut self, incident: &Incident) {
        if self.number >= FILES || !self.may_write() {
            self.shared.dropped.fetch_add(1, Relaxed);
            return;
        }
        match self.write(incident) {
            Ok(()) => self.number += 1,
            Err(error) => {
                self.shared.dropped.fetch_add(1, Relaxed);
                self.failed.get_or_insert(error);
            }
        }
    }

    /// Waits until another file is allowed. False if the feed ends before.
    fn may_write(&mut self) -> bool {
        while self.in_second >= A_SECOND && self.second.elapsed() < Duration::from_secs(1) {
            if self.shared.closing.load(Relaxed) {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        if self.second.elapsed() >= Duration::from_secs(1) {
            (self.second, self.in_second) = (Instant::now(), 0);
        }
        self.in_second += 1;
        true
    }

    /// Writes one file, under its name only when it is whole.
    fn write(&self, incident: &Incident) -> io::Result<()> {
        let report = IncidentReport::new(incident, Marking::Clock);
        let reason = report.reason.replace(' ', "-");
        let name = format!("incident-{:020}-{:04}-{reason}.json", report.at_ns, self.number);
        let part = self.folder.join(format!("{name}.part"));
        std::fs::write(&part, serde_json::to_vec_pretty(&report)?)?;
        std::fs::rename(&part, self.folder.join(name))
    }
}
