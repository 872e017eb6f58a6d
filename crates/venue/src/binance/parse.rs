//! Binance's messages as updates, for all three products.
//!
//! One pass picks the fields out, then the event's name chooses. Real messages:
//!
//! ```text
//! {"stream":"bnbbtc@depth@100ms","data":{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}}
//! {"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":185130926750,"s":"BTCUSDT","b":"33134.42","B":"0.170","a":"33139.39","A":"0.380","T":1612137603568,"E":1612137603571}}
//! {"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}
//! {"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}
//! {"result":null,"id":1}
//! ```

use touchline_json::shape::{ShapeCounts, Simd};
use touchline_json::{Value, decimal};
use touchline_market::{
    Bbo, Channel, Flags, Head, Level, LevelPacker, Sequence, Side, Sink, Ticker, Trade, UpdateKind,
};

use super::fields::{Field, Fields};
use super::lesson::lesson;
use super::wire::{StreamKind, raw_stream, stream_kind, stream_symbol};
use crate::learn::{Fault, at_learned_scales, commit, level, levels, single};
use crate::learned::{Heard, Learned};
use crate::{Found, Ignored, Listing, Parse, ParseError, Parsed, Rejected};

/// Which product line a connection serves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Product {
    Spot,
    UsdM,
    CoinM,
}

impl Product {
    /// What `st` says on the merged futures streams.
    fn code(self) -> Option<u64> {
        match self {
            Self::Spot => None,
            Self::UsdM => Some(1),
            Self::CoinM => Some(2),
        }
    }
}

/// The parser of one connection.
pub struct Parser {
    learned: Learned,
    json: touchline_json::Parser,
    product: Product,
    /// The stream of a raw connection, whose frames do not name it; empty otherwise.
    stream: String,
}

type Outcome = Result<Parsed, Rejected>;

impl Parser {
    pub(crate) fn new(product: Product) -> Self {
        Self {
            learned: Learned::default(),
            json: touchline_json::Parser::new(),
            product,
            stream: String::new(),
        }
    }

    /// Reads a frame whatever its shape.
    #[inline]
    fn general<S: Sink>(&mut self, frame: &[u8], listing: &mut Listing, sink: &mut S) -> Outcome {
        let document = self.json.parse(frame).map_err(ParseError::Json)?;
        let (stream, event) = unwrap(document.root())?;
        let stream = stream.unwrap_or(&self.stream);
        if event.array().is_some() {
            return Ok(Parsed::Ignored(Ignored::UnknownEvent));
        }
        let mut message = Message { fields: Fields::none(&document), stream, product: self.product };
        message.fields.fill(event)?;
        message.parse(listing, sink)
    }

    /// Learns the shape of a frame that became an update.
    #[cold]
    #[inline(never)]
    fn learn(&mut self, frame: &[u8], kind: UpdateKind, listing: &mut Listing) {
        let Ok(document) = self.json.parse(frame) else { return };
        let Ok((stream, event)) = unwrap(document.root()) else { return };
        let mut fields = Fields::none(&document);
        if fields.fill(event).is_err() {
            return;
        }
        let is_range = self.product == Product::Spot;
        if let Some(lesson) = lesson(&fields, event, kind, stream.is_some(), is_range)
            && let Some(found) = listing.find(lesson.symbol)
        {
            self.learned.learn(frame, found, listing.version(), kind, &lesson);
        }
    }
}

impl Parse for Parser {
    fn connected(&mut self, url: &str) {
        let stream = raw_stream(url).unwrap_or_default();
        // What a frame without a stream means depends on the connection's.
        if stream != self.stream {
            self.learned.clear();
            self.stream.clear();
            self.stream.push_str(stream);
        }
    }

    #[inline]
    fn frame<S: Sink>(&mut self, frame: &[u8], listing: &mut Listing, sink: &mut S) -> Outcome {
        if let Some(parsed) = self.learned.frame(frame, listing, sink) {
            return Ok(parsed);
        }
        let mut heard = Heard::new(sink);
        let outcome = self.general(frame, listing, &mut heard);
        let update = heard.update;
        if self.learned.is_due(update)
            && let Some((_, kind)) = update
        {
            self.learn(frame, kind, listing);
        }
        outcome
    }

    fn read_by(&mut self, simd: Simd) {
        self.learned = Learned::by(simd);
    }

    fn shapes(&self) -> ShapeCounts {
        self.learned.counts()
    }

