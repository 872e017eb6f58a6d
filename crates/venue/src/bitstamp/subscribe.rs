//! What is said to the venue beside the data, and how its answers read.
//!
//! ```text
//! → {"event":"bts:subscribe","data":{"channel":"diff_order_book_btcusd"}}
//! ← {"event":"bts:subscription_succeeded","channel":"diff_order_book_btcusd","data":{}}
//! ← {"event":"bts:error","channel":"","data":{"code":null,"message":"Invalid channel provided."}}
//! → {"event":"bts:unsubscribe","data":{"channel":"diff_order_book_btcusd"}}
//! ← {"event":"bts:unsubscription_succeeded","channel":"diff_order_book_btcusd","data":{}}
//! ← {"event":"bts:request_reconnect","channel":"","data":""}
//! ```
//!
//! The name of a stream is the venue's channel: its kind and the symbol.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use serde_json::{Value, json};
use touchline_market::{Channel, Sequence};

use crate::Rest;
use crate::access::{Ask, Limits, Reply, RestRequest};
use crate::venue::{path, query};

/// How the names of channels begin.
const KINDS: [(Channel, &str); 3] =
    [(Channel::Book, "diff_order_book_"), (Channel::Depth, "order_book_"), (Channel::Trade, "live_trades_")];

/// Errors that the same request gives again.
const TERMINAL: [&str; 3] =
    ["Bad subscription string.", "Incorrect JSON format.", "Invalid channel provided."];

/// "Connection is unauthorized."
const UNAUTHORIZED: i64 = 4_009;

/// Channels, age and REST are the venue's limits; 10,000 requests in ten minutes are 1,000 a minute. It publishes none
/// for requests and attempts to connect: 20 requests at once were taken in a recording, the other is our own restraint.
pub(super) const LIMITS: Limits = Limits {
    streams_per_connection: 1_024,
    streams_per_request: 1,
    sends_per_second: 20,
    connects_per_window: 60,
    connects_per_second: None,
    lifetime: Some(Duration::from_secs(90 * 24 * 3_600)),
    weight_per_minute: 1_000,
};

/// `diff_order_book_btcusd`.
pub(super) fn stream(symbol: &str, channel: Channel, _: u32, out: &mut String) {
    // Others are not among its channels: refused before a name is asked for.
    if let Some((_, kind)) = KINDS.iter().find(|(carried, _)| *carried == channel) {
        out.push_str(kind);
    }
    out.push_str(symbol);
}

/// What a channel carries, and its symbol. `None` for the kinds that are not read here: single orders, funding rates.
#[inline]
pub(super) fn channel_of(name: &str) -> Option<(Channel, &str)> {
    KINDS.iter().find_map(|&(channel, kind)| Some((channel, name.strip_prefix(kind)?)))
}

/// A request about one stream.
pub(super) fn request(ask: Ask, streams: &[&str], _: u64) -> String {
    let event = match ask {
        Ask::Subscribe => "bts:subscribe",
        Ask::Unsubscribe => "bts:unsubscribe",
    };
    let channel = streams.first().copied().unwrap_or_default();
    json!({ "event": event, "data": { "channel": channel } }).to_string()
}

/// What a frame without updates says about the connection.
pub(super) fn reply(frame: &[u8]) -> Reply {
    let Ok(message) = serde_json::from_slice::<Value>(frame) else { return Reply::Nothing };
    let text = |at: &str| message.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    let channel = Some(text("/channel")).filter(|channel| !channel.is_empty());
    match (text("/event").as_str(), channel) {
        ("bts:subscription_succeeded", Some(channel)) => Reply::Subscribed { streams: vec![channel] },
        ("bts:request_reconnect", _) => Reply::Closing,
        ("bts:error", stream) => {
            let text = text("/data/message");
            let code = message.pointer("/data/code").and_then(Value::as_i64).unwrap_or_default();
            let terminal = code == UNAUTHORIZED || TERMINAL.contains(&text.as_str());
            Reply::Refused { id: None, stream, code, text, terminal }
        }
        _ => Reply::Nothing,
    }
}

/// The whole book, orders of one price added up: how deep it is cannot be asked for.
pub(super) fn snapshot(symbol: &str, _: u32) -> RestRequest {
    RestRequest { path: format!("/api/v2/order_book/{symbol}/?group=1"), weight: 1 }
}

/// The sequence of a snapshot's body.
pub(super) fn snapshot_sequence(body: &[u8]) -> Option<Sequence> {
    #[derive(serde::Deserialize)]
    struct Stamp {
        microtimestamp: String,
    }
    let stamp: Stamp = serde_json::from_slice(body).ok()?;
    stamp.microtimestamp.parse().ok().filter(|&micros| micros > 0).map(Sequence)
}

