//! The data of one product, without the connection's number.

use std::fmt::Write;

use touchline_market::{Candle, Channel, Level, Price, Qty, Side, Trade};

use crate::exchange::{Moment, Stream, Traded, rfc3339};

/// Seconds of the venue's candles.
const CANDLE_SECONDS: u64 = 300;

/// The envelope up to the first event; `]}` closes it.
pub(super) fn open(out: &mut String, channel: &str, stamp_us: u64) {
    let _ = write!(out, r#"{{"channel":"{channel}","timestamp":""#);
    rfc3339(out, stamp_us);
    out.push_str(r#"","events":["#);
}

/// `l2_data`. Bids and asks stand in one list; numbers have no trailing zeros. The first stamp is the engine's, ms; the
/// second the frame's, µs.
pub(super) fn book(
    out: &mut String,
    traded: &Traded,
    kind: &str,
    (event_ms, stamp_us): (u64, u64),
    bids: &[Level],
    asks: &[Level],
) {
    open(out, "l2_data", stamp_us);
    let _ = write!(out, r#"{{"type":"{kind}","product_id":"{}","updates":["#, traded.symbol);
    let mut event_time = String::new();
    rfc3339(&mut event_time, event_ms.saturating_mul(1_000));
    let sides = bids.iter().map(|level| ("bid", level)).chain(asks.iter().map(|level| ("offer", level)));
    for (place, (side, level)) in sides.enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let (price, qty) = (level.price.at(traded.price_scale), level.qty.at(traded.qty_scale));
        let _ = write!(
            out,
            r#"{comma}{{"side":"{side}","event_time":"{event_time}","price_level":"{price}","new_quantity":"{qty}"}}"#
        );
    }
    out.push_str("]}]}");
}

/// `market_trades`, the newest first; `side` is the maker's.
pub(super) fn trades(out: &mut String, traded: &Traded, kind: &str, moment: &Moment, trades: &[Trade]) {
    open(out, "market_trades", moment.stamp_us);
    let _ = write!(out, r#"{{"type":"{kind}","trades":["#);
    let mut time = String::new();
    rfc3339(&mut time, moment.event_ms.saturating_mul(1_000));
    for (place, trade) in trades.iter().rev().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let (price, size) = (trade.price.at(traded.price_scale), trade.qty.at(traded.qty_scale));
        let maker = match trade.aggressor {
            Side::Bid => "SELL",
            Side::Ask => "BUY",
        };
        let _ = write!(
            out,
            r#"{comma}{{"product_id":"{}","trade_id":"{}","price":"{price}","size":"{size}","time":"{time}","side":"{maker}"}}"#,
            traded.symbol, trade.id
        );
    }
    out.push_str("]}]}");
}

/// What a stream begins with: the last trade, the statistics or the product's status, each as a snapshot.
pub(super) fn begin(out: &mut String, traded: &Traded, stream: &Stream, moment: &Moment) {
    match stream.channel {
        Some(Channel::Trade) => {
            let Level { price, qty } = moment.statistics.last;
            let id = moment.statistics.trades;
            let last = Trade { price, qty, id, aggressor: Side::Bid };
            let known = if id == 0 { &[][..] } else { std::slice::from_ref(&last) };
            trades(out, traded, "snapshot", moment, known);
        }
        Some(Channel::Ticker) => ticker(out, traded, "snapshot", moment),
        Some(Channel::Status) => {
            open(out, "status", moment.stamp_us);
            let _ = write!(
                out,
                r#"{{"type":"snapshot","products":[{{"product_type":"SPOT","id":"{}","status":"online","status_message":""}}]}}]}}"#,
                traded.symbol
            );
        }
        _ => {}
    }
}

pub(super) fn ticker(out: &mut String, traded: &Traded, kind: &str, moment: &Moment) {
    open(out, "ticker", moment.stamp_us);
    let at = |price: Price| price.at(traded.price_scale);
    let amount = |qty: Qty| qty.at(traded.qty_scale);
    let (statistics, best) = (&moment.statistics, &moment.best);
    let _ = write!(
        out,
        r#"{{"type":"{kind}","tickers":[{{"type":"ticker","product_id":"{}","price":"{}","volume_24_h":"{}","low_24_h":"{}","high_24_h":"{}","best_bid":"{}","best_ask":"{}","best_bid_quantity":"{}","best_ask_quantity":"{}"}}]}}]}}"#,
        traded.symbol,
        at(statistics.last.price),
        amount(statistics.volume),
        at(statistics.low),
        at(statistics.high),
        at(best.bid.price),
        at(best.ask.price),
        amount(best.bid.qty),
        amount(best.ask.qty),
    );
}

/// The five minutes in which the candle that comes in lies.
pub(super) fn candle(out: &mut String, traded: &Traded, moment: &Moment, candle: &Candle) {
    open(out, "candles", moment.stamp_us);
    let seconds = candle.start.0 / 1_000_000_000;
    let at = |price: Price| price.at(traded.price_scale);
    let _ = write!(
        out,
        r#"{{"type":"update","candles":[{{"start":"{}","high":"{}","low":"{}","open":"{}","close":"{}","volume":"{}","product_id":"{}"}}]}}]}}"#,
        seconds - seconds % CANDLE_SECONDS,
        at(candle.high),
        at(candle.low),
        at(candle.open),
        at(candle.close),
        candle.volume.at(traded.qty_scale),
        traded.symbol,
    );
}

pub(super) fn heartbeat(out: &mut String, now_ms: u64, beats: u64) {
    let stamp_us = now_ms.saturating_mul(1_000);
    open(out, "heartbeats", stamp_us);
    let mut time = String::new();
    rfc3339(&mut time, stamp_us);
    let time = time.replace('T', " ").replace('Z', " +0000 UTC");
    let _ = write!(out, r#"{{"current_time":"{time}","heartbeat_counter":{beats}}}]}}"#);
}
