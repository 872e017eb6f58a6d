//! The rules of a book of several paths, each by an example.

use touchline_market::{Continuity, Head, InstrumentId, Nanos, Reason, Side, State};

use super::{Paths, PathsConfig};
use crate::testing::{Levels, Message, at, beside, by, delta, in_stream};
use crate::{BookError, KeeperConfig, Outcome};

const LIVE: State = State::Live;
const GAP: State = State::Stale(Reason::Gap);
const DOWN: State = State::Stale(Reason::Disconnected);
const MS: u64 = 1_000_000;

fn paths(continuity: Continuity, paths: u8) -> Paths {
    let keeper = KeeperConfig { continuity, ..KeeperConfig::default() };
    Paths::new(&PathsConfig { keeper, paths, ..PathsConfig::default() })
}

/// A book of two paths, live at 10 by path 0, which path 1 has heard too.
fn live(continuity: Continuity) -> Paths {
    let mut book = paths(continuity, 2);
    check(
        &mut book,
        &[
            (by(0, in_stream(9, &[(1, 1)], &[(99, 1)])), Outcome::Applied, LIVE),
            (by(0, next(10)), Outcome::Applied, LIVE),
            (by(1, next(10)), Outcome::Stale, LIVE),
        ],
    );
    book
}

/// The delta that leads to a sequence, with a level that says so.
fn next(sequence: u64) -> Message {
    let level: Levels = &[(2, sequence)];
    at(sequence * MS, delta(sequence - 1, sequence, level, &[]))
}

fn broken(path: u8, reason: Reason) -> Message {
    by(path, (Head::broken(InstrumentId(0), None, reason), Vec::new()))
}

fn ended(path: u8) -> Message {
    by(path, (Head::ended(InstrumentId(0), None, Reason::Config), Vec::new()))
}

/// Takes the messages and compares outcome and state after each; then the sum of the counters.
fn check(book: &mut Paths, steps: &[(Message, Outcome, State)]) {
    for (n, ((head, body), outcome, state)) in steps.iter().enumerate() {
        let got = book.handle(head, body.iter());
        assert_eq!((got, book.keeper().state()), (*outcome, *state), "message {n}");
        assert!(book.counters().balance(book.buffered()), "message {n}: {:?}", book.counters());
    }
}

fn sequence(book: &Paths) -> u64 {
    book.keeper().sequence().0
}

/// What one path lost the other brings: what came too early waits and follows in order, the book is live throughout,
/// and the figures say who was first, who was late, and who lost what.
#[test]
fn hole_of_one_path_is_filled_by_the_other() {
    for family in [Continuity::Range, Continuity::Predecessor, Continuity::Counter] {
        let mut book = live(family);
        check(
            &mut book,
            &[(by(0, next(12)), Outcome::Buffered, LIVE), (by(0, next(13)), Outcome::Buffered, LIVE)],
        );
        assert_eq!((sequence(&book), book.held()), (10, 2));
        let late = |n: u64| at(n * MS + 3_000, by(1, next(n)));
        check(&mut book, &[(late(11), Outcome::Applied, LIVE), (late(12), Outcome::Stale, LIVE)]);
        assert_eq!((sequence(&book), book.held()), (13, 0));
        check(&mut book, &[(by(0, next(14)), Outcome::Applied, LIVE)]);
        let (first, second) = (book.figures(0), book.figures(1));
        assert_eq!((first.messages, first.wins, first.stale, first.losses), (5, 4, 0, 1), "{family:?}");
        assert_eq!((second.messages, second.wins, second.stale, second.losses), (3, 1, 2, 0));
        assert_eq!((first.leads.count(), second.leads.count()), (2, 0));
        assert_eq!((first.leads.p50(), first.leads.p99()), (Some(0), Some(4_095)));
        assert_eq!((book.counters().gaps, book.keeper().epoch()), (0, 1));
    }
}

/// A path that has come past the hole itself will not fill it: the gap is said at once, and what was held waits for
/// the snapshot with the rest.
#[test]
fn hole_that_no_path_can_fill_is_a_gap_at_once() {
    let mut book = live(Continuity::Counter);
    check(
        &mut book,
        &[
            (by(0, next(12)), Outcome::Buffered, LIVE),
            (by(0, next(13)), Outcome::Buffered, LIVE),
            (by(1, next(12)), Outcome::Stale, GAP),
        ],
    );
    assert_eq!((book.held(), book.buffered(), book.wants_snapshot(0)), (0, 2, true));
    check(&mut book, &[(by(1, beside(11, &[(5, 5)], &[(99, 1)])), Outcome::Applied, LIVE)]);
    assert_eq!(sequence(&book), 13);
}

