//! How a venue is reached, and what it asks of those who reach it: facts and texts, no I/O.

use std::time::Duration;

use touchline_market::{Channel, Sequence};

/// Where a venue's sockets and REST interface are, and the limits it sets.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Root of its sockets: `wss://host[:port]`.
    pub ws: &'static str,
    /// Root of its REST interface: `https://host`.
    pub rest: &'static str,
    /// The kinds of connections it has, each with the channels it carries. A channel stands in one route.
    pub routes: &'static [Route],
    /// What it asks of a client.
    pub limits: Limits,
}

impl Access {
    /// The route that carries a channel: its place in [`routes`](Self::routes).
    #[must_use]
    pub fn route_of(&self, channel: Channel) -> Option<usize> {
        self.routes.iter().position(|route| route.channels.contains(&channel))
    }
}

/// One kind of connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Route {
    /// Path behind the root: `/stream`.
    pub path: &'static str,
    /// What can be subscribed to there.
    pub channels: &'static [Channel],
}

/// What a venue asks of a client. Each stands in its documentation; the venue's module names the page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Most streams on one connection.
    pub streams_per_connection: usize,
    /// Most streams in one request.
    pub streams_per_request: usize,
    /// Most messages a second that we send on a connection, pings and pongs included.
    pub sends_per_second: u32,
    /// Most attempts to connect in [`CONNECT_WINDOW`], per address.
    pub connects_per_window: u32,
    /// Most attempts to connect in a second, per address; `None` if it names no such limit.
    pub connects_per_second: Option<u32>,
    /// After how long the venue cuts a connection; `None` if it does not.
    pub lifetime: Option<Duration>,
    /// REST weight per minute, per address.
    pub weight_per_minute: u32,
}

/// The window of [`Limits::connects_per_window`].
pub const CONNECT_WINDOW: Duration = Duration::from_secs(300);

/// What a request asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ask {
    /// Send these streams.
    Subscribe,
    /// Send them no more.
    Unsubscribe,
}

/// What a frame without updates says about the connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// The request of this id was taken.
    Accepted {
        /// The id we gave it.
        id: u64,
    },
    /// These streams, by their names in requests, are sent now; those of them that nobody waits for are passed over.
    Subscribed {
        /// Their names, as [`Texts::stream`] writes them.
        streams: Vec<String>,
    },
    /// These streams and no others are sent now.
    Subscriptions {
        /// Their names, likewise.
        streams: Vec<String>,
    },
    /// These streams are not sent any more.
    Unsubscribed {
        /// Their names, likewise.
        streams: Vec<String>,
    },
    /// A request, or one stream of it, was refused.
    Refused {
        /// The id we gave the request; `None` if the venue does not say.
        id: Option<u64>,
        /// The stream, by its name in requests; `None` if all of the request is meant.
        stream: Option<String>,
        /// The venue's number for the reason; 0 if it has none.
        code: i64,
        /// The venue's text: foreign, to be escaped and cut before anybody sees it.
        text: String,
        /// Trying again cannot help (an unknown symbol, an invalid stream).
        terminal: bool,
    },
    /// The venue will close the connection soon: go elsewhere.
    Closing,
    /// Nothing of the kind.
    Nothing,
}

/// One request to a venue's REST interface.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestRequest {
    /// Path and query behind the root: `/api/v3/depth?symbol=BTCUSDT&limit=1000`.
    pub path: String,
    /// What it costs of [`Limits::weight_per_minute`].
    pub weight: u32,
}

/// A number for the levels in a snapshot's body: the same for the same levels.
pub type Contents = fn(body: &[u8]) -> Option<u64>;

/// Where a book's snapshots come from.
#[derive(Clone, Copy, Debug)]
pub enum Snapshots {
    /// They are asked for beside the stream.
    Rest {
        /// The request for a snapshot of at least so many levels a side, or the most there are.
        request: fn(symbol: &str, levels: u32) -> RestRequest,
        /// The sequence that a snapshot's body names; `None` if it is no snapshot.
        sequence: fn(body: &[u8]) -> Option<Sequence>,
        /// Where the sequence is a time, and a snapshot may bear that of its making: a number for the levels of a body,
        /// the same for the same levels. Two snapshots then say whether the market moved between them.
        contents: Option<Contents>,
    },
    /// The stream begins with one; another one comes after subscribing anew.
    Stream,
}

/// A venue's texts: what we send, and what of its answers is not for a book. None of it is on the hot path.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    /// Texts that a connection sends first of all, before any request: what it needs to be kept alive, for example.
    pub hello: fn() -> Vec<String>,
    /// Appends the name of a stream: `btcusdt@depth@100ms`. What a venue's requests say beside a name (a channel, a
    /// depth) stands in the name too, so that equal streams have equal names. `levels` is how many levels a side are
    /// wanted of a book at least.
    pub stream: fn(symbol: &str, channel: Channel, levels: u32, out: &mut String),
    /// Can these two streams stand in one request?
    pub together: fn(&str, &str) -> bool,
    /// Writes a request about some streams.
    pub request: fn(ask: Ask, streams: &[&str], id: u64) -> String,
    /// What a frame that gave no updates says about the connection.
    pub reply: fn(frame: &[u8]) -> Reply,
    /// Where a book's snapshots come from.
    pub snapshots: Snapshots,
    /// The request for the list of instruments.
    pub instruments: fn() -> RestRequest,
}
