//! Which faults happened, and whether all did.

use std::collections::BTreeMap;

use touchline_simulator::{End, FaultKind, HandshakeFault, MessageFault, RestFault, Subscribing};

/// How often something happened, by name.
pub type Marks = BTreeMap<&'static str, u64>;

/// The least that many seeds together must show of each.
pub const LEAST: u64 = 10;

/// Everything that many seeds together must show.
pub const EXPECTED: &[&str] = &[
    "dropped",
    "duplicate",
    "corrupt",
    "checksum",
    "reordered",
    "crossed",
    "harmless",
    "garbage",
    "fragmented",
    "dripped",
    "oversize",
    "bad frame",
    "ping flood",
    "stalled",
    "end: fin",
    "end: reset",
    "end: in a frame",
    "end: half-open",
    "end: close",
    "unreachable",
    "handshake: status",
    "handshake: limited",
    "handshake: dropped",
    "subscription refused",
    "subscription unanswered",
    "subscription silent",
    "acknowledgement lost",
    "stream snapshot late",
    "stream snapshot lost",
    "snapshot late",
    "snapshot old",
    "snapshot error",
    "snapshot html",
    "snapshot cut",
    "snapshot other",
    "snapshot limited",
    "sequence reset",
    "locked",
    "builder paused",
    "ring overrun",
    "shutdown notice",
    "lifetime",
    "quiet market",
    "hand-over",
    "request timed out",
    "hole filled by a path",
    "path killed",
    "connection lost, books LIVE",
];

/// The name of what an exchange did.
#[must_use]
pub const fn name(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Message(message) => of_message(message),
        FaultKind::Subscribing(how) => match how {
            Subscribing::Normal => "subscription normal",
            Subscribing::Refused | Subscribing::Invalid => "subscription refused",
            Subscribing::Unanswered => "subscription unanswered",
            Subscribing::Silent => "subscription silent",
            Subscribing::AckLost => "acknowledgement lost",
            Subscribing::SnapshotLate(_) => "stream snapshot late",
            Subscribing::SnapshotLost => "stream snapshot lost",
        },
        FaultKind::Rest(rest) => match rest {
            RestFault::Status { code: 429 | 418, .. } => "snapshot limited",
            RestFault::Status { .. } => "snapshot error",
            RestFault::Html(_) => "snapshot html",
            RestFault::Cut => "snapshot cut",
            RestFault::Stale(_) => "snapshot old",
            RestFault::Late(_) => "snapshot late",
            RestFault::OtherSymbol => "snapshot other",
            RestFault::Reset => "snapshot reset",
        },
        FaultKind::Handshake(handshake) => match handshake {
            HandshakeFault::Status { code: 429 | 418, .. } => "handshake: limited",
            HandshakeFault::Status { .. } => "handshake: status",
            HandshakeFault::Dropped => "handshake: dropped",
            _ => "handshake: other",
        },
        FaultKind::ResetSequence => "sequence reset",
        FaultKind::Lock => "locked",
        FaultKind::Shutdown => "shutdown notice",
    }
}

const fn of_message(fault: MessageFault) -> &'static str {
    match fault {
        MessageFault::Drop => "dropped",
        MessageFault::Duplicate => "duplicate",
        MessageFault::Reorder => "reordered",
        MessageFault::Corrupt => "corrupt",
        MessageFault::Checksum => "checksum",
        MessageFault::Cross => "crossed",
        MessageFault::Harmless => "harmless",
        MessageFault::Garbage => "garbage",
        MessageFault::Fragment => "fragmented",
        MessageFault::Drip => "dripped",
        MessageFault::Oversize => "oversize",
        MessageFault::BadFrame => "bad frame",
        MessageFault::PingFlood => "ping flood",
        MessageFault::Stall => "stalled",
        MessageFault::End(End::Fin) => "end: fin",
        MessageFault::End(End::Reset) => "end: reset",
        MessageFault::End(End::MidFrame) => "end: in a frame",
        MessageFault::End(End::HalfOpen) => "end: half-open",
        MessageFault::End(End::Close(_)) => "end: close",
    }
}

/// What was seen too seldom.
#[must_use]
pub fn missing(marks: &Marks) -> Vec<&'static str> {
    let seen = |name: &&&'static str| marks.get(**name).copied().unwrap_or_default() < LEAST;
    EXPECTED.iter().filter(seen).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is missing is named; what an exchange does has a name that can be expected.
    #[test]
    fn what_is_missing_is_named() {
        let mut marks: Marks = EXPECTED.iter().map(|name| (*name, LEAST)).collect();
        assert!(missing(&marks).is_empty());
        marks.insert(name(FaultKind::Message(MessageFault::Drop)), LEAST - 1);
        assert_eq!(missing(&marks), ["dropped"]);
    }
}
