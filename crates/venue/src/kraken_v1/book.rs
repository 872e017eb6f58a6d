//! Book messages: snapshots under `as` and `bs`, updates under `a` and `b`, each level with its stamp.
//!
//! ```text
//! [0,{"as":[["5541.30000","2.50700000","1534614248.123678"]],"bs":[["5541.20000","1.52900000","1534614248.765567"]]},"book-10","XBT/USD"]
//! [1234,{"a":[["5541.30000","2.50700000","1534614248.456738","r"]],"c":"974942666"},"book-10","XBT/USD"]
//! ```

use touchline_json::{Value, decimal};
use touchline_market::{Flags, Head, LEVELS_MAX, Nanos, Sink, TrailedPacker, UpdateError, UpdateKind};

use super::channels::seconds;
use crate::fields::{Field, level, pick};
use crate::kraken::standing::{Digits, Standing};
use crate::learn::{Fault, commit};
use crate::{Found, ParseError};

/// The fields of a message, whichever of its parts they stand in.
pub(super) struct Parts<'d>([Option<Value<'d>>; KEYS.len()]);

const KEYS: [&str; 5] = ["as", "bs", "a", "b", "c"];

impl<'d> Parts<'d> {
    /// One part or two; recordings of 2019 have `null` for a second part that is not there.
    #[inline]
    pub(super) fn of(first: Value<'d>, second: Option<Value<'d>>) -> Result<Self, ParseError> {
        let mut values = pick(first, ParseError::WrongType("book"), KEYS)?.map(|field| field.value);
        let Some(second) = second.filter(|second| !second.is_null()) else { return Ok(Self(values)) };
        let more = pick(second, ParseError::WrongType("book"), KEYS)?;
        for (place, field) in values.iter_mut().zip(more) {
            if place.is_some() && field.value.is_some() {
                return Err(ParseError::Duplicate(field.name));
            }
            *place = place.or(field.value);
        }
        Ok(Self(values))
    }
}

/// One book message; `standing` learns from it.
#[inline]
pub(super) fn book<S: Sink>(
    parts: &Parts<'_>,
    found: Found,
    standing: &mut Standing,
    sink: &mut S,
) -> Result<u32, Fault> {
    let [all_asks, all_bids, asks, bids, checksum] = parts.0;
    let (kind, asks, bids) = match (all_asks.or(all_bids), asks.or(bids)) {
        (Some(_), None) => {
            standing.digits = Digits::default();
            let (asks, bids) =
                (all_asks.ok_or(ParseError::Missing("as"))?, all_bids.ok_or(ParseError::Missing("bs"))?);
            (UpdateKind::Snapshot, Some(asks), Some(bids))
        }
        (None, Some(_)) => (UpdateKind::Delta, asks, bids),
        (Some(_), Some(_)) => return Err(ParseError::Shape.into()),
        (None, None) => return Err(ParseError::Missing("a").into()),
    };
    let checksum = match checksum {
        None => None,
        Some(text) => {
            let number = text.as_str().and_then(|text| text.parse::<u32>().ok());
            Some(number.ok_or(ParseError::WrongType("c"))?)
        }
    };
    let mut head = Head::new(kind, found.id);
    head.flags = Flags::TRAILER;
    let mut side =
        Levels { found, digits: standing.digits, newest: Nanos::NONE, packer: TrailedPacker::default() };
    head.bids = side.pack(bids, "b", sink)?;
    head.asks = side.pack(asks, "a", sink)?;
    standing.digits = side.digits;
    head.ts_event = side.newest;
    head.sequence = standing.sequence(side.newest);
    side.packer.finish(standing.trailer(checksum), sink)?;
    commit(head, found, sink)
}

/// Packs levels into the sink, with what is learned on the way.
struct Levels {
    found: Found,
    digits: Digits,
    newest: Nanos,
    packer: TrailedPacker,
}

impl Levels {
    /// Packs one side and says how many levels it has; a side that is not there has none.
    #[inline]
    fn pack<S: Sink>(
        &mut self,
        array: Option<Value<'_>>,
        name: &'static str,
        sink: &mut S,
    ) -> Result<u16, Fault> {
        let Some(array) = array else { return Ok(0) };
        let elements = array.array().ok_or(ParseError::WrongType(name))?;
        let count = elements.len();
        if count > LEVELS_MAX {
            return Err(UpdateError::TooManyLevels.into());
        }
        let scales = decimal::Levels::new(self.found.price_scale, self.found.qty_scale);
        for element in elements {
            let mut texts = element.array().ok_or(ParseError::WrongType(name))?;
            let mut next = |name| Field { name, value: texts.next() };
            let (price, qty) = (next("price"), next("volume"));
            let level = level(price, qty, &scales, self.found, |price, qty| self.digits.note(price, qty))?;
            self.newest = self.newest.max(seconds(next("timestamp"))?);
            self.packer.push(level, sink)?;
        }
        Ok(count as u16)
    }
}
