//! What a client says on a socket, and the venue's answers.
//!
//! ```text
//! → {"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@depth@100ms"],"id":1}
//! ← {"result":null,"id":1}
//! → {"method":"LIST_SUBSCRIPTIONS","id":3}
//! ← {"result":["btcusdt@aggTrade"],"id":3}
//! → {"method":"SET_PROPERTY","params":["combined",true],"id":5}
//! ← {"code":2,"msg":"Invalid request: unknown variant `SUSCRIBE`","id":4}
//! ← {"error":{"code":-1130,"msg":"…"},"id":5}          (the newer form)
//! ```

use serde_json::{Value, json};
use touchline_market::Channel;

/// A client's request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Request {
    /// Send these streams.
    Subscribe {
        /// The client's number, given back.
        id: u64,
        /// Their names.
        streams: Vec<String>,
    },
    /// Send these streams no more.
    Unsubscribe {
        /// The client's number, given back.
        id: u64,
        /// Their names.
        streams: Vec<String>,
    },
    /// Name the streams subscribed to.
    List {
        /// The client's number, given back.
        id: u64,
    },
    /// Wrap events in their stream's name, or do not.
    Combined {
        /// The client's number, given back.
        id: u64,
        /// Wrap?
        on: bool,
    },
    /// Nothing the venue understands.
    Invalid {
        /// The client's number, where there is one.
        id: Option<u64>,
        /// The venue's words for it.
        text: String,
    },
}

impl Request {
    /// Reads a text frame of the client.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return Self::Invalid { id: None, text: "Invalid JSON: expected value".to_owned() };
        };
        let number = message.get("id").and_then(Value::as_u64);
        let invalid = |text: &str| Self::Invalid { id: number, text: format!("Invalid request: {text}") };
        let Some(id) = number else { return invalid("missing field `id`") };
        let names = || -> Option<Vec<String>> {
            let params = message.get("params")?.as_array()?;
            params.iter().map(|name| name.as_str().map(str::to_owned)).collect()
        };
        match message.get("method").and_then(Value::as_str) {
            Some("SUBSCRIBE") => match names() {
                Some(streams) => Self::Subscribe { id, streams },
                None => invalid("params must be an array of strings"),
            },
            Some("UNSUBSCRIBE") => match names() {
                Some(streams) => Self::Unsubscribe { id, streams },
                None => invalid("params must be an array of strings"),
            },
            Some("LIST_SUBSCRIPTIONS") => Self::List { id },
            Some("SET_PROPERTY") => match message.pointer("/params/1").and_then(Value::as_bool) {
                Some(on) => Self::Combined { id, on },
                None => invalid("unknown property"),
            },
            Some(other) => invalid(&format!("unknown variant `{other}`")),
            None => invalid("missing field `method`"),
        }
    }
}

/// A stream's name, taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stream {
    /// The symbol, as messages write it.
    pub symbol: String,
    /// What it carries.
    pub channel: Channel,
    /// How many levels, for partial depth; 0 otherwise.
    pub levels: usize,
}

impl Stream {
    /// `btcusdt@depth5@100ms`; `None` for a kind that is not carried here. Whether the symbol exists is not looked at.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        let (symbol, rest) = name.split_once('@')?;
        let (kind, speed) = rest.split_once('@').unwrap_or((rest, ""));
        let (channel, levels) = match kind {
            "depth" => (Channel::Book, 0),
            "depth5" => (Channel::Depth, 5),
            "depth10" => (Channel::Depth, 10),
            "depth20" => (Channel::Depth, 20),
            "bookTicker" => (Channel::Bbo, 0),
            "trade" => (Channel::Trade, 0),
            "ticker" => (Channel::Ticker, 0),
            _ => return None,
        };
        let paced = matches!(channel, Channel::Book | Channel::Depth);
        let known = matches!(speed, "" | "0ms" | "100ms" | "250ms" | "500ms" | "1000ms");
        let fits = if paced { known } else { speed.is_empty() };
        fits.then(|| Self { symbol: symbol.to_uppercase(), channel, levels })
    }
}

