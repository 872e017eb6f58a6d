//! Copies of the deltas that a live book applies, for a snapshot that is to refresh its depth and comes late.
//!
//! On a fast stream such a snapshot is older than the book when it comes: the stream went on while it was on its way.
//! So from the request on ([`Keeper::expect_refresh`]) every applied delta is also copied. A snapshot between the
//! book's sequence at the request and its sequence now is loaded, and the copies newer than it are applied on top, in
//! the same call: quantities are absolute, so the book is again the venue's at its sequence, with every level the
//! snapshot knows. An older one is ignored: what lies between it and the first copy is not there.
//!
//! The copies are no messages of their own: no counter knows them. They are given up with the state, with the answer,
//! when they reach the limits of the buffer, after fifteen seconds, and where the venue begins its numbers anew.

use touchline_market::{Head, Nanos, Record, Sequence};

use super::buffer::Buffer;
use super::join::is_after;
use super::trailer::cut_and_check;
use super::{Checked, Keeper, Outcome, Phase};
use crate::BookError;
use crate::continuity::{Join, join};

/// How long copies are kept for a snapshot that does not come.
const EXPECTED_WITHIN_NS: u64 = 15_000_000_000;

/// Every delta applied since a sequence.
#[derive(Clone, Debug, Default)]
pub(super) struct Copies {
    deltas: Buffer,
    /// Where the book was at the request.
    from: Sequence,
    /// When that was.
    since: Nanos,
}

impl Copies {
    /// Begins anew, for snapshots from this sequence on.
    pub(super) fn begin(&mut self, from: Sequence, since: Nanos) {
        self.deltas.clear();
        (self.from, self.since) = (from, since);
    }

    /// Takes deltas that are kept already, and gives room for others in return.
    pub(super) fn swap(&mut self, kept: &mut Buffer) {
        std::mem::swap(&mut self.deltas, kept);
        self.from = self.deltas.first().unwrap_or_default();
    }

    /// The oldest sequence of a snapshot that the copies lead on from.
    pub(super) fn from(&self) -> Sequence {
        self.from
    }

    /// Adds a delta unless that exceeds one of the limits.
    pub(super) fn push<'a>(
        &mut self,
        head: &Head,
        body: impl Iterator<Item = &'a Record>,
        limits: (usize, usize),
    ) -> bool {
        self.deltas.push(head, body, limits)
    }
}

impl Keeper {
    /// A snapshot with [`Flags::REFRESH`](touchline_market::Flags::REFRESH) is being asked for: from now on the book
    /// keeps copies of what it applies, so that it can use the snapshot even if that is older than the book when it
    /// comes.
    ///
    /// Changes nothing unless the book is LIVE and follows its stream by number, nor while copies or a snapshot are
    /// kept already. The copies stay within the limits of the buffer, and for fifteen seconds at most.
    pub fn expect_refresh(&mut self) {
        // Without numbers nothing says where the snapshot belongs.
        if self.phase == Phase::Following && self.state.is_live() && self.last != Sequence(0) {
            self.phase = Phase::Recording;
            self.copies.begin(self.last, self.ts_recv);
        }
    }

