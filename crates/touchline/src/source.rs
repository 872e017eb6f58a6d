//! Where a pipeline's input comes from: a recording, a synthetic market, later a socket.

use touchline_capture::CaptureError;
use touchline_market::Nanos;

/// One thing that happened on the way in.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// When it was received; 0 when nobody knows.
    pub recv: Nanos,
    /// Its number in the source: the line of a recording.
    pub line: u64,
    /// What happened.
    pub event: Event<'a>,
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
    /// Anything else: it changes nothing.
    Nothing,
}

/// A stream of inputs in the order they were received.
pub trait Source {
    /// The next input; `None` at the end.
    ///
    /// # Errors
    /// [`CaptureError`]: after one that [is final](CaptureError::is_final) only `None` comes.
    fn next(&mut self) -> Result<Option<Input<'_>>, CaptureError>;

    /// How much of the source has been used: bytes done, and of how many.
    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}
