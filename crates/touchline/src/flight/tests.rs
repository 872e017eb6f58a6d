//! Books that fall, and what is kept of it.

use std::fs;
use std::sync::Arc;

use touchline_book::{Outcome, Start};
use touchline_market::{
    Channel, Flags, Head, Instrument, InstrumentId, InstrumentKind, Level, LevelPacker, Nanos, Reason,
    Record, Sequence, Side, State, TrailedPacker, Trailer, UpdateKind,
};

use super::*;
use crate::pipeline::{Marking, Shard};

type Levels<'a> = &'a [(i64, u64)];

/// One LIVE book with its collector: bids 100 and 99, ask 101, at sequence 10; received at 1 s, every message later by
/// a second, its mark the number of the message.
struct Bench {
    shard: Shard<Collector>,
    messages: u64,
}

impl Bench {
    /// A venue whose updates are ranges, or name the one before.
    fn new(venue: &str, most: usize) -> Self {
        let facts = touchline_venue::find(venue).unwrap();
        let mut instrument = Instrument::provisional(facts.name, "BTCUSDT", "BTC-USDT", InstrumentKind::Spot);
        (instrument.price_scale, instrument.qty_scale) = (1, 0);
        let (shard, _) = Shard::new(facts, &[(instrument, Start::Snapshot)], Collector::new(most), false);
        let mut bench = Self { shard, messages: 0 };
        bench.revive(10);
        bench
    }

    /// A snapshot in the stream.
    fn revive(&mut self, sequence: u64) {
        self.take(UpdateKind::Snapshot, 0, sequence, &[(100, 1), (99, 2)], &[(101, 3)]);
    }

    fn take(&mut self, kind: UpdateKind, previous: u64, sequence: u64, bids: Levels, asks: Levels) {
        let mut head = Head::new(kind, InstrumentId(0));
        (head.previous, head.sequence) = (Sequence(previous), Sequence(sequence));
        (head.bids, head.asks, head.price_scale) = (bids.len() as u16, asks.len() as u16, 1);
        let (mut records, mut packer) = (Vec::new(), LevelPacker::default());
        for &(price, qty) in bids.iter().chain(asks) {
            packer.push(Level::new(price, qty), &mut records).unwrap();
        }
        packer.finish(&mut records).unwrap();
        self.send(head, &records);
    }

    fn send(&mut self, mut head: Head, body: &[Record]) {
        self.messages += 1;
        (head.ts_recv, head.mark) = (Nanos(self.messages * 1_000_000_000), self.messages);
        self.shard.take(&head, body.iter());
    }

    fn delta(&mut self, previous: u64, sequence: u64, bids: Levels, asks: Levels) {
        self.take(UpdateKind::Delta, previous, sequence, bids, asks);
    }

    fn broken(&mut self, channel: Option<Channel>, reason: Reason) {
        self.send(Head::broken(InstrumentId(0), channel, reason), &[]);
    }

    /// What the observer heard last.
    fn last(&mut self) -> Arc<Incident> {
        self.shard.observer().kept().last().unwrap().clone()
    }

    fn count(&mut self) -> u64 {
        self.shard.observer().count()
    }
}

/// A gap: the incident has the book's sequence before, the message with its levels, the best levels, and the messages
/// before it with what became of them.
#[test]
fn a_gap_is_kept_with_what_led_to_it() {
    let mut book = Bench::new("binance", 9);
    book.delta(10, 12, &[(98, 1)], &[]);
    book.delta(9, 11, &[], &[]);
    book.delta(14, 15, &[(100, 0)], &[(102, 7), (103, 8)]);
    let incident = book.last();
    assert_eq!((incident.from, incident.to), (State::Live, State::Stale(Reason::Gap)));
    assert_eq!((incident.sequence, incident.epoch, incident.at()), (Sequence(12), 1, Nanos(4_000_000_000)));
    assert_eq!((incident.head.sequence, incident.outcome), (Sequence(15), Outcome::Gap));
    let levels =
        [(Side::Bid, Level::new(100, 0)), (Side::Ask, Level::new(102, 7)), (Side::Ask, Level::new(103, 8))];
    assert_eq!(incident.levels, levels);
    let bids = [Level::new(100, 1), Level::new(99, 2), Level::new(98, 1)];
    assert_eq!(incident.best, [bids.to_vec(), vec![Level::new(101, 3)]]);
    let before: Vec<_> = incident.before.iter().map(|one| (one.head.mark, one.effect)).collect();
    assert_eq!(before, [(1, Effect::Applied), (2, Effect::Applied), (3, Effect::Old)]);
    assert_eq!(incident.why(), "this update follows 14 but the book is at 12: 13 to 14 never came");
    // A book that is STALE already cannot break again; when it lives again, it can.
    book.broken(None, Reason::Disconnected);
    assert_eq!(book.count(), 1);
    book.revive(20);
    book.broken(None, Reason::Disconnected);
    assert_eq!((book.count(), book.last().why().as_str()), (2, "the connection ended"));
    assert_eq!(book.last().before.last().unwrap().effect, Effect::Applied);
}

