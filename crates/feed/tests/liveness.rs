//! Telling a quiet market from a stalled stream, and a quiet connection from a dead one.

mod common;

use common::{Bench, ms, secs};
use touchline_feed::{Action, Moment, Phase, Report, Rules, StreamId};
use touchline_market::Reason;

/// Data until now, then none: the bound runs from here.
fn silence(bench: &mut Bench) -> Moment {
    bench.clear();
    bench.now
}

fn feed_all(bench: &mut Bench) {
    for stream in bench.connection.streams().map(|(stream, _, _)| stream).collect::<Vec<_>>() {
        bench.connection.data(stream, bench.now);
    }
}

fn breaks_at(bench: &Bench) -> Vec<Moment> {
    bench.when(|action| matches!(action, Action::Break { .. }))
}

/// A market may be quiet for an hour: pongs come, each probe says that nothing was missed, nothing is flagged.
#[test]
fn quiet_market_is_not_flagged() {
    let mut bench = Bench::new().live(3);
    bench.run(secs(3_600));
    assert_eq!((bench.breaks(), bench.connects().len()), (vec![], 1));
    let probes = bench.count(|action| matches!(action, Action::Probe(_)));
    assert!((3 * 360..3 * 500).contains(&probes), "{probes} probes");
}

/// The peer vanishes without a word: pinged after half of the bound, flagged at it, closed and connected anew.
#[test]
fn vanished_peer_is_flagged_at_the_bound() {
    let mut bench = Bench::new().live(3);
    bench.venue.pongs = false;
    bench.venue.probes = None;
    feed_all(&mut bench);
    let last = silence(&mut bench);
    bench.run(secs(11));
    assert_eq!(bench.breaks(), [(None, Reason::Stalled, false)]);
    assert_eq!(breaks_at(&bench), [last + secs(10)]);
    assert_eq!(bench.when(|action| *action == Action::Ping)[0], last + secs(5));
    assert_eq!(bench.count(|action| matches!(action, Action::Close(_))), 1);
    assert!(bench.reports().contains(&&Report::Stalled { stream: None }));
    assert_eq!((bench.connects().len(), bench.connection.phase()), (1, Phase::Live));
}

/// Pongs and the venue's pings keep a connection, but they are no data: when the venue is ahead and nothing comes on
/// any stream, all are flagged within the bound and the connection is opened anew, however many streams there are.
#[test]
fn heartbeats_alone_do_not_hide_a_stall() {
    for streams in [2, 200] {
        let mut bench = Bench::new().live(streams);
        bench.venue.ping_every = Some(secs(1));
        bench.venue.probes = Some(Some(true));
        feed_all(&mut bench);
        let last = silence(&mut bench);
        bench.run(ms(10_100));
        assert_eq!(bench.breaks(), [(None, Reason::Stalled, false)]);
        assert!(breaks_at(&bench)[0] <= last + ms(10_100));
        bench.run(secs(2));
        assert_eq!((bench.connects().len(), bench.connection.phase()), (1, Phase::Live));
    }
}

/// One stream of many falls silent while the venue moves on: it alone is flagged within the bound and subscribed to
/// anew; the others and the connection go on. The bound holds for the slowest answer too.
#[test]
fn one_silent_stream_is_flagged_and_subscribed_anew() {
    for slow in [false, true] {
        let mut bench = Bench::new();
        bench.venue.data_every = Some(ms(100));
        let mut bench = bench.live(20);
        bench.venue.probes = if slow { None } else { Some(Some(true)) };
        bench.venue.silent.insert("s7".to_owned());
        let last = silence(&mut bench);
        if slow {
            bench.run(ms(9_350));
            bench.connection.probed(StreamId(7), Some(true), bench.now);
            bench.venue.probes = Some(Some(true));
        }
        while bench.breaks().is_empty() {
            bench.run(ms(10));
            assert!(bench.now <= last + ms(10_100), "flagged within the bound");
        }
        bench.venue.silent.clear();
        bench.run(secs(30));
        assert_eq!(bench.breaks(), [(Some(StreamId(7)), Reason::Stalled, false)]);
        assert_eq!(bench.when(|action| *action == Action::Subscribed(StreamId(7))).len(), 1);
        let asked: Vec<_> = bench.requests.iter().map(|(_, _, _, names)| names.join(" ")).collect();
        assert_eq!((asked, bench.connects().len()), (vec!["s7".to_owned(), "s7".to_owned()], 0));
    }
}

/// A stream that came back after it was subscribed to anew and stalls again later is a first stall again: it alone is
/// flagged, and the connection stays.
#[test]
fn later_stall_of_a_mended_stream_is_a_first_one() {
    let mut bench = Bench::new();
    bench.venue.data_every = Some(ms(100));
    let mut bench = bench.live(3);
    bench.venue.probes = Some(Some(true));
    for _ in 0..3 {
        bench.venue.silent.insert("s1".to_owned());
        silence(&mut bench);
        bench.run(ms(9_000));
        bench.venue.silent.clear();
        bench.run(secs(20));
        assert_eq!(bench.breaks(), [(Some(StreamId(1)), Reason::Stalled, false)]);
        assert_eq!(bench.connects(), []);
    }
}

