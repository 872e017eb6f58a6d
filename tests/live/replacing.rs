//! Connections that are replaced before they end: N11 of the fault table.

use std::collections::BTreeMap;
use std::time::Duration;

use touchline::events::{Event, EventKind, Events, EventsConfig, Kinds};
use touchline::market::{Channel, Reason, State};
use touchline::{Builder, Feed};
use touchline_feed::Report;
use touchline_simulator::{Command, Config, End, Which};

use crate::rig::{Rig, rig_with};
use crate::witness::{Log, Sampler};

const VENUES: [&str; 3] = ["binance", "binance-usdm", "binance-coinm"];

fn busy(venue: &str) -> Config {
    Config { symbols: Config::symbols(venue, 3), rate: 400.0, ..Config::new(venue) }
}

/// Trades beside every book.
fn with_trades(mut builder: Builder) -> Builder {
    for subscription in &mut builder.config_mut().subscriptions {
        subscription.channels.push(Channel::Trade);
    }
    builder
}

/// The trades of a feed from now on.
fn trades(feed: &Feed) -> Events {
    let events =
        feed.events_with(EventsConfig { kinds: Kinds::of(&[EventKind::Trade]), ..EventsConfig::default() });
    // Whoever answers has heard of the consumer before.
    feed.report().unwrap();
    events
}

/// Every instrument's trades so far follow each other: none is missing, none came twice. Returns how many there were.
fn in_order(events: &mut Events) -> usize {
    let mut ids: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    while let Some(event) = events.poll() {
        let Event::Trade { instrument, trade } = event else { panic!("{event:?}") };
        ids.entry(instrument.0).or_default().push(trade.trade.id);
    }
    for (instrument, ids) in &ids {
        let wrong = ids.windows(2).position(|pair| pair[1] != pair[0] + 1);
        let around = wrong.map(|at| &ids[at.saturating_sub(5)..ids.len().min(at + 7)]);
        assert!(wrong.is_none(), "instrument {instrument}: {around:?}");
    }
    assert_eq!(ids.len(), 3, "instruments with trades");
    ids.values().map(Vec::len).sum()
}

/// Every book of a rig was begun once and never lost anything.
fn nothing_was_lost(rig: &Rig) {
    for book in rig.feed.report().unwrap().books {
        let (gaps, breaks) = (book.counters.gaps, book.counters.breaks);
        assert_eq!((book.epoch, gaps, breaks), (1, 0, 0), "{}", book.instrument.symbol);
    }
}

/// A day of replacements in a quarter of a minute: the exchange ends every connection after six seconds, the feed
/// replaces each after about three, four times in a row. No read of any book is ever not LIVE, no book is begun anew,
/// and every instrument's trades are complete and single.
#[test]
fn ageing_connections_are_replaced_unnoticed() {
    let rigs = VENUES.map(|venue| {
        let rig = rig_with(Config { lifetime: Some(Duration::from_secs(6)), ..busy(venue) }, |builder| {
            let mut builder = with_trades(builder);
            builder.config_mut().timing.lifetime = Some(Duration::from_secs(4));
            builder
        });
        rig.all_live();
        let (sampler, events) = (Sampler::start(&rig.feed), trades(&rig.feed));
        (venue, rig, sampler, events)
    });
    for (venue, rig, sampler, mut events) in rigs {
        rig.wait("the fifth connection is the only one", |rig| {
            let counts = rig.exchange.counts();
            counts.connections >= 5 && counts.open == 1
        });
        let reads = sampler.always_live();
        let trades = in_order(&mut events);
        nothing_was_lost(&rig);
        let twice = rig.feed.report().unwrap().intake.withheld;
        assert!(twice > 0, "no message came by two connections: nothing was handed over");
        println!("{venue}: {reads} reads, {trades} trades, {twice} messages withheld as duplicates");
        rig.finish();
    }
}

/// A venue that announces its end, again and again: each notice is followed by one replacement, and nobody notices.
#[test]
fn announced_end_is_followed_by_a_replacement_unnoticed() {
    for venue in VENUES {
        let rig = rig_with(busy(venue), with_trades);
        rig.all_live();
        let (sampler, mut events) = (Sampler::start(&rig.feed), trades(&rig.feed));
        let mut log = Log::of(&rig.feed);
        for notice in 1..=3 {
            rig.exchange.command(Command::Shutdown { which: Which::All });
            log.report("the notice is taken", |report| (*report == Report::Leaving).then_some(()));
            let took = rig.wait("one connection has taken over from the other", |rig| {
                let counts = rig.exchange.counts();
                counts.connections == notice + 1 && counts.open == 1
            });
            println!("{venue}: replaced in {took:?}");
        }
        sampler.always_live();
        in_order(&mut events);
        nothing_was_lost(&rig);
        rig.finish();
    }
}

/// In markets where nothing happens a connection is replaced all the same, and what happens afterwards is received.
#[test]
fn quiet_markets_change_connections_too() {
    let rig = rig_with(busy("binance"), with_trades);
    rig.all_live();
    let sampler = Sampler::start(&rig.feed);
    rig.exchange.command(Command::Pause { symbol: None });
    rig.exchange.command(Command::Shutdown { which: Which::All });
    rig.wait("one connection has taken over from the other", |rig| {
        let counts = rig.exchange.counts();
        counts.connections == 2 && counts.open == 1
    });
    rig.exchange.command(Command::Resume { symbol: None });
    let before = rig.judge.equal();
    rig.wait("the markets go on", |rig| rig.judge.equal() > before + 20);
    sampler.always_live();
    nothing_was_lost(&rig);
    rig.finish();
}

/// The old connection ends before the new one is there: the books say that they are disconnected, and are live again
/// on the new one.
#[test]
fn end_before_the_replacement_is_there_is_flagged() {
    let rig = rig_with(busy("binance"), with_trades);
    rig.all_live();
    let mut log = Log::of(&rig.feed);
    for _ in 0..3 {
        log.skip();
        rig.exchange.command(Command::Shutdown { which: Which::All });
        rig.exchange.command(Command::End { which: Which::All, how: End::Close(1_001) });
        for _ in 0..3 {
            assert_eq!(log.flag().2, State::Stale(Reason::Disconnected));
        }
        let back = rig.all_live();
        assert!(back < Duration::from_secs(2), "live only after {back:?}");
        rig.wait("one connection is left", |rig| rig.exchange.counts().open == 1);
    }
    rig.finish();
}
