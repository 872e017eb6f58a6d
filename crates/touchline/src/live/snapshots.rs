//! Snapshots and probes that are on their way, and whose they are.

use rustc_hash::FxHashMap;
use touchline_feed::StreamId;
use touchline_link::SocketId;

/// What a REST request was made for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// A book needs it to become live.
    Snapshot {
        /// Which book.
        key: u32,
    },
    /// A live book wants to know deeper levels again.
    Refresh {
        /// Which book.
        key: u32,
    },
    /// Is the venue ahead of a quiet stream?
    Probe {
        /// Whose stream.
        key: u32,
        /// On which connection.
        member: usize,
        /// Which.
        stream: StreamId,
        /// The socket it was quiet on: of a later one the answer says nothing.
        socket: Option<SocketId>,
    },
}

impl Asked {
    /// What it is for, in a word.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Self::Snapshot { .. } => "snapshot",
            Self::Refresh { .. } => "refresh",
            Self::Probe { .. } => "probe",
        }
    }
}

/// Requests without an answer.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    next: u64,
    open: FxHashMap<u64, Asked>,
}

impl Asks {
    /// A word for a new request.
    pub(crate) fn begin(&mut self, asked: Asked) -> u64 {
        self.next += 1;
        self.open.insert(self.next, asked);
        self.next
    }

    /// What a request that is on its way was made for.
    pub(crate) fn get(&self, word: u64) -> Option<Asked> {
        self.open.get(&word).copied()
    }

    /// What the request of this word was made for; it is answered now.
    pub(crate) fn end(&mut self, word: u64) -> Option<Asked> {
        self.open.remove(&word)
    }
}
