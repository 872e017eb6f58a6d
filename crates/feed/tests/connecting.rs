//! Connecting, ending, retrying and being replaced.

mod common;

use common::{Bench, WAY, most_within, ms, secs};
use touchline_feed::{Action, Connection, Ending, Gate, Moment, Phase, Refusal, Report, Rules};
use touchline_market::Reason;
use touchline_venue::{CONNECT_WINDOW, Reply};

fn status(status: u16, retry_after: Option<u64>) -> Refusal {
    Refusal::Status { status, retry_after: retry_after.map(secs) }
}

/// Each way to end, in each phase that has a socket: flagged in the same moment under its reason, retried within the
/// back-off, and live again soon after.
#[test]
fn every_end_in_every_phase_is_flagged_at_once_and_mended() {
    let codes = [1_000, 1_001, 1_005, 1_006, 1_008, 1_011, 1_012, 1_013];
    let mut endings: Vec<_> =
        codes.into_iter().map(|code| (Ending::Closed(code), Reason::Disconnected)).collect();
    endings.extend([
        (Ending::Cut, Reason::Disconnected),
        (Ending::Broken(1_002), Reason::BadMessage),
        (Ending::Slow, Reason::Stalled),
        (Ending::Flooded, Reason::Disconnected),
    ]);
    for (ending, reason) in endings {
        for phase in [Phase::Connecting, Phase::Subscribing, Phase::Live] {
            let mut bench = Bench::new();
            bench.venue.data_every = Some(secs(1));
            bench.subscribe("a", true);
            bench.connection.open(bench.now);
            bench.run(match phase {
                Phase::Connecting => ms(1),
                Phase::Subscribing => ms(11),
                _ => secs(61),
            });
            assert_eq!(bench.connection.phase(), phase);
            bench.clear();
            bench.connection.ended(ending, bench.now);
            let began = bench.now;
            bench.run(ms(0));
            assert_eq!(bench.breaks(), [(None, reason, false)], "{ending:?} when {phase:?}");
            assert_eq!(bench.count(|action| matches!(action, Action::Report(Report::Down { .. }))), 1);
            bench.run(secs(1));
            assert_eq!(bench.connection.phase(), Phase::Live);
            let wait = bench.connects()[0].since(began);
            let harsh = matches!(ending, Ending::Closed(1_008 | 1_013)) || phase == Phase::Connecting;
            assert!(
                wait <= if harsh { ms(250) } else { ms(100) },
                "{wait:?} after {ending:?} when {phase:?}"
            );
        }
    }
}

/// Each refusal has its reason and its wait; the same refusal again says nothing new to the books.
#[test]
fn every_refusal_has_its_reason_and_wait() {
    let identity = Refusal::Identity { host: "host".to_owned(), cause: "expired".to_owned() };
    let resolve = Refusal::Resolve { host: "host".to_owned(), cause: "no".to_owned() };
    for (refusal, reason, dead, wait) in [
        (resolve, Reason::Disconnected, false, None),
        (Refusal::Connect("refused".to_owned()), Reason::Disconnected, false, None),
        (Refusal::Timeout(secs(5)), Reason::Disconnected, false, None),
        (Refusal::Tls("alert".to_owned()), Reason::Disconnected, false, None),
        (Refusal::Handshake("html".to_owned()), Reason::Disconnected, false, None),
        (status(400, None), Reason::Disconnected, false, None),
        (status(500, None), Reason::Disconnected, false, None),
        (status(503, Some(7)), Reason::Disconnected, false, Some(secs(7))),
        (identity, Reason::Config, true, Some(secs(60))),
        (Refusal::Forbidden("plain".to_owned()), Reason::Config, true, Some(secs(60))),
        (status(401, None), Reason::Config, true, Some(secs(60))),
        (status(404, None), Reason::Config, true, Some(secs(60))),
        (status(301, None), Reason::Config, true, Some(secs(60))),
        (status(403, None), Reason::Blocked, true, Some(secs(900))),
        (status(451, None), Reason::Blocked, true, Some(secs(900))),
        (status(429, Some(33)), Reason::RateLimited, false, Some(secs(33))),
        (status(429, None), Reason::RateLimited, false, Some(secs(5))),
        (status(418, Some(3)), Reason::RateLimited, false, Some(secs(3))),
        (status(418, None), Reason::RateLimited, false, Some(secs(120))),
    ] {
        let mut bench = Bench::new();
        bench.venue.connects = Some(Err(refusal.clone()));
        bench.connection.open(bench.now);
        bench.run(secs(1_000));
        assert_eq!(bench.breaks(), [(None, reason, dead)], "{refusal}");
        let connects = bench.connects();
        assert!(connects.len() > 1, "{refusal}");
        let first = connects[1].since(connects[0] + WAY);
        match wait {
            Some(wait) => assert_eq!(first, wait, "{refusal}"),
            None => assert!(first <= ms(250), "{refusal}: {first:?}"),
        }
    }
}