/// The request was taken.
#[must_use]
pub fn accepted(id: u64) -> String {
    format!(r#"{{"result":null,"id":{id}}}"#)
}

/// The streams subscribed to.
#[must_use]
pub fn listed<'a>(id: u64, streams: impl Iterator<Item = &'a str>) -> String {
    json!({ "result": streams.collect::<Vec<_>>(), "id": id }).to_string()
}

/// The request was refused: the older form.
#[must_use]
pub fn refused(id: Option<u64>, code: i64, text: &str) -> String {
    match id {
        Some(id) => format!(r#"{{"code":{code},"msg":{},"id":{id}}}"#, Value::from(text)),
        None => format!(r#"{{"code":{code},"msg":{}}}"#, Value::from(text)),
    }
}

/// The request was refused: the newer form.
#[must_use]
pub fn refused_newer(id: Option<u64>, code: i64, text: &str) -> String {
    let id = id.map_or_else(|| "null".to_owned(), |id| id.to_string());
    format!(r#"{{"error":{{"code":{code},"msg":{}}},"id":{id}}}"#, Value::from(text))
}

/// The venue will close the connection soon.
#[must_use]
pub fn shutdown_notice(event_ms: u64, combined: bool) -> String {
    let event = format!(r#"{{"e":"serverShutdown","E":{event_ms}}}"#);
    if combined { format!(r#"{{"stream":"!serverShutdown","data":{event}}}"#) } else { event }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests as documented are read; others are answered in the venue's words.
    #[test]
    fn requests_are_read_as_documented() {
        let subscribe =
            r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@depth@100ms"],"id":1}"#;
        let streams = vec!["btcusdt@aggTrade".to_owned(), "btcusdt@depth@100ms".to_owned()];
        assert_eq!(Request::read(subscribe), Request::Subscribe { id: 1, streams });
        assert_eq!(Request::read(r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#), Request::List { id: 3 });
        let combined = r#"{"method":"SET_PROPERTY","params":["combined",true],"id":5}"#;
        assert_eq!(Request::read(combined), Request::Combined { id: 5, on: true });
        let Request::Invalid { id, text } = Request::read(r#"{"method":"SUSCRIBE","params":[],"id":4}"#)
        else {
            panic!("taken")
        };
        let documented = r#"{"code":2,"msg":"Invalid request: unknown variant `SUSCRIBE`","id":4}"#;
        assert_eq!(refused(id, 2, &text), documented);
        assert!(matches!(Request::read("pong"), Request::Invalid { id: None, .. }));
    }

    /// Names of streams are taken apart; what is not carried is unknown.
    #[test]
    fn stream_names_are_taken_apart() {
        for (name, symbol, channel, levels) in [
            ("btcusdt@depth@0ms", "BTCUSDT", Channel::Book, 0),
            ("btcusd_perp@depth5@100ms", "BTCUSD_PERP", Channel::Depth, 5),
            ("bnbbtc@bookTicker", "BNBBTC", Channel::Bbo, 0),
            ("bnbbtc@ticker", "BNBBTC", Channel::Ticker, 0),
        ] {
            assert_eq!(Stream::read(name), Some(Stream { symbol: symbol.to_owned(), channel, levels }));
        }
        for name in ["btcusdt", "btcusdt@kline_1m", "btcusdt@depth7", "btcusdt@depth@1ms", "a@trade@100ms"] {
            assert_eq!(Stream::read(name), None, "{name}");
        }
    }

    /// The answers look as documented.
    #[test]
    fn answers_look_as_documented() {
        assert_eq!(accepted(1), r#"{"result":null,"id":1}"#);
        assert_eq!(listed(3, ["bnbbtc@trade"].into_iter()), r#"{"id":3,"result":["bnbbtc@trade"]}"#);
        assert_eq!(refused_newer(Some(5), -1_130, "x"), r#"{"error":{"code":-1130,"msg":"x"},"id":5}"#);
        assert_eq!(shutdown_notice(7, false), r#"{"e":"serverShutdown","E":7}"#);
        let combined = r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":7}}"#;
        assert_eq!(shutdown_notice(7, true), combined);
    }
}
