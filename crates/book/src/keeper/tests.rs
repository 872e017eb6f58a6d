//! The rules of a book's life, each by an example.

use touchline_market::{
    Continuity, Crossing, Head, InstrumentId, Price, Reason, Record, Sequence, Side, State, UpdateKind,
};

use crate::testing::{Message, beside, delta, in_stream, message, scaled};
use crate::{BookConfig, BookError, Counters, Keeper, KeeperConfig, Outcome, Start};

const LIVE: State = State::Live;
const SYNCING: State = State::Syncing;
const GAP: State = State::Stale(Reason::Gap);

pub(super) fn keeper(continuity: Continuity) -> Keeper {
    Keeper::new(&KeeperConfig { continuity, ..KeeperConfig::default() })
}

impl Keeper {
    pub(super) fn take(&mut self, (head, body): &Message) -> Outcome {
        self.handle(head, body.iter())
    }

    /// Both sides as prices and quantities, best first.
    pub(super) fn shown(&self) -> [Vec<(i64, u64)>; 2] {
        [Side::Bid, Side::Ask]
            .map(|side| self.book.levels(side).map(|level| (level.price.0, level.qty.0)).collect())
    }
}

/// Takes the messages and compares outcome and state after each; then the sum of the counters.
pub(super) fn check(keeper: &mut Keeper, steps: &[(Message, Outcome, State)]) {
    for (n, (message, outcome, state)) in steps.iter().enumerate() {
        let got = keeper.take(message);
        assert_eq!((got, keeper.state()), (*outcome, *state), "message {n}");
        assert!(keeper.counters().balance(keeper.buffered()), "message {n}: {:?}", keeper.counters());
    }
}

pub(super) fn broken(reason: Reason) -> Message {
    (Head::broken(InstrumentId(0), None, reason), Vec::new())
}

/// Deltas wait for the snapshot, those it holds are dropped, the rest take effect in the same call.
#[test]
fn deltas_around_a_snapshot_take_effect_with_it() {
    let mut keeper = keeper(Continuity::Range);
    check(
        &mut keeper,
        &[
            (delta(1, 3, &[(50, 9)], &[]), Outcome::Buffered, SYNCING),
            (delta(3, 5, &[(60, 9)], &[]), Outcome::Buffered, SYNCING),
            (delta(5, 8, &[(100, 2)], &[(111, 0)]), Outcome::Buffered, SYNCING),
            (delta(8, 9, &[(99, 3)], &[]), Outcome::Buffered, SYNCING),
            (beside(6, &[(100, 1)], &[(110, 4)]), Outcome::Applied, LIVE),
            (delta(9, 12, &[], &[(110, 0), (120, 1)]), Outcome::Applied, LIVE),
            (delta(9, 12, &[], &[(110, 5)]), Outcome::Stale, LIVE),
        ],
    );
    assert_eq!(keeper.shown(), [vec![(100, 2), (99, 3)], vec![(120, 1)]]);
    let expected = Counters {
        received: 7,
        snapshots: 1,
        updates: 3,
        stale: 3,
        buffered: 4,
        before_start: 4,
        unknown_level: 1,
        ..Counters::default()
    };
    assert_eq!(*keeper.counters(), expected);
    assert_eq!((keeper.epoch(), keeper.sequence().0), (1, 12));
}

/// A snapshot that nothing of the stream came before is not live until the first delta joins it.
#[test]
fn snapshot_alone_is_not_live() {
    let mut keeper = keeper(Continuity::Predecessor);
    check(
        &mut keeper,
        &[
            (beside(10, &[(1, 1)], &[(2, 2)]), Outcome::Applied, SYNCING),
            (delta(10, 13, &[(1, 5)], &[]), Outcome::Applied, LIVE),
        ],
    );
    assert_eq!(keeper.counters().before_start, 0);
}

