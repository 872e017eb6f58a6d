//! The other side of the wire: what Bitstamp would send of a true book. Written from the protocol facts, never from the
//! parser, so that each checks the other.
//!
//! A stream's name is the channel. Book messages say no sequence of their market: a state is known by `microtimestamp`.
//! At subscription nothing comes but the acknowledgement.

mod data;
mod socket;

use std::time::Duration;

use serde_json::json;
use touchline_market::Trade;

use crate::exchange::{
    Asked, Book, Connection, Exchange, Fate, Fields, Key, Moment, Opening, Request, Resource, RestError,
    Rules, Stream, Traded, Update,
};

/// Bitstamp.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side;

/// How the list and the names of channels say the money of the markets traded here.
const QUOTE: &str = "USD";

impl Exchange for Side {
    fn symbol(&self, coin: &str) -> Traded {
        Traded { symbol: format!("{coin}{QUOTE}").to_lowercase(), price_scale: 2, qty_scale: 8 }
    }

    /// The venue's limits: "Websocket API v2"; API reference, "Request limits". It publishes none for requests and
    /// attempts to connect: so many are surely too many.
    fn rules(&self) -> Rules {
        Rules {
            sends_per_second: 100,
            request_bytes: 511,
            streams: 1_024,
            connects: 300,
            connect_window: Duration::from_secs(300),
            weight_per_minute: 1_000,
            weight_header: None,
            ping_every: Some(Duration::from_secs(54)),
            pong_within: Duration::from_secs(60),
            lifetime: Some(Duration::from_secs(90 * 24 * 3_600)),
            subscribe_within: None,
            heartbeat: None,
            whole_requests: false,
            refuses_unknown: false,
            acknowledges_first: false,
            snapshots_in_stream: false,
            cuts: false,
            checksum_levels: 0,
            key: Key::Stamp,
            dense: true,
            trades_together: false,
            fields: Fields {
                needed: &[
                    "event",
                    "channel",
                    "data",
                    "microtimestamp",
                    "bids",
                    "asks",
                    "id",
                    "price_str",
                    "amount_str",
                    "type",
                ],
                levels: &["bids", "asks"],
                qty: &["amount_str"],
                checksum: "",
            },
        }
    }

    fn open(&self, target: &str, _: u64) -> Option<Opening> {
        let connection = Connection { path: target.to_owned(), ..Connection::default() };
        matches!(target, "" | "/").then(|| Opening { connection, ..Opening::default() })
    }

    fn read(&self, _: &mut Connection, text: &str, _: u64) -> Request {
        socket::read(text)
    }

    /// A second request for the same channel is acknowledged like the first.
    fn answer(&self, _: &Connection, asked: &Asked, fates: &[Fate], _: u64, out: &mut Vec<String>) {
        let answers = asked.streams.iter().zip(fates);
        out.extend(answers.map(|(stream, &fate)| socket::answer(asked.ask, stream, fate)));
    }

    fn book_update(&self, traded: &Traded, stream: &Stream, update: &Update<'_>, out: &mut String) {
        data::book(out, traded, stream, update);
    }

    fn depth(&self, traded: &Traded, stream: &Stream, update: &Update<'_>, out: &mut String) {
        data::book(out, traded, stream, update);
    }

    fn trades(&self, traded: &Traded, stream: &Stream, moment: &Moment, trades: &[Trade], out: &mut String) {
        for trade in trades {
            data::trade(out, traded, stream, moment, trade);
        }
    }

    fn shutdown(&self, _: &Connection, _: u64, out: &mut String) {
        out.push_str(r#"{"event":"bts:request_reconnect","channel":"","data":""}"#);
    }

    /// Every request costs one of the same budget.
    fn resource(&self, target: &str) -> Resource {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match path.trim_matches('/').split('/').collect::<Vec<_>>().as_slice() {
            ["api", "v2", "markets" | "trading-pairs-info"] => Resource::Instruments { weight: 1 },
            ["api", "v2", "order_book", symbol] => match query {
                "" | "group=1" => {
                    Resource::Snapshot { symbol: (*symbol).to_owned(), limit: usize::MAX, weight: 1 }
                }
                _ => Resource::Illegal,
            },
            _ => Resource::Unknown,
        }
    }

    fn snapshot_body(&self, traded: &Traded, book: &Book<'_>, out: &mut String) {
        data::snapshot(out, traded, book);
    }

    fn instruments_body(&self, _: u64, list: &[Traded]) -> String {
        let market = |traded: &Traded| {
            let symbol = traded.symbol.to_uppercase();
            let base = symbol.strip_suffix(QUOTE).unwrap_or(&symbol);
            json!({
                "name": format!("{base}/{QUOTE}"),
                "market_symbol": traded.symbol,
                "base_currency": base,
                "base_decimals": traded.qty_scale,
                "counter_currency": QUOTE,
                "counter_decimals": traded.price_scale,
                "minimum_order_value": "10",
                "trading": "Enabled",
                "instant_order_counter_decimals": 2,
                "instant_and_market_orders": "Enabled",
                "description": format!("{base} / {QUOTE}"),
                "market_type": "SPOT",
            })
        };
        list.iter().map(market).collect::<serde_json::Value>().to_string()
    }

    fn error_body(&self, error: RestError) -> String {
        let (code, reason) = match error {
            RestError::Illegal => ("400.001", "Invalid parameters."),
            RestError::UnknownSymbol => ("404.001", "Market not found."),
            RestError::TooMany | RestError::Banned => ("400.002", "Request rejected: rate limit exceeded."),
            RestError::Region => ("403.001", "Not from there."),
            RestError::Internal => ("500.001", "Something went wrong."),
        };
        json!({ "status": "error", "reason": reason, "code": code }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Targets are read as the venue reads them; lists of single orders are not carried.
    #[test]
    fn targets_name_their_resource() {
        let book = Resource::Snapshot { symbol: "btcusd".to_owned(), limit: usize::MAX, weight: 1 };
        for (target, resource) in [
            ("/api/v2/order_book/btcusd/?group=1", book.clone()),
            ("/api/v2/order_book/btcusd", book),
            ("/api/v2/order_book/btcusd/?group=2", Resource::Illegal),
            ("/api/v2/order_book/", Resource::Unknown),
            ("/api/v2/markets/", Resource::Instruments { weight: 1 }),
            ("/api/v3/markets/", Resource::Unknown),
        ] {
            assert_eq!(Side.resource(target), resource, "{target}");
        }
    }

    /// The list names its markets as the venue does.
    #[test]
    fn the_list_looks_as_documented() {
        let list: serde_json::Value =
            serde_json::from_str(&Side.instruments_body(0, &[Side.symbol("BTC")])).unwrap();
        assert_eq!((&list[0]["name"], &list[0]["market_symbol"]), (&json!("BTC/USD"), &json!("btcusd")));
        assert_eq!((&list[0]["counter_decimals"], &list[0]["base_decimals"]), (&json!(2), &json!(8)));
    }
}