    fn snapshot<S: Sink>(
        &mut self,
        symbol: &str,
        body: &[u8],
        listing: &mut Listing,
        sink: &mut S,
    ) -> Outcome {
        let Some(found) = listing.find(symbol).filter(|found| found.wants(Channel::Book)) else {
            return Ok(Parsed::Ignored(Ignored::Unsubscribed));
        };
        let reject = |error| Rejected { error, instrument: Some(found.id), channel: Some(Channel::Book) };
        let document = self.json.parse(body).map_err(|error| reject(error.into()))?;
        let mut fields = Fields::none(&document);
        fields.fill(document.root()).map_err(reject)?;
        if fields.code().is_some() {
            return Ok(Parsed::Ignored(Ignored::ErrorReply));
        }
        let message = Message { fields, stream: "", product: self.product };
        message.for_found(Some(found), Channel::Book, listing, sink, |message, found, sink| {
            let mut head = Head::new(UpdateKind::Snapshot, found.id);
            head.flags = Flags::BESIDE_STREAM;
            message.whole_book(head, found, sink)
        })
    }
}

/// The event in a frame: behind `data` and with its stream's name on combined connections, else the frame itself.
#[inline(always)]
fn unwrap(root: Value<'_>) -> Result<(Option<&str>, Value<'_>), ParseError> {
    let (mut stream, mut data) = (None, None);
    let Some(fields) = root.object() else { return Ok((None, root)) };
    for (key, value) in fields {
        let twice = match key {
            "stream" => stream.replace(value).map(|_| "stream"),
            "data" => data.replace(value).map(|_| "data"),
            _ => None,
        };
        if let Some(name) = twice {
            return Err(ParseError::Duplicate(name));
        }
    }
    match (stream, data) {
        (Some(stream), Some(data)) => match stream.as_str() {
            Some(stream) => Ok((Some(stream), data)),
            None => Err(ParseError::WrongType("stream")),
        },
        _ => Ok((None, root)),
    }
}

/// One event with the stream it came on.
struct Message<'d> {
    fields: Fields<'d>,
    stream: &'d str,
    product: Product,
}

impl<'d> Message<'d> {
    #[inline]
    fn parse<S: Sink>(&self, listing: &mut Listing, sink: &mut S) -> Outcome {
        if let Some(name) = ["e", "s", "st"].into_iter().find(|name| self.fields.is_duplicate(name)) {
            return self.unreadable(ParseError::Duplicate(name), listing);
        }
        if let (Some(ours), Some(theirs)) = (self.product.code(), self.fields.product().value()) {
            match theirs.as_u64() {
                Some(theirs) if theirs == ours => {}
                Some(_) => return Ok(Parsed::Ignored(Ignored::OtherProduct)),
                None => return self.unreadable(ParseError::WrongType("st"), listing),
            }
        }
        if !self.fields.event().is_some() {
            return self.unnamed(listing, sink);
        }
        let Some(event) = self.fields.event().text() else {
            return self.unreadable(ParseError::WrongType("e"), listing);
        };
        match event {
            "depthUpdate" => self.depth_update(listing, sink),
            "bookTicker" => self.for_symbol(Channel::Bbo, listing, sink, Self::bbo),
            "trade" => self.trade(self.fields.trade_id(), listing, sink),
            "aggTrade" => self.trade(self.fields.ask(), listing, sink),
            "24hrTicker" => self.for_symbol(Channel::Ticker, listing, sink, Self::ticker),
            "serverShutdown" => Ok(Parsed::Ignored(Ignored::Notice)),
            _ => Ok(Parsed::Ignored(Ignored::UnknownEvent)),
        }
    }

    /// Messages without an event name: spot's best bid and offer, partial depth, replies to requests.
    fn unnamed<S: Sink>(&self, listing: &mut Listing, sink: &mut S) -> Outcome {
        let fields = &self.fields;
        if fields.bid_qty().is_some() || fields.ask_qty().is_some() {
            return self.for_symbol(Channel::Bbo, listing, sink, Self::bbo);
        }
        if fields.symbol().is_some() {
            return self.unreadable(ParseError::Missing("e"), listing);
        }
        if fields.snapshot_id().is_some() || fields.bids().is_some() || fields.asks().is_some() {
            // Named nowhere but in the stream: without that there is no telling whose levels these are.
            let symbol = stream_symbol(self.stream).ok_or(ParseError::Missing("stream"))?;
            let found = listing.find_lower(symbol);
            return self.for_found(found, Channel::Depth, listing, sink, Self::partial_depth);
        }
        if fields.error().is_some() || fields.code().is_some() {
            return Ok(Parsed::Ignored(Ignored::ErrorReply));
        }
        if fields.id().is_some() || fields.result().is_some() {
            return Ok(Parsed::Ignored(Ignored::Ack));
        }
        Err(ParseError::Shape.into())
    }

