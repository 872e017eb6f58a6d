//! An old update: a repetition, or has the venue begun to count anew?
//!
//! To a book that only compares numbers, a venue that restarts at 1 repeats itself for ever: everything it says is old,
//! and the book would stay at its last state and call it live. Two things tell the one from the other. An update that
//! follows number 0 is the first of a count. And repetitions end: old updates that still get further after two seconds,
//! with nothing new between them, are a stream of their own. One that comes twice or out of order says nothing either way.

use touchline_market::{Head, Nanos, Reason, Record, Sequence, State};

use super::join::{REACHED_WITHIN_NS, is_after};
use super::{Keeper, Outcome, Phase};

/// How long a running stream may repeat itself without anything new.
const REPETITIONS_NS: u64 = 2_000_000_000;

/// The old updates of late, as long as nothing else came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Old {
    /// What they were older than.
    newest: Sequence,
    /// The first of a run that gets further, and the newest of it.
    first: Sequence,
    furthest: Sequence,
    /// When the first of them came.
    since: Nanos,
}

impl Old {
    /// Takes an update that is older than `newest`. Is it one of a new count? A stream that has to reach a snapshot first
    /// may be behind it for longer than one that is `running`.
    ///
    /// Where updates are not `numbered`, none says what it follows.
    pub(super) fn is_new_count(
        &mut self,
        newest: Sequence,
        running: bool,
        head: &Head,
        numbered: bool,
    ) -> bool {
        // Below all of them another run begins: a repetition of the old count may come before the first of a new one.
        if newest != self.newest || head.sequence < self.first {
            *self = Self { newest, first: head.sequence, furthest: Sequence(0), since: head.ts_recv };
        }
        let gets_further = head.sequence > self.furthest;
        self.furthest = self.furthest.max(head.sequence);
        let bound_ns = if running { REPETITIONS_NS } else { REACHED_WITHIN_NS };
        (numbered && head.previous == Sequence(0)) || gets_further && is_after(bound_ns, self.since, head)
    }
}

impl Keeper {
    /// Has the stream reached the levels? A live book's has, also where its last update was the one that proved them.
    pub(super) fn is_running(&self) -> bool {
        self.state.is_live() || matches!(self.phase, Phase::Following | Phase::Recording)
    }

    /// An old update in a running stream.
    #[cold]
    pub(super) fn hear_old<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let (newest, running, numbered) = (self.last, self.is_running(), !self.is_unnumbered());
        if self.old.is_new_count(newest, running, head, numbered) {
            self.restart(head, body)
        } else {
            self.drop_stale()
        }
    }

    /// An update of a new count: the first that is kept.
    pub(super) fn restart<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        self.begin_count();
        self.phase = Phase::Waiting;
        match self.keep(head, body) {
            Outcome::Buffered => Outcome::Gap,
            rejected => rejected,
        }
    }

    /// Nothing that was kept has a place among the new numbers.
    pub(super) fn begin_count(&mut self) {
        self.counters.resets += 1;
        self.state = State::Stale(Reason::Reset);
        self.drop_kept();
        self.heard = Sequence(0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, keeper};
    use super::REPETITIONS_NS;
    use crate::testing::{at, beside, delta, in_stream, refresh};
    use crate::{Counters, Outcome};
    use touchline_market::{Continuity, Reason, State};

    const LIVE: State = State::Live;
    const RESET: State = State::Stale(Reason::Reset);
    const SECOND: u64 = 1_000_000_000;
    const COUNTED: [Continuity; 3] = [Continuity::Range, Continuity::Predecessor, Continuity::Counter];

    /// The first update of a new count is one at once, whatever the book was doing: live, with a refresh kept, or
    /// waiting for a snapshot. A snapshot of the new count brings the book back.
    #[test]
    fn update_that_follows_nothing_begins_a_count() {
        for family in COUNTED {
            let mut live = keeper(family);
            live.take(&in_stream(500, &[(10, 1)], &[]));
            let mut refreshing = live.clone();
            refreshing.take(&refresh(510, &[(11, 1)], &[]));
            let mut waiting = keeper(family);
            waiting.take(&delta(499, 500, &[(10, 1)], &[]));
            for (mut book, outcome) in
                [(live, Outcome::Gap), (refreshing, Outcome::Gap), (waiting, Outcome::Buffered)]
            {
                let epoch = book.epoch();
                check(
                    &mut book,
                    &[
                        (delta(0, 1, &[(7, 7)], &[]), outcome, RESET),
                        (delta(0, 1, &[(7, 7)], &[]), Outcome::Buffered, RESET),
                        (delta(1, 2, &[(8, 8)], &[]), Outcome::Buffered, RESET),
                        (beside(1, &[(7, 7), (6, 6)], &[]), Outcome::Applied, LIVE),
                        (delta(2, 3, &[(9, 9)], &[]), Outcome::Applied, LIVE),
                    ][..],
                );
                assert_eq!(book.shown()[0], [(9, 9), (8, 8), (7, 7), (6, 6)], "{family:?}");
                assert_eq!((book.epoch(), book.sequence().0), (epoch + 1, 3));
                assert!(book.counters().balance(book.buffered()), "{:?}", book.counters());
            }
        }
    }

    /// The update that ends at the snapshot proves it, and the next one is of a new count whose beginning was lost: that is
    /// found out as soon as in any other live book.
    #[test]
    fn new_count_is_found_out_right_behind_a_proof() {
        for family in COUNTED {
            let mut book = keeper(family);
            book.take(&delta(499, 500, &[(10, 1)], &[]));
            book.take(&beside(500, &[(10, 1)], &[]));
            assert_eq!(book.state(), LIVE, "{family:?}");
            let old = |time: u64, sequence| at(SECOND + time, delta(sequence - 1, sequence, &[(7, 7)], &[]));
            check(
                &mut book,
                &[
                    (old(0, 5), Outcome::Stale, LIVE),
                    (old(0, 5), Outcome::Stale, LIVE),
                    (old(REPETITIONS_NS + 1, 6), Outcome::Gap, RESET),
                ],
            );
        }
    }

    /// Its first update was lost: the old numbers that never end are found out in time, however many of them come twice
    /// or out of order. Repetitions that end, or have something new between them, are not.
    #[test]
    fn old_numbers_that_never_end_are_a_new_count() {
        for family in COUNTED {
            let mut book = keeper(family);
            book.take(&in_stream(500, &[(10, 1)], &[]));
            let old = |time: u64, sequence| at(SECOND + time, delta(sequence - 1, sequence, &[(7, 7)], &[]));
            const END: u64 = REPETITIONS_NS;
            check(
                &mut book,
                &[
                    (old(0, 2), Outcome::Stale, LIVE),
                    (old(END, 3), Outcome::Stale, LIVE),
                    (delta(500, 501, &[], &[]), Outcome::Applied, LIVE),
                    (old(END, 500), Outcome::Stale, LIVE),
                    (old(4 * END, 4), Outcome::Stale, LIVE),
                    (old(5 * END, 5), Outcome::Stale, LIVE),
                    (old(5 * END + 1, 5), Outcome::Stale, LIVE),
                    (old(5 * END + 2, 6), Outcome::Gap, RESET),
                    (old(5 * END + 3, 7), Outcome::Buffered, RESET),
                    (beside(5, &[(7, 7)], &[]), Outcome::Applied, LIVE),
                ],
            );
            let expected = Counters {
                received: 11,
                snapshots: 2,
                updates: 3,
                stale: 6,
                buffered: 2,
                resets: 1,
                ..Counters::default()
            };
            assert_eq!(*book.counters(), expected, "{family:?}");
        }
    }
}
