//! Streams without numbers that tie one update to the next: is the snapshot's place in the stream proven?
//!
//! Such a venue stamps updates and snapshots with a time. An update later than a snapshot follows it only if nothing
//! lies between them, and nothing but the stream itself can say so: it must have been heard at or before the
//! snapshot's time. If the first update ever heard is later, others may have been sent between the two, before the
//! subscription took effect.
//!
//! Then the book is in doubt: its levels follow the stream, its state stays what it was, copies of what it applies are
//! kept, and another snapshot is wanted. One from the first update on is proven, and is loaded under the copies that
//! are newer than it.

use touchline_market::{Continuity, Head, Record, Sequence, State};

use super::{Keeper, Outcome, Phase};

/// How a snapshot stands to what was heard of the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reach {
    /// Nothing speaks against it.
    Sound,
    /// The stream was first heard after it.
    Doubtful,
    /// An update after it was heard and is not there any more.
    TooOld,
}

impl Keeper {
    /// Do sequences only order the updates, without saying which follows which?
    pub(super) fn is_unnumbered(&self) -> bool {
        matches!(self.config.continuity, Continuity::Connection | Continuity::Unchecked)
    }

    /// How a snapshot of this sequence stands to the kept deltas and those heard before them.
    pub(super) fn reach(&self, snapshot: Sequence) -> Reach {
        if !self.is_unnumbered() || snapshot == Sequence(0) {
            return Reach::Sound;
        }
        let first = self.buffer.first().unwrap_or_default();
        if self.heard > snapshot {
            Reach::TooOld
        } else if self.heard == Sequence(0) && first > snapshot {
            Reach::Doubtful
        } else {
            Reach::Sound
        }
    }

    /// Is this the first delta ever heard of the stream, and newer than the snapshot that it should join?
    pub(super) fn is_first_heard(&self, head: &Head) -> bool {
        self.is_unnumbered()
            && self.heard == Sequence(0)
            && self.last != Sequence(0)
            && head.sequence != Sequence(0)
            && !self.state.is_live()
    }

    /// A delta was heard that will not be there for a later snapshot.
    pub(super) fn hear(&mut self, sequence: Sequence) {
        self.heard = self.heard.max(sequence);
    }

    /// All that the levels hold was heard, unless they are a snapshot's that the stream has not reached.
    pub(super) fn hear_all(&mut self) {
        if !matches!(self.phase, Phase::Joining | Phase::Waiting) {
            self.hear(self.last);
        }
    }

