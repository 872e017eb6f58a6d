//! Binance USD-M futures: perpetuals and quarterlies settled in a dollar coin.
//!
//! Documentation: <https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams>
//! (with the change notice of 2026-03-06: `/public` and `/market` paths).
//!
//! What differs from spot:
//! * Book messages name the message they follow (`pu`); ids jump, so `U` says nothing about gaps.
//! * Partial depth (`@depth5|10|20`) has the fields of a diff message: only the stream's name tells them apart.
//! * `trade` says in `X` whether the print is from the book: `MARKET` is, `INSURANCE_FUND`, `ADL` and `NA` are not.
//! * Since 2026-06-30 messages say `st`: 1 for this product, 2 for COIN-M; the `!...@arr` streams carry both.
//! * Stamps: `E` is when the gateway sent, `T` when the engine matched. `ts_event` is `T`, or `E` without it.

use touchline_market::{Channel, Continuity, Instrument, InstrumentKind};

use crate::binance::subscribe;
use crate::binance::{Parser, Product, asset_split, list, rest_kind};
use crate::{Access, InstrumentsError, Rest, Route, Texts, Venue};

/// The venue's rules for a local book, by their numbers there:
///
/// 1. Open the diff stream, buffer.
/// 2. Get the snapshot: `GET /fapi/v1/depth?symbol=BTCUSDT&limit=1000`.
/// 3. Drop events with `u` < `lastUpdateId`.
/// 4. The first event applied has `U` <= `lastUpdateId` <= `u`; live streams may also continue the snapshot with
///    `pu` == `lastUpdateId`.
/// 5. Each event's `pu` equals the `u` before it; otherwise begin anew.
///
/// That is [`Continuity::Predecessor`] with `previous` = `pu`.
pub const CONTINUITY_RULES: Continuity = Continuity::Predecessor;

/// Binance USD-M futures.
pub struct BinanceUsdm;

impl Venue for BinanceUsdm {
    type Parser = Parser;

    const NAME: touchline_market::Venue = touchline_market::Venue::literal("binance-usdm");
    const TITLE: &'static str = "Binance USD-M futures";
    const DOCS: &'static str =
        "https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams";
    const HOSTS: &'static [&'static str] =
        &["fstream.binance.com", "fapi.binance.com", "fstream.binancefuture.com"];
    const CHANNELS: &'static [Channel] =
        &[Channel::Book, Channel::Depth, Channel::Bbo, Channel::Trade, Channel::Ticker];
    const CONTINUITY: Continuity = CONTINUITY_RULES;
    const ACCESS: Access = Access {
        ws: "wss://fstream.binance.com",
        rest: "https://fapi.binance.com",
        routes: &[
            Route {
                path: "/public/stream",
                channels: &[Channel::Book, Channel::Depth, Channel::Bbo, Channel::Trade],
            },
            Route { path: "/market/stream", channels: &[Channel::Ticker] },
        ],
        limits: subscribe::FUTURES_LIMITS,
    };
    const TEXTS: Texts = subscribe::USDM_TEXTS;

    fn parser() -> Parser {
        Parser::new(Product::UsdM)
    }

    fn rest_kind(url: &str) -> Rest<'_> {
        rest_kind(url)
    }

    fn instruments(body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError> {
        list(Self::NAME, Product::UsdM, body)
    }

    fn provisional(symbol: &str) -> Instrument {
        provisional(Self::NAME, symbol)
    }

    #[cfg(feature = "simulator")]
    fn exchange() -> Option<Box<dyn crate::exchange::Exchange>> {
        Some(Box::new(crate::binance::exchange::Side(Product::UsdM)))
    }
}

/// `BTCUSDT` and `BTCUSD_PERP` are guessed to be perpetuals, `BTCUSDT_260925` a future of 2026-09-25.
pub(crate) fn provisional(venue: touchline_market::Venue, symbol: &str) -> Instrument {
    let (pair, term) = symbol.split_once('_').unwrap_or((symbol, "PERP"));
    let (base, quote) = asset_split(pair);
    let dated = term.len() == 6 && term.bytes().all(|byte| byte.is_ascii_digit());
    let kind = if dated { InstrumentKind::Future } else { InstrumentKind::Perpetual };
    let name = match (quote.is_empty(), dated) {
        (true, _) => symbol.to_owned(),
        (false, true) => format!("{base}-{quote}-20{term}"),
        (false, false) => format!("{base}-{quote}-PERP"),
    };
    Instrument {
        base: base.to_owned(),
        quote: quote.to_owned(),
        ..Instrument::provisional(venue, symbol, &name, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names are guessed from the symbol when the venue's list is not there.
    #[test]
    fn provisional_names_are_guessed_from_the_symbol() {
        for (symbol, name) in [
            ("BTCUSDT", "BTC-USDT-PERP"),
            ("BTCUSDT_260925", "BTC-USDT-20260925"),
            ("BTCUSD_PERP", "BTC-USD-PERP"),
            ("BCHUSD_210924", "BCH-USD-20210924"),
        ] {
            assert_eq!(BinanceUsdm::provisional(symbol).name, name);
        }
    }
}