    #[inline]
    fn depth_update<S: Sink>(&self, listing: &mut Listing, sink: &mut S) -> Outcome {
        match stream_kind(self.stream) {
            StreamKind::Diff => self.for_symbol(Channel::Book, listing, sink, Self::delta),
            StreamKind::Partial => self.for_symbol(Channel::Depth, listing, sink, Self::partial_depth),
            // Another book: with the orders that only retail flow may take.
            StreamKind::RetailPriceImprovement => Ok(Parsed::Ignored(Ignored::UnknownEvent)),
        }
    }

    fn trade<S: Sink>(&self, id: Field<'d>, listing: &mut Listing, sink: &mut S) -> Outcome {
        self.for_symbol(Channel::Trade, listing, sink, |message, found, sink| {
            let execution = message.fields.execution();
            match execution.is_some().then(|| execution.need_text()).transpose()? {
                None | Some("MARKET") => message.print(id.need_count()?, found, sink),
                Some(_) => Ok(Parsed::Ignored(Ignored::OffBook)),
            }
        })
    }

    /// A message whose kind nobody can tell. Its instrument is named where that can be read.
    #[cold]
    #[inline(never)]
    fn unreadable(&self, error: ParseError, listing: &mut Listing) -> Outcome {
        let symbol = self.fields.symbol().text();
        let Some(symbol) = symbol.filter(|_| error != ParseError::Duplicate("s")) else {
            return Err(error.into());
        };
        match listing.find(symbol) {
            Some(found) => Err(Rejected { error, instrument: Some(found.id), channel: None }),
            None => Ok(Parsed::Ignored(Ignored::Unsubscribed)),
        }
    }

    /// Runs `parse` for the instrument that the message names.
    #[inline]
    fn for_symbol<S: Sink>(
        &self,
        channel: Channel,
        listing: &mut Listing,
        sink: &mut S,
        parse: impl Fn(&Self, Found, &mut S) -> Result<Parsed, Fault>,
    ) -> Outcome {
        let symbol = self.fields.symbol().need_text().map_err(|error| Rejected {
            error,
            instrument: None,
            channel: Some(channel),
        })?;
        self.for_found(listing.find(symbol), channel, listing, sink, parse)
    }

    #[inline]
    fn for_found<S: Sink>(
        &self,
        found: Option<Found>,
        channel: Channel,
        listing: &mut Listing,
        sink: &mut S,
        parse: impl Fn(&Self, Found, &mut S) -> Result<Parsed, Fault>,
    ) -> Outcome {
        let Some(found) = found.filter(|found| found.wants(channel)) else {
            return Ok(Parsed::Ignored(Ignored::Unsubscribed));
        };
        let outcome = match self.fields.duplicate() {
            None => at_learned_scales(listing, found, sink, |found, sink| parse(self, found, sink)),
            Some(name) => Err(ParseError::Duplicate(name)),
        };
        outcome.map_err(|error| Rejected { error, instrument: Some(found.id), channel: Some(channel) })
    }

    #[inline]
    fn delta<S: Sink>(&self, found: Found, sink: &mut S) -> Result<Parsed, Fault> {
        let fields = &self.fields;
        let mut head = Head::new(UpdateKind::Delta, found.id);
        head.sequence = Sequence(fields.last_id().need_count()?);
        let first = fields.first_id().need_count()?;
        head.previous = match self.product {
            Product::Spot => Sequence(first.saturating_sub(1)),
            _ => Sequence(fields.previous_id().need_count()?),
        };
        head.ts_event = fields.stamp()?;
        self.both_sides(head, fields.bid(), fields.ask(), found, sink)
    }

    /// Spot's is written as its REST snapshot, the futures' as their diff.
    fn partial_depth<S: Sink>(&self, found: Found, sink: &mut S) -> Result<Parsed, Fault> {
        let fields = &self.fields;
        let mut head = Head::new(UpdateKind::Depth, found.id);
        if !fields.event().is_some() {
            return self.whole_book(head, found, sink);
        }
        head.ts_event = fields.stamp()?;
        head.sequence = Sequence(fields.last_id().need_count()?);
        self.both_sides(head, fields.bid(), fields.ask(), found, sink)
    }

