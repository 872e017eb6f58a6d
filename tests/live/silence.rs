//! A venue that says nothing, or too slowly: N7 to N9 of the fault table.

use std::time::{Duration, Instant};

use touchline::Builder;
use touchline::events::Event;
use touchline::market::{Channel, Reason, State};
use touchline_feed::{Refusal, Report};
use touchline_simulator::{
    Command, Config, End, FaultKind, Faults, HandshakeFault, MessageFault, Subscribing, Which,
};

use crate::rig::{Rig, rig, rig_after, rig_with};
use crate::witness::{Log, Sampler};

const STALLED: State = State::Stale(Reason::Stalled);

/// The shortest bound on silence that a configuration may ask for.
const IDLE: Duration = Duration::from_secs(2);

/// How much later than its bound silence may be flagged.
const GRACE: Duration = Duration::from_millis(100);

/// An exchange that pings often enough for its heartbeats to hide a stall from who counts them.
fn pinging(symbols: usize) -> Config {
    let ping_every = Some(Duration::from_millis(700));
    Config { symbols: Config::symbols("binance", symbols), rate: 200.0, ping_every, ..Config::new("binance") }
}

fn impatient(mut builder: Builder) -> Builder {
    let timing = &mut builder.config_mut().timing;
    (timing.idle, timing.probe_timeout) = (Some(IDLE), Some(Duration::from_millis(500)));
    timing.stable = Some(Duration::from_millis(1));
    builder
}

/// Each of so many books is flagged as stalled within the bound after this moment.
fn stalled_in_time(log: &mut Log, books: usize, since: Instant) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..books {
        let (at, _, state) = log.flag();
        let silent = at.duration_since(since);
        assert_eq!(state, STALLED);
        assert!(silent <= IDLE + GRACE, "flagged after {silent:?}");
        longest = longest.max(silent);
    }
    longest
}

/// N7. A peer that vanishes without a word, nothing read and nothing written any more: every book is stalled at most
/// two seconds (the bound it was given) after the last byte, then live again on another connection.
#[test]
fn half_open_peer_is_flagged_within_the_bound() {
    for tls in [true, false] {
        let rig = rig_with(Config { tls, ..pinging(3) }, impatient);
        rig.all_live();
        let mut log = Log::of(&rig.feed);
        rig.exchange.command(Command::End { which: Which::All, how: End::HalfOpen });
        let flagged = stalled_in_time(&mut log, 3, Instant::now());
        let back = rig.all_live();
        assert!(back < Duration::from_secs(2), "live only after {back:?}");
        println!("tls {tls}: flagged after {flagged:?}, live {back:?} later");
        rig.finish();
    }
}

/// N7. The same while nothing can be asked either: only the clock can tell, and it does.
#[test]
fn vanished_host_is_flagged_within_the_bound() {
    let rig = rig_with(pinging(3), impatient);
    rig.all_live();
    let mut log = Log::of(&rig.feed);
    let began = Instant::now();
    rig.exchange.command(Command::Refuse(true));
    let fault = touchline_simulator::RestFault::Late(30_000);
    rig.exchange.command(Command::Rest { symbol: None, fault, count: 4 });
    rig.exchange.command(Command::End { which: Which::All, how: End::HalfOpen });
    let flagged = stalled_in_time(&mut log, 3, began);
    rig.exchange.command(Command::Heal);
    let back = rig.all_live();
    println!("flagged after {flagged:?}, live {back:?} after it could be");
    rig.finish();
}

/// N8. A message of which a byte comes every 50 ms does not become whole in time: the book is stalled five seconds after
/// its first byte, and live again on another connection.
#[test]
fn message_that_does_not_end_is_given_up() {
    let rig = rig(pinging(1));
    rig.all_live();
    let mut log = Log::of(&rig.feed);
    let drip = Command::Message { symbol: "BTCUSDT".to_owned(), fault: MessageFault::Drip, count: 1 };
    rig.exchange.command(drip);
    let (at, _, state) = log.flag();
    let (_, began) = rig.exchange.counts().last_fault.unwrap();
    let flagged = at.duration_since(began);
    assert_eq!(state, STALLED);
    assert!((4_900..=5_600).contains(&flagged.as_millis()), "flagged after {flagged:?}");
    let back = rig.all_live();
    assert!(back < Duration::from_secs(2), "live only after {back:?}");
    rig.finish();
}

/// N8. Messages that come in dozens of pieces, each within its time: late and correct, no book is ever not live.
#[test]
fn slow_message_is_late_and_correct() {
    let rig = rig(pinging(2));
    rig.all_live();
    let sampler = Sampler::start(&rig.feed);
    let faults = Faults { drip: 0.01, drip_bytes: 20, ..Faults::default() };
    rig.exchange.command(Command::SetFaults(faults));
    let drips = |rig: &Rig| {
        let counts = rig.exchange.counts();
        counts.faults.get(&FaultKind::Message(MessageFault::Drip)).copied().unwrap_or_default()
    };
    rig.wait("five messages came slowly", |rig| drips(rig) >= 5);
    sampler.always_live();
    assert_eq!(rig.exchange.counts().connections, 1);
    rig.finish();
}

