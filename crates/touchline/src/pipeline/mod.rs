//! The journey from input to view, on one pinned thread or on two.
//!
//! ```text
//! source → intake (parse) → lane (ring) → shard (book, view)     placement book-thread: two threads
//! source → intake (parse) ───────────────→ shard (book, view)    placement reader: one thread, the same code
//! ```
//!
//! A frame's bytes become records in ring slots without a copy between; one release-store makes a message visible.
//! A message too large for the ring (a snapshot of thousands of levels) travels in a preallocated buffer that is
//! handed over and comes back; a marker in the ring keeps its place among the others.

mod connections;
mod desk;
mod intake;
mod kept;
mod lane;
mod pacer;
mod running;
mod shard;
mod timing;

pub(crate) use connections::Connections;
pub(crate) use desk::{Desk, keeper_config};
pub use intake::Intake;
pub(crate) use lane::{LaneReceiver, LaneSender, Received, Room, lane, split_update};
pub(crate) use running::{Borrowed, Direct, pin, spawn};
pub use running::{Finished, Inline, Running, start};
pub use shard::{BookReport, ChannelCounts, Observer, Shard};
pub(crate) use timing::{Stamped, Stamps, Timing};

use std::time::Duration;

use touchline_book::Start;
use touchline_market::Instrument;
use touchline_venue::VenueFacts;

/// Where books are built.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Placement {
    /// On a thread of their own behind a ring: needed as soon as several connections feed one book.
    #[default]
    BookThread,
    /// On the reader's thread: the shortest way with a single connection.
    Reader,
}

/// How fast a source is replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pace {
    /// As fast as the pipeline takes it.
    #[default]
    Max,
    /// At this multiple of the recorded speed; 1.0 is real time.
    Times(f64),
}

/// What the reader does when the ring is full.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Overflow {
    /// Waits: nothing is lost. For sources that can wait, such as recordings.
    #[default]
    Wait,
    /// Drops the frame, counts it, and holds every book of the connection stale until a resync. For sources that
    /// cannot wait, such as sockets.
    Drop,
}

/// What the word `mark` of an update carries.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Marking {
    /// Clock stamps: latencies are measured.
    #[default]
    Clock,
    /// The input's line: an observer can say which line did what.
    Line,
}

/// Everything a pipeline is made from.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whose dialect.
    pub venue: &'static VenueFacts,
    /// Instruments subscribed to, each with how its book begins.
    pub instruments: Vec<(Instrument, Start)>,
    /// Where books are built.
    pub placement: Placement,
    /// How fast the source is taken.
    pub pace: Pace,
    /// What a full ring means.
    pub overflow: Overflow,
    /// What updates are marked with.
    pub marking: Marking,
    /// Records of the ring; rounded up to a power of two. A record is one cache line.
    pub ring_records: usize,
    /// Cores for the reader's and the book's thread; a core that is not there is passed over with a note in
    /// [`Finished::notes`].
    pub cores: [Option<usize>; 2],
}

/// Default records of a ring: 8,192 lines are 512 KiB, a quarter of a core's second-level cache where that is 2 MiB.
pub const RING_RECORDS: usize = 8_192;

impl Plan {
    /// A plan with nothing subscribed and every choice at its default.
    #[must_use]
    pub fn new(venue: &'static VenueFacts) -> Self {
        Self {
            venue,
            instruments: Vec::new(),
            placement: Placement::default(),
            pace: Pace::default(),
            overflow: Overflow::default(),
            marking: Marking::default(),
            ring_records: RING_RECORDS,
            cores: [None, None],
        }
    }
}

/// How long a wait on the other thread spins before it begins to yield its core: on a machine with too few cores the
/// other thread may need this one.
const SPINS: u32 = 20_000;

/// Waits for another thread, first spinning, then yielding.
#[derive(Debug, Default)]
struct Backoff(u32);

impl Backoff {
    fn reset(&mut self) {
        self.0 = 0;
    }

    fn wait(&mut self) {
        if self.0 < SPINS {
            self.0 += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

/// A sleep is not trusted to be shorter than this; the rest of a wait is spun.
const SLEEP_MARGIN: Duration = Duration::from_micros(200);
