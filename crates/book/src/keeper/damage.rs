//! A live book is the venue's book, whatever happens to the stream: removed, doubled, swapped messages, snapshots of
//! any age at any place, against an oracle that knows the venue's book at each sequence.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use touchline_market::{Continuity, Flags, Reason, Side, State, UpdateKind};

use super::tests::broken;
use crate::testing::{Message, at, beside, delta, in_stream};
use crate::{Keeper, KeeperConfig};

/// What one delta brings: how far its sequence jumps, and its changes (bid or ask, price, quantity).
type Change = (u64, Vec<(bool, i64, u64)>);

/// What a venue's book looks like at each sequence, and the messages that say so.
struct Trace {
    /// Deltas with the families' numbering, and the sequence each ends at.
    deltas: Vec<Message>,
    /// Both sides after each sequence.
    books: BTreeMap<u64, [BTreeMap<i64, u64>; 2]>,
}

impl Trace {
    /// The venue's book from nothing, by one delta for each element.
    fn new(family: Continuity, changes: &[Change]) -> Self {
        let (mut deltas, mut books) = (Vec::new(), BTreeMap::new());
        let mut book: [BTreeMap<i64, u64>; 2] = Default::default();
        let mut sequence = 1;
        books.insert(sequence, book.clone());
        for (jump, changes) in changes {
            let previous = sequence;
            sequence += if family == Continuity::Counter { 1 } else { *jump };
            let mut sides: [BTreeMap<i64, u64>; 2] = Default::default();
            for &(bid, price, qty) in changes {
                let (side, price) = if bid { (0, -1 - price) } else { (1, price) };
                sides[side].insert(price, qty);
                if qty == 0 {
                    book[side].remove(&price)
                } else {
                    book[side].insert(price, qty)
                };
            }
            let [bids, asks] = sides.map(|side| side.into_iter().collect::<Vec<_>>());
            deltas.push(delta(previous, sequence, &bids, &asks));
            books.insert(sequence, book.clone());
        }
        Self { deltas, books }
    }

    /// The venue's book at a sequence, best first.
    fn levels(&self, sequence: u64) -> [Vec<(i64, u64)>; 2] {
        let [bids, asks] = &self.books[&sequence];
        [bids.iter().rev().map(|(&p, &q)| (p, q)).collect(), asks.iter().map(|(&p, &q)| (p, q)).collect()]
    }

    fn snapshot(&self, n: usize) -> Message {
        let (&sequence, _) = self.books.iter().nth(n % self.books.len()).unwrap();
        let [bids, asks] = self.levels(sequence);
        beside(sequence, &bids, &asks)
    }
}

/// The sequence of another book's snapshot: no stream here comes near it.
const FOREIGN: u64 = 1_000_000_000;

/// Damage to a stream at one place.
#[derive(Clone, Debug)]
enum Damage {
    Remove,
    Double,
    Swap,
    /// The snapshot of the state `.0` places further or back arrives here.
    Snapshot(isize),
    /// The same, to refresh the depth.
    Refresh(isize),
    /// Another book's snapshot, far ahead, is served to whoever asked.
    Foreign,
    Break,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        2 => Just(Damage::Remove),
        2 => Just(Damage::Double),
        2 => Just(Damage::Swap),
        5 => (-12isize..6).prop_map(Damage::Snapshot),
        3 => (-8isize..8).prop_map(Damage::Refresh),
        2 => Just(Damage::Foreign),
        1 => Just(Damage::Break),
    ]
}

