//! The venue's messages as updates.
//!
//! ```text
//! {"data":{"timestamp":"1641343691","microtimestamp":"1641343691310202","bids":[],"asks":[["1.17438","853.01809477"],["1.17484","0.00000000"]]},"channel":"diff_order_book_adaeur","event":"data"}
//! {"data":{"id":216000477,"timestamp":"1641343699","amount":0.0792,"amount_str":"0.07920000","price":3805.44,"price_str":"3805.44","type":0,"microtimestamp":"1641343699596000","buy_order_id":1443875737346049,"sell_order_id":1443875731320832},"channel":"live_trades_ethusd","event":"trade"}
//! {"event":"bts:subscription_succeeded","channel":"diff_order_book_sgbeur","data":{}}
//! {"event":"bts:request_reconnect","channel":"","data":""}
//! ```
//!
//! A REST snapshot is what stands in `data` of a book message, by itself.

use touchline_json::{DecimalError, Value};
use touchline_market::{Channel, Flags, Head, LevelPacker, Nanos, Sequence, Side, Sink, Trade, UpdateKind};

use super::subscribe::channel_of;
use crate::fields::{Field, pick, traded};
use crate::learn::{Fault, at_learned_scales, commit, levels, single};
use crate::{Found, Ignored, Listing, Parse, ParseError, Parsed, Rejected};

type Outcome = Result<Parsed, Rejected>;

/// The parser of one connection.
#[derive(Default)]
pub struct Parser {
    json: touchline_json::Parser,
}

impl Parse for Parser {
    #[inline]
    fn frame<S: Sink>(&mut self, frame: &[u8], listing: &mut Listing, sink: &mut S) -> Outcome {
        let document = self.json.parse(frame).map_err(ParseError::Json)?;
        let [event, channel, data] = pick(document.root(), ParseError::Shape, ["event", "channel", "data"])?;
        let event = match event.text()? {
            event @ ("data" | "trade") => event,
            event => return Ok(Parsed::Ignored(aside(event))),
        };
        let Some((channel, symbol)) = channel_of(channel.text()?) else {
            return Ok(Parsed::Ignored(Ignored::UnknownEvent));
        };
        let Some(found) = listing.find(symbol).filter(|found| found.wants(channel)) else {
            return Ok(Parsed::Ignored(Ignored::Unsubscribed));
        };
        let outcome = data.need().and_then(|data| {
            at_learned_scales(listing, found, sink, |found, sink| match (event, channel) {
                ("data", Channel::Book) => book(data, Head::new(UpdateKind::Delta, found.id), found, sink),
                ("data", Channel::Depth) => book(data, Head::new(UpdateKind::Depth, found.id), found, sink),
                ("trade", Channel::Trade) => trade(data, found, sink),
                _ => Err(ParseError::Shape.into()),
            })
        });
        settled(outcome, found, channel)
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
        let outcome = self.json.parse(body).map_err(ParseError::Json).and_then(|document| {
            at_learned_scales(listing, found, sink, |found, sink| {
                let mut head = Head::new(UpdateKind::Snapshot, found.id);
                head.flags = Flags::BESIDE_STREAM;
                book(document.root(), head, found, sink)
            })
        });
        settled(outcome, found, Channel::Book)
    }
}

fn settled(outcome: Result<u32, ParseError>, found: Found, channel: Channel) -> Outcome {
    match outcome {
        Ok(updates) => Ok(Parsed::Updates(updates)),
        Err(error) => Err(Rejected { error, instrument: Some(found.id), channel: Some(channel) }),
    }
}

/// What an event is that brings no data.
#[cold]
fn aside(event: &str) -> Ignored {
    match event {
        "bts:subscription_succeeded" | "bts:unsubscription_succeeded" => Ignored::Ack,
        "bts:error" => Ignored::ErrorReply,
        "bts:heartbeat" => Ignored::Heartbeat,
        "bts:request_reconnect" => Ignored::Notice,
        _ => Ignored::UnknownEvent,
    }
}

/// Levels of both sides: changes, the best hundred, or a snapshot, as `head` says.
#[inline]
fn book<S: Sink>(data: Value<'_>, mut head: Head, found: Found, sink: &mut S) -> Result<u32, Fault> {
    let [stamp, bids, asks] = pick(data, ParseError::WrongType("data"), ["microtimestamp", "bids", "asks"])?;
    let stamp = micros(stamp)?;
    (head.sequence, head.ts_event) = (Sequence(stamp), Nanos::from_micros(stamp));
    let mut packer = LevelPacker::default();
    head.bids = levels(bids.need()?, bids.name, found, &mut packer, sink)?;
    head.asks = levels(asks.need()?, asks.name, found, &mut packer, sink)?;
    packer.finish(sink)?;
    commit(head, found, sink)
}

fn trade<S: Sink>(data: Value<'_>, found: Found, sink: &mut S) -> Result<u32, Fault> {
    let keys = ["id", "microtimestamp", "price_str", "amount_str", "type"];
    let [id, stamp, price, amount, kind] = pick(data, ParseError::WrongType("data"), keys)?;
    let id = id.count()?;
    let mut head = Head::new(UpdateKind::Trade, found.id);
    (head.sequence, head.ts_event) = (Sequence(id), Nanos::from_micros(micros(stamp)?));
    let level = traded(price, amount, found)?;
    let aggressor = match kind.count()? {
        0 => Side::Bid,
        1 => Side::Ask,
        _ => return Err(ParseError::WrongType(kind.name).into()),
    };
    let trade = Trade { price: level.price, qty: level.qty, id, aggressor };
    single(trade.to_record(), head, found, sink)
}

/// Microseconds since 1970, sent as text; they must be there. None is 0: as a sequence that would join any snapshot.
fn micros(field: Field<'_>) -> Result<u64, ParseError> {
    match field.need()?.quantity(0) {
        Ok(0) => Err(ParseError::Number(field.name, DecimalError::OutOfRange)),
        Ok(micros) => Ok(micros),
        Err(error) => Err(ParseError::Number(field.name, error)),
    }
}