/// Without another path that is up, nothing is held: a gap is a gap.
#[test]
fn nothing_is_held_for_a_path_that_is_down() {
    let mut never_up = paths(Continuity::Counter, 2);
    check(
        &mut never_up,
        &[(by(0, in_stream(9, &[], &[])), Outcome::Applied, LIVE), (by(0, next(11)), Outcome::Gap, GAP)],
    );
    let mut down = live(Continuity::Counter);
    check(
        &mut down,
        &[(broken(1, Reason::Stalled), Outcome::Ignored, LIVE), (by(0, next(12)), Outcome::Gap, GAP)],
    );
}

/// The path for which a message is held goes down: what is held goes to the book, which says that there is a gap; if it
/// is the path that brought it, the message stays.
#[test]
fn break_of_the_path_that_is_waited_for_ends_the_wait() {
    for (path, state) in [(1, GAP), (0, LIVE)] {
        let mut book = live(Continuity::Range);
        check(
            &mut book,
            &[
                (by(0, next(12)), Outcome::Buffered, LIVE),
                (broken(path, Reason::Disconnected), Outcome::Ignored, state),
            ],
        );
        assert_eq!((book.held(), book.is_up(path)), (usize::from(state == LIVE), false));
    }
}

/// The time for which messages are held ends with the first message after it, or when the owner says so.
#[test]
fn messages_are_held_for_a_bounded_time() {
    let hold_ns = PathsConfig::default().hold_ns;
    let over = Nanos(12 * MS + hold_ns + 1);
    for by_clock in [true, false] {
        let mut book = live(Continuity::Counter);
        check(&mut book, &[(by(0, next(12)), Outcome::Buffered, LIVE)]);
        assert_eq!(book.deadline(), Some(Nanos(12 * MS + hold_ns)));
        assert!(!book.tick(Nanos(12 * MS + hold_ns)));
        if by_clock {
            assert!(book.tick(over));
        } else {
            check(&mut book, &[(at(over.0, by(1, next(10))), Outcome::Stale, GAP)]);
        }
        assert_eq!((book.keeper().state(), book.held(), book.deadline()), (GAP, 0, None));
    }
}

/// Of two holes the second has its own time: the first is given up, what lies behind the second stays held.
#[test]
fn each_hole_has_its_own_time() {
    let mut book = live(Continuity::Counter);
    let hold_ns = PathsConfig::default().hold_ns;
    let late = at(12 * MS + hold_ns, by(0, next(15)));
    check(&mut book, &[(by(0, next(12)), Outcome::Buffered, LIVE), (late, Outcome::Buffered, LIVE)]);
    assert!(book.tick(Nanos(12 * MS + hold_ns + 1)));
    assert_eq!((book.keeper().state(), book.held(), book.buffered()), (GAP, 1, 1));
    check(
        &mut book,
        &[
            (by(1, next(13)), Outcome::Buffered, GAP),
            (by(1, next(14)), Outcome::Buffered, GAP),
            (by(1, beside(12, &[], &[])), Outcome::Applied, LIVE),
        ],
    );
    assert_eq!((sequence(&book), book.held()), (15, 0));
}

/// As many messages as may be held; one more, and all go to the book.
#[test]
fn messages_are_held_within_their_limits() {
    let small = PathsConfig { hold_messages: 3, ..PathsConfig::default() };
    let bytes = PathsConfig { hold_bytes: 500, ..PathsConfig::default() };
    for config in [small, bytes] {
        let mut book = Paths::new(&config);
        for message in [by(0, in_stream(9, &[], &[])), by(1, in_stream(9, &[], &[]))] {
            book.handle(&message.0, message.1.iter());
        }
        let mut most = 0;
        for n in 20..30 {
            let (head, body) = by(0, next(n));
            book.handle(&head, body.iter());
            most = most.max(book.held());
        }
        assert!((2..=3).contains(&most), "{most}");
        assert_eq!((book.keeper().state(), book.counters().gaps), (GAP, 1));
        assert_eq!((book.held(), book.buffered()), (0, 10));
    }
}