/// A delta dropped as older proves nothing: the snapshot may be any other's that is far ahead.
#[test]
fn older_delta_after_a_snapshot_does_not_make_it_live() {
    let mut keeper = keeper(Continuity::Range);
    check(
        &mut keeper,
        &[
            (beside(10, &[(1, 1)], &[(2, 2)]), Outcome::Applied, SYNCING),
            (delta(7, 9, &[(1, 5)], &[]), Outcome::Stale, SYNCING),
            (delta(9, 11, &[(1, 6)], &[]), Outcome::Applied, LIVE),
        ],
    );
    assert_eq!(keeper.shown()[0], [(1, 6)]);
}

/// The first delta shows that the loaded snapshot was too old: it was never live, and another one is wanted.
#[test]
fn snapshot_disproved_by_the_first_delta_is_wanted_again() {
    let mut keeper = keeper(Continuity::Range);
    check(
        &mut keeper,
        &[
            (beside(10, &[(1, 1)], &[(2, 2)]), Outcome::Applied, SYNCING),
            (delta(12, 14, &[(1, 5)], &[]), Outcome::TooOld, SYNCING),
        ],
    );
    assert!(keeper.wants_snapshot());
    assert_eq!((keeper.counters().disproved, keeper.buffered()), (1, 1));
    check(&mut keeper, &[(beside(13, &[(1, 4)], &[(2, 2)]), Outcome::Applied, LIVE)]);
    assert_eq!(keeper.shown()[0], [(1, 5)]);
}

/// A snapshot older than the buffer changes nothing, and the buffer waits for the next one.
#[test]
fn too_old_snapshot_keeps_the_buffer() {
    let mut keeper = keeper(Continuity::Predecessor);
    check(
        &mut keeper,
        &[
            (delta(20, 22, &[(5, 5)], &[]), Outcome::Buffered, SYNCING),
            (delta(22, 25, &[(6, 6)], &[]), Outcome::Buffered, SYNCING),
            (beside(19, &[(1, 1)], &[(9, 9)]), Outcome::TooOld, SYNCING),
        ],
    );
    assert!(keeper.wants_snapshot() && keeper.book().is_empty());
    assert_eq!((keeper.counters().too_old, keeper.buffered()), (1, 2));
    check(&mut keeper, &[(beside(22, &[(5, 5)], &[(9, 9)]), Outcome::Applied, LIVE)]);
    assert_eq!(keeper.shown(), [vec![(6, 6), (5, 5)], vec![(9, 9)]]);
    assert_eq!(keeper.counters().updates, 2, "the delta that ends at the snapshot is applied, not dropped");
}

/// A gap is flagged at once, its delta starts the new buffer, the levels stay as they were until the resync.
#[test]
fn gap_in_a_live_stream_wants_a_snapshot() {
    let mut keeper = keeper(Continuity::Counter);
    check(
        &mut keeper,
        &[
            (delta(0, 1, &[(1, 1)], &[]), Outcome::Buffered, SYNCING),
            (beside(1, &[(1, 1)], &[(9, 9)]), Outcome::Applied, LIVE),
            (delta(0, 3, &[(3, 3)], &[]), Outcome::Gap, GAP),
            (delta(0, 4, &[(4, 4)], &[]), Outcome::Buffered, GAP),
        ],
    );
    assert!(keeper.wants_snapshot());
    assert_eq!((keeper.shown()[0].as_slice(), keeper.sequence().0), (&[(1, 1)][..], 1));
    check(&mut keeper, &[(beside(2, &[(2, 2)], &[(9, 9)]), Outcome::Applied, LIVE)]);
    assert_eq!((keeper.shown()[0].len(), keeper.sequence().0, keeper.epoch()), (3, 4, 2));
    assert_eq!((keeper.counters().gaps, keeper.counters().before_start), (1, 1));
}

/// A hole among the kept deltas drops what came before it: a usable snapshot is newer than the hole.
#[test]
fn gap_in_the_buffer_begins_it_anew() {
    let mut keeper = keeper(Continuity::Range);
    check(
        &mut keeper,
        &[
            (delta(1, 2, &[(1, 1)], &[]), Outcome::Buffered, SYNCING),
            (delta(1, 2, &[(1, 1)], &[]), Outcome::Stale, SYNCING),
            (delta(5, 6, &[(2, 2)], &[]), Outcome::Buffered, SYNCING),
            (beside(4, &[(1, 1)], &[]), Outcome::TooOld, SYNCING),
            (beside(5, &[(1, 1)], &[]), Outcome::Applied, LIVE),
        ],
    );
    assert_eq!((keeper.counters().gaps, keeper.counters().dropped), (1, 1));
    assert_eq!(keeper.shown()[0], [(2, 2), (1, 1)]);
}

