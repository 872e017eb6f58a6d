//! The fields of one event, picked out in a single pass whatever their order.

use touchline_json::Value;
use touchline_market::Nanos;

use crate::ParseError;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $key:literal),+ $(,)?) => {
        /// What the venue's events and replies hold. A name here is the venue's key spelled out.
        #[derive(Clone, Copy, Default)]
        pub(super) struct Fields<'d> {
            /// A key that stands there twice. Which of the two holds nobody can say: the first is kept.
            pub(super) duplicate: Option<&'static str>,
            $($(#[$doc])* pub(super) $name: Option<Value<'d>>,)+
        }

        impl<'d> Fields<'d> {
            /// The fields of an object; unknown ones are passed over.
            #[inline]
            pub(super) fn read(object: Value<'d>) -> Result<Self, ParseError> {
                let mut fields = Self::default();
                for (key, value) in object.object().ok_or(ParseError::Shape)? {
                    let (slot, name) = match key {
                        $($key => (&mut fields.$name, $key),)+
                        _ => continue,
                    };
                    if slot.is_some() {
                        fields.duplicate = Some(name);
                        continue;
                    }
                    *slot = Some(value);
                }
                Ok(fields)
            }
        }
    };
}

fields! {
    event = "e",
    event_time = "E",
    match_time = "T",
    symbol = "s",
    first_id = "U",
    last_id = "u",
    previous_id = "pu",
    bid = "b",
    bid_qty = "B",
    ask = "a",
    ask_qty = "A",
    price = "p",
    qty = "q",
    trade_id = "t",
    maker_buys = "m",
    execution = "X",
    product = "st",
    last_price = "c",
    last_qty = "Q",
    open = "o",
    high = "h",
    low = "l",
    volume = "v",
    snapshot_id = "lastUpdateId",
    bids = "bids",
    asks = "asks",
    result = "result",
    id = "id",
    code = "code",
    error = "error",
}

impl<'d> Fields<'d> {
    /// When it happened: at the engine where the venue says so, else at the gateway.
    #[inline]
    pub(super) fn stamp(&self) -> Result<Nanos, ParseError> {
        match (self.match_time, self.event_time) {
            (Some(time), _) => stamp(time, "T"),
            (None, Some(time)) => stamp(time, "E"),
            (None, None) => Ok(Nanos::NONE),
        }
    }
}

/// Stamps are milliseconds, or microseconds on connections that ask for them: told apart by size, since 10^14
/// milliseconds are the year 5138 and 10^14 microseconds the year 1973.
#[inline]
fn stamp(value: Value<'_>, name: &'static str) -> Result<Nanos, ParseError> {
    let number = value.as_u64().ok_or(ParseError::WrongType(name))?;
    Ok(if number < 100_000_000_000_000 { Nanos::from_millis(number) } else { Nanos::from_micros(number) })
}

/// A field that must be there.
#[inline]
pub(super) fn need<'d>(field: Option<Value<'d>>, name: &'static str) -> Result<Value<'d>, ParseError> {
    field.ok_or(ParseError::Missing(name))
}

/// A text that must be there.
#[inline]
pub(super) fn need_text<'d>(field: Option<Value<'d>>, name: &'static str) -> Result<&'d str, ParseError> {
    need(field, name)?.as_str().ok_or(ParseError::WrongType(name))
}

/// A counter that must be there.
#[inline]
pub(super) fn need_count(field: Option<Value<'_>>, name: &'static str) -> Result<u64, ParseError> {
    need(field, name)?.as_u64().ok_or(ParseError::WrongType(name))
}
