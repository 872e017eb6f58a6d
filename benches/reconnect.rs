//! A connection with 100 books is cut, again and again: how long until every book says so, and until every book is
//! live again, with a snapshot by REST for each of them. Exchange, reader, book thread, REST thread and the thread that
//! looks on share the machine's cores.
//!
//! The venue's own budget of REST weight would allow ten cuts a minute, so a new feed is started after every ten. A
//! session counts as stable after one second here instead of a minute, and none is cut before: otherwise the back-off
//! against venues that cut again and again would be measured.
#![allow(clippy::print_stdout, reason = "the table is what a bench is for")]

use std::time::{Duration, Instant};

use touchline_benches::cores::is_test;
use touchline_benches::exchange;
use touchline_simulator::{Command, Config, End, Which};

const BOOKS: usize = 100;
const CUTS_A_FEED: usize = 10;
const STABLE: Duration = Duration::from_secs(1);

fn main() {
    let (feeds, books) = if is_test() { (1, 10) } else { (10, BOOKS) };
    let (mut flags, mut lives) = (Vec::new(), Vec::new());
    for seed in 0..feeds {
        let symbols = Config::symbols("binance-usdm", books);
        let config = Config { symbols, seed, rate: 2_000.0, history: 0, ..Config::new("binance-usdm") };
        // 50 levels weigh 2: ten times a hundred of them fit into a minute's 2,400.
        let live = exchange::start(config, |mut builder| {
            builder.config_mut().snapshot_levels = 50;
            builder.config_mut().timing.stable = Some(STABLE);
            builder
        });
        live.wait(true);
        for cut in 0..CUTS_A_FEED {
            std::thread::sleep(STABLE * 11 / 10);
            let how = if cut % 2 == 0 { End::Reset } else { End::Fin };
            let before = Instant::now();
            live.exchange.command(Command::End { which: Which::All, how });
            let flagged = live.wait(false);
            let began = live.exchange.counts().last_fault.map_or(before, |(_, at)| at);
            lives.push(live.wait(true) - began);
            flags.push(flagged - began);
        }
        let counts = live.exchange.counts();
        assert_eq!((counts.breached(), counts.early_requests), (0, 0), "{counts}");
        let report = live.feed.stop().expect("the feed ends");
        assert!(report.balances(), "every message is accounted for");
    }
    println!("{books} books on one connection, {} cuts, ms from the cut", flags.len());
    println!("{:<28} {:>9} {:>9} {:>9}", "", "p50", "p99", "max");
    row("every book says so", &mut flags);
    row("every book is live again", &mut lives);
}

fn row(name: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: f64| {
        let rank = (share * times.len() as f64).ceil() as usize;
        times[rank.clamp(1, times.len()) - 1].as_secs_f64() * 1e3
    };
    println!("{name:<28} {:>9.3} {:>9.3} {:>9.3}", at(0.5), at(0.99), at(1.0));
}