    /// Applies the next delta, and copies it if the book is still live with it.
    pub(super) fn apply_and_copy<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        // The venue may begin its numbers anew: then the snapshot may belong before or after that.
        if head.sequence < self.last || is_after(EXPECTED_WITHIN_NS, self.copies.since, head) {
            self.drop_refresh();
            return self.apply(head, body);
        }
        let outcome = self.apply(head, body.clone());
        if self.phase == Phase::Recording && !self.copies.push(head, body, self.limits()) {
            self.drop_refresh();
        }
        outcome
    }

    /// The snapshot that copies are kept for, not newer than the book: its levels with the newer copies on top.
    ///
    /// A snapshot that proves invalid is counted as rejected, and the levels stay. A copy that cannot be applied to
    /// the snapshot's levels (they may be too many together) leaves the book stale.
    pub(super) fn refresh_by_copies<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        if head.sequence < self.copies.from {
            self.drop_refresh();
            self.counters.ignored_snapshots += 1;
            return Outcome::Ignored;
        }
        let (last, ts_event) = (self.last, self.ts_event);
        if let Err(error) = self.load(head, body) {
            self.drop_refresh();
            self.counters.rejected += 1;
            return Outcome::Rejected(error);
        }
        let replayed = self.replay_copies(head.sequence);
        (self.last, self.ts_event) = (last, ts_event);
        if let Err(error) = replayed {
            // It counts as rejected, not as loaded.
            self.counters.snapshots -= 1;
            return self.reject(error);
        }
        self.drop_refresh();
        self.judge_levels();
        Outcome::Applied
    }

    /// Applies the copies newer than a snapshot to its levels, if those have the venue's checksum.
    fn replay_copies(&mut self, snapshot: Sequence) -> Result<(), BookError> {
        if self.checked == Checked::Failed {
            return Ok(());
        }
        for (head, body) in self.copies.deltas.messages() {
            if join(self.config.continuity, snapshot, head.previous, head.sequence) != Join::Stale {
                self.book.apply_delta(head, body.iter())?;
                self.checked = cut_and_check(&mut self.book, self.config.checksum, head, body.iter());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{broken, check, keeper};
    use super::*;
    use crate::testing::{Message, at, beside, delta, in_stream, refresh};
    use crate::{BookConfig, Counters, KeeperConfig};
    use touchline_market::{Continuity, Price, Reason, Side, State};

    const LIVE: State = State::Live;
    const SECOND: u64 = 1_000_000_000;

    /// A live book at sequence 5 (bids 10 and 9, ask 20) that expects a refresh.
    fn expecting(config: &KeeperConfig) -> Keeper {
        let mut keeper = Keeper::new(config);
        keeper.take(&at(SECOND, in_stream(5, &[(10, 1), (9, 1)], &[(20, 1)])));
        keeper.expect_refresh();
        keeper
    }

    fn copies(keeper: &Keeper) -> usize {
        keeper.copies.deltas.len()
    }

    /// The snapshot is older than the book: loaded under what came since, in the same epoch, at the same sequence and
    /// the venue's same time. The copies are not counted, neither when they are kept nor when they are replayed.
    #[test]
    fn older_refresh_is_loaded_under_the_copies() {
        let mut book = expecting(&KeeperConfig::default());
        book.expect_refresh();
        let mut newest = at(2 * SECOND, delta(7, 9, &[(8, 0)], &[(20, 4)]));
        newest.0.ts_event = Nanos(77);
        check(
            &mut book,
            &[
                (delta(5, 7, &[(10, 2), (9, 0), (8, 1)], &[]), Outcome::Applied, LIVE),
                (delta(5, 7, &[(1, 1)], &[]), Outcome::Stale, LIVE),
                (newest, Outcome::Applied, LIVE),
            ],
        );
        book.expect_refresh();
        assert_eq!((copies(&book), book.buffered()), (2, 0));
        let snapshot = at(3 * SECOND, refresh(7, &[(10, 2), (8, 1), (7, 7)], &[(20, 1), (30, 3)]));
        check(&mut book, &[(snapshot, Outcome::Applied, LIVE)]);
        assert_eq!(book.shown(), [vec![(10, 2), (7, 7)], vec![(20, 4), (30, 3)]]);
        assert_eq!((book.sequence().0, book.epoch(), copies(&book)), (9, 1, 0));
        assert_eq!((book.ts_event(), book.ts_recv()), (Nanos(77), Nanos(3 * SECOND)));
        assert_eq!(book.book().proven(Side::Bid), 2);
        check(
            &mut book,
            &[
                (refresh(9, &[(1, 1)], &[]), Outcome::Ignored, LIVE),
                (delta(9, 10, &[(6, 6)], &[]), Outcome::Applied, LIVE),
            ],
        );
        let expected = Counters {
            received: 7,
            snapshots: 2,
            updates: 3,
            stale: 1,
            ignored_snapshots: 1,
            ..Counters::default()
        };
        assert_eq!(*book.counters(), expected);
    }

    /// Each bound of what the copies cover, in every family: one step older is ignored, and ends the wait; the book's
    /// own sequence is loaded as it is; a newer one is kept aside and needs no copies.
    #[test]
    fn refresh_is_used_exactly_where_the_copies_cover_it() {
        for family in [
            Continuity::Range,
            Continuity::Predecessor,
            Continuity::Counter,
            Continuity::Connection,
            Continuity::Unchecked,
        ] {
            for (sequence, outcome, bids) in [
                (4, Outcome::Ignored, &[(11, 7), (10, 1), (9, 6)][..]),
                (5, Outcome::Applied, &[(11, 7), (9, 6), (3, 3)]),
                (6, Outcome::Applied, &[(11, 7), (3, 3)]),
                (7, Outcome::Applied, &[(3, 3)]),
                (8, Outcome::Buffered, &[(11, 7), (10, 1), (9, 6)]),
            ] {
                let mut book = expecting(&KeeperConfig { continuity: family, ..KeeperConfig::default() });
                let snapshot = refresh(sequence, &[(3, 3)], &[(20, 1)]);
                check(
                    &mut book,
                    &[
                        (delta(5, 6, &[(9, 6)], &[]), Outcome::Applied, LIVE),
                        (delta(6, 7, &[(11, 7)], &[]), Outcome::Applied, LIVE),
                        (snapshot, outcome, LIVE),
                    ],
                );
                // Where an update that ends at the snapshot joins it, it is applied once more.
                let bids = match (family, sequence) {
                    (Continuity::Predecessor, 6) => &[(11, 7), (9, 6), (3, 3)][..],
                    (Continuity::Predecessor, 7) => &[(11, 7), (3, 3)],
                    _ => bids,
                };
                assert_eq!(book.shown()[0], bids, "{family:?} {sequence}");
                assert_eq!((copies(&book), book.sequence().0), (0, 7));
                assert_eq!(book.phase == Phase::Refreshing, sequence == 8);
            }
        }
    }

    /// Nothing to expect: a book that waits, that has to be joined, or that has no numbers. Nothing to use: a snapshot
    /// that is not for the refresh.
    #[test]
    fn copies_are_kept_only_for_what_can_use_them() {
        let mut waiting = keeper(Continuity::Range);
        let mut joining = keeper(Continuity::Range);
        joining.take(&in_stream(5, &[(1, 1)], &[]));
        joining.take(&beside(7, &[(1, 1)], &[]));
        let mut unnumbered = keeper(Continuity::Connection);
        unnumbered.take(&in_stream(0, &[(1, 1)], &[]));
        for book in [&mut waiting, &mut joining, &mut unnumbered] {
            let before = book.phase;
            book.expect_refresh();
            assert_eq!(book.phase, before);
        }
        let mut book = expecting(&KeeperConfig::default());
        check(
            &mut book,
            &[
                (delta(5, 6, &[(8, 8)], &[]), Outcome::Applied, LIVE),
                (beside(5, &[(1, 1)], &[]), Outcome::Ignored, LIVE),
                (refresh(5, &[(1, 1)], &[]), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!(book.shown()[0], [(8, 8), (1, 1)]);
    }

    /// As many copies as the buffer may hold, by count and by bytes; with one more the refresh is given up, and the
    /// stream goes on as ever.
    #[test]
    fn copies_stay_within_the_limits_of_the_buffer() {
        let by_count = KeeperConfig { buffer_messages: 3, ..KeeperConfig::default() };
        let bytes = 3 * (size_of::<Head>() + size_of::<Record>());
        let by_bytes = KeeperConfig { buffer_bytes: bytes, ..KeeperConfig::default() };
        for config in [by_count, by_bytes] {
            for (deltas, outcome) in [(3, Outcome::Applied), (4, Outcome::Ignored)] {
                let mut book = expecting(&config);
                for n in 5..5 + deltas {
                    check(&mut book, &[(delta(n, n + 1, &[(n as i64, 5)], &[]), Outcome::Applied, LIVE)]);
                }
                assert_eq!(copies(&book), if deltas == 3 { 3 } else { 0 });
                check(&mut book, &[(refresh(6, &[(5, 5), (1, 1)], &[(20, 1)]), outcome, LIVE)]);
                assert_eq!(book.shown()[0].contains(&(1, 1)), deltas == 3);
                assert_eq!((book.counters().overflows, book.counters().dropped), (0, 0));
                check(&mut book, &[(delta(5 + deltas, 99, &[], &[]), Outcome::Applied, LIVE)]);
            }
        }
    }

    /// The snapshot does not come: after fifteen seconds the copies are dropped.
    #[test]
    fn copies_are_dropped_after_fifteen_seconds() {
        for (over, outcome) in [(0, Outcome::Applied), (1, Outcome::Ignored)] {
            let mut book = expecting(&KeeperConfig::default());
            let late = at(SECOND + EXPECTED_WITHIN_NS + over, delta(6, 7, &[(7, 7)], &[]));
            check(
                &mut book,
                &[
                    (delta(5, 6, &[(8, 8)], &[]), Outcome::Applied, LIVE),
                    (late, Outcome::Applied, LIVE),
                    (refresh(6, &[(1, 1)], &[]), outcome, LIVE),
                ],
            );
            assert_eq!(book.counters().ignored_snapshots, over);
        }
    }

    /// Whatever ends the book's life, or replaces its levels, ends the copies: the snapshot that comes then starts the
    /// book as any other does, or is ignored.
    #[test]
    fn copies_are_dropped_with_the_state() {
        let mut short = delta(6, 7, &[(1, 1)], &[]);
        short.1.clear();
        let stale = State::Stale;
        let (left, started, ignored) = (&[(10, 1), (9, 1), (8, 8)][..], &[(3, 3)][..], &[(1, 1)][..]);
        let cases: [(Message, State, Outcome, _); 7] = [
            (delta(8, 9, &[], &[]), stale(Reason::Gap), Outcome::TooOld, left),
            (broken(Reason::Disconnected), stale(Reason::Disconnected), Outcome::Applied, started),
            (delta(6, 7, &[(50, 1)], &[]), stale(Reason::Crossed), Outcome::Applied, started),
            (delta(0, 1, &[], &[]), stale(Reason::Reset), Outcome::Applied, started),
            (short, stale(Reason::BadMessage), Outcome::Applied, started),
            (in_stream(7, &[(1, 1)], &[]), LIVE, Outcome::Ignored, ignored),
            (beside(7, &[(1, 1)], &[]), LIVE, Outcome::Ignored, ignored),
        ];
        for (message, state, outcome, bids) in cases {
            let mut book =
                expecting(&KeeperConfig { continuity: Continuity::Predecessor, ..Default::default() });
            book.take(&delta(5, 6, &[(8, 8)], &[]));
            assert_eq!(copies(&book), 1);
            book.take(&message);
            assert_eq!((book.state(), copies(&book)), (state, 0));
            assert!(book.phase != Phase::Recording && book.counters().balance(book.buffered()), "{state}");
            assert_eq!(book.take(&refresh(6, &[(3, 3)], &[])), outcome, "{state}");
            assert_eq!(book.shown()[0], bids, "{state}");
            assert!(book.counters().balance(book.buffered()), "{state}");
        }
    }

    /// The venue begins its numbers anew and says so: copies of two counts would tell nothing about a snapshot.
    #[test]
    fn copies_end_where_the_numbers_begin_anew() {
        let mut book = expecting(&KeeperConfig { continuity: Continuity::Predecessor, ..Default::default() });
        check(
            &mut book,
            &[
                (delta(5, 6, &[(8, 8)], &[]), Outcome::Applied, LIVE),
                (delta(6, 2, &[(7, 7)], &[]), Outcome::Applied, LIVE),
                (delta(2, 9, &[(6, 6)], &[]), Outcome::Applied, LIVE),
                (refresh(6, &[(1, 1)], &[]), Outcome::Ignored, LIVE),
            ],
        );
        assert_eq!(book.shown()[0], [(10, 1), (9, 1), (8, 8), (7, 7), (6, 6)]);
    }

    /// A snapshot that is invalid changes nothing. One with which a copy cannot be applied any more leaves a book that
    /// waits for another.
    #[test]
    fn refresh_that_fails_is_counted_once() {
        let book = BookConfig { levels_max: 3, ..BookConfig::default() };
        let config = KeeperConfig { book, ..KeeperConfig::default() };
        let duplicate = BookError::Duplicate { side: Side::Bid, price: Price(1) };
        let full = BookError::TooManyLevels { levels: 4, limit: 3 };
        let bad_message = State::Stale(Reason::BadMessage);
        for (bids, error, state) in
            [(&[(1, 1), (1, 2)][..], duplicate, LIVE), (&[(3, 3), (2, 2), (1, 1)], full, bad_message)]
        {
            let mut book = expecting(&config);
            check(
                &mut book,
                &[
                    (delta(5, 6, &[(8, 8)], &[]), Outcome::Applied, LIVE),
                    (refresh(5, bids, &[]), Outcome::Rejected(error), state),
                ],
            );
            let counters = book.counters();
            assert_eq!((counters.snapshots, counters.updates, counters.rejected), (1, 1, 1));
            assert_eq!((copies(&book), book.wants_snapshot()), (0, state != LIVE));
            if state == LIVE {
                assert_eq!(book.shown()[0], [(10, 1), (9, 1), (8, 8)]);
            }
            check(&mut book, &[(in_stream(6, &[(1, 1)], &[]), Outcome::Applied, LIVE)]);
        }
    }
}
