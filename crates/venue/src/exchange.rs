//! The other side of the wire: what a venue would send of a true book, for the simulator (feature `simulator`).
//!
//! A venue implements [`Exchange`] in its own folder, `<venue>/exchange.rs` (or `exchange/`), and hands it out in
//! [`Venue::exchange`](crate::Venue::exchange); whoever needs it finds it in
//! [`VenueFacts::exchange`](crate::VenueFacts::exchange). Write it from the protocol facts, never from the parser, so
//! that each checks the other.
//!
//! The simulator keeps the markets, the connections and the time, and it does the faults. An exchange only knows how
//! things are said. A value has no state: what belongs to one client is in its [`Connection`], what belongs to one
//! symbol comes as arguments. Every `out` is appended to; a method that leaves it as it was has nothing to say.
//!
//! # What happens when, and what is asked
//!
//! 1. A client opens a target (`/v2?x=y`): [`open`](Exchange::open) says whether there is anything, which streams the
//!    target itself names, and what the venue says first.
//! 2. A client's text: [`read`](Exchange::read). A subscription comes back as [`Asked`] with its streams taken apart;
//!    everything else (pings, lists, what is no request) as a text that is the answer.
//! 3. For each stream of a subscription the simulator decides its [`Fate`]: the streams that are taken are put into
//!    [`Connection::streams`] (or out of it), then [`answer`](Exchange::answer) writes the acknowledgements and the
//!    refusals, as many texts as the venue sends.
//! 4. A stream that begins: for a book where [`Rules::snapshots_in_stream`] says so,
//!    [`book_snapshot`](Exchange::book_snapshot); for every other channel [`begin`](Exchange::begin). Both only to the
//!    connection that asked.
//! 5. A market moves: [`book_update`](Exchange::book_update), [`depth`](Exchange::depth), [`bbo`](Exchange::bbo),
//!    [`trades`](Exchange::trades), [`ticker`](Exchange::ticker), [`candle`](Exchange::candle) write the data of one
//!    stream, once for all connections that have it.
//! 6. Every text of 1 to 5 and every heartbeat goes through [`seal`](Exchange::seal) on each connection, in the order
//!    of sending, directly before it leaves: there a connection's own number or envelope is added. **Faults happen after
//!    the sealing**: a message that is lost has had its number.
//! 7. Every [`Heartbeat::every`]: [`heartbeat`](Exchange::heartbeat), for each connection.
//! 8. REST: [`resource`](Exchange::resource), then one of [`snapshot_body`](Exchange::snapshot_body),
//!    [`instruments_body`](Exchange::instruments_body), [`error_body`](Exchange::error_body).
//!
//! # Names of streams
//!
//! [`Stream::name`] is the venue's own key: equal streams have equal names, different ones (another depth) different
//! names. Where requests have no names the implementer makes them (`book-10:BTC/USD`); they are seen by nobody else. A
//! stream without a channel is taken like any other and sends nothing of a market: a heartbeat channel, a kind that is
//! not carried here, a stream in the wrong place.
//!
//! # Cut books
//!
//! With [`Rules::cuts`] the simulator keeps, for each stream, the best [`Stream::levels`] levels a side that a client has,
//! and hands [`book_update`](Exchange::book_update) the changes that this client needs: changed levels inside the depth,
//! levels that come into it, and no word of levels that fall out of it. If nothing inside the depth changed there is no
//! message. [`Update::best_bids`] and [`Update::best_asks`] are the best levels after the message, for the checksum.
//!
//! # How a view is judged
//!
//! The simulator remembers the true book at every message by two keys: the market's sequence, and a stamp in µs that grows
//! with every message of a symbol ([`Update::stamp_us`], [`Book::stamp_us`]). [`Rules::key`] says which of them the
//! venue's book messages carry, so that the state belonging to a view can be found: with [`Key::Sequence`] it is the
//! view's sequence, with [`Key::Stamp`] it is the view's `ts_event`, which the venue must then write to the microsecond
//! in every book message.

mod text;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use touchline_market::{Bbo, Candle, Channel, Level, Price, Qty, Trade};

