//! What a client says on a socket, and the venue's answers.
//!
//! ```text
//! → {"event":"bts:subscribe","data":{"channel":"order_book_btcusd"}}
//! ← {"event":"bts:subscription_succeeded","channel":"order_book_btcusd","data":{}}
//! → {"event":"bts:heartbeat"}
//! ← {"event":"bts:heartbeat","channel":"","data":{"status":"success"}}
//! ← {"event":"bts:error","channel":"","data":{"code":null,"message":"Bad subscription string."}}
//! ```

use serde_json::{Value, json};
use touchline_market::Channel;

use crate::Ask;
use crate::exchange::{Asked, Fate, Request, Stream};

/// Levels a side of `order_book_*`.
const DEPTH: usize = 100;

/// Reads a text frame of the client.
pub(super) fn read(text: &str) -> Request {
    let Ok(message) = serde_json::from_str::<Value>(text) else {
        return Request::Answered(error("Incorrect JSON format."));
    };
    let ask = match message.get("event").and_then(Value::as_str) {
        Some("bts:subscribe") => Ask::Subscribe,
        Some("bts:unsubscribe") => Ask::Unsubscribe,
        Some("bts:heartbeat") => {
            let answer = json!({"event": "bts:heartbeat", "channel": "", "data": {"status": "success"}});
            return Request::Answered(answer.to_string());
        }
        _ => return Request::Answered(error("Bad subscription string.")),
    };
    match message.pointer("/data/channel").and_then(Value::as_str) {
        None => Request::Answered(error("Bad subscription string.")),
        Some(name) => match stream(name) {
            Some(stream) => Request::Asked(Asked { id: None, ask, streams: vec![stream] }),
            None => Request::Answered(error("Invalid channel provided.")),
        },
    }
}

/// A channel, taken apart; `None` if its form is wrong. Whether there is such a market is not looked at.
fn stream(name: &str) -> Option<Stream> {
    const KINDS: [(&str, Option<Channel>, usize); 6] = [
        ("order_book_", Some(Channel::Depth), DEPTH),
        ("diff_order_book_", Some(Channel::Book), 0),
        ("live_trades_", Some(Channel::Trade), 0),
        ("detail_order_book_", None, 0),
        ("live_orders_", None, 0),
        ("funding_rate_", None, 0),
    ];
    let (symbol, channel, levels) = KINDS
        .iter()
        .find_map(|&(kind, channel, levels)| Some((name.strip_prefix(kind)?, channel, levels)))?;
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let well_formed = !symbol.is_empty() && symbol.bytes().all(lower);
    well_formed.then(|| Stream { name: name.to_owned(), symbol: symbol.to_owned(), channel, levels })
}

/// The answer to one stream of a request.
pub(super) fn answer(ask: Ask, stream: &Stream, fate: Fate) -> String {
    let event = match (ask, fate) {
        (_, Fate::Invalid | Fate::UnknownSymbol) => return error("Invalid channel provided."),
        (Ask::Subscribe, Fate::Taken | Fate::Already) => "bts:subscription_succeeded",
        (Ask::Unsubscribe, Fate::Taken | Fate::Already) => "bts:unsubscription_succeeded",
    };
    json!({ "event": event, "channel": stream.name, "data": {} }).to_string()
}

/// A refusal, which does not say of what.
fn error(message: &str) -> String {
    json!({ "event": "bts:error", "channel": "", "data": { "code": null, "message": message } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Channels are taken apart, the longer names not mistaken for the shorter.
    #[test]
    fn requests_are_taken_apart() {
        for (name, symbol, channel, levels) in [
            ("diff_order_book_btcusd", "btcusd", Some(Channel::Book), 0),
            ("order_book_btcusd-perp", "btcusd-perp", Some(Channel::Depth), 100),
            ("live_trades_nosuch", "nosuch", Some(Channel::Trade), 0),
            ("detail_order_book_btcusd", "btcusd", None, 0),
        ] {
            let text = format!(r#"{{"event":"bts:subscribe","data":{{"channel":"{name}"}}}}"#);
            let Request::Asked(asked) = read(&text) else { panic!("not taken: {text}") };
            let stream = Stream { name: name.to_owned(), symbol: symbol.to_owned(), channel, levels };
            assert_eq!(asked, Asked { id: None, ask: Ask::Subscribe, streams: vec![stream] });
            let told: Value =
                serde_json::from_str(&answer(asked.ask, &asked.streams[0], Fate::Taken)).unwrap();
            assert_eq!(told, json!({"event":"bts:subscription_succeeded","channel":name,"data":{}}));
        }
    }

    /// What is no request is answered as the venue was seen to answer it; a heartbeat is answered.
    #[test]
    fn what_is_no_request_is_answered() {
        for (text, message) in [
            ("ping", "Incorrect JSON format."),
            (r#"{"event":"bts:ping"}"#, "Bad subscription string."),
            (r#"{"event":"bts:subscribe"}"#, "Bad subscription string."),
            (
                r#"{"event":"bts:subscribe","data":{"channel":"order_book_BTCUSD"}}"#,
                "Invalid channel provided.",
            ),
            (
                r#"{"event":"bts:subscribe","data":{"channel":"order_book_btc/usd"}}"#,
                "Invalid channel provided.",
            ),
            (r#"{"event":"bts:subscribe","data":{"channel":"book_btcusd"}}"#, "Invalid channel provided."),
        ] {
            let Request::Answered(told) = read(text) else { panic!("{text}") };
            assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["data"]["message"], message, "{text}");
        }
        let Request::Answered(alive) = read(r#"{"event":"bts:heartbeat"}"#) else { panic!("not answered") };
        assert!(alive.contains(r#""status":"success""#), "{alive}");
    }
}
