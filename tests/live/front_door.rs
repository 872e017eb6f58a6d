//! What a user of the library meets: placements, threads, events, subscriptions while running, errors.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use touchline::Placement;
use touchline::config::{Config as FeedConfig, Endpoint, Waiting};
use touchline::events::{Event, EventKind, EventsConfig, Kinds};
use touchline::feed::Report;
use touchline::market::{Channel, Reason, State};
use touchline_simulator::{Command, Config, End, Which};

use crate::rig::{PATIENCE, exchange, reach, rig, rig_with};

fn config(symbols: usize) -> Config {
    Config { symbols: Config::symbols("binance-usdm", symbols), rate: 400.0, ..Config::new("binance-usdm") }
}

/// Books are built on the reader's thread, on two book threads behind two readers, and by threads that never sleep: the
/// same books each time, and every message accounted for.
#[test]
fn every_arrangement_of_threads_gives_the_same_books() {
    for arrangement in ["reader", "two by two", "three readers, one book thread", "spin"] {
        let rig = rig_with(config(6), |mut builder| {
            let config = builder.config_mut();
            match arrangement {
                "reader" => config.placement = Placement::Reader,
                "two by two" => (config.readers, config.book_threads) = (2, 2),
                "spin" => config.wait = Waiting::Spin,
                _ => config.readers = 3,
            }
            builder
        });
        rig.all_live();
        rig.wait("100 reads are compared", |rig| rig.judge.equal() >= 100);
        rig.exchange.command(Command::End { which: Which::All, how: End::Fin });
        rig.wait("a book is flagged", |rig| {
            rig.feed.views().iter().any(|(_, view)| !view.touch().state.is_live())
        });
        rig.all_live();
        assert!(rig.finish() >= 100, "{arrangement}");
    }
}

/// A consumer sees a book's life from a cut to LIVE again, its sequences only grow, its trades have each the number after the
/// one before; a filter lets nothing else through; and the queue ends with the feed.
#[test]
fn events_tell_what_happens_to_a_book() {
    let exchange = exchange(config(1));
    let (_root, builder) = reach(&exchange, "binance-usdm");
    let feed = builder.book("binance-usdm:@BTCUSDT").trades("binance-usdm:@BTCUSDT").start().unwrap();
    let states = EventsConfig { kinds: Kinds::of(&[EventKind::State]), ..EventsConfig::default() };
    let (mut all, only_states) = (feed.events(), feed.events_with(states));
    let called = Arc::new(Mutex::new(0u64));
    let caller = feed.on_event({
        let called = Arc::clone(&called);
        move |_| *called.lock().unwrap() += 1
    });
    let view = feed.view("binance-usdm:@BTCUSDT").unwrap();
    wait(|| view.read().is_live());
    exchange.command(Command::End { which: Which::All, how: End::Fin });
    let (mut sequence, mut trade, mut trades, mut told) = (0, None, 0, Vec::new());
    while told.last() != Some(&State::Live) || trades < 20 {
        match all.next_timeout(PATIENCE).expect("an event in time").expect("the feed runs") {
            Event::Book { touch, .. } => {
                assert!(touch.sequence.0 >= sequence);
                sequence = touch.sequence.0;
            }
            Event::Trade { trade: view, .. } => {
                // The view of trades is told of the cut as well; after it some trades are missing.
                if view.state.is_live() {
                    assert!(trade.is_none_or(|last| view.trade.id == last + 1), "{trade:?} {view:?}");
                    (trade, trades) = (Some(view.trade.id), trades + 1);
                } else {
                    trade = None;
                }
            }
            Event::State { to, .. } => told.push(to),
            Event::Connection(_) | Event::Bbo { .. } => {}
            Event::Lost(count) => panic!("{count} lost"),
        }
    }
    assert!(told.contains(&State::Stale(Reason::Disconnected)), "{told:?}");
    assert!(feed.stop().unwrap().balances());
    assert!(all.by_ref().count() > 0, "what was under way, then the end");
    let states: Vec<_> = only_states.collect();
    assert!(states.iter().all(|event| matches!(event, Event::State { .. })), "{states:?}");
    let mut ends = states.iter().filter_map(|event| match event {
        Event::State { to, .. } => Some(*to),
        _ => None,
    });
    assert_eq!(ends.next_back(), Some(State::Dead(Reason::WriterDead)));
    caller.unwrap().join().unwrap();
    assert!(*called.lock().unwrap() > 20);
}

/// A consumer made before the start hears the first word of every connection and of every book, however late it reads and
/// wherever books are built. One made of the running feed has missed them.
#[test]
fn a_consumer_from_before_the_start_misses_nothing() {
    for placement in [Placement::BookThread, Placement::Reader] {
        let exchange = exchange(config(3));
        let (_root, builder) = reach(&exchange, "binance-usdm");
        let mut builder = builder.placement(placement).paths(2);
        for symbol in Config::symbols("binance-usdm", 3) {
            builder = builder.book(&format!("binance-usdm:@{}", symbol.name));
        }
        let kinds = Kinds::of(&[EventKind::State, EventKind::Connection]);
        let wanted = EventsConfig { kinds, ..EventsConfig::default() };
        let early = builder.events_with(wanted);
        let feed = builder.start().unwrap();
        wait(|| feed.views().iter().all(|(_, view)| view.read().is_live()));
        let late = feed.events_with(wanted);
        let (connections, views) = (feed.report().unwrap().connections, feed.views());
        feed.stop().unwrap();
        let (early, late): (Vec<_>, Vec<_>) = (early.collect(), late.collect());
        assert_eq!((connections.len(), views.len()), (2, 3));
        for connection in &connections {
            let mut said = early.iter().filter_map(|event| match event {
                Event::Connection(event) if event.connection == connection.number => Some(&event.report),
                _ => None,
            });
            let first = [said.next(), said.next(), said.next()];
            let expected = [
                Some(&Report::Connecting { attempt: 1 }),
                Some(&Report::Open),
                Some(&Report::Live { streams: connection.streams }),
            ];
            assert_eq!(first, expected, "{placement:?}");
        }
        for (id, _) in &views {
            let mut states = early.iter().filter_map(|event| match event {
                Event::State { instrument, from, .. } if instrument == id => Some(*from),
                _ => None,
            });
            assert_eq!(states.next(), Some(State::Init), "{placement:?}");
        }
        let begins = |event: &Event| match event {
            Event::Connection(event) => matches!(event.report, Report::Connecting { .. }),
            Event::State { from, .. } => *from == State::Init,
            _ => false,
        };
        assert!(!late.iter().any(begins), "{late:?}");
    }
}