    /// The first delta of a stream: the levels follow it, and nobody knows what was before.
    pub(super) fn begin_doubt<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        self.phase = Phase::Doubtful;
        self.copies.begin(head.sequence, head.ts_recv);
        self.apply(head, body)
    }

    /// A delta of a book in doubt: applied, and copied for the snapshot to come.
    pub(super) fn delta_in_doubt<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let outcome = self.apply(head, body.clone());
        if self.phase == Phase::Doubtful && !self.copies.push(head, body, self.limits()) {
            self.copies.begin(self.last, self.ts_recv);
        }
        outcome
    }

    /// A snapshot for a book in doubt: of use if the stream was heard before it.
    pub(super) fn snapshot_in_doubt<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        if head.sequence < self.copies.from() {
            self.counters.too_old += 1;
            return Outcome::TooOld;
        }
        let outcome = if head.sequence > self.last {
            self.replace(head, body)
        } else {
            self.refresh_by_copies(head, body)
        };
        self.epoch = self.epoch.wrapping_add(u32::from(outcome == Outcome::Applied));
        if self.phase == Phase::Doubtful && outcome == Outcome::Applied {
            (self.phase, self.state) = (Phase::Following, State::Live);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{broken, check, keeper};
    use crate::testing::{at, beside, delta, in_stream};
    use crate::{Keeper, KeeperConfig, Outcome};
    use touchline_market::{Continuity, Reason, State};

    const LIVE: State = State::Live;
    const SYNCING: State = State::Syncing;
    const UNNUMBERED: [Continuity; 2] = [Continuity::Connection, Continuity::Unchecked];

    /// A stream heard before the snapshot, kept or dropped as older, proves it, as an update at its very time does.
    #[test]
    fn stream_heard_before_the_snapshot_proves_it() {
        for family in UNNUMBERED {
            let (old, exact, new) =
                (delta(0, 40, &[(4, 4)], &[]), delta(0, 50, &[], &[]), delta(0, 60, &[(6, 6)], &[]));
            let snapshot = beside(50, &[(5, 5)], &[(9, 9)]);
            for order in [
                [&old, &snapshot, &new],
                [&snapshot, &old, &new],
                [&exact, &snapshot, &new],
                [&snapshot, &exact, &new],
                [&old, &new, &snapshot],
            ] {
                let mut book = keeper(family);
                for message in order {
                    book.take(message);
                }
                assert_eq!((book.state(), book.wants_snapshot()), (LIVE, false), "{family:?}");
                assert_eq!(book.shown()[0], [(6, 6), (5, 5)]);
                assert!(book.counters().balance(0));
            }
        }
    }

    /// The first delta ever heard is newer than the snapshot: its levels are applied, and the book is not live, however
    /// long it goes on; whether the delta came before the snapshot or after makes no difference.
    #[test]
    fn first_delta_after_the_snapshot_leaves_it_in_doubt() {
        for family in UNNUMBERED {
            for kept in [true, false] {
                let mut book = keeper(family);
                let (snapshot, first) = (beside(50, &[(5, 5)], &[(9, 9)]), delta(0, 60, &[(6, 6)], &[]));
                let (a, b) = if kept { (first, snapshot) } else { (snapshot, first) };
                book.take(&a);
                check(
                    &mut book,
                    &[
                        (b, Outcome::Applied, SYNCING),
                        (delta(0, 70, &[(7, 7)], &[]), Outcome::Applied, SYNCING),
                        (delta(0, 80, &[(5, 0)], &[]), Outcome::Applied, SYNCING),
                        (beside(59, &[(1, 1)], &[]), Outcome::TooOld, SYNCING),
                    ],
                );
                assert!(book.wants_snapshot());
                assert_eq!((book.shown()[0].as_slice(), book.sequence().0), (&[(7, 7), (6, 6)][..], 80));
                assert_eq!((book.epoch(), book.buffered()), (1, 0));
            }
        }
    }

    /// The snapshot that was asked for again is loaded under the deltas newer than it, wherever it lies among them, and
    /// the book is live at its newest delta.
    #[test]
    fn later_snapshot_is_loaded_under_what_was_applied() {
        for family in UNNUMBERED {
            for (sequence, bids) in [
                (60, &[(8, 8), (7, 7), (1, 1)][..]),
                (65, &[(8, 8), (7, 7), (1, 1)]),
                (70, &[(8, 8), (1, 1)]),
                (80, &[(1, 1)]),
            ] {
                let mut book = keeper(family);
                for message in [
                    beside(50, &[(5, 5)], &[(9, 9)]),
                    delta(0, 60, &[(6, 6)], &[]),
                    delta(0, 70, &[(7, 7)], &[]),
                    delta(0, 80, &[(8, 8)], &[]),
                ] {
                    book.take(&message);
                }
                check(&mut book, &[(beside(sequence, &[(1, 1)], &[(9, 9)]), Outcome::Applied, LIVE)]);
                assert_eq!((book.shown()[0].as_slice(), book.sequence().0), (bids, 80), "{sequence}");
                assert_eq!((book.epoch(), book.counters().updates), (2, 3));
                check(&mut book, &[(delta(0, 90, &[(1, 0)], &[]), Outcome::Applied, LIVE)]);
            }
        }
    }

    /// A snapshot newer than all that was heard waits for the stream, and needs no other one.
    #[test]
    fn snapshot_ahead_of_a_book_in_doubt_waits_for_the_stream() {
        let mut book = keeper(Continuity::Unchecked);
        check(
            &mut book,
            &[
                (beside(50, &[(5, 5)], &[(9, 9)]), Outcome::Applied, SYNCING),
                (delta(0, 60, &[(6, 6)], &[]), Outcome::Applied, SYNCING),
                (beside(75, &[(1, 1)], &[(9, 9)]), Outcome::Applied, SYNCING),
                (delta(0, 70, &[(7, 7)], &[]), Outcome::Stale, SYNCING),
            ],
        );
        assert!(!book.wants_snapshot());
        check(&mut book, &[(delta(0, 80, &[(8, 8)], &[]), Outcome::Applied, LIVE)]);
        assert_eq!((book.shown()[0].as_slice(), book.epoch()), (&[(8, 8), (1, 1)][..], 2));
    }

    /// A break ends what was heard: the same stream has to be heard before the next snapshot again, and the reason of
    /// the break stays until it is.
    #[test]
    fn break_ends_what_was_heard() {
        let mut book = keeper(Continuity::Unchecked);
        let stale = State::Stale(Reason::Disconnected);
        check(
            &mut book,
            &[
                (delta(0, 40, &[], &[]), Outcome::Buffered, SYNCING),
                (beside(50, &[(5, 5)], &[]), Outcome::Applied, SYNCING),
                (delta(0, 60, &[(6, 6)], &[]), Outcome::Applied, LIVE),
                (broken(Reason::Disconnected), Outcome::Broken, stale),
                (beside(65, &[(5, 5)], &[]), Outcome::Applied, stale),
                (delta(0, 70, &[(7, 7)], &[]), Outcome::Applied, stale),
                (broken(Reason::SnapshotLate), Outcome::Broken, State::Stale(Reason::SnapshotLate)),
                (beside(70, &[(7, 7)], &[]), Outcome::Applied, LIVE),
            ],
        );
    }

    /// A crossed book was heard up to there: an older snapshot cannot be used, one from there on can.
    #[test]
    fn crossed_book_needs_a_snapshot_not_older_than_it() {
        let mut book = keeper(Continuity::Unchecked);
        let crossed = State::Stale(Reason::Crossed);
        check(
            &mut book,
            &[
                (in_stream(50, &[(5, 5)], &[(9, 9)]), Outcome::Applied, LIVE),
                (delta(0, 60, &[(10, 1)], &[]), Outcome::Applied, crossed),
                (delta(0, 70, &[(7, 7)], &[]), Outcome::Buffered, crossed),
                (beside(59, &[(5, 5)], &[(9, 9)]), Outcome::TooOld, crossed),
                (beside(60, &[(5, 5)], &[(9, 9)]), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!(book.shown()[0], [(7, 7), (5, 5)]);
    }

    /// More deltas than may be copied: from then on only a snapshot newer than them is of use.
    #[test]
    fn copies_of_a_book_in_doubt_are_bounded() {
        let config =
            KeeperConfig { continuity: Continuity::Unchecked, buffer_messages: 3, ..KeeperConfig::default() };
        let mut book = Keeper::new(&config);
        book.take(&beside(50, &[(5, 5)], &[]));
        for n in 0..6 {
            book.take(&at(n, delta(0, 60 + n, &[(6, n + 1)], &[])));
        }
        // The first and what it brought on; the fifth began anew.
        check(
            &mut book,
            &[
                (beside(63, &[(1, 1)], &[]), Outcome::TooOld, SYNCING),
                (beside(64, &[(1, 1)], &[]), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!(book.shown()[0], [(6, 6), (1, 1)]);
    }
}
