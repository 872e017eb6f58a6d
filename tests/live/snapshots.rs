//! Snapshots by REST that race the stream, fail, lie, come late, or are to deepen a live book: B7 to B9.

use std::time::{Duration, Instant};

use touchline::market::{Reason, State};
use touchline_simulator::{Command, Config, FaultKind, Faults, MessageFault, RestFault};

use crate::history::History;
use crate::rig::{Rig, rig, rig_with};

const VENUES: [&str; 3] = ["binance", "binance-usdm", "binance-coinm"];

/// Two live books of an exchange, and the symbol of the first.
fn live(venue: &str) -> (Rig, History, String) {
    let rig = rig(Config { symbols: Config::symbols(venue, 2), rate: 400.0, ..Config::new(venue) });
    rig.all_live();
    let history = History::of(&rig);
    let symbol = rig.feed.views()[0].1.instrument().symbol.clone();
    (rig, history, symbol)
}

/// The next snapshot requests of a symbol end like this, and one of its updates is lost.
fn lose_one(rig: &Rig, symbol: &str, fault: RestFault, count: usize) {
    rig.exchange.command(Command::Rest { symbol: Some(symbol.to_owned()), fault, count });
    let symbol = symbol.to_owned();
    rig.exchange.command(Command::Message { symbol, fault: MessageFault::Drop, count: 1 });
}

/// What became of the messages of a symbol's book.
fn counters(rig: &Rig, symbol: &str) -> touchline::Counters {
    let books = rig.feed.report().unwrap().books;
    books.into_iter().find(|book| book.instrument.symbol == symbol).unwrap().counters
}

/// B7: snapshots come 0 to 900 ms after they were made, while their books' updates go on: the buffer carries each book
/// from its snapshot to the newest update, at the start and after a gap.
#[test]
fn late_snapshots_join_the_updates_that_were_kept() {
    for venue in VENUES {
        for late_ms in [0, 40, 300, 900] {
            let faults = Faults { snapshot_late: 1.0, late_ms, ..Faults::default() };
            let symbols = Config::symbols(venue, 2);
            let began = Instant::now();
            let rig = rig(Config { symbols, rate: 800.0, faults, ..Config::new(venue) });
            rig.all_live();
            let took = began.elapsed();
            assert!(took >= Duration::from_millis(late_ms), "{took:?} with snapshots {late_ms} ms late");
            let symbol = rig.feed.views()[0].1.instrument().symbol.clone();
            let before = counters(&rig, &symbol);
            assert!(before.buffered > 0 || late_ms == 0, "{before:?}");
            let mut history = History::of(&rig);
            rig.exchange.command(Command::Message {
                symbol: symbol.clone(),
                fault: MessageFault::Drop,
                count: 1,
            });
            let took = history.recovers(&rig, &symbol, Reason::Gap);
            assert!(took >= Duration::from_millis(late_ms), "{took:?} with snapshots {late_ms} ms late");
            let after = counters(&rig, &symbol);
            assert_eq!((after.dropped, after.gaps), (before.dropped, before.gaps + 1), "{after:?}");
            rig.finish();
        }
    }
}

/// B8: two snapshots in a row that cannot be used, in every way, each way for a book of its own: the book stays stale,
/// keeps its updates, asks again, and is live with the third. The last book never notices.
#[test]
fn snapshots_that_cannot_be_used_are_asked_for_again() {
    let faults = [
        RestFault::Status { code: 500, retry_after_s: None },
        RestFault::Html(200),
        RestFault::Html(502),
        RestFault::Cut,
        RestFault::Reset,
        RestFault::Stale(60),
    ];
    for venue in VENUES {
        let symbols = Config::symbols(venue, 1 + faults.len());
        let names: Vec<_> = symbols.iter().map(|symbol| symbol.name.clone()).collect();
        let rig = rig(Config { symbols, rate: 1_200.0, ..Config::new(venue) });
        rig.all_live();
        let mut history = History::of(&rig);
        rig.wait("a past to be stale from", |rig| counters(rig, &names[6]).received > 100);
        let before: Vec<_> = names.iter().map(|symbol| counters(&rig, symbol)).collect();
        for (symbol, fault) in names.iter().zip(faults) {
            lose_one(&rig, symbol, fault, 2);
        }
        for ((symbol, fault), before) in names.iter().zip(faults).zip(before) {
            let took = history.recovers(&rig, symbol, Reason::Gap);
            println!("{venue}: {fault:?} twice, live after {took:?}");
            let after = counters(&rig, symbol);
            // Waits of at most 250 and 500 ms lie between the requests.
            assert!(took < Duration::from_secs(2), "{fault:?}: {took:?}");
            assert_eq!(rig.view(symbol).touch().epoch, 2, "{fault:?}");
            assert_eq!((after.dropped, after.gaps), (before.dropped, before.gaps + 1), "{fault:?}");
        }
        let dealt = rig.exchange.counts().faults;
        assert!(faults.iter().all(|fault| dealt.get(&FaultKind::Rest(*fault)) == Some(&2)), "{dealt:?}");
        history.assert_quiet(&names[faults.len()]);
        rig.finish();
    }
}

