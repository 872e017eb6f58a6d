//! `markets`, and the older `trading-pairs-info`: the list of markets.
//!
//! ```text
//! {"name":"BTC/USD","market_symbol":"btcusd","base_currency":"BTC","base_decimals":8,"counter_currency":"USD","counter_decimals":0,"trading":"Enabled","market_type":"SPOT"}
//! {"name":"BTC/USD","url_symbol":"btcusd","base_decimals":8,"counter_decimals":2,"trading":"Enabled"}
//! ```
//!
//! The name of a perpetual ends with `-PERP`, its symbol with `-perp`.

use serde::Deserialize;
use touchline_market::{Instrument, InstrumentKind, InstrumentStatus, Price, Qty, SCALE_MAX, Venue};

use crate::{InstrumentsError, RestRequest};

#[derive(Deserialize)]
struct Market {
    name: String,
    market_symbol: Option<String>,
    /// The older list's word.
    url_symbol: Option<String>,
    base_decimals: u8,
    counter_decimals: u8,
    trading: Option<String>,
}

/// The instruments of a list. An entry that cannot be used is left out: it is then learned from its data like one that
/// is not listed.
pub(super) fn list(venue: Venue, body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError> {
    let markets: Vec<serde_json::Value> =
        serde_json::from_slice(body).map_err(|error| InstrumentsError(error.to_string()))?;
    if markets.is_empty() {
        return Err(InstrumentsError("no markets in it".to_owned()));
    }
    let markets = markets.into_iter().filter_map(|market| serde_json::from_value(market).ok());
    Ok(markets.filter_map(|market| instrument(venue, market)).collect())
}

fn instrument(venue: Venue, market: Market) -> Option<Instrument> {
    let symbol = market.market_symbol.or(market.url_symbol).filter(|symbol| !symbol.is_empty())?;
    let (base, quote) = market.name.split_once('/')?;
    let quote = quote.strip_suffix("-PERP").unwrap_or(quote);
    if market.counter_decimals > SCALE_MAX || market.base_decimals > SCALE_MAX {
        return None;
    }
    Some(Instrument {
        price_scale: market.counter_decimals,
        qty_scale: market.base_decimals,
        tick_size: Some(Price(1)),
        lot_size: Some(Qty(1)),
        status: match market.trading.as_deref() {
            Some("Enabled") => InstrumentStatus::Trading,
            Some("Disabled") => InstrumentStatus::Halted,
            _ => InstrumentStatus::Unknown,
        },
        provisional: false,
        ..named(venue, &symbol, base, quote)
    })
}

/// An instrument of these two assets.
fn named(venue: Venue, symbol: &str, base: &str, quote: &str) -> Instrument {
    let (kind, end) = match symbol.ends_with("-perp") {
        true => (InstrumentKind::Perpetual, "-PERP"),
        false => (InstrumentKind::Spot, ""),
    };
    let name = if quote.is_empty() { format!("{base}{end}") } else { format!("{base}-{quote}{end}") };
    Instrument {
        base: base.to_owned(),
        quote: quote.to_owned(),
        ..Instrument::provisional(venue, symbol, &name, kind)
    }
}

/// Assets that prices are quoted in, the longer before the shorter that ends it.
const QUOTES: [&str; 9] = ["USDT", "USDC", "PYUSD", "USD", "EUR", "GBP", "PAX", "BTC", "ETH"];

/// `btcusd` is guessed to be `BTC-USD`, `btcusd-perp` to be `BTC-USD-PERP`.
pub(super) fn provisional(venue: Venue, symbol: &str) -> Instrument {
    let pair = symbol.strip_suffix("-perp").unwrap_or(symbol).to_ascii_uppercase();
    let split = QUOTES.iter().find_map(|quote| pair.strip_suffix(quote).map(|base| (base, *quote)));
    let (base, quote) = split.filter(|(base, _)| !base.is_empty()).unwrap_or((&pair, ""));
    named(venue, symbol, base, quote)
}

/// The request for the list.
pub(super) fn request() -> RestRequest {
    RestRequest { path: "/api/v2/markets/".to_owned(), weight: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VENUE: Venue = Venue::literal("test");

    /// Both forms of the list, and entries that cannot be used left out.
    #[test]
    fn both_lists_are_read() {
        let body = r#"[
            {"trading": "Enabled", "base_decimals": 8, "url_symbol": "btcusd", "name": "BTC/USD", "minimum_order": "20.0 USD", "counter_decimals": 2, "description": "Bitcoin / U.S. dollar"},
            {"name":"ETH/BTC","market_symbol":"ethbtc","base_currency":"ETH","base_decimals":8,"counter_currency":"BTC","counter_decimals":7,"trading":"Disabled","market_type":"SPOT"},
            {"name":"BTC/USD-PERP","market_symbol":"btcusd-perp","base_currency":"BTC","base_decimals":5,"counter_currency":"USD","counter_decimals":0,"trading":"Enabled","market_type":"PERPETUAL","contract_size":"1.00000000"},
            {"name":"NO/SYMBOL","base_decimals":8,"counter_decimals":2},
            {"name":"NOPAIR","market_symbol":"nopair","base_decimals":8,"counter_decimals":2},
            {"name":"FINE/USD","market_symbol":"fineusd","base_decimals":8,"counter_decimals":19},
            {"name":"ODD/USD","market_symbol":"oddusd","base_decimals":"8","counter_decimals":2}]"#;
        let list = list(VENUE, body.as_bytes()).unwrap();
        let read: Vec<_> = list
            .iter()
            .map(|each| {
                (each.symbol.as_str(), each.name.as_str(), each.kind, each.price_scale, each.qty_scale)
            })
            .collect();
        assert_eq!(
            read,
            [
                ("btcusd", "BTC-USD", InstrumentKind::Spot, 2, 8),
                ("ethbtc", "ETH-BTC", InstrumentKind::Spot, 7, 8),
                ("btcusd-perp", "BTC-USD-PERP", InstrumentKind::Perpetual, 0, 5),
            ]
        );
        let statuses: Vec<_> = list.iter().map(|each| each.status).collect();
        use InstrumentStatus::{Halted, Trading};
        assert_eq!(statuses, [Trading, Halted, Trading]);
        assert!(list.iter().all(|each| !each.provisional && each.tick_size == Some(Price(1))));
        assert_eq!((list[2].base.as_str(), list[2].quote.as_str()), ("BTC", "USD"));
    }

    /// A body that is no list says so.
    #[test]
    fn other_bodies_are_errors() {
        for body in ["", "{}", "[]", "<html>", r#"{"status":"error","reason":"x","code":"400.002"}"#] {
            assert!(list(VENUE, body.as_bytes()).is_err(), "{body}");
        }
    }

    /// Symbols without the list get guessed names.
    #[test]
    fn provisional_names_are_guessed_from_the_symbol() {
        for (symbol, name) in [
            ("btcusd", "BTC-USD"),
            ("usdteur", "USDT-EUR"),
            ("btcusdt", "BTC-USDT"),
            ("btcusd-perp", "BTC-USD-PERP"),
            ("usd", "USD"),
            ("xyz-perp", "XYZ-PERP"),
        ] {
            assert_eq!(provisional(VENUE, symbol).name, name);
        }
    }
}
