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

use touchline_market::{Channel, Checksum, Continuity, Instrument};

use crate::kraken::{Kraken, instruments};
use crate::{Access, InstrumentsError, Rest, Route, Texts, Venue};
use parse::Parser;

/// Kraken spot in the older protocol.
pub struct KrakenV1;

impl Venue for KrakenV1 {
    type Parser = Parser;

    const NAME: touchline_market::Venue = touchline_market::Venue::literal("kraken-v1");
    const TITLE: &'static str = "Kraken spot, older protocol";
    const DOCS: &'static str = "https://docs.kraken.com/api/docs/websocket-v1/book";
    /// The REST host serves the newer protocol too, so it says nothing.
    const HOSTS: &'static [&'static str] = &["ws.kraken.com", "ws-auth.kraken.com", "beta-ws.kraken.com"];
    const CHANNELS: &'static [Channel] =
        &[Channel::Book, Channel::Bbo, Channel::Trade, Channel::Ticker, Channel::Candle];
    const CONTINUITY: Continuity = Continuity::Unchecked;
    const CHECKSUM: Checksum = Checksum::DigitsOfTen;
    const ACCESS: Access =
        Access { routes: &[Route { path: "", channels: Self::CHANNELS }], ..Kraken::ACCESS };
    const TEXTS: Texts = Texts {
        stream: subscribe::stream,
        request: subscribe::request,
        reply: subscribe::reply,
        ..Kraken::TEXTS
    };

    fn parser() -> Parser {
        Parser::default()
    }

    fn rest_kind(url: &str) -> Rest<'_> {
        instruments::rest_kind(url)
    }

    fn instruments(body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError> {
        instruments::list(Self::NAME, str::to_owned, body)
    }

    fn provisional(symbol: &str) -> Instrument {
        instruments::named(Self::NAME, symbol)
    }
}
