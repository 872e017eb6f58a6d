//! Kraken spot, WebSocket v1: arrays instead of objects. Frozen, still served; for recordings of it. What is new to it
//! belongs to [`kraken`](crate::kraken).
//!
//! Documentation: <https://docs.kraken.com/api/docs/websocket-v1/book> (read as of 2026-07).
//!
//! * Symbols are the list's `wsname`: `XBT/USD`. Names say `BTC` and `DOGE`, as those of the newer protocol do.
//! * Book: snapshot in the stream, checksum over the best ten levels behind every update (not behind snapshots, nor in
//!   recordings of 2019), levels that fall out of the subscribed depth are not deleted. The depth stands in the
//!   channel's name.
//! * A message that changes both sides comes in two parts in one frame: it is one message.
//! * Each level has a stamp: the newest is the message's. A level marked `r` is sent again because it comes back into
//!   the depth; its stamp is an old one.
//! * Trades have no number; `spread` is the best bid and offer.

mod book;
mod channels;
mod parse;
mod subscribe;

use touchline_market::{Channel, Checksum, Continuity, Crossing, Instrument, Sink};

use crate::kraken::{instruments, subscribe as current};
use crate::{
    Access, InstrumentsError, Listing, ParseError, Parsed, Rejected, Rest, Route, Snapshots, Texts, Venue,
};

/// A connection to Kraken spot in the older protocol.
#[derive(Default)]
pub struct KrakenV1(parse::Parser);

impl std::fmt::Debug for KrakenV1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KrakenV1").finish_non_exhaustive()
    }
}

impl Venue for KrakenV1 {
    const NAME: touchline_market::Venue = touchline_market::Venue::literal("kraken-v1");
    const TITLE: &'static str = "Kraken spot, older protocol";
    const DOCS: &'static str = "https://docs.kraken.com/api/docs/websocket-v1/book";
    /// The REST host serves the newer protocol too, so it says nothing.
    const HOSTS: &'static [&'static str] = &["ws.kraken.com", "ws-auth.kraken.com", "beta-ws.kraken.com"];
    const CHANNELS: &'static [Channel] =
        &[Channel::Book, Channel::Bbo, Channel::Trade, Channel::Ticker, Channel::Candle];
    const CONTINUITY: Continuity = Continuity::Unchecked;
    const CROSSING: Crossing = Crossing::Judged;
    const CHECKSUM: Checksum = Checksum::DigitsOfTen;
    const ACCESS: Access = Access {
        ws: "wss://ws.kraken.com",
        rest: "https://api.kraken.com",
        routes: &[Route { path: "", channels: Self::CHANNELS }],
        limits: current::LIMITS,
    };
    const TEXTS: Texts = Texts {
        hello: Vec::new,
        stream: subscribe::stream,
        together: current::together,
        request: subscribe::request,
        reply: subscribe::reply,
        snapshots: Snapshots::Stream,
        instruments: instruments::request,
    };

    fn connected(&mut self, _: &str) {
        self.0.connected();
    }

    fn frame<S: Sink>(
        &mut self,
        frame: &[u8],
        listing: &mut Listing,
        sink: &mut S,
    ) -> Result<Parsed, Rejected> {
        self.0.frame(frame, listing, sink)
    }

    fn rest_kind(url: &str) -> Rest<'_> {
        instruments::rest_kind(url)
    }

    /// The stream brings its own.
    fn snapshot<S: Sink>(
        &mut self,
        _: &str,
        _: &[u8],
        _: &mut Listing,
        _: &mut S,
    ) -> Result<Parsed, Rejected> {
        Err(ParseError::Shape.into())
    }

    fn instruments(body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError> {
        instruments::list(Self::NAME, str::to_owned, body)
    }

    fn provisional(symbol: &str) -> Instrument {
        instruments::named(Self::NAME, symbol)
    }
}
