//! Book messages: snapshots under `as` and `bs`, updates under `a` and `b`, each level with its stamp.
//!
//! ```text
//! [0,{"as":[["5541.30000","2.50700000","1534614248.123678"]],"bs":[["5541.20000","1.52900000","1534614248.765567"]]},"book-10","XBT/USD"]
//! [1234,{"a":[["5541.30000","2.50700000","1534614248.456738","r"]],"c":"974942666"},"book-10","XBT/USD"]
//! ```

use touchline_json::{Value, decimal};
use touchline_market::{Flags, Head, LEVELS_MAX, Level, Nanos, Sink, TrailedPacker, UpdateError, UpdateKind};

use crate::kraken::fields::{commit, need, pick, traded};
use crate::kraken::standing::{Digits, Standing};
use crate::learn::Fault;
use crate::{Found, ParseError};

/// The fields of a message, whichever of its parts they stand in.
pub(super) struct Parts<'d>([Option<Value<'d>>; KEYS.len()]);

const KEYS: [&str; 5] = ["as", "bs", "a", "b", "c"];

impl<'d> Parts<'d> {
    /// One part or two; recordings of 2019 have `null` for a second part that is not there.
    #[inline]
    pub(super) fn of(first: Value<'d>, second: Option<Value<'d>>) -> Result<Self, ParseError> {
        let mut fields = pick(first, "book", KEYS)?;
        let Some(second) = second.filter(|second| !second.is_null()) else { return Ok(Self(fields)) };
        let more = pick(second, "book", KEYS)?;
        for ((place, value), key) in fields.iter_mut().zip(more).zip(KEYS) {
            if place.is_some() && value.is_some() {
                return Err(ParseError::Duplicate(key));
            }
            *place = place.or(value);
        }
        Ok(Self(fields))
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
            (UpdateKind::Snapshot, Some(need(all_asks, "as")?), Some(need(all_bids, "bs")?))
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
            let (price, qty) = (texts.next(), texts.next());
            let level = match (price.and_then(Value::text), qty.and_then(Value::text)) {
                (Some(price), Some(qty)) => {
                    self.digits.note(price, qty);
                    scales.level(price, qty).ok().filter(|(price, _)| *price > 0)
                }
                _ => None,
            };
            let level = match level {
                Some((price, qty)) => Level::new(price, qty),
                None => traded((price, "price"), (qty, "volume"), self.found)?,
            };
            self.newest = self.newest.max(seconds(texts.next(), "timestamp")?);
            self.packer.push(level, sink)?;
        }
        Ok(count as u16)
    }
}

/// A stamp in seconds with decimals, `1534614248.123678`.
#[inline]
pub(super) fn seconds(value: Option<Value<'_>>, name: &'static str) -> Result<Nanos, ParseError> {
    let stamp = need(value, name)?.quantity(9);
    stamp.map(Nanos).map_err(|error| ParseError::Number(name, error))
}
