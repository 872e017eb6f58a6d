//! A snapshot that is to refresh the depth of a live book and is newer: kept aside until the stream reaches it.
//!
//! It is loaded with the first delta that spans its sequence, and that delta is applied on top: quantities are
//! absolute, so the book is then the venue's at the delta's sequence, with every level the snapshot knows. Until then
//! the book is as if there were no snapshot. If the stream does not reach it in time, or the book stops being live, it
//! is dropped: nothing was built on it.

use touchline_market::{Head, Record, Side};

use super::join::is_late;
use super::{Checked, Keeper, Outcome, Phase};
use crate::continuity::{Step, judge};

/// One snapshot, or none. Its memory stays for the next: at most [`LEVELS_MAX`](touchline_market::LEVELS_MAX) levels
/// of each side.
#[derive(Clone, Debug, Default)]
pub(super) struct Refresh {
    head: Option<Head>,
    records: Vec<Record>,
}

impl Refresh {
    pub(super) fn len(&self) -> usize {
        usize::from(self.head.is_some())
    }
}

impl Keeper {
    /// Is the book live, and of some side known to less than a quarter of `wanted` levels? Then a snapshot with
    /// [`Flags::REFRESH`](touchline_market::Flags::REFRESH) is worth asking for: see
    /// [`expect_refresh`](Self::expect_refresh).
    ///
    /// A side is never shallow if the last snapshot held fewer than `wanted` levels of it: asked for that many, the
    /// venue had no more, and every level since came in the stream.
    #[must_use]
    pub fn is_shallow(&self, wanted: u32) -> bool {
        let wanted = wanted as usize;
        let [bids, asks] = self.snapshot_levels;
        let shallow = |(side, held)| held >= wanted && self.book.proven(side) < wanted.div_ceil(4);
        self.state.is_live() && [(Side::Bid, bids), (Side::Ask, asks)].into_iter().any(shallow)
    }

