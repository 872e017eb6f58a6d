//! The other side of the wire: what Kraken would send of a true book (WebSocket v2). Written from the protocol facts,
//! never from the parser, so that each checks the other.
//!
//! A stream's name is its channel with what makes it another one (a depth, a trigger, an interval), a colon and the
//! symbol. The `instrument` channel is of no symbol: it is acknowledged and says nothing.

mod data;
mod socket;

use std::time::Duration;

use serde_json::json;
use touchline_market::{Candle, Trade};

use crate::exchange::{
    Asked, Book, Connection, Exchange, Fate, Fields, Heartbeat, Key, Moment, Opening, Request, Resource,
    RestError, Rules, Stream, Traded, Update, number,
};

/// Kraken spot.
#[derive(Clone, Copy, Debug)]
pub struct Spot;

impl Exchange for Spot {
    fn symbol(&self, coin: &str) -> Traded {
        Traded { symbol: format!("{coin}/USD"), price_scale: 1, qty_scale: 8 }
    }

    /// The network in front of the venue allows 150 attempts to connect in ten minutes and ends a connection without
    /// streams after about a minute. The limit of messages is not published: so many are surely too many.
    fn rules(&self) -> Rules {
        Rules {
            sends_per_second: 20,
            request_bytes: usize::MAX,
            streams: usize::MAX,
            connects: 150,
            connect_window: Duration::from_secs(600),
            weight_per_minute: 60,
            weight_header: None,
            ping_every: None,
            pong_within: Duration::from_secs(60),
            lifetime: None,
            subscribe_within: Some(Duration::from_secs(60)),
            heartbeat: Some(Heartbeat { every: Duration::from_secs(1), when_quiet: true }),
            whole_requests: false,
            refuses_unknown: true,
            acknowledges_first: false,
            snapshots_in_stream: true,
            cuts: true,
            checksum_levels: 10,
            key: Key::Stamp,
            dense: true,
            trades_together: true,
            fields: Fields {
                needed: &[
                    "channel", "data", "symbol", "bids", "asks", "checksum", "price", "qty", "side",
                    "trade_id",
                ],
                levels: &["bids", "asks"],
                qty: &["qty"],
                checksum: "checksum",
            },
        }
    }

    fn open(&self, target: &str, _: u64) -> Option<Opening> {
        if target.split('?').next() != Some("/v2") {
            return None;
        }
        let status = json!({"channel": "status", "type": "update", "data": [{
            "api_version": "v2", "connection_id": 10_393_142_736_205_617_341_u64,
            "system": "online", "version": "2.0.9",
        }]});
        let connection = Connection { path: target.to_owned(), ..Connection::default() };
        Some(Opening { connection, hello: vec![status.to_string()], ..Opening::default() })
    }

    fn read(&self, _: &mut Connection, text: &str, now_ms: u64) -> Request {
        socket::read(text, now_ms)
    }

    fn answer(&self, _: &Connection, asked: &Asked, fates: &[Fate], now_ms: u64, out: &mut Vec<String>) {
        let answers = asked.streams.iter().zip(fates);
        out.extend(answers.map(|(stream, &fate)| socket::answer(asked, stream, fate, now_ms)));
    }

    fn book_snapshot(&self, traded: &Traded, stream: &Stream, book: &Book<'_>, out: &mut String) {
        let depth = if stream.levels == 0 { usize::MAX } else { stream.levels };
        let (bids, asks) = (best(book.bids, depth), best(book.asks, depth));
        let top = (best(bids, data::CHECKED), best(asks, data::CHECKED));
        data::book(out, traded, "snapshot", book.stamp_us, (bids, asks), top);
    }

    fn book_update(&self, traded: &Traded, _: &Stream, update: &Update<'_>, out: &mut String) {
        let top = (update.best_bids, update.best_asks);
        data::book(out, traded, "update", update.stamp_us, (update.bids, update.asks), top);
    }

    /// The ticker begins with what it would say now; trades and candles with old ones, which clients decline.
    fn begin(&self, traded: &Traded, stream: &Stream, moment: &Moment, out: &mut String) {
        if stream.name.starts_with("ticker") {
            data::ticker(out, traded, "snapshot", moment);
        }
    }

    fn bbo(&self, traded: &Traded, _: &Stream, moment: &Moment, out: &mut String) {
        data::ticker(out, traded, "update", moment);
    }

