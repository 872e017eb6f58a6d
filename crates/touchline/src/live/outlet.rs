//! Where a reader's updates go: over a ring to a book thread, or straight to the books on the reader's own thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::Thread;

use touchline_market::Sink;

use super::report::RingReport;
use super::watch::Watch;
use crate::pipeline::{Direct, LaneSender, Room, Shard};

/// The way to one group of books.
pub(crate) enum Outlet {
    /// Over a ring.
    Lane {
        /// The ring.
        sender: Box<LaneSender>,
        /// How many connections wait for room to tell their books of lost messages.
        overruns: usize,
        /// The thread at the other end.
        sleeper: Sleeper,
    },
    /// On this thread.
    Direct(Box<Direct<Watch>>),
}

/// What is to be written into an outlet.
pub(crate) trait Work {
    /// What comes of it.
    type Output;

    /// Writes it.
    fn run<S: Sink>(self, sink: &mut S) -> Self::Output;
}

impl Outlet {
    /// Over this ring.
    pub(crate) fn over(sender: LaneSender, sleeper: Sleeper) -> Self {
        Self::Lane { sender: Box::new(sender), overruns: 0, sleeper }
    }

    /// To these books on this thread.
    pub(crate) fn to(shard: Shard<Watch>) -> Self {
        Self::Direct(Box::new(Direct { shard, body: Vec::with_capacity(4_096) }))
    }

    /// Runs `work` with room for the updates of a message of `bytes` and for `more` records; `None` if there is no
    /// room.
    #[inline]
    pub(crate) fn with<W: Work>(&mut self, bytes: usize, more: usize, work: W) -> Option<W::Output> {
        match self {
            Self::Direct(direct) => Some(work.run(&mut **direct)),
            Self::Lane { sender, sleeper, .. } => {
                let output = match sender.room(bytes, more) {
                    Room::Ring(mut sink) => work.run(&mut sink),
                    Room::Large(mut sink) => work.run(&mut sink),
                    Room::Full => return None,
                };
                sleeper.wake();
                Some(output)
            }
        }
    }

    /// How full the ring to this book thread is.
    pub(crate) fn ring(&mut self, book_thread: usize) -> Option<RingReport> {
        let Self::Lane { sender, .. } = self else { return None };
        let (capacity, used) = sender.fill();
        Some(RingReport { reader: 0, book_thread, capacity, used })
    }

    /// A connection began or ceased to wait for room to tell its books that messages were lost.
    #[cold]
    pub(crate) fn overrun(&mut self, waits: bool) {
        if let Self::Lane { sender, overruns, sleeper } = self {
            *overruns = if waits { *overruns + 1 } else { overruns.saturating_sub(1) };
            sender.set_overrun(*overruns > 0);
            sleeper.wake();
        }
    }
}

/// A book thread that may sleep when its rings are empty, and how to wake it.
///
/// The thread says that it sleeps, looks at its rings once more, and sleeps for half a millisecond at most. The reader
/// looks whether it sleeps after each message, without a fence: in the rare case that the two miss each other the
/// message waits for the end of that sleep, and the reader has not paid a fence for every message.
#[derive(Clone, Debug)]
pub(crate) struct Sleeper {
    thread: Thread,
    asleep: Arc<AtomicBool>,
}

impl Sleeper {
    pub(crate) fn new(thread: Thread, asleep: Arc<AtomicBool>) -> Self {
        Self { thread, asleep }
    }

    /// Wakes it if it sleeps.
    #[inline]
    pub(crate) fn wake(&self) {
        if self.asleep.load(std::sync::atomic::Ordering::Relaxed) {
            self.wake_sleeping();
        }
    }

    #[cold]
    fn wake_sleeping(&self) {
        if self.asleep.swap(false, SeqCst) {
            self.thread.unpark();
        }
    }
}