/// A break concerns its path alone while another is up; the last one is the book's. A path is up again with the first
/// message that fits, and its snapshot is of no use to a live book.
#[test]
fn breaks_concern_their_path_until_the_last() {
    let mut book = live(Continuity::Counter);
    check(
        &mut book,
        &[
            (broken(0, Reason::Disconnected), Outcome::Ignored, LIVE),
            (by(1, next(11)), Outcome::Applied, LIVE),
            (by(0, in_stream(10, &[(7, 7)], &[])), Outcome::Ignored, LIVE),
            (by(0, next(11)), Outcome::Stale, LIVE),
            (broken(1, Reason::BadMessage), Outcome::Ignored, LIVE),
            (by(0, next(12)), Outcome::Applied, LIVE),
        ],
    );
    assert_eq!((book.is_up(0), book.is_up(1), book.keeper().epoch()), (true, false, 1));
    check(&mut book, &[(broken(0, Reason::Disconnected), Outcome::Broken, DOWN)]);
    assert!(book.wants_snapshot(0) && !book.wants_snapshot(1));
    check(&mut book, &[(by(1, in_stream(20, &[(7, 7)], &[])), Outcome::Applied, LIVE)]);
    assert_eq!((book.figures(0).breaks, book.figures(1).breaks, book.counters().breaks), (2, 1, 1));
}

/// A path that has come back and is ahead of the book does not count as up: when the last one that is breaks, so does
/// the book, and what the other brought waits for its snapshot.
#[test]
fn path_that_does_not_fit_yet_is_not_up() {
    let mut book = live(Continuity::Counter);
    check(
        &mut book,
        &[
            (broken(1, Reason::Disconnected), Outcome::Ignored, LIVE),
            (by(1, next(15)), Outcome::Buffered, LIVE),
            (by(0, next(11)), Outcome::Applied, LIVE),
            (broken(0, Reason::Disconnected), Outcome::Broken, DOWN),
        ],
    );
    assert_eq!((book.held(), book.buffered(), book.is_up(1)), (0, 1, true));
    check(&mut book, &[(by(1, beside(14, &[], &[])), Outcome::Applied, LIVE)]);
}

/// What nothing will mend ends the book only when it has ended every path; a path that comes back revives it.
#[test]
fn book_is_dead_when_every_path_is() {
    for family in [Continuity::Counter, Continuity::Unchecked] {
        let (mut book, config) = (paths(family, 2), State::Stale(Reason::Config));
        for message in [by(0, in_stream(9, &[], &[])), ended(0)] {
            book.handle(&message.0, message.1.iter());
        }
        assert_eq!(book.keeper().state(), config, "path 1 may still come");
        for message in [by(1, in_stream(9, &[], &[])), ended(1)] {
            book.handle(&message.0, message.1.iter());
        }
        assert_eq!(book.keeper().state(), State::Dead(Reason::Config), "{family:?}");
        for message in [broken(0, Reason::Disconnected), by(0, in_stream(12, &[], &[]))] {
            book.handle(&message.0, message.1.iter());
        }
        assert_eq!(book.keeper().state(), LIVE, "{family:?}");
    }
}

/// The snapshot of a path that came later says that it is further than the book; it is left to the first path to bring
/// what lies between. If that path breaks instead, the book is not live at its old place, however quiet the other is.
#[test]
fn book_behind_the_only_path_left_is_not_live() {
    let mut book = paths(Continuity::Counter, 2);
    check(
        &mut book,
        &[
            (by(0, in_stream(9, &[(1, 1)], &[])), Outcome::Applied, LIVE),
            (by(1, in_stream(12, &[(2, 2)], &[])), Outcome::Ignored, LIVE),
            (broken(0, Reason::Disconnected), Outcome::Broken, DOWN),
        ],
    );
    assert!(book.wants_snapshot(1));
    check(&mut book, &[(by(1, in_stream(12, &[(2, 2)], &[])), Outcome::Applied, LIVE)]);
    // Alone, the path may begin anew whenever it likes.
    check(&mut book, &[(by(1, in_stream(15, &[(3, 3)], &[])), Outcome::Applied, LIVE)]);
    assert_eq!(sequence(&book), 15);
}