/// A stream that a connection took over in silence is probed as early as it would have been without the change, and
/// looked at again from its own proof on.
#[test]
fn silence_goes_on_across_connections() {
    let bench = Bench::new();
    let mut bench = bench.live(2);
    let (here, there) = (StreamId(0), StreamId(1));
    let since = bench.connection.silent_since(here).unwrap();
    let earlier = Moment(since.0 - 1_000_000_000);
    bench.connection.carry_on_silence(here, earlier, bench.now);
    assert_eq!(bench.connection.silent_since(here), Some(earlier));
    bench.run(secs(8));
    let probed = |bench: &Bench, stream| bench.when(|action| *action == Action::Probe(stream));
    let probe_after = Rules::default().probe_after();
    assert_eq!(probed(&bench, here), [earlier + probe_after]);
    assert_eq!(probed(&bench, there), [since + probe_after]);
    assert_eq!(bench.connection.silent_since(here), Some(earlier + probe_after));
}

/// Subscribing anew did not help and the venue is still ahead: the connection is opened anew, once. While the stream
/// stays silent the others are left in peace for ten minutes.
#[test]
fn stream_that_stays_silent_costs_one_reconnect() {
    let mut bench = Bench::new();
    bench.venue.data_every = Some(ms(100));
    let mut bench = bench.live(20);
    bench.venue.probes = Some(Some(true));
    bench.venue.silent.insert("s7".to_owned());
    let last = silence(&mut bench);
    bench.run(secs(15));
    assert_eq!(
        bench.breaks()[..2],
        [(Some(StreamId(7)), Reason::Stalled, false), (None, Reason::Stalled, false)]
    );
    assert!(breaks_at(&bench)[1] <= breaks_at(&bench)[0] + secs(3));
    assert!(breaks_at(&bench)[0] <= last + ms(10_100));
    assert_eq!(bench.connects().len(), 1);
    bench.run(secs(500));
    assert_eq!(bench.connects().len(), 1);
    assert!(bench.breaks()[2..].iter().all(|(stream, ..)| *stream == Some(StreamId(7))));
}

/// Probes that fail do not flag a quiet stream while others bring data, but it is probed again.
#[test]
fn failed_probe_does_not_flag_a_quiet_stream() {
    for probes in [None, Some(None)] {
        let mut bench = Bench::new();
        bench.venue.data_every = Some(ms(100));
        let mut bench = bench.live(3);
        bench.venue.probes = probes;
        bench.venue.silent.insert("s1".to_owned());
        silence(&mut bench);
        bench.run(secs(100));
        assert_eq!((bench.breaks(), bench.connects().len()), (vec![], 0));
        assert!(bench.count(|action| *action == Action::Probe(StreamId(1))) > 10);
    }
}

/// No data on any stream and no probe that says why: flagged at the bound.
#[test]
fn silence_without_proof_is_flagged() {
    let mut bench = Bench::new().live(3);
    bench.venue.probes = Some(None);
    feed_all(&mut bench);
    let last = silence(&mut bench);
    bench.run(ms(10_100));
    assert_eq!(breaks_at(&bench), [last + secs(10)]);
}

/// A probe says ahead, but the data was only on its way: nothing is flagged.
#[test]
fn data_on_its_way_is_no_stall() {
    let mut bench = Bench::new().live(2);
    bench.venue.probes = Some(Some(true));
    for _ in 0..20 {
        feed_all(&mut bench);
        bench.run(ms(7_900));
    }
    assert_eq!(bench.breaks(), []);
    assert!(bench.count(|action| matches!(action, Action::Probe(_))) >= 40);
}

/// Streams that cannot be probed are never flagged alone.
#[test]
fn stream_without_probe_may_be_quiet() {
    let mut bench = Bench::new();
    bench.subscribe("trades", false);
    bench.connection.open(bench.now);
    bench.run(secs(3_600));
    assert_eq!((bench.breaks(), bench.connects().len()), (vec![], 1));
    assert_eq!(bench.count(|action| matches!(action, Action::Probe(_))), 0);
}

/// Many quiet streams share the probes: few at once, and no more a minute than the rules allow.
#[test]
fn probes_are_bounded() {
    let mut bench = Bench::new().live(400);
    bench.venue.probes = None;
    bench.venue.data_every = None;
    silence(&mut bench);
    bench.run(secs(5));
    assert_eq!(bench.count(|action| matches!(action, Action::Probe(_))), 4);
    bench.venue.probes = Some(Some(false));
    bench.run(secs(600));
    let probes = bench.when(|action| matches!(action, Action::Probe(_)));
    assert!(common::most_within(&probes, secs(60)) <= 120);
}
