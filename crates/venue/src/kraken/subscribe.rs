//! What is said to the venue beside the data, and how its answers read.
//!
//! ```text
//! → {"method":"subscribe","params":{"channel":"book","depth":10,"snapshot":true,"symbol":["BTC/USD"]},"req_id":16}
//! ← {"method":"subscribe","req_id":16,"result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"…","time_out":"…"}
//! ← {"error":"Currency pair not supported X/Y","method":"subscribe","req_id":16,"success":false,"symbol":"X/Y","time_in":"…","time_out":"…"}
//! ← {"Error":"Exceeded msg rate"}
//! ```
//!
//! Every symbol of a request is answered by itself. A stream's name is its kind, a colon and the symbol:
//! `book-1000:BTC/USD`. A refusal names the symbol and not the channel, so the kind travels in the request's id, which
//! the venue returns: sixteen times our id, and the kind's place in [`KINDS`].

use serde_json::{Map, Value, json};
use touchline_market::Channel;

use super::standing::depth_for;
use crate::access::{Ask, Limits, Reply};

/// What can be subscribed to. The place in the list travels in the request's id.
const KINDS: [&str; 10] = [
    "book-10",
    "book-25",
    "book-100",
    "book-500",
    "book-1000",
    "trade",
    "ticker",
    "ticker-bbo",
    "ohlc-1",
    "instrument",
];

/// Ids of requests leave room for the kind.
const KINDS_MAX: u64 = 16;

const _: () = assert!(KINDS.len() <= KINDS_MAX as usize);

/// No limit of streams or messages is published for public channels: 200 symbols is what the venue allows on a
/// connection of single orders, and a few requests a second stay far from the changing limit that is answered with
/// `Exceeded msg rate`. 150 attempts to connect in ten minutes are the limit of the network in front.
pub(super) const LIMITS: Limits = Limits {
    streams_per_connection: 200,
    streams_per_request: 50,
    sends_per_second: 4,
    connects_per_window: 75,
    connects_per_second: None,
    lifetime: None,
    weight_per_minute: 60,
};

/// `book-1000:BTC/USD`, `trade:BTC/USD`.
pub(crate) fn stream(symbol: &str, channel: Channel, levels: u32, out: &mut String) {
    match channel {
        Channel::Book => {
            out.push_str("book-");
            out.push_str(&depth_for(levels).to_string());
        }
        Channel::Trade => out.push_str("trade"),
        Channel::Ticker => out.push_str("ticker"),
        Channel::Bbo => out.push_str("ticker-bbo"),
        Channel::Candle => out.push_str("ohlc-1"),
        Channel::Status => out.push_str("instrument"),
        // Not among its channels: refused before a name is asked for.
        Channel::Depth | Channel::Orders => {}
    }
    out.push(':');
    out.push_str(symbol);
}

/// Streams of one kind can stand in one request.
pub(super) fn together(a: &str, b: &str) -> bool {
    kind(a) == kind(b)
}

/// The kind of a stream.
fn kind(stream: &str) -> &str {
    stream.split_once(':').map_or(stream, |(kind, _)| kind)
}

/// A request about streams of one kind. The definitions of pairs come for all pairs or for none, so that nothing but a
/// sign of life is sent when one pair's are wanted no more.
pub(super) fn request(ask: Ask, streams: &[&str], id: u64) -> String {
    let kind = streams.first().map_or("", |first| kind(first));
    let place = KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len()) as u64;
    let req_id = id.wrapping_mul(KINDS_MAX).wrapping_add(place);
    let (channel, option) = kind.split_once('-').unwrap_or((kind, ""));
    let method = match (ask, channel) {
        (Ask::Subscribe, _) => "subscribe",
        (Ask::Unsubscribe, "instrument") => {
            return json!({ "method": "ping", "req_id": req_id }).to_string();
        }
        (Ask::Unsubscribe, _) => "unsubscribe",
    };
    let mut params = Map::new();
    let mut put = |key: &str, value: Value| params.insert(key.to_owned(), value);
    put("channel", json!(channel));
    if channel != "instrument" {
        let symbols = streams.iter().filter_map(|stream| stream.split_once(':').map(|(_, symbol)| symbol));
        put("symbol", symbols.collect());
    }
    match channel {
        "book" => put("depth", json!(option.parse::<u16>().ok())),
        "ohlc" => put("interval", json!(option.parse::<u16>().ok())),
        "ticker" => put("event_trigger", json!(if option == "bbo" { "bbo" } else { "trades" })),
        _ => None,
    };
    if ask == Ask::Subscribe {
        // Old trades and candles are not asked for.
        put("snapshot", json!(!matches!(channel, "trade" | "ohlc")));
    }
    json!({ "method": method, "params": params, "req_id": req_id }).to_string()
}

