//! What happens to messages: by command, and by chance from a seed.

use serde_json::Value;
use tokio_tungstenite::tungstenite::Error;
use touchline_simulator::{Command, Config, End, FaultKind, Faults, MessageFault, Simulator, Which};

use crate::client::{Socket, ending, event, get, is_silent, open, plain, run, text};

const STREAM: &str = "/public/stream?streams=btcusdt@depth@0ms";

fn start() -> Simulator {
    Simulator::start(plain("binance-usdm")).unwrap()
}

fn next(exchange: &Simulator, fault: MessageFault) {
    exchange.command(Command::Message { symbol: "BTCUSDT".to_owned(), fault, count: 1 });
}

/// `pu` and `u` of the next message.
async fn link(socket: &mut Socket) -> (u64, u64) {
    let message = event(socket).await;
    let number = |key: &str| message["data"][key].as_u64().unwrap();
    (number("pu"), number("u"))
}

/// Reads on from `last` until the chain of messages does something else than go on: what was awaited, what came.
async fn first_break(socket: &mut Socket, mut last: u64) -> (u64, (u64, u64)) {
    loop {
        let came = link(socket).await;
        if came.0 != last {
            return (last, came);
        }
        last = came.1;
    }
}

/// Lost, doubled and swapped messages break the chain each in their way, and nothing else does.
#[test]
fn the_chain_breaks_as_told() {
    run(async {
        let exchange = start();
        let mut socket = open(&exchange, STREAM).await;
        let (_, last) = link(&mut socket).await;
        next(&exchange, MessageFault::Drop);
        let (awaited, came) = first_break(&mut socket, last).await;
        assert!(came.0 > awaited);
        next(&exchange, MessageFault::Duplicate);
        let (awaited, again) = first_break(&mut socket, came.1).await;
        assert_eq!(again.1, awaited);
        next(&exchange, MessageFault::Reorder);
        let (awaited, early) = first_break(&mut socket, awaited).await;
        assert_eq!(link(&mut socket).await, (awaited, early.0));
        exchange.command(Command::ResetSequence { symbol: "BTCUSDT".to_owned() });
        let (_, came) = first_break(&mut socket, early.1).await;
        assert!(came.0 == 0 && came.1 < 1_000);
        let log: Vec<_> = exchange.counts().fault_clock().map(|(kind, _)| kind).collect();
        let expected = [MessageFault::Drop, MessageFault::Duplicate, MessageFault::Reorder];
        assert_eq!(log[..3], expected.map(FaultKind::Message));
        assert_eq!(log[3], FaultKind::ResetSequence);
    });
}

/// A crossed message is crossed while the true book is not; a lock is true, and over with the next message.
#[test]
fn books_cross_and_lock_as_told() {
    run(async {
        let exchange = start();
        let truth = exchange.truth("BTCUSDT").unwrap();
        let mut socket = open(&exchange, STREAM).await;
        let price =
            |level: &Value| (level[0].as_str().unwrap().parse::<f64>().unwrap() * 10.0).round() as i64;
        next(&exchange, MessageFault::Cross);
        loop {
            let message = event(&mut socket).await;
            let highest = message["data"]["b"].as_array().unwrap().iter().map(price).max();
            let book = truth.levels_at(message["data"]["u"].as_u64().unwrap()).unwrap();
            assert!(book.bids[0].price < book.asks[0].price);
            if highest > Some(book.asks[0].price.0) {
                break;
            }
        }
        exchange.command(Command::Lock { symbol: "BTCUSDT".to_owned() });
        let mut locked = 0;
        for _ in 0..50 {
            let (_, sequence) = link(&mut socket).await;
            let book = truth.levels_at(sequence).unwrap();
            assert!(book.bids[0].price <= book.asks[0].price);
            locked += usize::from(book.bids[0].price == book.asks[0].price);
        }
        assert_eq!(locked, 1);
    });
}

/// Harmless messages read the same, in fragments and drop by drop too; the chain holds through all of them.
#[test]
fn harmless_faults_break_nothing() {
    run(async {
        // The client of these tests answers every ping, which is more than the venue takes.
        let config = Config { police: false, ..plain("binance-usdm") };
        let exchange = Simulator::start(config).unwrap();
        let mut socket = open(&exchange, STREAM).await;
        let mut last = link(&mut socket).await.1;
        for fault in [MessageFault::Harmless, MessageFault::Fragment, MessageFault::PingFlood] {
            exchange.command(Command::Message { symbol: "BTCUSDT".to_owned(), fault, count: 5 });
            let faults = Faults { pings: 20, ..Faults::default() };
            exchange.command(Command::SetFaults(faults));
            for _ in 0..30 {
                let came = link(&mut socket).await;
                assert_eq!(came.0, last, "{fault:?}");
                last = came.1;
            }
            assert_eq!(exchange.counts().faults[&FaultKind::Message(fault)], 5);
        }
    });
}

