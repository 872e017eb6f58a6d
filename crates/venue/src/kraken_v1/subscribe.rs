//! What is said to the venue beside the data, and how its answers read.
//!
//! ```text
//! → {"event":"subscribe","pair":["XBT/USD"],"reqid":1,"subscription":{"depth":1000,"name":"book"}}
//! ← {"channelID":1664,"channelName":"book-1000","event":"subscriptionStatus","pair":"XBT/USD","reqid":1,"status":"subscribed","subscription":{"depth":1000,"name":"book"}}
//! ← {"errorMessage":"Currency pair not supported X/Y","event":"subscriptionStatus","pair":"X/Y","reqid":1,"status":"error","subscription":{"depth":1000,"name":"book"}}
//! ```
//!
//! Every pair of a request is answered by itself. A stream's name is the channel's name, a colon and the pair.

use serde_json::{Value, json};
use touchline_market::Channel;

use crate::access::{Ask, Reply};
use crate::kraken::subscribe::{self as current, is_terminal};

/// `book-1000:XBT/USD`, `trade:XBT/USD`.
pub(super) fn stream(symbol: &str, channel: Channel, levels: u32, out: &mut String) {
    match channel {
        Channel::Bbo => {
            out.push_str("spread:");
            out.push_str(symbol);
        }
        _ => current::stream(symbol, channel, levels, out),
    }
}

/// A request about streams of one channel.
pub(super) fn request(ask: Ask, streams: &[&str], id: u64) -> String {
    let event = match ask {
        Ask::Subscribe => "subscribe",
        Ask::Unsubscribe => "unsubscribe",
    };
    let apart =
        |stream: &&str| stream.split_once(':').map(|(channel, pair)| (channel.to_owned(), pair.to_owned()));
    let channel = streams.first().and_then(apart).map_or(String::new(), |(channel, _)| channel);
    let pairs: Vec<_> = streams.iter().filter_map(apart).map(|(_, pair)| pair).collect();
    let (name, option) = channel.split_once('-').unwrap_or((&channel, ""));
    let option = option.parse::<u16>().ok();
    let subscription = match name {
        "book" => json!({ "name": name, "depth": option }),
        "ohlc" => json!({ "name": name, "interval": option }),
        _ => json!({ "name": name }),
    };
    json!({ "event": event, "pair": pairs, "reqid": id, "subscription": subscription }).to_string()
}

/// What a frame without updates says about the connection.
pub(super) fn reply(frame: &[u8]) -> Reply {
    let Ok(message) = serde_json::from_slice::<Value>(frame) else { return Reply::Nothing };
    let text = |key: &str| message.get(key).and_then(Value::as_str);
    let id = message.get("reqid").and_then(Value::as_u64);
    let error = text("errorMessage").unwrap_or_default().to_owned();
    match (text("event"), text("status")) {
        (Some("subscriptionStatus"), Some(status @ ("subscribed" | "unsubscribed"))) => {
            let stream = text("channelName").zip(text("pair"));
            match stream.map(|(channel, pair)| vec![format!("{channel}:{pair}")]) {
                Some(streams) if status == "subscribed" => Reply::Subscribed { streams },
                Some(streams) => Reply::Unsubscribed { streams },
                None => Reply::Nothing,
            }
        }
        (Some("subscriptionStatus"), Some("error")) => {
            let stream = named(message.get("subscription")).zip(text("pair"));
            let stream = stream.map(|(channel, pair)| format!("{channel}:{pair}"));
            Reply::Refused { id, stream, code: 0, terminal: is_terminal(&error), text: error }
        }
        (Some("error"), _) => {
            Reply::Refused { id, stream: None, code: 0, terminal: is_terminal(&error), text: error }
        }
        _ => Reply::Nothing,
    }
}

/// The channel's name of a subscription that was refused.
fn named(subscription: Option<&Value>) -> Option<String> {
    let subscription = subscription?;
    let name = subscription.get("name")?.as_str()?;
    let option = subscription.get("depth").or_else(|| subscription.get("interval")).and_then(Value::as_u64);
    Some(match (name, option) {
        ("book", None) => "book-10".to_owned(),
        ("ohlc", None) => "ohlc-1".to_owned(),
        ("book" | "ohlc", Some(option)) => format!("{name}-{option}"),
        _ => name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests look as documented, and their names carry all that stands in them.
    #[test]
    fn requests_look_as_documented() {
        let mut name = String::new();
        stream("XBT/USD", Channel::Book, 800, &mut name);
        assert_eq!(name, "book-1000:XBT/USD");
        let read: Value =
            serde_json::from_str(&request(Ask::Subscribe, &[&name, "book-1000:A/B"], 7)).unwrap();
        let subscription = json!({"name":"book","depth":1000});
        let pairs = ["XBT/USD", "A/B"];
        assert_eq!(read, json!({"event":"subscribe","pair":pairs,"reqid":7,"subscription":subscription}));
        let read: Value = serde_json::from_str(&request(Ask::Unsubscribe, &["ohlc-1:A/B"], 8)).unwrap();
        let subscription = json!({"name":"ohlc","interval":1});
        assert_eq!(read, json!({"event":"unsubscribe","pair":["A/B"],"reqid":8,"subscription":subscription}));
    }

    /// Answers name their stream.
    #[test]
    fn answers_name_their_stream() {
        let given = br#"{"channelID":1664,"channelName":"book-1000","event":"subscriptionStatus","pair":"XBT/USD","status":"subscribed","subscription":{"depth":1000,"name":"book"}}"#;
        assert_eq!(reply(given), Reply::Subscribed { streams: vec!["book-1000:XBT/USD".to_owned()] });
        let gone = br#"{"channelName":"book-1000","event":"subscriptionStatus","pair":"XBT/USD","status":"unsubscribed","subscription":{"depth":1000,"name":"book"}}"#;
        assert_eq!(reply(gone), Reply::Unsubscribed { streams: vec!["book-1000:XBT/USD".to_owned()] });
        for (subscription, channel) in [
            (json!({"name":"book","depth":25}), "book-25"),
            (json!({"name":"book"}), "book-10"),
            (json!({"name":"ohlc","interval":5}), "ohlc-5"),
            (json!({"name":"ticker"}), "ticker"),
        ] {
            let frame = json!({"errorMessage":"Currency pair not supported X/Y","event":"subscriptionStatus",
                "pair":"X/Y","reqid":3,"status":"error","subscription":subscription});
            let expected = Reply::Refused {
                id: Some(3),
                stream: Some(format!("{channel}:X/Y")),
                code: 0,
                text: "Currency pair not supported X/Y".to_owned(),
                terminal: true,
            };
            assert_eq!(reply(frame.to_string().as_bytes()), expected);
        }
        let malformed = br#"{"errorMessage":"Malformed request","event":"error","reqid":3}"#;
        assert!(matches!(reply(malformed), Reply::Refused { id: Some(3), stream: None, terminal: true, .. }));
        for frame in [
            "",
            "[]",
            r#"{"event":"heartbeat"}"#,
            r#"{"event":"subscriptionStatus","status":"unsubscribed"}"#,
        ] {
            assert_eq!(reply(frame.as_bytes()), Reply::Nothing, "{frame}");
        }
    }
}
