//! The other side of the wire: what Coinbase Advanced Trade would send of a true book. Written from the protocol facts,
//! never from the parser, so that each checks the other.
//!
//! Texts are written without the connection's number; it is put in when they are sealed, directly before they leave, and
//! errors have none. A book message says no sequence of its market: its state is known by `timestamp`.

mod data;
mod rest;
mod socket;

use std::fmt::Write;
use std::time::Duration;

use touchline_market::{Candle, Trade};

use crate::exchange::{
    Asked, Book, Connection, Exchange, Fate, Fields, Heartbeat, Key, Moment, Opening, Request, Resource,
    RestError, Rules, Stream, Traded, Update,
};

/// Coinbase Advanced Trade.
#[derive(Clone, Copy, Debug)]
pub struct Advanced;

impl Exchange for Advanced {
    fn symbol(&self, coin: &str) -> Traded {
        Traded { symbol: format!("{coin}-USD"), price_scale: 2, qty_scale: 8 }
    }

    /// The venue's limits: `websocket-overview`, `websocket-rate-limits`, `rest-api-rate-limits`. In its recording the
    /// first data comes before the acknowledgement.
    fn rules(&self) -> Rules {
        Rules {
            sends_per_second: 8,
            request_bytes: usize::MAX,
            streams: usize::MAX,
            connects: 8,
            connect_window: Duration::from_secs(1),
            weight_per_minute: 600,
            weight_header: None,
            ping_every: None,
            pong_within: Duration::from_secs(60),
            lifetime: None,
            subscribe_within: Some(Duration::from_secs(5)),
            heartbeat: Some(Heartbeat { every: Duration::from_secs(1), when_quiet: false }),
            whole_requests: true,
            refuses_unknown: true,
            acknowledges_first: false,
            snapshots_in_stream: true,
            cuts: false,
            checksum_levels: 0,
            key: Key::Stamp,
            dense: true,
            trades_together: true,
            fields: Fields {
                needed: &[
                    "sequence_num",
                    "events",
                    "product_id",
                    "updates",
                    "side",
                    "price_level",
                    "new_quantity",
                ],
                levels: &["updates"],
                qty: &["new_quantity", "size"],
                checksum: "",
            },
        }
    }

    fn open(&self, target: &str, _: u64) -> Option<Opening> {
        let connection = Connection { path: target.to_owned(), ..Connection::default() };
        matches!(target, "" | "/").then(|| Opening { connection, ..Opening::default() })
    }

    fn read(&self, connection: &mut Connection, text: &str, _: u64) -> Request {
        socket::read(connection, text)
    }

    fn answer(&self, connection: &Connection, _: &Asked, fates: &[Fate], now_ms: u64, out: &mut Vec<String>) {
        out.push(match fates.iter().find(|fate| matches!(fate, Fate::UnknownSymbol | Fate::Invalid)) {
            Some(_) => socket::error("failed to subscribe"),
            None => socket::subscriptions(connection, now_ms),
        });
    }

    /// The number stands before the events.
    fn seal(&self, connection: &mut Connection, _: Option<&str>, text: &str, out: &mut String) {
        match text.split_once(r#","events":"#) {
            Some((envelope, events)) => {
                out.push_str(envelope);
                let _ = write!(out, r#","sequence_num":{},"events":"#, connection.count);
                out.push_str(events);
                connection.count += 1;
            }
            None => out.push_str(text),
        }
    }

    fn book_snapshot(&self, traded: &Traded, _: &Stream, book: &Book<'_>, out: &mut String) {
        data::book(out, traded, "snapshot", (book.event_ms, book.stamp_us), book.bids, book.asks);
    }

    fn book_update(&self, traded: &Traded, _: &Stream, update: &Update<'_>, out: &mut String) {
        data::book(out, traded, "update", (update.event_ms, update.stamp_us), update.bids, update.asks);
    }

    fn begin(&self, traded: &Traded, stream: &Stream, moment: &Moment, out: &mut String) {
        data::begin(out, traded, stream, moment);
    }

    fn trades(&self, traded: &Traded, _: &Stream, moment: &Moment, trades: &[Trade], out: &mut String) {
        data::trades(out, traded, "update", moment, trades);
    }

    fn ticker(&self, traded: &Traded, _: &Stream, moment: &Moment, out: &mut String) {
        data::ticker(out, traded, "update", moment);
    }

    fn candle(&self, traded: &Traded, _: &Stream, moment: &Moment, candle: &Candle, out: &mut String) {
        data::candle(out, traded, moment, candle);
    }

    fn heartbeat(&self, connection: &mut Connection, now_ms: u64, out: &mut String) {
        if connection.streams.contains_key(socket::HEARTBEATS) {
            connection.beats += 1;
            data::heartbeat(out, now_ms, connection.beats);
        }
    }

    fn resource(&self, target: &str) -> Resource {
        rest::resource(target)
    }

    fn instruments_body(&self, _: u64, list: &[Traded]) -> String {
        rest::products(list)
    }

    fn error_body(&self, error: RestError) -> String {
        rest::error_body(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every message of a connection gets the next number, heartbeats and acknowledgements too; an error gets none.
    #[test]
    fn messages_are_numbered_as_they_leave() {
        let mut connection = Connection::default();
        let mut sealed = |text: &str| {
            let mut out = String::new();
            Advanced.seal(&mut connection, None, text, &mut out);
            out
        };
        let text = r#"{"channel":"ticker","timestamp":"","events":[{"x":1}]}"#;
        let numbered =
            |number: u64| text.replace(",\"events", &format!(",\"sequence_num\":{number},\"events"));
        assert_eq!(sealed(text), numbered(0));
        assert_eq!(sealed(text), numbered(1));
        assert_eq!(sealed(&socket::error("x")), r#"{"type":"error","message":"x"}"#);
        assert_eq!(sealed(text), numbered(2));
    }

    /// Heartbeats come to whoever asked for them.
    #[test]
    fn heartbeats_are_asked_for() {
        let (mut connection, mut out) = (Connection::default(), String::new());
        Advanced.heartbeat(&mut connection, 1_000, &mut out);
        assert_eq!(out, "");
        let Request::Asked(asked) =
            socket::read(&connection, r#"{"type":"subscribe","channel":"heartbeats"}"#)
        else {
            panic!("not asked")
        };
        connection.streams.extend(asked.streams.into_iter().map(|stream| (stream.name.clone(), stream)));
        Advanced.heartbeat(&mut connection, 1_000, &mut out);
        let expected = r#"{"channel":"heartbeats","timestamp":"1970-01-01T00:00:01.000000Z","events":[{"current_time":"1970-01-01 00:00:01.000000 +0000 UTC","heartbeat_counter":1}]}"#;
        assert_eq!(out, expected);
    }
}