/// Nobody reports about an attempt: it is given up, and the next one made.
#[test]
fn attempt_without_an_end_is_given_up() {
    let mut bench = Bench::new();
    bench.venue.connects = None;
    bench.connection.open(bench.now);
    bench.run(secs(7));
    assert_eq!(bench.connects().len(), 2);
    assert_eq!(bench.count(|action| matches!(action, Action::Close(_))), 1);
    assert_eq!(bench.breaks(), [(None, Reason::Disconnected, false)]);
}

/// A `Retry-After` holds for every connection to the host, to the nanosecond; then one tries, and when that got through
/// the other follows.
#[test]
fn retry_after_holds_for_all_connections_of_the_host() {
    let mut gate = Gate::new();
    let connection = |seed| Connection::new(common::facts(), "host:443".to_owned(), Rules::default(), seed);
    let mut two = [connection(1), connection(2)];
    let start = Moment(1);
    let connects = |connection: &mut Connection| {
        std::iter::from_fn(|| connection.next_action()).filter(|action| *action == Action::Connect).count()
    };
    two[0].open(start);
    two[0].tick(start, &mut gate);
    assert_eq!(connects(&mut two[0]), 1);
    two[0].refused(status(429, Some(30)), start, &mut gate);
    let until = start + secs(30);
    two[1].open(start + secs(1));
    for now in [start + secs(1), start + secs(10), Moment(until.0 - 1)] {
        for connection in &mut two {
            connection.tick(now, &mut gate);
            assert_eq!((connects(connection), connection.wake()), (0, until));
        }
    }
    two[0].tick(until, &mut gate);
    two[1].tick(until, &mut gate);
    assert_eq!((connects(&mut two[0]), connects(&mut two[1])), (1, 0));
    two[0].opened(until + ms(10));
    two[0].tick(until + ms(10), &mut gate);
    two[1].tick(until + secs(1), &mut gate);
    assert_eq!(connects(&mut two[1]), 1);
}

/// The venue accepts and drops ten thousand times: never more than 150 attempts in five minutes, whatever the session's
/// length, and after it stops the connection is live again.
#[test]
fn storm_stays_within_half_the_limit() {
    for (session, storms) in [(ms(1), 10_000), (secs(6), 2_000)] {
        let mut bench = Bench::new();
        bench.subscribe("a", true);
        bench.venue.data_every = Some(secs(1));
        bench.venue.ends = Some((session, Ending::Closed(1_006)));
        bench.connection.open(bench.now);
        let mut all = Vec::new();
        while all.len() < storms {
            bench.run(secs(3_600));
            all.extend(bench.connects());
            bench.clear();
        }
        let most = most_within(&all, CONNECT_WINDOW);
        assert!((15..=150).contains(&most), "{most} attempts in five minutes");
        bench.venue.ends = None;
        bench.run(secs(62));
        assert_eq!(bench.connection.phase(), Phase::Live);
    }
}

/// Even without any back-off the gate keeps many connections to half the limit.
#[test]
fn gate_alone_keeps_to_half_the_limit() {
    let none = Rules { backoff_max: ms(0), backoff_quick: ms(0), ..Rules::default() };
    let mut bench = Bench::with(none, 1);
    bench.venue.ends = Some((ms(1), Ending::Cut));
    bench.connection.open(bench.now);
    bench.run(secs(3_600));
    assert_eq!(most_within(&bench.connects(), CONNECT_WINDOW), 150);
}

