//! How connections begin and end: limits, pings, handshakes that go wrong, ends of every kind.

use std::time::{Duration, Instant};

use futures_util::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{Error, Message};
use touchline_simulator::{
    Breach, Command, Config, End, FaultKind, HandshakeFault, MessageFault, Simulator, Subscribing, Which,
};

use crate::client::{dial, ending, event, is_silent, next, open, plain, run, say, subscribe, text, try_open};

const STREAM: &str = "/stream?streams=btcusdt@depth@100ms";

fn all(how: End) -> Command {
    Command::End { which: Which::All, how }
}

/// Requests are answered, malformed ones in the venue's words.
#[test]
fn requests_are_answered() {
    run(async {
        let exchange = Simulator::start(plain("binance")).unwrap();
        let mut socket = open(&exchange, "/stream").await;
        subscribe(&mut socket, "nosuch@trade").await;
        say(&mut socket, r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#).await;
        assert_eq!(text(&mut socket).await, r#"{"id":3,"result":["nosuch@trade"]}"#);
        say(&mut socket, "hello").await;
        assert_eq!(event(&mut socket).await["code"], 2);
        assert_eq!(exchange.counts().breached(), 0);
    });
}

/// Each way a subscription can go wrong.
#[test]
fn subscriptions_go_wrong_as_told() {
    run(async {
        let exchange = Simulator::start(plain("binance")).unwrap();
        let ask = r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":9}"#;
        for (how, answer) in [
            (Subscribing::Refused, Some(r#"{"error":{"code":-1121,"msg":"Invalid symbol."},"id":9}"#)),
            (Subscribing::Invalid, Some(r#"{"code":2,"msg":"Invalid request: invalid stream name","id":9}"#)),
            (Subscribing::Silent, Some(r#"{"result":null,"id":9}"#)),
            (Subscribing::Unanswered, None),
        ] {
            exchange.command(Command::Subscribing { symbol: Some("BTCUSDT".to_owned()), how });
            let mut socket = open(&exchange, "/stream").await;
            say(&mut socket, ask).await;
            if let Some(answer) = answer {
                assert_eq!(text(&mut socket).await, answer);
            }
            assert!(is_silent(&mut socket, 150).await, "{how:?}");
            assert_eq!(exchange.counts().faults[&FaultKind::Subscribing(how)], 1);
        }
        exchange.command(Command::Heal);
        let mut socket = open(&exchange, "/stream").await;
        subscribe(&mut socket, "btcusdt@trade").await;
        assert_eq!(event(&mut socket).await["data"]["e"], "trade");
    });
}

/// The fifth message of a second is taken, the sixth ends the connection and is counted.
#[test]
fn a_sixth_message_in_a_second_ends_the_connection() {
    run(async {
        let exchange = Simulator::start(plain("binance")).unwrap();
        let mut socket = open(&exchange, "/stream").await;
        for _ in 0..5 {
            socket.send(Message::Ping(Vec::new().into())).await.unwrap();
        }
        for _ in 0..5 {
            assert!(matches!(next(&mut socket).await, Ok(Message::Pong(_))));
        }
        say(&mut socket, r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#).await;
        assert_eq!(ending(&mut socket).await.unwrap(), 1_008);
        assert_eq!(exchange.counts().breaches[&Breach::Sends], 1);
    });
}

/// Pings come at the venue's pace, and a client's pongs are counted.
#[test]
fn the_exchange_pings() {
    run(async {
        let config = Config { ping_every: Some(Duration::from_millis(300)), ..plain("binance") };
        let exchange = Simulator::start(config).unwrap();
        let mut socket = open(&exchange, "/stream").await;
        for _ in 0..2 {
            assert!(matches!(next(&mut socket).await, Ok(Message::Ping(_))));
        }
        // The pong to the second ping leaves with the next read.
        let _ = is_silent(&mut socket, 100).await;
        assert!(exchange.counts().client_messages >= 1);
    });
}

/// Every end looks as it should from the client's side, and its moment is known.
#[test]
fn connections_end_in_every_way() {
    run(async {
        for tls in [false, true] {
            let exchange = Simulator::start(Config { tls, ..plain("binance") }).unwrap();
            for how in [End::Fin, End::Reset, End::MidFrame, End::Close(1_012), End::Close(1_001)] {
                let mut socket = open(&exchange, STREAM).await;
                let _ = event(&mut socket).await;
                let before = Instant::now();
                exchange.command(all(how));
                let ended = ending(&mut socket).await;
                match (how, ended) {
                    (End::Close(code), Ok(said)) => assert_eq!(code, said),
                    (_, Err(Error::Io(_) | Error::Protocol(_))) => {}
                    (how, ended) => panic!("{how:?}, TLS {tls}: {ended:?}"),
                }
                let (kind, at) = exchange.counts().last_fault.unwrap();
                assert_eq!(kind, FaultKind::Message(MessageFault::End(how)));
                assert!(at >= before && at <= Instant::now());
            }
        }
    });
}

/// A half-open connection says nothing more and answers nothing, but does not end.
#[test]
fn a_half_open_connection_is_silent() {
    run(async {
        let exchange = Simulator::start(plain("binance")).unwrap();
        let mut socket = open(&exchange, STREAM).await;
        let _ = event(&mut socket).await;
        exchange.command(all(End::HalfOpen));
        while !is_silent(&mut socket, 100).await {}
        socket.send(Message::Ping(Vec::new().into())).await.unwrap();
        assert!(is_silent(&mut socket, 200).await);
    });
}

/// A stalled connection sends no data but answers pings; then it goes on.
#[test]
fn a_stalled_connection_still_answers() {
    run(async {
        let exchange = Simulator::start(plain("binance")).unwrap();
        let mut socket = open(&exchange, STREAM).await;
        let _ = event(&mut socket).await;
        exchange.command(Command::Stall { which: Which::Symbol("BTCUSDT".to_owned()), on: true });
        while !is_silent(&mut socket, 100).await {}
        socket.send(Message::Ping(Vec::new().into())).await.unwrap();
        assert!(matches!(next(&mut socket).await, Ok(Message::Pong(_))));
        assert!(is_silent(&mut socket, 100).await);
        exchange.command(Command::Stall { which: Which::All, on: false });
        let _ = event(&mut socket).await;
    });
}

/// Handshakes go wrong in every way, each once; the next one is right again.
#[test]
fn handshakes_go_wrong_in_every_way() {
    run(async {
        let exchange = Simulator::start(plain("binance")).unwrap();
        let status = |code| HandshakeFault::Status { code, retry_after_s: None };
        for (fault, code) in [
            (status(503), 503),
            (status(401), 401),
            (HandshakeFault::Html, 200),
            (HandshakeFault::Redirect, 302),
        ] {
            exchange.command(Command::Handshake { fault, count: 1 });
            let Err(Error::Http(answer)) = try_open(&exchange, STREAM).await else { panic!("{fault:?}") };
            assert_eq!(answer.status().as_u16(), code);
        }
        for fault in [HandshakeFault::BadAccept, HandshakeFault::Cut, HandshakeFault::Endless] {
            exchange.command(Command::Handshake { fault, count: 1 });
            assert!(try_open(&exchange, STREAM).await.is_err(), "{fault:?}");
        }
        // This client overlooks an extension that it did not ask for: it is enough that the exchange names one.
        exchange.command(Command::Handshake { fault: HandshakeFault::Extension, count: 1 });
        let url = "ws://localhost/stream";
        let (_, answer) = tokio_tungstenite::client_async(url, dial(&exchange).await).await.unwrap();
        assert_eq!(answer.headers()["sec-websocket-extensions"], "permessage-deflate");
        exchange.command(Command::Handshake { fault: HandshakeFault::Dropped, count: 1 });
        let mut socket = open(&exchange, STREAM).await;
        assert!(ending(&mut socket).await.is_err());
        exchange.command(Command::Handshake { fault: HandshakeFault::Late(150), count: 1 });
        let before = Instant::now();
        let mut socket = open(&exchange, STREAM).await;
        assert!(before.elapsed() >= Duration::from_millis(150));
        let _ = event(&mut socket).await;
        assert!(matches!(try_open(&exchange, "/elsewhere").await, Err(Error::Http(_))));
    });
}

/// Who connects before `Retry-After` has passed is refused and counted.
#[test]
fn early_connects_are_counted() {
    run(async {
        let exchange = Simulator::start(plain("binance")).unwrap();
        let fault = HandshakeFault::Status { code: 429, retry_after_s: Some(1) };
        exchange.command(Command::Handshake { fault, count: 1 });
        for early in 0..2 {
            let Err(Error::Http(answer)) = try_open(&exchange, STREAM).await else { panic!("opened") };
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["retry-after"]),
                (429, &"1".parse().unwrap())
            );
            assert_eq!(exchange.counts().early_requests, early);
        }
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let _ = open(&exchange, STREAM).await;
    });
}

/// A handshake through TLS can be cut in its middle.
#[test]
fn a_tls_handshake_is_cut() {
    run(async {
        let exchange = Simulator::start(Config::new("binance")).unwrap();
        exchange.command(Command::Handshake { fault: HandshakeFault::Cut, count: 1 });
        let mut tcp = tokio::net::TcpStream::connect(exchange.address()).await.unwrap();
        tcp.write_all(&[22, 3, 1]).await.unwrap();
        assert!(tcp.read_u8().await.is_err());
        let _ = open(&exchange, "/stream").await;
    });
}

/// A closed listener refuses, and opens again at the same port.
#[test]
fn the_listener_closes_and_opens() {
    run(async {
        let exchange = Simulator::start(plain("binance")).unwrap();
        let _kept = dial(&exchange).await;
        exchange.command(Command::Refuse(true));
        let refused = async {
            while tokio::net::TcpStream::connect(exchange.address()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        refused.await;
        exchange.command(Command::Refuse(false));
        while tokio::net::TcpStream::connect(exchange.address()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let _ = open(&exchange, STREAM).await;
    });
}

/// The notice comes in the form of the connection, and the connection goes on.
#[test]
fn the_notice_of_a_shutdown_comes() {
    run(async {
        let exchange = Simulator::start(plain("binance")).unwrap();
        let mut socket = open(&exchange, "/stream").await;
        exchange.command(Command::Shutdown { which: Which::Connection(0) });
        let notice = event(&mut socket).await;
        assert_eq!(
            (&notice["stream"], &notice["data"]["e"]),
            (&"!serverShutdown".into(), &"serverShutdown".into())
        );
        subscribe(&mut socket, "btcusdt@trade").await;
    });
}

/// An exchange that is dropped is gone within a second, with open and half-open connections.
#[test]
fn a_dropped_exchange_is_gone_soon() {
    run(async {
        let exchange = Simulator::start(plain("binance")).unwrap();
        let _half = open(&exchange, STREAM).await;
        exchange.command(all(End::HalfOpen));
        let mut socket = open(&exchange, STREAM).await;
        let before = Instant::now();
        drop(exchange);
        assert!(before.elapsed() < Duration::from_secs(1));
        assert!(ending(&mut socket).await.is_err());
    });
}
