//! The messages as a JSON crate would be asked for them: typed, borrowed, numbers converted on the way. Favourable to
//! the crates: which message comes is known beforehand, fields that are not read are passed over, decimals go straight
//! to mantissas by our own converter at a scale that is known when compiled, and levels land in buffers that are used
//! again.

use std::cell::RefCell;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use touchline_json::decimal;

/// A frame of a combined stream.
#[derive(Deserialize)]
pub struct Combined<T> {
    /// The message.
    pub data: T,
}

/// Best bid and offer, at these scales.
#[derive(Deserialize)]
#[allow(dead_code, reason = "parsed for the sake of parsing")]
pub struct Best<'a, const P: u8, const Q: u8> {
    #[serde(rename = "u")]
    pub sequence: u64,
    #[serde(rename = "s", borrow)]
    pub symbol: &'a str,
    #[serde(rename = "b")]
    pub bid: Mantissa<P>,
    #[serde(rename = "B")]
    pub bid_qty: Mantissa<Q>,
    #[serde(rename = "a")]
    pub ask: Mantissa<P>,
    #[serde(rename = "A")]
    pub ask_qty: Mantissa<Q>,
    #[serde(rename = "E", default)]
    pub event: u64,
}

/// A trade, at these scales.
#[derive(Deserialize)]
#[allow(dead_code, reason = "parsed for the sake of parsing")]
pub struct Trade<'a, const P: u8, const Q: u8> {
    #[serde(rename = "E")]
    pub event: u64,
    #[serde(rename = "s", borrow)]
    pub symbol: &'a str,
    #[serde(rename = "t")]
    pub id: u64,
    #[serde(rename = "p")]
    pub price: Mantissa<P>,
    #[serde(rename = "q")]
    pub qty: Mantissa<Q>,
    #[serde(rename = "m")]
    pub seller_came: bool,
}

/// A depth update, at these scales.
#[derive(Deserialize)]
#[allow(dead_code, reason = "parsed for the sake of parsing")]
pub struct Depth<'a, const P: u8, const Q: u8> {
    #[serde(rename = "E")]
    pub event: u64,
    #[serde(rename = "s", borrow)]
    pub symbol: &'a str,
    #[serde(rename = "U")]
    pub first: u64,
    #[serde(rename = "u")]
    pub last: u64,
    #[serde(rename = "b")]
    pub bids: Levels<P, Q>,
    #[serde(rename = "a")]
    pub asks: Levels<P, Q>,
}

/// A decimal in quotes as the mantissa at a scale.
#[derive(Clone, Copy)]
pub struct Mantissa<const SCALE: u8>(pub u64);

impl<'de, const SCALE: u8> Deserialize<'de> for Mantissa<SCALE> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<const SCALE: u8>;
        impl<const SCALE: u8> Visitor<'_> for Text<SCALE> {
            type Value = Mantissa<SCALE>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal in quotes")
            }

            #[inline]
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                decimal::quantity(text.as_bytes(), SCALE).map(Mantissa).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text::<SCALE>)
    }
}

thread_local! {
    /// Buffers that messages before this one have given back.
    static BUFFERS: RefCell<Vec<Vec<(u64, u64)>>> = const { RefCell::new(Vec::new()) };
}

/// A side's levels as mantissas, in a buffer that goes back to its thread.
pub struct Levels<const P: u8, const Q: u8>(pub Vec<(u64, u64)>);

impl<const P: u8, const Q: u8> Drop for Levels<P, Q> {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.0);
        buffer.clear();
        BUFFERS.with_borrow_mut(|buffers| buffers.push(buffer));
    }
}

impl<'de, const P: u8, const Q: u8> Deserialize<'de> for Levels<P, Q> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows<const P: u8, const Q: u8>;
        impl<'de, const P: u8, const Q: u8> Visitor<'de> for Rows<P, Q> {
            type Value = Levels<P, Q>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("pairs of price and quantity")
            }

            #[inline]
            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
                let mut levels = Levels(BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default());
                while let Some((price, qty)) = rows.next_element::<(Mantissa<P>, Mantissa<Q>)>()? {
                    levels.0.push((price.0, qty.0));
                }
                Ok(levels)
            }
        }
        deserializer.deserialize_seq(Rows::<P, Q>)
    }
}

/// What a message says, in one form for all kinds and parsers, so that parsers can be compared.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Said {
    /// The number of the update or trade.
    pub sequence: u64,
    /// Prices and quantities in the order they came, as mantissas at 18 decimals.
    pub levels: Vec<(u128, u128)>,
}

/// A kind of message that can be compared.
pub trait Message {
    /// What it says.
    fn said(&self) -> Said;
}

/// A mantissa at 18 decimals.
pub fn wide(mantissa: u64, scale: u8) -> u128 {
    u128::from(mantissa) * 10_u128.pow(18 - u32::from(scale))
}

impl<const P: u8, const Q: u8> Message for Best<'_, P, Q> {
    fn said(&self) -> Said {
        let level = |price: Mantissa<P>, qty: Mantissa<Q>| (wide(price.0, P), wide(qty.0, Q));
        let levels = vec![level(self.bid, self.bid_qty), level(self.ask, self.ask_qty)];
        Said { sequence: self.sequence, levels }
    }
}

impl<const P: u8, const Q: u8> Message for Trade<'_, P, Q> {
    fn said(&self) -> Said {
        Said { sequence: self.id, levels: vec![(wide(self.price.0, P), wide(self.qty.0, Q))] }
    }
}

impl<const P: u8, const Q: u8> Message for Depth<'_, P, Q> {
    fn said(&self) -> Said {
        let levels = self.bids.0.iter().chain(&self.asks.0);
        let levels = levels.map(|&(price, qty)| (wide(price, P), wide(qty, Q))).collect();
        Said { sequence: self.last, levels }
    }
}
