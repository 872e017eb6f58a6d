//! What follows the levels of a message: the depth that the venue keeps, and the checksum of its book.
//!
//! First the book is cut, then the checksum is compared, after each whole message that has one. A mismatch says that
//! our levels are not the venue's: the book is stale and waits for a snapshot, exactly as after a gap. Only messages
//! that take effect are compared: one that is kept is compared when it is replayed, and no checksum brings back a book
//! that waits.

use touchline_market::{Bug, Checksum, Flags, Head, Reason, Record, State, Trailer, planted};

use super::{Keeper, Phase};
use crate::{Book, checksum};
use touchline_market::Crossing;

/// What the last message that took effect said about the book's checksum.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Checked {
    /// Nothing: the venue sends none, or this message had none, or zero, which some senders write for none.
    #[default]
    None,
    /// Our levels have it.
    Passed,
    /// Our levels do not: the book is stale for it.
    Failed,
}

impl Keeper {
    /// Does the venue's checksum of the last message that took effect agree with our levels?
    #[inline]
    #[must_use]
    pub fn checked(&self) -> Checked {
        self.checked
    }

    /// The checksum of the book as it is, by the recipe that it is judged by, in the digits that a trailer names. `None`
    /// where there is no recipe, or a level cannot be written in these digits.
    #[must_use]
    pub fn checksum(&self, trailer: Trailer) -> Option<u32> {
        checksum::of(&self.book, self.config.checksum, trailer)
    }

    /// What comes after the levels of a message. Where the venue has no checksum and the message no trailer, that is
    /// nothing.
    #[inline]
    pub(super) fn settle<'a>(&mut self, head: &Head, body: impl Iterator<Item = &'a Record>) {
        if head.flags.has(Flags::TRAILER) | (self.config.checksum != Checksum::None) {
            self.cut_and_count(head, body);
        }
    }

    #[inline(never)]
    fn cut_and_count<'a>(&mut self, head: &Head, body: impl Iterator<Item = &'a Record>) {
        self.checked = cut_and_check(&mut self.book, self.config.checksum, head, body);
        match self.checked {
            Checked::Passed => self.counters.checksum_pass += 1,
            Checked::None => {
                self.counters.checksum_absent += u64::from(self.config.checksum != Checksum::None);
            }
            // Counted where the book is judged.
            Checked::Failed => {}
        }
    }

    /// After each whole message: is the book still possible, and the venue's?
    #[inline]
    pub(super) fn judge_levels(&mut self) {
        (self.crossed, self.locked) = (self.book.is_crossed(), self.book.is_locked());
        self.crossed &= !planted(Bug::CrossedUnseen);
        self.counters.locked += u64::from(self.locked);
        if self.crossed | (self.checked == Checked::Failed) {
            self.mistrust();
        }
    }

    /// The book is crossed, or does not have the venue's checksum.
    #[cold]
    fn mistrust(&mut self) {
        let failed = self.checked == Checked::Failed;
        self.counters.crossed += u64::from(self.crossed);
        self.counters.checksum_fail += u64::from(failed);
        let reason = match self.config.crossing {
            _ if failed => Reason::Checksum,
            Crossing::Judged => Reason::Crossed,
            Crossing::Allowed => return,
        };
        if self.phase != Phase::Unfounded {
            self.hear_all();
            self.state = State::Stale(reason);
            self.phase = Phase::Waiting;
            self.drop_kept();
        }
    }
}

