//! Subscriptions that are refused, and limits that a feed keeps to: R1 to R4 of the fault table.

use std::time::{Duration, Instant};

use touchline::Builder;
use touchline::events::Event;
use touchline::market::{Channel, Reason, State};
use touchline_feed::Report;
use touchline_simulator::{Command, Config, End, HandshakeFault, Subscribing, Which};

use crate::rig::{Rig, rig_after, rig_with};
use crate::witness::Log;

fn quiet(symbols: usize) -> Config {
    Config { symbols: Config::symbols("binance", symbols), rate: 200.0, ..Config::new("binance") }
}

fn refuse(symbol: &str, how: Subscribing) -> Command {
    Command::Subscribing { symbol: Some(symbol.to_owned()), how }
}

/// The next stream that was refused: code, text, and whether for good.
fn rejected(log: &mut Log) -> (i64, String, bool) {
    log.report("a refused stream", |report| match report {
        Report::Rejected { code, text, terminal, .. } => Some((*code, text.clone(), *terminal)),
        _ => None,
    })
    .1
}

/// R1. A symbol that the venue refuses, in both forms of its errors, alone and as one of seven in a request: its book
/// is dead with that reason, the venue's words are told, and all other books become live.
#[test]
fn refused_stream_is_dead_and_hurts_no_other() {
    for how in [Subscribing::Refused, Subscribing::Invalid] {
        let bad = |exchange: &touchline_simulator::Simulator| exchange.command(refuse("S0003USDT", how));
        let rig = rig_after(quiet(7), bad, |builder| builder);
        let dead = State::Dead(Reason::SubscriptionRejected);
        rig.state("S0003USDT", dead);
        let others = |rig: &Rig| {
            let views = rig.feed.views();
            views.iter().filter(|(_, view)| view.touch().state.is_live()).count() == 6
        };
        let took = rig.wait("the others are LIVE", others);
        assert!(took < Duration::from_secs(4), "others live only after {took:?}");
        let mut log = Log::of(&rig.feed);
        rig.exchange.command(refuse("S0003USDT", Subscribing::Normal));
        rig.exchange.command(refuse("S0005USDT", how));
        rig.feed.unsubscribe("binance:@S0005USDT", None).unwrap();
        let view = rig.feed.subscribe("binance:@S0005USDT", Channel::Book).unwrap();
        let (code, text, terminal) = rejected(&mut log);
        assert!(terminal && (code == -1_121 || code == 2) && text.starts_with("Invalid"), "{code} {text}");
        rig.wait("the one alone is dead too", |_| view.touch().state == dead);
        assert_eq!(rig.view("S0003USDT").touch().state, dead, "a person must mend it");
        rig.finish();
    }
}

/// R1. A request that is never answered: the book waits, is told of each time the answer is overdue, is asked for anew
/// after growing waits, and is live once the venue answers.
#[test]
fn unanswered_stream_is_asked_for_again() {
    let rig = rig_with(quiet(2), |mut builder| {
        builder.config_mut().timing.ack_timeout = Some(Duration::from_millis(300));
        _ = builder.config_mut().subscriptions.pop();
        builder
    });
    rig.all_live();
    let mut log = Log::of(&rig.feed);
    rig.exchange.command(refuse("S0001USDT", Subscribing::Unanswered));
    let before = rig.exchange.counts().requests;
    let view = rig.feed.subscribe("binance:@S0001USDT", Channel::Book).unwrap();
    for tries in 1..=2 {
        let (code, text, terminal) = rejected(&mut log);
        assert_eq!((code, text.as_str(), terminal), (0, "no answer", false));
        assert_eq!(rig.exchange.counts().requests, before + tries);
        assert!(matches!(view.touch().state, State::Init | State::Syncing), "{}", view.touch().state);
    }
    rig.exchange.command(refuse("S0001USDT", Subscribing::Normal));
    rig.wait("it is LIVE", |_| view.touch().state.is_live());
    assert!(rig.view("BTCUSDT").touch().state.is_live());
    assert_eq!(rig.exchange.counts().connections, 1);
    rig.finish();
}

/// R2. More than a thousand streams on one connection whose venue takes five messages a second, its pings answered
/// beside; then twenty changes as fast as they can be made: it takes its time, the progress can be seen, and no limit
/// is ever exceeded.
#[test]
fn a_thousand_streams_keep_to_the_limit() {
    let config = Config { ping_every: Some(Duration::from_millis(900)), ..quiet(341) };
    let rig = rig_with(config, |mut builder| {
        for (n, subscription) in builder.config_mut().subscriptions.iter_mut().enumerate() {
            // Few books: it is not snapshots that are to be waited for.
            let first = if n < 3 { Channel::Book } else { Channel::Depth };
            subscription.channels = vec![first, Channel::Trade, Channel::Bbo];
        }
        builder
    });
    let began = Instant::now();
    let log = Log::of(&rig.feed);
    let progress = |rig: &Rig| {
        let connections = rig.feed.report().unwrap().connections;
        assert_eq!(connections.len(), 1);
        (connections[0].acknowledged, connections[0].streams)
    };
    let mut seen = Vec::new();
    rig.wait("every stream is acknowledged", |rig| progress(rig) == (1_023, 1_023));
    rig.exchange.command(Command::End { which: Which::All, how: End::Fin });
    rig.wait("the connection is lost", |rig| progress(rig).0 < 1_023);
    while seen.last() != Some(&1_023) && began.elapsed() < Duration::from_secs(15) {
        seen.push(progress(&rig).0);
        std::thread::sleep(Duration::from_millis(20));
    }
    seen.dedup();
    assert!(
        seen.len() >= 3 && seen.is_sorted(),
        "progress: {seen:?} {:?} {}",
        rig.exchange.counts(),
        log.text()
    );
    for n in 0..10 {
        let address = format!("binance:@S{:04}USDT", 300 + n);
        rig.feed.unsubscribe(&address, Some(Channel::Trade)).unwrap();
        std::thread::sleep(Duration::from_millis(30));
        rig.feed.subscribe(&address, Channel::Trade).unwrap();
    }
    rig.wait("every stream is acknowledged", |rig| progress(rig) == (1_023, 1_023));
    let books = ["BTCUSDT", "S0001USDT", "S0002USDT"].map(|symbol| rig.view(symbol));
    rig.wait("the books are LIVE", |_| books.iter().all(|view| view.touch().state.is_live()));
    println!("1,023 streams: progress {seen:?}, {} requests", rig.exchange.counts().requests);
    assert_eq!(rig.exchange.counts().connections, 2);
    rig.finish();
}

