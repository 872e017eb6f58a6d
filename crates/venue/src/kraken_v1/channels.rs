//! Trades, best bids and offers, tickers, candles.
//!
//! ```text
//! [14,[["9482.40000","0.01596347","1561939258.512503","s","l",""],["9488.20000","0.28522465","1561939258.557040","b","l",""]],"trade","XBT/EUR"]
//! [1333337,["5698.40000","5700.00000","1542057299.545897","1.01234567","0.98765432"],"spread","XBT/USD"]
//! [1337,{"a":["5525.40000",1,"1.000"],"b":["5525.10000",1,"1.000"],"c":["5525.10000","0.00398963"],"h":["5783.00000","5783.00000"],"l":["5505.00000","5505.00000"],"o":["5760.70000","5763.40000"],"p":["5631.44067","5653.78939"],"t":[11493,16267],"v":["2634.11501494","3591.17907851"]},"ticker","XBT/USD"]
//! [13337,["1542057314.748456","1542057360.435743","3586.70000","3586.70000","3586.60000","3586.60000","3586.68894","0.03373000",2],"ohlc-5","XBT/USD"]
//! ```

use touchline_json::Value;
use touchline_market::{Bbo, Candle, Head, Nanos, Sink, Ticker, Trade, UpdateKind};

use super::book::seconds;
use crate::kraken::fields::{
    Unheard, aggressor, best, need, need_count, need_text, pick, price, qty, single, traded,
};
use crate::learn::Fault;
use crate::{Found, ParseError};

/// The first elements of an array, those that are there.
fn elements<'d, const N: usize>(
    array: Value<'d>,
    name: &'static str,
) -> Result<[Option<Value<'d>>; N], ParseError> {
    let mut elements = array.array().ok_or(ParseError::WrongType(name))?;
    let mut values = [None; N];
    values.fill_with(|| elements.next());
    Ok(values)
}

/// The trades of a message, all or none.
pub(super) fn trades<S: Sink>(array: Value<'_>, found: Found, sink: &mut S) -> Result<u32, Fault> {
    let items = array.array().ok_or(ParseError::WrongType("trade"))?;
    if items.len() > 1 {
        for item in items.clone() {
            trade(item, found, &mut Unheard)?;
        }
    }
    let mut updates = 0;
    for item in items {
        updates += trade(item, found, sink)?;
    }
    Ok(updates)
}

fn trade<S: Sink>(item: Value<'_>, found: Found, sink: &mut S) -> Result<u32, Fault> {
    let [at, amount, time, side] = elements(item, "trade")?;
    let mut head = Head::new(UpdateKind::Trade, found.id);
    head.ts_event = seconds(time, "time")?;
    let aggressor = aggressor(need_text(side, "side")?, "b", "s", "side")?;
    let level = traded((at, "price"), (amount, "volume"), found)?;
    let trade = Trade { price: level.price, qty: level.qty, id: 0, aggressor };
    single(trade.to_record(), head, found, sink)
}

/// The best bid and offer.
pub(super) fn spread<S: Sink>(array: Value<'_>, found: Found, sink: &mut S) -> Result<u32, Fault> {
    let [bid, ask, time, bid_qty, ask_qty] = elements(array, "spread")?;
    let mut head = Head::new(UpdateKind::Bbo, found.id);
    head.ts_event = seconds(time, "timestamp")?;
    let bid = best((bid, "bid"), (bid_qty, "bidVolume"), found)?;
    let ask = best((ask, "ask"), (ask_qty, "askVolume"), found)?;
    single(Bbo { bid, ask }.to_record(), head, found, sink)
}

/// Statistics of the last 24 hours: where there are two numbers, the first is of today.
pub(super) fn ticker<S: Sink>(object: Value<'_>, found: Found, sink: &mut S) -> Result<u32, Fault> {
    let [last, open, high, low, volume] = pick(object, "ticker", ["c", "o", "h", "l", "v"])?;
    let two = |value, name| elements::<2>(need(value, name)?, name);
    let ([last, last_qty], [_, open], [_, high]) = (two(last, "c")?, two(open, "o")?, two(high, "h")?);
    let ([_, low], [_, volume]) = (two(low, "l")?, two(volume, "v")?);
    let ticker = Ticker {
        last: price(last, "c", found)?,
        last_qty: qty(last_qty, "c", found)?,
        open: price(open, "o", found)?,
        high: price(high, "h", found)?,
        low: price(low, "l", found)?,
        volume: qty(volume, "v", found)?,
    };
    single(ticker.to_record(), Head::new(UpdateKind::Ticker, found.id), found, sink)
}

/// A candle; its length in minutes stands in the channel's name, 1 if it does not.
pub(super) fn candle<S: Sink>(
    array: Value<'_>,
    minutes: u16,
    found: Found,
    sink: &mut S,
) -> Result<u32, Fault> {
    let [time, end, open, high, low, close, _, volume, trades] = elements(array, "ohlc")?;
    let mut head = Head::new(UpdateKind::Candle, found.id);
    head.ts_event = seconds(time, "time")?;
    let length = u32::from(minutes.max(1)) * 60;
    let end = seconds(end, "etime")?;
    let candle = Candle {
        open: price(open, "open", found)?,
        high: price(high, "high", found)?,
        low: price(low, "low", found)?,
        close: price(close, "close", found)?,
        volume: qty(volume, "volume", found)?,
        start: Nanos(end.0.saturating_sub(u64::from(length) * 1_000_000_000)),
        seconds: length,
        trades: u32::try_from(need_count(trades, "count")?).map_err(|_| ParseError::WrongType("count"))?,
    };
    single(candle.to_record(), head, found, sink)
}