/// A snapshot of the stream replaces the book at its place, each time with a new epoch.
#[test]
fn snapshot_of_the_stream_replaces_at_once() {
    let mut keeper = keeper(Continuity::Counter);
    check(
        &mut keeper,
        &[
            (delta(0, 7, &[(1, 1)], &[]), Outcome::Buffered, SYNCING),
            (in_stream(8, &[(2, 2)], &[(3, 3)]), Outcome::Applied, LIVE),
            (delta(0, 9, &[(1, 1)], &[]), Outcome::Applied, LIVE),
            (in_stream(1, &[(5, 5)], &[(6, 6)]), Outcome::Applied, LIVE),
            (delta(0, 2, &[(5, 0), (4, 4)], &[]), Outcome::Applied, LIVE),
        ],
    );
    assert_eq!(keeper.shown(), [vec![(4, 4)], vec![(6, 6)]]);
    assert_eq!((keeper.epoch(), keeper.counters().dropped), (2, 1));
}

/// Whole books of the depth channel replace one another without a new epoch; an older one is dropped.
#[test]
fn whole_books_follow_one_another() {
    let mut keeper = keeper(Continuity::Unchecked);
    let depth = |sequence, price| message(UpdateKind::Depth, 0, sequence, &[(price, 1)], &[(price + 1, 1)]);
    check(
        &mut keeper,
        &[
            (depth(5, 10), Outcome::Applied, LIVE),
            (depth(7, 20), Outcome::Applied, LIVE),
            (depth(6, 30), Outcome::Stale, LIVE),
            (broken(Reason::Disconnected), Outcome::Broken, State::Stale(Reason::Disconnected)),
            (depth(6, 30), Outcome::Applied, LIVE),
        ],
    );
    assert_eq!((keeper.epoch(), keeper.shown()[0][0]), (2, (30, 1)));
}

/// A late snapshot does not rewind a live book; a newer one is taken without leaving LIVE.
#[test]
fn snapshot_beside_a_live_stream_is_taken_only_if_newer() {
    let mut keeper = keeper(Continuity::Predecessor);
    check(
        &mut keeper,
        &[
            (delta(4, 5, &[(1, 1)], &[]), Outcome::Buffered, SYNCING),
            (beside(5, &[(1, 1)], &[(9, 9)]), Outcome::Applied, LIVE),
            (delta(5, 8, &[(2, 2)], &[]), Outcome::Applied, LIVE),
            (beside(8, &[(1, 7)], &[(9, 9)]), Outcome::Ignored, LIVE),
            (beside(11, &[(3, 3)], &[(9, 9)]), Outcome::Applied, LIVE),
            (delta(8, 10, &[(1, 8)], &[]), Outcome::Stale, LIVE),
            (delta(10, 12, &[(4, 4)], &[]), Outcome::Applied, LIVE),
        ],
    );
    assert_eq!((keeper.shown()[0].as_slice(), keeper.epoch()), (&[(4, 4), (3, 3)][..], 1));
    assert_eq!((keeper.counters().ignored_snapshots, keeper.counters().snapshots), (1, 2));
    check(
        &mut keeper,
        &[
            (beside(20, &[(3, 3)], &[(9, 9)]), Outcome::Applied, LIVE),
            (delta(21, 22, &[(4, 4)], &[]), Outcome::Gap, GAP),
        ],
    );
}