/// What a frame without updates says about the connection.
pub(super) fn reply(frame: &[u8]) -> Reply {
    let Ok(message) = serde_json::from_slice::<Value>(frame) else { return Reply::Nothing };
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(text) = text(&message, "Error") {
        // Says nothing of which request: the only one there is, or none.
        return Reply::Refused { id: None, stream: None, code: 0, text, terminal: false };
    }
    match text(&message, "method").as_deref() {
        Some("subscribe") => {}
        Some("unsubscribe") => {
            let stream = message.get("result").and_then(stream_of);
            return stream.map_or(Reply::Nothing, |stream| Reply::Unsubscribed { streams: vec![stream] });
        }
        _ => return Reply::Nothing,
    }
    let req_id = message.get("req_id").and_then(Value::as_u64);
    let id = req_id.map(|req_id| req_id / KINDS_MAX);
    let asked = req_id.and_then(|req_id| KINDS.get((req_id % KINDS_MAX) as usize).copied());
    match message.get("success").and_then(Value::as_bool) {
        Some(true) => match message.get("result").and_then(stream_of) {
            Some(stream) => Reply::Subscribed { streams: vec![stream] },
            // The definitions of pairs are acknowledged once for all.
            None => {
                id.filter(|_| asked == Some("instrument")).map_or(Reply::Nothing, |id| Reply::Accepted { id })
            }
        },
        Some(false) => {
            let error = text(&message, "error").unwrap_or_default();
            if asked == Some("instrument") {
                return match id {
                    Some(id) if error.starts_with("Already subscribed") => Reply::Accepted { id },
                    _ => Reply::Refused { id, stream: None, code: 0, text: error, terminal: false },
                };
            }
            let symbol = text(&message, "symbol").or_else(|| symbol_in(&error).map(str::to_owned));
            let stream = asked.zip(symbol).map(|(kind, symbol)| format!("{kind}:{symbol}"));
            Reply::Refused { id, stream, code: 0, terminal: is_terminal(&error), text: error }
        }
        None => Reply::Nothing,
    }
}

/// The stream that an acknowledgement names; the definitions of pairs are not named one by one.
fn stream_of(result: &Value) -> Option<String> {
    let text = |key: &str| result.get(key).and_then(Value::as_str);
    let number = |key: &str, usual| result.get(key).and_then(Value::as_u64).unwrap_or(usual);
    let kind = match text("channel")? {
        "book" => format!("book-{}", number("depth", 10)),
        "ohlc" => format!("ohlc-{}", number("interval", 1)),
        "ticker" if text("event_trigger") == Some("bbo") => "ticker-bbo".to_owned(),
        channel => channel.to_owned(),
    };
    text("symbol").map(|symbol| format!("{kind}:{symbol}"))
}

/// The symbol at the end of a refusal that names it nowhere else.
fn symbol_in(error: &str) -> Option<&str> {
    error.rsplit(' ').next().filter(|word| word.contains('/'))
}

