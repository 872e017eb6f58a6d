//! `l2_data`: snapshots and changes of books.
//!
//! ```text
//! {"type":"snapshot","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2026-08-09T21:05:48.170326Z","price_level":"65083.66","new_quantity":"0.20371215"},…]}
//! {"type":"update","product_id":"BTC-USD","updates":[{"side":"offer","event_time":"2026-08-09T21:05:48.264069Z","price_level":"65106.54","new_quantity":"0.15361938"},…]}
//! ```
//!
//! Both sides stand in one list. Quantities are absolute, and zero removes. A price that stands there twice is applied
//! twice, so the last one holds.

use touchline_json::{Elements, Value, decimal};
use touchline_market::{Head, LEVELS_MAX, Level, LevelPacker, Side, Sink, UpdateError, UpdateKind};

use super::fields::{Field, pick};
use super::parse::{Reader, Scratch, commit, is_last};
use crate::learn::{Fault, at_learned_scales, level};
use crate::{Found, ParseError, Rejected};

/// Every event of a frame, one update each.
pub(super) fn events<S: Sink>(
    reader: &mut Reader<'_, '_, S>,
    mut events: Elements<'_>,
    scratch: &mut Scratch,
) -> Result<(), Rejected> {
    while let Some(event) = events.next() {
        let is_last = is_last(&events);
        let [symbol] = pick(event, ["product_id"]).map_err(|error| reader.reject(error, None, is_last))?;
        let symbol = symbol.text().map_err(|error| reader.reject(error, None, is_last))?;
        let Some(found) = reader.find(symbol) else { continue };
        let read = one(reader, event, found, &mut scratch.asks);
        read.map_err(|error| reader.reject(error, Some(found.id), is_last))?;
        reader.count();
    }
    Ok(())
}

fn one<S: Sink>(
    reader: &mut Reader<'_, '_, S>,
    event: Value<'_>,
    found: Found,
    asks: &mut Vec<Level>,
) -> Result<(), ParseError> {
    let [kind, updates] = pick(event, ["type", "updates"])?;
    let kind = match kind.text()? {
        "snapshot" => UpdateKind::Snapshot,
        "update" => UpdateKind::Delta,
        // What else it may be, it concerns the book.
        _ => return Err(ParseError::Shape),
    };
    let head = reader.head(kind, found)?;
    let updates = updates.need()?.array().ok_or(ParseError::WrongType(updates.name))?;
    at_learned_scales(reader.listing, found, reader.sink, |found, sink| {
        levels(head, updates.clone(), found, asks, sink)
    })
}

/// The bids go straight into the sink; the asks wait for their place behind them.
fn levels<S: Sink>(
    mut head: Head,
    updates: Elements<'_>,
    found: Found,
    asks: &mut Vec<Level>,
    sink: &mut S,
) -> Result<(), Fault> {
    let scales = decimal::Levels::new(found.price_scale, found.qty_scale);
    let mut packer = LevelPacker::default();
    asks.clear();
    let mut bids = 0;
    for update in updates {
        let (side, level) = one_level(update, found, &scales)?;
        if bids.max(asks.len()) >= LEVELS_MAX {
            return Err(UpdateError::TooManyLevels.into());
        }
        match side {
            Side::Bid => {
                packer.push(level, sink)?;
                bids += 1;
            }
            Side::Ask => asks.push(level),
        }
    }
    for &level in asks.iter() {
        packer.push(level, sink)?;
    }
    packer.finish(sink)?;
    (head.bids, head.asks) = (bids as u16, asks.len() as u16);
    commit(head, found, sink)
}

#[inline]
fn one_level(update: Value<'_>, found: Found, scales: &decimal::Levels) -> Result<(Side, Level), Fault> {
    let [side, price, qty] = pick(update, ["side", "price_level", "new_quantity"])?;
    let side = match side.text()? {
        "bid" => Side::Bid,
        "offer" => Side::Ask,
        _ => return Err(ParseError::WrongType(side.name).into()),
    };
    if let (Ok(at), Ok(amount)) = (price.text(), qty.text())
        && let Ok((price, qty)) = scales.level(at.as_bytes(), amount.as_bytes())
        && price > 0
    {
        return Ok((side, Level::new(price, qty)));
    }
    slow_level(price, qty, found).map(|level| (side, level))
}

/// A level that is not two plain decimals in strings, or has an error in it.
#[cold]
#[inline(never)]
fn slow_level(price: Field<'_>, qty: Field<'_>, found: Found) -> Result<Level, Fault> {
    let level = level((price.need()?, qty.need()?), price.name, qty.name, found)?;
    if level.price.0 <= 0 {
        return Err(ParseError::NotPositive(price.name).into());
    }
    Ok(level)
}
