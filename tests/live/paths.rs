//! Several connections that bring the same books: the failure of one costs nothing.

use std::time::{Duration, Instant};

use touchline::Builder;
use touchline::events::Event;
use touchline::market::State;
use touchline_simulator::{Command, Config, End, Faults, Which};

use crate::rig::{Rig, rig_with};
use crate::witness::{Log, Sampler};

fn three(venue: &str) -> Config {
    Config { symbols: Config::symbols(venue, 3), rate: 400.0, ..Config::new(venue) }
}

/// Waits until so many connections were opened and two are there, with all their books.
fn both_there(rig: &Rig, opened: u64) {
    rig.wait("both connections carry every book", |rig| {
        let counts = rig.exchange.counts();
        let connections = rig.feed.report().unwrap().connections;
        counts.connections >= opened
            && counts.open == 2
            && connections.iter().filter(|connection| connection.acknowledged == 3).count() == 2
    });
    // Each of them has brought something of every book since.
    let before: Vec<_> = rig.feed.report().unwrap().books;
    rig.wait("both bring every book", |rig| {
        let now = rig.feed.report().unwrap().books;
        now.iter().zip(&before).all(|(now, before)| {
            now.paths.iter().zip(&before.paths).all(|(now, before)| now.messages > before.messages)
        })
    });
}

fn is_end_of_live(event: &Event) -> bool {
    matches!(event, Event::State { from: State::Live, .. })
}

/// Two connections bring three books. One after the other each is ended, in every way that a connection can end: no
/// read of any view is ever not LIVE, no event says so, no book is begun anew or asks for a snapshot, and every read
/// that is compared is the venue's book.
#[test]
fn end_of_one_path_is_not_noticed() {
    for venue in ["binance", "binance-usdm"] {
        let rig = rig_with(three(venue), |builder| builder.paths(2));
        rig.all_live();
        both_there(&rig, 2);
        let snapshots = rig.exchange.counts().snapshots;
        let (sampler, log) = (Sampler::start(&rig.feed), Log::of(&rig.feed));
        let ends = [End::Reset, End::Fin, End::MidFrame, End::Close(1_012), End::Reset, End::Fin];
        for (ended, how) in (0_u64..).zip(ends) {
            // The older of the two: they take turns.
            rig.exchange.command(Command::End { which: Which::Connection(ended), how });
            both_there(&rig, ended + 3);
        }
        let reads = sampler.always_live();
        assert_eq!(log.count_events(is_end_of_live), 0, "{}", log.text());
        assert_eq!(rig.exchange.counts().snapshots, snapshots);
        let report = rig.feed.report().unwrap();
        for book in &report.books {
            assert_eq!((book.epoch, book.counters.gaps), (1, 0), "{}", book.instrument.symbol);
            assert!(book.paths.iter().all(|path| path.wins > 0 && path.breaks == 3), "{:?}", book.paths);
        }
        println!("{venue}: {reads} reads LIVE over {} ends, {} compared", 6, rig.finish());
    }
}

/// One of two connections stays open and says nothing more: that is found out, the connection is given up, and no read
/// of any view was ever not LIVE.
#[test]
fn silence_of_one_path_is_not_noticed() {
    let rig = rig_with(three("binance"), |builder| {
        let mut builder = builder.paths(2);
        let timing = &mut builder.config_mut().timing;
        (timing.idle, timing.probe_timeout) =
            (Some(Duration::from_secs(2)), Some(Duration::from_millis(500)));
        builder
    });
    rig.all_live();
    both_there(&rig, 2);
    let (sampler, log) = (Sampler::start(&rig.feed), Log::of(&rig.feed));
    rig.exchange.command(Command::Stall { which: Which::Connection(1), on: true });
    both_there(&rig, 3);
    sampler.always_live();
    assert_eq!(log.count_events(is_end_of_live), 0, "{}", log.text());
    assert!(rig.finish() > 0);
}

/// Both connections end at once: every book says so, and all are LIVE again, from either.
#[test]
fn end_of_every_path_is_flagged() {
    let rig = rig_with(three("binance"), |builder| builder.paths(2));
    rig.all_live();
    both_there(&rig, 2);
    for round in 0..3 {
        let log = Log::of(&rig.feed);
        rig.exchange.command(Command::End { which: Which::All, how: End::Reset });
        rig.wait("every book was flagged", |_| log.count_events(is_end_of_live) >= 3);
        rig.all_live();
        both_there(&rig, 2 * (round + 2));
    }
    assert!(rig.finish() > 0);
}

/// The share of reads that were LIVE over a stretch of time.
fn share_of_live(rig: &Rig, stretch: Duration) -> f64 {
    let views = rig.feed.views();
    let (began, mut live, mut reads) = (Instant::now(), 0_u64, 0_u64);
    while began.elapsed() < stretch {
        for (_, view) in &views {
            live += u64::from(view.touch().state.is_live());
            reads += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    live as f64 / reads as f64
}

/// Connections that lose messages, each its own: with two of them the books are LIVE for more of the time than with one,
/// and never wrong.
#[test]
fn paths_fill_each_others_holes() {
    for drop in [0.01, 0.3] {
        let mut shares = Vec::new();
        for paths in [1, 2] {
            let config = Config { rate: 60.0, ..three("binance") };
            let rig = rig_with(config, |builder: Builder| builder.paths(paths));
            rig.all_live();
            rig.exchange.command(Command::SetFaults(Faults { drop, ..Faults::default() }));
            let share = share_of_live(&rig, Duration::from_secs(8));
            let books = rig.feed.report().unwrap().books;
            let gaps: u64 = books.iter().map(|book| book.counters.gaps).sum();
            let filled: u64 = books.iter().flat_map(|book| &book.paths).map(|path| path.losses).sum();
            let compared = rig.finish();
            println!(
                "{:.0} % lost, {paths} path(s): LIVE {:.1} % of the time, {gaps} gaps, {filled} holes filled, \
                 {compared} LIVE reads compared",
                drop * 100.0,
                share * 100.0
            );
            assert!(paths == 1 || filled > 0, "no hole was filled");
            shares.push(share);
        }
        assert!(shares[1] > shares[0], "{shares:?} with {drop} lost");
    }
}
