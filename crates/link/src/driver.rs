//! Who steers a reader thread: told what came, it says what to do. The driver does no I/O and never waits.

use std::time::Duration;

use touchline_feed::{Ending, Moment, Refusal};
use touchline_market::Nanos;

use crate::clock::Ticks;

/// A socket of one reader: the driver chooses the number and never uses it again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SocketId(pub u64);

/// When something came.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stamp {
    /// On the clock that drives timers: it never goes back.
    pub now: Moment,
    /// By the wall clock, when the read that brought the last byte returned.
    pub recv: Nanos,
    /// The same moment on the processor's counter.
    pub ticks: Ticks,
    /// When the kernel had the packet, by the wall clock; none where the socket cannot say.
    pub kernel: Nanos,
}

/// What a socket says.
#[derive(Debug)]
pub enum SocketEvent<'a> {
    /// It is open: frames will come.
    Opened,
    /// It could not be opened. The last word of this socket.
    Refused(Refusal),
    /// A whole text.
    Frame(&'a [u8]),
    /// A whole binary message, as it came and decompressed.
    Binary {
        /// As it came.
        packed: &'a [u8],
        /// What it says; the same where messages are not packed.
        frame: &'a [u8],
    },
    /// A message, as it came, that could not be decompressed. The socket is closed next.
    BrokenFrame(&'a [u8]),
    /// A pong: the other side is there.
    Alive,
    /// A ping, which is answered.
    Pinged,
    /// It ended. The last word of this socket.
    Ended(Ending),
}

/// What a reader is to do.
#[derive(Debug)]
pub enum Command {
    /// Open a socket to `wss://…` (or `ws://` on loopback).
    Open {
        /// Its number.
        socket: SocketId,
        /// Where to.
        url: String,
        /// How long all of it may take.
        timeout: Duration,
    },
    /// Send a text.
    Send {
        /// Where.
        socket: SocketId,
        /// What.
        text: String,
    },
    /// Send a ping.
    Ping {
        /// Where.
        socket: SocketId,
    },
    /// Close it, or abandon the attempt to open it. It says nothing more.
    Close {
        /// Which.
        socket: SocketId,
        /// The close frame's code.
        code: u16,
    },
    /// Ask a REST interface; the answer comes by [`Driver::answer`].
    Fetch(Fetch),
}

/// A REST request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetch {
    /// The driver's word, given back with the answer.
    pub id: u64,
    /// Where: `https://…` (or `http://` on loopback).
    pub url: String,
    /// What it costs of the host's budget.
    pub weight: u32,
    /// The host's budget per minute.
    pub weight_per_minute: u32,
    /// Which goes first when the budget is short: 0 before 1; of the same, the one that waited longest.
    pub priority: u8,
}

/// What became of a REST request.
#[derive(Debug)]
pub struct Answer {
    /// The word of the request.
    pub id: u64,
    /// Where it went.
    pub url: String,
    /// The body, or why there is none.
    pub body: Result<Vec<u8>, Refusal>,
}

/// When a driver wants to be asked again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    /// When something comes, and at this moment at the latest.
    Until(Moment),
    /// Never: close every socket in order and end the thread.
    Done,
}

/// Steers one reader thread.
pub trait Driver: Send + 'static {
    /// What other threads may tell it.
    type Control: Send + 'static;

    /// A socket says something. The hot path.
    fn socket(&mut self, socket: SocketId, event: SocketEvent<'_>, stamp: Stamp);

    /// A REST request was answered, or failed.
    fn answer(&mut self, answer: Answer, stamp: Stamp);

    /// Another thread says something.
    fn control(&mut self, control: Self::Control, stamp: Stamp);

    /// Asked after each batch of the above, and when the time has come: what is to be done, pushed to `commands`.
    fn turn(&mut self, now: Moment, commands: &mut Vec<Command>) -> Turn;
}
