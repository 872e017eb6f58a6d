//! Books rebuilt from what the exchange sends are its true books.

use std::time::{Duration, Instant};

use serde_json::Value;
use touchline_market::Nanos;
use touchline_simulator::{Config, Playback, Simulator, Verdict};

use crate::client::{Book, DIALECTS, Dialect, event, get, is_silent, open, plain, run, subscribe};

/// Joins snapshot and deltas by the venue's documented rules, and judges the book after every message.
async fn follow(dialect: &Dialect, exchange: &Simulator, messages: usize) {
    let truth = exchange.truth(dialect.symbol).unwrap();
    let mut socket = open(exchange, dialect.path).await;
    subscribe(&mut socket, dialect.depth).await;
    let (status, head, body) = get(exchange, dialect.snapshot).await;
    assert_eq!(status, 200);
    assert!(head.contains("x-mbx-used-weight-1m: "), "{head}");
    let snapshot: Value = serde_json::from_str(&body).unwrap();
    let mut book = Book::default();
    let id = snapshot["lastUpdateId"].as_u64().unwrap();
    book.apply(id, &snapshot["bids"], &snapshot["asks"], dialect.scales);
    assert_eq!(book.judge(&truth, dialect.scales), Verdict::Equal);
    let (mut judged, mut last) = (0, None);
    while judged < messages {
        let message = event(&mut socket).await;
        let event = &message["data"];
        assert_eq!(message["stream"], dialect.depth);
        let number = |key: &str| event[key].as_u64().unwrap();
        if number("u") <= book.sequence {
            continue;
        }
        match (last, dialect.venue) {
            (None, "binance") => assert!(number("U") <= id + 1),
            (None, _) => assert!(number("U") <= id || number("pu") == id),
            (Some(last), "binance") => assert_eq!(number("U"), last + 1),
            (Some(last), _) => assert_eq!(number("pu"), last),
        }
        last = Some(number("u"));
        book.apply(number("u"), &event["b"], &event["a"], dialect.scales);
        assert_eq!(book.judge(&truth, dialect.scales), Verdict::Equal, "at {}", number("u"));
        judged += 1;
    }
    assert_eq!(exchange.counts().breached(), 0);
}

/// All three dialects, over TLS and in plain text: each of 300 states is the true one.
#[test]
fn a_book_by_the_rules_is_the_true_one() {
    run(async {
        for dialect in &DIALECTS {
            for tls in [true, false] {
                let config = Config { tls, rate: 2_000.0, ..Config::new(dialect.venue) };
                let exchange = Simulator::start(config).unwrap();
                follow(dialect, &exchange, 300).await;
            }
        }
    });
}

/// Every channel comes under its name, and only what was asked for; raw connections send bare events.
#[test]
fn channels_come_as_asked_for() {
    run(async {
        let exchange = Simulator::start(plain("binance")).unwrap();
        for (stream, field) in [
            ("btcusdt@trade", "t"),
            ("btcusdt@bookTicker", "B"),
            ("btcusdt@depth5@100ms", "lastUpdateId"),
            ("btcusdt@ticker", "v"),
            ("btcusdt@depth", "U"),
        ] {
            let mut combined = open(&exchange, &format!("/stream?streams={stream}")).await;
            let mut raw = open(&exchange, &format!("/ws/{stream}")).await;
            for _ in 0..3 {
                let message = event(&mut combined).await;
                assert_eq!(message["stream"], stream);
                assert!(!message["data"][field].is_null(), "{message}");
                let message = event(&mut raw).await;
                assert!(!message[field].is_null() && message["stream"].is_null(), "{message}");
            }
        }
    });
}

