//! A venue whose streams begin with a snapshot: another one comes only after subscribing anew.

use touchline_feed::Rules;
use touchline_link::Driver;
use touchline_market::{Continuity, Flags, Head, InstrumentId, Reason, UpdateKind};
use touchline_venue::{Snapshots, VenueFacts};

use super::{Bench, facts, ms};
use crate::live::member::Order;

fn venue() -> &'static VenueFacts {
    facts(|facts| facts.texts.snapshots = Snapshots::Stream)
}

impl Bench {
    /// Connected, and every stream asked for but none acknowledged.
    fn asked(rules: Rules) -> Self {
        Self::asked_of(rules, venue())
    }

    fn asked_of(rules: Rules, venue: &'static VenueFacts) -> Self {
        let mut bench = Self::new(rules, venue, 1);
        bench.run(ms(10));
        bench.open(0);
        bench.run(ms(10));
        assert_eq!(bench.texts(), ["Subscribe 1 ausdt@depth@100ms busdt@depth@100ms cusdt@depth@100ms"]);
        bench
    }

    /// As [`asked`](Self::asked), and acknowledged, and every book has its first snapshot.
    fn live() -> Self {
        let mut bench = Self::asked(Rules::default());
        bench.accept();
        for id in 0..3 {
            bench.snapshot(0, id);
        }
        bench.run(ms(100));
        bench.clear();
        bench
    }

    /// These streams are unsubscribed from, the venue takes it, they are subscribed to, and it takes that.
    fn renewed(&mut self, first: u64, streams: &str) {
        assert_eq!(self.texts(), [format!("Unsubscribe {first} {streams}")]);
        self.accept();
        self.run(ms(10));
        assert_eq!(self.texts(), [format!("Subscribe {} {streams}", first + 1)]);
        self.accept();
    }
}

/// Streams that begin with their snapshots, before or after the acknowledgement: nothing more is ever asked, and a live
/// book that would know deeper levels asks for nothing either.
#[test]
fn snapshots_that_come_are_not_asked_for() {
    let mut bench = Bench::asked(Rules::default());
    bench.snapshot(0, 1);
    bench.run(ms(50));
    bench.accept();
    bench.run(ms(50));
    bench.snapshot(0, 0);
    bench.snapshot(0, 2);
    bench.want(0, true);
    bench.run(ms(60_000));
    assert_eq!((bench.texts(), bench.fetched.len(), bench.breaks()), (vec![], 0, vec![]));
    assert_eq!(bench.heads.iter().filter(|head| head.flags == Flags::default()).count(), 3);
}

/// One stream begins without its snapshot: its book hears after five seconds that it is late, and after ten the stream
/// is subscribed to anew, and again while none comes; the others stay as they are.
#[test]
fn snapshot_that_does_not_come_is_asked_for_by_subscribing_anew() {
    let mut bench = Bench::asked(Rules::default());
    bench.accept();
    bench.snapshot(0, 0);
    bench.snapshot(0, 2);
    bench.run(ms(9_900));
    assert_eq!((bench.texts(), bench.breaks()), (vec![], vec![(1, Reason::SnapshotLate)]));
    bench.run(ms(200));
    bench.renewed(2, "busdt@depth@100ms");
    bench.run(ms(9_500));
    assert_eq!(bench.texts(), [""; 0]);
    bench.run(ms(2_000));
    bench.renewed(4, "busdt@depth@100ms");
    bench.snapshot(0, 1);
    bench.run(ms(60_000));
    assert_eq!((bench.texts(), bench.fetched.len()), (vec![], 0));
    assert_eq!(bench.breaks(), [Reason::SnapshotLate, Reason::Gap, Reason::Gap].map(|reason| (1, reason)));
}

/// A book that every snapshot leaves bad has its stream begun anew at once for the first time, and for each further one
/// after a wait that grows to eight seconds.
#[test]
fn book_that_stays_bad_is_paced() {
    let mut bench = Bench::live();
    let mut waits = Vec::new();
    for _ in 0..7 {
        let began = bench.now;
        bench.want(1, false);
        while bench.sent.is_empty() {
            bench.run(ms(10));
        }
        waits.push(bench.now.since(began).as_millis());
        bench.accept();
        bench.run(ms(10));
        bench.accept();
        bench.snapshot(0, 1);
    }
    assert_eq!(bench.fetched, []);
    for (wait, most) in waits.into_iter().zip([10, 250, 500, 1_000, 2_000, 4_000, 8_000]) {
        assert!(wait <= most + 20 && wait + 20 >= most / 2, "{wait} of {most} ms");
    }
}