use crate::Ask;

pub(crate) use text::digits;
pub use text::{number, rfc3339};

/// A venue's own side of the wire. See the [module](self).
pub trait Exchange: Debug + Send + Sync {
    /// What the venue asks of its clients, and how it behaves.
    fn rules(&self) -> Rules;

    /// How the venue writes a coin (`BTC`) against the money most is traded in there, and with how many decimals the
    /// best known one is.
    fn symbol(&self, coin: &str) -> Traded;

    /// A client opens `target` (path and query); `None` where the venue has nothing.
    fn open(&self, target: &str, now_ms: u64) -> Option<Opening>;

    /// Reads a text of a client. It may change the connection's own settings ([`Connection::wrapped`]), never its
    /// streams.
    fn read(&self, connection: &mut Connection, text: &str, now_ms: u64) -> Request;

    /// Answers a request; `fates` has one entry for each of its streams. The connection's streams are as they are after
    /// the request.
    fn answer(
        &self,
        connection: &Connection,
        asked: &Asked,
        fates: &[Fate],
        now_ms: u64,
        out: &mut Vec<String>,
    );

    /// Writes `text` as this connection sends it: with the connection's next number, in its envelope. `stream` is the one
    /// that it belongs to; none for answers, hellos and heartbeats. `out` is empty.
    fn seal(&self, connection: &mut Connection, stream: Option<&str>, text: &str, out: &mut String) {
        let _ = (connection, stream);
        out.push_str(text);
    }

    /// The book with which a stream begins. Not asked for where snapshots come by REST.
    fn book_snapshot(&self, traded: &Traded, stream: &Stream, book: &Book<'_>, out: &mut String) {
        let _ = (traded, stream, book, out);
    }

    /// A change of the book.
    fn book_update(&self, traded: &Traded, stream: &Stream, update: &Update<'_>, out: &mut String);

    /// A stream of another channel begins.
    fn begin(&self, traded: &Traded, stream: &Stream, moment: &Moment, out: &mut String) {
        let _ = (traded, stream, moment, out);
    }

    /// The best levels, whole ([`Channel::Depth`]). The update's `bids` and `asks` are all of them.
    fn depth(&self, traded: &Traded, stream: &Stream, update: &Update<'_>, out: &mut String) {
        let _ = (traded, stream, update, out);
    }

    /// The best bid and offer have changed.
    fn bbo(&self, traded: &Traded, stream: &Stream, moment: &Moment, out: &mut String) {
        let _ = (traded, stream, moment, out);
    }

    /// Trades, oldest first: one at a time, unless [`Rules::trades_together`].
    fn trades(&self, traded: &Traded, stream: &Stream, moment: &Moment, trades: &[Trade], out: &mut String) {
        let _ = (traded, stream, moment, trades, out);
    }

    /// Rolling statistics, once a second.
    fn ticker(&self, traded: &Traded, stream: &Stream, moment: &Moment, out: &mut String) {
        let _ = (traded, stream, moment, out);
    }

    /// The candle of the running minute, once a second.
    fn candle(&self, traded: &Traded, stream: &Stream, moment: &Moment, candle: &Candle, out: &mut String) {
        let _ = (traded, stream, moment, candle, out);
    }

    /// What shows a client that its connection lives; asked as [`Rules::heartbeat`] says.
    fn heartbeat(&self, connection: &mut Connection, now_ms: u64, out: &mut String) {
        let _ = (connection, now_ms, out);
    }

    /// The notice that the venue will close the connection soon, if it has one.
    fn shutdown(&self, connection: &Connection, now_ms: u64, out: &mut String) {
        let _ = (connection, now_ms, out);
    }

    /// What a REST request's target asks for.
    fn resource(&self, target: &str) -> Resource;

    /// The body of a REST snapshot.
    fn snapshot_body(&self, traded: &Traded, book: &Book<'_>, out: &mut String) {
        let _ = (traded, book, out);
    }

    /// The body of the list of instruments.
    fn instruments_body(&self, now_ms: u64, list: &[Traded]) -> String;

    /// The body of a REST error.
    fn error_body(&self, error: RestError) -> String;
}

/// What the venue asks of its clients and does to those who do not listen, and how it behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rules {
    /// Messages a client may send a second on a connection, pings and pongs included.
    pub sends_per_second: u32,
    /// Bytes of a client's text; `usize::MAX` where the venue sets no limit.
    pub request_bytes: usize,
    /// Streams on a connection.
    pub streams: usize,
    /// Attempts to connect in `connect_window`, per address.
    pub connects: u32,
    /// The window of `connects`.
    pub connect_window: Duration,
    /// REST weight a minute, per address.
    pub weight_per_minute: u32,
    /// The header that tells a client the weight it has used in this minute.
    pub weight_header: Option<&'static str>,
    /// How often the venue sends a WebSocket ping.
    pub ping_every: Option<Duration>,
    /// How long it waits for the pong.
    pub pong_within: Duration,
    /// When it ends a connection.
    pub lifetime: Option<Duration>,
    /// When it ends a connection without streams.
    pub subscribe_within: Option<Duration>,
    /// When it asks for a [heartbeat](Exchange::heartbeat).
    pub heartbeat: Option<Heartbeat>,
    /// A request is taken or refused as a whole; otherwise each of its streams by itself.
    pub whole_requests: bool,
    /// A symbol that is not traded is refused; otherwise it is acknowledged and stays silent.
    pub refuses_unknown: bool,
    /// The acknowledgement is promised to come before the data. Without that promise the simulator sends it before or
    /// behind what the streams begin with, by chance.
    pub acknowledges_first: bool,
    /// A book stream begins with a snapshot; otherwise snapshots come by REST.
    pub snapshots_in_stream: bool,
    /// Books are cut to the depth of their stream: see the [module](self).
    pub cuts: bool,
    /// Best levels a side in [`Update::best_bids`], for a checksum; 0 where there is none.
    pub checksum_levels: usize,
    /// Which state a book message names.
    pub key: Key,
    /// A market's every change has a sequence of its own in the update's range; otherwise the venue leaves numbers out.
    pub dense: bool,
    /// All trades of a moment stand in one message.
    pub trades_together: bool,
    /// The names of a message's fields, for whoever spoils messages on purpose.
    pub fields: Fields,
}