/// A break makes the book stale for its reason and empties the buffer, before the first snapshot too.
#[test]
fn break_makes_the_book_stale_for_its_reason() {
    let mut keeper = keeper(Continuity::Range);
    let stale = State::Stale;
    check(
        &mut keeper,
        &[
            (delta(0, 1, &[(1, 1)], &[]), Outcome::Buffered, SYNCING),
            (broken(Reason::Stalled), Outcome::Broken, stale(Reason::Stalled)),
            (beside(3, &[(1, 1)], &[(9, 9)]), Outcome::Applied, stale(Reason::Stalled)),
            (delta(3, 4, &[(2, 2)], &[]), Outcome::Applied, LIVE),
            (broken(Reason::Disconnected), Outcome::Broken, stale(Reason::Disconnected)),
            (delta(4, 5, &[(3, 3)], &[]), Outcome::Buffered, stale(Reason::Disconnected)),
        ],
    );
    assert!(keeper.wants_snapshot());
    assert_eq!((keeper.counters().breaks, keeper.counters().dropped, keeper.shown()[0].len()), (2, 1, 2));
}

/// Best bid above best ask after a whole message: stale where it is judged, flagged where it is allowed.
#[test]
fn crossed_book_is_stale_unless_allowed() {
    let messages =
        [in_stream(1, &[(10, 1)], &[(11, 1)]), delta(1, 2, &[(11, 1)], &[]), delta(2, 3, &[(12, 1)], &[])];
    for (crossing, state) in [(Crossing::Judged, State::Stale(Reason::Crossed)), (Crossing::Allowed, LIVE)] {
        let mut keeper = Keeper::new(&KeeperConfig { crossing, ..KeeperConfig::default() });
        keeper.take(&messages[0]);
        keeper.take(&messages[1]);
        assert_eq!((keeper.state(), keeper.is_locked(), keeper.is_crossed()), (LIVE, true, false));
        keeper.take(&messages[2]);
        assert_eq!((keeper.state(), keeper.is_locked(), keeper.is_crossed()), (state, false, true));
        assert_eq!((keeper.counters().crossed, keeper.counters().locked), (1, 1));
        assert_eq!(keeper.wants_snapshot(), crossing == Crossing::Judged);
    }
}

/// A recording without a snapshot: applied from the first delta on, over gaps, never live, nothing proven.
#[test]
fn book_that_begins_empty_is_never_live() {
    let mut keeper = Keeper::new(&KeeperConfig { start: Start::Empty, ..KeeperConfig::default() });
    check(
        &mut keeper,
        &[
            (delta(4, 5, &[(1, 1)], &[(9, 9)]), Outcome::Applied, SYNCING),
            (delta(5, 6, &[(2, 2)], &[]), Outcome::Applied, SYNCING),
            (delta(5, 6, &[(2, 7)], &[]), Outcome::Stale, SYNCING),
            (delta(8, 9, &[(3, 3)], &[(2, 2)]), Outcome::Gap, SYNCING),
        ],
    );
    assert_eq!((keeper.shown()[0].len(), keeper.book().proven(Side::Bid)), (3, 0));
    let counters = keeper.counters();
    assert_eq!((counters.msgs(), counters.gaps, counters.stale, counters.before_start), (3, 1, 1, 0));
    assert_eq!((counters.crossed, keeper.wants_snapshot()), (1, false));
}

/// The buffer's limits hold; what overflows it begins the next one.
#[test]
fn overflowing_buffer_begins_anew() {
    let by_count = KeeperConfig { buffer_messages: 3, ..KeeperConfig::default() };
    let by_bytes = KeeperConfig { buffer_bytes: 3 * (size_of::<Head>() + size_of::<Record>()), ..by_count };
    let by_bytes = KeeperConfig { buffer_messages: 99, ..by_bytes };
    for config in [by_count, by_bytes] {
        let mut keeper = Keeper::new(&config);
        for n in 0..8 {
            assert_eq!(keeper.take(&delta(n, n + 1, &[(1, 1)], &[])), Outcome::Buffered);
        }
        assert_eq!((keeper.buffered(), keeper.counters().overflows, keeper.counters().dropped), (2, 2, 6));
        assert!(keeper.counters().balance(keeper.buffered()));
        assert_eq!(keeper.take(&beside(5, &[], &[])), Outcome::TooOld);
        assert_eq!(keeper.take(&beside(6, &[], &[])), Outcome::Applied);
        assert_eq!((keeper.sequence().0, keeper.state()), (8, LIVE));
    }
}

