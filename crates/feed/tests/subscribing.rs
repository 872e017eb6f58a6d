//! Subscribing: batches, limits, refusals, silence.

mod common;

use std::collections::BTreeSet;

use common::{Bench, most_within, ms, secs};
use touchline_feed::{Action, Ending, Phase, Report, Rules, StreamId};
use touchline_market::Reason;
use touchline_venue::{Ask, Reply};

fn is_subscribed(action: &Action) -> bool {
    matches!(action, Action::Subscribed(_))
}

/// 1,024 streams while the venue pings every second and we ping too: all are acknowledged, in batches of at most 200,
/// and no second ever has more than 5 sends, pongs included, also where the first of them are on their way for a fifth of
/// a second longer than the last.
#[test]
fn sends_stay_within_the_limit() {
    for ping_every in [ms(1_000), ms(999), ms(700)] {
        let mut bench = Bench::new();
        bench.venue.ping_every = Some(ping_every);
        for stream in 0..1_024 {
            bench.subscribe(&format!("s{stream}"), false);
        }
        bench.connection.open(bench.now);
        bench.run(secs(5));
        assert_eq!((bench.connection.phase(), bench.count(is_subscribed)), (Phase::Live, 1_024));
        assert!(bench.requests.iter().all(|(_, _, _, names)| names.len() <= 200));
        assert_eq!(bench.requests.len(), 6);
        // One by one, and gone again: the limit must hold for a long run of small requests as well.
        for round in 0..40 {
            let stream = bench.subscribe(&format!("late{round}"), false);
            bench.run(ms(130));
            bench.connection.unsubscribe(stream, bench.now);
        }
        bench.run(secs(20));
        let most = most_within(&bench.sends, ms(1_200));
        assert!((4..=5).contains(&most), "{most} sends in a second");
    }
}

/// Requests that used up all they may, and two pings right after them, which the socket layer answers without asking: all
/// together stay within the limit.
#[test]
fn pongs_after_requests_find_room() {
    let mut bench = Bench::new().live(1);
    bench.run(secs(3));
    bench.clear();
    for stream in 0..20 {
        bench.subscribe(&format!("late{stream}"), false);
        bench.run(ms(20));
    }
    for _ in 0..2 {
        bench.connection.pinged(bench.now);
        bench.sends.push(bench.now);
        bench.run(ms(500));
    }
    assert_eq!(most_within(&bench.sends, ms(1_000)), 5);
}

/// One bad name among 200: the 199 are acknowledged within seconds, the one is broken for good and never asked for
/// again, also not after a reconnect.
#[test]
fn one_bad_name_does_not_hurt_the_others() {
    for names_request in [true, false] {
        let mut bench = Bench::new();
        bench.venue.refuses.insert("s77".to_owned(), true);
        bench.venue.names_request = names_request;
        for stream in 0..200 {
            bench.subscribe(&format!("s{stream}"), true);
        }
        bench.connection.open(bench.now);
        bench.run(if names_request { secs(8) } else { secs(40) });
        assert_eq!(bench.connection.phase(), Phase::Live);
        let acknowledged = bench.connection.streams().filter(|(_, _, acknowledged)| *acknowledged).count();
        assert_eq!(acknowledged, 199);
        let bad = StreamId(77);
        assert_eq!(bench.breaks(), [(Some(bad), Reason::SubscriptionRejected, true)]);
        let rejected = Report::Rejected { stream: bad, code: 2, text: "no\\n".to_owned(), terminal: true };
        assert!(bench.reports().contains(&&rejected));
        bench.clear();
        bench.connection.ended(Ending::Cut, bench.now);
        bench.run(secs(5));
        assert_eq!(bench.count(is_subscribed), 199);
        assert!(bench.requests.iter().all(|(_, _, _, names)| !names.contains(&"s77".to_owned())));
    }
}

/// A venue that never answers is asked five times with growing waits; then the stream is flagged and left alone, asked
/// for once at the next connection, and well again when the venue answers.
#[test]
fn stream_without_an_answer_is_left_alone_after_five_tries() {
    let mut bench = Bench::new();
    bench.venue.answers = false;
    bench.venue.data_every = Some(secs(1));
    let stream = bench.subscribe("a", true);
    bench.connection.open(bench.now);
    bench.run(secs(300));
    let asked: Vec<_> = bench.requests.iter().map(|&(at, ..)| at).collect();
    let waits: Vec<_> = asked.windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).collect();
    assert_eq!(waits, [6, 7, 9, 13]);
    assert_eq!(bench.breaks(), [(Some(stream), Reason::SubscriptionRejected, false)]);
    bench.clear();
    bench.connection.ended(Ending::Cut, bench.now);
    bench.run(secs(100));
    assert_eq!(bench.requests.len(), 1);
    assert_eq!(bench.breaks().last(), Some(&(Some(stream), Reason::SubscriptionRejected, false)));
    bench.venue.answers = true;
    bench.connection.ended(Ending::Cut, bench.now);
    bench.run(secs(1));
    assert!(bench.connection.is_subscribed(stream));
}