/// A break of all paths is the book's at once.
#[test]
fn break_of_all_paths_is_the_books() {
    for family in [Continuity::Counter, Continuity::Unchecked] {
        let mut book = paths(family, 2);
        for path in [0, 1] {
            let (head, body) = by(path, in_stream(9, &[], &[]));
            book.handle(&head, body.iter());
        }
        let head = Head::broken(InstrumentId(0), None, Reason::Overrun);
        assert_eq!(book.break_all(&head), Outcome::Broken);
        assert_eq!(book.keeper().state(), State::Stale(Reason::Overrun), "{family:?}");
        assert!(!book.is_up(0) && !book.is_up(1));
    }
}

/// A message that one path cut short is nothing to the book while another path is up, which brings it whole.
#[test]
fn short_message_of_one_path_costs_that_path_only() {
    let mut book = live(Continuity::Counter);
    let mut short = by(0, next(11));
    short.1.clear();
    let rejected = Outcome::Rejected(BookError::Short { expected: 1, found: 0 });
    check(
        &mut book,
        &[
            (short.clone(), rejected, LIVE),
            (by(1, next(11)), Outcome::Applied, LIVE),
            (broken(1, Reason::Disconnected), Outcome::Broken, DOWN),
        ],
    );
    let mut alone = live(Continuity::Counter);
    check(
        &mut alone,
        &[
            (broken(1, Reason::Disconnected), Outcome::Ignored, LIVE),
            (short, rejected, State::Stale(Reason::BadMessage)),
        ],
    );
}

/// The venue counts anew: the first path to say so resets the book, the other's copy of it is a copy, and neither the
/// old numbers that it still brings nor those that are held come between.
#[test]
fn new_count_is_heard_once() {
    let reset = State::Stale(Reason::Reset);
    let mut book = live(Continuity::Range);
    let first = |path, n: u64| by(path, at(20 * MS, delta(n - 1, n, &[(2, n)], &[])));
    check(
        &mut book,
        &[
            (by(1, next(12)), Outcome::Buffered, LIVE),
            (first(0, 1), Outcome::Gap, reset),
            (first(0, 2), Outcome::Buffered, reset),
            (by(0, beside(1, &[(1, 1)], &[])), Outcome::Applied, LIVE),
            (by(1, next(13)), Outcome::Buffered, LIVE),
            (first(1, 1), Outcome::Stale, LIVE),
            (first(1, 2), Outcome::Stale, LIVE),
            (first(1, 3), Outcome::Applied, LIVE),
        ],
    );
    assert_eq!((sequence(&book), book.held(), book.counters().resets), (3, 0, 1));
}

/// Old numbers that never end are a new count, though two paths tell of it in turn.
#[test]
fn old_numbers_of_both_paths_that_never_end_are_a_new_count() {
    let mut book = live(Continuity::Counter);
    let mut reset_at = None;
    for n in 2..9_u64 {
        for path in [0, 1] {
            let (head, body) = at(n * 400 * MS, by(path, delta(n - 1, n, &[], &[])));
            book.handle(&head, body.iter());
            if !book.keeper().state().is_live() {
                reset_at.get_or_insert(n);
            }
        }
    }
    assert_eq!((reset_at, book.counters().resets), (Some(8), 1), "more than two seconds after the first");
    assert_eq!(book.keeper().state(), State::Stale(Reason::Reset));
}

/// Each path brings but one message of the new count: together they get further, after more than two seconds.
#[test]
fn new_count_is_seen_in_what_the_paths_bring_together() {
    let mut book = live(Continuity::Range);
    let old = |path, n: u64, millis: u64| by(path, at(millis * MS, delta(n - 1, n, &[], &[])));
    check(
        &mut book,
        &[
            (old(1, 3, 20), Outcome::Stale, LIVE),
            (old(0, 3, 30), Outcome::Stale, LIVE),
            (old(1, 3, 2_500), Outcome::Stale, LIVE),
            (old(0, 4, 3_020), Outcome::Gap, State::Stale(Reason::Reset)),
        ],
    );
    assert_eq!(book.counters().resets, 1);
}