/// B8: a snapshot is another symbol's, which only its sequence can tell: it is never shown as live, and the book comes
/// back with the next.
#[test]
fn another_symbols_snapshot_is_never_shown_as_live() {
    std::thread::scope(|scope| {
        for venue in VENUES {
            scope.spawn(move || {
                let (rig, mut history, symbol) = live(venue);
                let other = rig.feed.views()[1].1.instrument().symbol.clone();
                lose_one(&rig, &symbol, RestFault::OtherSymbol, 1);
                let took = history.recovers(&rig, &symbol, Reason::Gap);
                println!("{venue}: live {took:?} after another symbol's snapshot");
                history.assert_quiet(&other);
                // The other one's book may be the one that is behind.
                lose_one(&rig, &other, RestFault::OtherSymbol, 1);
                history.recovers(&rig, &other, Reason::Gap);
                rig.finish();
            });
        }
    });
}

/// B8: no usable snapshot for more than five seconds: the book says so, and is live soon after there is one.
#[test]
fn a_snapshot_that_does_not_come_is_called_late() {
    let (rig, mut history, symbol) = live("binance");
    let before = counters(&rig, &symbol);
    lose_one(&rig, &symbol, RestFault::Status { code: 500, retry_after_s: None }, 1_000);
    let began = Instant::now();
    rig.stale(&symbol, Reason::Gap);
    rig.stale(&symbol, Reason::SnapshotLate);
    let late = began.elapsed();
    assert!((4_900..6_000).contains(&late.as_millis()), "late after {late:?}");
    rig.exchange.command(Command::Heal);
    history.recovers(&rig, &symbol, Reason::SnapshotLate);
    let after = counters(&rig, &symbol);
    assert_eq!((after.dropped, after.gaps), (before.dropped, before.gaps + 1), "{after:?}");
    history.assert_quiet(&rig.feed.views()[1].1.instrument().symbol);
    rig.finish();
}

/// B8: a snapshot that is answered after seven seconds is given up after five: the book says SNAPSHOT_LATE and is live
/// with the next.
#[test]
fn an_answer_that_takes_too_long_is_given_up() {
    let (rig, mut history, symbol) = live("binance-usdm");
    lose_one(&rig, &symbol, RestFault::Late(7_000), 1);
    let took = history.recovers(&rig, &symbol, Reason::Gap);
    assert!((4_900..7_000).contains(&took.as_millis()), "{took:?}");
    let states = history.states(&symbol);
    assert!(states.contains(&State::Stale(Reason::SnapshotLate)), "{states:?}");
    rig.finish();
}

/// B8: 429 with two seconds to wait: the book says so, nothing is asked before (the exchange counts), and it is live
/// soon after.
#[test]
fn a_limited_snapshot_waits_as_long_as_it_is_told() {
    for venue in VENUES {
        let (rig, mut history, symbol) = live(venue);
        let limited = RestFault::Status { code: 429, retry_after_s: Some(2) };
        lose_one(&rig, &symbol, limited, 1);
        rig.stale(&symbol, Reason::RateLimited);
        let took = history.recovers(&rig, &symbol, Reason::RateLimited);
        assert!((1_900..4_000).contains(&took.as_millis()), "{venue}: live after {took:?}");
        history.assert_quiet(&rig.feed.views()[1].1.instrument().symbol);
        rig.finish();
    }
}

