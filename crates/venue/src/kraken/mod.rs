//! Kraken spot, WebSocket v2.
//!
//! Documentation: <https://docs.kraken.com/exchange/api-reference/spot-websocket> and
//! <https://docs.kraken.com/exchange/guides/websockets/book-checksum-v2.md> (read as of 2026-07).
//!
//! * Book: the stream begins with a snapshot. There is no counter: the checksum over the best ten levels a side, on
//!   every message, is the only check, and a message lost whose levels lie deeper goes unnoticed until one of them comes
//!   up. `Head::sequence` is the newest stamp in microseconds, which only grows.
//! * A book is kept at the subscribed depth (10, 25, 100, 500 or 1,000): levels that fall out of it are not deleted by
//!   the venue, so every message cuts the book. The depth is the one that the connection acknowledged; a recording that
//!   begins later shows it by the levels of its snapshot.
//! * Numbers are bare, and their trailing zeros count in the checksum; the decimals are learned from each book's own
//!   messages, anew with each snapshot.
//! * One frame may hold several symbols or trades: all of it is taken or none.
//! * `ticker` is two channels: sent on every change of the best prices it serves [`Channel::Bbo`], sent on every trade
//!   it serves [`Channel::Ticker`]. The messages look alike, so the two have connections of their own. They say neither
//!   the first price of the day nor the last quantity: both are 0 here. Zero stands for a value that does not exist
//!   (a side without orders, a pair that never traded).
//! * Trades and candles before the subscription are not asked for, and ignored where they come.
//! * [`Channel::Status`] is the `instrument` channel, which comes for all pairs at once; what it says of a pair's
//!   precision widens the scales of a listed one.
//! * Single orders (`level3`) need a token and a host of their own: they are read, and not among the channels.

mod book;
pub(crate) mod channels;
pub(crate) mod instruments;
mod orders;
mod parse;
pub(crate) mod standing;
pub(crate) mod subscribe;
pub(crate) mod unheard;

#[cfg(feature = "simulator")]
pub mod exchange;

use touchline_market::{Channel, Checksum, Continuity, Instrument};

use crate::{Access, InstrumentsError, Rest, Route, Snapshots, Texts, Venue};
use parse::Parser;

/// Kraken spot.
pub struct Kraken;

impl Venue for Kraken {
    type Parser = Parser;

    const NAME: touchline_market::Venue = touchline_market::Venue::literal("kraken");
    const TITLE: &'static str = "Kraken spot";
    const DOCS: &'static str = "https://docs.kraken.com/exchange/api-reference/spot-websocket";
    /// The REST host serves the older protocol too, so it says nothing.
    const HOSTS: &'static [&'static str] =
        &["ws.kraken.com/v2", "ws-auth.kraken.com/v2", "ws-l3.kraken.com/v2", "beta-ws.kraken.com/v2"];
    const CHANNELS: &'static [Channel] =
        &[Channel::Book, Channel::Bbo, Channel::Trade, Channel::Ticker, Channel::Candle, Channel::Status];
    const CONTINUITY: Continuity = Continuity::Unchecked;
    const CHECKSUM: Checksum = Checksum::DigitsOfTen;
    const ACCESS: Access = Access {
        ws: "wss://ws.kraken.com",
        rest: "https://api.kraken.com",
        routes: &[
            Route {
                path: "/v2",
                channels: &[Channel::Book, Channel::Trade, Channel::Ticker, Channel::Candle, Channel::Status],
            },
            Route { path: "/v2", channels: &[Channel::Bbo] },
        ],
        limits: subscribe::LIMITS,
    };
    const TEXTS: Texts = Texts {
        hello: Vec::new,
        stream: subscribe::stream,
        together: subscribe::together,
        request: subscribe::request,
        reply: subscribe::reply,
        snapshots: Snapshots::Stream,
        instruments: instruments::request,
    };

    fn parser() -> Parser {
        Parser::default()
    }

    fn rest_kind(url: &str) -> Rest<'_> {
        instruments::rest_kind(url)
    }

    fn instruments(body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError> {
        instruments::list(Self::NAME, instruments::current_symbol, body)
    }

    fn provisional(symbol: &str) -> Instrument {
        instruments::named(Self::NAME, symbol)
    }

    #[cfg(feature = "simulator")]
    fn exchange() -> Option<Box<dyn crate::exchange::Exchange>> {
        Some(Box::new(exchange::Spot))
    }
}