/// A number for the levels of a snapshot's body.
pub(super) fn snapshot_contents(body: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Levels<'a> {
        #[serde(borrow)]
        bids: Vec<[&'a str; 2]>,
        #[serde(borrow)]
        asks: Vec<[&'a str; 2]>,
    }
    let levels: Levels<'_> = serde_json::from_slice(body).ok()?;
    let mut hasher = rustc_hash::FxHasher::default();
    (levels.bids, levels.asks).hash(&mut hasher);
    Some(hasher.finish())
}

/// REST responses by their path, whatever stands in front of it at a proxy. A book with `group` 0 or 2 lists single orders: several of one price.
pub(super) fn rest_kind(url: &str) -> Rest<'_> {
    let path = path(url).trim_end_matches('/');
    match path.split_once("/api/v2/").map(|(_, resource)| resource) {
        Some("markets" | "trading-pairs-info") => Rest::Instruments,
        Some(resource) => match resource.strip_prefix("order_book/") {
            Some(symbol) if !symbol.contains('/') && query(url, "group").is_none_or(|group| group == "1") => {
                Rest::Snapshot { symbol }
            }
            _ => Rest::Other,
        },
        None => Rest::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same levels at another time have the same contents; another quantity or side has not.
    #[test]
    fn contents_are_the_levels_alone() {
        let body = |stamp: u64, bids: &str, asks: &str| {
            let text = format!(r#"{{"microtimestamp":"{stamp}","bids":[{bids}],"asks":[{asks}]}}"#);
            snapshot_contents(text.as_bytes())
        };
        let (one, two) = (r#"["1.5","2"]"#, r#"["1.5","3"]"#);
        assert!(body(1, one, two).is_some());
        assert_eq!(body(1, one, two), body(2, one, two));
        assert_ne!(body(1, one, two), body(1, two, one));
        assert_ne!(body(1, one, ""), body(1, "", one));
        assert_eq!(snapshot_contents(b"<html>"), None);
    }

    /// Requests look as documented, one channel each, and stay under 512 bytes for the longest symbol that is looked up.
    #[test]
    fn requests_look_as_documented() {
        for (channel, name) in [
            (Channel::Book, "diff_order_book_btcusd"),
            (Channel::Depth, "order_book_btcusd"),
            (Channel::Trade, "live_trades_btcusd"),
        ] {
            let mut out = String::new();
            stream("btcusd", channel, 1_000, &mut out);
            assert_eq!(out, name);
            assert_eq!(channel_of(name), Some((channel, "btcusd")));
        }
        for other in ["detail_order_book_btcusd", "live_orders_btcusd", "funding_rate_btcusd-perp", ""] {
            assert_eq!(channel_of(other), None, "{other}");
        }
        let text = request(Ask::Subscribe, &["diff_order_book_btcusd"], 1);
        let documented = r#"{"event":"bts:subscribe","data":{"channel":"diff_order_book_btcusd"}}"#;
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            serde_json::from_str::<Value>(documented).unwrap()
        );
        let mut longest = String::new();
        stream(&"\"".repeat(64), Channel::Book, 0, &mut longest);
        assert!(request(Ask::Unsubscribe, &[&longest], 1).len() < 512);
    }

    /// Every answer is told apart; anything else is nothing.
    #[test]
    fn answers_are_told_apart() {
        let given = br#"{"event":"bts:subscription_succeeded","channel":"diff_order_book_sgbeur","data":{}}"#;
        assert_eq!(reply(given), Reply::Subscribed { streams: vec!["diff_order_book_sgbeur".to_owned()] });
        for data in ["\"\"", "null"] {
            let notice = format!(r#"{{"event":"bts:request_reconnect","channel":"","data":{data}}}"#);
            assert_eq!(reply(notice.as_bytes()), Reply::Closing);
        }
        for (code, message, expected, terminal) in [
            ("null", "Invalid channel provided.", 0, true),
            ("4009", "Connection is unauthorized.", 4_009, true),
            ("7", "Try later.", 7, false),
        ] {
            let frame = format!(
                r#"{{"event":"bts:error","channel":"","data":{{"code":{code},"message":"{message}"}}}}"#
            );
            let text = message.to_owned();
            let refused = Reply::Refused { id: None, stream: None, code: expected, text, terminal };
            assert_eq!(reply(frame.as_bytes()), refused);
        }
        let named = br#"{"event":"bts:error","channel":"order_book_x","data":{}}"#;
        assert!(matches!(reply(named), Reply::Refused { stream: Some(name), .. } if name == "order_book_x"));
        for frame in [
            "",
            "[]",
            r#"{"event":"bts:subscription_succeeded","data":{}}"#,
            r#"{"event":"bts:unsubscription_succeeded","channel":"order_book_x","data":{}}"#,
            r#"{"event":"bts:heartbeat","channel":"","data":{"status":"success"}}"#,
        ] {
            assert_eq!(reply(frame.as_bytes()), Reply::Nothing, "{frame}");
        }
    }

    /// REST responses are known by their path, with and without the slash at its end.
    #[test]
    fn rest_responses_are_known_by_their_path() {
        let root = "https://www.bitstamp.net";
        let asked = snapshot("btcusd-perp", 5);
        assert_eq!((asked.path.as_str(), asked.weight), ("/api/v2/order_book/btcusd-perp/?group=1", 1));
        for (path, kind) in [
            (asked.path.as_str(), Rest::Snapshot { symbol: "btcusd-perp" }),
            ("/api/v2/order_book/sgbeur", Rest::Snapshot { symbol: "sgbeur" }),
            ("/api/v2/order_book/sgbeur/?group=2", Rest::Other),
            ("/api/v2/order_book/", Rest::Other),
            ("/api/v2/trading-pairs-info/", Rest::Instruments),
            ("/api/v2/markets/", Rest::Instruments),
            ("/api/v2/ticker/btcusd/", Rest::Other),
            ("/api/order_book/", Rest::Other),
        ] {
            assert_eq!(rest_kind(&format!("{root}{path}")), kind, "{path}");
            assert_eq!(rest_kind(&format!("{root}/behind/a/proxy{path}")), kind, "{path}");
        }
    }

    /// A snapshot without its microseconds has no sequence.
    #[test]
    fn a_snapshot_says_its_sequence() {
        let body =
            br#"{"timestamp": "1641343695", "microtimestamp": "1641343695572693", "bids": [], "asks": []}"#;
        assert_eq!(snapshot_sequence(body), Some(Sequence(1_641_343_695_572_693)));
        for body in ["<html>", r#"{"timestamp":"1641343695"}"#, r#"{"microtimestamp":"0"}"#] {
            assert_eq!(snapshot_sequence(body.as_bytes()), None, "{body}");
        }
    }
}
