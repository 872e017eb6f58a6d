//! A ring between reader and book thread that is too small for what comes: M2.

use std::time::{Duration, Instant};

use touchline::market::{Reason, State};
use touchline_simulator::{Command, Config, Which};

use crate::history::History;
use crate::rig::{Rig, rig_with};

/// An exchange of these symbols and a feed with the smallest ring there is.
fn small_ring(venue: &str, symbols: usize, rate: f64) -> Rig {
    let symbols = Config::symbols(venue, symbols);
    rig_with(Config { symbols, rate, ..Config::new(venue) }, |mut builder| {
        let config = builder.config_mut();
        config.ring_records = 64;
        config.snapshot_levels = 100;
        builder
    })
}

/// Many messages in one burst: old updates, which cost a ring's room as any other and change nothing.
fn burst(rig: &Rig, symbol: &str, count: usize) {
    let text = format!(
        r#"{{"stream":"{}@depth@100ms","data":{{"e":"depthUpdate","E":1,"T":1,"s":"{symbol}","U":2,"u":3,"pu":1,"b":[["1.0","1"],["2.0","1"]],"a":[]}}}}"#,
        symbol.to_lowercase()
    );
    let mut frame = vec![0x81, 126];
    frame.extend((text.len() as u16).to_be_bytes());
    frame.extend(text.as_bytes());
    rig.exchange.command(Command::Bytes { which: Which::All, bytes: frame.repeat(count) });
}

/// A burst that no small ring holds: every book of the connection says OVERRUN at once, what was lost is counted, and
/// all are live again soon, each time.
#[test]
fn a_burst_beyond_the_ring_is_an_overrun_and_heals() {
    for venue in ["binance", "binance-usdm", "binance-coinm"] {
        let rig = small_ring(venue, 3, 200.0);
        rig.all_live();
        let mut history = History::of(&rig);
        let views = rig.feed.views();
        let symbol = views[1].1.instrument().symbol.clone();
        let mut worst = Duration::ZERO;
        for _ in 0..3 {
            history.forget();
            let before = rig.feed.report().unwrap().intake.dropped;
            burst(&rig, &symbol, 4_000);
            for (_, view) in &views {
                worst = worst.max(history.recovers(&rig, &view.instrument().symbol, Reason::Overrun));
            }
            assert!(rig.feed.report().unwrap().intake.dropped > before);
            rig.all_live();
        }
        println!("{venue}: live again within {worst:?} of a burst of 4,000 messages");
        rig.finish();
    }
}

/// Overrun by what the market itself sends, for two seconds: never a wrong book, every loss counted, live again once the
/// market is calm.
#[test]
fn a_market_too_fast_for_its_ring_is_never_shown_wrong() {
    for venue in ["binance", "binance-usdm"] {
        let rig = small_ring(venue, 4, 300.0);
        rig.all_live();
        let mut history = History::of(&rig);
        rig.exchange.command(Command::SetRate(30_000.0));
        let began = Instant::now();
        rig.wait("two seconds pass", |_| began.elapsed() >= Duration::from_secs(2));
        rig.exchange.command(Command::SetRate(300.0));
        let took = rig.all_live();
        assert!(took < Duration::from_secs(10), "{took:?}");
        let dropped = rig.feed.report().unwrap().intake.dropped;
        let overruns: usize = rig
            .feed
            .views()
            .iter()
            .map(|(_, view)| history.states(&view.instrument().symbol))
            .map(|states| states.iter().filter(|state| **state == State::Stale(Reason::Overrun)).count())
            .sum();
        println!(
            "{venue}: {dropped} messages lost, {overruns} overruns of books, live {took:?} after the storm"
        );
        assert_eq!(dropped > 0, overruns > 0);
        rig.finish();
    }
}
