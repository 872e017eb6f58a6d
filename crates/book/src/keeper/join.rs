//! Snapshots: those of the stream, and those asked for beside it, which join the stream by their sequence.

use touchline_market::{Bug, Crossing, Flags, Head, Nanos, Reason, Record, Side, State, UpdateKind, planted};

use super::doubt::Reach;
use super::{Checked, Keeper, Outcome, Phase};
use crate::BookError;
use crate::continuity::{Join, join};

/// How long after a snapshot the stream may still be before it. Recordings show streams that begin 3.5 s behind their
/// snapshot.
pub(super) const REACHED_WITHIN_NS: u64 = 10_000_000_000;

impl Keeper {
    /// The first deltas after a snapshot: which of them joins it?
    pub(super) fn delta_at_join<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        match join(self.config.continuity, self.last, head.previous, head.sequence) {
            Join::Stale if head.sequence == self.last => {
                // The stream is exactly where the snapshot is.
                self.state = State::Live;
                self.drop_stale()
            }
            Join::Stale if self.state.is_live() || !is_late(self.ts_recv, head) => {
                self.hear(head.sequence);
                self.hear_old(head, body)
            }
            Join::Joins if self.is_first_heard(head) => self.begin_doubt(head, body),
            Join::Joins => {
                (self.phase, self.state) = (Phase::Following, State::Live);
                self.apply_at_refresh(head, body)
            }
            Join::TooOld if self.state.is_live() => self.gap(head, body),
            Join::Stale | Join::TooOld => {
                self.counters.disproved += 1;
                self.phase = Phase::Waiting;
                match self.keep(head, body) {
                    Outcome::Buffered => Outcome::TooOld,
                    rejected => rejected,
                }
            }
        }
    }

    /// A snapshot that has its place in the stream: replaces at once, whatever was before.
    ///
    /// A whole best-N book of the depth channel is no resync: while live it keeps the epoch, and an older one is
    /// dropped. An equal sequence is taken: it says the same again.
    pub(super) fn snapshot_in_stream<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let routine = head.kind == UpdateKind::Depth && self.state.is_live();
        if routine && head.sequence.0 != 0 && head.sequence < self.last {
            return self.drop_stale();
        }
        if let Err(error) = self.load(head, body) {
            return self.reject(error);
        }
        self.drop_kept();
        self.epoch = self.epoch.wrapping_add(u32::from(!routine && !planted(Bug::EpochKept)));
        (self.phase, self.state) = (Phase::Following, State::Live);
        self.judge_levels();
        Outcome::Applied
    }

    /// A snapshot that was asked for: its sequence says where it belongs.
    pub(super) fn snapshot_beside<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        match self.phase {
            Phase::Waiting => self.start(head, body),
            Phase::Doubtful => self.snapshot_in_doubt(head, body),
            Phase::Unfounded if head.sequence < self.last => {
                self.counters.too_old += 1;
                Outcome::TooOld
            }
            Phase::Unfounded => {
                let outcome = self.replace(head, body);
                // The deltas applied so far came before it.
                self.epoch = self.epoch.wrapping_add(u32::from(outcome == Outcome::Applied));
                outcome
            }
            Phase::Recording if head.sequence <= self.last && head.flags.has(Flags::REFRESH) => {
                self.refresh_by_copies(head, body)
            }
            _ if head.sequence <= self.last => {
                self.counters.ignored_snapshots += 1;
                Outcome::Ignored
            }
            _ if self.state.is_live() && head.flags.has(Flags::REFRESH) => self.keep_refresh(head, body),
            _ => self.replace(head, body),
        }
    }

    /// A snapshot newer than levels that are there: they are replaced, and the next delta has to join.
    pub(super) fn replace<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        self.hear_all();
        if let Err(error) = self.load(head, body) {
            // Nothing of the stream is lost: the levels are worth what they were.
            self.counters.rejected += 1;
            return Outcome::Rejected(error);
        }
        self.drop_refresh();
        self.phase = Phase::Joining;
        self.judge_levels();
        Outcome::Applied
    }

    /// A snapshot for a waiting book: joins the kept deltas, or is too old for them.
    fn start<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let continuity = self.config.continuity;
        let mut joins = self
            .buffer
            .messages()
            .map(|(delta, _)| join(continuity, head.sequence, delta.previous, delta.sequence));
        let reach = self.reach(head.sequence);
        if reach == Reach::TooOld || joins.find(|&join| join != Join::Stale) == Some(Join::TooOld) {
            self.counters.too_old += 1;
            return Outcome::TooOld;
        }
        drop(joins);
        if let Err(error) = self.load(head, body) {
            self.counters.rejected += 1;
            self.state = State::Stale(Reason::BadMessage);
            return Outcome::Rejected(error);
        }
        self.epoch = self.epoch.wrapping_add(u32::from(!planted(Bug::EpochKept)));
        self.phase = Phase::Joining;
        let met = self.buffer.last() == Some(head.sequence) || planted(Bug::SnapshotAloneIsLive);
        match self.replay(reach) {
            Ok(()) => {
                if met || self.phase == Phase::Following {
                    self.state = State::Live;
                } else if self.state == State::Init {
                    self.state = State::Syncing;
                }
                self.ts_recv = head.ts_recv;
                self.judge_levels();
                Outcome::Applied
            }
            Err(error) => Outcome::Rejected(error),
        }
    }

    /// Applies the kept deltas to the snapshot just loaded, as far as the book has the venue's checksums and does not cross.
    fn replay(&mut self, reach: Reach) -> Result<(), BookError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        if planted(Bug::KeptDropped) {
            buffer.clear();
        }
        let mut stopped = None;
        for (n, (head, body)) in buffer.messages().enumerate() {
            // A book that crosses on the way is as wrong as one that is crossed in the end: a later message may hide it.
            if self.checked == Checked::Failed || self.is_impossible() {
                stopped = Some((n, None));
                break;
            }
            // The first one that joins is followed by the others: the buffer has no holes.
            if self.phase == Phase::Joining
                && join(self.config.continuity, self.last, head.previous, head.sequence) == Join::Stale
            {
                self.counters.stale += 1;
                continue;
            }
            self.phase = Phase::Following;
            if let Err(error) = self.set_levels(head, body.iter()) {
                stopped = Some((n + 1, Some(error)));
                break;
            }
        }
        let Some((done, error)) = stopped else {
            if self.phase == Phase::Following && reach == Reach::Doubtful {
                self.phase = Phase::Doubtful;
                self.copies.swap(&mut buffer);
            } else {
                self.hear(buffer.last().unwrap_or_default());
            }
            buffer.clear();
            self.buffer = buffer;
            return Ok(());
        };
        // What came after the bad one still waits for a snapshot newer than it.
        buffer.drop_front(done);
        self.buffer = buffer;
        let Some(error) = error else { return Ok(()) };
        self.counters.rejected += 1;
        self.phase = Phase::Waiting;
        self.state = State::Stale(Reason::BadMessage);
        Err(error)
    }

    /// Are the levels crossed, where they must not be?
    fn is_impossible(&self) -> bool {
        self.config.crossing == Crossing::Judged && self.book.is_crossed() && !planted(Bug::CrossedUnseen)
    }

    /// Replaces the levels.
    pub(super) fn load<'a, I>(&mut self, head: &Head, body: I) -> Result<(), BookError>
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        self.book.load_snapshot(head, body.clone())?;
        self.snapshot_levels = [Side::Bid, Side::Ask].map(|side| self.book.len(side));
        self.counters.snapshots += 1;
        self.took_effect(head);
        self.settle(head, body);
        Ok(())
    }
}

