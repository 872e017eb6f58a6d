//! What a client says on a socket, and the venue's answers: one for every symbol.
//!
//! ```text
//! → {"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10,"snapshot":true},"req_id":1}
//! ← {"method":"subscribe","req_id":1,"result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"…","time_out":"…"}
//! ← {"error":"Currency pair not supported X/Y","method":"subscribe","req_id":1,"success":false,"symbol":"X/Y","time_in":"…","time_out":"…"}
//! → {"method":"ping","req_id":2}
//! ← {"method":"pong","req_id":2,"time_in":"…","time_out":"…"}
//! ```

use serde_json::{Map, Value, json};
use touchline_market::Channel;

use crate::Ask;
use crate::exchange::{Asked, Fate, Request, Stream, rfc3339};

/// Reads a text frame of the client.
pub(super) fn read(text: &str, now_ms: u64) -> Request {
    let Ok(message) = serde_json::from_str::<Value>(text) else {
        return Request::Answered(json!({ "error": "Malformed request", "success": false }).to_string());
    };
    let id = message.get("req_id").and_then(Value::as_u64);
    let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
    let refused = |error: &str| {
        Request::Answered(timed(now_ms, method, id, json!({ "error": error, "success": false })))
    };
    let ask = match method {
        "subscribe" => Ask::Subscribe,
        "unsubscribe" => Ask::Unsubscribe,
        "ping" => return Request::Answered(timed(now_ms, "pong", id, json!({}))),
        _ => return refused("Unsupported method"),
    };
    let Some(params) = message.get("params") else { return refused("Malformed request") };
    match streams(params) {
        Ok(streams) => Request::Asked(Asked { id, ask, streams }),
        Err(error) => refused(error),
    }
}

/// The streams that a request names.
fn streams(params: &Value) -> Result<Vec<Stream>, &'static str> {
    let count = |key: &str, usual: u64| match params.get(key) {
        None => Ok(usual),
        Some(value) => value.as_u64().ok_or("Malformed request"),
    };
    let (kind, carried, levels) = match params.get("channel").and_then(Value::as_str) {
        Some("book") => match count("depth", 10)? {
            depth @ (10 | 25 | 100 | 500 | 1_000) => {
                (format!("book-{depth}"), Some(Channel::Book), depth as usize)
            }
            _ => return Err("Subscription depth not supported"),
        },
        Some("trade") => ("trade".to_owned(), Some(Channel::Trade), 0),
        Some("ticker") => match params.get("event_trigger").map(Value::as_str) {
            None | Some(Some("trades")) => ("ticker-trades".to_owned(), Some(Channel::Ticker), 0),
            Some(Some("bbo")) => ("ticker-bbo".to_owned(), Some(Channel::Bbo), 0),
            _ => return Err("Event trigger not supported"),
        },
        Some("ohlc") => match count("interval", 1)? {
            1 => ("ohlc-1".to_owned(), Some(Channel::Candle), 0),
            interval @ (5 | 15 | 30 | 60 | 240 | 1_440 | 10_080 | 21_600) => {
                (format!("ohlc-{interval}"), None, 0)
            }
            _ => return Err("Subscription ohlc interval not supported"),
        },
        Some("instrument") => {
            let name = "instrument".to_owned();
            return Ok(vec![Stream { name, symbol: String::new(), channel: None, levels: 0 }]);
        }
        _ => return Err("Channel not supported"),
    };
    let symbols = params.get("symbol").and_then(Value::as_array).ok_or("Malformed request")?;
    let stream = |symbol: &str| Stream {
        name: format!("{kind}:{symbol}"),
        symbol: symbol.to_owned(),
        channel: carried,
        levels,
    };
    symbols.iter().map(|symbol| symbol.as_str().map(stream).ok_or("Malformed request")).collect()
}

/// The answer about one stream of a request.
pub(super) fn answer(asked: &Asked, stream: &Stream, fate: Fate, now_ms: u64) -> String {
    let method = match asked.ask {
        Ask::Subscribe => "subscribe",
        Ask::Unsubscribe => "unsubscribe",
    };
    let error = match (fate, asked.ask) {
        (Fate::Taken, _) => {
            let said = json!({ "result": result(stream), "success": true });
            return timed(now_ms, method, asked.id, said);
        }
        (Fate::Already, Ask::Subscribe) => "Already subscribed".to_owned(),
        (Fate::Already, Ask::Unsubscribe) => "Subscription Not Found".to_owned(),
        (Fate::UnknownSymbol, _) => format!("Currency pair not supported {}", stream.symbol),
        (Fate::Invalid, _) => "Malformed request".to_owned(),
    };
    timed(now_ms, method, asked.id, json!({ "error": error, "success": false, "symbol": stream.symbol }))
}

