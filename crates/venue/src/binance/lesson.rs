//! Which fields of a message change: what its shape is learned by.

use touchline_json::Value;
use touchline_json::shape::Part;
use touchline_market::UpdateKind;

use super::fields::{Fields, stamp_unit};
use crate::learned::{ASK, ASK_QTY, ASKS, BIDS, Lesson, PREVIOUS, PRICE, QTY, SEQUENCE, STAMP};

/// What is to be said of a message that became an update of this kind; `None` for kinds that are rare, or whose messages
/// name their instrument in the stream alone.
pub(super) fn lesson<'a>(
    fields: &Fields<'a>,
    event: Value<'a>,
    kind: UpdateKind,
    is_combined: bool,
    is_range: bool,
) -> Option<Lesson<'a>> {
    let symbol = fields.symbol().text()?;
    let mut named = match kind {
        UpdateKind::Bbo => {
            vec![("u", SEQUENCE), ("b", PRICE), ("B", QTY), ("a", ASK), ("A", ASK_QTY)]
        }
        UpdateKind::Trade => {
            let mut named = vec![("p", PRICE), ("q", QTY), ("m", Part::Flag)];
            // `a` is the number of an aggregate, and of an order of a single trade.
            if fields.event().text() == Some("aggTrade") {
                named.extend([("a", SEQUENCE), ("f", Part::Digits), ("l", Part::Digits)]);
            } else {
                named.extend([("t", SEQUENCE), ("a", Part::Digits), ("b", Part::Digits)]);
            }
            named
        }
        UpdateKind::Delta if is_range => {
            vec![("u", SEQUENCE), ("U", PREVIOUS), ("b", BIDS), ("a", ASKS)]
        }
        UpdateKind::Delta => {
            vec![("u", SEQUENCE), ("pu", PREVIOUS), ("U", Part::Digits), ("b", BIDS), ("a", ASKS)]
        }
        UpdateKind::Depth => {
            let digits = Part::Digits;
            vec![("u", SEQUENCE), ("pu", digits), ("U", digits), ("b", BIDS), ("a", ASKS)]
        }
        _ => return None,
    };
    let (stamp, other) = if fields.match_time().is_some() { ("T", "E") } else { ("E", "T") };
    named.extend([(stamp, STAMP), (other, Part::Digits)]);
    // Some of them are sent on some streams only.
    named.retain(|(name, _)| event.object().is_some_and(|mut fields| fields.any(|(key, _)| key == *name)));
    let inside = is_combined.then_some("data");
    let stamp_unit = stamp_unit(fields.stamp_number()?);
    Some(Lesson { inside, fields: named, symbol, is_range, stamp_unit })
}