/// Does the delta come so long after a snapshot's stamp that the snapshot must have been reached? Not known without
/// both stamps.
pub(super) fn is_late(snapshot: Nanos, delta: &Head) -> bool {
    is_after(REACHED_WITHIN_NS, snapshot, delta)
}

/// Does a message come more than so many nanoseconds after a stamp? Not known without both stamps.
pub(super) fn is_after(bound_ns: u64, then: Nanos, head: &Head) -> bool {
    let (Some(then), Some(now)) = (then.get(), head.ts_recv.get()) else { return false };
    now.saturating_sub(then) > bound_ns
}

#[cfg(test)]
mod tests {
    use super::super::tests::{broken, check, keeper};
    use super::*;
    use crate::testing::{at, beside, delta, in_stream};
    use touchline_market::Continuity;

    const FAMILIES: [Continuity; 5] = [
        Continuity::Range,
        Continuity::Predecessor,
        Continuity::Counter,
        Continuity::Connection,
        Continuity::Unchecked,
    ];
    const SECOND: u64 = 1_000_000_000;
    const LIVE: State = State::Live;

    /// Another book's snapshot, far ahead, is served to a new book and to one that lost its stream: neither is ever live
    /// with it, each asks again after ten seconds of older deltas, and the right snapshot joins the delta kept then.
    #[test]
    fn foreign_snapshot_far_ahead_is_never_live_and_is_disproved_in_time() {
        for family in FAMILIES {
            let lost = State::Stale(Reason::Disconnected);
            for (mut book, state) in [(keeper(family), State::Syncing), (keeper(family), lost)] {
                if state == lost {
                    check(
                        &mut book,
                        &[
                            (in_stream(2, &[(1, 1)], &[(9, 9)]), Outcome::Applied, LIVE),
                            (broken(Reason::Disconnected), Outcome::Broken, lost),
                        ],
                    );
                }
                let epoch = book.epoch();
                check(
                    &mut book,
                    &[
                        (at(SECOND, delta(3, 4, &[(3, 3)], &[])), Outcome::Buffered, state),
                        (at(SECOND, beside(900_000, &[(70, 1)], &[(80, 1)])), Outcome::Applied, state),
                        (at(SECOND, delta(4, 5, &[(5, 5)], &[])), Outcome::Stale, state),
                        (at(SECOND + REACHED_WITHIN_NS, delta(5, 6, &[(6, 6)], &[])), Outcome::Stale, state),
                    ],
                );
                assert!(!book.wants_snapshot(), "ten seconds are not over");
                check(
                    &mut book,
                    &[(
                        at(SECOND + REACHED_WITHIN_NS + 1, delta(6, 7, &[(7, 7)], &[])),
                        Outcome::TooOld,
                        state,
                    )],
                );
                assert!(book.wants_snapshot());
                assert_eq!((book.counters().disproved, book.buffered()), (1, 1), "{family:?}");
                check(&mut book, &[(beside(6, &[(1, 1)], &[(9, 9)]), Outcome::Applied, LIVE)]);
                assert_eq!(book.shown(), [vec![(7, 7), (1, 1)], vec![(9, 9)]], "{family:?}");
                assert_eq!((book.sequence().0, book.epoch()), (7, epoch + 2));
            }
        }
    }