/// All books of a connection want snapshots at once (its counter showed a hole): every stream is subscribed to anew, in one
/// request to leave and one to come back, and every book hears that its stream breaks there.
#[test]
fn whole_connection_is_subscribed_to_anew() {
    let mut bench = Bench::live();
    (0..3).for_each(|id| bench.want(id, false));
    bench.run(ms(50));
    let all = "ausdt@depth@100ms busdt@depth@100ms cusdt@depth@100ms";
    bench.renewed(2, all);
    (0..3).for_each(|id| bench.snapshot(0, id));
    bench.run(ms(30_000));
    assert_eq!((bench.texts(), bench.breaks()), (vec![], [0, 1, 2].map(|id| (id, Reason::Gap)).to_vec()));
}

/// A stream is subscribed to anew because its snapshot is late. One that comes before the venue has said that the old
/// subscription is over belongs to that one, as do the changes after it: the venue skips some between the two.
#[test]
fn what_is_of_the_old_subscription_is_of_no_use() {
    let mut bench = Bench::live();
    bench.want(1, false);
    bench.run(ms(50));
    bench.snapshot(0, 1);
    bench.snapshot(0, 2);
    bench.run(ms(1));
    let came = |bench: &Bench| bench.heads.iter().map(|head| head.instrument.0).collect::<Vec<_>>();
    assert_eq!(
        (came(&bench), bench.breaks()),
        (vec![1, 2], vec![(1, Reason::Gap)]),
        "a break, and the other's"
    );
    bench.renewed(2, "busdt@depth@100ms");
    bench.snapshot(0, 1);
    bench.run(ms(60_000));
    assert_eq!(came(&bench), [1, 2, 1]);
    assert_eq!((bench.texts(), bench.fetched.len()), (vec![], 0));
}

/// The connection is cut: its books hear of it, and the snapshots with which the streams of the next one begin are all
/// that is needed, also where a book had asked for one in between.
#[test]
fn reconnect_needs_no_request_for_snapshots() {
    let mut bench = Bench::live();
    bench.cut(0);
    (0..3).for_each(|id| bench.want(id, false));
    bench.run(ms(2_000));
    assert_eq!(bench.breaks(), [0, 1, 2].map(|id| (id, Reason::Disconnected)));
    bench.open(bench.sockets.len() - 1);
    bench.run(ms(50));
    bench.snapshot(0, 0);
    bench.accept();
    (1..3).for_each(|id| bench.snapshot(0, id));
    bench.clear();
    bench.run(ms(60_000));
    assert_eq!((bench.texts(), bench.breaks()), (vec![], vec![]));
}

/// A connection whose time is up is replaced by one whose streams begin with snapshots: these go on to the books and take
/// over, and nothing that the old one says afterwards does. Changes that the new one brings before its snapshot do not
/// take over; its numbers need not be comparable with the old one's.
#[test]
fn replacement_takes_over_by_its_snapshots() {
    for family in [Continuity::Unchecked, Continuity::Connection] {
        takes_over_by_its_snapshots(facts(|facts| {
            facts.texts.snapshots = Snapshots::Stream;
            facts.continuity = family;
        }));
    }
}

fn takes_over_by_its_snapshots(venue: &'static VenueFacts) {
    let rules = Rules { lifetime: Some(ms(20_000)), ..Rules::default() };
    let mut bench = Bench::asked_of(rules, venue);
    bench.accept();
    (0..3).for_each(|id| bench.snapshot(0, id));
    while bench.sockets.len() < 2 {
        bench.run(ms(100));
    }
    bench.open(bench.sockets.len() - 1);
    bench.run(ms(50));
    bench.clear();
    let own_numbers = venue.continuity == Continuity::Connection;
    let mut early = Head::new(UpdateKind::Delta, InstrumentId(1));
    early.sequence.0 = if own_numbers { 2 } else { bench.now.0 };
    let stamp = bench.stamp();
    bench.engine.deliver(1, Order::Head(early), stamp);
    for id in 0..3 {
        let mut head = Head::new(UpdateKind::Snapshot, InstrumentId(id));
        head.sequence.0 = if own_numbers { 3 } else { bench.now.0 };
        bench.engine.deliver(1, Order::Head(head), stamp);
    }
    let mut next = early;
    next.sequence.0 = if own_numbers { 4 } else { bench.now.0 + 1 };
    bench.engine.deliver(1, Order::Head(next), stamp);
    let mut late = Head::new(UpdateKind::Delta, InstrumentId(0));
    late.sequence.0 = bench.now.0 + 1;
    let stamp = bench.stamp();
    bench.engine.deliver(0, Order::Head(late), stamp);
    bench.run(ms(200));
    let kinds: Vec<_> = bench.heads.iter().map(|head| head.kind).collect();
    let snapshot = UpdateKind::Snapshot;
    assert_eq!(kinds, [snapshot, snapshot, snapshot, UpdateKind::Delta], "{:?}", venue.continuity);
    assert_eq!((bench.sockets.len(), bench.fetched.len()), (1, 0), "the old one is closed");
}

