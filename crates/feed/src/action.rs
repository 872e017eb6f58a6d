//! What a connection asks its owner to do.

use touchline_market::Reason;

use crate::{Ending, Moment, Refusal};

/// A stream's place in its connection: dense, from 0. A place is free again after the stream was taken off.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StreamId(pub u32);

/// What is to be done now. Whoever owns the connection does it in this order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Open a socket to the connection's URL; answer with `opened` or `refused`.
    Connect,
    /// Send this text.
    Send(String),
    /// Send a ping; the pong is `heard`.
    Ping,
    /// Close the socket with this code, or abandon the attempt to open it. Nothing that the old socket still says
    /// concerns the connection.
    Close(u16),
    /// The stream is quiet: find out whether the venue is ahead of us; answer with `probed`.
    Probe(StreamId),
    /// The stream was acknowledged: what it needs beside it (a snapshot) may be asked for now.
    Subscribed(StreamId),
    /// What was built from this stream cannot be trusted from now on, for this reason.
    Break {
        /// Which stream; `None` for every one of the connection.
        stream: Option<StreamId>,
        /// Why.
        reason: Reason,
        /// Nothing will mend it without a person.
        dead: bool,
    },
    /// The connection will end soon: open another one for the same streams, and close this one when that has
    /// taken over.
    Replace,
    /// Something that a person or a program wants to know.
    Report(Report),
}

/// What happened to a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Report {
    /// An attempt to connect begins: the how manieth since the last stable time.
    Connecting {
        /// From 1.
        attempt: u32,
    },
    /// The socket is open.
    Open,
    /// Every stream is acknowledged.
    Live {
        /// How many.
        streams: usize,
    },
    /// It could not be opened.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The next attempt.
        next: Moment,
    },
    /// It ended.
    Down {
        /// How.
        ending: Ending,
        /// The next attempt.
        next: Moment,
    },
    /// Nothing came for too long, or a stream stayed silent while the venue moved on.
    Stalled {
        /// Which; `None` for the whole connection.
        stream: Option<StreamId>,
    },
    /// The venue refused a stream.
    Rejected {
        /// Which.
        stream: StreamId,
        /// The venue's number for the reason.
        code: i64,
        /// The venue's text, escaped and cut.
        text: String,
        /// It will not be asked for again.
        terminal: bool,
    },
    /// The venue announced its end, or its time is nearly up.
    Leaving,
}