/// Six books of which five levels a side are known at the start: their prices walk out of these soon.
fn thin_books(venue: &str) -> Rig {
    let symbols = Config::symbols(venue, 6);
    rig_with(Config { symbols, rate: 600.0, ..Config::new(venue) }, |mut builder| {
        builder.config_mut().snapshot_levels = 5;
        builder
    })
}

/// B9: prices walk out of what a small snapshot proved: the depth that is known grows thin, and says so; a refresh
/// deepens it, and the books stay live in their epoch all the while.
#[test]
fn a_thinning_book_is_refreshed_while_it_is_live() {
    std::thread::scope(|scope| {
        for venue in VENUES {
            scope.spawn(move || {
                let rig = thin_books(venue);
                rig.all_live();
                let mut history = History::of(&rig);
                let views = rig.feed.views();
                let (began, mut least) = (Instant::now(), vec![u32::MAX; views.len()]);
                let refreshed = loop {
                    for ((_, view), least) in views.iter().zip(&mut least) {
                        let [bids, asks] = view.read().proven;
                        *least = bids.min(asks).min(*least);
                    }
                    let books = rig.feed.report().unwrap().books;
                    if let Some(refreshed) = books.iter().position(|book| book.counters.snapshots > 1) {
                        break refreshed;
                    }
                    assert!(began.elapsed() < crate::rig::PATIENCE, "{venue}: {}", rig.state_of_affairs());
                    std::thread::sleep(Duration::from_millis(1));
                };
                let (view, least) = (&views[refreshed].1, least[refreshed]);
                println!("{venue}: {least} levels proven, refreshed after {:?}", began.elapsed());
                assert!(least < 2, "{least}");
                rig.wait("more are proven", |_| view.read().proven.iter().all(|proven| *proven > least));
                views.iter().for_each(|(_, view)| history.assert_quiet(&view.instrument().symbol));
                rig.finish();
            });
        }
    });
}

/// B9: the same with one book of 2,000 updates a second: the stream goes on while the snapshot is on its way, so that
/// it is older than the book when it comes. It deepens the book all the same.
#[test]
fn a_fast_book_is_refreshed_by_a_snapshot_that_comes_late() {
    for (venue, late_ms) in VENUES.into_iter().flat_map(|venue| [(venue, 0), (venue, 200)]) {
        let faults = Faults { snapshot_late: 1.0, late_ms, ..Faults::default() };
        let symbols = Config::symbols(venue, 1);
        let rig = rig_with(Config { symbols, rate: 2_000.0, faults, ..Config::new(venue) }, |mut builder| {
            builder.config_mut().snapshot_levels = 5;
            builder
        });
        rig.all_live();
        let mut history = History::of(&rig);
        let symbol = rig.feed.views()[0].1.instrument().symbol.clone();
        let took = rig.wait("the depth is refreshed", |rig| counters(rig, &symbol).snapshots > 1);
        println!("{venue}: refreshed after {took:?} by a snapshot {late_ms} ms late");
        let after = counters(&rig, &symbol);
        assert_eq!((after.snapshots, after.ignored_snapshots, after.disproved), (2, 0, 0), "{after:?}");
        assert_eq!(rig.view(&symbol).touch().epoch, 1);
        history.assert_quiet(&symbol);
        rig.finish();
    }
}

/// B9 and B3: updates are lost after refreshes failed: the books still get their snapshots.
#[test]
fn a_refresh_that_failed_does_not_hold_up_a_resync() {
    let rig = thin_books("binance");
    rig.all_live();
    let mut history = History::of(&rig);
    rig.exchange.command(Command::SetFaults(Faults { snapshot_error: 1.0, ..Faults::default() }));
    rig.wait("a refresh has failed", |rig| rig.exchange.counts().faulted() > 0);
    rig.exchange.command(Command::Heal);
    for (_, view) in rig.feed.views() {
        let symbol = view.instrument().symbol.clone();
        history.assert_quiet(&symbol);
        rig.exchange.command(Command::Message {
            symbol: symbol.clone(),
            fault: MessageFault::Drop,
            count: 1,
        });
        let took = history.recovers(&rig, &symbol, Reason::Gap);
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    rig.finish();
}
