//! Single orders of a book (`level3`). The channel needs a token and a host of its own, so nobody can subscribe to it
//! here; recordings of it are read. Its checksum goes order by order and is not handed on.
//!
//! ```text
//! {"channel":"level3","type":"update","data":[{"symbol":"BTC/USD","timestamp":"2024-01-15T12:00:02.000000Z","checksum":281817320,"bids":[],"asks":[{"event":"modify","order_id":"OUMT4-UTEGU-ZYM7E9","limit_price":42001.0,"order_qty":0.5,"timestamp":"2024-01-15T12:00:02.000000Z"}]}]}
//! ```

use touchline_json::Value;
use touchline_market::{
    Head, LEVELS_MAX, Order, OrderId, OrderStep, Side, Sink, SinkFull, UpdateError, UpdateKind,
};

use super::standing::Standing;
use crate::fields::{Field, pick, traded};
use crate::learn::{Fault, commit};
use crate::{Found, ParseError};

/// One symbol's orders: all of them in a snapshot, the changed ones in an update.
pub(super) fn orders<S: Sink>(
    item: Value<'_>,
    kind: UpdateKind,
    found: Found,
    standing: &mut Standing,
    sink: &mut S,
) -> Result<u32, Fault> {
    let [bids, asks, timestamp] = pick(item, ParseError::WrongType("data"), ["bids", "asks", "timestamp"])?;
    let mut head = Head::new(kind, found.id);
    head.ts_event = timestamp.stamp_or_none()?;
    head.sequence = standing.sequence(head.ts_event);
    head.bids = side(bids, Side::Bid, kind, found, sink)?;
    head.asks = side(asks, Side::Ask, kind, found, sink)?;
    commit(head, found, sink)
}

fn side<S: Sink>(
    array: Field<'_>,
    side: Side,
    kind: UpdateKind,
    found: Found,
    sink: &mut S,
) -> Result<u16, Fault> {
    let elements = array.array()?;
    let count = elements.len();
    if count > LEVELS_MAX {
        return Err(UpdateError::TooManyLevels.into());
    }
    for element in elements {
        let keys = ["event", "order_id", "limit_price", "order_qty", "timestamp"];
        let [event, id, price, qty, timestamp] = pick(element, ParseError::WrongType(array.name), keys)?;
        let step = match kind {
            UpdateKind::OrderSnapshot => OrderStep::Add,
            _ => step(event)?,
        };
        let id = order_id(id.text()?).ok_or(ParseError::WrongType(id.name))?;
        let level = traded(price, qty, found)?;
        let since = timestamp.stamp()?;
        let order = Order { id, price: level.price, qty: level.qty, since, side, step };
        sink.push(order.to_record()).map_err(|SinkFull| UpdateError::SinkFull)?;
    }
    Ok(count as u16)
}

fn step(event: Field<'_>) -> Result<OrderStep, ParseError> {
    match event.text()? {
        "add" => Ok(OrderStep::Add),
        "modify" => Ok(OrderStep::Modify),
        "delete" => Ok(OrderStep::Delete),
        _ => Err(ParseError::WrongType(event.name)),
    }
}

/// Longest name of an order whose characters fit a number one by one: 37^24 is below 2^126.
const SPELLED_MAX: usize = 24;

/// Longest name of an order.
const NAME_MAX: usize = 32;

/// Set in the number of a name that is not spelled out but hashed.
const HASHED: u128 = 1 << 127;

/// The number of an order's name, `OUMT4-UTEGU-ZYM7E9`. Names of up to 24 characters out of `-`, `0` to `9` and `A` to
/// `Z`, as the venue makes them, are read as a number of base 37 with the digits 1 to 37, so that no two share one.
/// Other names, up to 32 bytes, are hashed (FNV-1a of 128 bits) with the highest bit set: two of them are different
/// numbers as far as a hash can promise.
pub(super) fn order_id(name: &str) -> Option<OrderId> {
    if name.is_empty() || name.len() > NAME_MAX {
        return None;
    }
    let spelled = if name.len() <= SPELLED_MAX { spell(name) } else { None };
    Some(OrderId(spelled.unwrap_or_else(|| hash(name))))
}

fn spell(name: &str) -> Option<u128> {
    name.bytes().try_fold(0_u128, |number, byte| {
        let digit = match byte {
            b'-' => 1,
            b'0'..=b'9' => 2 + (byte - b'0'),
            b'A'..=b'Z' => 12 + (byte - b'A'),
            _ => return None,
        };
        Some(number * 37 + u128::from(digit))
    })
}

fn hash(name: &str) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = name.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    hash | HASHED
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// The venue's names become numbers that spell them; names of other lengths and letters are never the same number.
    #[test]
    fn names_of_orders_are_told_apart() {
        let names = [
            "A",
            "AA",
            "AAA",
            "-",
            "--",
            "0",
            "00",
            "-A",
            "A-",
            "OUMT4-UTEGU-ZYM7E9",
            "OUMT4-UTEGU-ZYM7E8",
            "ZZZZZZZZZZZZZZZZZZZZZZZZ",
            "ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "order-ask-1",
            "order-ask-2",
            "a",
            "é",
        ];
        let numbers: HashSet<_> = names.iter().map(|name| order_id(name).unwrap()).collect();
        assert_eq!(numbers.len(), names.len());
        assert_eq!(order_id("-0A"), Some(OrderId(37 * 37 + 2 * 37 + 12)));
        assert!(order_id("ZZZZZZZZZZZZZZZZZZZZZZZZ").unwrap().0 < HASHED);
        assert!(order_id("order-ask-1").unwrap().0 & HASHED != 0);
        assert_eq!(order_id(""), None);
        assert_eq!(order_id(&"A".repeat(33)), None);
    }

    /// The hash is FNV-1a: its published value for one letter.
    #[test]
    fn other_names_are_hashed() {
        assert_eq!(hash("a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964 | HASHED);
    }
}
