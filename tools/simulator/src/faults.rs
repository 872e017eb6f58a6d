//! What can go wrong on purpose: by probability, or by a direct command.

use std::time::Duration;

use serde::Deserialize;
use touchline_venue::exchange::Rules;

use crate::random::Random;

/// Probabilities, each from 0 to 1 and 0 unless set. Those of one occasion exclude each other: their sum is at most 1.
/// Everything is drawn from the seed of the connection, so that the same seed and messages give the same faults.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// A message is lost.
    pub drop: f64,
    /// A message comes twice.
    pub duplicate: f64,
    /// A message comes after the next one of its stream.
    pub reorder: f64,
    /// A quantity is not the true one. Only a venue with checksums lets a client find that out.
    pub corrupt: f64,
    /// A checksum is not the book's, and the levels are true. Nothing happens to a message without one.
    pub checksum: f64,
    /// A book message carries a bid above the best ask, which is not in the true book.
    pub cross: f64,
    /// A message is written otherwise but says the same: other order of fields, white space, an unknown field.
    pub harmless: f64,
    /// A message is not what it should be: cut, a field of another type, a field missing, no JSON.
    pub garbage: f64,
    /// Data stops; pings are answered and requests acknowledged.
    pub stall: f64,
    /// How long a stall lasts, ms.
    pub stall_ms: u64,
    /// The connection ends in order, without a close frame.
    pub fin: f64,
    /// The connection is reset.
    pub reset: f64,
    /// The connection ends in the middle of a frame.
    pub mid_frame: f64,
    /// The connection stays open and is dead.
    pub half_open: f64,
    /// A close frame comes.
    pub close: f64,
    /// Its code.
    pub close_code: u16,
    /// A message comes in several frames, with a ping between.
    pub fragment: f64,
    /// A message comes a few bytes at a time.
    pub drip: f64,
    /// How many bytes every 50 ms.
    pub drip_bytes: usize,
    /// A frame claims to be larger than any could be.
    pub oversize: f64,
    /// A frame breaks the rules: reserved bits, unknown opcode, masked, long control frame, no UTF-8.
    pub bad_frame: f64,
    /// Pings come in masses.
    pub ping_flood: f64,
    /// How many.
    pub pings: u32,
    /// The venue's sequence begins anew; drawn for each book message of the market.
    pub reset_sequence: f64,
    /// The book is locked for one message; drawn for each book message of the market.
    pub lock: f64,
    /// A subscription is refused.
    pub refuse: f64,
    /// A subscription is not answered.
    pub unanswered: f64,
    /// A subscription is acknowledged and stays silent.
    pub silent: f64,
    /// A subscription's data comes, and no acknowledgement.
    pub ack_lost: f64,
    /// A stream begins without its snapshot, where it has one.
    pub snapshot_lost: f64,
    /// A snapshot is old.
    pub snapshot_stale: f64,
    /// How old, in messages of its symbol.
    pub stale_messages: usize,
    /// A snapshot comes late; one in the stream behind changes that came at once.
    pub snapshot_late: f64,
    /// How late, ms.
    pub late_ms: u64,
    /// A snapshot fails with status 500.
    pub snapshot_error: f64,
    /// A snapshot is an HTML page with status 200.
    pub snapshot_html: f64,
    /// A snapshot is cut in the middle of its body.
    pub snapshot_cut: f64,
    /// A snapshot is another symbol's.
    pub snapshot_other: f64,
    /// A snapshot is refused with 429 and `Retry-After`.
    pub snapshot_limited: f64,
    /// An upgrade is refused with 503.
    pub upgrade_error: f64,
    /// An upgrade is refused with 429 and `Retry-After`.
    pub upgrade_limited: f64,
    /// An upgrade succeeds and the connection ends at once.
    pub upgrade_dropped: f64,
    /// What `Retry-After` says, s.
    pub retry_after_s: u64,
}

impl Default for Faults {
    /// Nothing goes wrong; durations and counts have usable values.
    fn default() -> Self {
        Self {
            drop: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            corrupt: 0.0,
            checksum: 0.0,
            cross: 0.0,
            harmless: 0.0,
            garbage: 0.0,
            stall: 0.0,
            stall_ms: 12_000,
            fin: 0.0,
            reset: 0.0,
            mid_frame: 0.0,
            half_open: 0.0,
            close: 0.0,
            close_code: 1_012,
            fragment: 0.0,
            drip: 0.0,
            drip_bytes: 1,
            oversize: 0.0,
            bad_frame: 0.0,
            ping_flood: 0.0,
            pings: 2_000,
            reset_sequence: 0.0,
            lock: 0.0,
            refuse: 0.0,
            unanswered: 0.0,
            silent: 0.0,
            ack_lost: 0.0,
            snapshot_lost: 0.0,
            snapshot_stale: 0.0,
            stale_messages: 20,
            snapshot_late: 0.0,
            late_ms: 1_000,
            snapshot_error: 0.0,
            snapshot_html: 0.0,
            snapshot_cut: 0.0,
            snapshot_other: 0.0,
            snapshot_limited: 0.0,
            upgrade_error: 0.0,
            upgrade_limited: 0.0,
            upgrade_dropped: 0.0,
            retry_after_s: 1,
        }
    }
}

