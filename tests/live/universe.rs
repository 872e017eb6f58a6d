//! Many books at once, and books that come and go while the feed runs: B10 and B11.

use std::time::{Duration, Instant};

use touchline::Error;
use touchline::market::{Channel, Reason, State};
use touchline_simulator::{Command, Config, End, Faults, MessageFault, Which};

use crate::history::History;
use crate::rig::{judge, rig, rig_with};

/// B10: a hundred books on one connection lose it, and all at once ask for their snapshots: live again within the
/// bound, within the venue's limits.
#[test]
fn a_hundred_books_are_resynced_at_once() {
    for venue in ["binance", "binance-usdm", "binance-coinm"] {
        let symbols = Config::symbols(venue, 100);
        let rig = rig_with(Config { symbols, rate: 1_000.0, ..Config::new(venue) }, |mut builder| {
            builder.config_mut().snapshot_levels = 100;
            builder
        });
        let first = rig.all_live();
        let mut history = History::of(&rig);
        let began = Instant::now();
        rig.exchange.command(Command::End { which: Which::All, how: End::Reset });
        let names: Vec<_> =
            rig.feed.views().iter().map(|(_, view)| view.instrument().symbol.clone()).collect();
        let times: Vec<_> =
            names.iter().map(|symbol| history.recovers(&rig, symbol, Reason::Disconnected)).collect();
        let longest = times.iter().max().unwrap();
        println!(
            "{venue}: 100 books live after {first:?}, after a reset in {longest:?}, seen {:?}",
            began.elapsed()
        );
        assert!(*longest < Duration::from_secs(5), "{times:?}");
        rig.finish();
    }
}

/// B10: eighty books lose an update at once: each resyncs, and the twenty others never notice.
#[test]
fn a_storm_of_resyncs_leaves_the_healthy_alone() {
    let symbols = Config::symbols("binance", 100);
    let rig = rig_with(Config { symbols, rate: 1_000.0, ..Config::new("binance") }, |mut builder| {
        builder.config_mut().snapshot_levels = 100;
        builder
    });
    rig.all_live();
    let mut history = History::of(&rig);
    let names: Vec<_> = rig.feed.views().iter().map(|(_, view)| view.instrument().symbol.clone()).collect();
    for symbol in &names[..80] {
        let (symbol, fault) = (symbol.clone(), MessageFault::Drop);
        rig.exchange.command(Command::Message { symbol, fault, count: 1 });
    }
    let times: Vec<_> =
        names[..80].iter().map(|symbol| history.recovers(&rig, symbol, Reason::Gap)).collect();
    let longest = times.iter().max().unwrap();
    println!("80 of 100 books live again within {longest:?}");
    assert!(*longest < Duration::from_secs(2), "{times:?}");
    names[80..].iter().for_each(|symbol| history.assert_quiet(symbol));
    rig.finish();
}

/// B10: one book breaks again and again: its requests come less and less often, and its neighbour never notices.
#[test]
fn a_book_that_breaks_again_and_again_asks_less_and_less() {
    let symbols = Config::symbols("binance-usdm", 2);
    let rig = rig(Config { symbols, rate: 500.0, ..Config::new("binance-usdm") });
    rig.all_live();
    let mut history = History::of(&rig);
    let before = rig.exchange.counts().rest_requests;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        let (symbol, fault) = ("BTCUSDT".to_owned(), MessageFault::Drop);
        rig.exchange.command(Command::Message { symbol, fault, count: 1 });
        std::thread::sleep(Duration::from_millis(20));
    }
    let asked = rig.exchange.counts().rest_requests - before;
    // Waits of at least 125, 250, 500, 1,000 and 2,000 ms fill five seconds.
    assert!((3..=8).contains(&asked), "{asked} requests");
    history.assert_quiet("S0001USDT");
    rig.exchange.command(Command::Heal);
    rig.all_live();
    rig.finish();
}

