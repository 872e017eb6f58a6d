//! What is said to Binance beside the data, for all three products: subscriptions, snapshots, the list of instruments,
//! and how its answers read.
//!
//! ```text
//! → {"method":"SUBSCRIBE","params":["btcusdt@depth@100ms","btcusdt@trade"],"id":1}
//! ← {"result":null,"id":1}
//! ← {"code":2,"msg":"Invalid request: …","id":1}          (older form)
//! ← {"error":{"code":2,"msg":"Invalid request: …"},"id":1} (newer form)
//! ← {"e":"serverShutdown","E":1770123456789}               (combined: behind `data`)
//! ```
//!
//! A wrong stream name is acknowledged like a right one and stays silent: symbols are checked against the venue's
//! list before, and a stream that stays silent is probed.

use std::time::Duration;

use serde_json::Value;
use touchline_market::{Channel, Sequence};

use crate::access::{Ask, Limits, Reply, RestRequest, Snapshots, Texts};

/// The code for a request that is malformed or names what does not exist.
const INVALID_REQUEST: i64 = 2;

/// The code for an unknown symbol.
const INVALID_SYMBOL: i64 = -1_121;

/// Spot: 5 messages a second, 1,024 streams, 300 connects in 5 minutes, cut after 24 h (`web-socket-streams.md`,
/// "General WSS information"); 6,000 weight a minute (`exchangeInfo`, `rateLimits`).
pub(super) const SPOT_LIMITS: Limits = Limits {
    streams_per_connection: 1_024,
    streams_per_request: 200,
    sends_per_second: 5,
    connects_per_window: 300,
    connects_per_second: None,
    lifetime: Some(Duration::from_secs(24 * 3_600)),
    weight_per_minute: 6_000,
};

/// Futures: 10 messages a second; 2,400 weight a minute, shared by both products; more than 200 streams on a
/// connection are allowed, but slow consumers are cut.
pub(crate) const FUTURES_LIMITS: Limits =
    Limits { streams_per_connection: 200, sends_per_second: 10, weight_per_minute: 2_400, ..SPOT_LIMITS };

/// What is said to spot.
pub(super) const SPOT_TEXTS: Texts = Texts {
    hello: Vec::new,
    stream: spot_stream,
    together: |_, _| true,
    request,
    reply,
    snapshots: snapshots(spot_snapshot),
    instruments: spot_instruments,
};

/// What is said to USD-M.
pub(crate) const USDM_TEXTS: Texts = Texts {
    stream: futures_stream,
    snapshots: snapshots(usdm_snapshot),
    instruments: usdm_instruments,
    ..SPOT_TEXTS
};

/// What is said to COIN-M.
pub(crate) const COINM_TEXTS: Texts =
    Texts { snapshots: snapshots(coinm_snapshot), instruments: coinm_instruments, ..USDM_TEXTS };

const fn snapshots(request: fn(&str, u32) -> RestRequest) -> Snapshots {
    Snapshots::Rest { request, sequence: snapshot_sequence, contents: None }
}

/// `btcusdt@depth@100ms`: the fastest documented one.
fn spot_stream(symbol: &str, channel: Channel, _: u32, out: &mut String) {
    stream(symbol, channel, "depth@100ms", out);
}

/// `btcusdt@depth@0ms`: unthrottled; undocumented, but what recordings and other clients use.
fn futures_stream(symbol: &str, channel: Channel, _: u32, out: &mut String) {
    stream(symbol, channel, "depth@0ms", out);
}

fn stream(symbol: &str, channel: Channel, book: &str, out: &mut String) {
    out.extend(symbol.chars().flat_map(char::to_lowercase));
    out.push('@');
    out.push_str(match channel {
        Channel::Book => book,
        Channel::Depth => "depth20@100ms",
        Channel::Bbo => "bookTicker",
        Channel::Trade => "trade",
        Channel::Ticker => "ticker",
        // Not among its channels: refused before a name is asked for.
        Channel::Candle | Channel::Orders | Channel::Status => "",
    });
}

/// A request about some streams.
fn request(ask: Ask, streams: &[&str], id: u64) -> String {
    let method = match ask {
        Ask::Subscribe => "SUBSCRIBE",
        Ask::Unsubscribe => "UNSUBSCRIBE",
    };
    serde_json::json!({ "method": method, "params": streams, "id": id }).to_string()
}

/// What a frame without updates says about the connection.
fn reply(frame: &[u8]) -> Reply {
    let Ok(message) = serde_json::from_slice::<Value>(frame) else { return Reply::Nothing };
    let event = message.get("data").unwrap_or(&message);
    if event.get("e").and_then(Value::as_str) == Some("serverShutdown") {
        return Reply::Closing;
    }
    let id = message.get("id").and_then(Value::as_u64);
    let error = message.get("error").unwrap_or(&message);
    if let Some(code) = error.get("code").and_then(Value::as_i64) {
        let text = error.get("msg").and_then(Value::as_str).unwrap_or_default().to_owned();
        let terminal = matches!(code, INVALID_REQUEST | INVALID_SYMBOL);
        return Reply::Refused { id, stream: None, code, text, terminal };
    }
    match id {
        Some(id) if message.get("result").is_some() => Reply::Accepted { id },
        _ => Reply::Nothing,
    }
}

