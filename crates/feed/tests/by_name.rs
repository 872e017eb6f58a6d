//! Venues that answer stream by stream, want some streams in requests of their own, or begin a stream with a snapshot.

mod common;

use common::{Bench, facts_of_kinds, most_within, ms, secs};
use touchline_feed::{Action, Ending, Phase, Report, Rules, StreamId};
use touchline_market::Reason;
use touchline_venue::{Ask, Reply};

fn bench() -> Bench {
    let mut bench = Bench::at(facts_of_kinds(), Rules::default(), 1);
    bench.venue.by_name = true;
    bench.venue.data_every = Some(secs(1));
    bench
}

fn is_subscribed(action: &Action) -> bool {
    matches!(action, Action::Subscribed(_))
}

/// Every stream is acknowledged by its own name, one after the other; the connection is live with the last, and names
/// that nobody asked for, or asked for no more, change nothing.
#[test]
fn streams_are_acknowledged_by_name() {
    let mut bench = bench();
    let streams: Vec<_> = (0..10).map(|n| bench.subscribe(&format!("book:{n}"), false)).collect();
    bench.connection.open(bench.now);
    bench.run(ms(25));
    let acknowledged = bench.count(is_subscribed);
    assert!((1..10).contains(&acknowledged), "{acknowledged}");
    assert_eq!(bench.connection.phase(), Phase::Subscribing);
    let strange = Reply::Subscribed { streams: vec!["book:77".to_owned(), "book:0".to_owned()] };
    bench.connection.reply(strange, bench.now);
    bench.run(secs(1));
    assert_eq!((bench.connection.phase(), bench.count(is_subscribed)), (Phase::Live, 10));
    assert!(streams.iter().all(|stream| bench.connection.is_subscribed(*stream)));
    bench.run(secs(30));
    assert_eq!((bench.requests.len(), bench.breaks()), (1, vec![]), "the request is over: nothing times out");
}

/// Of ten streams of a request two are refused by name, one for good: the other eight live at once, and only the one
/// that may be given later is asked for again, alone.
#[test]
fn refusal_by_name_concerns_one_stream() {
    let mut bench = bench();
    bench.venue.refuses.extend([("book:3".to_owned(), true), ("book:7".to_owned(), false)]);
    for n in 0..10 {
        bench.subscribe(&format!("book:{n}"), false);
    }
    bench.connection.open(bench.now);
    bench.run(ms(100));
    assert_eq!(bench.count(is_subscribed), 8);
    assert_eq!(bench.breaks(), [(Some(StreamId(3)), Reason::SubscriptionRejected, true)]);
    bench.venue.refuses.clear();
    bench.run(secs(3));
    assert!(bench.connection.is_subscribed(StreamId(7)) && !bench.connection.is_subscribed(StreamId(3)));
    let asked: Vec<_> = bench.requests.iter().map(|(_, _, _, names)| names.len()).collect();
    assert_eq!(asked, [10, 1]);
    assert_eq!(bench.connection.phase(), Phase::Live);
}

/// A name without an answer is asked for again by itself; those that were answered are not.
#[test]
fn stream_without_an_answer_is_asked_for_alone() {
    let mut bench = bench();
    bench.venue.answers = false;
    for name in ["book:a", "book:b", "book:c"] {
        bench.subscribe(name, false);
    }
    bench.connection.open(bench.now);
    bench.run(ms(50));
    let two = Reply::Subscribed { streams: vec!["book:a".to_owned(), "book:c".to_owned()] };
    bench.connection.reply(two, bench.now);
    bench.venue.answers = true;
    bench.run(secs(10));
    let asked: Vec<_> = bench.requests.iter().map(|(_, _, _, names)| names.join(" ")).collect();
    assert_eq!(asked, ["book:a book:b book:c", "book:b"]);
    assert_eq!((bench.connection.phase(), bench.breaks()), (Phase::Live, vec![]));
}

/// Streams that may not stand together never share a request, neither when they come nor when they go.
#[test]
fn requests_hold_only_streams_that_stand_together() {
    let mut bench = bench();
    let mut streams = Vec::new();
    for n in 0..60 {
        let kind = ["book", "trade", "status"][n % 3];
        streams.push(bench.subscribe(&format!("{kind}:{n}"), false));
    }
    bench.connection.open(bench.now);
    bench.run(secs(3));
    assert_eq!(bench.connection.phase(), Phase::Live);
    for stream in streams {
        bench.connection.unsubscribe(stream, bench.now);
    }
    bench.run(secs(5));
    let counts: Vec<_> = bench.requests.iter().map(|(_, ask, _, names)| (*ask, names.len())).collect();
    let expected = [[(Ask::Subscribe, 20); 3], [(Ask::Unsubscribe, 20); 3]].concat();
    assert_eq!(counts, expected);
    for (_, _, _, names) in &bench.requests {
        let kind = |name: &String| name.split(':').next().map(str::to_owned);
        assert!(names.iter().all(|name| kind(name) == kind(&names[0])), "{names:?}");
    }
}

