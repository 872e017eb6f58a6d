//! What a test may tell a running exchange.

use crate::faults::{End, Faults, HandshakeFault, MessageFault, RestFault, Subscribing};

/// Connections that a command is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Which {
    /// All that are open.
    All,
    /// Those with a stream of this symbol.
    Symbol(String),
    /// The one of this number; connections are numbered from 0 in the order they opened.
    Connection(u64),
}

/// A command, done at once or at the next occasion. Symbols are the venue's; one that is not traded is passed over.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "commands are rare, and `Faults` is nicer without a box")]
pub enum Command {
    /// End connections.
    End {
        /// Which.
        which: Which,
        /// How.
        how: End,
    },
    /// Stop all data, keep answering; or go on.
    Stall {
        /// Which.
        which: Which,
        /// Stop?
        on: bool,
    },
    /// Do this to the next book messages of a symbol, on every connection.
    Message {
        /// Whose messages.
        symbol: String,
        /// What.
        fault: MessageFault,
        /// How many messages.
        count: usize,
    },
    /// Send these pings, or break the rules of frames, at once.
    Frame {
        /// Which.
        which: Which,
        /// One of [`MessageFault::Oversize`], [`MessageFault::BadFrame`] and [`MessageFault::PingFlood`].
        fault: MessageFault,
    },
    /// Send this text.
    Text {
        /// Which.
        which: Which,
        /// What.
        text: String,
    },
    /// Send these bytes, as they are, outside any frame.
    Bytes {
        /// Which.
        which: Which,
        /// What.
        bytes: Vec<u8>,
    },
    /// Say that the venue will close.
    Shutdown {
        /// To which.
        which: Which,
    },
    /// Lock the true book for one message.
    Lock {
        /// Whose.
        symbol: String,
    },
    /// Begin to count anew.
    ResetSequence {
        /// Whose.
        symbol: String,
    },
    /// Nothing happens in a market; of all of them without a symbol.
    Pause {
        /// Which.
        symbol: Option<String>,
    },
    /// The market goes on.
    Resume {
        /// Which.
        symbol: Option<String>,
    },
    /// Take a symbol from the list: nothing happens there any more, snapshots are refused.
    Delist {
        /// Which.
        symbol: String,
    },
    /// What becomes of subscriptions that name this symbol, from now on; back to normal with
    /// [`Subscribing::Normal`].
    Subscribing {
        /// Which; every one without.
        symbol: Option<String>,
        /// How.
        how: Subscribing,
    },
    /// What becomes of the next snapshot requests.
    Rest {
        /// Of this symbol; of any without.
        symbol: Option<String>,
        /// What.
        fault: RestFault,
        /// How many.
        count: usize,
    },
    /// What becomes of the next attempts to connect a socket.
    Handshake {
        /// What.
        fault: HandshakeFault,
        /// How many.
        count: usize,
    },
    /// Close the listener: connections are refused. Or open it again, at the same port.
    Refuse(bool),
    /// Other probabilities.
    SetFaults(Faults),
    /// Another rate, messages a second.
    SetRate(f64),
    /// Everything commanded and everything by chance ends: stalls, pauses, faults waiting, refusals. Connections that
    /// are dead already stay dead.
    Heal,
}
