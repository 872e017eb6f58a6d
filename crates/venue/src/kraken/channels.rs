//! Trades, tickers, candles and definitions of pairs.
//!
//! ```text
//! {"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":105944.20,"qty":0.00027625,"ord_type":"limit","trade_id":10218208,"timestamp":"2023-10-06T17:35:55.440295Z"}]}
//! {"channel":"ticker","type":"update","data":[{"symbol":"ALGO/USD","bid":0.10025,"bid_qty":740.0,"ask":0.10035,"ask_qty":740.0,"last":0.10035,"volume":997038.98383185,"vwap":0.10148,"low":0.09979,"high":0.10285,"change":-0.00017,"change_pct":-0.17}]}
//! {"channel":"ohlc","type":"update","data":[{"symbol":"BTC/USD","interval":1,"interval_begin":"2023-10-04T16:25:00.000000000Z","open":106038.2,"high":106044.3,"low":106038.1,"close":106040.1,"volume":30.68066226,"vwap":106039.6,"trades":12}]}
//! {"channel":"instrument","type":"update","data":{"assets":[],"pairs":[{"symbol":"EUR/USD","base":"EUR","quote":"USD","status":"online","qty_precision":8,"price_precision":5,"qty_increment":1e-8,"price_increment":0.00001}]}}
//! ```

use touchline_json::Value;
use touchline_market::{Bbo, Candle, Channel, Head, Sequence, Sink, Ticker, Trade, UpdateKind};

use super::fields::{aggressor, best, need, need_count, need_text, pick, price, qty, single, stamp, traded};
use super::instruments::status_of;
use super::standing::{Standing, Trigger};
use crate::learn::Fault;
use crate::{Found, ParseError};

/// One trade.
pub(super) fn trade<S: Sink>(item: Value<'_>, found: Found, sink: &mut S) -> Result<u32, Fault> {
    let keys = ["side", "price", "qty", "trade_id", "timestamp"];
    let [side, at, amount, id, timestamp] = pick(item, "data", keys)?;
    let mut head = Head::new(UpdateKind::Trade, found.id);
    head.ts_event = stamp(Some(need(timestamp, "timestamp")?), "timestamp")?;
    let id = need_count(id, "trade_id")?;
    head.sequence = Sequence(id);
    let aggressor = aggressor(need_text(side, "side")?, "buy", "sell", "side")?;
    let level = traded((at, "price"), (amount, "qty"), found)?;
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
    let [bid, bid_qty, ask, ask_qty, last, volume, low, high, timestamp] = pick(item, "data", keys)?;
    let ts_event = stamp(timestamp, "timestamp")?;
    let head = |kind| Head { ts_event, ..Head::new(kind, found.id) };
    let mut updates = 0;
    if found.wants(Channel::Bbo) && standing.trigger != Some(Trigger::Trades) {
        let bid = best((bid, "bid"), (bid_qty, "bid_qty"), found)?;
        let ask = best((ask, "ask"), (ask_qty, "ask_qty"), found)?;
        updates += single(Bbo { bid, ask }.to_record(), head(UpdateKind::Bbo), found, sink)?;
    }
    let traded = last.is_some() || standing.trigger == Some(Trigger::Trades);
    if found.wants(Channel::Ticker) && standing.trigger != Some(Trigger::Bbo) && traded {
        let ticker = Ticker {
            last: price(last, "last", found)?,
            high: price(high, "high", found)?,
            low: price(low, "low", found)?,
            volume: qty(volume, "volume", found)?,
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
    let [interval, begin, open, high, low, close, volume, trades, timestamp] = pick(item, "data", keys)?;
    let mut head = Head::new(UpdateKind::Candle, found.id);
    head.ts_event = stamp(timestamp, "timestamp")?;
    let number = |value: u64, name| u32::try_from(value).map_err(|_| ParseError::WrongType(name));
    let minutes = need_count(interval, "interval")?;
    let candle = Candle {
        open: price(open, "open", found)?,
        high: price(high, "high", found)?,
        low: price(low, "low", found)?,
        close: price(close, "close", found)?,
        volume: qty(volume, "volume", found)?,
        start: stamp(Some(need(begin, "interval_begin")?), "interval_begin")?,
        seconds: number(minutes.saturating_mul(60), "interval")?,
        trades: number(need_count(trades, "trades")?, "trades")?,
    };
    single(candle.to_record(), head, found, sink)
}

/// The definition of a pair: how precise its numbers are, and whether it trades. Says the scales it names.
pub(super) fn pair<S: Sink>(item: Value<'_>, found: Found, sink: &mut S) -> Result<(u32, Found), Fault> {
    let keys = ["status", "price_precision", "qty_precision"];
    let [status, price_precision, qty_precision] = pick(item, "pairs", keys)?;
    let scale = |value, name| {
        let scale = need_count(value, name)?;
        u8::try_from(scale)
            .ok()
            .filter(|scale| *scale <= touchline_market::SCALE_MAX)
            .ok_or(ParseError::WrongType(name))
    };
    let mut named = found;
    named.price_scale = scale(price_precision, "price_precision")?;
    named.qty_scale = scale(qty_precision, "qty_precision")?;
    let status = status_of(need_text(status, "status")?);
    if !found.wants(Channel::Status) {
        return Ok((0, named));
    }
    let head = Head::new(UpdateKind::Status, found.id);
    Ok((single(status.to_record(), head, found, sink)?, named))
}