/// What a venue wants to hear first is sent before the first request, on every new connection, and counts against what
/// may be sent.
#[test]
fn new_connections_begin_with_their_greetings() {
    let mut bench = bench();
    for kind in ["book", "trade", "status", "bbo", "candle"] {
        bench.subscribe(&format!("{kind}:x"), false);
    }
    bench.connection.open(bench.now);
    for _ in 0..3 {
        bench.run(secs(4));
        assert_eq!((bench.connection.phase(), bench.hellos.len(), bench.requests.len()), (Phase::Live, 2, 5));
        assert!(bench.hellos.iter().all(|at| *at <= bench.requests[0].0));
        let first = bench.done.iter().find(|(_, action)| matches!(action, Action::Send(_))).unwrap();
        assert_eq!(first.1, Action::Send("hello".to_owned()));
        assert_eq!(most_within(&bench.sends, ms(1_200)), 3, "of five, two are left for pongs");
        bench.clear();
        bench.connection.ended(Ending::Cut, bench.now);
    }
}

/// Subscribing anew takes the stream off and asks for it again, in this order; it is acknowledged again, and no break is
/// said: whoever asked for it knows. Of a stream that is asked for already nothing more is asked.
#[test]
fn stream_is_subscribed_to_anew() {
    let mut bench = bench();
    let (one, other) = (bench.subscribe("book:a", false), bench.subscribe("book:b", false));
    bench.connection.resubscribe(one, bench.now);
    bench.connection.open(bench.now);
    bench.run(ms(15));
    bench.connection.resubscribe(one, bench.now);
    bench.run(secs(2));
    assert_eq!(bench.requests.len(), 1);
    bench.clear();
    bench.connection.resubscribe(one, bench.now);
    bench.connection.resubscribe(one, bench.now);
    assert!(!bench.connection.is_subscribed(one) && bench.connection.is_subscribed(other));
    assert!(bench.connection.is_left(one) && !bench.connection.is_left(other));
    bench.run(secs(1));
    assert!(!bench.connection.is_left(one));
    let asked: Vec<_> = bench.requests.iter().map(|(_, ask, _, names)| (*ask, names.join(" "))).collect();
    assert_eq!(asked, [(Ask::Unsubscribe, "book:a".to_owned()), (Ask::Subscribe, "book:a".to_owned())]);
    assert_eq!((bench.count(is_subscribed), bench.breaks()), (1, vec![]));
    assert!(bench.reports().contains(&&Report::Live { streams: 2 }));
}

/// Until the venue has said that the old subscription is over, by the stream's name or by a list without it, the stream is
/// left and not asked for; if no answer comes, it is asked for when that is overdue.
#[test]
fn stream_is_left_until_the_venue_says_so() {
    let [named, listed, other] = ["book:a", "book:c", "book:b"].map(|name| vec![name.to_owned()]);
    let replies = [
        Some(Reply::Unsubscribed { streams: named.clone() }),
        Some(Reply::Subscriptions { streams: other.clone() }),
        None,
    ];
    for reply in replies {
        let mut bench = bench();
        let one = bench.subscribe("book:a", false);
        bench.subscribe("book:b", false);
        bench.connection.open(bench.now);
        bench.run(secs(2));
        bench.clear();
        bench.venue.answers = false;
        bench.connection.resubscribe(one, bench.now);
        bench.run(secs(1));
        bench.connection.reply(Reply::Unsubscribed { streams: listed.clone() }, bench.now);
        let both = named.iter().chain(&other).cloned().collect();
        bench.connection.reply(Reply::Subscriptions { streams: both }, bench.now);
        bench.run(secs(1));
        assert!(bench.connection.is_left(one) && bench.requests.len() == 1, "{reply:?}");
        let early = reply.is_some();
        if let Some(reply) = reply {
            bench.connection.reply(reply, bench.now);
        }
        bench.run(secs(1));
        assert_eq!((bench.connection.is_left(one), bench.requests.len()), (!early, 1 + usize::from(early)));
        bench.run(Rules::default().ack_timeout);
        assert!(!bench.connection.is_left(one) && bench.requests.len() >= 2);
    }
}