/// Each way to fall has its sentence; names of numbers follow the venue's way of counting.
#[test]
fn every_fall_is_explained() {
    let fall = |venue: &str, fall: &dyn Fn(&mut Bench)| {
        let mut book = Bench::new(venue, 1);
        fall(&mut book);
        book.last().why()
    };
    type Case<'a> = (&'a str, &'a dyn Fn(&mut Bench), &'a str);
    let cases: [Case<'_>; 7] = [
        (
            "binance",
            &|book| book.delta(11, 12, &[], &[]),
            "this update follows 11 but the book is at 10: 11 never came",
        ),
        (
            "binance-usdm",
            &|book| book.delta(17, 20, &[], &[]),
            "this update follows 17 but the book is at 10: what lies between never came",
        ),
        ("binance", &|book| book.delta(10, 11, &[(102, 1)], &[]), "best bid 10.2 is above best ask 10.1"),
        ("binance", &|book| book.broken(None, Reason::BadMessage), "a message could not be read"),
        (
            "binance",
            &|book| book.broken(Some(Channel::Book), Reason::Overrun),
            "the ring was full: our own threads were too slow, and messages were dropped",
        ),
        (
            "binance",
            &|book| book.send(Head::broken(InstrumentId(0), None, Reason::Gap), &[]),
            "the connection's own counter jumped: some of its messages never came",
        ),
        (
            "binance",
            &|book| {
                let mut short = Head::new(UpdateKind::Delta, InstrumentId(0));
                (short.previous, short.sequence, short.bids) = (Sequence(10), Sequence(11), 7);
                book.send(short, &[]);
            },
            "a message was not valid: the body has 0 records, its head says 3",
        ),
    ];
    for (venue, make, expected) in cases {
        assert_eq!(fall(venue, make), expected);
    }
}

/// A checksum that is not ours is told with ours, over the digits that the venue writes; without ours where our levels have
/// more digits than those.
#[test]
fn both_checksums_are_told() {
    let summed = |price_digits| {
        let mut book = Bench::new("kraken", 1);
        let trailer = Trailer { checksum: Some(123), price_digits, ..Trailer::default() };
        let mut head = Head::new(UpdateKind::Delta, InstrumentId(0));
        (head.sequence, head.bids, head.price_scale, head.flags) = (Sequence(11), 1, 1, Flags::TRAILER);
        let (mut records, mut packer) = (Vec::new(), TrailedPacker::default());
        packer.push(Level::new(99, 0), &mut records).unwrap();
        packer.finish(trailer, &mut records).unwrap();
        book.send(head, &records);
        book.last()
    };
    // The CRC-32 of 10131001: the ask 10.1 of 3, then the bid 10.0 of 1, as digits.
    let (incident, ours) = (summed(1), 1_340_437_275);
    assert_eq!((incident.checksum, incident.own_checksum), (Some(123), Some(ours)));
    let told = format!("the venue's checksum is 123, ours over our best 1 levels a side is {ours}");
    assert_eq!(incident.why(), told);
    let told = "the venue's checksum is 123, and our best 1 levels a side do not fit its digits";
    assert_eq!(summed(0).why(), told);
}

/// Every reason there is has a sentence of its own, which ends without a stop; a checksum names the venue's number.
#[test]
fn every_reason_has_a_sentence() {
    let mut book = Bench::new("binance", 1);
    book.delta(11, 12, &[], &[]);
    let mut incident = Incident::clone(&book.last());
    incident.head.sequence = incident.sequence;
    assert_eq!(incident.why(), "what follows 10 came by no path in time");
    let mut sentences = std::collections::BTreeSet::new();
    for reason in Reason::ALL {
        for state in [State::Stale(reason), State::Dead(reason)] {
            incident.to = state;
            let why = incident.why();
            assert!(why.len() > 10 && !why.ends_with('.') && !why.contains("nothing is wrong"), "{why}");
            sentences.insert(why);
        }
    }
    assert_eq!(sentences.len(), Reason::ALL.len());
    incident.to = State::Stale(Reason::Checksum);
    incident.checksum = Some(123);
    assert!(incident.why().starts_with("the venue's checksum is 123, "), "{}", incident.why());
}