/// A fault of one message on one connection.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MessageFault {
    /// Lost.
    Drop,
    /// Sent twice.
    Duplicate,
    /// Sent after the next one of its stream.
    Reorder,
    /// With a quantity that is not true.
    Corrupt,
    /// With a checksum that is not the book's (a message without one is sent as it is).
    Checksum,
    /// With a bid above the best ask (book messages; another is sent as it is).
    Cross,
    /// Written otherwise, saying the same.
    Harmless,
    /// Not what it should be.
    Garbage,
    /// In several frames.
    Fragment,
    /// A few bytes at a time.
    Drip,
    /// Preceded by a frame that claims 2^63 bytes.
    Oversize,
    /// Preceded by a frame that breaks the rules.
    BadFrame,
    /// Preceded by pings in masses.
    PingFlood,
    /// Data stops.
    Stall,
    /// The connection ends instead.
    End(End),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum End {
    /// In order (FIN), without a close frame.
    Fin,
    /// By reset (RST).
    Reset,
    /// In the middle of a frame, then FIN.
    MidFrame,
    /// Not at all: nothing is read or written any more.
    HalfOpen,
    /// With a close frame of this code.
    Close(u16),
}

/// What becomes of a subscription.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Subscribing {
    /// Acknowledged, and data comes.
    #[default]
    Normal,
    /// Data comes, and no acknowledgement.
    AckLost,
    /// The snapshot of a stream that begins with one comes after so many ms, behind changes that come at once.
    SnapshotLate(u64),
    /// A stream that should begin with a snapshot begins without.
    SnapshotLost,
    /// Refused: an unknown symbol.
    Refused,
    /// Refused: an invalid request.
    Invalid,
    /// Never answered.
    Unanswered,
    /// Acknowledged, and silent.
    Silent,
}

/// What becomes of a REST request.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RestFault {
    /// This status, with the venue's words in JSON. 429 and 418 hold further requests back until `retry_after`.
    Status {
        /// The status.
        code: u16,
        /// What `Retry-After` says, s; no such line without.
        retry_after_s: Option<u64>,
    },
    /// A page in HTML, with this status.
    Html(u16),
    /// The body ends in the middle, and so does the connection.
    Cut,
    /// The book as it was so many messages ago.
    Stale(usize),
    /// Answered after so many ms.
    Late(u64),
    /// Another symbol's book.
    OtherSymbol,
    /// The connection is reset instead.
    Reset,
}

/// What becomes of an attempt to connect.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum HandshakeFault {
    /// This status instead of 101. 429 and 418 hold further attempts back until `retry_after`.
    Status {
        /// The status.
        code: u16,
        /// What `Retry-After` says, s; no such line without.
        retry_after_s: Option<u64>,
    },
    /// A page in HTML with status 200.
    Html,
    /// A redirect to another host.
    Redirect,
    /// A head that never ends.
    Endless,
    /// 101 with a wrong `Sec-WebSocket-Accept`.
    BadAccept,
    /// 101 with an extension nobody asked for.
    Extension,
    /// 101 after so many ms.
    Late(u64),
    /// 101, a byte every 50 ms.
    Drip,
    /// 101, then FIN at once.
    Dropped,
    /// The connection is cut after the first bytes of the client, in the TLS handshake where there is one.
    Cut,
}

/// What was done, for counting.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum FaultKind {
    /// To a message.
    Message(MessageFault),
    /// To a subscription.
    Subscribing(Subscribing),
    /// To a REST request.
    Rest(RestFault),
    /// To an attempt to connect.
    Handshake(HandshakeFault),
    /// The sequence began anew.
    ResetSequence,
    /// The book was locked.
    Lock,
    /// A notice that the venue will close.
    Shutdown,
}

