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

use crate::fields::{Field, pick, traded};
use crate::kraken::channels::best;
use crate::kraken::unheard::Unheard;
use crate::learn::{Fault, single};
use crate::{Found, ParseError};

/// The first elements of an array, those that are there, by what they are called.
fn in_order<'d, const N: usize>(
    array: Value<'d>,
    name: &'static str,
    names: [&'static str; N],
) -> Result<[Field<'d>; N], ParseError> {
    let elements = array.array().ok_or(ParseError::WrongType(name))?;
    let mut fields = names.map(|name| Field { name, value: None });
    for (field, element) in fields.iter_mut().zip(elements) {
        field.value = Some(element);
    }
    Ok(fields)
}

/// A stamp in seconds with decimals, `1534614248.123678`.
#[inline]
pub(super) fn seconds(field: Field<'_>) -> Result<Nanos, ParseError> {
    let stamp = field.need()?.quantity(9);
    stamp.map(Nanos).map_err(|error| ParseError::Number(field.name, error))
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
    let [at, amount, time, side] = in_order(item, "trade", ["price", "volume", "time", "side"])?;
    let mut head = Head::new(UpdateKind::Trade, found.id);
    head.ts_event = seconds(time)?;
    let aggressor = side.side("b", "s")?;
    let level = traded(at, amount, found)?;
    let trade = Trade { price: level.price, qty: level.qty, id: 0, aggressor };
    single(trade.to_record(), head, found, sink)
}

/// The best bid and offer.
pub(super) fn spread<S: Sink>(array: Value<'_>, found: Found, sink: &mut S) -> Result<u32, Fault> {
    let names = ["bid", "ask", "timestamp", "bidVolume", "askVolume"];
    let [bid, ask, time, bid_qty, ask_qty] = in_order(array, "spread", names)?;
    let mut head = Head::new(UpdateKind::Bbo, found.id);
    head.ts_event = seconds(time)?;
    let bid = best(bid, bid_qty, found)?;
    let ask = best(ask, ask_qty, found)?;
    single(Bbo { bid, ask }.to_record(), head, found, sink)
}

/// Statistics of the last 24 hours: where there are two numbers, the first is of today.
pub(super) fn ticker<S: Sink>(object: Value<'_>, found: Found, sink: &mut S) -> Result<u32, Fault> {
    let [last, open, high, low, volume] =
        pick(object, ParseError::WrongType("ticker"), ["c", "o", "h", "l", "v"])?;
    let ([last, last_qty], [_, open], [_, high]) = (two(last)?, two(open)?, two(high)?);
    let ([_, low], [_, volume]) = (two(low)?, two(volume)?);
    let ticker = Ticker {
        last: last.price(found)?,
        last_qty: last_qty.qty(found)?,
        open: open.price(found)?,
        high: high.price(found)?,
        low: low.price(found)?,
        volume: volume.qty(found)?,
    };
    single(ticker.to_record(), Head::new(UpdateKind::Ticker, found.id), found, sink)
}

fn two(field: Field<'_>) -> Result<[Field<'_>; 2], ParseError> {
    in_order(field.need()?, field.name, [field.name; 2])
}

/// A candle; its length in minutes stands in the channel's name, 1 if it does not.
pub(super) fn candle<S: Sink>(
    array: Value<'_>,
    minutes: u16,
    found: Found,
    sink: &mut S,
) -> Result<u32, Fault> {
    let names = ["time", "etime", "open", "high", "low", "close", "vwap", "volume", "count"];
    let [time, end, open, high, low, close, _, volume, trades] = in_order(array, "ohlc", names)?;
    let mut head = Head::new(UpdateKind::Candle, found.id);
    head.ts_event = seconds(time)?;
    let length = u32::from(minutes.max(1)) * 60;
    let end = seconds(end)?;
    let candle = Candle {
        open: open.price(found)?,
        high: high.price(found)?,
        low: low.price(found)?,
        close: close.price(found)?,
        volume: volume.qty(found)?,
        start: Nanos(end.0.saturating_sub(u64::from(length) * 1_000_000_000)),
        seconds: length,
        trades: u32::try_from(trades.count()?).map_err(|_| ParseError::WrongType(trades.name))?,
    };
    single(candle.to_record(), head, found, sink)
}