/// A stream that restarts with a snapshot of a lower sequence on the same connection replaces the book at once, and the
/// other path's copy of that snapshot does not do it again.
#[test]
fn snapshot_of_a_new_count_replaces_a_live_book() {
    let mut book = live(Continuity::Counter);
    check(
        &mut book,
        &[
            (by(0, in_stream(1, &[(8, 8)], &[(99, 1)])), Outcome::Applied, LIVE),
            (by(0, next(2)), Outcome::Applied, LIVE),
            (by(1, in_stream(1, &[(8, 8)], &[(99, 1)])), Outcome::Ignored, LIVE),
            (by(1, next(2)), Outcome::Stale, LIVE),
        ],
    );
    assert_eq!((sequence(&book), book.keeper().epoch()), (2, 2));
    assert_eq!(book.keeper().book().best(Side::Bid).map(|level| level.price.0), Some(8));
}

/// Each path has its book where nothing numbers the stream: the first live one leads, the next takes over when it is
/// not, and epochs only rise.
#[test]
fn unnumbered_paths_have_a_book_each() {
    let mut book = paths(Continuity::Unchecked, 3);
    let mut epochs = vec![book.keeper().epoch()];
    let mut show = |book: &Paths, leader: u8, best: i64| {
        let shown = book.keeper().book().best(Side::Bid).map(|level| level.price.0);
        assert_eq!((book.leader(), shown), (Some(leader), Some(best)));
        epochs.push(book.keeper().epoch());
    };
    check(&mut book, &[(by(1, in_stream(5, &[(11, 1)], &[])), Outcome::Applied, LIVE)]);
    show(&book, 1, 11);
    check(
        &mut book,
        &[
            (by(0, in_stream(5, &[(10, 1)], &[])), Outcome::Applied, LIVE),
            (by(1, delta(0, 6, &[(12, 1)], &[])), Outcome::Applied, LIVE),
            (by(0, delta(0, 6, &[(12, 1)], &[])), Outcome::Applied, LIVE),
        ],
    );
    show(&book, 1, 12);
    check(&mut book, &[(broken(1, Reason::Disconnected), Outcome::Broken, LIVE)]);
    show(&book, 0, 12);
    assert!(book.wants_snapshot(1) && !book.wants_snapshot(0));
    check(&mut book, &[(by(1, in_stream(7, &[(14, 1)], &[])), Outcome::Applied, LIVE)]);
    show(&book, 0, 12);
    check(&mut book, &[(broken(0, Reason::Disconnected), Outcome::Broken, LIVE)]);
    show(&book, 1, 14);
    check(&mut book, &[(broken(1, Reason::Stalled), Outcome::Broken, State::Stale(Reason::Stalled))]);
    assert!(
        epochs.is_sorted() && epochs.windows(2).filter(|pair| pair[0] < pair[1]).count() == 3,
        "{epochs:?}"
    );
    assert_eq!((book.figures(1).wins, book.figures(0).stale, book.counters().received), (1, 1, 5));
}

/// What a path brought before it broke, and what was held for another, is used; it does not make the path one that is
/// there: with the last that is, the book breaks.
#[test]
fn held_message_does_not_bring_its_path_back() {
    let mut book = live(Continuity::Counter);
    check(
        &mut book,
        &[
            (by(0, next(12)), Outcome::Buffered, LIVE),
            (broken(0, Reason::Disconnected), Outcome::Ignored, LIVE),
            (by(1, next(11)), Outcome::Applied, LIVE),
        ],
    );
    assert_eq!((sequence(&book), book.is_up(0), book.is_up(1)), (12, false, true));
    check(&mut book, &[(broken(1, Reason::Disconnected), Outcome::Broken, DOWN)]);
}

/// Messages are lost for want of room, whosever they were: a book that has ended for good stays so, and so does a path of
/// one that lives; the beginning of its stream brings it back.
#[test]
fn overrun_does_not_bring_back_what_has_ended() {
    let lost = Head::broken(InstrumentId(0), None, Reason::Overrun);
    let dead = State::Dead(Reason::Config);
    for family in [Continuity::Range, Continuity::Unchecked] {
        let mut book = paths(family, 2);
        for path in [0, 1] {
            let (head, body) = by(path, in_stream(10, &[(1, 1)], &[]));
            book.handle(&head, body.iter());
        }
        for path in [0, 1] {
            assert_ne!(book.keeper().state(), dead, "{family:?}");
            let (head, body) = ended(path);
            book.handle(&head, body.iter());
            book.break_all(&lost);
        }
        assert_eq!(book.keeper().state(), dead, "{family:?}");
        let (head, body) = broken(1, Reason::Disconnected);
        book.handle(&head, body.iter());
        assert_eq!(book.keeper().state(), DOWN, "{family:?}");
    }
}