/// What was subscribed to, or is no more.
fn result(stream: &Stream) -> Value {
    let kind = stream.name.split(':').next().unwrap_or_default();
    let (channel, option) = kind.split_once('-').unwrap_or((kind, ""));
    let mut result = Map::new();
    let mut put = |key: &str, value: Value| result.insert(key.to_owned(), value);
    put("channel", json!(channel));
    put("snapshot", json!(true));
    if !stream.symbol.is_empty() {
        put("symbol", json!(stream.symbol));
    }
    match channel {
        "book" => put("depth", json!(stream.levels)),
        "ticker" => put("event_trigger", json!(option)),
        "ohlc" => put("interval", json!(option.parse::<u64>().ok())),
        _ => None,
    };
    Value::Object(result)
}

/// An answer with the client's number and the times of coming and going.
fn timed(now_ms: u64, method: &str, id: Option<u64>, said: Value) -> String {
    let mut time = String::new();
    rfc3339(&mut time, now_ms.saturating_mul(1_000));
    let mut answer = match said {
        Value::Object(said) => said,
        _ => Map::new(),
    };
    let mut put = |key: &str, value: Value| answer.insert(key.to_owned(), value);
    put("method", json!(method));
    if let Some(id) = id {
        put("req_id", json!(id));
    }
    put("time_in", json!(time));
    put("time_out", json!(time));
    Value::Object(answer).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        let Request::Asked(asked) = read(text, 0) else { panic!("not taken: {text}") };
        asked
    }

    /// Requests as documented are taken apart, and every symbol is answered by itself with what it was given.
    #[test]
    fn every_symbol_is_answered() {
        let text = r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD","X/Y"],"depth":25,"snapshot":true},"req_id":7}"#;
        let book = asked(text);
        assert_eq!((book.id, book.ask), (Some(7), Ask::Subscribe));
        let names: Vec<_> = book.streams.iter().map(|stream| (stream.name.as_str(), stream.levels)).collect();
        assert_eq!(names, [("book-25:BTC/USD", 25), ("book-25:X/Y", 25)]);
        let time = "1970-01-01T00:00:01.000000Z";
        let read: Value = serde_json::from_str(&answer(&book, &book.streams[0], Fate::Taken, 1_000)).unwrap();
        let result = json!({"channel":"book","depth":25,"snapshot":true,"symbol":"BTC/USD"});
        assert_eq!(
            read,
            json!({"method":"subscribe","req_id":7,"result":result,"success":true,"time_in":time,"time_out":time})
        );
        let refused = answer(&book, &book.streams[1], Fate::UnknownSymbol, 1_000);
        let read: Value = serde_json::from_str(&refused).unwrap();
        assert_eq!(read["error"], "Currency pair not supported X/Y");
        assert_eq!((&read["success"], &read["symbol"]), (&json!(false), &json!("X/Y")));
    }

    /// Triggers and intervals make other streams; what there is not is refused, and a ping answered.
    #[test]
    fn channels_have_their_options() {
        let one = |params: &str| {
            let asked = asked(&format!(r#"{{"method":"subscribe","params":{params}}}"#));
            (asked.streams[0].name.clone(), asked.streams[0].channel)
        };
        let carried = |name: &str, channel| (name.to_owned(), channel);
        assert_eq!(
            one(r#"{"channel":"ticker","symbol":["A/B"]}"#),
            carried("ticker-trades:A/B", Some(Channel::Ticker))
        );
        let bbo = one(r#"{"channel":"ticker","symbol":["A/B"],"event_trigger":"bbo"}"#);
        assert_eq!(bbo, carried("ticker-bbo:A/B", Some(Channel::Bbo)));
        assert_eq!(
            one(r#"{"channel":"ohlc","symbol":["A/B"]}"#),
            carried("ohlc-1:A/B", Some(Channel::Candle))
        );
        assert_eq!(one(r#"{"channel":"instrument"}"#), carried("instrument", None));
        for (text, part) in [
            ("x", "Malformed request"),
            (r#"{"method":"jump"}"#, "Unsupported method"),
            (r#"{"method":"subscribe"}"#, "Malformed request"),
            (
                r#"{"method":"subscribe","params":{"channel":"book","symbol":["A/B"],"depth":20}}"#,
                "depth not supported",
            ),
            (r#"{"method":"subscribe","params":{"channel":"book","symbol":"A/B"}}"#, "Malformed request"),
            (
                r#"{"method":"subscribe","params":{"channel":"level9","symbol":["A/B"]}}"#,
                "Channel not supported",
            ),
            (r#"{"method":"ping","req_id":3}"#, r#""method":"pong","req_id":3"#),
        ] {
            let Request::Answered(answer) = read(text, 0) else { panic!("{text}") };
            assert!(answer.contains(part), "{answer}");
        }
    }
}
