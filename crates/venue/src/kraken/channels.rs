//! Trades, tickers, candles and definitions of pairs.
//!
//! ```text
//! {"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":105944.20,"qty":0.00027625,"ord_type":"limit","trade_id":10218208,"timestamp":"2023-10-06T17:35:55.440295Z"}]}
//! {"channel":"ticker","type":"update","data":[{"symbol":"ALGO/USD","bid":0.10025,"bid_qty":740.0,"ask":0.10035,"ask_qty":740.0,"last":0.10035,"volume":997038.98383185,"vwap":0.10148,"low":0.09979,"high":0.10285,"change":-0.00017,"change_pct":-0.17}]}
//! {"channel":"ohlc","type":"update","data":[{"symbol":"BTC/USD","interval":1,"interval_begin":"2023-10-04T16:25:00.000000000Z","open":106038.2,"high":106044.3,"low":106038.1,"close":106040.1,"volume":30.68066226,"vwap":106039.6,"trades":12}]}
//! {"channel":"instrument","type":"update","data":{"assets":[],"pairs":[{"symbol":"EUR/USD","base":"EUR","quote":"USD","status":"online","qty_precision":8,"price_precision":5,"qty_increment":1e-8,"price_increment":0.00001}]}}
//! ```

use touchline_json::Value;
use touchline_market::{
    Bbo, Candle, Channel, Head, Level, SCALE_MAX, Sequence, Sink, Ticker, Trade, UpdateKind,
};

use super::instruments::status_of;
use super::standing::{Standing, Trigger};
use crate::fields::{Field, pick, traded};
use crate::learn::{Fault, single};
use crate::{Found, ParseError};

/// One trade.
pub(super) fn trade<S: Sink>(item: Value<'_>, found: Found, sink: &mut S) -> Result<u32, Fault> {
    let keys = ["side", "price", "qty", "trade_id", "timestamp"];
    let [side, at, amount, id, timestamp] = pick(item, ParseError::WrongType("data"), keys)?;
    let mut head = Head::new(UpdateKind::Trade, found.id);
    head.ts_event = timestamp.stamp()?;
    let id = id.count()?;
    head.sequence = Sequence(id);
    let aggressor = side.side("buy", "sell")?;
    let level = traded(at, amount, found)?;
    let trade = Trade { price: level.price, qty: level.qty, id, aggressor };
    single(trade.to_record(), head, found, sink)
}

/// A ticker is two updates: the best bid and offer, and the statistics. Only what it was subscribed for is handed on,
/// both where that is not known. A pair that never traded has no statistics, which is said of no ticker that was asked
/// for by trades.
pub(super) fn ticker<S: Sink>(
    item: Value<'_>,
    found: Found,
    standing: &Standing,
    sink: &mut S,
) -> Result<u32, Fault> {
    let keys = ["bid", "bid_qty", "ask", "ask_qty", "last", "volume", "low", "high", "timestamp"];
    let [bid, bid_qty, ask, ask_qty, last, volume, low, high, timestamp] =
        pick(item, ParseError::WrongType("data"), keys)?;
    let ts_event = timestamp.stamp_or_none()?;
    let head = |kind| Head { ts_event, ..Head::new(kind, found.id) };
    let mut updates = 0;
    if found.wants(Channel::Bbo) && standing.trigger != Some(Trigger::Trades) {
        let bid = best(bid, bid_qty, found)?;
        let ask = best(ask, ask_qty, found)?;
        updates += single(Bbo { bid, ask }.to_record(), head(UpdateKind::Bbo), found, sink)?;
    }
    let traded = last.value.is_some() || standing.trigger == Some(Trigger::Trades);
    if found.wants(Channel::Ticker) && standing.trigger != Some(Trigger::Bbo) && traded {
        let ticker = Ticker {
            last: last.price(found)?,
            high: high.price(found)?,
            low: low.price(found)?,
            volume: volume.qty(found)?,
            // The venue says neither.
            ..Ticker::default()
        };
        updates += single(ticker.to_record(), head(UpdateKind::Ticker), found, sink)?;
    }
    Ok(updates)
}

/// One candle of whichever interval was subscribed to.
pub(super) fn candle<S: Sink>(item: Value<'_>, found: Found, sink: &mut S) -> Result<u32, Fault> {
    let keys =
        ["interval", "interval_begin", "open", "high", "low", "close", "volume", "trades", "timestamp"];
    let [interval, begin, open, high, low, close, volume, trades, timestamp] =
        pick(item, ParseError::WrongType("data"), keys)?;
    let mut head = Head::new(UpdateKind::Candle, found.id);
    head.ts_event = timestamp.stamp_or_none()?;
    let number =
        |value: u64, field: Field<'_>| u32::try_from(value).map_err(|_| ParseError::WrongType(field.name));
    let minutes = interval.count()?;
    let candle = Candle {
        open: open.price(found)?,
        high: high.price(found)?,
        low: low.price(found)?,
        close: close.price(found)?,
        volume: volume.qty(found)?,
        start: begin.stamp()?,
        seconds: number(minutes.saturating_mul(60), interval)?,
        trades: number(trades.count()?, trades)?,
    };
    single(candle.to_record(), head, found, sink)
}

/// The definition of a pair: how precise its numbers are, and whether it trades. Says the scales it names.
pub(super) fn pair<S: Sink>(item: Value<'_>, found: Found, sink: &mut S) -> Result<(u32, Found), Fault> {
    let keys = ["status", "price_precision", "qty_precision"];
    let [status, price_precision, qty_precision] = pick(item, ParseError::WrongType("pairs"), keys)?;
    let scale = |field: Field<'_>| {
        let scale = u8::try_from(field.count()?).ok().filter(|scale| *scale <= SCALE_MAX);
        scale.ok_or(ParseError::WrongType(field.name))
    };
    let mut named = found;
    named.price_scale = scale(price_precision)?;
    named.qty_scale = scale(qty_precision)?;
    let status = status_of(status.text()?);
    if !found.wants(Channel::Status) {
        return Ok((0, named));
    }
    let head = Head::new(UpdateKind::Status, found.id);
    Ok((single(status.to_record(), head, found, sink)?, named))
}

/// One side of a best bid and offer. An empty side has neither price nor quantity.
pub(crate) fn best(at: Field<'_>, amount: Field<'_>, found: Found) -> Result<Level, Fault> {
    let level = Level { price: at.price(found)?, qty: amount.qty(found)? };
    if level.price.0 == 0 && level.qty.0 != 0 {
        return Err(ParseError::NotPositive(at.name).into());
    }
    Ok(level)
}
