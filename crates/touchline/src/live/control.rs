//! What the threads of a feed are told while they run.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use touchline_market::{Channel, Instrument, InstrumentId};
use touchline_venue::VenueFacts;

use super::watch::Watched;
use crate::counters::IntakeCounters;
use crate::events::Sender;
use crate::flight::Incident;
use crate::latency::Recorder;
use crate::pipeline::{BookReport, Desk};

/// Told to a reader.
pub(crate) enum Control {
    /// Subscribe to channels of an instrument.
    Subscribe(Subscribe),
    /// Subscribe to them no more.
    Unsubscribe {
        /// Whose.
        id: u32,
        /// Which.
        channels: Vec<Channel>,
    },
    /// These books need a snapshot, by their keys ([`Path::key`](super::path::Path::key)). With `true` the book is live, and only wants to
    /// know deeper levels again.
    Snapshots(Vec<(u32, bool)>),
    /// Events of connections go there too.
    Consumer(Sender),
    /// For the books on this reader's own thread.
    Books(BookControl),
    /// Say what happened so far; `Recorder` takes the place of the one that is given away.
    Report(Box<Recorder>, SyncSender<Told>),
    /// Close every connection in order and end.
    Stop,
}

/// Which instrument, where its updates go, and how its venue is reached.
#[derive(Clone)]
pub(crate) struct Subscribe {
    pub(crate) id: u32,
    pub(crate) desk: InstrumentId,
    pub(crate) outlet: usize,
    pub(crate) instrument: Arc<Instrument>,
    pub(crate) channels: Vec<Channel>,
    pub(crate) venue: &'static VenueFacts,
    /// Root of the venue's sockets.
    pub(crate) ws: Arc<str>,
    /// Root of its REST interface.
    pub(crate) rest: Arc<str>,
}

/// Told to whoever builds books.
pub(crate) enum BookControl {
    /// A new book in this place.
    Add(usize, Box<(Desk, Watched)>),
    /// Nobody wants this book any more, or this channel of its instrument.
    End(usize, Option<Channel>),
    /// This book is wanted again.
    Revive(usize),
    /// Everything told before is done: say so.
    Settle(SyncSender<()>),
    /// Events go there too.
    Consumer(Sender),
    /// Say why this book was invalid of late.
    Incidents(usize, SyncSender<Vec<Arc<Incident>>>),
    /// Say how the books stand; `Recorder` takes the place of the one that is given away.
    Report(Box<Recorder>, SyncSender<Told>),
}

/// What a thread says of itself.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) latencies: Option<Box<Recorder>>,
    pub(crate) intake: IntakeCounters,
    pub(crate) books: Vec<BookReport>,
    pub(crate) strays: u64,
    /// As [`FeedReport::retired`](super::FeedReport::retired).
    pub(crate) retired: u64,
    pub(crate) connections: Vec<super::ConnectionReport>,
    pub(crate) paths: Vec<super::PathReport>,
    pub(crate) rings: Vec<super::RingReport>,
}
