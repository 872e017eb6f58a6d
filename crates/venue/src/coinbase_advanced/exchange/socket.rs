//! What a client says on a socket, and the venue's answers.
//!
//! ```text
//! → {"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}
//! ← {"channel":"subscriptions","timestamp":"…","sequence_num":2,"events":[{"subscriptions":{"level2":["BTC-USD"]}}]}
//! ← {"type":"error","message":"…"}
//! ```

use std::collections::BTreeMap;

use serde_json::{Value, json};
use touchline_market::Channel;

use super::data::open;
use crate::Ask;
use crate::exchange::{Asked, Connection, Request, Stream};

/// The stream of heartbeats, which is of no product.
pub(super) const HEARTBEATS: &str = "heartbeats:heartbeats";

/// Reads a text frame of the client. A request to end a channel may name no products: all of them are meant.
pub(super) fn read(connection: &Connection, text: &str) -> Request {
    let Ok(message) = serde_json::from_str::<Value>(text) else {
        return Request::Answered(error("invalid JSON"));
    };
    let ask = match message.get("type").and_then(Value::as_str) {
        Some("subscribe") => Ask::Subscribe,
        Some("unsubscribe") => Ask::Unsubscribe,
        _ => return Request::Answered(error("type must be subscribe or unsubscribe")),
    };
    let Some(name) = message.get("channel").and_then(Value::as_str) else {
        return Request::Answered(error("channel is required"));
    };
    let carried = match name {
        "level2" => Some(Channel::Book),
        "market_trades" => Some(Channel::Trade),
        "ticker" => Some(Channel::Ticker),
        "candles" => Some(Channel::Candle),
        "status" => Some(Channel::Status),
        "heartbeats" | "ticker_batch" => None,
        _ => return Request::Answered(error("unknown channel")),
    };
    let stream = |symbol: &str| Stream {
        name: format!("{name}:{symbol}"),
        symbol: symbol.to_owned(),
        channel: carried,
        levels: 0,
    };
    let products = message.get("product_ids").and_then(Value::as_array);
    let streams = match (name, products) {
        ("heartbeats", _) => vec![Stream { symbol: String::new(), ..stream("heartbeats") }],
        (_, Some(products)) if !products.is_empty() => {
            products.iter().filter_map(Value::as_str).map(stream).collect()
        }
        _ if ask == Ask::Unsubscribe => {
            let of_channel = |stream: &&Stream| stream.name.split(':').next() == Some(name);
            connection.streams.values().filter(of_channel).cloned().collect()
        }
        _ => return Request::Answered(error("product_ids are required")),
    };
    Request::Asked(Asked { id: None, ask, streams })
}

/// Everything that the connection is subscribed to.
pub(super) fn subscriptions(connection: &Connection, now_ms: u64) -> String {
    let mut channels: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in connection.streams.keys() {
        let (channel, product) = name.split_once(':').unwrap_or((name, ""));
        channels.entry(channel).or_default().push(product);
    }
    let mut out = String::new();
    open(&mut out, "subscriptions", now_ms.saturating_mul(1_000));
    out.push_str(&json!({ "subscriptions": channels }).to_string());
    out.push_str("]}");
    out
}

/// A refusal, which says neither of what nor of whom.
pub(super) fn error(message: &str) -> String {
    format!(r#"{{"type":"error","message":{}}}"#, Value::from(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(connection: &Connection, text: &str) -> (Ask, Vec<String>) {
        let Request::Asked(asked) = read(connection, text) else { panic!("not taken: {text}") };
        (asked.ask, asked.streams.into_iter().map(|stream| stream.name).collect())
    }

    /// Requests as documented; one to end a channel may leave the products out.
    #[test]
    fn requests_are_taken_apart() {
        let mut connection = Connection::default();
        let text = r#"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"level2"}"#;
        let Request::Asked(subscribe) = read(&connection, text) else { panic!("not taken") };
        assert!(subscribe.streams.iter().all(|stream| stream.channel == Some(Channel::Book)));
        connection.streams.extend(subscribe.streams.into_iter().map(|stream| (stream.name.clone(), stream)));
        let (ask, streams) = asked(&connection, r#"{"type":"unsubscribe","channel":"level2"}"#);
        assert_eq!(
            (ask, streams),
            (Ask::Unsubscribe, vec!["level2:BTC-USD".into(), "level2:ETH-USD".into()])
        );
        let heartbeats = asked(&connection, r#"{"type":"subscribe","channel":"heartbeats"}"#);
        assert_eq!(heartbeats, (Ask::Subscribe, vec![HEARTBEATS.to_owned()]));
        let told = subscriptions(&connection, 0);
        let expected = r#"{"channel":"subscriptions","timestamp":"1970-01-01T00:00:00.000000Z","events":[{"subscriptions":{"level2":["BTC-USD","ETH-USD"]}}]}"#;
        assert_eq!(told, expected);
    }

    /// What is no request is answered with an error.
    #[test]
    fn what_is_no_request_is_refused() {
        for text in [
            "ping",
            r#"{"type":"hello"}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","channel":"level3","product_ids":["BTC-USD"]}"#,
            r#"{"type":"subscribe","channel":"level2"}"#,
        ] {
            let Request::Answered(answer) = read(&Connection::default(), text) else { panic!("{text}") };
            assert!(answer.starts_with(r#"{"type":"error","message":""#), "{answer}");
        }
    }
}