/// A connection that was taken over from while its books could not be told of what it lost: it is gone only when they
/// have heard, and no message is held against the ring that it shared any more.
#[test]
fn connection_that_is_gone_leaves_no_overrun() {
    let rules = Rules { lifetime: Some(ms(20_000)), ..Rules::default() };
    let mut bench = Bench::asked(rules);
    bench.accept();
    (0..3).for_each(|id| bench.snapshot(0, id));
    while bench.sockets.len() < 2 {
        bench.run(ms(100));
    }
    bench.open(bench.sockets.len() - 1);
    bench.run(ms(50));
    (0..3).for_each(|id| bench.snapshot(1, id));
    let stamp = bench.stamp();
    let is_overrun = |bench: &Bench| bench.engine.member(0).is_some_and(|old| old.intake.is_overrun());
    while !is_overrun(&bench) {
        let head = Head::broken(InstrumentId(0), None, Reason::Gap);
        bench.engine.deliver(0, Order::Head(head), stamp);
    }
    // Nothing is taken from the ring in this turn, in which the old connection is closed.
    bench.now = bench.now + ms(100);
    let _ = bench.engine.turn(bench.now, &mut Vec::new());
    assert!(bench.engine.member(0).is_some_and(|old| old.leaving && old.socket.is_none()));
    assert!(is_overrun(&bench) && bench.lane.is_overrun());
    bench.run(ms(0));
    bench.clear();
    bench.run(ms(200));
    let told: Vec<_> = bench.breaks().into_iter().filter(|(_, reason)| *reason == Reason::Overrun).collect();
    assert_eq!(told, [0, 1, 2].map(|id| (id, Reason::Overrun)));
    assert!(bench.engine.member(0).is_none() && !bench.lane.is_overrun());
}

/// The old connection fails after the new one's streams began: their snapshots came before the break, so every stream of
/// the new one is subscribed to anew.
#[test]
fn failure_of_the_old_connection_begins_the_new_streams_again() {
    let rules = Rules { lifetime: Some(ms(20_000)), ..Rules::default() };
    let mut bench = Bench::asked(rules);
    bench.accept();
    (0..3).for_each(|id| bench.snapshot(0, id));
    while bench.sockets.len() < 2 {
        bench.run(ms(100));
    }
    bench.open(bench.sockets.len() - 1);
    bench.run(ms(50));
    bench.accept();
    bench.snapshot(1, 0);
    bench.run(ms(10));
    bench.clear();
    bench.cut(0);
    bench.run(ms(100));
    let (cut, begun) = (bench.breaks()[..3].to_vec(), bench.breaks()[3..].to_vec());
    assert_eq!(
        (cut, begun),
        ([0, 1, 2].map(|id| (id, Reason::Disconnected)).to_vec(), vec![(0, Reason::Gap)])
    );
    bench.renewed(2, "ausdt@depth@100ms");
    (0..3).for_each(|id| bench.snapshot(1, id));
    bench.clear();
    bench.run(ms(9_000));
    assert_eq!((bench.texts(), bench.breaks()), (vec![], vec![]));
}

/// The old connection fails long after the new one's streams were acknowledged, one of which has not begun: its snapshot is
/// lost and is asked for at once, not after the time that one has to come.
#[test]
fn snapshot_lost_before_the_old_connection_failed_is_asked_for_at_once() {
    let rules = Rules { lifetime: Some(ms(40_000)), ..Rules::default() };
    let mut bench = Bench::asked(rules);
    bench.accept();
    (0..3).for_each(|id| bench.snapshot(0, id));
    while bench.sockets.len() < 2 {
        bench.run(ms(100));
    }
    bench.open(bench.sockets.len() - 1);
    bench.run(ms(50));
    bench.accept();
    (0..2).for_each(|id| bench.snapshot(1, id));
    bench.run(ms(10_500));
    bench.clear();
    bench.cut(0);
    bench.run(ms(100));
    assert_eq!(bench.texts(), ["Unsubscribe 2 ausdt@depth@100ms busdt@depth@100ms cusdt@depth@100ms"]);
}
