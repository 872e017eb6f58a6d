//! Do these updates follow one another? The venues' rules, as five families.
//!
//! A parser normalises each venue's fields: `previous` is the sequence an update follows (an explicit predecessor, or
//! the first number of a range less one), `sequence` the one it brings the book to. What is left of forty venues'
//! rules is the [`Continuity`] family, which the venue hands in. Two questions are asked of it: does an update follow
//! the last one ([`judge`]), and does it join a snapshot that was asked for beside the stream ([`join`]).
//!
//! | family | next is | for example |
//! | --- | --- | --- |
//! | range | a range that leaves nothing out | Binance spot, Gate, KuCoin, MEXC; Gemini overlaps by one |
//! | predecessor | what names the last one | Binance futures, OKX, Bitget, Deribit |
//! | counter | the number after the last | Bybit, Kraken Futures, HitBTC |
//! | connection | anything: judged by who knows the connection | Bitfinex, Coinbase Advanced, dYdX |
//! | unchecked | anything: the venue gives nothing to check | Bitstamp, BitMEX, whole-book venues |
//!
//! # Why an overlap does no harm
//!
//! Quantities are absolute. An update over `previous+1 ..= sequence` carries, for each level that changed in that
//! span, the quantity it has at `sequence`. Applied to a book of any sequence in `previous ..= sequence`, it gives the
//! book at `sequence`: levels changed before are set to their newer value, levels not named did not change. So
//! "follows" needs `previous <= last`, not equality, wherever ranges are sent, and an update that spans the snapshot's
//! sequence joins it.

use touchline_market::{Bug, Continuity, Sequence, planted};

/// Where an update stands to the one before.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Step {
    /// It is the next: apply.
    Next,
    /// It, or what it says, was seen before: drop.
    Stale,
    /// Something between is missing: resync.
    Gap,
}

/// Where an update stands to a snapshot beside the stream.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Join {
    /// The snapshot holds it already: drop.
    Stale,
    /// It continues the snapshot: apply.
    Joins,
    /// Updates between the snapshot and this one are missing: the snapshot is too old for the stream.
    TooOld,
}

/// Does an update from `previous` to `sequence` follow one that ended at `last`?
#[inline]
#[must_use]
pub fn judge(family: Continuity, last: Sequence, previous: Sequence, sequence: Sequence) -> Step {
    let next = match family {
        Continuity::Range => previous <= last && last < sequence,
        Continuity::Predecessor => previous == last,
        Continuity::Counter => last.0.checked_add(1) == Some(sequence.0),
        Continuity::Connection | Continuity::Unchecked => true,
    };
    let unseen = planted(Bug::GapUnseen) && sequence > last || planted(Bug::OldApplied) && sequence < last;
    if next || unseen {
        Step::Next
    } else if sequence <= last {
        Step::Stale
    } else {
        Step::Gap
    }
}

/// Does an update from `previous` to `sequence` join a snapshot of sequence `snapshot`, as the first one after it?
///
/// - `Range`: dropped up to the snapshot; joins if it spans the step beyond: `previous <= snapshot < sequence`.
/// - `Predecessor`: dropped below the snapshot; joins if `previous <= snapshot <= sequence`. That holds the venues'
///   written rule (`U <= L <= u`) and the direct continuation (`pu == L`) that live streams show. An update that
///   ends exactly at the snapshot is applied, not dropped: it changes no level, and the next one names it.
/// - `Counter`: dropped up to the snapshot; joins with the number after it.
/// - `Connection`, `Unchecked`: dropped if it has a sequence and that is not above the snapshot's (venues without
///   a counter send a time instead); joins else.
#[inline]
#[must_use]
pub fn join(family: Continuity, snapshot: Sequence, previous: Sequence, sequence: Sequence) -> Join {
    let stale = match family {
        Continuity::Range | Continuity::Counter => sequence <= snapshot,
        Continuity::Predecessor => sequence < snapshot,
        Continuity::Connection | Continuity::Unchecked => sequence != Sequence(0) && sequence <= snapshot,
    };
    let joins = match family {
        Continuity::Range | Continuity::Predecessor => {
            previous.0 <= snapshot.0.saturating_add(u64::from(planted(Bug::JoinOffByOne)))
        }
        Continuity::Counter => snapshot.0.checked_add(1) == Some(sequence.0),
        Continuity::Connection | Continuity::Unchecked => true,
    };
    if stale {
        Join::Stale
    } else if joins {
        Join::Joins
    } else {
        Join::TooOld
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Continuity::{Connection, Counter, Predecessor, Range, Unchecked};

    /// Each family's rule for a running stream, by a table: family, last, previous, sequence.
    #[test]
    fn running_streams_are_judged_by_their_family() {
        for (family, last, previous, sequence, expected) in [
            (Range, 10, 10, 12, Step::Next),
            (Range, 10, 9, 12, Step::Next), // Overlaps by one.
            (Range, 10, 11, 12, Step::Gap),
            (Range, 10, 8, 10, Step::Stale),
            (Range, 10, 5, 9, Step::Stale),
            (Predecessor, 10, 10, 900, Step::Next),
            (Predecessor, 10, 10, 10, Step::Next), // A keep-alive names itself.
            (Predecessor, 10, 10, 3, Step::Next),  // The venue began anew and says so.
            (Predecessor, 10, 9, 12, Step::Gap),
            (Predecessor, 10, 11, 12, Step::Gap),
            (Predecessor, 10, 8, 9, Step::Stale),
            (Predecessor, 10, 9, 10, Step::Stale),
            (Counter, 10, 0, 11, Step::Next),
            (Counter, 10, 0, 12, Step::Gap),
            (Counter, 10, 0, 10, Step::Stale),
            (Counter, u64::MAX, 0, 0, Step::Stale),
            (Connection, 10, 99, 5, Step::Next),
            (Unchecked, 10, 0, 0, Step::Next),
        ] {
            let step = judge(family, Sequence(last), Sequence(previous), Sequence(sequence));
            assert_eq!(step, expected, "{family:?}: {previous}..{sequence} after {last}");
        }
    }

    /// Each family's rule for the first update after a snapshot, by a table: family, snapshot, previous, sequence.
    #[test]
    fn snapshots_are_joined_by_their_family() {
        for (family, snapshot, previous, sequence, expected) in [
            (Range, 10, 10, 12, Join::Joins),
            (Range, 10, 4, 12, Join::Joins),
            (Range, 10, 8, 10, Join::Stale),
            (Range, 10, 11, 12, Join::TooOld),
            (Predecessor, 10, 4, 12, Join::Joins),
            (Predecessor, 10, 10, 12, Join::Joins), // Continues the snapshot directly.
            (Predecessor, 10, 4, 10, Join::Joins),  // Ends at the snapshot: applied.
            (Predecessor, 10, 4, 9, Join::Stale),
            (Predecessor, 10, 11, 12, Join::TooOld),
            (Counter, 10, 0, 11, Join::Joins),
            (Counter, 10, 0, 10, Join::Stale),
            (Counter, 10, 0, 12, Join::TooOld),
            (Counter, u64::MAX, 0, 0, Join::Stale),
            (Connection, 10, 0, 11, Join::Joins),
            (Unchecked, 10, 0, 10, Join::Stale),
            (Unchecked, 10, 0, 0, Join::Joins),
        ] {
            let join = join(family, Sequence(snapshot), Sequence(previous), Sequence(sequence));
            assert_eq!(join, expected, "{family:?}: {previous}..{sequence} on {snapshot}");
        }
    }
}
