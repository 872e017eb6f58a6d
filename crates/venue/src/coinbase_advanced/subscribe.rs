//! What is said to Coinbase beside the data: subscriptions, the list of products, and how its answers read.
//!
//! ```text
//! → {"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"level2"}
//! ← {"channel":"subscriptions",…,"events":[{"subscriptions":{"heartbeats":["heartbeats"],"level2":["BTC-USD","ETH-USD"]}}]}
//! ← {"type":"error","message":"…"}
//! ```
//!
//! A request names one channel and has no number. Every answer, to a request to unsubscribe too, lists whatever the
//! connection is subscribed to by then; an error says neither which request nor which product it means.

use serde_json::Value;
use touchline_market::Channel;

use crate::access::{Ask, Limits, Reply, RestRequest};

/// Eight messages a second per address without authentication, and eight connects a second (`websocket-rate-limits`);
/// ten REST requests a second for public endpoints (`rest-api-rate-limits`). How many streams a connection may have is
/// not said: it is kept moderate, since a slow reader is cut off and each book begins with a snapshot of megabytes, and
/// so are the number in one request and that of connects in five minutes.
pub(super) const LIMITS: Limits = Limits {
    streams_per_connection: 100,
    streams_per_request: 20,
    sends_per_second: 8,
    connects_per_window: 60,
    connects_per_second: Some(8),
    lifetime: None,
    weight_per_minute: 600,
};

/// The heartbeats: they keep channels without traffic open, and count as the subscription that is due within 5 s.
pub(super) fn hello() -> Vec<String> {
    vec![r#"{"type":"subscribe","channel":"heartbeats"}"#.to_owned()]
}

/// `level2:BTC-USD`: the channel's name in requests and the symbol.
pub(super) fn stream(symbol: &str, channel: Channel, _: u32, out: &mut String) {
    out.push_str(match channel {
        Channel::Book => "level2:",
        Channel::Trade => "market_trades:",
        Channel::Ticker => "ticker:",
        Channel::Candle => "candles:",
        Channel::Status => "status:",
        // Not among its channels: refused before a name is asked for.
        Channel::Depth | Channel::Bbo | Channel::Orders => "",
    });
    out.push_str(symbol);
}

/// A stream's channel and symbol.
fn parts(stream: &str) -> (&str, &str) {
    stream.split_once(':').unwrap_or((stream, ""))
}

/// A request names one channel.
pub(super) fn together(one: &str, other: &str) -> bool {
    parts(one).0 == parts(other).0
}

/// A request about streams of one channel.
pub(super) fn request(ask: Ask, streams: &[&str], _: u64) -> String {
    let kind = match ask {
        Ask::Subscribe => "subscribe",
        Ask::Unsubscribe => "unsubscribe",
    };
    let channel = streams.first().map_or("", |stream| parts(stream).0);
    let products: Vec<_> = streams.iter().map(|stream| parts(stream).1).collect();
    serde_json::json!({ "type": kind, "product_ids": products, "channel": channel }).to_string()
}

/// What a frame without updates says about the connection.
///
/// No error is called terminal: its text is prose, and most of them pass (a rate limit, an internal error).
pub(super) fn reply(frame: &[u8]) -> Reply {
    let Ok(message) = serde_json::from_slice::<Value>(frame) else { return Reply::Nothing };
    let is = |key: &str, text: &str| message.get(key).and_then(Value::as_str) == Some(text);
    if is("channel", "subscriptions") {
        return Reply::Subscriptions { streams: subscribed(&message) };
    }
    if is("type", "error") {
        let text = message.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        return Reply::Refused { id: None, stream: None, code: 0, text, terminal: false };
    }
    Reply::Nothing
}

/// Every stream that a list of subscriptions names.
fn subscribed(message: &Value) -> Vec<String> {
    let events = message.get("events").and_then(Value::as_array).into_iter().flatten();
    let lists = events.filter_map(|event| event.get("subscriptions")?.as_object());
    let named = |(channel, products): (&String, &Value)| {
        // Data of the book comes under another name than it is asked for by.
        let channel = if channel == "l2_data" { "level2" } else { channel.as_str() };
        let products = products.as_array().into_iter().flatten().filter_map(Value::as_str);
        products.map(|product| format!("{channel}:{product}")).collect::<Vec<_>>()
    };
    lists.flatten().flat_map(named).collect()
}

/// `GET /api/v3/brokerage/market/products`: all products, without a key.
pub(super) fn instruments() -> RestRequest {
    RestRequest { path: "/api/v3/brokerage/market/products".to_owned(), weight: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// Requests and stream names look as documented; a request holds one channel.
    #[test]
    fn requests_look_as_documented() {
        let mut name = String::new();
        stream("BTC-USD", Channel::Book, 1_000, &mut name);
        assert_eq!(name, "level2:BTC-USD");
        assert!(together(&name, "level2:ETH-USD"));
        assert!(!together(&name, "ticker:BTC-USD"));
        let documented = r#"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"level2"}"#;
        assert_eq!(read(&request(Ask::Subscribe, &[&name, "level2:ETH-USD"], 7)), read(documented));
        let documented = r#"{"type":"unsubscribe","product_ids":["ETH-USD"],"channel":"market_trades"}"#;
        assert_eq!(read(&request(Ask::Unsubscribe, &["market_trades:ETH-USD"], 8)), read(documented));
        assert_eq!(hello().len(), 1);
        assert_eq!(read(&hello()[0]), read(r#"{"type":"subscribe","channel":"heartbeats"}"#));
    }

    /// A list of subscriptions acknowledges every stream in it by our name, whichever of its names the book has.
    #[test]
    fn subscriptions_acknowledge_streams_by_name() {
        for book in ["level2", "l2_data"] {
            let frame = format!(
                r#"{{"channel":"subscriptions","sequence_num":2,"events":[{{"subscriptions":{{
                "heartbeats":["heartbeats"],"{book}":["BTC-USD","ETH-USD"],"ticker":["BTC-USD"]}}}}]}}"#
            );
            let Reply::Subscriptions { streams } = reply(frame.as_bytes()) else { panic!("{frame}") };
            let mut streams: Vec<_> = streams.iter().map(String::as_str).collect();
            streams.sort_unstable();
            let expected = ["heartbeats:heartbeats", "level2:BTC-USD", "level2:ETH-USD", "ticker:BTC-USD"];
            assert_eq!(streams, expected);
        }
        let nothing = br#"{"channel":"subscriptions","sequence_num":9,"events":[{"subscriptions":{}}]}"#;
        assert_eq!(reply(nothing), Reply::Subscriptions { streams: Vec::new() });
    }

    /// An error refuses without a name; anything else is nothing.
    #[test]
    fn errors_are_told_apart() {
        let expected =
            Reply::Refused { id: None, stream: None, code: 0, text: "no such".to_owned(), terminal: false };
        assert_eq!(reply(br#"{"type":"error","message":"no such"}"#), expected);
        for frame in ["", "{}", "[1]", r#"{"channel":"l2_data","events":[]}"#, r#"{"type":"ticker"}"#] {
            assert_eq!(reply(frame.as_bytes()), Reply::Nothing, "{frame}");
        }
    }
}
