use super::*;
use crate::faults::HandshakeFault;

const VENUE: &str = "binance-usdm";

fn floor(faults: Faults, now: Instant) -> Floor {
    let config = Config { symbols: Config::symbols(VENUE, 3), rate: 1_000.0, faults, ..Config::new(VENUE) };
    Floor::new(&config, Dialect::of(VENUE).unwrap(), now)
}

/// Bytes and ends for one connection over ten seconds.
fn sent(faults: &Faults, seed: u64) -> (Vec<u8>, Vec<FaultKind>) {
    let start = Instant::now();
    let mut floor = floor(faults.clone(), start);
    floor.random = Random::new(seed);
    let (mut bytes, mut kinds) = (Vec::new(), Vec::new());
    for tick in 0..1_000 {
        let now = start + Duration::from_millis(10 * tick);
        let id = match floor.lines.keys().next() {
            Some(id) => *id,
            None => match floor.admit("/public/stream?streams=btcusdt@depth@0ms/s0001usdt@trade", now) {
                Admission::Open(id, _) => id,
                _ => continue,
            },
        };
        floor.tick(now, 1_000_000 + 10 * tick);
        for piece in floor.outgoing(id) {
            match piece {
                Piece::Bytes(more) | Piece::Slow(more, _) => bytes.extend(more),
                Piece::Mark(kind) => kinds.push(kind),
                Piece::End(_) => floor.gone(id),
            }
        }
    }
    (bytes, kinds)
}

/// The same seed sends the same bytes with the same faults; another seed others.
#[test]
fn a_seed_names_messages_and_faults() {
    let faults = Faults {
        drop: 0.05,
        reorder: 0.05,
        garbage: 0.05,
        fragment: 0.05,
        fin: 0.01,
        lock: 0.05,
        ..Faults::default()
    };
    let (bytes, kinds) = sent(&faults, 1);
    assert!(bytes.len() > 100_000 && kinds.len() > 100, "{} bytes, {} faults", bytes.len(), kinds.len());
    assert_eq!((&bytes, &kinds), (&sent(&faults, 1).0, &sent(&faults, 1).1));
    assert_ne!(bytes, sent(&faults, 2).0);
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