/// Cuts the book as the message says, then compares the checksum.
pub(super) fn cut_and_check<'a>(
    book: &mut Book,
    recipe: Checksum,
    head: &Head,
    mut body: impl Iterator<Item = &'a Record>,
) -> Checked {
    let last = head.body_records().checked_sub(1).filter(|_| head.flags.has(Flags::TRAILER));
    let Some(trailer) = last.and_then(|last| body.nth(last)).map(Trailer::of) else { return Checked::None };
    if !planted(Bug::CutLeftOut) {
        book.cut(usize::from(trailer.cut));
    }
    match trailer.checksum {
        None | Some(0) => Checked::None,
        _ if recipe == Checksum::None || planted(Bug::ChecksumUncompared) => Checked::None,
        theirs if checksum::of(book, recipe, trailer) == theirs => Checked::Passed,
        Some(_) => Checked::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{broken, check};
    use super::*;
    use crate::testing::{Levels, Message, beside, delta, in_stream, trailed};
    use crate::{Counters, KeeperConfig, Outcome};
    use touchline_market::{Continuity, Side};

    const LIVE: State = State::Live;
    const STALE: State = State::Stale(Reason::Checksum);

    fn keeper(continuity: Continuity) -> Keeper {
        let checksum = Checksum::DigitsOfTen;
        Keeper::new(&KeeperConfig { continuity, checksum, ..KeeperConfig::default() })
    }

    /// The CRC-32 of these levels, asks first, written down independently of the book.
    fn sum(bids: Levels, asks: Levels) -> u32 {
        let text: String = asks.iter().chain(bids).map(|(price, qty)| format!("{price}{qty}")).collect();
        crc32fast::hash(text.as_bytes())
    }

    fn summed(message: Message, sum: u32) -> Message {
        trailed(message, Trailer { checksum: Some(sum), ..Trailer::default() })
    }

    fn cut(message: Message, cut: u16) -> Message {
        trailed(message, Trailer { cut, ..Trailer::default() })
    }

    /// Each message is compared once it is whole; a mismatch makes the book stale at once, messages after it wait and
    /// are not compared, nor does a right checksum of theirs revive it; the next snapshot does.
    #[test]
    fn mismatch_makes_the_book_stale_until_a_snapshot() {
        let mut book = keeper(Continuity::Unchecked);
        let (bids, asks) = ([(10, 1), (9, 2)], [(11, 3)]);
        let right = sum(&[(10, 5), (9, 2)], &asks);
        check(
            &mut book,
            &[
                (summed(in_stream(1, &bids, &asks), sum(&bids, &asks)), Outcome::Applied, LIVE),
                (summed(delta(0, 2, &[(10, 5)], &[]), right), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!(book.checked(), Checked::Passed);
        check(
            &mut book,
            &[
                (summed(delta(0, 3, &[(9, 4)], &[]), right), Outcome::Applied, STALE),
                (summed(delta(0, 4, &[(9, 2)], &[]), right), Outcome::Buffered, STALE),
            ],
        );
        assert!(book.wants_snapshot() && book.checked() == Checked::Failed);
        assert_eq!((book.shown()[0].as_slice(), book.sequence().0), (&[(10, 5), (9, 4)][..], 3));
        check(&mut book, &[(summed(in_stream(5, &bids, &asks), sum(&bids, &asks)), Outcome::Applied, LIVE)]);
        let expected = Counters {
            received: 5,
            snapshots: 2,
            updates: 2,
            buffered: 1,
            dropped: 1,
            checksum_pass: 3,
            checksum_fail: 1,
            ..Counters::default()
        };
        assert_eq!((*book.counters(), book.epoch()), (expected, 2));
    }

    /// A snapshot that does not have its own checksum is never live.
    #[test]
    fn snapshot_with_a_wrong_checksum_is_not_live() {
        for message in [in_stream(5, &[(10, 1)], &[]), beside(5, &[(10, 1)], &[])] {
            let mut book = keeper(Continuity::Counter);
            check(
                &mut book,
                &[
                    (delta(0, 5, &[(10, 1)], &[]), Outcome::Buffered, State::Syncing),
                    (summed(message, 77), Outcome::Applied, STALE),
                    (delta(0, 6, &[(9, 1)], &[]), Outcome::Buffered, STALE),
                ],
            );
            assert!(book.wants_snapshot());
            assert_eq!((book.counters().checksum_pass, book.counters().checksum_fail), (0, 1));
        }
    }

    /// A venue that sends checksums leaves one out, or writes zero for none: the book is live, and nothing passed.
    #[test]
    fn missing_checksum_is_none_and_never_passed() {
        let mut book = keeper(Continuity::Unchecked);
        let asks = [(11, 3)];
        check(
            &mut book,
            &[
                (in_stream(1, &[(10, 1)], &asks), Outcome::Applied, LIVE),
                (summed(delta(0, 2, &[(10, 2)], &[]), sum(&[(10, 2)], &asks)), Outcome::Applied, LIVE),
                (cut(delta(0, 3, &[(10, 3)], &[]), 9), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!(book.checked(), Checked::None);
        check(&mut book, &[(summed(delta(0, 4, &[(10, 4)], &[]), 0), Outcome::Applied, LIVE)]);
        assert_eq!(book.checked(), Checked::None);
        let counters = book.counters();
        assert_eq!((counters.checksum_pass, counters.checksum_fail, counters.checksum_absent), (1, 0, 3));
    }

    /// Where no recipe is known, a checksum is not judged and its absence not counted; the cut still holds.
    #[test]
    fn venue_without_a_recipe_is_not_judged() {
        let mut book = super::super::tests::keeper(Continuity::Unchecked);
        let trailer = Trailer { checksum: Some(77), cut: 1, ..Trailer::default() };
        check(
            &mut book,
            &[
                (in_stream(1, &[(10, 1)], &[(11, 3)]), Outcome::Applied, LIVE),
                (trailed(delta(0, 2, &[(9, 1)], &[]), trailer), Outcome::Applied, LIVE),
            ],
        );
        assert_eq!((book.shown()[0].len(), book.checked()), (1, Checked::None));
        let counters = book.counters();
        assert_eq!((counters.checksum_pass, counters.checksum_fail, counters.checksum_absent), (0, 0, 0));
    }

    /// Levels pushed out of the best ones are gone, from snapshots too, without a level in the message also; what is
    /// left is proven to its last level, below the snapshot's worst as well.
    #[test]
    fn book_is_cut_after_each_message() {
        let mut book = keeper(Continuity::Unchecked);
        let two = |book: &Keeper| (book.shown(), [Side::Bid, Side::Ask].map(|side| book.book().proven(side)));
        book.take(&cut(in_stream(1, &[(10, 1), (9, 2), (8, 3)], &[(11, 3)]), 2));
        assert_eq!(two(&book), ([vec![(10, 1), (9, 2)], vec![(11, 3)]], [2, 1]));
        book.take(&cut(delta(0, 2, &[], &[(13, 1), (12, 1)]), 2));
        assert_eq!(two(&book), ([vec![(10, 1), (9, 2)], vec![(11, 3), (12, 1)]], [2, 2]));
        book.take(&cut(delta(0, 3, &[(10, 0), (8, 3)], &[(11, 0), (13, 1)]), 2));
        assert_eq!(two(&book), ([vec![(9, 2), (8, 3)], vec![(12, 1), (13, 1)]], [2, 2]));
        book.take(&delta(0, 4, &[(7, 4)], &[]));
        assert_eq!(book.shown()[0].len(), 3);
        book.take(&cut(delta(0, 5, &[], &[]), 1));
        assert_eq!(two(&book), ([vec![(9, 2)], vec![(12, 1)]], [1, 1]));
        book.take(&cut(delta(0, 6, &[(7, 4)], &[]), 0));
        assert_eq!(book.shown()[0].len(), 2, "a cut of zero is none");
    }

    /// Kept deltas are cut and compared one by one when the snapshot comes: all right, all are in effect; one wrong, the
    /// book stops there, and the rest is dropped.
    #[test]
    fn kept_deltas_are_compared_when_they_are_replayed() {
        let asks = [(11, 3)];
        let kept = |n: u64, sum: u32| {
            let trailer = Trailer { checksum: Some(sum), cut: 2, ..Trailer::default() };
            trailed(delta(n - 1, n, &[(10 - n as i64, n)], &[]), trailer)
        };
        let sums =
            [sum(&[(9, 1), (2, 2)], &asks), sum(&[(9, 1), (8, 2)], &asks), sum(&[(9, 1), (8, 2)], &asks)];
        for (wrong, passed, state) in [(None, 3, LIVE), (Some(1), 1, STALE)] {
            let mut book = keeper(Continuity::Range);
            for (n, sum) in sums.iter().enumerate() {
                book.take(&kept(n as u64 + 1, sum + u32::from(wrong == Some(n))));
            }
            check(&mut book, &[(beside(0, &[(2, 2)], &asks), Outcome::Applied, state)]);
            assert_eq!(book.shown()[0], [(9, 1), (8, 2)], "{state}");
            let counters = book.counters();
            let counts = (counters.checksum_pass, counters.checksum_fail, counters.dropped);
            assert_eq!(counts, (passed, u64::from(wrong.is_some()), u64::from(wrong.is_some())));
            assert_eq!((book.wants_snapshot(), book.buffered()), (wrong.is_some(), 0));
        }
    }

    /// A wrong checksum says more than a crossed book, and is the reason named; a break says more than both.
    #[test]
    fn checksum_is_named_before_crossing() {
        let mut book = keeper(Continuity::Unchecked);
        let disconnected = State::Stale(Reason::Disconnected);
        check(
            &mut book,
            &[
                (in_stream(1, &[(10, 1)], &[(11, 3)]), Outcome::Applied, LIVE),
                (summed(delta(0, 2, &[(12, 1)], &[]), 77), Outcome::Applied, STALE),
                (broken(Reason::Disconnected), Outcome::Broken, disconnected),
            ],
        );
        assert_eq!((book.counters().crossed, book.counters().checksum_fail), (1, 1));
    }
}
