//! The fields of an object by their names, whatever their order, and what most venues mean by them.

use touchline_json::{Elements, Value, decimal};
use touchline_market::{Level, Nanos, Price, Qty, Side};

use crate::learn::{self, Fault};
use crate::stamp::rfc3339;
use crate::{Found, ParseError};

/// A field that may be missing, with the venue's key for it.
#[derive(Clone, Copy)]
pub(crate) struct Field<'d> {
    pub(crate) name: &'static str,
    pub(crate) value: Option<Value<'d>>,
}

/// The fields of these names; others are passed over. `what` is wrong where it is no object.
///
/// # Errors
/// `what`; [`ParseError::Duplicate`]: which of two holds nobody can say.
#[inline(always)]
pub(crate) fn pick<'d, const N: usize>(
    object: Value<'d>,
    what: ParseError,
    names: [&'static str; N],
) -> Result<[Field<'d>; N], ParseError> {
    let mut fields = names.map(|name| Field { name, value: None });
    for (key, value) in object.object().ok_or(what)? {
        // Compared with the names that came in, which are constants, not with those in memory.
        for (field, name) in fields.iter_mut().zip(names) {
            if key == name && field.value.replace(value).is_some() {
                return Err(ParseError::Duplicate(name));
            }
        }
    }
    Ok(fields)
}

impl<'d> Field<'d> {
    /// Its value; it must be there.
    #[inline(always)]
    pub(crate) fn need(self) -> Result<Value<'d>, ParseError> {
        self.value.ok_or(ParseError::Missing(self.name))
    }

    /// Its text; it must be there.
    #[inline(always)]
    pub(crate) fn text(self) -> Result<&'d str, ParseError> {
        self.need()?.as_str().ok_or(ParseError::WrongType(self.name))
    }

    /// Its whole number; it must be there.
    #[inline(always)]
    pub(crate) fn count(self) -> Result<u64, ParseError> {
        self.need()?.as_u64().ok_or(ParseError::WrongType(self.name))
    }

    /// Its whole number, sent as text; it must be there.
    pub(crate) fn integer(self) -> Result<u64, ParseError> {
        decimal::integer(self.text()?.as_bytes()).map_err(|error| ParseError::Number(self.name, error))
    }

    /// Its array; it must be there.
    #[inline(always)]
    pub(crate) fn array(self) -> Result<Elements<'d>, ParseError> {
        self.need()?.array().ok_or(ParseError::WrongType(self.name))
    }

    /// Its stamp, sent as text; it must be there.
    #[inline(always)]
    pub(crate) fn stamp(self) -> Result<Nanos, ParseError> {
        rfc3339(self.text()?).ok_or(ParseError::WrongType(self.name))
    }

    /// Its stamp, where there is one.
    #[inline(always)]
    pub(crate) fn stamp_or_none(self) -> Result<Nanos, ParseError> {
        if self.value.is_some() { self.stamp() } else { Ok(Nanos::NONE) }
    }

    /// Its side, by the venue's two words; it must be there.
    #[inline(always)]
    pub(crate) fn side(self, bid: &str, ask: &str) -> Result<Side, ParseError> {
        match self.text()? {
            text if text == bid => Ok(Side::Bid),
            text if text == ask => Ok(Side::Ask),
            _ => Err(ParseError::WrongType(self.name)),
        }
    }

    /// Its price, of statistics or candles: zero where nothing traded yet, never below.
    pub(crate) fn price(self, found: Found) -> Result<Price, Fault> {
        let price = learn::price(self.need()?, self.name, found.price_scale)?;
        if price.0 < 0 { Err(ParseError::NotPositive(self.name).into()) } else { Ok(price) }
    }

    /// Its quantity.
    pub(crate) fn qty(self, found: Found) -> Result<Qty, Fault> {
        learn::qty(self.need()?, self.name, found.qty_scale)
    }
}

/// One of many levels, at `scales`, which are those of `found`: nearly always two plain decimals. `note` sees them as
/// they were written.
#[inline(always)]
pub(crate) fn level(
    price: Field<'_>,
    qty: Field<'_>,
    scales: &decimal::Levels,
    found: Found,
    note: impl FnOnce(&[u8], &[u8]),
) -> Result<Level, Fault> {
    if let (Some(at), Some(amount)) = (price.value.and_then(Value::text), qty.value.and_then(Value::text)) {
        note(at, amount);
        if let Ok((at, amount)) = scales.level(at, amount)
            && at > 0
        {
            return Ok(Level::new(at, amount));
        }
    }
    traded(price, qty, found)
}

/// A price above zero with its quantity.
#[inline(never)]
pub(crate) fn traded(price: Field<'_>, qty: Field<'_>, found: Found) -> Result<Level, Fault> {
    let level = learn::level((price.need()?, qty.need()?), price.name, qty.name, found)?;
    if level.price.0 <= 0 {
        return Err(ParseError::NotPositive(price.name).into());
    }
    Ok(level)
}