/// The attempts are counted until a session was stable.
#[test]
fn attempts_are_counted_until_stable() {
    let attempts = |bench: &Bench| {
        let reports = bench.reports().into_iter();
        let attempts = reports.filter_map(|report| match report {
            Report::Connecting { attempt } => Some(*attempt),
            _ => None,
        });
        attempts.collect::<Vec<_>>()
    };
    let mut bench = Bench::new();
    bench.venue.data_every = Some(secs(1));
    bench.venue.ends = Some((secs(59), Ending::Cut));
    bench.connection.open(bench.now);
    bench.run(secs(130));
    assert_eq!(attempts(&bench), [1, 2, 3]);
    bench.venue.ends = Some((secs(60), Ending::Cut));
    bench.run(secs(140));
    assert_eq!(attempts(&bench)[..5], [1, 2, 3, 4, 1]);
}

/// A day and a half of virtual time: a replacement is asked for once, around 23 h 30 min, and nothing else happens.
#[test]
fn replacement_is_asked_for_before_the_day_is_over() {
    let mut bench = Bench::new().live(1);
    bench.venue.data_every = None;
    bench.clear();
    bench.run(secs(36 * 3_600));
    let replaced = bench.when(|action| *action == Action::Replace);
    assert_eq!(replaced.len(), 1);
    let minutes = replaced[0].0 / 60_000_000_000;
    assert!((1_400..=1_421).contains(&minutes), "after {minutes} min");
    assert_eq!(bench.reports(), [&Report::Leaving]);
    assert_eq!((bench.breaks(), bench.connection.phase()), (vec![], Phase::Live));
    bench.connection.close(bench.now);
    bench.run(secs(3_600));
    assert_eq!(bench.connection.phase(), Phase::Closed);
    assert_eq!(bench.done.last().map(|(_, action)| action.clone()), Some(Action::Close(1_000)));
}

/// The venue says that it will close: a replacement is asked for at once, and only once however often it says so. When
/// it then closes, that is a drop like any other, and the next session may be replaced again.
#[test]
fn announced_end_asks_for_a_replacement_once() {
    let mut bench = Bench::new().live(1);
    for _ in 0..3 {
        bench.connection.reply(Reply::Closing, bench.now);
    }
    bench.run(ms(1));
    assert_eq!((bench.count(|action| *action == Action::Replace), bench.breaks().len()), (1, 0));
    bench.connection.ended(Ending::Closed(1_001), bench.now);
    bench.run(secs(1));
    assert_eq!(bench.breaks(), [(None, Reason::Disconnected, false)]);
    bench.connection.reply(Reply::Closing, bench.now);
    bench.run(ms(1));
    assert_eq!(bench.count(|action| *action == Action::Replace), 2);
}

/// Closed for good, nothing is tried again, whatever the old socket says, until it is opened again.
#[test]
fn closed_for_good_until_opened_again() {
    let mut bench = Bench::new().live(2);
    bench.clear();
    bench.connection.close(bench.now);
    bench.connection.ended(Ending::Cut, bench.now);
    bench.run(secs(100));
    assert_eq!(bench.done.iter().map(|(_, action)| action).collect::<Vec<_>>(), [&Action::Close(1_000)]);
    assert_eq!(bench.connection.wake(), Moment::NEVER);
    bench.connection.open(bench.now);
    bench.run(secs(1));
    assert_eq!(bench.connection.phase(), Phase::Live);
}

/// The eleventh bad message in a minute ends the session; ten do not.
#[test]
fn too_many_bad_messages_end_the_session() {
    let mut bench = Bench::new().live(1);
    bench.clear();
    for _ in 0..10 {
        bench.connection.bad_message(bench.now);
    }
    bench.run(ms(1));
    assert_eq!(bench.done, []);
    bench.connection.bad_message(bench.now);
    bench.run(secs(1));
    assert_eq!(bench.breaks(), [(None, Reason::BadMessage, false)]);
    assert_eq!((bench.connects().len(), bench.connection.phase()), (1, Phase::Live));
}
