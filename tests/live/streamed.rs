//! Venues whose streams begin with a snapshot: another one comes only after subscribing anew.

use std::time::Duration;

use touchline::market::Reason;
use touchline_simulator::{Command, Config, End, Faults, Subscribing, Which};

use crate::rig::{Rig, rig_after, rig_with};
use crate::witness::Sampler;

/// One with a checksum and no numbers, one with a counter of the connection.
const VENUES: [&str; 2] = ["kraken", "coinbase-advanced"];

fn three(venue: &str) -> Config {
    Config { symbols: Config::symbols(venue, 3), rate: 150.0, ..Config::new(venue) }
}

/// Every book is LIVE by the snapshot that its stream begins with, and again after all connections have ended; nothing
/// is asked of the REST interface but the list of instruments.
#[test]
fn books_begin_with_their_streams() {
    for venue in VENUES {
        let rig = rig_with(three(venue), |builder| builder);
        rig.all_live();
        for _ in 0..3 {
            let epochs: u32 = rig.feed.report().unwrap().books.iter().map(|book| book.epoch).sum();
            rig.exchange.command(Command::End { which: Which::All, how: End::Reset });
            rig.wait("every book began anew", |rig| {
                rig.feed.report().unwrap().books.iter().map(|book| book.epoch).sum::<u32>() >= epochs + 3
            });
            rig.all_live();
        }
        let counts = rig.exchange.counts();
        assert_eq!((counts.snapshots, counts.rest_requests), (0, 1), "{venue}");
        assert!(rig.finish() > 0, "{venue}");
    }
}

/// Messages are lost: the books whose checksum shows it, or all books of the connection whose counter does, have their
/// streams begun anew, and no read that said LIVE was wrong.
#[test]
fn lost_messages_are_seen_and_mended() {
    for venue in VENUES {
        let rig = rig_with(three(venue), |builder| builder);
        rig.all_live();
        if venue == "kraken" {
            rig.judge.only(10); // What lies deeper its checksum does not cover.
        }
        rig.exchange.command(Command::SetFaults(Faults { drop: 0.02, ..Faults::default() }));
        rig.wait("losses were seen", |rig| {
            let report = rig.feed.report().unwrap();
            let began: u32 = report.books.iter().map(|book| book.epoch).sum();
            began >= 12 && (report.intake.lost > 2 || venue != "coinbase-advanced")
        });
        rig.exchange.command(Command::SetFaults(Faults::default()));
        rig.all_live();
        println!("{venue}: {} LIVE reads compared", rig.finish());
    }
}

/// A stream that begins without its snapshot: its book says so, and has it after subscribing anew.
#[test]
fn stream_without_its_snapshot_is_begun_anew() {
    let config = three("kraken");
    let symbol = config.symbols[1].name.clone();
    let how = |how| Command::Subscribing { symbol: Some(symbol.clone()), how };
    let rig =
        rig_after(config, |exchange| exchange.command(how(Subscribing::SnapshotLost)), |builder| builder);
    rig.stale(&symbol, Reason::SnapshotLate);
    rig.exchange.command(how(Subscribing::Normal));
    rig.all_live();
    assert!(rig.finish() > 0);
}

/// Waits until so many connections were opened and so many are there.
fn connections(rig: &Rig, opened: u64, open: u64) {
    rig.wait("the connections are there", |rig| {
        let counts = rig.exchange.counts();
        let there = rig.feed.report().unwrap().connections;
        counts.connections >= opened
            && counts.open == open
            && there.iter().filter(|connection| connection.acknowledged == 3).count() as u64 == open
    });
}

/// Connections are replaced before they end, by the snapshots that the streams of the next one begin with: no read of
/// any view is ever not LIVE.
#[test]
fn connections_are_replaced_unnoticed() {
    for venue in VENUES {
        let rig = rig_with(three(venue), |mut builder| {
            builder.config_mut().timing.lifetime = Some(Duration::from_secs(3));
            builder
        });
        rig.all_live();
        let sampler = Sampler::start(&rig.feed);
        connections(&rig, 4, 1);
        println!("{venue}: {} reads LIVE", sampler.always_live());
        assert!(rig.finish() > 0, "{venue}");
    }
}

/// Two connections, each with a book of its own of every symbol: the end of either is not noticed.
#[test]
fn end_of_one_path_is_not_noticed() {
    for venue in VENUES {
        let rig = rig_with(three(venue), |builder| builder.paths(2));
        rig.all_live();
        connections(&rig, 2, 2);
        for ended in 0..4 {
            // Both books of every symbol are whole: what is shown is LIVE by either.
            std::thread::sleep(Duration::from_millis(500));
            let sampler = Sampler::start(&rig.feed);
            rig.exchange.command(Command::End { which: Which::Connection(ended), how: End::Reset });
            connections(&rig, ended + 3, 2);
            sampler.always_live();
        }
        println!("{venue}: {} LIVE reads compared", rig.finish());
    }
}
