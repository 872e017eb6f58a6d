//! How a running feed stands, asked from any thread.

use std::borrow::Cow;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use touchline_capture::recorder::{Monitor, RecorderStatus};
use touchline_link::{Handle, Rest};
use touchline_market::{Instrument, InstrumentId};

use super::control::{BookControl, Control};
use super::feed::{Group, State};
use super::report::FeedReport;
use crate::Error;
use crate::latency::Recorder;

/// How long a thread may take to say how it stands.
const ANSWER: Duration = Duration::from_secs(2);

/// Asks a running feed how it stands, from any thread, and keeps nothing of it running: after the feed's end it says
/// [`Error::Stopped`]. Each reporter is told the latencies since its own last report, whoever else asks.
#[derive(Debug)]
pub struct Reporter {
    feed: Weak<Shared>,
    untold: Arc<Mutex<Untold>>,
}

/// Latencies that a reporter has not been told yet; nothing where none are measured.
type Untold = Option<Recorder>;

/// What a feed and its reporters share.
pub(super) struct Shared {
    pub(super) rest: Rest,
    pub(super) ways: Ways,
    pub(super) state: Mutex<State>,
    pub(super) began: Instant,
    reporters: Mutex<Vec<Weak<Mutex<Untold>>>>,
    journal: Option<Monitor>,
}

/// The ways to a feed's threads.
pub(super) struct Ways {
    pub(super) readers: Vec<Handle<Control>>,
    pub(super) groups: Vec<Group>,
}

impl Reporter {
    pub(super) fn new(feed: &Arc<Shared>) -> Self {
        let untold = Arc::new(Mutex::new(None));
        feed.reporters.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&untold));
        Self { feed: Arc::downgrade(feed), untold }
    }

    /// How the feed stands. The latencies are those since this reporter's last report.
    ///
    /// No reader and no book thread waits for it; whoever asks waits for each of them, at most two seconds.
    ///
    /// # Errors
    /// [`Error::Stopped`], or [`Error::Panicked`] if a thread does not answer.
    pub fn report(&self) -> Result<FeedReport, Error> {
        let feed = self.feed.upgrade().ok_or(Error::Stopped)?;
        let mut report = feed.collect()?;
        report.latencies = self.untold.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(report)
    }

    /// The instrument of the number that events call it by; `None` after the feed's end.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<Arc<Instrument>> {
        let feed = self.feed.upgrade()?;
        let state = feed.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.instrument(id)
    }
}

impl Shared {
    pub(super) fn new(
        rest: Rest,
        ways: Ways,
        state: State,
        began: Instant,
        journal: Option<Monitor>,
    ) -> Arc<Self> {
        Arc::new(Self { rest, ways, state: Mutex::new(state), began, reporters: Mutex::default(), journal })
    }

    /// How the journal stands, if there is one.
    pub(super) fn recorder(&self) -> Option<RecorderStatus> {
        self.journal.as_ref().map(Monitor::status)
    }

    /// Asks every thread. Each reporter will be told the latencies that came of it.
    fn collect(&self) -> Result<FeedReport, Error> {
        let mut report = FeedReport { wall: self.began.elapsed(), ..FeedReport::default() };
        // The slow thread thinks while the others are asked.
        let budgets = self.rest.budgets();
        let told = self.collect_from_threads(&mut report);
        // What a thread gave away before another one failed to answer is not lost.
        self.share_latencies(report.latencies.take());
        told?;
        report.budgets = budgets.recv_timeout(ANSWER).unwrap_or_default();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.describe(&mut report);
        drop(state);
        report.recorder = self.recorder();
        Ok(report)
    }

    fn collect_from_threads(&self, report: &mut FeedReport) -> Result<(), Error> {
        for reader in 0..self.ways.readers.len() {
            let told = ask(|reply| self.ways.tell_reader(reader, Control::Report(Box::default(), reply)));
            report.add_of_reader(reader, told.ok_or(Error::Panicked { stage: "reader" })?);
        }
        for group in 0..self.ways.groups.len() {
            let told = ask(|reply| self.ways.tell_books(group, BookControl::Report(Box::default(), reply)));
            report.add(told.ok_or(Error::Panicked { stage: "book" })?);
        }
        Ok(())
    }

    fn share_latencies(&self, latencies: Option<Recorder>) {
        let Some(latencies) = latencies else { return };
        let mut reporters = self.reporters.lock().unwrap_or_else(PoisonError::into_inner);
        reporters.retain(|reporter| reporter.strong_count() > 0);
        let untold: Vec<_> = reporters.iter().filter_map(Weak::upgrade).collect();
        let Some((last, others)) = untold.split_last() else { return };
        for untold in others {
            add(untold, Cow::Borrowed(&latencies));
        }
        // Usually there is but one, and nothing is copied.
        add(last, Cow::Owned(latencies));
    }
}

fn add(untold: &Mutex<Untold>, latencies: Cow<'_, Recorder>) {
    let mut untold = untold.lock().unwrap_or_else(PoisonError::into_inner);
    match untold.as_mut() {
        Some(all) => all.merge(&latencies),
        None => *untold = Some(latencies.into_owned()),
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Ways {
    pub(super) fn tell_reader(&self, reader: usize, control: Control) -> Result<(), Error> {
        let reader = self.readers.get(reader).ok_or(Error::Stopped)?;
        if reader.send(control) { Ok(()) } else { Err(Error::Panicked { stage: "reader" }) }
    }

    pub(super) fn tell_books(&self, group: usize, control: BookControl) -> Result<(), Error> {
        match self.groups.get(group).ok_or(Error::Stopped)? {
            Group::Thread { mail, sleeper } => {
                mail.push(control).map_err(|_| Error::Panicked { stage: "book" })?;
                sleeper.wake();
                Ok(())
            }
            Group::Reader(reader) => self.tell_reader(*reader, Control::Books(control)),
        }
    }
}

/// Asks a thread, and waits for what it says.
pub(super) fn ask<T>(tell: impl FnOnce(SyncSender<T>) -> Result<(), Error>) -> Option<T> {
    let (reply, answer) = sync_channel(1);
    tell(reply).ok()?;
    answer.recv_timeout(ANSWER).ok()
}