/// When a venue sends heartbeats.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Heartbeat {
    /// How often.
    pub every: Duration,
    /// Only on a connection on which nothing else was sent for so long.
    pub when_quiet: bool,
}

/// By what the state of a view is found in the simulator's truth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key {
    /// The view's sequence is the market's: the venue's book messages carry it.
    Sequence,
    /// The view's `ts_event` is the state's stamp, in µs.
    Stamp,
}

/// Names of fields in the venue's messages, at any depth of nesting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fields {
    /// Fields without which, or with another type in which, a message must not be taken.
    pub needed: &'static [&'static str],
    /// Arrays of levels; a level is `[price, qty, …]`, or an object with a field of `qty`.
    pub levels: &'static [&'static str],
    /// Fields that are a quantity, in a level or in a message.
    pub qty: &'static [&'static str],
    /// The checksum; empty where there is none.
    pub checksum: &'static str,
}

/// A client's connection, as far as what is sent depends on it.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// The path it was opened to.
    pub path: String,
    /// Events are wrapped in their stream's name.
    pub wrapped: bool,
    /// Messages sealed so far: the next one's number where the venue counts from 0.
    pub count: u64,
    /// Heartbeats sent so far.
    pub beats: u64,
    /// The streams asked for and taken, by name.
    pub streams: BTreeMap<String, Stream>,
}

/// A connection that was opened.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// Its state. Streams are not in it yet.
    pub connection: Connection,
    /// The streams that the target names.
    pub streams: Vec<Stream>,
    /// What the venue says first of all.
    pub hello: Vec<String>,
}

/// A stream that a client asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stream {
    /// The venue's own key: see the [module](self).
    pub name: String,
    /// The symbol, as the list of instruments writes it; empty where the stream is of no symbol.
    pub symbol: String,
    /// What it carries; `None` if nothing of a market.
    pub channel: Option<Channel>,
    /// How many levels, for partial depth and for books that are cut; 0 for all.
    pub levels: usize,
}