/// B11: instruments are subscribed to and taken off while others run; room and names are checked by type.
#[test]
fn books_come_and_go_while_others_stay() {
    for venue in ["binance", "binance-usdm", "binance-coinm"] {
        let symbols = Config::symbols(venue, 4);
        let names: Vec<_> = symbols.iter().map(|symbol| symbol.name.clone()).collect();
        let rig = rig_with(Config { symbols, rate: 400.0, ..Config::new(venue) }, |mut builder| {
            let config = builder.config_mut();
            config.subscriptions.truncate(1);
            config.instruments_max = 3;
            builder
        });
        rig.all_live();
        let mut history = History::of(&rig);
        let address = |name: &str| format!("{venue}:@{name}");
        let second = rig.feed.subscribe(&address(&names[1]), Channel::Book).unwrap();
        assert!(!second.read().is_live(), "a new book is not live yet");
        history.learn(&rig);
        rig.state(&names[1], State::Live);
        let third = rig.feed.subscribe(&address(&names[2]), Channel::Book).unwrap();
        rig.state(&names[2], State::Live);
        for view in [&second, &third] {
            let (read, truth) = (view.read(), rig.exchange.truth(&view.instrument().symbol).unwrap());
            assert_eq!(judge(&truth, &read, usize::MAX), touchline_simulator::Verdict::Equal, "{read:?}");
        }

        let full = rig.feed.subscribe(&address(&names[3]), Channel::Book);
        assert!(matches!(full, Err(Error::Full { max: 3 })), "{full:?}");
        let nearly = names[2].replacen("S0002", "S0092", 1);
        let unknown = rig.feed.subscribe(&address(&nearly), Channel::Book);
        let Err(Error::UnknownInstrument { asked, available }) = unknown else { panic!("{unknown:?}") };
        assert!(asked.contains(&nearly) && available.contains(&names[2]), "{asked}: {available}");

        rig.feed.unsubscribe(&address(&names[1]), None).unwrap();
        rig.wait("it is dead", |_| second.touch().state == State::Dead(Reason::Config));
        assert!(rig.feed.view(&address(&names[1])).is_err());
        rig.wait("the venue sends two books' streams", |rig| {
            rig.feed.report().unwrap().connections.iter().map(|one| one.streams).sum::<usize>() == 2
        });
        let again = rig.feed.subscribe(&address(&names[1]), Channel::Book).unwrap();
        rig.wait("it is live again", |_| again.touch().state.is_live());
        history.assert_quiet(&names[0]);
        rig.finish();
    }
}

/// B11: a symbol is delisted: nothing comes any more and its snapshots are refused. Its book is dead,
/// for a person to decide, and the other is what it was.
#[test]
fn a_delisted_symbol_does_not_stay_live() {
    let symbols = Config::symbols("binance", 2);
    let rig = rig_with(Config { symbols, rate: 200.0, ..Config::new("binance") }, |mut builder| {
        builder.config_mut().timing.idle = Some(Duration::from_secs(4));
        builder
    });
    rig.all_live();
    let mut history = History::of(&rig);
    rig.exchange.command(Command::Delist { symbol: "S0001USDT".to_owned() });
    let view = rig.view("S0001USDT");
    let took = rig.state("S0001USDT", State::Dead(Reason::Config));
    assert!(took < Duration::from_secs(8), "{took:?} with 4 s of silence allowed");
    assert!(!view.read().is_live());
    history.assert_quiet("BTCUSDT");
    rig.finish();
}

/// B11: books come and go under loss: what is subscribed to at the end is live.
#[test]
fn subscriptions_change_under_loss() {
    let symbols = Config::symbols("binance-usdm", 12);
    let names: Vec<_> = symbols.iter().map(|symbol| symbol.name.clone()).collect();
    let faults = Faults { drop: 0.01, duplicate: 0.05, ..Faults::default() };
    let config = Config { symbols, rate: 600.0, faults, ..Config::new("binance-usdm") };
    let rig = rig_with(config, |mut builder| {
        let config = builder.config_mut();
        config.subscriptions.truncate(4);
        config.snapshot_levels = 100;
        builder
    });
    let address = |name: &str| format!("binance-usdm:@{name}");
    for round in 0..3 {
        for name in &names[4..] {
            rig.feed.subscribe(&address(name), Channel::Book).unwrap();
        }
        std::thread::sleep(Duration::from_millis(200 + 300 * round));
        for name in &names[6..] {
            rig.feed.unsubscribe(&address(name), None).unwrap();
        }
    }
    rig.exchange.command(Command::Heal);
    rig.all_live();
    assert_eq!(rig.feed.views().len(), 6);
    rig.finish();
}