    /// Where a stamp is missing, nothing is known to be late: the snapshot waits for the stream.
    #[test]
    fn nothing_is_late_without_stamps() {
        for (snapshot, delta_at) in [(0, 90 * SECOND), (90 * SECOND, 0), (90 * SECOND, SECOND)] {
            let mut book = keeper(Continuity::Range);
            check(
                &mut book,
                &[
                    (at(snapshot, beside(50, &[(1, 1)], &[(9, 9)])), Outcome::Applied, State::Syncing),
                    (at(delta_at, delta(3, 4, &[(3, 3)], &[])), Outcome::Stale, State::Syncing),
                    (at(delta_at, delta(45, 51, &[(3, 4)], &[])), Outcome::Applied, LIVE),
                ],
            );
            assert_eq!(book.shown()[0], [(3, 4), (1, 1)]);
        }
    }

    /// A delta that ends exactly at the snapshot proves it, whether it was kept before or comes after; the last kept
    /// one being older proves nothing.
    #[test]
    fn delta_that_ends_at_the_snapshot_proves_it() {
        for family in FAMILIES {
            let snapshot = beside(5, &[(1, 1)], &[(9, 9)]);
            let (older, exact) = (delta(3, 4, &[(2, 2)], &[]), delta(4, 5, &[(1, 1)], &[]));
            let mut before = keeper(family);
            for message in [&older, &exact, &snapshot] {
                before.take(message);
            }
            assert_eq!(before.state(), LIVE, "{family:?}");
            let mut after = keeper(family);
            for (message, state) in [(&older, State::Syncing), (&snapshot, State::Syncing), (&exact, LIVE)] {
                after.take(message);
                assert_eq!(after.state(), state, "{family:?}");
            }
            for mut book in [before, after] {
                assert_eq!(book.take(&delta(5, 6, &[(3, 3)], &[])), Outcome::Applied);
                assert_eq!(book.shown()[0], [(3, 3), (1, 1)], "{family:?}");
                assert!(book.counters().balance(0));
            }
        }
    }

    /// A kept delta crosses the book, and a later one would hide that: the book stops there, and another snapshot, newer
    /// than both, makes it live.
    #[test]
    fn crossing_among_kept_deltas_is_not_hidden_by_later_ones() {
        let mut book = keeper(Continuity::Range);
        let crossed = State::Stale(Reason::Crossed);
        check(
            &mut book,
            &[
                (delta(3, 4, &[(12, 7)], &[]), Outcome::Buffered, State::Syncing),
                (delta(4, 5, &[], &[(9, 0), (13, 1)]), Outcome::Buffered, State::Syncing),
                (beside(3, &[(1, 1)], &[(9, 9)]), Outcome::Applied, crossed),
            ],
        );
        assert!(book.wants_snapshot());
        check(
            &mut book,
            &[
                (delta(5, 6, &[], &[(14, 1)]), Outcome::Buffered, crossed),
                (beside(6, &[(1, 1)], &[(13, 1), (14, 1)]), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!(book.shown(), [vec![(1, 1)], vec![(13, 1), (14, 1)]]);
        assert!(book.counters().balance(book.buffered()), "{:?}", book.counters());
    }

    /// A book that began empty is live with a snapshot only when the stream joins it.
    #[test]
    fn book_that_began_empty_has_to_be_joined_too() {
        let config = crate::KeeperConfig { start: crate::Start::Empty, ..crate::KeeperConfig::default() };
        let mut book = Keeper::new(&config);
        check(
            &mut book,
            &[
                (delta(1, 2, &[(1, 1)], &[]), Outcome::Applied, State::Syncing),
                (beside(7, &[(5, 5)], &[]), Outcome::Applied, State::Syncing),
                (delta(2, 3, &[(1, 2)], &[]), Outcome::Stale, State::Syncing),
                (delta(3, 8, &[(6, 6)], &[]), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!((book.shown()[0].as_slice(), book.epoch()), (&[(6, 6), (5, 5)][..], 1));
    }
}