/// What a client's text is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Request {
    /// A request about streams.
    Asked(Asked),
    /// Anything else, with the venue's answer to it: a ping, a list, what is no request.
    Answered(String),
    /// Nothing that is answered.
    Ignored,
}

/// A request about streams.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The client's number, given back.
    pub id: Option<u64>,
    /// Send them, or send them no more.
    pub ask: Ask,
    /// Which.
    pub streams: Vec<Stream>,
}

/// What becomes of one stream of a request.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Fate {
    /// It is done.
    #[default]
    Taken,
    /// It was so already: subscribed to before, or not subscribed to when it was to end.
    Already,
    /// Refused: no such symbol.
    UnknownSymbol,
    /// Refused: no valid request.
    Invalid,
}

/// A symbol that is traded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Traded {
    /// As the list of instruments writes it.
    pub symbol: String,
    /// Decimals of its tick: mantissas of prices have so many.
    pub price_scale: u8,
    /// Decimals of its lot.
    pub qty_scale: u8,
}

impl Traded {
    /// Appends a price with all its decimals.
    pub(crate) fn price(&self, out: &mut String, price: Price) {
        number(out, price.0, self.price_scale);
    }

    /// Appends a quantity with all its decimals.
    pub(crate) fn qty(&self, out: &mut String, qty: Qty) {
        number(out, qty.0.cast_signed(), self.qty_scale);
    }
}

/// A whole book, or the best levels of it where fewer were asked for; best levels first.
#[derive(Clone, Copy, Debug)]
pub struct Book<'a> {
    /// When it is sent, ms since 1970.
    pub event_ms: u64,
    /// The state's stamp, µs since 1970: not before that of an earlier book message of the symbol.
    pub stamp_us: u64,
    /// The last sequence in it.
    pub sequence: u64,
    /// Bids, from the best down.
    pub bids: &'a [Level],
    /// Asks, from the best up.
    pub asks: &'a [Level],
}

/// A change of the book.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// When it is sent, ms since 1970.
    pub event_ms: u64,
    /// The stamp of the state after it, µs since 1970: each is greater than the one before, of the same symbol.
    pub stamp_us: u64,
    /// The first sequence in it.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// The last of the message before.
    pub previous: u64,
    /// Changed bids, in no order; quantity 0 removes.
    pub bids: &'a [Level],
    /// Changed asks.
    pub asks: &'a [Level],
    /// The best bids after it: [`Rules::checksum_levels`] of them, or as many as there are.
    pub best_bids: &'a [Level],
    /// The best asks after it.
    pub best_asks: &'a [Level],
}

/// A market at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moment {
    /// When it is told, ms since 1970.
    pub event_ms: u64,
    /// The state's stamp, µs since 1970.
    pub stamp_us: u64,
    /// The last sequence in it.
    pub sequence: u64,
    /// Best bid and offer.
    pub best: Bbo,
    /// What was traded.
    pub statistics: Statistics,
}

/// What happened in the last 24 hours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Statistics {
    /// Price of the first trade.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// The last trade.
    pub last: Level,
    /// Quantity traded.
    pub volume: Qty,
    /// Trades.
    pub trades: u64,
}

/// What a REST request asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resource {
    /// A book.
    Snapshot {
        /// Whose.
        symbol: String,
        /// The best levels a side; `usize::MAX` for all.
        limit: usize,
        /// What it costs.
        weight: u32,
    },
    /// The list of instruments.
    Instruments {
        /// What it costs.
        weight: u32,
    },
    /// No such path.
    Unknown,
    /// The path is right and a parameter is missing or not valid.
    Illegal,
}

/// Why a REST request is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RestError {
    /// A parameter is missing or not valid.
    Illegal,
    /// No such symbol.
    UnknownSymbol,
    /// Too many requests (429).
    TooMany,
    /// Banned for having asked all the same (418).
    Banned,
    /// Not from there (451).
    Region,
    /// Out of order (5xx).
    Internal,
}
