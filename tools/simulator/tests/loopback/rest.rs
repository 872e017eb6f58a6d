//! REST: errors, limits and every fault of a snapshot.

use std::time::{Duration, Instant};

use serde_json::Value;
use touchline_simulator::{Breach, Command, Config, FaultKind, RestFault, Simulator};

use crate::client::{get, plain, run};

const DEPTH: &str = "/fapi/v1/depth?symbol=BTCUSDT&limit=1000";

fn start() -> Simulator {
    let symbols = Config::symbols("binance-usdm", 2);
    Simulator::start(Config { symbols, ..plain("binance-usdm") }).unwrap()
}

fn next(exchange: &Simulator, fault: RestFault) {
    exchange.command(Command::Rest { symbol: Some("BTCUSDT".to_owned()), fault, count: 1 });
}

fn id(body: &str) -> u64 {
    serde_json::from_str::<Value>(body).unwrap()["lastUpdateId"].as_u64().unwrap()
}

/// Errors carry the venue's codes.
#[test]
fn errors_are_the_venues() {
    run(async {
        let exchange = start();
        let unknown = get(&exchange, "/fapi/v1/depth?symbol=NOSUCH&limit=5").await;
        assert_eq!((unknown.0, unknown.2.as_str()), (400, r#"{"code":-1121,"msg":"Invalid symbol."}"#));
        assert_eq!(get(&exchange, "/fapi/v1/depth?symbol=BTCUSDT&limit=7").await.0, 400);
        assert_eq!(get(&exchange, "/elsewhere").await.0, 404);
        exchange.command(Command::Delist { symbol: "BTCUSDT".to_owned() });
        assert_eq!(get(&exchange, DEPTH).await.0, 400);
    });
}

/// A snapshot has as many levels as asked for.
#[test]
fn a_snapshot_keeps_to_its_limit() {
    run(async {
        let exchange = start();
        let (_, _, body) = get(&exchange, "/fapi/v1/depth?symbol=BTCUSDT&limit=10").await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["bids"].as_array().map(Vec::len), Some(10));
        assert_eq!(exchange.counts().snapshots, 1);
    });
}

/// Snapshots fail in every way, each once.
#[test]
fn snapshots_fail_in_every_way() {
    run(async {
        let exchange = start();
        let fresh = id(&get(&exchange, DEPTH).await.2);
        tokio::time::sleep(Duration::from_millis(300)).await;
        next(&exchange, RestFault::Status { code: 500, retry_after_s: None });
        assert_eq!(get(&exchange, DEPTH).await.0, 500);
        next(&exchange, RestFault::Html(200));
        let (status, _, body) = get(&exchange, DEPTH).await;
        assert!(status == 200 && body.starts_with("<!DOCTYPE html>"));
        next(&exchange, RestFault::Cut);
        let (status, head, body) = get(&exchange, DEPTH).await;
        assert!(status == 200 && !head.contains(&format!("Content-Length: {}", body.len())));
        assert!(serde_json::from_str::<Value>(&body).is_err());
        next(&exchange, RestFault::Stale(10_000));
        let stale = id(&get(&exchange, DEPTH).await.2);
        assert!(stale <= fresh, "{stale} is newer than {fresh}");
        next(&exchange, RestFault::OtherSymbol);
        let other = get(&exchange, DEPTH).await.2;
        let right = get(&exchange, DEPTH).await.2;
        let best = |body: &str| serde_json::from_str::<Value>(body).unwrap()["bids"][0][0].clone();
        assert_ne!(best(&other), best(&right));
        next(&exchange, RestFault::Reset);
        assert_eq!(get(&exchange, DEPTH).await.0, 0);
        next(&exchange, RestFault::Late(200));
        let before = Instant::now();
        assert_eq!(get(&exchange, DEPTH).await.0, 200);
        assert!(before.elapsed() >= Duration::from_millis(200));
        assert_eq!(exchange.counts().faults[&FaultKind::Rest(RestFault::Late(200))], 1);
        assert_eq!(exchange.counts().faulted(), 7);
    });
}

/// Who asks before `Retry-After` has passed is counted, and banned at the third time; then it is over.
#[test]
fn early_requests_are_counted() {
    run(async {
        let exchange = start();
        next(&exchange, RestFault::Status { code: 429, retry_after_s: Some(1) });
        let mut statuses = Vec::new();
        for _ in 0..4 {
            let (status, head, _) = get(&exchange, DEPTH).await;
            assert!(head.contains("Retry-After: 1"), "{head}");
            statuses.push(status);
        }
        assert_eq!(statuses, [429, 429, 429, 418]);
        assert_eq!(exchange.counts().early_requests, 3);
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert_eq!(get(&exchange, DEPTH).await.0, 200);
    });
}

/// The weight of a minute is kept to: the request beyond it is refused, and counted as a breach.
#[test]
fn weight_is_limited() {
    run(async {
        let exchange = start();
        // 2,400 a minute: 120 snapshots at 20. The first minute has just begun.
        for _ in 0..120 {
            assert_eq!(get(&exchange, DEPTH).await.0, 200);
        }
        assert_eq!(exchange.counts().weight_max, 2_400);
        assert_eq!(get(&exchange, DEPTH).await.0, 429);
        assert_eq!(exchange.counts().breaches[&Breach::Weight], 1);
    });
}