impl Faults {
    /// Draws for a message on a connection.
    pub(crate) fn message(&self, random: &mut Random) -> Option<MessageFault> {
        pick(
            random,
            &[
                (self.drop, MessageFault::Drop),
                (self.duplicate, MessageFault::Duplicate),
                (self.reorder, MessageFault::Reorder),
                (self.corrupt, MessageFault::Corrupt),
                (self.checksum, MessageFault::Checksum),
                (self.cross, MessageFault::Cross),
                (self.harmless, MessageFault::Harmless),
                (self.garbage, MessageFault::Garbage),
                (self.fragment, MessageFault::Fragment),
                (self.drip, MessageFault::Drip),
                (self.oversize, MessageFault::Oversize),
                (self.bad_frame, MessageFault::BadFrame),
                (self.ping_flood, MessageFault::PingFlood),
                (self.stall, MessageFault::Stall),
                (self.fin, MessageFault::End(End::Fin)),
                (self.reset, MessageFault::End(End::Reset)),
                (self.mid_frame, MessageFault::End(End::MidFrame)),
                (self.half_open, MessageFault::End(End::HalfOpen)),
                (self.close, MessageFault::End(End::Close(self.close_code))),
            ],
        )
    }

    /// Draws for a request to subscribe, of a venue by these rules.
    pub(crate) fn subscribing(&self, rules: &Rules, random: &mut Random) -> Option<Subscribing> {
        let only = |applies: bool, probability: f64| if applies { probability } else { 0.0 };
        let kinds = [
            (self.refuse, Subscribing::Refused),
            (self.unanswered, Subscribing::Unanswered),
            (self.silent, Subscribing::Silent),
            (self.ack_lost, Subscribing::AckLost),
            (only(rules.snapshots_in_stream, self.snapshot_late), Subscribing::SnapshotLate(self.late_ms)),
            (only(rules.snapshots_in_stream, self.snapshot_lost), Subscribing::SnapshotLost),
        ];
        pick(random, &kinds)
    }

    /// Draws for a snapshot.
    pub(crate) fn snapshot(&self, random: &mut Random) -> Option<RestFault> {
        let limited = RestFault::Status { code: 429, retry_after_s: Some(self.retry_after_s) };
        let kinds = [
            (self.snapshot_stale, RestFault::Stale(self.stale_messages)),
            (self.snapshot_late, RestFault::Late(self.late_ms)),
            (self.snapshot_error, RestFault::Status { code: 500, retry_after_s: None }),
            (self.snapshot_html, RestFault::Html(200)),
            (self.snapshot_cut, RestFault::Cut),
            (self.snapshot_other, RestFault::OtherSymbol),
            (self.snapshot_limited, limited),
        ];
        pick(random, &kinds)
    }

    /// Draws for an attempt to connect.
    pub(crate) fn handshake(&self, random: &mut Random) -> Option<HandshakeFault> {
        let limited = HandshakeFault::Status { code: 429, retry_after_s: Some(self.retry_after_s) };
        let kinds = [
            (self.upgrade_error, HandshakeFault::Status { code: 503, retry_after_s: None }),
            (self.upgrade_limited, limited),
            (self.upgrade_dropped, HandshakeFault::Dropped),
        ];
        pick(random, &kinds)
    }

    /// How long a stall lasts.
    pub(crate) fn stall_for(&self) -> Duration {
        Duration::from_millis(self.stall_ms)
    }
}

/// One draw decides among kinds that exclude each other; none is drawn where all are impossible.
fn pick<T: Copy>(random: &mut Random, kinds: &[(f64, T)]) -> Option<T> {
    if kinds.iter().all(|(probability, _)| *probability <= 0.0) {
        return None;
    }
    let mut left = random.unit();
    for (probability, kind) in kinds {
        if left < *probability {
            return Some(*kind);
        }
        left -= probability.max(0.0);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shares are those asked for, the same seed decides the same, and nothing is drawn while nothing can happen.
    #[test]
    fn shares_are_as_asked_and_by_seed() {
        let faults = Faults { drop: 0.1, garbage: 0.2, ..Faults::default() };
        let run = |seed| {
            let mut random = Random::new(seed);
            (0..10_000).map(|_| faults.message(&mut random)).collect::<Vec<_>>()
        };
        let drawn = run(1);
        let share = |kind| drawn.iter().filter(|fault| **fault == Some(kind)).count();
        assert!((900..1_100).contains(&share(MessageFault::Drop)));
        assert!((1_850..2_150).contains(&share(MessageFault::Garbage)));
        assert_eq!(drawn, run(1));
        assert_ne!(drawn, run(2));
        let mut random = Random::new(1);
        assert!((0..100).all(|_| Faults::default().message(&mut random).is_none()));
        assert_eq!(random.bits(), Random::new(1).bits());
    }
}