/// A stream that is left alone is asked for as often as a fresh one when nobody else carries it any more; the others are
/// not touched.
#[test]
fn stream_left_alone_is_asked_for_again() {
    let mut bench = Bench::new();
    let other = bench.subscribe("b", true);
    bench.connection.open(bench.now);
    bench.run(secs(1));
    bench.venue.answers = false;
    bench.venue.data_every = Some(secs(1));
    let stream = bench.subscribe("a", true);
    bench.run(secs(300));
    bench.clear();
    bench.connection.ask_again(bench.now);
    bench.run(secs(100));
    assert_eq!(bench.requests.len(), 5);
    assert_eq!(bench.breaks(), [(Some(stream), Reason::SubscriptionRejected, false)]);
    bench.venue.answers = true;
    bench.connection.ask_again(bench.now);
    bench.run(secs(1));
    assert!(bench.connection.is_subscribed(stream) && bench.connection.is_subscribed(other));
}

/// A stream that speaks counts as given when its answer is overdue: it is not asked for again, and its silence is looked
/// after from its last word on.
#[test]
fn stream_that_speaks_without_an_answer_is_given() {
    let mut bench = Bench::new();
    bench.venue.answers = false;
    let stream = bench.subscribe("a", true);
    bench.connection.open(bench.now);
    bench.run(secs(3));
    bench.connection.data(stream, bench.now);
    let last_word = bench.now;
    bench.run(secs(3));
    assert!(bench.connection.is_subscribed(stream));
    bench.run(secs(5));
    assert_eq!(bench.requests.len(), 1);
    let probes = bench.when(|action| matches!(action, Action::Probe(_)));
    assert_eq!(probes.first().map(|at| at.since(last_word)), Some(Rules::default().probe_after()));
}

/// A refusal that is not for good is tried five times; its neighbour of the same request lives from the first halving.
#[test]
fn passing_refusal_is_tried_again() {
    let mut bench = Bench::new();
    bench.venue.refuses.insert("bad".to_owned(), false);
    let good = bench.subscribe("good", true);
    let bad = bench.subscribe("bad", true);
    bench.connection.open(bench.now);
    bench.run(secs(2));
    assert!(bench.connection.is_subscribed(good) && !bench.connection.is_subscribed(bad));
    bench.venue.refuses.clear();
    bench.run(secs(10));
    assert!(bench.connection.is_subscribed(bad));
    assert_eq!(bench.breaks(), []);
}

/// Request numbers grow and are never used twice, over reconnects too.
#[test]
fn request_numbers_are_never_used_twice() {
    let mut bench = Bench::new().live(300);
    bench.connection.ended(Ending::Cut, bench.now);
    bench.run(secs(3));
    let ids: Vec<_> = bench.requests.iter().map(|&(_, _, id, _)| id).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
}

/// A stream taken off while its request is under way: the late answer does not speak for the one that has its place.
#[test]
fn late_answer_does_not_speak_for_the_next_in_place() {
    let mut bench = Bench::new();
    bench.venue.answers = false;
    let first = bench.subscribe("first", true);
    bench.connection.open(bench.now);
    bench.run(ms(100));
    bench.connection.unsubscribe(first, bench.now);
    let second = bench.subscribe("second", true);
    assert_eq!(first, second);
    bench.run(ms(100));
    let asked: Vec<_> = bench.requests.iter().map(|(_, ask, _, names)| (*ask, names[0].as_str())).collect();
    let expected = [(Ask::Subscribe, "first"), (Ask::Unsubscribe, "first"), (Ask::Subscribe, "second")];
    assert_eq!(asked, expected);
    let refused = Reply::Refused { id: Some(1), stream: None, code: 2, text: String::new(), terminal: true };
    bench.connection.reply(refused, bench.now);
    bench.connection.reply(Reply::Accepted { id: 1 }, bench.now);
    assert!(!bench.connection.is_subscribed(second));
    assert_eq!(bench.breaks(), []);
    bench.connection.reply(Reply::Accepted { id: 3 }, bench.now);
    assert!(bench.connection.is_subscribed(second));
}

/// Every stream is acknowledged once a session, and live is reported once with their number.
#[test]
fn live_is_reported_with_all_streams() {
    let bench = Bench::new().live(450);
    let places: BTreeSet<_> = bench.connection.streams().map(|(stream, _, _)| stream).collect();
    assert_eq!((places.len(), bench.count(is_subscribed)), (450, 450));
    let live = bench.when(|action| *action == Action::Report(Report::Live { streams: 450 }));
    assert_eq!(live.len(), 1);
}