/// R3. Eighty books lose their connection again and again, until their snapshots cost more than a minute's budget: the
/// weight of a minute stays within the venue's limit, those that must wait say after five seconds that their snapshot is
/// late, and those that had theirs are live. (Two rounds leave weight for sixty more: a snapshot that came too early to
/// join its stream is asked for again, and a busy machine has some of these.)
#[test]
fn mass_resync_keeps_to_the_weight_of_a_minute() {
    let config = Config { rate: 2_000.0, ..quiet(80) };
    let rig = rig_with(config, |mut builder| {
        builder.config_mut().snapshot_levels = 500; // 25 each: two rounds fit into the 6,000 of a minute.
        builder.config_mut().timing.stable = Some(Duration::from_millis(1));
        builder
    });
    let first = rig.all_live();
    let end = Command::End { which: Which::All, how: End::Reset };
    rig.exchange.command(end.clone());
    let states = |rig: &Rig, state: State| {
        rig.feed.views().iter().filter(|(_, view)| view.touch().state == state).count()
    };
    rig.wait("all are disconnected", |rig| states(rig, State::Live) == 0);
    let second = rig.all_live();
    let weight = rig.exchange.counts().weight_max;
    rig.exchange.command(end);
    let late = State::Stale(Reason::SnapshotLate);
    let began = Instant::now();
    rig.wait("those that wait are late", |rig| {
        states(rig, late) >= 20 && states(rig, State::Live) + states(rig, late) == 80
    });
    let after = began.elapsed();
    assert!((4_900..7_000).contains(&after.as_millis()), "late after {after:?}");
    let (live, late, counts) = (states(&rig, State::Live), states(&rig, late), rig.exchange.counts());
    assert!(live >= 5, "{live} live of those whose snapshot there was weight for");
    assert!(counts.weight_max <= 6_000, "{} of 6,000", counts.weight_max);
    println!(
        "80 books live in {first:?} and {second:?} for a weight of {weight}; then {live} live and {late} late at {}",
        counts.weight_max
    );
    rig.finish();
}

/// R4. A venue that accepts and then drops at once: the book stays disconnected, each attempt has its number, the
/// waits grow (twelve attempts would be many in four seconds), and when it stops the book is live.
#[test]
fn storm_of_drops_is_met_with_patience() {
    let rig = rig_with(quiet(1), |builder| builder);
    rig.all_live();
    let mut log = Log::of(&rig.feed);
    rig.exchange.command(Command::Handshake { fault: HandshakeFault::Dropped, count: 10_000 });
    rig.exchange.command(Command::End { which: Which::All, how: End::Fin });
    assert_eq!(log.flag().2, State::Stale(Reason::Disconnected));
    let before = rig.exchange.counts().attempts;
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(rig.view("BTCUSDT").touch().state, State::Stale(Reason::Disconnected));
    let made = rig.exchange.counts().attempts - before;
    assert!((2..=12).contains(&made), "{made} attempts in 4 s");
    let mut last = 1;
    for _ in 0..2 {
        let (_, attempt) = log.report("an attempt", |report| match report {
            Report::Connecting { attempt } => Some(*attempt),
            _ => None,
        });
        assert_eq!(attempt, last + 1);
        last = attempt;
    }
    rig.exchange.command(Command::Heal);
    let back = rig.all_live();
    println!("{made} attempts in 4 s, live {back:?} after the storm");
    rig.finish();
}

/// R4. The same with hardly any wait between attempts, as a configuration may ask for: not more than half of the
/// connects that the venue takes in five minutes are made, and the book says that it is disconnected all the time.
#[test]
fn storm_of_drops_stays_within_half_the_limit() {
    let rig = rig_with(Config { tls: false, ..quiet(1) }, |mut builder: Builder| {
        let timing = &mut builder.config_mut().timing;
        (timing.backoff_first, timing.backoff_max) =
            (Some(Duration::from_millis(10)), Some(Duration::from_millis(20)));
        builder
    });
    rig.all_live();
    let mut log = Log::of(&rig.feed);
    rig.exchange.command(Command::Handshake { fault: HandshakeFault::Dropped, count: 10_000 });
    rig.exchange.command(Command::End { which: Which::All, how: End::Fin });
    rig.wait("half of the limit is used", |rig| rig.exchange.counts().attempts >= 150);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(rig.exchange.counts().attempts, 150);
    assert_eq!(log.flag().2, State::Stale(Reason::Disconnected));
    let live = log.count_events(|event| matches!(event, Event::State { to: State::Live, .. }));
    assert_eq!((live, rig.view("BTCUSDT").touch().state), (0, State::Stale(Reason::Disconnected)));
    rig.finish();
}
