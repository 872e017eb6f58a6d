//! Numbers at an instrument's scales, and the widening of scales that are learned from data.

use touchline_json::{DecimalError, Value};
use touchline_market::{LEVELS_MAX, Level, LevelPacker, Price, Qty, Sink, UpdateError};

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

/// Runs `attempt` at the instrument's scales; where a provisional instrument's scale is too coarse, widens it and runs
/// again from the start. Ends: a scale only grows, and no further than 18.
#[inline]
pub(crate) fn at_learned_scales<S: Sink, T>(
    listing: &mut Listing,
    mut found: Found,
    sink: &mut S,
    mut attempt: impl FnMut(Found, &mut S) -> Result<T, Fault>,
) -> Result<T, ParseError> {
    loop {
        match attempt(found, sink) {
            Ok(done) => return Ok(done),
            Err(fault) => {
                sink.abandon();
                found = widened(listing, found, fault)?;
            }
        }
    }
}

#[cold]
#[inline(never)]
fn widened(listing: &mut Listing, mut found: Found, fault: Fault) -> Result<Found, ParseError> {
    let ParseError::Number(_, number) = fault.error else { return Err(fault.error) };
    let widening = match fault.wider {
        Some(Wider::Price(needed)) => {
            found.price_scale = needed;
            listing.widen_price(found.id, needed, number)
        }
        Some(Wider::Qty(needed)) => {
            found.qty_scale = needed;
            listing.widen_qty(found.id, needed, number)
        }
        None => Err(number),
    };
    widening.map(|()| found).map_err(|_| fault.error)
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

/// A price that must be above zero.
#[inline]
pub(crate) fn positive_price(value: Value<'_>, name: &'static str, scale: u8) -> Result<Price, Fault> {
    let price = price(value, name, scale)?;
    if price.0 > 0 { Ok(price) } else { Err(ParseError::NotPositive(name).into()) }
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
    let elements = array.array().ok_or(ParseError::WrongType(name))?;
    let count = elements.len();
    if count > LEVELS_MAX {
        return Err(UpdateError::TooManyLevels.into());
    }
    for element in elements {
        let Some((price, quantity)) = element.pair().or_else(|| first_two(element)) else {
            return Err(ParseError::WrongType(name).into());
        };
        let price = positive_price(price, name, found.price_scale)?;
        let qty = qty(quantity, name, found.qty_scale)?;
        packer.push(Level { price, qty }, sink)?;
    }
    Ok(count as u16)
}

#[cold]
#[inline(never)]
fn first_two(element: Value<'_>) -> Option<(Value<'_>, Value<'_>)> {
    let mut elements = element.array()?;
    Some((elements.next()?, elements.next()?))
}
