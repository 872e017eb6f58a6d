//! Where a pipeline's input comes from: a recording, a synthetic market, memory.

use touchline_capture::import::ImportError;
use touchline_market::Nanos;

/// One thing that happened on the way in.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// When it was received; 0 when nobody knows.
    pub recv: Nanos,
    /// Its number in the source: the line of a recording, the entry of a journal.
    pub line: u64,
    /// Which connection it came by, where the source keeps several apart, from 1; 0 for all others and for REST.
    pub connection: u32,
    /// It only leads to what was asked for: it is neither waited for nor measured.
    pub ahead: bool,
    /// What happened.
    pub event: Event<'a>,
}

impl<'a> Input<'a> {
    /// Of a source that knows one connection alone.
    #[must_use]
    pub fn new(recv: Nanos, line: u64, event: Event<'a>) -> Self {
        Self { recv, line, connection: 0, ahead: false, event }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A connection was opened.
    Connected {
        /// To where.
        url: &'a str,
    },
    /// A frame arrived, decompressed.
    Frame(&'a [u8]),
    /// A frame arrived that could not be decompressed.
    BrokenFrame,
    /// A REST response arrived.
    Rest {
        /// From where.
        url: &'a str,
        /// Its body.
        body: &'a [u8],
    },
    /// The connection is over: by itself, by the venue or by us.
    Closed,
    /// The book of this instrument is not subscribed to any more.
    Unsubscribed {
        /// The venue's symbol.
        symbol: &'a str,
    },
    /// Something is missing here, of whichever connection: it was never written, or cannot be read.
    Lost,
    /// Anything else: it changes nothing.
    Nothing,
}

/// A stream of inputs in the order they were received.
pub trait Source {
    /// The next input; `None` at the end.
    ///
    /// # Errors
    /// [`ImportError`]: after one that [is final](ImportError::is_final) only `None` comes.
    fn next(&mut self) -> Result<Option<Input<'_>>, ImportError>;

    /// How much of the source has been used: bytes done, and of how many.
    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}