fn damaged(trace: &Trace, damages: &[(usize, Damage)]) -> Vec<Message> {
    let mut slots: Vec<Vec<Message>> = trace.deltas.iter().map(|delta| vec![delta.clone()]).collect();
    for (at, damage) in damages {
        let at = at % slots.len();
        match damage {
            Damage::Remove => slots[at].clear(),
            Damage::Double => slots[at].push(trace.deltas[at].clone()),
            Damage::Swap => slots.swap(at, (at + 1) % trace.deltas.len()),
            Damage::Snapshot(shift) => slots[at].push(trace.snapshot(at.saturating_add_signed(*shift))),
            Damage::Refresh(shift) => {
                let (mut head, body) = trace.snapshot(at.saturating_add_signed(*shift));
                head.flags = head.flags.with(Flags::REFRESH);
                slots[at].push((head, body));
            }
            Damage::Foreign => slots[at].push(beside(FOREIGN, &[(-77, 7)], &[(77, 7)])),
            Damage::Break => slots[at].push(broken(Reason::Disconnected)),
        }
    }
    slots.concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Messages are removed, doubled, swapped and interleaved with snapshots of any age, and of another book, and every
    /// few messages a refresh is expected: whenever the book says LIVE, it holds the venue's levels at its sequence; it
    /// becomes live only where the stream since the last break has reached that sequence; and no message goes
    /// unaccounted.
    #[test]
    fn live_book_is_the_venues_book_whatever_happens_to_the_stream(
        family in prop_oneof![
            Just(Continuity::Range), Just(Continuity::Predecessor), Just(Continuity::Counter),
        ],
        changes in vec((1u64..5, vec((any::<bool>(), 0i64..12, 0u64..4), 0..6)), 2..60),
        damages in vec((any::<usize>(), damage()), 1..12),
        expects in 1usize..20,
    ) {
        let trace = Trace::new(family, &changes);
        let config = KeeperConfig { continuity: family, buffer_messages: 16, ..KeeperConfig::default() };
        let mut keeper = Keeper::new(&config);
        let mut reached = 0;
        for (n, message) in damaged(&trace, &damages).into_iter().enumerate() {
            let (mut head, body) = at(1 + n as u64 * 1_500_000_000, message);
            if head.sequence.0 == FOREIGN && !keeper.wants_snapshot() {
                head.flags = head.flags.with(Flags::REFRESH);
            }
            reached = match head.kind {
                UpdateKind::Break => 0,
                UpdateKind::Delta => reached.max(head.sequence.0),
                _ => reached,
            };
            let before = keeper.state();
            keeper.take(&(head, body));
            if n % expects == 0 {
                keeper.expect_refresh();
            }
            prop_assert!(keeper.counters().balance(keeper.buffered()), "{:?}", keeper.counters());
            match keeper.state() {
                State::Live => prop_assert!(!keeper.wants_snapshot()),
                State::Init => prop_assert!(keeper.wants_snapshot()),
                State::Stale(_) | State::Syncing | State::Dead(_) => {}
            }
            if keeper.state().is_live() {
                prop_assert!(before.is_live() || keeper.sequence().0 <= reached);
                prop_assert_eq!(keeper.shown(), trace.levels(keeper.sequence().0));
            }
        }
        // Once the stream is whole again, a fresh snapshot brings the book back.
        let end = trace.books.len() - 1;
        keeper.take(&at(u64::MAX, trace.deltas[end - 1].clone()));
        keeper.take(&trace.snapshot(end));
        prop_assert_eq!(keeper.state(), State::Live);
        prop_assert_eq!(keeper.shown(), trace.levels(keeper.sequence().0));
    }
}

/// A trace of `count` deltas that anyone can make again: the same numbers each time.
fn steady(family: Continuity, count: u64) -> Trace {
    let mut seed = 7u64;
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let changes: Vec<Change> = (0..count)
        .map(|_| {
            let change = |_| (draw(2) == 0, draw(40) as i64, draw(4));
            let levels = (0..3).map(change).collect();
            (1 + draw(3), levels)
        })
        .collect();
    Trace::new(family, &changes)
}

const FAMILIES: [Continuity; 3] = [Continuity::Range, Continuity::Predecessor, Continuity::Counter];

/// Takes a message; if the book then says LIVE, it is the venue's at that sequence.
fn take_and_compare(keeper: &mut Keeper, trace: &Trace, message: &Message) {
    keeper.take(message);
    if keeper.state().is_live() {
        assert_eq!(keeper.shown(), trace.levels(keeper.sequence().0));
    }
}