/// N8. An answer to the handshake of which a byte comes every 50 ms: given up when the time to connect is over, and the
/// next attempt succeeds. The events' stamps say so too, although nothing had come that could lend them one.
#[test]
fn handshake_that_does_not_end_is_given_up() {
    let drip = HandshakeFault::Drip;
    let rig = rig_with(pinging(1), |mut builder| {
        builder.config_mut().timing.connect_timeout = Some(Duration::from_secs(1));
        impatient(builder)
    });
    rig.all_live();
    let mut log = Log::of(&rig.feed);
    rig.exchange.command(Command::Handshake { fault: drip, count: 1 });
    rig.exchange.command(Command::End { which: Which::All, how: End::Fin });
    let (began, stamp) = log.next("an attempt", |event| match event {
        Event::Connection(event) if matches!(event.report, Report::Connecting { .. }) => Some(event.at),
        _ => None,
    });
    let (at, (later, refusal)) = log.next("a refusal", |event| match event {
        Event::Connection(event) => match &event.report {
            Report::Refused { refusal, .. } => Some((event.at, refusal.clone())),
            _ => None,
        },
        _ => None,
    });
    assert!(matches!(refusal, Refusal::Timeout(_)), "{refusal:?}");
    for took in [at.duration_since(began), Duration::from_nanos(later.0 - stamp.0)] {
        assert!((950..=1_200).contains(&took.as_millis()), "given up after {took:?}");
    }
    rig.all_live();
    rig.finish();
}

/// N9. Data stops while pings go on and are answered: the books are stalled within the bound all the same, and live
/// again within three seconds and a reconnect.
#[test]
fn heartbeats_alone_do_not_hide_a_stall() {
    for venue in ["binance", "binance-usdm", "binance-coinm"] {
        let config = Config { symbols: Config::symbols(venue, 3), ..pinging(3) };
        let rig = rig_with(Config { venue: venue.to_owned(), ..config }, impatient);
        rig.all_live();
        let mut log = Log::of(&rig.feed);
        rig.exchange.command(Command::Stall { which: Which::All, on: true });
        let flagged = stalled_in_time(&mut log, 3, Instant::now());
        let back = rig.all_live();
        assert!(back < Duration::from_secs(5), "live only after {back:?}");
        println!("{venue}: flagged after {flagged:?}, live {back:?} later");
        rig.finish();
    }
}

/// N9. One stream that is acknowledged and stays silent among others: its book is stalled within the bound, the stream
/// is subscribed to anew and becomes live, and the books beside it are live all the time.
#[test]
fn one_silent_stream_is_subscribed_anew() {
    let rig = rig_with(pinging(3), |mut builder| {
        _ = builder.config_mut().subscriptions.pop();
        impatient(builder)
    });
    rig.all_live();
    let sampler = Sampler::start(&rig.feed);
    let mut log = Log::of(&rig.feed);
    let silent = |how| Command::Subscribing { symbol: Some("S0002USDT".to_owned()), how };
    rig.exchange.command(silent(Subscribing::Silent));
    let view = rig.feed.subscribe("binance:@S0002USDT", Channel::Book).unwrap();
    let began = Instant::now();
    let fault = FaultKind::Subscribing(Subscribing::Silent);
    rig.wait("it is acknowledged", |rig| rig.exchange.counts().faults.contains_key(&fault));
    rig.exchange.command(silent(Subscribing::Normal));
    let (at, ()) = log.report("a stall", |report| match report {
        Report::Stalled { stream: Some(_) } => Some(()),
        _ => None,
    });
    let flagged = at.duration_since(began);
    assert!(flagged <= IDLE + GRACE, "flagged after {flagged:?}");
    let stalled = |event: &Event| matches!(event, Event::State { to: STALLED, .. });
    rig.wait("it is flagged", |_| log.count_events(stalled) == 1);
    let back = rig.wait("it is LIVE", |_| view.touch().state.is_live());
    assert!(back < Duration::from_secs(5), "live only after {back:?}");
    sampler.always_live();
    println!("flagged after {flagged:?}, live {back:?} later");
    rig.finish();
}

/// N9. Nothing happens in one market, then in all of them, for three times the bound each: a quiet market is no stall.
#[test]
fn quiet_market_is_not_flagged() {
    let rig = rig_with(pinging(3), impatient);
    rig.all_live();
    let sampler = Sampler::start(&rig.feed);
    for symbol in [Some("BTCUSDT".to_owned()), None] {
        rig.exchange.command(Command::Pause { symbol });
        std::thread::sleep(3 * IDLE);
    }
    rig.exchange.command(Command::Resume { symbol: None });
    let before = rig.judge.equal();
    rig.wait("the markets go on", |rig| rig.judge.equal() > before + 20);
    sampler.always_live();
    assert_eq!(rig.exchange.counts().connections, 1);
    rig.finish();
}

/// N9. A market in which nothing happens from the very start: a probe proves that the book is the venue's, and it is
/// live within the bound.
#[test]
fn market_quiet_from_the_start_becomes_live() {
    let pause = |symbol| Command::Pause { symbol };
    let all = rig_after(pinging(2), |exchange| exchange.command(pause(None)), impatient);
    let one = Some("BTCUSDT".to_owned());
    let one = rig_after(pinging(2), |exchange| exchange.command(pause(one)), impatient);
    for rig in [all, one] {
        let took = rig.all_live();
        assert!(took < IDLE + GRACE, "live only after {took:?}");
        rig.exchange.command(Command::Resume { symbol: None });
        rig.wait("reads are compared", |rig| rig.judge.equal() >= 50);
        rig.finish();
    }
}