    fn trades(&self, traded: &Traded, _: &Stream, moment: &Moment, trades: &[Trade], out: &mut String) {
        data::trades(out, traded, moment, trades);
    }

    fn ticker(&self, traded: &Traded, _: &Stream, moment: &Moment, out: &mut String) {
        data::ticker(out, traded, "update", moment);
    }

    fn candle(&self, traded: &Traded, _: &Stream, moment: &Moment, candle: &Candle, out: &mut String) {
        data::candle(out, traded, moment, candle);
    }

    fn heartbeat(&self, connection: &mut Connection, _: u64, out: &mut String) {
        if !connection.streams.is_empty() {
            connection.beats += 1;
            out.push_str(r#"{"channel":"heartbeat"}"#);
        }
    }

    fn resource(&self, target: &str) -> Resource {
        match target.split('?').next() {
            Some("/0/public/AssetPairs") => Resource::Instruments { weight: 1 },
            _ => Resource::Unknown,
        }
    }

    fn instruments_body(&self, _: u64, list: &[Traded]) -> String {
        let pairs = list.iter().map(|traded| (traded.symbol.replace('/', ""), pair(traded)));
        json!({ "error": [], "result": pairs.collect::<serde_json::Map<_, _>>() }).to_string()
    }

    fn error_body(&self, error: RestError) -> String {
        let text = match error {
            RestError::Illegal => "EGeneral:Invalid arguments",
            RestError::UnknownSymbol => "EQuery:Unknown asset pair",
            RestError::TooMany | RestError::Banned => "EGeneral:Too many requests",
            RestError::Region => "EGeneral:Permission denied",
            RestError::Internal => "EService:Unavailable",
        };
        json!({ "error": [text] }).to_string()
    }
}

fn best<T>(levels: &[T], depth: usize) -> &[T] {
    levels.get(..depth).unwrap_or(levels)
}

/// A pair of the list, which still calls two assets by their old names.
fn pair(traded: &Traded) -> serde_json::Value {
    let old = |asset: &str| match asset {
        "BTC" => "XBT".to_owned(),
        "DOGE" => "XDG".to_owned(),
        other => other.to_owned(),
    };
    let (base, quote) = traded.symbol.split_once('/').unwrap_or((&traded.symbol, ""));
    let mut tick = String::new();
    number(&mut tick, 1, traded.price_scale);
    json!({
        "altname": format!("{}{}", old(base), old(quote)),
        "wsname": format!("{}/{}", old(base), old(quote)),
        "aclass_base": "currency",
        "base": base,
        "aclass_quote": "currency",
        "quote": quote,
        "pair_decimals": traded.price_scale,
        "lot_decimals": traded.qty_scale,
        "lot_multiplier": 1,
        "tick_size": tick,
        "status": "online",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket greets with its status and lives on one path; a heartbeat comes only to who has subscribed.
    #[test]
    fn connections_begin_with_a_status() {
        assert!(Spot.open("/", 0).is_none());
        let mut opening = Spot.open("/v2", 0).unwrap();
        assert!(opening.hello[0].contains(r#""system":"online""#), "{:?}", opening.hello);
        let mut out = String::new();
        Spot.heartbeat(&mut opening.connection, 0, &mut out);
        assert_eq!(out, "");
        let stream = Stream { name: "trade:A/B".into(), symbol: "A/B".into(), channel: None, levels: 0 };
        opening.connection.streams.insert(stream.name.clone(), stream);
        Spot.heartbeat(&mut opening.connection, 0, &mut out);
        assert_eq!(out, r#"{"channel":"heartbeat"}"#);
    }

    /// The list writes the old names and both precisions.
    #[test]
    fn the_list_looks_as_documented() {
        let traded = Traded { symbol: "BTC/USD".into(), price_scale: 1, qty_scale: 8 };
        let list: serde_json::Value = serde_json::from_str(&Spot.instruments_body(0, &[traded])).unwrap();
        let pair = &list["result"]["BTCUSD"];
        assert_eq!(pair["wsname"], "XBT/USD");
        assert_eq!((&pair["tick_size"], &pair["pair_decimals"]), (&json!("0.1"), &json!(1)));
        assert_eq!(Spot.resource("/0/public/AssetPairs?x=1"), Resource::Instruments { weight: 1 });
        assert_eq!(Spot.resource("/0/public/Depth?pair=XBTUSD"), Resource::Unknown);
    }
}
