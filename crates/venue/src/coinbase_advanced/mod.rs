//! Coinbase Advanced Trade: the spot products (and the dated futures that its list names) of Coinbase, in the protocol
//! of 2022 and later. The older Exchange feed (`ws-feed.exchange.coinbase.com`) is another protocol.
//!
//! Documentation: <https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-overview> and
//! `websocket-channels` beside it (read as of 2026-09).
//!
//! * Every frame is `{"channel","timestamp","sequence_num","events":[…]}`. `sequence_num` counts all messages of the
//!   connection from 0, acknowledgements and heartbeats too (`counter.rs`). It is the only integrity check.
//! * Book: channel `level2`, whose data comes as `l2_data`. The stream begins with a snapshot of all levels (5 MB of
//!   text for BTC-USD), then brings absolute quantities; zero removes. One event is one product's, and one update; a
//!   frame may hold several. The sequence of a book message is the frame's `sequence_num`.
//! * Trades: collected over 250 ms, newest first in a frame; they go on oldest first. `side` is the *maker's*: in the
//!   recording of 2026-08-09, 36 of the 37 trades told as `SELL` printed at or above the book's best offer and 14 of
//!   the 19 told as `BUY` at or below its best bid, no trade the other way round. The trades of before the subscription
//!   (an event of type `snapshot`) are not passed on: nobody could tell them from new ones after a reconnect.
//! * Ticker: statistics of 24 hours without an opening price and without the last quantity: both are 0. Its best bid
//!   and offer are not offered as a channel: the stream would be shared with the ticker's, and the book holds them.
//! * Candles: 300 s each. After a subscription those of the last hours come, oldest first; each names its span, so one
//!   that is known already is simply replaced.
//! * `-USDC` products are other names for the `-USD` ones: data comes under the latter only. The list says so
//!   (`alias`), and they are left out of it.
//! * A heartbeat a second is asked for at once, since a channel without traffic is closed after 60 to 90 s, and a
//!   connection that asks for nothing after 5 s.
//!
//! What cannot be detected here: a level that the venue sends wrong (there is no checksum), updates that were lost
//! inside the venue before its connection counted them, and an unknown symbol where the venue answers with silence.
//! A wrong book shows only if it crosses.

mod book;
mod channels;
mod counter;
mod instruments;
mod parse;
mod subscribe;

#[cfg(feature = "simulator")]
pub mod exchange;

use touchline_market::{Channel, Continuity, Instrument, InstrumentKind};

use crate::venue::path;
use crate::{Access, InstrumentsError, Rest, Route, Snapshots, Texts, Venue};
use parse::Parser;

/// Coinbase Advanced Trade.
pub struct CoinbaseAdvanced;

impl Venue for CoinbaseAdvanced {
    type Parser = Parser;

    const NAME: touchline_market::Venue = touchline_market::Venue::literal("coinbase-advanced");
    const TITLE: &'static str = "Coinbase Advanced Trade";
    const DOCS: &'static str =
        "https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-overview";
    const HOSTS: &'static [&'static str] = &["advanced-trade-ws.coinbase.com", "api.coinbase.com"];
    const CHANNELS: &'static [Channel] =
        &[Channel::Book, Channel::Trade, Channel::Ticker, Channel::Candle, Channel::Status];
    const CONTINUITY: Continuity = Continuity::Connection;
    const ACCESS: Access = Access {
        ws: "wss://advanced-trade-ws.coinbase.com",
        rest: "https://api.coinbase.com",
        routes: &[Route { path: "/", channels: Self::CHANNELS }],
        limits: subscribe::LIMITS,
    };
    const TEXTS: Texts = Texts {
        hello: subscribe::hello,
        stream: subscribe::stream,
        together: subscribe::together,
        request: subscribe::request,
        reply: subscribe::reply,
        snapshots: Snapshots::Stream,
        instruments: subscribe::instruments,
    };

    fn parser() -> Parser {
        Parser::default()
    }

    fn rest_kind(url: &str) -> Rest<'_> {
        if path(url).ends_with("/brokerage/market/products") { Rest::Instruments } else { Rest::Other }
    }

    fn instruments(body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError> {
        instruments::list(Self::NAME, body)
    }

    /// `BTC-USD` is its own name.
    fn provisional(symbol: &str) -> Instrument {
        let (base, quote) = symbol.split_once('-').unwrap_or((symbol, ""));
        Instrument {
            base: base.to_owned(),
            quote: quote.to_owned(),
            ..Instrument::provisional(Self::NAME, symbol, symbol, InstrumentKind::Spot)
        }
    }

    #[cfg(feature = "simulator")]
    fn exchange() -> Option<Box<dyn crate::exchange::Exchange>> {
        Some(Box::new(exchange::Advanced))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// REST responses are told apart by their path.
    #[test]
    fn rest_responses_are_known_by_their_path() {
        let products = "https://api.coinbase.com/api/v3/brokerage/market/products?limit=5";
        assert_eq!(CoinbaseAdvanced::rest_kind(products), Rest::Instruments);
        let book = "https://api.coinbase.com/api/v3/brokerage/market/product_book?product_id=BTC-USD";
        assert_eq!(CoinbaseAdvanced::rest_kind(book), Rest::Other);
    }
}
