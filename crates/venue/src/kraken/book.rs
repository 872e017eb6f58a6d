//! Book messages: levels as objects of two bare numbers, a checksum behind them.
//!
//! ```text
//! {"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":105944.20,"qty":0.136}],"asks":[{"price":105944.30,"qty":0.136}],"checksum":2439117997,"timestamp":"2023-10-06T17:35:55.440295Z"}]}
//! {"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":105944.20,"qty":0.250}],"asks":[],"checksum":2114181697,"timestamp":"2023-10-06T17:35:55.440295Z"}]}
//! ```

use touchline_json::{Value, decimal};
use touchline_market::{Flags, Head, LEVELS_MAX, Level, Nanos, Sink, TrailedPacker, UpdateError, UpdateKind};

use super::fields::{commit, need, need_count, pick, stamp, traded};
use super::standing::{Digits, Standing, depth_for};
use crate::learn::Fault;
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
    let [bids, asks, checksum, timestamp] = pick(item, "data", keys)?;
    let mut head = Head::new(kind, found.id);
    head.flags = Flags::TRAILER;
    head.ts_event = match (kind, timestamp) {
        (UpdateKind::Snapshot, None) => Nanos::NONE,
        (_, timestamp) => stamp(Some(need(timestamp, "timestamp")?), "timestamp")?,
    };
    let checksum = need_count(checksum, "checksum")?;
    let checksum = u32::try_from(checksum).map_err(|_| ParseError::WrongType("checksum"))?;
    if kind == UpdateKind::Snapshot {
        standing.digits = Digits::default();
    }
    let mut packer = TrailedPacker::default();
    let digits = &mut standing.digits;
    head.bids = levels(need(bids, "bids")?, "bids", found, digits, &mut packer, sink)?;
    head.asks = levels(need(asks, "asks")?, "asks", found, digits, &mut packer, sink)?;
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
    array: Value<'_>,
    name: &'static str,
    found: Found,
    digits: &mut Digits,
    packer: &mut TrailedPacker,
    sink: &mut S,
) -> Result<u16, Fault> {
    let elements = array.array().ok_or(ParseError::WrongType(name))?;
    let count = elements.len();
    if count > LEVELS_MAX {
        return Err(UpdateError::TooManyLevels.into());
    }
    let scales = decimal::Levels::new(found.price_scale, found.qty_scale);
    for element in elements {
        let [price, qty] = pick(element, name, ["price", "qty"])?;
        let texts = (price.and_then(Value::text), qty.and_then(Value::text));
        let level = match texts {
            (Some(price), Some(qty)) => {
                digits.note(price, qty);
                scales.level(price, qty).ok().filter(|(price, _)| *price > 0)
            }
            _ => None,
        };
        let level = match level {
            Some((price, qty)) => Level::new(price, qty),
            None => traded((price, "price"), (qty, "qty"), found)?,
        };
        packer.push(level, sink)?;
    }
    Ok(count as u16)
}