    /// Keeps a snapshot that is newer than a live book, in the place of one kept before.
    pub(super) fn keep_refresh<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        if let Err(error) = crate::book::check_body(head, &body) {
            self.counters.rejected += 1;
            return Outcome::Rejected(error);
        }
        self.drop_refresh();
        self.refresh.head = Some(*head);
        self.refresh.records.clear();
        self.refresh.records.extend(body.take(head.body_records()));
        if self.phase == Phase::Following {
            self.phase = Phase::Refreshing;
        }
        Outcome::Buffered
    }

    /// A delta of a live stream while a snapshot is kept, or is on its way.
    pub(super) fn delta_before_refresh<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        match judge(self.config.continuity, self.last, head.previous, head.sequence) {
            Step::Next if self.phase == Phase::Recording => self.apply_and_copy(head, body),
            Step::Next => self.apply_at_refresh(head, body),
            Step::Stale => self.hear_old(head, body),
            Step::Gap => self.gap(head, body),
        }
    }

    /// Applies the next delta; if it reaches the kept snapshot, on top of that.
    ///
    /// A delta that ends exactly there is in the snapshot: it takes effect through it, and counts as an update. A
    /// snapshot that proves invalid is counted as rejected, and the levels stay.
    pub(super) fn apply_at_refresh<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let Some(kept) = self.refresh.head else { return self.apply(head, body) };
        self.phase = Phase::Refreshing;
        // The venue may begin its numbers anew: then the snapshot has no place among them.
        let lost = head.previous > kept.sequence || head.sequence < self.last;
        if lost || is_late(kept.ts_recv, head) {
            self.drop_refresh();
            return self.apply(head, body);
        }
        if head.sequence < kept.sequence {
            return self.apply(head, body);
        }
        if let Err(error) = crate::book::check_body(head, &body) {
            return self.reject(error);
        }
        (self.refresh.head, self.phase) = (None, Phase::Following);
        let records = std::mem::take(&mut self.refresh.records);
        let loaded = self.load(&kept, records.iter());
        self.refresh.records = records;
        match loaded {
            Ok(()) if self.checked == Checked::Failed => {
                self.judge_levels();
                return self.keep(head, body);
            }
            Ok(()) if head.sequence == kept.sequence => {
                self.counters.updates += 1;
                self.took_effect(head);
                self.settle(head, body);
                self.judge_levels();
                return Outcome::Applied;
            }
            Ok(()) => {}
            Err(_) => self.counters.rejected += 1,
        }
        self.apply(head, body)
    }

    /// Forgets the kept snapshot, or the copies for one that is on its way.
    pub(super) fn drop_refresh(&mut self) {
        self.counters.ignored_snapshots += u64::from(self.refresh.head.take().is_some());
        self.copies.begin(self.last, self.ts_recv);
        if matches!(self.phase, Phase::Refreshing | Phase::Recording) {
            self.phase = Phase::Following;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::join::REACHED_WITHIN_NS;
    use super::super::tests::{broken, check, keeper};
    use crate::testing::{Message, at, beside, delta, in_stream, refresh};
    use crate::{BookConfig, BookError, Counters, Keeper, KeeperConfig, Outcome};
    use touchline_market::{Continuity, Price, Reason, Side, State};

    const LIVE: State = State::Live;
    const SECOND: u64 = 1_000_000_000;

    /// A live book at sequence 5: bids 10 and 9, ask 20.
    fn live(continuity: Continuity) -> Keeper {
        let mut keeper = keeper(continuity);
        keeper.take(&in_stream(5, &[(10, 1), (9, 1)], &[(20, 1)]));
        keeper
    }

    /// The book is untouched until a delta spans the snapshot's sequence; then it has the snapshot's levels with that
    /// delta on top, and is the same book in the same epoch.
    #[test]
    fn refresh_takes_effect_where_the_stream_reaches_it() {
        let mut book = live(Continuity::Range);
        check(
            &mut book,
            &[
                (refresh(8, &[(10, 2), (7, 7)], &[(20, 1), (30, 3)]), Outcome::Buffered, LIVE),
                (delta(3, 5, &[], &[]), Outcome::Stale, LIVE),
                (delta(5, 7, &[(10, 2), (9, 0)], &[]), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!((book.shown(), book.buffered()), ([vec![(10, 2)], vec![(20, 1)]], 1));
        check(&mut book, &[(delta(7, 9, &[], &[(20, 4)]), Outcome::Applied, LIVE)]);
        assert_eq!(book.shown(), [vec![(10, 2), (7, 7)], vec![(20, 4), (30, 3)]]);
        assert_eq!((book.sequence().0, book.epoch(), book.buffered()), (9, 1, 0));
        check(&mut book, &[(delta(10, 11, &[], &[]), Outcome::Gap, State::Stale(Reason::Gap))]);
        let expected = Counters {
            received: 6,
            snapshots: 2,
            updates: 2,
            stale: 1,
            buffered: 1,
            gaps: 1,
            ..Counters::default()
        };
        assert_eq!(*book.counters(), expected);
    }

    /// A delta that ends exactly at the snapshot takes effect through it: the levels are the snapshot's alone.
    #[test]
    fn delta_that_ends_at_the_refresh_is_in_it() {
        for family in
            [Continuity::Range, Continuity::Predecessor, Continuity::Counter, Continuity::Connection]
        {
            let mut book = live(family);
            check(
                &mut book,
                &[
                    (refresh(6, &[(10, 2), (7, 7)], &[(30, 3)]), Outcome::Buffered, LIVE),
                    (at(SECOND, delta(5, 6, &[(10, 2), (1, 1)], &[(20, 0)])), Outcome::Applied, LIVE),
                    (delta(6, 7, &[(11, 1)], &[]), Outcome::Applied, LIVE),
                ],
            );
            assert_eq!(book.shown(), [vec![(11, 1), (10, 2), (7, 7)], vec![(30, 3)]], "{family:?}");
            assert_eq!((book.counters().snapshots, book.counters().updates), (2, 2));
        }
    }

    /// One snapshot is kept at most: a later one takes its place. One that is not newer than the book is not kept.
    #[test]
    fn later_refresh_takes_the_place_of_the_kept_one() {
        let mut book = live(Continuity::Predecessor);
        check(
            &mut book,
            &[
                (refresh(5, &[(1, 1)], &[]), Outcome::Ignored, LIVE),
                (refresh(9, &[(2, 2)], &[]), Outcome::Buffered, LIVE),
                (refresh(7, &[(3, 3)], &[]), Outcome::Buffered, LIVE),
                (delta(5, 8, &[(4, 4)], &[]), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!((book.shown()[0].as_slice(), book.buffered()), (&[(4, 4), (3, 3)][..], 0));
        assert_eq!(book.counters().ignored_snapshots, 2);
    }

    /// Another book's snapshot, far ahead: the live book stays right and live, and forgets it after ten seconds.
    #[test]
    fn foreign_refresh_is_never_shown_and_is_forgotten() {
        for family in [
            Continuity::Range,
            Continuity::Predecessor,
            Continuity::Counter,
            Continuity::Connection,
            Continuity::Unchecked,
        ] {
            let mut book = live(family);
            check(
                &mut book,
                &[
                    (at(SECOND, refresh(900_000, &[(70, 1)], &[(80, 1)])), Outcome::Buffered, LIVE),
                    (delta(5, 6, &[(9, 0)], &[]), Outcome::Applied, LIVE),
                    (at(SECOND + REACHED_WITHIN_NS, delta(6, 7, &[(8, 8)], &[])), Outcome::Applied, LIVE),
                ],
            );
            assert_eq!((book.shown()[0].as_slice(), book.buffered()), (&[(10, 1), (8, 8)][..], 1));
            check(
                &mut book,
                &[(at(SECOND + REACHED_WITHIN_NS + 1, delta(7, 8, &[(8, 9)], &[])), Outcome::Applied, LIVE)],
            );
            assert_eq!((book.shown()[0].as_slice(), book.buffered()), (&[(10, 1), (8, 9)][..], 0));
            assert_eq!((book.counters().ignored_snapshots, book.epoch()), (1, 1), "{family:?}");
        }
    }

    /// Whatever ends the book's life ends the kept snapshot's: it is counted, and the book waits as it always does.
    #[test]
    fn refresh_is_dropped_with_the_state() {
        let mut short = delta(5, 9, &[(1, 1)], &[]);
        short.1.clear();
        let cases: [(Message, State); 6] = [
            (delta(6, 7, &[], &[]), State::Stale(Reason::Gap)),
            (broken(Reason::Disconnected), State::Stale(Reason::Disconnected)),
            (delta(5, 6, &[(50, 1)], &[]), State::Stale(Reason::Crossed)),
            (short, State::Stale(Reason::BadMessage)),
            (in_stream(6, &[(1, 1)], &[]), LIVE),
            (beside(7, &[(1, 1)], &[]), LIVE),
        ];
        for (message, state) in cases {
            let mut book = live(Continuity::Range);
            assert_eq!(book.take(&refresh(8, &[(7, 7)], &[])), Outcome::Buffered);
            book.take(&message);
            assert_eq!((book.state(), book.wants_snapshot()), (state, state != LIVE));
            assert_eq!((book.counters().ignored_snapshots, book.refresh.len()), (1, 0), "{state}");
            assert!(book.counters().balance(book.buffered()));
            if state == LIVE {
                assert_eq!(book.take(&delta(5, 9, &[(2, 2)], &[])), Outcome::Applied);
                assert_eq!(book.shown()[0], [(2, 2), (1, 1)]);
            }
        }
    }

    /// The venue begins its numbers anew: the snapshot has no place among them.
    #[test]
    fn refresh_of_earlier_numbers_is_dropped() {
        let mut book = live(Continuity::Predecessor);
        check(
            &mut book,
            &[
                (refresh(8, &[(7, 7)], &[]), Outcome::Buffered, LIVE),
                (delta(5, 1, &[(9, 0)], &[]), Outcome::Applied, LIVE),
                (delta(1, 9, &[(8, 8)], &[]), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!(
            (book.shown()[0].as_slice(), book.counters().ignored_snapshots),
            (&[(10, 1), (8, 8)][..], 1)
        );
    }

    /// An invalid snapshot costs only itself: cut short, it is not kept; else it is found out where it would be loaded.
    #[test]
    fn invalid_refresh_changes_nothing() {
        let mut book = live(Continuity::Range);
        let mut short = refresh(6, &[(1, 1)], &[]);
        short.1.clear();
        let duplicate = BookError::Duplicate { side: Side::Bid, price: Price(1) };
        check(
            &mut book,
            &[
                (short, Outcome::Rejected(BookError::Short { expected: 1, found: 0 }), LIVE),
                (refresh(6, &[(1, 1), (1, 2)], &[]), Outcome::Buffered, LIVE),
                (delta(5, 7, &[(9, 0)], &[]), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!((book.shown(), book.counters().rejected), ([vec![(10, 1)], vec![(20, 1)]], 2));
        let mut waiting = keeper(Continuity::Range);
        assert_eq!(waiting.take(&refresh(6, &[(1, 1), (1, 2)], &[])), Outcome::Rejected(duplicate));
    }

    /// A book that waits takes the snapshot like any other; one that is live at its snapshot's very sequence keeps it.
    #[test]
    fn refresh_meets_a_book_in_any_phase() {
        let mut book = keeper(Continuity::Range);
        check(
            &mut book,
            &[
                (delta(4, 5, &[(1, 1)], &[]), Outcome::Buffered, State::Syncing),
                (refresh(5, &[(2, 2)], &[]), Outcome::Applied, LIVE),
                (refresh(7, &[(3, 3)], &[]), Outcome::Buffered, LIVE),
                (delta(4, 5, &[(1, 1)], &[]), Outcome::Stale, LIVE),
                (delta(5, 6, &[(4, 4)], &[]), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!((book.shown()[0].as_slice(), book.buffered()), (&[(4, 4), (2, 2)][..], 1));
        check(&mut book, &[(delta(6, 8, &[(5, 5)], &[]), Outcome::Applied, LIVE)]);
        assert_eq!(book.shown()[0], [(5, 5), (3, 3)]);
    }

    /// A side is shallow when less than a quarter is left of what was wanted and had, until the next snapshot; a side
    /// of which the venue had less never is; and neither is a book that is not live.
    #[test]
    fn shallow_book_has_lost_most_of_a_full_side() {
        let bids: Vec<_> = (0..8).map(|n| (100 - n, 1)).collect();
        let mut book = Keeper::new(&KeeperConfig {
            book: BookConfig { window_ticks: 256, ..BookConfig::default() },
            ..KeeperConfig::default()
        });
        assert!(!book.is_shallow(8));
        book.take(&in_stream(1, &bids, &[(200, 1), (201, 1)]));
        let remove = |n: usize| delta(n as u64, n as u64 + 1, &[(bids[n - 1].0, 0)], &[]);
        for n in 1..=6 {
            book.take(&remove(n));
            assert!(!book.is_shallow(8), "{} of 8 bids are left", 8 - n);
        }
        // What lies beyond the snapshot's worst price is known only in part: it does not count.
        book.take(&delta(7, 8, &[(94, 0), (50, 1), (49, 1), (48, 1)], &[(200, 0)]));
        assert!(book.is_shallow(8) && book.is_shallow(5));
        assert!(!book.is_shallow(4), "a quarter of what is wanted is there");
        assert!(!book.is_shallow(9), "fewer than wanted from the start: the venue had no more");
        book.take(&refresh(9, &bids, &[(201, 1)]));
        assert!(book.is_shallow(8));
        book.take(&delta(8, 10, &[(100, 2)], &[]));
        assert!(!book.is_shallow(8));
        for n in 1..=7 {
            book.take(&delta(n + 9, n + 10, &[(bids[n as usize - 1].0, 0)], &[]));
        }
        assert!(book.is_shallow(8));
        book.take(&broken(Reason::Stalled));
        assert!(!book.is_shallow(8), "not live");
    }
}
