//! `exchangeInfo`: the instruments of all three products, which differ in a few fields only.
//!
//! Tick and lot come from the filters `PRICE_FILTER.tickSize` and `LOT_SIZE.stepSize`; the `...Precision` fields are
//! wider than what is traded and are not used.

use serde::Deserialize;
use touchline_json::decimal;
use touchline_market::{
    Contract, Decimal, Instrument, InstrumentKind, InstrumentStatus, Nanos, Price, Qty, Venue,
};

use super::Product;
use crate::InstrumentsError;
use crate::stamp::date;

#[derive(Deserialize)]
struct ExchangeInfo {
    /// Read one by one: an entry of an unexpected shape must not take the others with it.
    symbols: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Symbol {
    symbol: String,
    base_asset: String,
    quote_asset: String,
    #[serde(default)]
    margin_asset: String,
    // Spot and USD-M say `status`, COIN-M says `contractStatus`.
    #[serde(default)]
    status: String,
    #[serde(default)]
    contract_status: String,
    #[serde(default)]
    contract_type: String,
    #[serde(default)]
    delivery_date: u64,
    #[serde(default)]
    contract_size: Option<u64>,
    #[serde(default)]
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    filter_type: String,
    #[serde(default)]
    tick_size: Option<String>,
    #[serde(default)]
    step_size: Option<String>,
}

/// The instruments of an `exchangeInfo` body. A symbol without usable tick and lot is left out: it is then learned
/// from its data like one that is not listed. So is an entry that cannot be read.
pub(crate) fn list(venue: Venue, product: Product, body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError> {
    let info: ExchangeInfo =
        serde_json::from_slice(body).map_err(|error| InstrumentsError(error.to_string()))?;
    let symbols = info.symbols.into_iter().filter_map(|symbol| serde_json::from_value(symbol).ok());
    Ok(symbols.filter_map(|symbol| instrument(venue, product, symbol)).collect())
}

fn instrument(venue: Venue, product: Product, symbol: Symbol) -> Option<Instrument> {
    let filter = |kind: &str| symbol.filters.iter().find(|filter| filter.filter_type == kind);
    let tick = filter("PRICE_FILTER")?.tick_size.as_deref()?.as_bytes();
    let lot = filter("LOT_SIZE")?.step_size.as_deref()?.as_bytes();
    let (price_scale, qty_scale) = (decimal::scale_of(tick).ok()?, decimal::scale_of(lot).ok()?);
    let tick_size = decimal::price(tick, price_scale).ok().filter(|&tick| tick > 0)?;
    let lot_size = decimal::quantity(lot, qty_scale).ok().filter(|&lot| lot > 0)?;
    let (kind, expiry) = match product {
        Product::Spot => (InstrumentKind::Spot, None),
        Product::UsdM | Product::CoinM if symbol.contract_type.contains("PERPETUAL") => {
            (InstrumentKind::Perpetual, None)
        }
        Product::UsdM | Product::CoinM => {
            (InstrumentKind::Future, Some(Nanos::from_millis(symbol.delivery_date)))
        }
    };
    let pair = format!("{}-{}", symbol.base_asset, symbol.quote_asset);
    let name = match (kind, expiry) {
        (InstrumentKind::Perpetual, _) => format!("{pair}-PERP"),
        (_, Some(expiry)) => format!("{pair}-{}", date_of(expiry)),
        _ => pair,
    };
    Some(Instrument {
        venue,
        name,
        kind,
        settle: symbol.margin_asset,
        price_scale,
        qty_scale,
        tick_size: Some(Price(tick_size)),
        lot_size: Some(Qty(lot_size)),
        contract: symbol.contract_size.map(|size| Contract {
            size: Decimal { mantissa: i128::from(size), scale: 0 },
            unit: symbol.quote_asset.clone(),
        }),
        expiry,
        strike: None,
        status: match (symbol.status.as_str(), symbol.contract_status.as_str()) {
            ("TRADING", _) | ("", "TRADING") => InstrumentStatus::Trading,
            ("", "") => InstrumentStatus::Unknown,
            _ => InstrumentStatus::Halted,
        },
        provisional: false,
        symbol: symbol.symbol,
        base: symbol.base_asset,
        quote: symbol.quote_asset,
    })
}

/// `YYYYMMDD` of a stamp, UTC.
fn date_of(stamp: Nanos) -> String {
    let (year, month, day) = date(stamp.0 / 86_400_000_000_000);
    format!("{year:04}{month:02}{day:02}")
}

/// Assets that prices are quoted in, the longer before the shorter that ends it.
const QUOTES: &[&str] = &[
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "DAI", "BIDR", "IDRT", "BVND", "TRY", "EUR", "GBP",
    "AUD", "BRL", "RUB", "UAH", "NGN", "ZAR", "PLN", "RON", "ARS", "MXN", "CZK", "JPY", "COP", "USD", "BTC",
    "ETH", "BNB", "TRX", "XRP", "DOGE", "DOT", "VAI", "UST",
];

/// Base and quote of a symbol, guessed by its end; the quote is empty where no guess fits.
pub(crate) fn asset_split(symbol: &str) -> (&str, &str) {
    QUOTES
        .iter()
        .filter_map(|quote| symbol.strip_suffix(quote).map(|base| (base, *quote)))
        .find(|(base, _)| !base.is_empty())
        .unwrap_or((symbol, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPOT: &[u8] = include_bytes!("samples/exchange_info.json");

    /// The list gives names, scales, tick and lot from the filters; an entry without filters is left out.
    #[test]
    fn exchange_info_gives_scales_and_steps() {
        let list = list(Venue::literal("binance"), Product::Spot, SPOT).unwrap();
        let btc = list.iter().find(|instrument| instrument.symbol == "BTCUSDT").unwrap();
        assert_eq!((btc.name.as_str(), btc.price_scale, btc.qty_scale), ("BTC-USDT", 2, 5));
        assert_eq!((btc.tick_size, btc.lot_size), (Some(Price(1)), Some(Qty(1))));
        assert_eq!(btc.status, InstrumentStatus::Trading);
        assert!(!btc.provisional);
        assert!(list.iter().all(|instrument| instrument.symbol != "NOFILTERS"));
    }

    /// A body that is no list says so.
    #[test]
    fn another_body_is_no_list() {
        assert!(list(Venue::literal("binance"), Product::Spot, b"{\"code\":-1}").is_err());
    }

    /// Dates by a table, leap days and ends of years included.
    #[test]
    fn dates_are_utc_days() {
        for (seconds, date) in [
            (0, "19700101"),
            (951_782_400, "20000229"),
            (1_632_470_400, "20210924"),
            (1_735_689_599, "20241231"),
            (4_133_404_800, "21001225"),
        ] {
            assert_eq!(date_of(Nanos(seconds * 1_000_000_000)), date);
        }
    }
}