/// Refusals that asking again does not change.
pub(crate) fn is_terminal(error: &str) -> bool {
    ["not supported", "not in ISO 4217-A3", "invalid", "Invalid", "Malformed"]
        .iter()
        .any(|part| error.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(channel: Channel, levels: u32) -> String {
        let mut name = String::new();
        stream("BTC/USD", channel, levels, &mut name);
        name
    }

    /// Names carry what the request needs, and requests carry it as documented.
    #[test]
    fn requests_look_as_documented() {
        let options = |channel, levels, params: Value| {
            let stream = name(channel, levels);
            let read: Value = serde_json::from_str(&request(Ask::Subscribe, &[&stream], 3)).unwrap();
            let place = KINDS.iter().position(|known| *known == kind(&stream)).unwrap();
            assert_eq!(read, json!({ "method": "subscribe", "params": params, "req_id": 48 + place }));
        };
        let symbol = ["BTC/USD"];
        options(Channel::Book, 10, json!({"channel":"book","symbol":symbol,"depth":10,"snapshot":true}));
        options(Channel::Book, 400, json!({"channel":"book","symbol":symbol,"depth":500,"snapshot":true}));
        options(Channel::Book, 9_999, json!({"channel":"book","symbol":symbol,"depth":1000,"snapshot":true}));
        options(Channel::Trade, 0, json!({"channel":"trade","symbol":symbol,"snapshot":false}));
        let ticker = json!({"channel":"ticker","symbol":symbol,"event_trigger":"trades","snapshot":true});
        options(Channel::Ticker, 0, ticker);
        let bbo = json!({"channel":"ticker","symbol":symbol,"event_trigger":"bbo","snapshot":true});
        options(Channel::Bbo, 0, bbo);
        options(Channel::Candle, 0, json!({"channel":"ohlc","symbol":symbol,"interval":1,"snapshot":false}));
        options(Channel::Status, 0, json!({"channel":"instrument","snapshot":true}));
        assert_eq!(name(Channel::Book, 1_000), "book-1000:BTC/USD");
    }

    /// Unsubscribing names the same options; streams of one kind share a request, and no others do.
    #[test]
    fn streams_of_one_kind_share_a_request() {
        let streams = ["book-25:BTC/USD", "book-25:ETH/USD"];
        assert!(together(streams[0], streams[1]));
        assert!(!together("book-25:BTC/USD", "book-10:BTC/USD") && !together("ticker:A/B", "ticker-bbo:A/B"));
        let read: Value = serde_json::from_str(&request(Ask::Unsubscribe, &streams, 1)).unwrap();
        let params = json!({"channel":"book","depth":25,"symbol":["BTC/USD","ETH/USD"]});
        assert_eq!(read, json!({"method":"unsubscribe","params":params,"req_id":17}));
        let left: Value = serde_json::from_str(&request(Ask::Unsubscribe, &["instrument:A/B"], 1)).unwrap();
        assert_eq!(left, json!({"method":"ping","req_id":25}));
    }

    /// Every acknowledgement names the stream by the name it was asked for with.
    #[test]
    fn acknowledgements_name_their_stream() {
        for (result, stream) in [
            (json!({"channel":"book","depth":1000,"snapshot":true,"symbol":"BTC/USD"}), "book-1000:BTC/USD"),
            (json!({"channel":"book","snapshot":true,"symbol":"BTC/USD"}), "book-10:BTC/USD"),
            (json!({"channel":"trade","snapshot":false,"symbol":"BTC/USD"}), "trade:BTC/USD"),
            (json!({"channel":"ticker","event_trigger":"trades","symbol":"BTC/USD"}), "ticker:BTC/USD"),
            (json!({"channel":"ticker","event_trigger":"bbo","symbol":"BTC/USD"}), "ticker-bbo:BTC/USD"),
            (json!({"channel":"ohlc","interval":1,"symbol":"BTC/USD"}), "ohlc-1:BTC/USD"),
        ] {
            let frame = json!({"method":"subscribe","result":result,"success":true,"req_id":16}).to_string();
            assert_eq!(reply(frame.as_bytes()), Reply::Subscribed { streams: vec![stream.to_owned()] });
            let frame =
                json!({"method":"unsubscribe","result":result,"success":true,"req_id":16}).to_string();
            assert_eq!(reply(frame.as_bytes()), Reply::Unsubscribed { streams: vec![stream.to_owned()] });
        }
        let all = br#"{"method":"subscribe","req_id":41,"result":{"channel":"instrument"},"success":true}"#;
        assert_eq!(reply(all), Reply::Accepted { id: 2 });
    }

    /// A refusal names request and stream; only what cannot change is terminal.
    #[test]
    fn refusals_name_their_stream() {
        let refused = |frame: &str| match reply(frame.as_bytes()) {
            Reply::Refused { id, stream, terminal, .. } => (id, stream, terminal),
            other => panic!("{other:?}"),
        };
        let with_symbol = r#"{"error":"Currency pair not supported X/Y","method":"subscribe","req_id":20,"success":false,"symbol":"X/Y"}"#;
        assert_eq!(refused(with_symbol), (Some(1), Some("book-1000:X/Y".to_owned()), true));
        let without =
            r#"{"error":"Currency pair not supported X/Y","method":"subscribe","req_id":37,"success":false}"#;
        assert_eq!(refused(without), (Some(2), Some("trade:X/Y".to_owned()), true));
        let unknown = r#"{"error":"Currency pair not supported X/Y","method":"subscribe","success":false}"#;
        assert_eq!(refused(unknown), (None, None, true));
        let busy =
            r#"{"error":"Service temporarily unavailable","method":"subscribe","req_id":37,"success":false}"#;
        assert_eq!(refused(busy), (Some(2), None, false));
        assert_eq!(refused(r#"{"Error":"Exceeded msg rate"}"#), (None, None, false));
        let again = br#"{"error":"Already subscribed","method":"subscribe","req_id":25,"success":false}"#;
        assert_eq!(reply(again), Reply::Accepted { id: 1 });
        for frame in ["", "[]", "{}", r#"{"method":"pong"}"#, r#"{"method":"unsubscribe","success":true}"#] {
            assert_eq!(reply(frame.as_bytes()), Reply::Nothing, "{frame}");
        }
    }
}
