//! Binance spot, and the exchanges that speak its protocol at hosts of their own (Binance.US, Binance TR).
//!
//! Documentation: <https://github.com/binance/binance-spot-api-docs> (`web-socket-streams.md`, `rest-api.md`; read as
//! of 2026-07-17).
//!
//! * Book: REST snapshot joined with the diff stream, see [`continuity`](self::CONTINUITY_RULES). No checksum: the
//!   chain of update ids is the only integrity check. A level changed outside the snapshot's range (5,000 levels at
//!   most) is known from then on; what never changed there stays unknown.
//! * `bookTicker` has no stamp in its JSON form; partial depth has no symbol: it is read from the stream's name, so
//!   use combined streams (`/stream`) or one raw stream per connection.
//! * A wrong stream name is acknowledged like a right one and stays silent.
//! * Numbers are padded with zeros to eight decimals; the tick comes from `exchangeInfo`.
//! * An order older than a change of tick or lot keeps its finer step, so a snapshot can hold numbers finer than the
//!   list says, and the scales widen for them; the futures do the same.

mod fields;
mod instruments;
mod lesson;
mod parse;
pub(crate) mod subscribe;
pub(crate) mod wire;

#[cfg(feature = "simulator")]
pub mod exchange;

pub(crate) use instruments::{asset_split, list};
pub(crate) use parse::{Parser, Product};

use touchline_market::{Channel, Continuity, Instrument, InstrumentKind};

use crate::venue::{path, query};
use crate::{Access, InstrumentsError, Rest, Route, Texts, Venue};

/// The venue's rules for a local book (wording of 2025-11-12), by their numbers there:
///
/// 1. Open the diff stream, buffer, note the first `U`.
/// 2. Get the snapshot: `GET /api/v3/depth?symbol=BNBBTC&limit=5000`.
/// 3. If `lastUpdateId` < first `U`, get it again.
/// 4. Drop buffered events with `u` <= `lastUpdateId`; the first kept has `U` <= `lastUpdateId` + 1 <= `u`.
/// 5. Afterwards: `u` < the book's id: ignore; `U` > the book's id + 1: events were lost, begin anew.
///
/// That is [`Continuity::Range`] with `previous` = `U` - 1.
pub const CONTINUITY_RULES: Continuity = Continuity::Range;

/// Binance spot.
pub struct Binance;

impl Venue for Binance {
    type Parser = Parser;

    const NAME: touchline_market::Venue = touchline_market::Venue::literal("binance");
    const TITLE: &'static str = "Binance spot";
    const DOCS: &'static str = "https://github.com/binance/binance-spot-api-docs";
    const HOSTS: &'static [&'static str] = &[
        "stream.binance.com",
        "api.binance.com",
        "data-stream.binance.vision",
        "data-api.binance.vision",
        "stream.binance.us",
        "api.binance.us",
        "stream-cloud.trbinance.com",
        "api.binance.me",
    ];
    const CHANNELS: &'static [Channel] =
        &[Channel::Book, Channel::Depth, Channel::Bbo, Channel::Trade, Channel::Ticker];
    const CONTINUITY: Continuity = CONTINUITY_RULES;
    const ACCESS: Access = Access {
        ws: "wss://stream.binance.com:9443",
        rest: "https://api.binance.com",
        routes: &[Route { path: "/stream", channels: Self::CHANNELS }],
        limits: subscribe::SPOT_LIMITS,
    };
    const TEXTS: Texts = subscribe::SPOT_TEXTS;

    fn parser() -> Parser {
        Parser::new(Product::Spot)
    }

    fn rest_kind(url: &str) -> Rest<'_> {
        rest_kind(url)
    }

    fn instruments(body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError> {
        list(Self::NAME, Product::Spot, body)
    }

    /// `BTCUSDT` is guessed to be `BTC-USDT`.
    fn provisional(symbol: &str) -> Instrument {
        let (base, quote) = asset_split(symbol);
        let name = if quote.is_empty() { symbol.to_owned() } else { format!("{base}-{quote}") };
        Instrument {
            base: base.to_owned(),
            quote: quote.to_owned(),
            ..Instrument::provisional(Self::NAME, symbol, &name, InstrumentKind::Spot)
        }
    }

    #[cfg(feature = "simulator")]
    fn exchange() -> Option<Box<dyn crate::exchange::Exchange>> {
        Some(Box::new(exchange::Side(Product::Spot)))
    }
}

/// All Binance products have the same two paths, under different roots.
pub(crate) fn rest_kind(url: &str) -> Rest<'_> {
    let path = path(url);
    if path.ends_with("/exchangeInfo") {
        Rest::Instruments
    } else if path.ends_with("/depth") {
        query(url, "symbol").map_or(Rest::Other, |symbol| Rest::Snapshot { symbol })
    } else {
        Rest::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// REST responses are told apart by their path, whatever the host.
    #[test]
    fn rest_responses_are_known_by_their_path() {
        let url = "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000";
        assert_eq!(Binance::rest_kind(url), Rest::Snapshot { symbol: "BTCUSDT" });
        assert_eq!(Binance::rest_kind("https://api.binance.us/api/v3/exchangeInfo"), Rest::Instruments);
        assert_eq!(Binance::rest_kind("https://api.binance.com/api/v3/klines?symbol=BTCUSDT"), Rest::Other);
    }

    /// A symbol without the venue's list gets a guessed name.
    #[test]
    fn provisional_names_are_guessed_from_the_symbol() {
        assert_eq!(Binance::provisional("BTCUSDT").name, "BTC-USDT");
        assert_eq!(Binance::provisional("BLZETH").name, "BLZ-ETH");
        assert_eq!(Binance::provisional("XYZ").name, "XYZ");
    }
}
