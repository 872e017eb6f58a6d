use super::*;
use crate::command::Command;
use crate::frames::ClientFrame;

const CONNECT_WINDOW: Duration = Duration::from_secs(300);

const VENUE: &str = "binance-usdm";

fn floor_of(venue: &str, faults: Faults, now: Instant) -> Floor {
    let config = Config { symbols: Config::symbols(venue, 3), rate: 1_000.0, faults, ..Config::new(venue) };
    Floor::of(&config, now, 1_000_000).unwrap()
}

fn floor(faults: Faults, now: Instant) -> Floor {
    floor_of(VENUE, faults, now)
}

/// Venues, where their sockets are, and a subscription to two books.
const BOOKS: [(&str, &str, &str); 3] = [
    (
        VENUE,
        "/public/stream",
        r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@0ms","s0001usdt@depth@0ms"],"id":1}"#,
    ),
    (
        "kraken",
        "/v2",
        r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD","S0001/USD"],"depth":25},"req_id":1}"#,
    ),
    (
        "coinbase-advanced",
        "/",
        r#"{"type":"subscribe","product_ids":["BTC-USD","S0001-USD"],"channel":"level2"}"#,
    ),
];

/// Bytes and faults over ten seconds, for a client that comes anew every half second.
fn sent((venue, target, ask): (&str, &str, &str), faults: &Faults, seed: u64) -> (Vec<u8>, Vec<FaultKind>) {
    let start = Instant::now();
    let mut floor = floor_of(venue, faults.clone(), start);
    floor.random = Random::new(seed);
    let (mut bytes, mut kinds) = (Vec::new(), Vec::new());
    for tick in 0..1_000 {
        let now = start + Duration::from_millis(10 * tick);
        floor.tick(now, 1_000_000 + 10 * tick);
        let id = match floor.lines.keys().next() {
            Some(id) => *id,
            None => match floor.admit(target, now) {
                Admission::Open(id, _) => {
                    floor.heard(id, ClientFrame::Text(ask.to_owned()), now);
                    id
                }
                _ => continue,
            },
        };
        for piece in floor.outgoing(id) {
            match piece {
                Piece::Bytes(more) | Piece::Slow(more, _) => bytes.extend(more),
                Piece::Mark(kind) => kinds.push(kind),
                Piece::End(_) => floor.gone(id),
            }
        }
        if tick % 50 == 49 {
            floor.gone(id);
        }
    }
    kinds.extend(floor.counts.faults.keys());
    (bytes, kinds)
}

/// The same seed sends the same bytes with the same faults, in every dialect; another seed others.
#[test]
fn a_seed_names_messages_and_faults() {
    let faults = Faults {
        drop: 0.05,
        reorder: 0.05,
        garbage: 0.05,
        corrupt: 0.05,
        checksum: 0.05,
        fragment: 0.05,
        fin: 0.01,
        lock: 0.05,
        unanswered: 0.2,
        ack_lost: 0.2,
        snapshot_lost: 0.2,
        snapshot_late: 0.2,
        late_ms: 50,
        ..Faults::default()
    };
    for books in BOOKS {
        let (bytes, kinds) = sent(books, &faults, 1);
        assert!(bytes.len() > 100_000 && kinds.len() > 100, "{} bytes, {} faults", bytes.len(), kinds.len());
        assert_eq!((bytes.clone(), kinds.clone()), sent(books, &faults, 1));
        assert_ne!(bytes, sent(books, &faults, 2).0);
        let met = |how| kinds.contains(&FaultKind::Subscribing(how));
        assert!(met(Subscribing::Unanswered) && met(Subscribing::AckLost));
        let in_stream = books.0 != VENUE;
        assert_eq!(met(Subscribing::SnapshotLost) && met(Subscribing::SnapshotLate(50)), in_stream);
        let checksums = kinds.contains(&FaultKind::Message(MessageFault::Checksum));
        assert_eq!(checksums, books.0 == "kraken");
    }
}

/// What was commanded is counted down, and healing ends the rest.
#[test]
fn commands_are_counted_down_and_healed() {
    let start = Instant::now();
    let mut floor = floor(Faults::default(), start);
    let fault = HandshakeFault::Html;
    floor.command(Command::Handshake { fault, count: 3 }, start, 0);
    for _ in 0..2 {
        assert!(matches!(floor.admit("/ws", start), Admission::Fault(HandshakeFault::Html, None)));
    }
    floor.command(Command::Refuse(true), start, 0);
    floor.command(Command::Heal, start, 0);
    assert!(!floor.refusing && matches!(floor.admit("/ws", start), Admission::Open(0, _)));
    assert_eq!(floor.counts.faults[&FaultKind::Handshake(fault)], 2);
}

/// The 300th attempt in five minutes is taken, the next is refused and counted; five minutes later all is forgotten.
#[test]
fn connects_are_limited() {
    let start = Instant::now();
    let mut floor = floor(Faults::default(), start);
    for _ in 0..300 {
        assert!(matches!(floor.admit("/ws", start), Admission::Open(..)));
    }
    assert!(matches!(floor.admit("/ws", start), Admission::Fault(..)));
    assert_eq!(floor.counts.breaches[&Breach::Connects], 1);
    assert!(matches!(floor.admit("/ws", start + CONNECT_WINDOW), Admission::Open(..)));
}

/// An unanswered ping ends a connection after the venue's wait, an old one ends with a close frame; a pong keeps it.
#[test]
fn pings_and_age_end_connections() {
    let start = Instant::now();
    let minutes = |minutes: u64| start + Duration::from_secs(60 * minutes);
    let mut floor = floor(Faults::default(), start);
    let (Admission::Open(silent, _), Admission::Open(alive, _)) =
        (floor.admit("/ws", start), floor.admit("/ws", start))
    else {
        panic!("not open")
    };
    for minute in 0..24 * 60 {
        floor.tick(minutes(minute), 0);
        floor.heard(alive, ClientFrame::Pong, minutes(minute));
        let ended = floor.lines[&silent].ended;
        assert_eq!(ended, minute > 13, "after {minute} minutes");
        assert!(!floor.lines[&alive].ended);
    }
    floor.tick(minutes(24 * 60 + 1), 0);
    assert!(floor.lines[&alive].ended);
    assert_eq!(floor.counts.breaches[&Breach::Pong], 1);
}

/// A market that is paused has sent all that happened in it: its newest message names the snapshot's sequence.
#[test]
fn a_paused_market_is_not_ahead_of_its_messages() {
    let start = Instant::now();
    let mut floor = floor(Faults::default(), start);
    let Admission::Open(id, _) = floor.admit("/public/stream?streams=btcusdt@depth@0ms", start) else {
        panic!("not admitted")
    };
    let mut ahead = 0;
    for tick in 1..200 {
        let now = start + Duration::from_millis(10 * tick);
        floor.command(Command::Resume { symbol: None }, now, 10 * tick);
        floor.tick(now, 10 * tick);
        let truth = floor.pits[0].truth.clone();
        ahead += u64::from(floor.pits[0].sent() < truth.state().market.sequence());
        floor.command(Command::Pause { symbol: None }, now, 10 * tick);
        assert_eq!(floor.pits[0].sent(), truth.state().market.sequence());
    }
    assert!(ahead > 50, "{ahead}");
    assert!(!floor.outgoing(id).is_empty());
}
