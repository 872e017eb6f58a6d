//! The venue's messages as updates: what a frame is, and every item of it in turn.
//!
//! ```text
//! {"channel":"heartbeat"}
//! {"channel":"status","type":"update","data":[{"api_version":"v2","connection_id":1234,"system":"online","version":"2.0.0"}]}
//! {"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"2023-10-06T17:35:55.440295Z","time_out":"2023-10-06T17:35:55.440300Z"}
//! {"method":"pong","req_id":42,"time_in":"2023-09-25T09:05:00.123456Z","time_out":"2023-09-25T09:05:00.123500Z"}
//! ```

use touchline_json::Value;
use touchline_market::{Channel, Sink, UpdateKind};

use super::book::book;
use super::channels::{candle, pair, ticker, trade};
use super::orders::orders;
use super::standing::{Standings, Trigger};
use super::unheard::Unheard;
use crate::fields::{Field, pick};
use crate::learn::at_learned_scales;
use crate::{Ignored, Listing, Parse, ParseError, Parsed, Rejected};

type Outcome = Result<Parsed, Rejected>;

/// The parser of one connection.
#[derive(Default)]
pub struct Parser {
    json: touchline_json::Parser,
    standings: Standings,
}

/// What the items of a message are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Item {
    Book(UpdateKind),
    Trade,
    Ticker,
    Candle,
    Orders(UpdateKind),
    Pair,
}

impl Item {
    /// The channel they belong to; a ticker belongs to two.
    fn channel(self) -> Option<Channel> {
        match self {
            Self::Book(_) => Some(Channel::Book),
            Self::Trade => Some(Channel::Trade),
            Self::Ticker => None,
            Self::Candle => Some(Channel::Candle),
            Self::Orders(_) => Some(Channel::Orders),
            Self::Pair => Some(Channel::Status),
        }
    }
}

impl Parse for Parser {
    fn connected(&mut self, _: &str) {
        self.standings.clear();
    }

    #[inline]
    fn frame<S: Sink>(&mut self, frame: &[u8], listing: &mut Listing, sink: &mut S) -> Outcome {
        let document = self.json.parse(frame).map_err(ParseError::Json)?;
        let root = document.root();
        if root.array().is_some() {
            // The older protocol at the same host.
            return Ok(Parsed::Ignored(Ignored::OtherProduct));
        }
        let [channel, kind, data] = pick(root, ParseError::Shape, ["channel", "type", "data"])?;
        if channel.value.is_none() {
            return answer(root, data, &mut self.standings);
        }
        let is_snapshot = || match kind.text()? {
            "snapshot" => Ok(true),
            "update" => Ok(false),
            _ => Err(ParseError::WrongType(kind.name)),
        };
        let item = match channel.text()? {
            "book" if is_snapshot()? => Item::Book(UpdateKind::Snapshot),
            "book" => Item::Book(UpdateKind::Delta),
            // What was before the subscription is nobody's.
            "trade" | "ohlc" if is_snapshot()? => return Ok(Parsed::Ignored(Ignored::Unsubscribed)),
            "trade" => Item::Trade,
            "ohlc" => Item::Candle,
            "ticker" => Item::Ticker,
            "level3" if is_snapshot()? => Item::Orders(UpdateKind::OrderSnapshot),
            "level3" => Item::Orders(UpdateKind::OrderDelta),
            "instrument" => Item::Pair,
            "heartbeat" => return Ok(Parsed::Ignored(Ignored::Heartbeat)),
            "status" => return Ok(Parsed::Ignored(Ignored::Notice)),
            _ => return Ok(Parsed::Ignored(Ignored::UnknownEvent)),
        };
        Items { item, standings: &mut self.standings, listing }.all(data, sink)
    }
}

/// The items of one message, with what is known of their symbols.
struct Items<'a> {
    item: Item,
    standings: &'a mut Standings,
    listing: &'a mut Listing,
}