/// Every single message of a trace is lost, doubled, and swapped with the next, in turn: the loss is flagged with the
/// next message, a double never, and after a snapshot the book is live and right to the end.
#[test]
fn every_single_loss_is_flagged_at_once() {
    const COUNT: usize = 120;
    for family in FAMILIES {
        let trace = steady(family, COUNT as u64);
        let started = |at: usize| {
            let mut keeper = Keeper::new(&KeeperConfig { continuity: family, ..KeeperConfig::default() });
            keeper.take(&trace.deltas[at]);
            keeper.take(&trace.snapshot(at + 1));
            assert!(keeper.state().is_live());
            keeper
        };
        for at in 1..COUNT - 2 {
            let (lost, next) = (&trace.deltas[at], &trace.deltas[at + 1]);
            let mut keeper = started(at - 1);
            take_and_compare(&mut keeper, &trace, next);
            assert_eq!(keeper.state(), State::Stale(Reason::Gap), "{family:?}, lost {at}");
            take_and_compare(&mut keeper, &trace, &trace.snapshot(at + 2));
            assert!(keeper.state().is_live());
            for delta in &trace.deltas[at + 2..] {
                take_and_compare(&mut keeper, &trace, delta);
            }
            assert_eq!(keeper.shown(), trace.levels(*trace.books.keys().last().unwrap()));

            let mut keeper = started(at - 1);
            for message in [lost, lost, next, lost] {
                take_and_compare(&mut keeper, &trace, message);
                assert!(keeper.state().is_live(), "{family:?}, doubled {at}");
            }
        }
    }
}

/// A snapshot of every age arrives at every place of a trace, with and without a second one after it: the book is
/// never live and wrong, and it is live at the end whenever the last snapshot was not too old.
#[test]
fn snapshot_may_race_the_stream_in_every_way() {
    const COUNT: usize = 60;
    const AGES: [isize; 7] = [-25, -2, -1, 0, 1, 2, 9];
    for family in FAMILIES {
        let trace = steady(family, COUNT as u64);
        for first in 0..COUNT {
            for place in first..COUNT {
                for age in AGES {
                    let mut keeper =
                        Keeper::new(&KeeperConfig { continuity: family, ..KeeperConfig::default() });
                    let state = (place.saturating_add_signed(age)).min(COUNT);
                    for (n, delta) in trace.deltas.iter().enumerate().skip(first) {
                        if n == place {
                            take_and_compare(&mut keeper, &trace, &trace.snapshot(state));
                        }
                        take_and_compare(&mut keeper, &trace, delta);
                        if keeper.state().is_live() {
                            assert_eq!(
                                keeper.sequence(),
                                delta.0.sequence,
                                "live before the stream was there"
                            );
                        }
                    }
                    // The snapshot of state `s` continues with delta number `s`: usable if that one was seen.
                    assert_eq!(keeper.state().is_live(), state >= first, "{family:?} {first} {place} {age}");
                    assert!(keeper.counters().balance(keeper.buffered()));
                    if !keeper.state().is_live() {
                        take_and_compare(&mut keeper, &trace, &trace.snapshot(COUNT));
                        assert!(keeper.state().is_live());
                    }
                    assert_eq!(keeper.shown(), trace.levels(*trace.books.keys().last().unwrap()));
                }
            }
        }
    }
}

/// The same where updates have no numbers, only a time: the book is live exactly if the stream was heard at or before
/// the snapshot. If it was not, its levels follow all the same, and a second snapshot of any age makes it live exactly
/// if the stream was heard before that one.
#[test]
fn snapshot_of_an_unnumbered_stream_may_race_it_in_every_way() {
    const COUNT: usize = 24;
    let trace = steady(Continuity::Unchecked, COUNT as u64);
    for first in 0..COUNT {
        for place in first..COUNT {
            for state in 0..=COUNT {
                let mut keeper = Keeper::new(&KeeperConfig {
                    continuity: Continuity::Unchecked,
                    ..KeeperConfig::default()
                });
                for (n, delta) in trace.deltas.iter().enumerate().skip(first) {
                    if n == place {
                        take_and_compare(&mut keeper, &trace, &trace.snapshot(state));
                    }
                    take_and_compare(&mut keeper, &trace, delta);
                }
                // Delta number `first` ends at state `first + 1`.
                let proven = first < state;
                assert_eq!((keeper.state().is_live(), keeper.wants_snapshot()), (proven, !proven));
                assert!(keeper.counters().balance(keeper.buffered()));
                for again in (0..=COUNT).filter(|_| !proven) {
                    let mut keeper = keeper.clone();
                    take_and_compare(&mut keeper, &trace, &trace.snapshot(again));
                    assert_eq!(keeper.state().is_live(), first < again, "{first} {place} {state} {again}");
                    assert_eq!(keeper.sequence(), trace.deltas[COUNT - 1].0.sequence);
                    assert!(keeper.counters().balance(keeper.buffered()));
                }
            }
        }
    }
}

