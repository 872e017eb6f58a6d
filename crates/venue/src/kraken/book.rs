//! Book messages: levels as objects of two bare numbers, a checksum behind them.
//!
//! ```text
//! {"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":105944.20,"qty":0.136}],"asks":[{"price":105944.30,"qty":0.136}],"checksum":2439117997,"timestamp":"2023-10-06T17:35:55.440295Z"}]}
//! {"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":105944.20,"qty":0.250}],"asks":[],"checksum":2114181697,"timestamp":"2023-10-06T17:35:55.440295Z"}]}
//! ```

use touchline_json::{Value, decimal};
use touchline_market::{Flags, Head, LEVELS_MAX, Sink, TrailedPacker, UpdateError, UpdateKind};

use super::standing::{Digits, Standing, depth_for};
use crate::fields::{Field, level, pick};
use crate::learn::{Fault, commit};
use crate::{Found, ParseError};

/// One symbol's book message; `standing` learns from it.
///
/// A snapshot may come without a stamp; an update has one, always.
#[inline]
pub(super) fn book<S: Sink>(
    item: Value<'_>,
    kind: UpdateKind,
    found: Found,
    standing: &mut Standing,
    sink: &mut S,
) -> Result<u32, Fault> {
    let keys = ["bids", "asks", "checksum", "timestamp"];
    let [bids, asks, checksum, timestamp] = pick(item, ParseError::WrongType("data"), keys)?;
    let mut head = Head::new(kind, found.id);
    head.flags = Flags::TRAILER;
    head.ts_event = match kind {
        UpdateKind::Snapshot => timestamp.stamp_or_none()?,
        _ => timestamp.stamp()?,
    };
    let checksum = u32::try_from(checksum.count()?).map_err(|_| ParseError::WrongType(checksum.name))?;
    if kind == UpdateKind::Snapshot {
        standing.digits = Digits::default();
    }
    let mut packer = TrailedPacker::default();
    let digits = &mut standing.digits;
    head.bids = levels(bids, found, digits, &mut packer, sink)?;
    head.asks = levels(asks, found, digits, &mut packer, sink)?;
    if kind == UpdateKind::Snapshot {
        standing.guessed_depth = depth_for(u32::from(head.bids.max(head.asks)));
    }
    head.sequence = standing.sequence(head.ts_event);
    packer.finish(standing.trailer(Some(checksum)), sink)?;
    commit(head, found, sink)
}

/// Packs one side into the sink and says how many levels it has.
#[inline]
fn levels<S: Sink>(
    side: Field<'_>,
    found: Found,
    digits: &mut Digits,
    packer: &mut TrailedPacker,
    sink: &mut S,
) -> Result<u16, Fault> {
    let elements = side.array()?;
    let count = elements.len();
    if count > LEVELS_MAX {
        return Err(UpdateError::TooManyLevels.into());
    }
    let scales = decimal::Levels::new(found.price_scale, found.qty_scale);
    for element in elements {
        let [price, qty] = pick(element, ParseError::WrongType(side.name), ["price", "qty"])?;
        let level = level(price, qty, &scales, found, |price, qty| digits.note(price, qty))?;
        packer.push(level, sink)?;
    }
    Ok(count as u16)
}