    /// Spot's partial depth and the REST snapshots of all products.
    fn whole_book<S: Sink>(&self, mut head: Head, found: Found, sink: &mut S) -> Result<Parsed, Fault> {
        let fields = &self.fields;
        head.ts_event = fields.stamp()?;
        head.sequence = Sequence(fields.snapshot_id().need_count()?);
        self.both_sides(head, fields.bids(), fields.asks(), found, sink)
    }

    #[inline]
    fn both_sides<S: Sink>(
        &self,
        mut head: Head,
        bids: Field<'d>,
        asks: Field<'d>,
        found: Found,
        sink: &mut S,
    ) -> Result<Parsed, Fault> {
        let mut packer = LevelPacker::default();
        head.bids = levels(bids.need()?, bids.name, found, &mut packer, sink)?;
        head.asks = levels(asks.need()?, asks.name, found, &mut packer, sink)?;
        packer.finish(sink)?;
        commit(head, found, sink).map(Parsed::Updates)
    }

    #[inline]
    fn bbo<S: Sink>(&self, found: Found, sink: &mut S) -> Result<Parsed, Fault> {
        let fields = &self.fields;
        let mut head = Head::new(UpdateKind::Bbo, found.id);
        head.sequence = Sequence(fields.last_id().need_count()?);
        head.ts_event = fields.stamp()?;
        let scales = decimal::Levels::new(found.price_scale, found.qty_scale);
        let bid = best(fields.bid(), fields.bid_qty(), &scales, found)?;
        let ask = best(fields.ask(), fields.ask_qty(), &scales, found)?;
        single(Bbo { bid, ask }.to_record(), head, found, sink).map(Parsed::Updates)
    }

    #[inline]
    fn print<S: Sink>(&self, id: u64, found: Found, sink: &mut S) -> Result<Parsed, Fault> {
        let fields = &self.fields;
        let mut head = Head::new(UpdateKind::Trade, found.id);
        head.sequence = Sequence(id);
        head.ts_event = fields.stamp()?;
        let maker_buys = fields.maker_buys();
        let maker_buys = maker_buys.need()?.as_bool().ok_or(ParseError::WrongType(maker_buys.name))?;
        let scales = decimal::Levels::new(found.price_scale, found.qty_scale);
        let level = price_and_qty(fields.price(), fields.qty(), &scales, found)?;
        if level.price.0 <= 0 {
            return Err(ParseError::NotPositive(fields.price().name).into());
        }
        let trade = Trade {
            price: level.price,
            qty: level.qty,
            id,
            aggressor: if maker_buys { Side::Ask } else { Side::Bid },
        };
        single(trade.to_record(), head, found, sink).map(Parsed::Updates)
    }

    fn ticker<S: Sink>(&self, found: Found, sink: &mut S) -> Result<Parsed, Fault> {
        let fields = &self.fields;
        let mut head = Head::new(UpdateKind::Ticker, found.id);
        head.ts_event = fields.stamp()?;
        let ticker = Ticker {
            last: fields.last_price().plain().price(found)?,
            last_qty: fields.last_qty().plain().qty(found)?,
            open: fields.open().plain().price(found)?,
            high: fields.high().plain().price(found)?,
            low: fields.low().plain().price(found)?,
            volume: fields.volume().plain().qty(found)?,
        };
        single(ticker.to_record(), head, found, sink).map(Parsed::Updates)
    }
}

/// One side of a best bid and offer. An empty side is sent as quantity 0, with a price of 0.
#[inline(always)]
fn best(at: Field<'_>, amount: Field<'_>, scales: &decimal::Levels, found: Found) -> Result<Level, Fault> {
    let level = price_and_qty(at, amount, scales, found)?;
    if level.price.0 < 0 || (level.price.0 == 0 && level.qty.0 != 0) {
        return Err(ParseError::NotPositive(at.name).into());
    }
    Ok(level)
}

/// A price of any sign and its quantity out of two fields: nearly always two strings.
#[inline(always)]
fn price_and_qty(
    at: Field<'_>,
    amount: Field<'_>,
    scales: &decimal::Levels,
    found: Found,
) -> Result<Level, Fault> {
    if let (Some(price), Some(qty)) = (at.text(), amount.text())
        && let Ok((price, qty)) = scales.level(price.as_bytes(), qty.as_bytes())
    {
        return Ok(Level::new(price, qty));
    }
    price_and_qty_slow(at, amount, found)
}

#[cold]
#[inline(never)]
fn price_and_qty_slow(at: Field<'_>, amount: Field<'_>, found: Found) -> Result<Level, Fault> {
    level((at.need()?, amount.need()?), at.name, amount.name, found)
}