/// Every kind of invalid message: named, counted, and the levels are what they were.
#[test]
fn invalid_messages_leave_the_levels_alone() {
    let book = BookConfig { levels_max: 3, ..BookConfig::default() };
    let config = KeeperConfig { book, ..KeeperConfig::default() };
    let mut short = delta(5, 6, &[(1, 1), (2, 2)], &[(9, 9), (10, 10)]);
    short.1.pop();
    let limit = |levels| BookError::TooManyLevels { levels, limit: 3 };
    for (bad, error) in [
        (short, BookError::Short { expected: 2, found: 1 }),
        (delta(5, 6, &[(1, 1), (2, 2), (3, 3)], &[]), limit(5)),
        (scaled(delta(5, 6, &[(1, 1)], &[]), 19, 0), BookError::NoScale(19)),
        (scaled(delta(5, 6, &[(1, 1)], &[(2, 2)]), 18, 0), BookError::Scale { from: 0, to: 18 }),
        (scaled(delta(5, 6, &[(1, 1)], &[]), 0, 18), BookError::Scale { from: 0, to: 18 }),
        (in_stream(9, &[(4, 4), (3, 3), (2, 2), (1, 1)], &[]), limit(4)),
        (
            in_stream(9, &[], &[(5, 1), (4, 1), (5, 2)]),
            BookError::Duplicate { side: Side::Ask, price: Price(5) },
        ),
    ] {
        let mut keeper = Keeper::new(&config);
        keeper.take(&in_stream(5, &[(50, 1), (49, 1)], &[(60, 20)]));
        let before = (keeper.shown(), keeper.book().proven(Side::Bid), keeper.book().price_scale());
        assert_eq!(keeper.take(&bad), Outcome::Rejected(error));
        assert_eq!(before, (keeper.shown(), keeper.book().proven(Side::Bid), keeper.book().price_scale()));
        assert_eq!(keeper.state(), State::Stale(Reason::BadMessage));
        assert!(keeper.wants_snapshot() && keeper.counters().balance(0));
    }
}

/// A bad delta among the kept ones stops the replay; what came after it waits for a newer snapshot.
#[test]
fn bad_delta_in_a_replay_keeps_the_rest() {
    let mut keeper = keeper(Continuity::Range);
    let bad_message = State::Stale(Reason::BadMessage);
    check(
        &mut keeper,
        &[
            (delta(0, 1, &[(1, 1)], &[]), Outcome::Buffered, SYNCING),
            (scaled(delta(1, 2, &[(2, 2)], &[]), 18, 0), Outcome::Buffered, SYNCING),
            (delta(2, 3, &[(3, 3)], &[]), Outcome::Buffered, SYNCING),
            (
                beside(0, &[(100, 1)], &[(101, 1)]),
                Outcome::Rejected(BookError::Scale { from: 0, to: 18 }),
                bad_message,
            ),
        ],
    );
    assert_eq!((keeper.buffered(), keeper.counters().rejected), (1, 1));
    check(
        &mut keeper,
        &[
            (beside(1, &[(1, 1)], &[]), Outcome::TooOld, bad_message),
            (beside(2, &[(1, 1)], &[(101, 1)]), Outcome::Applied, LIVE),
        ],
    );
    assert_eq!(keeper.shown()[0], [(3, 3), (1, 1)]);
}

/// A delta cut short is rejected while waiting too, and takes the buffer with it: what it said is missing there.
#[test]
fn short_delta_is_not_kept() {
    let mut keeper = keeper(Continuity::Unchecked);
    let mut short = delta(1, 2, &[(1, 1)], &[]);
    short.1.clear();
    let rejected = Outcome::Rejected(BookError::Short { expected: 1, found: 0 });
    check(
        &mut keeper,
        &[
            (delta(0, 1, &[(1, 1)], &[]), Outcome::Buffered, SYNCING),
            (short, rejected, State::Stale(Reason::BadMessage)),
        ],
    );
    assert_eq!((keeper.buffered(), keeper.counters().dropped), (0, 1));
}

