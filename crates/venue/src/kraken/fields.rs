//! Fields of a message, and what the venue's parsers make of them: numbers, stamps, updates in the sink.

use touchline_json::Value;
use touchline_market::{Head, Level, Nanos, Price, Qty, Record, Side, Sink, SinkFull, UpdateError};

use crate::learn::{self, Fault};
use crate::stamp::rfc3339;
use crate::{Found, ParseError};

/// The values of some keys of an object, whatever the order they were sent in; other keys are passed over. `name` is
/// what the object is called where it should stand.
#[inline(always)]
pub(crate) fn pick<'d, const N: usize>(
    object: Value<'d>,
    name: &'static str,
    keys: [&'static str; N],
) -> Result<[Option<Value<'d>>; N], ParseError> {
    let fields = object.object().ok_or(ParseError::WrongType(name))?;
    let mut values = [None; N];
    for (key, value) in fields {
        for (place, wanted) in values.iter_mut().zip(keys) {
            if key == wanted && place.replace(value).is_some() {
                return Err(ParseError::Duplicate(wanted));
            }
        }
    }
    Ok(values)
}

/// A value that the venue always sends.
#[inline(always)]
pub(crate) fn need<'d>(value: Option<Value<'d>>, name: &'static str) -> Result<Value<'d>, ParseError> {
    value.ok_or(ParseError::Missing(name))
}

/// A text that the venue always sends.
#[inline]
pub(crate) fn need_text<'d>(value: Option<Value<'d>>, name: &'static str) -> Result<&'d str, ParseError> {
    need(value, name)?.as_str().ok_or(ParseError::WrongType(name))
}

/// A whole number that the venue always sends.
#[inline]
pub(crate) fn need_count(value: Option<Value<'_>>, name: &'static str) -> Result<u64, ParseError> {
    need(value, name)?.as_u64().ok_or(ParseError::WrongType(name))
}

/// A stamp, where there is one. A text that is none is of the wrong type.
#[inline]
pub(crate) fn stamp(value: Option<Value<'_>>, name: &'static str) -> Result<Nanos, ParseError> {
    match value {
        None => Ok(Nanos::NONE),
        Some(value) => value.as_str().and_then(rfc3339).ok_or(ParseError::WrongType(name)),
    }
}

/// Who came to the resting order, by the venue's two words.
pub(crate) fn aggressor(text: &str, buy: &str, sell: &str, name: &'static str) -> Result<Side, ParseError> {
    match text {
        _ if text == buy => Ok(Side::Bid),
        _ if text == sell => Ok(Side::Ask),
        _ => Err(ParseError::WrongType(name)),
    }
}

/// A price of statistics or candles: zero where nothing traded yet, never below.
pub(crate) fn price(value: Option<Value<'_>>, name: &'static str, found: Found) -> Result<Price, Fault> {
    let price = learn::price(need(value, name)?, name, found.price_scale)?;
    if price.0 < 0 { Err(ParseError::NotPositive(name).into()) } else { Ok(price) }
}

/// A quantity.
pub(crate) fn qty(value: Option<Value<'_>>, name: &'static str, found: Found) -> Result<Qty, Fault> {
    learn::qty(need(value, name)?, name, found.qty_scale)
}

/// One side of a best bid and offer. An empty side has neither price nor quantity.
pub(crate) fn best(
    (at, at_name): (Option<Value<'_>>, &'static str),
    (amount, amount_name): (Option<Value<'_>>, &'static str),
    found: Found,
) -> Result<Level, Fault> {
    let (at, amount) = (price(at, at_name, found)?, qty(amount, amount_name, found)?);
    if at.0 == 0 && amount.0 != 0 {
        return Err(ParseError::NotPositive(at_name).into());
    }
    Ok(Level { price: at, qty: amount })
}

/// A price above zero with its quantity.
pub(crate) fn traded(
    (at, at_name): (Option<Value<'_>>, &'static str),
    (amount, amount_name): (Option<Value<'_>>, &'static str),
    found: Found,
) -> Result<Level, Fault> {
    let pair = (need(at, at_name)?, need(amount, amount_name)?);
    let level = learn::level(pair, at_name, amount_name, found)?;
    if level.price.0 <= 0 {
        return Err(ParseError::NotPositive(at_name).into());
    }
    Ok(level)
}

/// Hands on an update whose body is one record.
pub(crate) fn single<S: Sink>(record: Record, head: Head, found: Found, sink: &mut S) -> Result<u32, Fault> {
    sink.push(record).map_err(|SinkFull| UpdateError::SinkFull)?;
    commit(head, found, sink)
}

/// Hands on the update whose body is in the sink. Says how many updates that is.
#[inline]
pub(crate) fn commit<S: Sink>(mut head: Head, found: Found, sink: &mut S) -> Result<u32, Fault> {
    (head.price_scale, head.qty_scale) = (found.price_scale, found.qty_scale);
    sink.commit(head).map_err(|SinkFull| UpdateError::SinkFull)?;
    Ok(1)
}

/// Takes everything and keeps nothing: to see whether all of a frame is sound before any of it is handed on.
pub(crate) struct Unheard;

impl Sink for Unheard {
    fn push(&mut self, _: Record) -> Result<(), SinkFull> {
        Ok(())
    }

    fn commit(&mut self, _: Head) -> Result<(), SinkFull> {
        Ok(())
    }

    fn abandon(&mut self) {}
}
