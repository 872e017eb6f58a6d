//! Trades, tickers, candles and status: events with a list of items, each of which is an update.
//!
//! ```text
//! {"type":"update","trades":[{"product_id":"BTC-USD","trade_id":"1068572091","price":"65083.67","size":"0.01034361","time":"2026-08-09T21:05:48.167634Z","side":"SELL"}]}
//! {"type":"update","tickers":[{"type":"ticker","product_id":"ETH-USD","price":"1919.41","volume_24_h":"19975.95927439","low_24_h":"1911.04","high_24_h":"1925",…}]}
//! {"type":"update","candles":[{"start":"1786309500","high":"1919.6","low":"1919.27","open":"1919.58","close":"1919.41","volume":"36.36630914","product_id":"ETH-USD"}]}
//! {"type":"snapshot","products":[{"product_type":"SPOT","id":"BTC-USD","status":"online","status_message":"",…}]}
//! ```

use touchline_json::{Document, Elements, Place, Value};
use touchline_market::{
    Candle, Channel, Head, InstrumentStatus, Nanos, Sequence, Sink, Ticker, Trade, UpdateKind,
};

use super::parse::{Reader, Scratch, is_last};
use crate::fields::{pick, traded};
use crate::learn::{at_learned_scales, single};
use crate::{Found, Ignored, ParseError, Rejected};

/// Seconds of a candle: the channel has no others.
const CANDLE_SECONDS: u32 = 300;

/// Every event of a frame, with every item in it.
pub(super) fn events<S: Sink>(
    reader: &mut Reader<'_, '_, S>,
    mut events: Elements<'_>,
    document: &Document<'_>,
    scratch: &mut Scratch,
) -> Result<(), Rejected> {
    let (list, symbol) = match reader.channel {
        Channel::Trade => ("trades", "product_id"),
        Channel::Ticker => ("tickers", "product_id"),
        Channel::Candle => ("candles", "product_id"),
        _ => ("products", "id"),
    };
    while let Some(event) = events.next() {
        let is_last_event = is_last(&events);
        let items = items(reader, event, list);
        let items = items.map_err(|error| reader.reject(error, None, is_last_event))?;
        let Some(items) = items else { continue };
        scratch.places.clear();
        scratch.places.extend(items.filter_map(Value::place));
        // The newest trade stands first.
        if reader.channel == Channel::Trade {
            scratch.places.reverse();
        }
        let last = scratch.places.len();
        for (nth, &place) in (1..).zip(&scratch.places) {
            item(reader, document, place, symbol, is_last_event && nth == last)?;
        }
    }
    Ok(())
}

/// The items of an event; `None` where they are not live.
fn items<'d, S: Sink>(
    reader: &mut Reader<'_, '_, S>,
    event: Value<'d>,
    list: &'static str,
) -> Result<Option<Elements<'d>>, ParseError> {
    let [kind, items] = pick(event, ParseError::Shape, ["type", list])?;
    match (reader.channel, kind.text()?) {
        (Channel::Trade, "snapshot") => {
            reader.ignore(Ignored::History);
            return Ok(None);
        }
        (_, "snapshot" | "update") => {}
        _ => return Err(ParseError::Shape),
    }
    items.array().map(Some)
}

fn item<S: Sink>(
    reader: &mut Reader<'_, '_, S>,
    document: &Document<'_>,
    place: Place,
    symbol: &'static str,
    is_last: bool,
) -> Result<(), Rejected> {
    let item = document.at(place);
    let symbol = pick(item, ParseError::Shape, [symbol]).and_then(|[symbol]| symbol.text());
    let symbol = symbol.map_err(|error| reader.reject(error, None, is_last))?;
    let Some(found) = reader.find(symbol) else { return Ok(()) };
    let read = match reader.channel {
        Channel::Trade => trade(reader, item, found),
        Channel::Ticker => ticker(reader, item, found),
        Channel::Candle => candle(reader, item, found),
        _ => status(reader, item, found),
    };
    reader.count(read.map_err(|error| reader.reject(error, Some(found.id), is_last))?);
    Ok(())
}

fn trade<S: Sink>(reader: &mut Reader<'_, '_, S>, item: Value<'_>, found: Found) -> Result<u32, ParseError> {
    let names = ["trade_id", "price", "size", "time", "side"];
    let [id, at, size, time, side] = pick(item, ParseError::Shape, names)?;
    let id = id.integer()?;
    let mut head = Head::new(UpdateKind::Trade, found.id);
    (head.sequence, head.ts_event) = (Sequence(id), time.stamp()?);
    // The maker's side: who came to it did the opposite.
    let aggressor = side.side("SELL", "BUY")?;
    at_learned_scales(reader.listing, found, reader.sink, |found, sink| {
        let level = traded(at, size, found)?;
        let trade = Trade { price: level.price, qty: level.qty, id, aggressor };
        single(trade.to_record(), head, found, sink)
    })
}

fn ticker<S: Sink>(reader: &mut Reader<'_, '_, S>, item: Value<'_>, found: Found) -> Result<u32, ParseError> {
    let names = ["price", "high_24_h", "low_24_h", "volume_24_h"];
    let [last, high, low, volume] = pick(item, ParseError::Shape, names)?;
    let head = reader.head(UpdateKind::Ticker, found)?;
    at_learned_scales(reader.listing, found, reader.sink, |found, sink| {
        let ticker = Ticker {
            last: last.price(found)?,
            high: high.price(found)?,
            low: low.price(found)?,
            volume: volume.qty(found)?,
            ..Ticker::default()
        };
        single(ticker.to_record(), head, found, sink)
    })
}

fn candle<S: Sink>(reader: &mut Reader<'_, '_, S>, item: Value<'_>, found: Found) -> Result<u32, ParseError> {
    let names = ["start", "open", "high", "low", "close", "volume"];
    let [start, open, high, low, close, volume] = pick(item, ParseError::Shape, names)?;
    let seconds = start.integer()?;
    let head = reader.head(UpdateKind::Candle, found)?;
    at_learned_scales(reader.listing, found, reader.sink, |found, sink| {
        let candle = Candle {
            open: open.price(found)?,
            high: high.price(found)?,
            low: low.price(found)?,
            close: close.price(found)?,
            volume: volume.qty(found)?,
            start: Nanos::from_millis(seconds.saturating_mul(1_000)),
            seconds: CANDLE_SECONDS,
            trades: 0,
        };
        single(candle.to_record(), head, found, sink)
    })
}

fn status<S: Sink>(reader: &mut Reader<'_, '_, S>, item: Value<'_>, found: Found) -> Result<u32, ParseError> {
    let [status] = pick(item, ParseError::Shape, ["status"])?;
    let status = match status.text()? {
        "online" => InstrumentStatus::Trading,
        _ => InstrumentStatus::Halted,
    };
    let head = reader.head(UpdateKind::Status, found)?;
    at_learned_scales(reader.listing, found, reader.sink, |found, sink| {
        single(status.to_record(), head, found, sink)
    })
}