/// A bad snapshot beside a live stream costs nothing; beside a waiting one it keeps the buffer.
#[test]
fn bad_snapshot_beside_the_stream_costs_only_itself() {
    let mut keeper = keeper(Continuity::Range);
    let bad = |sequence| beside(sequence, &[(1, 1), (1, 2)], &[]);
    let error = Outcome::Rejected(BookError::Duplicate { side: Side::Bid, price: Price(1) });
    check(
        &mut keeper,
        &[
            (delta(0, 1, &[(1, 1)], &[]), Outcome::Buffered, SYNCING),
            (bad(1), error, State::Stale(Reason::BadMessage)),
            (beside(1, &[(7, 7)], &[]), Outcome::Applied, LIVE),
            (bad(5), error, LIVE),
            (delta(1, 2, &[(1, 1)], &[]), Outcome::Applied, LIVE),
        ],
    );
}

/// A book that was ended ignores everything but a break that revives it: then a snapshot brings it back.
#[test]
fn ended_book_stays_dead_until_a_break_revives_it() {
    let mut keeper = keeper(Continuity::Range);
    keeper.take(&delta(0, 1, &[(1, 1)], &[]));
    let dead = State::Dead(Reason::Config);
    let ended = (Head::ended(InstrumentId(0), None, Reason::Config), Vec::new());
    check(
        &mut keeper,
        &[
            (ended, Outcome::Broken, dead),
            (in_stream(1, &[(1, 1)], &[]), Outcome::Ignored, dead),
            (delta(1, 2, &[(1, 1)], &[]), Outcome::Ignored, dead),
            (broken(Reason::SnapshotLate), Outcome::Ignored, dead),
        ],
    );
    assert!(!keeper.wants_snapshot());
    check(
        &mut keeper,
        &[
            (broken(Reason::Disconnected), Outcome::Broken, State::Stale(Reason::Disconnected)),
            (delta(2, 3, &[(1, 1)], &[]), Outcome::Buffered, State::Stale(Reason::Disconnected)),
            (beside(2, &[(1, 7)], &[]), Outcome::Applied, LIVE),
        ],
    );
}

/// A late snapshot is said of a book that waits, keeps what it has buffered, and is not heard by one that does not.
#[test]
fn late_snapshot_names_the_reason_and_keeps_the_buffer() {
    let mut keeper = keeper(Continuity::Range);
    check(
        &mut keeper,
        &[
            (delta(0, 1, &[(1, 1)], &[]), Outcome::Buffered, SYNCING),
            (broken(Reason::SnapshotLate), Outcome::Broken, State::Stale(Reason::SnapshotLate)),
            (broken(Reason::RateLimited), Outcome::Broken, State::Stale(Reason::RateLimited)),
            (delta(1, 2, &[(2, 2)], &[]), Outcome::Buffered, State::Stale(Reason::RateLimited)),
            (beside(1, &[(1, 7)], &[]), Outcome::Applied, LIVE),
            (broken(Reason::SnapshotLate), Outcome::Ignored, LIVE),
        ],
    );
    assert_eq!(keeper.sequence(), Sequence(2));
}

/// A quiet stream sends nothing after the snapshot. An empty delta at its sequence says that the stream was asked and
/// had nothing newer: the book is live, and the next real delta still has to follow.
#[test]
fn empty_delta_at_the_snapshots_sequence_proves_a_quiet_stream() {
    for family in [Continuity::Range, Continuity::Predecessor, Continuity::Counter] {
        let mut keeper = keeper(family);
        keeper.take(&beside(7, &[(1, 1)], &[(2, 1)]));
        assert_eq!(keeper.state(), SYNCING);
        keeper.take(&delta(7, 7, &[], &[]));
        assert_eq!((keeper.state(), keeper.sequence()), (LIVE, Sequence(7)), "{family:?}");
        keeper.take(&delta(8, 9, &[], &[]));
        assert_eq!(keeper.state(), State::Stale(Reason::Gap), "{family:?}");
    }
}
