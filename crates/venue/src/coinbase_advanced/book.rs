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

use super::parse::{Reader, Scratch, is_last};
use crate::fields::{level, pick};
use crate::learn::{Fault, at_learned_scales, commit};
use crate::{Found, ParseError, Rejected};

/// Every event of a frame, one update each.
pub(super) fn events<S: Sink>(
    reader: &mut Reader<'_, '_, S>,
    mut events: Elements<'_>,
    scratch: &mut Scratch,
) -> Result<(), Rejected> {
    while let Some(event) = events.next() {
        let is_last = is_last(&events);
        let symbol = pick(event, ParseError::Shape, ["product_id"]).and_then(|[symbol]| symbol.text());
        let symbol = symbol.map_err(|error| reader.reject(error, None, is_last))?;
        let Some(found) = reader.find(symbol) else { continue };
        let read = one(reader, event, found, &mut scratch.asks);
        reader.count(read.map_err(|error| reader.reject(error, Some(found.id), is_last))?);
    }
    Ok(())
}

fn one<S: Sink>(
    reader: &mut Reader<'_, '_, S>,
    event: Value<'_>,
    found: Found,
    asks: &mut Vec<Level>,
) -> Result<u32, ParseError> {
    let [kind, updates] = pick(event, ParseError::Shape, ["type", "updates"])?;
    let kind = match kind.text()? {
        "snapshot" => UpdateKind::Snapshot,
        "update" => UpdateKind::Delta,
        // What else it may be, it concerns the book.
        _ => return Err(ParseError::Shape),
    };
    let head = reader.head(kind, found)?;
    let updates = updates.array()?;
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
) -> Result<u32, Fault> {
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
    let [side, price, qty] = pick(update, ParseError::Shape, ["side", "price_level", "new_quantity"])?;
    let side = side.side("bid", "offer")?;
    Ok((side, level(price, qty, scales, found, |_, _| {})?))
}
