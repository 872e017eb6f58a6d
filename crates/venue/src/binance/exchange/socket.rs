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

use crate::Ask;
use crate::binance::Product;
use crate::exchange::{Asked, Connection, Fate, Opening, Request, Stream};

/// `/stream?streams=a/b`, `/ws/a`, and the same behind `/public` and `/market`.
pub(super) fn open(product: Product, target: &str) -> Option<Opening> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let inner = ["/public", "/market"].into_iter().find_map(|tier| path.strip_prefix(tier));
    let inner = inner.unwrap_or(path);
    let (wrapped, list) = match inner {
        "/stream" => {
            let list = query.split('&').find_map(|pair| pair.strip_prefix("streams="));
            (true, list.unwrap_or_default())
        }
        "/ws" | "/ws/" => (false, ""),
        _ => (false, inner.strip_prefix("/ws/")?),
    };
    let connection = Connection { path: path.to_owned(), wrapped, ..Connection::default() };
    let names = list.split('/').filter(|name| !name.is_empty()).map(|name| name.replace("%40", "@"));
    let streams = names.map(|name| stream(product, path, &name)).collect();
    Some(Opening { connection, streams, hello: Vec::new() })
}

/// Reads a text frame of the client.
pub(super) fn read(product: Product, connection: &mut Connection, text: &str) -> Request {
    let Ok(message) = serde_json::from_str::<Value>(text) else {
        return Request::Answered(refused(None, "Invalid JSON: expected value"));
    };
    let number = message.get("id").and_then(Value::as_u64);
    let invalid = |text: &str| Request::Answered(refused(number, &format!("Invalid request: {text}")));
    let Some(id) = number else { return invalid("missing field `id`") };
    let asked = |ask: Ask, connection: &Connection| {
        let names = || -> Option<Vec<Stream>> {
            let params = message.get("params")?.as_array()?;
            params.iter().map(|name| Some(stream(product, &connection.path, name.as_str()?))).collect()
        };
        match names() {
            Some(streams) => Request::Asked(Asked { id: Some(id), ask, streams }),
            None => invalid("params must be an array of strings"),
        }
    };
    match message.get("method").and_then(Value::as_str) {
        Some("SUBSCRIBE") => asked(Ask::Subscribe, connection),
        Some("UNSUBSCRIBE") => asked(Ask::Unsubscribe, connection),
        Some("LIST_SUBSCRIPTIONS") => {
            let names: Vec<_> = connection.streams.keys().collect();
            Request::Answered(json!({ "result": names, "id": id }).to_string())
        }
        Some("SET_PROPERTY") => match message.pointer("/params/1").and_then(Value::as_bool) {
            Some(on) => {
                connection.wrapped = on;
                Request::Answered(accepted(Some(id)))
            }
            None => invalid("unknown property"),
        },
        Some(other) => invalid(&format!("unknown variant `{other}`")),
        None => invalid("missing field `method`"),
    }
}

/// The answer to a request about streams, which is taken or refused as a whole.
pub(super) fn answer(asked: &Asked, fates: &[Fate]) -> String {
    match fates.iter().max() {
        Some(Fate::UnknownSymbol) => refused_newer(asked.id, -1_121, "Invalid symbol."),
        Some(Fate::Invalid) => refused(asked.id, "Invalid request: invalid stream name"),
        Some(Fate::Taken | Fate::Already) | None => accepted(asked.id),
    }
}

/// `btcusdt@depth5@100ms`, taken apart. A kind that is not carried, or not in this place, has no channel. Whether the
/// symbol exists is not looked at.
fn stream(product: Product, path: &str, name: &str) -> Stream {
    let (symbol, rest) = name.split_once('@').unwrap_or((name, ""));
    let (kind, speed) = rest.split_once('@').unwrap_or((rest, ""));
    let (channel, levels) = match kind {
        "depth" => (Some(Channel::Book), 0),
        "depth5" => (Some(Channel::Depth), 5),
        "depth10" => (Some(Channel::Depth), 10),
        "depth20" => (Some(Channel::Depth), 20),
        "bookTicker" => (Some(Channel::Bbo), 0),
        "trade" => (Some(Channel::Trade), 0),
        "ticker" => (Some(Channel::Ticker), 0),
        _ => (None, 0),
    };
    let paced = matches!(channel, Some(Channel::Book | Channel::Depth));
    let known = matches!(speed, "" | "0ms" | "100ms" | "250ms" | "500ms" | "1000ms");
    let fits = if paced { known } else { speed.is_empty() };
    let channel = channel.filter(|channel| fits && carries(product, path, *channel));
    Stream { name: name.to_owned(), symbol: symbol.to_uppercase(), channel, levels }
}

/// May streams of this kind be had under this path? Since 2026 USD-M keeps them apart; a stream asked for in the wrong
/// place is acknowledged and stays silent.
fn carries(product: Product, path: &str, channel: Channel) -> bool {
    match product {
        Product::UsdM if channel == Channel::Ticker => !path.starts_with("/public"),
        Product::UsdM => !path.starts_with("/market"),
        Product::Spot | Product::CoinM => true,
    }
}

