//! Numbers at an instrument's scales, and the widening of scales where the data is finer.

use touchline_json::{DecimalError, Value, decimal, document};
use touchline_market::{
    Head, LEVELS_MAX, Level, LevelPacker, Price, Qty, Record, SCALE_MAX, Sink, SinkFull, UpdateError,
};

use crate::{Found, Listing, ParseError};

/// A number that stopped a message, and which scale would have taken it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    error: ParseError,
    wider: Option<Wider>,
}

#[derive(Clone, Copy, Debug)]
enum Wider {
    Price(u8),
    Qty(u8),
}

impl From<ParseError> for Fault {
    #[inline]
    fn from(error: ParseError) -> Self {
        Self { error, wider: None }
    }
}

impl From<UpdateError> for Fault {
    #[inline]
    fn from(error: UpdateError) -> Self {
        Self { error: error.into(), wider: None }
    }
}

/// Runs `attempt` at the instrument's scales; where one of them is too coarse, runs again from the start at the scale
/// that the number needs. Ends: a scale only grows, and no further than 18. The listing learns the wider scales from a
/// message that is taken in the end: at the scale of noise the next good number might not fit.
#[inline]
pub(crate) fn at_learned_scales<S: Sink, T>(
    listing: &mut Listing,
    listed: Found,
    sink: &mut S,
    mut attempt: impl FnMut(Found, &mut S) -> Result<T, Fault>,
) -> Result<T, ParseError> {
    let mut found = listed;
    loop {
        match attempt(found, sink) {
            Ok(done) => {
                if found != listed {
                    listing.widen(found);
                }
                return Ok(done);
            }
            Err(fault) => {
                sink.abandon();
                found = widened(found, fault)?;
            }
        }
    }
}

#[cold]
#[inline(never)]
fn widened(mut found: Found, fault: Fault) -> Result<Found, ParseError> {
    let (scale, needed) = match fault.wider {
        Some(Wider::Price(needed)) => (&mut found.price_scale, needed),
        Some(Wider::Qty(needed)) => (&mut found.qty_scale, needed),
        None => return Err(fault.error),
    };
    if needed <= *scale || needed > SCALE_MAX {
        return Err(fault.error);
    }
    *scale = needed;
    Ok(found)
}

/// A price at its scale; any sign.
#[inline]
pub(crate) fn price(value: Value<'_>, name: &'static str, scale: u8) -> Result<Price, Fault> {
    value.price(scale).map(Price).map_err(|error| fault(name, error, Wider::Price))
}

/// A quantity at its scale.
#[inline]
pub(crate) fn qty(value: Value<'_>, name: &'static str, scale: u8) -> Result<Qty, Fault> {
    value.quantity(scale).map(Qty).map_err(|error| fault(name, error, Wider::Qty))
}

#[cold]
#[inline(never)]
fn fault(name: &'static str, error: DecimalError, wider: fn(u8) -> Wider) -> Fault {
    let wider = match error {
        DecimalError::TooPrecise { needed } => Some(wider(needed)),
        _ => None,
    };
    Fault { error: ParseError::Number(name, error), wider }
}

/// Packs an array of `[price, quantity]` into the sink; what stands behind the two is passed over. Returns how many.
///
/// Prices must be above zero.
#[inline]
pub(crate) fn levels<S: Sink>(
    array: Value<'_>,
    name: &'static str,
    found: Found,
    packer: &mut LevelPacker,
    sink: &mut S,
) -> Result<u16, Fault> {
    let mut pairs = array.pairs().ok_or(ParseError::WrongType(name))?;
    let count = pairs.len();
    if count > LEVELS_MAX {
        return Err(UpdateError::TooManyLevels.into());
    }
    let scales = decimal::Levels::new(found.price_scale, found.qty_scale);
    let mut left = count;
    while left > 0 {
        let texts = pairs.next_texts();
        let fast = texts.map(|(price, qty)| scales.level(price, qty));
        let level = match fast {
            Some(Ok((price, qty))) if price > 0 => Level::new(price, qty),
            _ => {
                if texts.is_none() {
                    pairs.next();
                }
                slow_level(array, count - left, name, found)?
            }
        };
        packer.push(level, sink)?;
        left -= 1;
    }
    Ok(count as u16)
}

/// One level that is not two plain decimals in strings, or has an error in it.
#[cold]
#[inline(never)]
fn slow_level(array: Value<'_>, index: usize, name: &'static str, found: Found) -> Result<Level, Fault> {
    let element = array.array().and_then(|mut elements| elements.nth(index));
    let pair = element.and_then(|element| element.pair().or_else(|| first_two(element)));
    let level = level(pair.ok_or(ParseError::WrongType(name))?, name, name, found)?;
    if level.price.0 <= 0 {
        return Err(ParseError::NotPositive(name).into());
    }
    Ok(level)
}

/// A price of any sign and its quantity, at their scales: both converted at once.
#[inline(always)]
pub(crate) fn level(
    pair: (Value<'_>, Value<'_>),
    price_name: &'static str,
    qty_name: &'static str,
    found: Found,
) -> Result<Level, Fault> {
    match document::level(pair, found.price_scale, found.qty_scale) {
        Ok((price, qty)) => Ok(Level::new(price, qty)),
        Err(_) => Err(level_fault(pair, price_name, qty_name, found)),
    }
}

/// Which of the two numbers stopped the level, and why.
#[cold]
#[inline(never)]
fn level_fault(
    pair: (Value<'_>, Value<'_>),
    price_name: &'static str,
    qty_name: &'static str,
    found: Found,
) -> Fault {
    let faulty = price(pair.0, price_name, found.price_scale).err();
    let faulty = faulty.or_else(|| qty(pair.1, qty_name, found.qty_scale).err());
    // One of the two fails alone as it failed in the pair.
    faulty.unwrap_or(ParseError::WrongType(price_name).into())
}

/// Hands on an update whose body is one record. Says how many updates that is.
#[inline]
pub(crate) fn single<S: Sink>(record: Record, head: Head, found: Found, sink: &mut S) -> Result<u32, Fault> {
    sink.push(record).map_err(|SinkFull| UpdateError::SinkFull)?;
    commit(head, found, sink)
}

/// Hands on the update whose body is in the sink, at the scales of its numbers. Says how many updates that is.
#[inline]
pub(crate) fn commit<S: Sink>(mut head: Head, found: Found, sink: &mut S) -> Result<u32, Fault> {
    (head.price_scale, head.qty_scale) = (found.price_scale, found.qty_scale);
    sink.commit(head).map_err(|SinkFull| UpdateError::SinkFull)?;
    Ok(1)
}

fn first_two(element: Value<'_>) -> Option<(Value<'_>, Value<'_>)> {
    let mut elements = element.array()?;
    Some((elements.next()?, elements.next()?))
}