/// Bad frames and frames of 2^63 bytes are refused by a client that knows the rules.
#[test]
fn bad_frames_are_bad() {
    run(async {
        let exchange = start();
        for fault in [MessageFault::BadFrame, MessageFault::Oversize] {
            for _ in 0..12 {
                let mut socket = open(&exchange, "/public/stream").await;
                exchange.command(Command::Frame { which: Which::All, fault });
                let ended = ending(&mut socket).await;
                let refused = matches!(
                    ended,
                    Err(Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_)) | Ok(1_002 | 1_005)
                );
                assert!(refused, "{fault:?}: {ended:?}");
            }
        }
    });
}

/// Levels with digits, one point at most, and no more than fit.
fn levels_are_numbers(levels: &Value) -> bool {
    let number = |text: &Value| {
        let text = text.as_str().unwrap_or_default();
        let digits = text.replacen('.', "", 1);
        !digits.is_empty() && digits.len() < 19 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    levels.as_array().is_some_and(|levels| levels.iter().all(|level| number(&level[0]) && number(&level[1])))
}

/// Garbage is no message of the kind, and is sent once.
#[test]
fn garbage_is_no_message() {
    run(async {
        let exchange = start();
        let mut socket = open(&exchange, STREAM).await;
        for _ in 0..10 {
            next(&exchange, MessageFault::Garbage);
            loop {
                let text = text(&mut socket).await;
                let message: Option<Value> = serde_json::from_str(&text).ok();
                let whole = message.is_some_and(|message| {
                    let data = &message["data"];
                    ["U", "u", "pu"].iter().all(|key| data[key].is_u64())
                        && levels_are_numbers(&data["b"])
                        && levels_are_numbers(&data["a"])
                });
                if !whole {
                    break;
                }
            }
        }
        assert_eq!(exchange.counts().faults[&FaultKind::Message(MessageFault::Garbage)], 10);
    });
}

/// A paused market says nothing and its snapshot stands still; then it goes on where it was.
#[test]
fn a_paused_market_is_quiet() {
    run(async {
        let exchange = start();
        let mut socket = open(&exchange, STREAM).await;
        let mut last = link(&mut socket).await.1;
        exchange.command(Command::Pause { symbol: Some("BTCUSDT".to_owned()) });
        let target = "/fapi/v1/depth?symbol=BTCUSDT&limit=5";
        let (_, _, first) = get(&exchange, target).await;
        let (_, _, second) = get(&exchange, target).await;
        let id = |body: &str| serde_json::from_str::<Value>(body).unwrap()["lastUpdateId"].clone();
        assert_eq!(id(&first), id(&second));
        exchange.command(Command::Resume { symbol: None });
        for _ in 0..20 {
            let came = link(&mut socket).await;
            assert_eq!(came.0, last);
            last = came.1;
        }
        exchange.command(Command::Pause { symbol: None });
        while !is_silent(&mut socket, 100).await {}
    });
}

/// Chances come true: over some thousand messages each fault was dealt, and the client met ends of its connections.
#[test]
fn chances_come_true() {
    run(async {
        let faults = Faults {
            drop: 0.02,
            duplicate: 0.02,
            reorder: 0.02,
            corrupt: 0.02,
            cross: 0.02,
            harmless: 0.02,
            garbage: 0.02,
            fragment: 0.02,
            fin: 0.004,
            reset: 0.004,
            close: 0.004,
            lock: 0.01,
            reset_sequence: 0.01,
            ..Faults::default()
        };
        let config = Config { faults, rate: 3_000.0, ..plain("binance-usdm") };
        let exchange = Simulator::start(config).unwrap();
        let kinds = [
            FaultKind::Message(MessageFault::Drop),
            FaultKind::Message(MessageFault::Duplicate),
            FaultKind::Message(MessageFault::Reorder),
            FaultKind::Message(MessageFault::Corrupt),
            FaultKind::Message(MessageFault::Cross),
            FaultKind::Message(MessageFault::Harmless),
            FaultKind::Message(MessageFault::Garbage),
            FaultKind::Message(MessageFault::Fragment),
            FaultKind::Message(MessageFault::End(End::Fin)),
            FaultKind::Message(MessageFault::End(End::Reset)),
            FaultKind::Message(MessageFault::End(End::Close(1_012))),
            FaultKind::Lock,
            FaultKind::ResetSequence,
        ];
        for _ in 0..200 {
            let mut socket = open(&exchange, STREAM).await;
            let _ = ending(&mut socket).await;
            let counts = exchange.counts();
            if kinds.iter().all(|kind| counts.faults.contains_key(kind)) {
                return;
            }
        }
        panic!("{:?}", exchange.counts().faults);
    });
}