/// A snapshot to refresh the depth, of every age, arrives at every place of a running stream: the book stays live and
/// right, in one epoch, the snapshot is loaded exactly if it is newer and the stream reaches it, and no delta is lost.
#[test]
fn refresh_may_race_the_stream_in_every_way() {
    const COUNT: usize = 60;
    for family in FAMILIES {
        let trace = steady(family, COUNT as u64);
        for place in 1..COUNT {
            for state in 0..=COUNT {
                let mut keeper = Keeper::new(&KeeperConfig { continuity: family, ..KeeperConfig::default() });
                keeper.take(&trace.deltas[0]);
                keeper.take(&trace.snapshot(1));
                for (n, delta) in trace.deltas.iter().enumerate().skip(1) {
                    if n == place {
                        let (mut head, body) = trace.snapshot(state);
                        head.flags = head.flags.with(Flags::REFRESH);
                        take_and_compare(&mut keeper, &trace, &(head, body));
                    }
                    take_and_compare(&mut keeper, &trace, delta);
                    assert!(keeper.state().is_live() && keeper.counters().balance(keeper.buffered()));
                }
                let (counters, loaded) = (keeper.counters(), state > place);
                assert_eq!(counters.snapshots, 1 + u64::from(loaded), "{family:?} {place} {state}");
                assert_eq!(counters.ignored_snapshots, u64::from(!loaded));
                assert_eq!((counters.received, keeper.epoch()), (COUNT as u64 + 2, 1));
                assert_eq!(keeper.shown(), trace.levels(*trace.books.keys().last().unwrap()));
            }
        }
    }
}

/// A refresh is expected at every place of a running stream, and a snapshot of every age comes at every place after
/// it: the book stays live, in one epoch, and right as deep as it is proven; the snapshot is loaded exactly if it is
/// not older than the request, and the book that began with two levels a side is the whole one from then on.
#[test]
fn expected_refresh_may_race_the_stream_in_every_way() {
    const BEGIN: usize = 14;
    const COUNT: usize = 36;
    let families = FAMILIES.into_iter().chain([Continuity::Connection, Continuity::Unchecked]);
    for family in families {
        let trace = steady(family, COUNT as u64);
        let mut short = trace.levels(trace.deltas[BEGIN].0.previous.0);
        short.iter_mut().for_each(|side| side.truncate(2));
        let [bids, asks] = short;
        let start = in_stream(trace.deltas[BEGIN].0.previous.0, &bids, &asks);
        for asked in BEGIN..COUNT {
            for place in asked..COUNT {
                for state in BEGIN - 2..=COUNT {
                    let mut keeper =
                        Keeper::new(&KeeperConfig { continuity: family, ..KeeperConfig::default() });
                    keeper.take(&start);
                    for (n, delta) in trace.deltas.iter().enumerate().skip(BEGIN) {
                        if n == asked {
                            keeper.expect_refresh();
                        }
                        if n == place {
                            let (mut head, body) = trace.snapshot(state);
                            head.flags = head.flags.with(Flags::REFRESH);
                            keeper.take(&(head, body));
                            let whole = asked <= state && state <= place;
                            compare_proven(&keeper, &trace, delta.0.previous.0, whole);
                        }
                        keeper.take(delta);
                        let whole = n >= place && (asked..=n + 1).contains(&state);
                        compare_proven(&keeper, &trace, delta.0.sequence.0, whole);
                    }
                    let (counters, loaded) = (keeper.counters(), state >= asked);
                    assert_eq!(
                        counters.snapshots,
                        1 + u64::from(loaded),
                        "{family:?} {asked} {place} {state}"
                    );
                    assert_eq!(counters.ignored_snapshots, u64::from(!loaded));
                    assert_eq!((counters.updates, keeper.epoch()), ((COUNT - BEGIN) as u64, 1));
                }
            }
        }
    }
}

/// The book is live at this sequence, and the venue's: all of it, or as deep as it is proven.
fn compare_proven(keeper: &Keeper, trace: &Trace, sequence: u64, whole: bool) {
    assert!(keeper.state().is_live() && keeper.counters().balance(keeper.buffered()));
    assert_eq!(keeper.sequence().0, sequence);
    let (shown, levels) = (keeper.shown(), trace.levels(sequence));
    if whole {
        assert_eq!(shown, levels);
    }
    for (n, side) in [Side::Bid, Side::Ask].into_iter().enumerate() {
        let proven = keeper.book().proven(side);
        assert_eq!(shown[n][..proven], levels[n][..proven]);
    }
}
