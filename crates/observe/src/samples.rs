//! A report with something of everything, for tests.

use std::sync::Arc;
use std::time::Duration;

use touchline::feed::{Budget, Phase};
use touchline::latency::{MessageKind, Recorder, Stage};
use touchline::market::{Channel, Instrument, InstrumentKind, Nanos, Sequence, State, Venue};
use touchline::{
    BookReport, ConnectionCounters, ConnectionReport, Counters, FeedReport, IntakeCounters, PathFigures,
    PathReport, RingReport, SubscriptionReport,
};

/// A feed of so many books at one venue, all of them LIVE.
pub(crate) fn report(books: usize) -> FeedReport {
    let venue: Venue = "binance".parse().unwrap();
    let mut intake =
        IntakeCounters { received: 12, parsed: 9, updates: 11, dropped: 1, ..IntakeCounters::default() };
    (intake.ignored[0], intake.rejected[2]) = (1, 1);
    let instruments: Vec<_> =
        (0..books).map(|n| Arc::new(instrument(venue, &format!("I{n}"), &format!("S{n}")))).collect();
    let connections =
        ConnectionCounters { attempts: 2, opened: 2, reopened: 1, ..ConnectionCounters::default() };
    let mut latencies = Recorder::new();
    latencies.record(Stage::Parse, MessageKind::Delta, 850);
    FeedReport {
        intake: intake.clone(),
        books: instruments.iter().map(book).collect(),
        connections: vec![ConnectionReport {
            reader: 0,
            number: 1,
            venue,
            url: "wss://127.0.0.1/".to_owned(),
            path: 0,
            phase: Phase::Live,
            streams: 2,
            acknowledged: 2,
            standby: false,
            retry_in: None,
            intake: intake.clone(),
        }],
        paths: vec![PathReport { venue, path: 0, intake, connections }],
        recorder: Some(touchline::recorder::RecorderStatus::default()),
        rings: vec![RingReport { reader: 0, book_thread: 0, capacity: 4_096, used: 3 }],
        subscriptions: instruments
            .iter()
            .map(|instrument| SubscriptionReport {
                instrument: Arc::clone(instrument),
                channels: vec![Channel::Book, Channel::Trade],
            })
            .collect(),
        budgets: vec![Budget {
            host: "127.0.0.1:443".to_owned(),
            used: 50,
            limit: 5_520,
            waiting: 0,
            held_for: Duration::ZERO,
        }],
        latencies: Some(latencies),
        wall: Duration::from_secs(7),
        ..FeedReport::default()
    }
}

pub(crate) fn instrument(venue: Venue, name: &str, symbol: &str) -> Instrument {
    Instrument::provisional(venue, symbol, name, InstrumentKind::Spot)
}

fn book(instrument: &Arc<Instrument>) -> BookReport {
    let counters =
        Counters { received: 10, snapshots: 1, updates: 6, stale: 2, rejected: 1, ..Counters::default() };
    BookReport {
        instrument: Arc::clone(instrument),
        state: State::Live,
        epoch: 2,
        sequence: Sequence(77),
        updated: Nanos(1_000_000_000),
        lapses: [0; touchline::market::Reason::ALL.len()],
        levels: [100, 90],
        counters,
        buffered: 0,
        held: 0,
        channels: touchline::pipeline::ChannelCounts::default(),
        paths: vec![PathFigures { messages: 6, wins: 4, ..PathFigures::default() }, PathFigures::default()],
    }
}