impl Items<'_> {
    #[inline]
    fn all<S: Sink>(mut self, data: Field<'_>, sink: &mut S) -> Outcome {
        let array = self.array(data).map_err(|error| self.reject(error))?;
        // A frame is taken whole or not at all, so several updates are all seen before the first is handed on.
        if array.len() > 1 || self.item == Item::Ticker {
            for item in array.clone() {
                self.one(item, &mut Unheard).map_err(|rejected| self.of_all(rejected, array.clone()))?;
            }
        }
        let mut updates = 0;
        for item in array {
            updates += self.one(item, sink)?;
        }
        Ok(match updates {
            0 => Parsed::Ignored(Ignored::Unsubscribed),
            updates => Parsed::Updates(updates),
        })
    }

    fn array<'d>(&self, data: Field<'d>) -> Result<touchline_json::Elements<'d>, ParseError> {
        if self.item != Item::Pair {
            return data.array();
        }
        let [pairs] = pick(data.need()?, ParseError::WrongType(data.name), ["pairs"])?;
        pairs.array()
    }

    fn reject(&self, error: ParseError) -> Rejected {
        Rejected { error, instrument: None, channel: self.item.channel() }
    }

    /// One item of several cannot be read: none is taken, so it is only one instrument's where all items are.
    #[cold]
    fn of_all(&self, rejected: Rejected, mut items: touchline_json::Elements<'_>) -> Rejected {
        let symbol = |item: Value<'_>| {
            let mut fields = item.object()?;
            fields.find(|(key, _)| *key == "symbol")?.1.as_str().map(str::to_owned)
        };
        let first = items.next().and_then(symbol);
        if items.all(|item| symbol(item) == first) {
            rejected
        } else {
            Rejected { instrument: None, ..rejected }
        }
    }

    /// Hands on the updates of one item and says how many they are.
    #[inline]
    fn one<S: Sink>(&mut self, value: Value<'_>, sink: &mut S) -> Result<u32, Rejected> {
        let channel = self.item.channel();
        let symbol = pick(value, ParseError::WrongType("data"), ["symbol"]);
        let symbol = symbol.and_then(|[symbol]| symbol.text()).map_err(|error| self.reject(error))?;
        if self.item == Item::Pair {
            return self.pair(value, symbol, sink);
        }
        let Some(found) =
            self.listing.find(symbol).filter(|found| channel.is_none_or(|wanted| found.wants(wanted)))
        else {
            return Ok(0);
        };
        let known = self.standings.of(symbol);
        let mut learned = known;
        let item = self.item;
        let updates = at_learned_scales(self.listing, found, sink, |found, sink| {
            learned = known;
            match item {
                Item::Book(kind) => book(value, kind, found, &mut learned, sink),
                Item::Trade => trade(value, found, sink),
                Item::Ticker => ticker(value, found, &known, sink),
                Item::Candle => candle(value, found, sink),
                Item::Orders(kind) => orders(value, kind, found, &mut learned, sink),
                Item::Pair => Ok(0),
            }
        });
        let updates = updates.map_err(|error| Rejected { error, instrument: Some(found.id), channel })?;
        if matches!(item, Item::Book(_) | Item::Orders(_)) {
            self.standings.keep(symbol, learned);
        }
        Ok(updates)
    }

    /// The definition of a pair: of a listed one its scales and its status are taken.
    #[cold]
    fn pair<S: Sink>(&mut self, value: Value<'_>, symbol: &str, sink: &mut S) -> Result<u32, Rejected> {
        let Some(found) = self.listing.find_listed(symbol) else { return Ok(0) };
        let outcome = at_learned_scales(self.listing, found, sink, |found, sink| pair(value, found, sink));
        let (updates, named) = outcome.map_err(|error| Rejected {
            error,
            instrument: Some(found.id),
            channel: self.item.channel(),
        })?;
        self.listing.widen(named);
        Ok(updates)
    }
}

/// An answer to one of our requests. An acknowledgement says how deep a book will be and what a ticker is sent for.
#[cold]
fn answer(root: Value<'_>, data: Field<'_>, standings: &mut Standings) -> Outcome {
    let keys = ["method", "success", "result", "error", "Error", "event", "feed"];
    let [method, success, result, error, limit, event, feed] = pick(root, ParseError::Shape, keys)?;
    if limit.value.is_some() {
        return Ok(Parsed::Ignored(Ignored::ErrorReply));
    }
    if method.value.is_none() {
        return match (event.value.or(feed.value), data.value) {
            // The older protocol at the same host, and the venue's futures.
            (Some(_), _) => Ok(Parsed::Ignored(Ignored::OtherProduct)),
            (None, Some(_)) => Err(ParseError::Missing("channel").into()),
            (None, None) => Err(ParseError::Shape.into()),
        };
    }
    let method = method.text()?;
    if !matches!(method, "subscribe" | "unsubscribe") {
        let reason = if error.value.is_some() { Ignored::ErrorReply } else { Ignored::Ack };
        return Ok(Parsed::Ignored(reason));
    }
    if !success.need()?.as_bool().ok_or(ParseError::WrongType(success.name))? {
        return Ok(Parsed::Ignored(Ignored::ErrorReply));
    }
    if let Some(result) = result.value {
        subscribed(result, method == "subscribe", standings)?;
    }
    Ok(Parsed::Ignored(Ignored::Ack))
}

fn subscribed(result: Value<'_>, is_given: bool, standings: &mut Standings) -> Result<(), ParseError> {
    let keys = ["channel", "symbol", "depth", "event_trigger"];
    let [channel, symbol, depth, trigger] = pick(result, ParseError::WrongType("result"), keys)?;
    let (Ok(channel), Ok(symbol)) = (channel.text(), symbol.text()) else { return Ok(()) };
    let mut standing = standings.of(symbol);
    match channel {
        "book" => {
            let depth = depth.count().ok().and_then(|depth| u16::try_from(depth).ok());
            standing.depth = depth.filter(|_| is_given).unwrap_or_default();
        }
        "ticker" => {
            standing.trigger = match trigger.text() {
                Ok("bbo") if is_given => Some(Trigger::Bbo),
                Ok("trades") if is_given => Some(Trigger::Trades),
                _ => None,
            };
        }
        _ => return Ok(()),
    }
    standings.keep(symbol, standing);
    Ok(())
}