/// `GET /api/v3/depth`: weight 5 up to 100 levels, 25 to 500, 50 to 1,000, 250 to 5,000.
fn spot_snapshot(symbol: &str, levels: u32) -> RestRequest {
    let limit = levels.clamp(1, 5_000);
    let weight = match limit {
        ..=100 => 5,
        101..=500 => 25,
        501..=1_000 => 50,
        _ => 250,
    };
    RestRequest { path: format!("/api/v3/depth?symbol={}&limit={limit}", escape(symbol)), weight }
}

/// `GET /fapi/v1/depth`.
fn usdm_snapshot(symbol: &str, levels: u32) -> RestRequest {
    futures_snapshot("/fapi/v1", symbol, levels)
}

/// `GET /dapi/v1/depth`.
fn coinm_snapshot(symbol: &str, levels: u32) -> RestRequest {
    futures_snapshot("/dapi/v1", symbol, levels)
}

/// Futures take these limits only: 5, 10, 20 and 50 at weight 2, 100 at 5, 500 at 10, 1,000 at 20.
fn futures_snapshot(root: &str, symbol: &str, levels: u32) -> RestRequest {
    let steps = [(5, 2), (10, 2), (20, 2), (50, 2), (100, 5), (500, 10), (1_000, 20)];
    let (limit, weight) = steps.into_iter().find(|(limit, _)| *limit >= levels).unwrap_or((1_000, 20));
    RestRequest { path: format!("{root}/depth?symbol={}&limit={limit}", escape(symbol)), weight }
}

/// The sequence of a snapshot's body.
fn snapshot_sequence(body: &[u8]) -> Option<Sequence> {
    #[derive(serde::Deserialize)]
    struct Id {
        #[serde(rename = "lastUpdateId")]
        last: u64,
    }
    serde_json::from_slice::<Id>(body).ok().map(|id| Sequence(id.last))
}

fn spot_instruments() -> RestRequest {
    RestRequest { path: "/api/v3/exchangeInfo".to_owned(), weight: 20 }
}

fn usdm_instruments() -> RestRequest {
    RestRequest { path: "/fapi/v1/exchangeInfo".to_owned(), weight: 1 }
}

fn coinm_instruments() -> RestRequest {
    RestRequest { path: "/dapi/v1/exchangeInfo".to_owned(), weight: 1 }
}

/// A symbol as it may stand in a query: some are not ASCII.
fn escape(symbol: &str) -> String {
    let mut out = String::with_capacity(symbol.len());
    for byte in symbol.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests and stream names look as documented.
    #[test]
    fn requests_look_as_documented() {
        let mut name = String::new();
        spot_stream("BTCUSDT", Channel::Book, 1_000, &mut name);
        assert_eq!(name, "btcusdt@depth@100ms");
        let text = request(Ask::Subscribe, &["btcusdt@aggTrade", "btcusdt@depth@100ms"], 1);
        let read: Value = serde_json::from_str(&text).unwrap();
        let documented =
            r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@depth@100ms"],"id":1}"#;
        assert_eq!(read, serde_json::from_str::<Value>(documented).unwrap());
    }

    /// Every form of answer is told apart; anything else is nothing.
    #[test]
    fn answers_are_told_apart() {
        assert_eq!(reply(br#"{"result":null,"id":7}"#), Reply::Accepted { id: 7 });
        for frame in [
            r#"{"code":2,"msg":"Invalid request: x","id":3}"#,
            r#"{"error":{"code":2,"msg":"Invalid request: x"},"id":3}"#,
        ] {
            let Reply::Refused { id, code, text, terminal, .. } = reply(frame.as_bytes()) else {
                panic!("{frame}")
            };
            assert_eq!((id, code, text.as_str(), terminal), (Some(3), 2, "Invalid request: x", true));
        }
        for frame in [
            r#"{"e":"serverShutdown","E":1770123456789}"#,
            r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#,
        ] {
            assert_eq!(reply(frame.as_bytes()), Reply::Closing);
        }
        for frame in ["", "{}", "[1]", r#"{"id":1}"#, r#"{"e":"trade"}"#, "pong"] {
            assert_eq!(reply(frame.as_bytes()), Reply::Nothing, "{frame}");
        }
    }

    /// Snapshots ask for a limit the product takes, at its weight, and the symbol is escaped.
    #[test]
    fn snapshot_requests_keep_to_the_limits() {
        let spot = spot_snapshot("BTCUSDT", 1_000);
        assert_eq!((spot.path.as_str(), spot.weight), ("/api/v3/depth?symbol=BTCUSDT&limit=1000", 50));
        assert_eq!(spot_snapshot("A", 9_999).weight, 250);
        let usdm = usdm_snapshot("BTCUSDT", 60);
        assert_eq!((usdm.path.as_str(), usdm.weight), ("/fapi/v1/depth?symbol=BTCUSDT&limit=100", 5));
        assert_eq!(
            coinm_snapshot("币USD_PERP", 5_000).path,
            "/dapi/v1/depth?symbol=%E5%B8%81USD_PERP&limit=1000"
        );
        assert_eq!(snapshot_sequence(br#"{"lastUpdateId":9,"bids":[]}"#), Some(Sequence(9)));
        assert_eq!(snapshot_sequence(b"<html>"), None);
    }
}