fn accepted(id: Option<u64>) -> String {
    format!(r#"{{"result":null,"id":{}}}"#, id.unwrap_or_default())
}

/// The older form, always with code 2 here.
fn refused(id: Option<u64>, text: &str) -> String {
    match id {
        Some(id) => format!(r#"{{"code":2,"msg":{},"id":{id}}}"#, Value::from(text)),
        None => format!(r#"{{"code":2,"msg":{}}}"#, Value::from(text)),
    }
}

/// The newer form.
fn refused_newer(id: Option<u64>, code: i64, text: &str) -> String {
    let id = id.map_or_else(|| "null".to_owned(), |id| id.to_string());
    format!(r#"{{"error":{{"code":{code},"msg":{}}},"id":{id}}}"#, Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        let Request::Asked(asked) = read(Product::Spot, &mut Connection::default(), text) else {
            panic!("not taken: {text}")
        };
        asked
    }

    fn answered(connection: &mut Connection, text: &str) -> String {
        let Request::Answered(answer) = read(Product::Spot, connection, text) else {
            panic!("taken: {text}")
        };
        answer
    }

    /// Requests and answers look as documented.
    #[test]
    fn requests_and_answers_are_as_documented() {
        let subscribe =
            asked(r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@depth@100ms"],"id":1}"#);
        assert_eq!((subscribe.id, subscribe.ask), (Some(1), Ask::Subscribe));
        assert_eq!(subscribe.streams[0].channel, None);
        assert_eq!(subscribe.streams[1].channel, Some(Channel::Book));
        assert_eq!(answer(&subscribe, &[Fate::Taken, Fate::Already]), r#"{"result":null,"id":1}"#);
        let refused = answer(&subscribe, &[Fate::Taken, Fate::UnknownSymbol]);
        assert_eq!(refused, r#"{"error":{"code":-1121,"msg":"Invalid symbol."},"id":1}"#);
        let mut connection = Connection::default();
        connection.streams.insert("bnbbtc@trade".to_owned(), stream(Product::Spot, "", "bnbbtc@trade"));
        let list = r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#;
        assert_eq!(answered(&mut connection, list), r#"{"id":3,"result":["bnbbtc@trade"]}"#);
        answered(&mut connection, r#"{"method":"SET_PROPERTY","params":["combined",true],"id":5}"#);
        assert!(connection.wrapped);
        let documented = r#"{"code":2,"msg":"Invalid request: unknown variant `SUSCRIBE`","id":4}"#;
        assert_eq!(answered(&mut connection, r#"{"method":"SUSCRIBE","params":[],"id":4}"#), documented);
        assert!(answered(&mut connection, "pong").starts_with(r#"{"code":2,"msg":"Invalid JSON"#));
    }

    /// Names of streams are taken apart; what is not carried, or not in this place, has no channel.
    #[test]
    fn stream_names_are_taken_apart() {
        for (name, symbol, channel, levels) in [
            ("btcusdt@depth@0ms", "BTCUSDT", Channel::Book, 0),
            ("btcusd_perp@depth5@100ms", "BTCUSD_PERP", Channel::Depth, 5),
            ("bnbbtc@bookTicker", "BNBBTC", Channel::Bbo, 0),
            ("bnbbtc@ticker", "BNBBTC", Channel::Ticker, 0),
        ] {
            let read = stream(Product::Spot, "/stream", name);
            assert_eq!((read.symbol.as_str(), read.channel, read.levels), (symbol, Some(channel), levels));
        }
        for name in ["btcusdt", "btcusdt@kline_1m", "btcusdt@depth7", "btcusdt@depth@1ms", "a@trade@100ms"] {
            assert_eq!(stream(Product::Spot, "/stream", name).channel, None, "{name}");
        }
        assert_eq!(stream(Product::UsdM, "/public/stream", "a@ticker").channel, None);
        assert_eq!(stream(Product::UsdM, "/market/stream", "a@depth").channel, None);
    }

    /// Paths decide what begins at once and whether events are wrapped.
    #[test]
    fn paths_are_the_venues() {
        let names =
            |opening: Opening| -> Vec<_> { opening.streams.into_iter().map(|stream| stream.name).collect() };
        let combined = open(Product::Spot, "/stream?streams=a@trade/b@depth%40100ms").unwrap();
        assert!(combined.connection.wrapped);
        assert_eq!(names(combined), ["a@trade", "b@depth@100ms"]);
        let raw = open(Product::Spot, "/ws/a@trade").unwrap();
        assert!(!raw.connection.wrapped);
        assert_eq!(names(raw), ["a@trade"]);
        assert!(open(Product::UsdM, "/public/stream").unwrap().connection.wrapped);
        assert!(open(Product::Spot, "/elsewhere").is_none());
    }
}