/// A consumer that falls behind loses events, is told how many, and nobody waits for it.
#[test]
fn a_slow_consumer_is_told_what_it_missed() {
    let rig = rig(config(2));
    let mut events = rig.feed.events_with(EventsConfig { capacity: 16, ..EventsConfig::default() });
    rig.all_live();
    rig.wait("200 messages", |rig| rig.view("BTCUSDT").messages()[0] >= 200);
    let mut lost = 0;
    while let Some(event) = events.poll() {
        if let Event::Lost(count) = event {
            lost += count;
        }
    }
    assert!(lost > 0 && events.lost() >= lost, "{lost} {}", events.lost());
    rig.finish();
}

/// One channel is taken off and put on again: its view says so, the others go on.
#[test]
fn channels_come_and_go_while_running() {
    let rig = rig(config(2));
    rig.all_live();
    let view = rig.feed.subscribe("binance-usdm:@BTCUSDT", Channel::Trade).unwrap();
    rig.wait("a trade comes", |_| view.last_trade().state.is_live());
    rig.feed.unsubscribe("binance-usdm:@BTCUSDT", Some(Channel::Book)).unwrap();
    rig.state("BTCUSDT", State::Dead(Reason::Config));
    let (epoch, trade) = (rig.view("S0001USDT").touch().epoch, view.last_trade().trade.id);
    rig.wait("trades go on", |_| view.last_trade().trade.id > trade && view.last_trade().state.is_live());
    rig.feed.subscribe("binance-usdm:@BTCUSDT", Channel::Book).unwrap();
    rig.state("BTCUSDT", State::Live);
    assert_eq!(rig.view("S0001USDT").touch().epoch, epoch, "the neighbour");
    assert!(rig.view("S0001USDT").touch().state.is_live());
    rig.finish();
}

/// Everything from a file.
#[test]
fn a_configuration_file_starts_a_feed() {
    let exchange = exchange(config(2));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root.pem"), exchange.certificate_pem()).unwrap();
    let path = folder.path().join("touchline.toml");
    let text = format!(
        "[[subscribe]]\ninstrument = \"binance-usdm:BTC-USDT-PERP\"\nchannels = [\"book\", \"bbo\"]\n\
         [endpoint.binance-usdm]\nws = \"{}\"\nrest = \"{}\"\n[transport]\nroots = [\"root.pem\"]\n",
        exchange.ws_root(),
        exchange.rest_root()
    );
    std::fs::write(&path, text).unwrap();
    let feed = touchline::Feed::builder().config_file(&path).unwrap().start().unwrap();
    let view = feed.view("binance-usdm:@BTCUSDT").unwrap();
    wait(|| view.read().is_live() && view.bbo().state.is_live());
    assert!(feed.stop().unwrap().balances());
}

/// Mistakes are told before anything starts, each with what to do.
#[test]
fn mistakes_are_told_at_the_start() {
    let exchange = exchange(config(2));
    let start = |address: &str| {
        let (_root, builder) = reach(&exchange, "binance-usdm");
        builder.book(address).start().map(|_| ()).unwrap_err().to_string()
    };
    let unknown = start("binance-usdm:BTC-USD-PERP");
    assert!(unknown.contains("BTC-USDT-PERP"), "{unknown}");
    assert!(start("nowhere:BTC-USDT").contains("binance-usdm"));
    assert!(start("BTC-USDT").contains("VENUE:BASE-QUOTE"));
    let nothing = touchline::Feed::builder().start().map(|_| ());
    assert!(nothing.is_ok(), "a feed may begin empty: {nothing:?}");
    let bad = FeedConfig { ring_records: 100, ..FeedConfig::default() };
    let error = touchline::Feed::builder().config(bad).start().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("ring_records"), "{error}");

    // Without the venue's list its own symbol still names an instrument, a name does not.
    let unreachable = || {
        let (root, builder) = reach(&exchange, "binance-usdm");
        let endpoint = Endpoint::new("binance-usdm".parse().unwrap(), &exchange.ws_root());
        (root, builder.endpoint(endpoint.with_rest("https://127.0.0.1:1")))
    };
    let (_root, builder) = unreachable();
    let named = builder.book("binance-usdm:BTC-USDT-PERP").start().map(|_| ()).unwrap_err().to_string();
    assert!(named.contains("cannot be had"), "{named}");
    let (_root, builder) = unreachable();
    let feed = builder.book("binance-usdm:@BTCUSDT").bbo("binance-usdm:@BTCUSDT").start().unwrap();
    assert!(feed.report().unwrap().notes.iter().any(|note| note.contains("learned from its data")));
    let view = feed.view("binance-usdm:@BTCUSDT").unwrap();
    wait(|| view.bbo().state.is_live());
    assert!(!view.read().is_live(), "there is no snapshot to be had");
}

/// Waits until it is so.
fn wait(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