/// What a book keeps is bounded: its last eight incidents, the last 32 messages, the first 64 levels.
#[test]
fn what_is_kept_is_bounded() {
    let mut book = Bench::new("binance", 3);
    for n in 0..12 {
        (0..40).for_each(|_| book.delta(9, 10, &[], &[]));
        book.broken(None, Reason::Stalled);
        assert_eq!(book.shard.incidents(0).len(), (n + 1).min(8));
        book.revive(10);
    }
    assert_eq!((book.count(), book.shard.observer().kept().len()), (12, 3));
    assert_eq!(book.shard.incidents(0)[7].before.len(), FLIGHT_MESSAGES);
    assert_eq!(book.shard.incidents(1), []);
    let many: Vec<_> = (0..100).map(|n| (50 - n, 1)).collect();
    book.delta(11, 12, &many, &[(200, 1)]);
    assert_eq!(book.shard.incidents(0)[7].levels.len(), INCIDENT_LEVELS);
}

/// An incident as JSON is read back as it was; lines stand in it only where messages carry lines. Another text is none.
#[test]
fn reports_are_read_back() {
    let mut book = Bench::new("binance", 1);
    book.delta(12, 13, &[(100, 5)], &[]);
    let incident = book.last();
    let report = IncidentReport::new(&incident, Marking::Line);
    assert_eq!((report.line, report.before[0].line), (Some(2), Some(1)));
    assert_eq!((report.instrument.as_str(), report.reason.as_str()), ("binance:BTC-USDT", "gap"));
    assert_eq!((report.levels[0].price.as_str(), report.levels[0].qty.as_str()), ("10", "5"));
    assert_eq!((report.message.effect.as_str(), report.before[0].kind.as_str()), ("gap", "snapshot"));
    assert_eq!(IncidentReport::parse(&serde_json::to_vec(&report).unwrap()), Some(report.clone()));
    assert_eq!(IncidentReport::new(&incident, Marking::Clock).line, None);
    let newer = IncidentReport { format: 2, ..report };
    assert_eq!(IncidentReport::parse(&serde_json::to_vec(&newer).unwrap()), None);
    assert_eq!(IncidentReport::parse(b"{}"), None);
}

/// Files: one for each incident, whole; at most ten in a second; none for ends that were asked for. What was not
/// written is told at the end.
#[test]
fn incidents_become_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new/incidents");
    let log = IncidentLog::start(&folder).unwrap();
    let sender = log.sender();
    let mut book = Bench::new("binance", 100);
    for _ in 0..14 {
        book.broken(None, Reason::Disconnected);
        book.revive(10);
    }
    book.broken(None, Reason::WriterDead);
    book.shard.observer().kept().iter().for_each(|incident| sender.send(incident));
    drop(sender);
    let files = || fs::read_dir(&folder).unwrap().count();
    let began = std::time::Instant::now();
    while files() < 10 && began.elapsed().as_secs() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let note = log.stop();
    let written: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!((10..=14).contains(&written.len()), "{written:?}");
    let missing = 14 - written.len();
    assert_eq!(note.is_some(), missing > 0, "{note:?}");
    assert!(note.is_none_or(|note| note.starts_with(&format!("{missing} incidents were not written"))));
    for path in written {
        let report = IncidentReport::parse(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(report.why, "the connection ended");
        assert!(path.to_str().unwrap().ends_with("-disconnected.json"), "{path:?}");
    }
}

/// A full folder gets no more; a folder that cannot be had is told at once.
#[test]
fn folders_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    (0..1_000).for_each(|n| fs::write(folder.path().join(format!("{n}.json")), "").unwrap());
    let log = IncidentLog::start(folder.path()).unwrap();
    let mut book = Bench::new("binance", 1);
    book.broken(None, Reason::Disconnected);
    log.sender().send(&book.last());
    let began = std::time::Instant::now();
    while log.dropped() == 0 && began.elapsed().as_secs() < 20 {
        std::thread::yield_now();
    }
    assert!(log.stop().unwrap().contains("1 incidents were not written"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1_000);
    let file = folder.path().join("0.json");
    assert!(IncidentLog::start(&file).unwrap_err().to_string().contains("0.json"));
}
