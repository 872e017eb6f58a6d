//! Coinbase's frames: the envelope, its counter, and who reads what is in it.
//!
//! ```text
//! {"channel":"l2_data","timestamp":"2026-08-09T21:05:48.506659391Z","sequence_num":15,"events":[…]}
//! {"channel":"subscriptions","timestamp":"…","sequence_num":2,"events":[{"subscriptions":{"level2":["BTC-USD"]}}]}
//! {"channel":"heartbeats","timestamp":"…","sequence_num":35,"events":[{"current_time":"…","heartbeat_counter":41691}]}
//! {"type":"error","message":"…"}
//! ```
//!
//! A frame may hold several events, an event several items, each of another product. Each is an update of its own,
//! published once it is whole. At the first bad one the rest of the frame is lost: if anything stands behind it, the
//! rejection names the channel but no instrument, since nobody looked whose the rest is.

use touchline_json::Elements;
use touchline_market::{Channel, Head, InstrumentId, Level, Nanos, Sequence, Sink, UpdateKind};

use super::counter::{Counter, Turn};
use super::{book, channels};
use crate::fields::{Field, pick};
use crate::{Found, Ignored, Listing, Parse, ParseError, Parsed, Rejected};

/// The parser of one connection.
#[derive(Default)]
pub struct Parser {
    json: touchline_json::Parser,
    counter: Counter,
    scratch: Scratch,
}

/// Memory that is used again for each message.
#[derive(Default)]
pub(super) struct Scratch {
    /// Asks of a book message, while its bids are packed.
    pub(super) asks: Vec<Level>,
    /// Where a message's trades stand.
    pub(super) places: Vec<touchline_json::Place>,
}

type Outcome = Result<Parsed, Rejected>;

impl Parse for Parser {
    fn connected(&mut self, _: &str) {
        self.counter = Counter::default();
    }

    fn frame<S: Sink>(&mut self, frame: &[u8], listing: &mut Listing, sink: &mut S) -> Outcome {
        let document = self.json.parse(frame).map_err(ParseError::Json)?;
        let root = document.root();
        // The counter first: a frame was received even if nothing else of it can be read.
        let [number] = pick(root, ParseError::Shape, ["sequence_num"])?;
        let mut sequence = None;
        if let Some(value) = number.value {
            let found = value.as_u64().ok_or(ParseError::WrongType(number.name))?;
            if self.counter.judge(found)? == Turn::Behind {
                return Ok(Parsed::Ignored(Ignored::Repeated));
            }
            sequence = Some(Sequence(found));
        }
        let [name, kind, timestamp, events] =
            pick(root, ParseError::Shape, ["channel", "type", "timestamp", "events"])?;
        if name.value.is_none() {
            return unnamed(kind);
        }
        let channel = match name.text()? {
            "l2_data" => Channel::Book,
            "market_trades" => Channel::Trade,
            "ticker" => Channel::Ticker,
            "candles" => Channel::Candle,
            "status" => Channel::Status,
            "heartbeats" => return need_counter(sequence, number, Ignored::Heartbeat),
            "subscriptions" => return need_counter(sequence, number, Ignored::Ack),
            _ => return Ok(Parsed::Ignored(Ignored::UnknownEvent)),
        };
        let rejected = |error| Rejected { error, instrument: None, channel: Some(channel) };
        let sequence = sequence.ok_or(ParseError::Missing(number.name)).map_err(rejected)?;
        let events = events.array().map_err(rejected)?;
        let mut reader = Reader { channel, sequence, timestamp, listing, sink, tally: Tally::default() };
        let read = match channel {
            Channel::Book => book::events(&mut reader, events, &mut self.scratch),
            _ => channels::events(&mut reader, events, &document, &mut self.scratch),
        };
        read.map(|()| reader.tally.parsed())
    }
}

/// A frame without a channel: the venue's error, or a frame of the Exchange product.
#[cold]
fn unnamed(kind: Field<'_>) -> Outcome {
    if kind.value.is_none() {
        return Err(ParseError::Shape.into());
    }
    Ok(Parsed::Ignored(if kind.text()? == "error" { Ignored::ErrorReply } else { Ignored::OtherProduct }))
}

/// A message that is counted like any other, and without a number is not what it seems.
fn need_counter(sequence: Option<Sequence>, number: Field<'_>, ignored: Ignored) -> Outcome {
    match sequence {
        Some(_) => Ok(Parsed::Ignored(ignored)),
        None => Err(ParseError::Missing(number.name).into()),
    }
}

/// What became of a frame's items.
#[derive(Default)]
struct Tally {
    updates: u32,
    ignored: Option<Ignored>,
}

impl Tally {
    fn parsed(&self) -> Parsed {
        match self.updates {
            0 => Parsed::Ignored(self.ignored.unwrap_or(Ignored::UnknownEvent)),
            updates => Parsed::Updates(updates),
        }
    }
}

/// The way from one frame's items to updates.
pub(super) struct Reader<'d, 'r, S> {
    pub(super) channel: Channel,
    pub(super) sequence: Sequence,
    timestamp: Field<'d>,
    pub(super) listing: &'r mut Listing,
    pub(super) sink: &'r mut S,
    tally: Tally,
}

impl<'d, S: Sink> Reader<'d, '_, S> {
    /// When the venue sent the frame.
    pub(super) fn stamp(&self) -> Result<Nanos, ParseError> {
        self.timestamp.stamp()
    }

    /// An item gave no update.
    pub(super) fn ignore(&mut self, reason: Ignored) {
        self.tally.ignored = Some(reason);
    }

    /// A rejection that names the instrument only if nothing of the frame is left behind it.
    #[cold]
    pub(super) fn reject(&self, error: ParseError, whose: Option<InstrumentId>, is_last: bool) -> Rejected {
        Rejected { error, instrument: whose.filter(|_| is_last), channel: Some(self.channel) }
    }

    /// The instrument of a symbol, if anybody wants this channel of it.
    #[inline]
    pub(super) fn find(&mut self, symbol: &str) -> Option<Found> {
        let channel = self.channel;
        let found = self.listing.find(symbol).filter(|found| found.wants(channel));
        if found.is_none() {
            self.ignore(Ignored::Unsubscribed);
        }
        found
    }

    /// So many updates went into the sink.
    pub(super) fn count(&mut self, updates: u32) {
        self.tally.updates += updates;
    }

    /// A head of this frame.
    pub(super) fn head(&self, kind: UpdateKind, found: Found) -> Result<Head, ParseError> {
        let mut head = Head::new(kind, found.id);
        head.sequence = self.sequence;
        head.ts_event = self.stamp()?;
        Ok(head)
    }
}

/// Does nothing stand behind an item that was just taken from here?
pub(super) fn is_last(events: &Elements<'_>) -> bool {
    events.len() == 0
}