/// Futures keep books and statistics apart: in the wrong place a stream is acknowledged and stays silent.
#[test]
fn a_stream_in_the_wrong_place_is_silent() {
    run(async {
        let exchange = Simulator::start(plain("binance-usdm")).unwrap();
        let mut socket = open(&exchange, "/market/stream").await;
        subscribe(&mut socket, "btcusdt@depth@0ms").await;
        assert!(is_silent(&mut socket, 200).await);
        subscribe(&mut socket, "btcusdt@ticker").await;
        assert_eq!(event(&mut socket).await["data"]["e"], "24hrTicker");
    });
}

/// Of a part of a recording only what leads there comes before it, and that without waiting; then the part at its pace,
/// and nothing behind it. What came before all that, a snapshot too, is not there.
#[test]
fn a_part_of_a_recording_is_played() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cap");
        let second =
            |n: u64| format!("{n}000000000 R {{\"stream\":\"btcusdt@trade\",\"data\":{{\"n\":{n}}}}}\n");
        let url = "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000";
        let rest = format!("1 H {url} {{\"lastUpdateId\":1,\"bids\":[],\"asks\":[]}}\n");
        std::fs::write(&path, rest + &(1..=9).map(second).collect::<String>()).unwrap();
        let at = |seconds: u64| Nanos(1_000_000_000 * seconds);
        let part = Playback { speed: 5.0, begin: at(2), from: at(5), to: at(7), ..Playback::new(path) };
        let exchange = Simulator::start(Config { recording: Some(part), ..plain("binance") }).unwrap();
        let mut socket = open(&exchange, "/stream").await;
        subscribe(&mut socket, "btcusdt@trade").await;
        let began = Instant::now();
        for n in 2..=5 {
            assert_eq!(event(&mut socket).await["data"]["n"], n);
        }
        let led = began.elapsed();
        assert_eq!(event(&mut socket).await["data"]["n"], 6);
        // A second of the recording at five times its pace; without the lead's haste it would be three more.
        assert!(
            began.elapsed() - led > Duration::from_millis(150) && led < Duration::from_millis(500),
            "{led:?}"
        );
        assert!(is_silent(&mut socket, 500).await);
        assert_eq!(get(&exchange, "/api/v3/depth?symbol=BTCUSDT&limit=1000").await.0, 503);
    });
}

/// A recording is played to whoever subscribes, frame by frame at its pace, with the snapshots it had so far.
#[test]
fn a_recording_is_played() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cap");
        let snapshot = |id: u64| {
            let url = "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000";
            format!(r#"{url} {{"lastUpdateId":{id},"bids":[],"asks":[]}}"#)
        };
        let lines = [
            "0 C wss://stream.binance.com/stream".to_owned(),
            format!("1 H {}", snapshot(1)),
            r#"1000000000 R {"stream":"btcusdt@trade","data":{"n":1}}"#.to_owned(),
            format!("1500000000 H {}", snapshot(2)),
            r#"2000000000 R {"stream":"btcusdt@trade","data":{"n":2}}"#.to_owned(),
        ];
        std::fs::write(&path, lines.map(|line| line + "\n").concat()).unwrap();
        let recording = Some(Playback { speed: 5.0, ..Playback::new(path) });
        let exchange = Simulator::start(Config { recording, ..plain("binance") }).unwrap();
        let depth = "/api/v3/depth?symbol=BTCUSDT&limit=1000";
        assert!(get(&exchange, depth).await.2.contains(r#""lastUpdateId":1,"#));
        let mut socket = open(&exchange, "/stream").await;
        assert!(is_silent(&mut socket, 50).await);
        subscribe(&mut socket, "btcusdt@trade").await;
        assert_eq!(event(&mut socket).await["data"]["n"], 1);
        let before = Instant::now();
        assert_eq!(event(&mut socket).await["data"]["n"], 2);
        assert!(before.elapsed() > Duration::from_millis(150));
        assert!(get(&exchange, depth).await.2.contains(r#""lastUpdateId":2,"#));
        let nowhere = Some(Playback::new("/nowhere"));
        assert!(Simulator::start(Config { recording: nowhere, ..plain("binance") }).is_err());
    });
}
