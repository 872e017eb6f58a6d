//! The venue's three products as [`exchange::Exchange`](crate::exchange::Exchange).

use std::fmt::Write;
use std::time::Duration;

use touchline_market::Trade;

use super::{DepthUpdate, Side, Writer, rest, socket};
use crate::binance::Product;
use crate::exchange::{
    Asked, Book, Connection, Exchange, Fate, Fields, Key, Moment, Opening, Request, Resource, RestError,
    Rules, Stream, Traded, Update,
};

/// Names of fields, raw and combined.
const FIELDS: Fields = Fields {
    needed: &["b", "a", "u", "U", "pu", "p", "q", "B", "bids", "asks", "lastUpdateId"],
    levels: &["b", "a", "bids", "asks"],
    qty: &["q", "B"],
    checksum: "",
};

impl Side {
    fn writer<'a>(&self, traded: &'a Traded) -> Writer<'a> {
        Writer::new(self.0, &traded.symbol, traded.price_scale, traded.qty_scale)
    }
}

fn depth_update<'a>(update: &Update<'a>) -> DepthUpdate<'a> {
    let Update { event_ms, first, last, previous, bids, asks, .. } = *update;
    DepthUpdate { event_ms, first, last, previous, bids, asks }
}

impl Exchange for Side {
    fn symbol(&self, coin: &str) -> Traded {
        let (symbol, price_scale, qty_scale) = match self.0 {
            Product::Spot => (format!("{coin}USDT"), 2, 5),
            Product::UsdM => (format!("{coin}USDT"), 1, 3),
            Product::CoinM => (format!("{coin}USD_PERP"), 1, 0),
        };
        Traded { symbol, price_scale, qty_scale }
    }

    /// The venue's limits: `web-socket-streams.md`; futures: "Connect".
    fn rules(&self) -> Rules {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let spot = Rules {
            sends_per_second: 5,
            request_bytes: usize::MAX,
            streams: 1_024,
            connects: 300,
            connect_window: minutes(5),
            weight_per_minute: 6_000,
            weight_header: Some("x-mbx-used-weight-1m"),
            ping_every: Some(Duration::from_secs(20)),
            pong_within: minutes(1),
            lifetime: Some(minutes(24 * 60)),
            subscribe_within: None,
            heartbeat: None,
            whole_requests: true,
            refuses_unknown: false,
            acknowledges_first: true,
            snapshots_in_stream: false,
            cuts: false,
            checksum_levels: 0,
            key: Key::Sequence,
            dense: true,
            trades_together: false,
            fields: FIELDS,
        };
        match self.0 {
            Product::Spot => spot,
            Product::UsdM | Product::CoinM => Rules {
                sends_per_second: 10,
                weight_per_minute: 2_400,
                ping_every: Some(minutes(3)),
                pong_within: minutes(10),
                dense: false,
                ..spot
            },
        }
    }

    fn open(&self, target: &str, _now_ms: u64) -> Option<Opening> {
        socket::open(self.0, target)
    }

    fn read(&self, connection: &mut Connection, text: &str, _now_ms: u64) -> Request {
        socket::read(self.0, connection, text)
    }

    fn answer(&self, _: &Connection, asked: &Asked, fates: &[Fate], _now_ms: u64, out: &mut Vec<String>) {
        out.push(socket::answer(asked, fates));
    }

    /// Events of a combined connection stand in their stream's name.
    fn seal(&self, connection: &mut Connection, stream: Option<&str>, text: &str, out: &mut String) {
        match stream.filter(|_| connection.wrapped) {
            Some(stream) => {
                for piece in [r#"{"stream":""#, stream, r#"","data":"#, text, "}"] {
                    out.push_str(piece);
                }
            }
            None => out.push_str(text),
        }
    }

    fn book_update(&self, traded: &Traded, _: &Stream, update: &Update<'_>, out: &mut String) {
        self.writer(traded).depth_event(out, &depth_update(update));
    }

    fn depth(&self, traded: &Traded, _: &Stream, update: &Update<'_>, out: &mut String) {
        self.writer(traded).partial_depth_event(out, &depth_update(update));
    }

    fn bbo(&self, traded: &Traded, _: &Stream, moment: &Moment, out: &mut String) {
        self.writer(traded).book_ticker_event(out, moment.event_ms, moment.sequence, &moment.best);
    }

    fn trades(&self, traded: &Traded, _: &Stream, moment: &Moment, trades: &[Trade], out: &mut String) {
        for trade in trades {
            self.writer(traded).trade_event(out, moment.event_ms, trade);
        }
    }

    fn ticker(&self, traded: &Traded, _: &Stream, moment: &Moment, out: &mut String) {
        self.writer(traded).ticker_event(out, moment.event_ms, &moment.statistics);
    }

    fn shutdown(&self, connection: &Connection, now_ms: u64, out: &mut String) {
        let event = format!(r#"{{"e":"serverShutdown","E":{now_ms}}}"#);
        let _ = if connection.wrapped {
            write!(out, r#"{{"stream":"!serverShutdown","data":{event}}}"#)
        } else {
            write!(out, "{event}")
        };
    }

    fn resource(&self, target: &str) -> Resource {
        rest::resource(self.0, target)
    }

    fn snapshot_body(&self, traded: &Traded, book: &Book<'_>, out: &mut String) {
        self.writer(traded).snapshot(out, book.sequence, book.event_ms, book.bids, book.asks);
    }

    fn instruments_body(&self, now_ms: u64, list: &[Traded]) -> String {
        rest::exchange_info(self.0, self.rules().weight_per_minute, now_ms, list)
    }

    fn error_body(&self, error: RestError) -> String {
        rest::error_body(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a combined connection an event stands in its stream's name, an answer does not; the notice names itself.
    #[test]
    fn events_are_wrapped_where_asked_for() {
        let sealed = |wrapped, stream| {
            let (mut connection, mut out) = (Connection { wrapped, ..Connection::default() }, String::new());
            Side(Product::Spot).seal(&mut connection, stream, "{}", &mut out);
            out
        };
        assert_eq!(sealed(true, Some("a@trade")), r#"{"stream":"a@trade","data":{}}"#);
        assert_eq!(sealed(true, None), "{}");
        assert_eq!(sealed(false, Some("a@trade")), "{}");
        let notice = |wrapped| {
            let (connection, mut out) = (Connection { wrapped, ..Connection::default() }, String::new());
            Side(Product::Spot).shutdown(&connection, 7, &mut out);
            out
        };
        assert_eq!(notice(false), r#"{"e":"serverShutdown","E":7}"#);
        let combined = r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":7}}"#;
        assert_eq!(notice(true), combined);
    }
}
