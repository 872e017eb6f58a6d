//! The data of one symbol. All prices are written with the pair's decimals, all quantities with the lot's: the zeros at
//! their ends count in the checksum.

use std::fmt::Write;

use touchline_market::{Candle, Level, Price, Side, Trade};

use crate::exchange::{Moment, Traded, digits, rfc3339};

/// Levels a side that the checksum is over.
pub(super) const CHECKED: usize = 10;

/// Levels of both sides: bids, then asks.
type Sides<'a> = (&'a [Level], &'a [Level]);

/// `{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":105944.20,"qty":0.250}],"asks":[],"checksum":2114181697,"timestamp":"2023-10-06T17:35:55.440295Z"}]}`
pub(super) fn book(
    out: &mut String,
    traded: &Traded,
    kind: &str,
    stamp_us: u64,
    (bids, asks): Sides<'_>,
    best: Sides<'_>,
) {
    open(out, "book", kind, traded);
    for (name, levels) in [("bids", bids), ("asks", asks)] {
        let _ = write!(out, r#","{name}":["#);
        for (place, level) in levels.iter().enumerate() {
            out.push_str(if place == 0 { r#"{"price":"# } else { r#",{"price":"# });
            traded.price(out, level.price);
            out.push_str(r#","qty":"#);
            traded.qty(out, level.qty);
            out.push('}');
        }
        out.push(']');
    }
    let _ = write!(out, r#","checksum":{}"#, checksum(best));
    close(out, stamp_us);
}

/// The venue's guide "Spot WebSockets (v2) book checksum": for the ten lowest asks from the lowest up, then for the ten
/// highest bids from the highest down, the price's digits as written, without the point and the zeros before the first
/// other digit, then the quantity's in the same way; of all of them together CRC-32. A mantissa's own digits are just these.
fn checksum((bids, asks): Sides<'_>) -> u32 {
    let mut text = String::with_capacity(CHECKED * 40);
    for level in asks.iter().take(CHECKED).chain(bids.iter().take(CHECKED)) {
        digits(&mut text, level.price.0.unsigned_abs(), 0);
        digits(&mut text, level.qty.0, 0);
    }
    crc32fast::hash(text.as_bytes())
}

/// `{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":105944.20,"qty":0.00027625,"ord_type":"limit","trade_id":10218208,"timestamp":"2023-10-06T17:35:55.440295Z"}]}`
pub(super) fn trades(out: &mut String, traded: &Traded, moment: &Moment, trades: &[Trade]) {
    if trades.is_empty() {
        return;
    }
    head(out, "trade", "update");
    for (place, trade) in trades.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        symbol(out, traded);
        let side = if trade.aggressor == Side::Bid { "buy" } else { "sell" };
        let _ = write!(out, r#","side":"{side}""#);
        value(out, "price", |out| traded.price(out, trade.price));
        value(out, "qty", |out| traded.qty(out, trade.qty));
        let _ = write!(out, r#","ord_type":"market","trade_id":{},"timestamp":""#, trade.id);
        rfc3339(out, moment.stamp_us);
        out.push_str("\"}");
    }
    out.push_str("]}");
}

/// `{"channel":"ticker","type":"update","data":[{"symbol":"ALGO/USD","bid":0.10025,"bid_qty":740.0,"ask":0.10035,"ask_qty":740.0,"last":0.10035,"volume":997038.98383185,"vwap":0.10148,"low":0.09979,"high":0.10285,"change":-0.00017,"change_pct":-0.17,"timestamp":"2023-10-06T17:35:55.440295Z"}]}`
pub(super) fn ticker(out: &mut String, traded: &Traded, kind: &str, moment: &Moment) {
    let (best, day) = (&moment.best, &moment.statistics);
    open(out, "ticker", kind, traded);
    value(out, "bid", |out| traded.price(out, best.bid.price));
    value(out, "bid_qty", |out| traded.qty(out, best.bid.qty));
    value(out, "ask", |out| traded.price(out, best.ask.price));
    value(out, "ask_qty", |out| traded.qty(out, best.ask.qty));
    value(out, "last", |out| traded.price(out, day.last.price));
    value(out, "volume", |out| traded.qty(out, day.volume));
    value(out, "vwap", |out| traded.price(out, day.last.price));
    value(out, "low", |out| traded.price(out, day.low));
    value(out, "high", |out| traded.price(out, day.high));
    value(out, "change", |out| traded.price(out, Price(day.last.price.0.saturating_sub(day.open.0))));
    out.push_str(r#","change_pct":0.00"#);
    close(out, moment.stamp_us);
}

/// `{"channel":"ohlc","type":"update","data":[{"symbol":"BTC/USD","open":106038.2,"high":106044.3,"low":106038.1,"close":106040.1,"trades":12,"volume":30.68066226,"vwap":106039.6,"interval_begin":"2023-10-04T16:25:00.000000Z","interval":1,"timestamp":"2023-10-04T16:26:00.000000Z"}]}`
pub(super) fn candle(out: &mut String, traded: &Traded, moment: &Moment, candle: &Candle) {
    open(out, "ohlc", "update", traded);
    for (name, at) in
        [("open", candle.open), ("high", candle.high), ("low", candle.low), ("close", candle.close)]
    {
        value(out, name, |out| traded.price(out, at));
    }
    let _ = write!(out, r#","trades":{}"#, candle.trades);
    value(out, "volume", |out| traded.qty(out, candle.volume));
    value(out, "vwap", |out| traded.price(out, candle.close));
    out.push_str(r#","interval_begin":""#);
    rfc3339(out, candle.start.0 / 1_000);
    let _ = write!(out, r#"","interval":{}"#, candle.seconds / 60);
    close(out, moment.stamp_us);
}

fn head(out: &mut String, channel: &str, kind: &str) {
    let _ = write!(out, r#"{{"channel":"{channel}","type":"{kind}","data":["#);
}

/// Begins a message with one entry.
fn open(out: &mut String, channel: &str, kind: &str, traded: &Traded) {
    head(out, channel, kind);
    symbol(out, traded);
}

fn symbol(out: &mut String, traded: &Traded) {
    let _ = write!(out, r#"{{"symbol":"{}""#, traded.symbol);
}

/// Ends a message with one entry by its stamp.
fn close(out: &mut String, stamp_us: u64) {
    out.push_str(r#","timestamp":""#);
    rfc3339(out, stamp_us);
    out.push_str("\"}]}");
}

fn value(out: &mut String, name: &str, write: impl FnOnce(&mut String)) {
    let _ = write!(out, r#","{name}":"#);
    write(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_market::{Bbo, Qty};

    /// The checksum of the book in the venue's older guide, whose value is documented; levels beyond ten do not count.
    #[test]
    fn the_documented_book_has_its_checksum() {
        let at = |price| Level::new(price, 500);
        let asks: Vec<_> =
            [5_005, 5_010, 5_015, 5_020, 5_025, 5_030, 5_035, 5_040, 5_045, 5_050, 5_055].map(at).into();
        let bids: Vec<_> =
            [5_000, 4_995, 4_990, 4_980, 4_975, 4_970, 4_965, 4_960, 4_955, 4_950, 4_945].map(at).into();
        assert_eq!(checksum((&bids, &asks)), 974_947_235);
    }

    /// Every message keeps its zeros.
    #[test]
    fn messages_look_as_documented() {
        let traded = Traded { symbol: "BTC/USD".into(), price_scale: 2, qty_scale: 3 };
        let stamp_us = 1_696_613_755_440_295;
        let mut out = String::new();
        book(&mut out, &traded, "update", stamp_us, (&[Level::new(10_594_420, 250)], &[]), (&[], &[]));
        assert_eq!(
            out,
            r#"{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":105944.20,"qty":0.250}],"asks":[],"checksum":0,"timestamp":"2023-10-06T17:35:55.440295Z"}]}"#
        );
        out.clear();
        let trade = Trade { price: Price(10_594_420), qty: Qty(7), id: 10_218_208, aggressor: Side::Ask };
        let best = Bbo { bid: Level::new(10_594_420, 740), ask: Level::default() };
        let moment = Moment { stamp_us, best, ..Moment::default() };
        trades(&mut out, &traded, &moment, &[trade]);
        assert_eq!(
            out,
            r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":105944.20,"qty":0.007,"ord_type":"market","trade_id":10218208,"timestamp":"2023-10-06T17:35:55.440295Z"}]}"#
        );
        out.clear();
        ticker(&mut out, &traded, "snapshot", &moment);
        let start = r#"{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":105944.20,"bid_qty":0.740,"ask":0.00,"ask_qty":0.000,"last":0.00"#;
        assert!(out.starts_with(start), "{out}");
    }
}
