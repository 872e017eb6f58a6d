//! `GET /api/v3/brokerage/market/products`: the products.
//!
//! ```text
//! {"products":[{"product_id":"BTC-USD","base_increment":"0.00000001","quote_increment":"0.01","price_increment":"0.01","status":"online","trading_disabled":false,"product_type":"SPOT","quote_currency_id":"USD","base_currency_id":"BTC","alias":"",…},…]}
//! ```

use std::collections::HashMap;

use serde::Deserialize;
use touchline_json::decimal;
use touchline_market::{
    Contract, Decimal, Instrument, InstrumentKind, InstrumentStatus, Nanos, Price, Qty, Venue,
};

use crate::InstrumentsError;
use crate::stamp::rfc3339;

#[derive(Deserialize)]
struct Products {
    /// Read one by one: an entry of an unexpected shape must not take the others with it.
    products: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Product {
    product_id: String,
    product_type: String,
    base_increment: String,
    quote_increment: String,
    /// The step of a price; the same as `quote_increment` for spot products.
    price_increment: Option<String>,
    #[serde(default)]
    base_currency_id: String,
    #[serde(default)]
    quote_currency_id: String,
    /// The product under whose name the data comes; empty where it comes under its own.
    #[serde(default)]
    alias: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    trading_disabled: bool,
    #[serde(default)]
    is_disabled: bool,
    #[serde(default)]
    future_product_details: Option<FutureDetails>,
}

#[derive(Deserialize)]
struct FutureDetails {
    #[serde(default)]
    contract_expiry: Option<String>,
    contract_size: String,
    contract_root_unit: String,
    contract_expiry_type: String,
}

/// The products that have data of their own name. One without usable increments is left out: it is then learned from
/// its data like one that is not listed. So is an entry that cannot be read.
pub(super) fn list(venue: Venue, body: &[u8]) -> Result<Vec<Instrument>, InstrumentsError> {
    let list: Products = serde_json::from_slice(body).map_err(|error| InstrumentsError(error.to_string()))?;
    let products = list.products.into_iter().filter_map(|product| serde_json::from_value(product).ok());
    let mut list: Vec<_> = products.filter_map(|product| instrument(venue, product)).collect();
    give_doubtful_names_up(&mut list);
    Ok(list)
}

/// Futures of one asset and day may differ in size: a name that means two of them means none, and each keeps its
/// symbol.
fn give_doubtful_names_up(list: &mut [Instrument]) {
    let mut holders = HashMap::new();
    for instrument in list.iter() {
        *holders.entry(instrument.name.clone()).or_insert(0) += 1;
    }
    for instrument in list.iter_mut().filter(|instrument| instrument.kind != InstrumentKind::Spot) {
        if holders.get(&instrument.name).is_some_and(|&holders| holders > 1) {
            instrument.name.clone_from(&instrument.symbol);
        }
    }
}

fn instrument(venue: Venue, product: Product) -> Option<Instrument> {
    if !product.alias.is_empty() {
        return None;
    }
    let tick = product.price_increment.as_ref().unwrap_or(&product.quote_increment).as_bytes();
    let lot = product.base_increment.as_bytes();
    let (price_scale, qty_scale) = (decimal::scale_of(tick).ok()?, decimal::scale_of(lot).ok()?);
    let tick_size = decimal::price(tick, price_scale).ok().filter(|&tick| tick > 0)?;
    let lot_size = decimal::quantity(lot, qty_scale).ok().filter(|&lot| lot > 0)?;
    let trades =
        !product.trading_disabled && !product.is_disabled && matches!(product.status.as_str(), "online" | "");
    let mut instrument = Instrument {
        price_scale,
        qty_scale,
        tick_size: Some(Price(tick_size)),
        lot_size: Some(Qty(lot_size)),
        status: if trades { InstrumentStatus::Trading } else { InstrumentStatus::Halted },
        provisional: false,
        base: product.base_currency_id,
        quote: product.quote_currency_id,
        ..Instrument::provisional(venue, &product.product_id, &product.product_id, InstrumentKind::Spot)
    };
    match (product.product_type.as_str(), product.future_product_details) {
        ("SPOT", _) => Some(instrument),
        ("FUTURE", Some(details)) => future(&mut instrument, details).map(|()| instrument),
        _ => None,
    }
}

fn future(instrument: &mut Instrument, details: FutureDetails) -> Option<()> {
    let size = details.contract_size.as_bytes();
    let scale = decimal::scale_of(size).ok()?;
    let mantissa = i128::from(decimal::quantity(size, scale).ok()?);
    instrument.base = details.contract_root_unit;
    instrument.settle.clone_from(&instrument.quote);
    instrument.contract = Some(Contract { size: Decimal { mantissa, scale }, unit: instrument.base.clone() });
    let pair = format!("{}-{}", instrument.base, instrument.quote);
    if details.contract_expiry_type == "PERPETUAL" {
        instrument.kind = InstrumentKind::Perpetual;
        instrument.name = format!("{pair}-PERP");
        return Some(());
    }
    let text = details.contract_expiry?;
    let expiry = rfc3339(&text).filter(|&expiry| expiry != Nanos::NONE)?;
    instrument.kind = InstrumentKind::Future;
    instrument.expiry = Some(expiry);
    // `2026-04-24T15:00:00Z` begins with the day.
    let day: String = text.chars().take(10).filter(char::is_ascii_digit).collect();
    instrument.name = format!("{pair}-{day}");
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCTS: &[u8] = include_bytes!("samples/products.json");

    fn listed() -> Vec<Instrument> {
        list(Venue::literal("coinbase-advanced"), PRODUCTS).unwrap()
    }

    /// Spot products: names, scales, tick and lot from the increments; aliases and unreadable entries are left out.
    #[test]
    fn increments_give_scales_and_steps() {
        let list = listed();
        let btc = list.iter().find(|instrument| instrument.symbol == "BTC-USD").unwrap();
        assert_eq!((btc.name.as_str(), btc.base.as_str(), btc.quote.as_str()), ("BTC-USD", "BTC", "USD"));
        assert_eq!((btc.price_scale, btc.qty_scale), (2, 8));
        assert_eq!((btc.tick_size, btc.lot_size), (Some(Price(1)), Some(Qty(1))));
        assert_eq!((btc.kind, btc.status), (InstrumentKind::Spot, InstrumentStatus::Trading));
        let status = |symbol: &str| list.iter().find(|i| i.symbol == symbol).map(|i| i.status);
        assert_eq!(status("OLD-USD"), Some(InstrumentStatus::Halted));
        assert_eq!(status("BTC-USDC"), None);
        assert_eq!(status("NOSTEP-USD"), None);
    }

    /// Futures are named by asset and day, perpetuals as such; a name that two would have is nobody's.
    #[test]
    fn futures_are_named_by_asset_and_day() {
        let list = listed();
        let name = |symbol: &str| list.iter().find(|i| i.symbol == symbol).unwrap().name.clone();
        assert_eq!(name("BIT-24APR26-CDE"), "BTC-USD-20260424");
        assert_eq!(name("ETH-PERP-INTX"), "ETH-USDC-PERP");
        for doubtful in ["ET-24APR26-CDE", "ETI-24APR26-CDE"] {
            assert_eq!(name(doubtful), doubtful);
        }
        let nano = list.iter().find(|i| i.symbol == "BIT-24APR26-CDE").unwrap();
        assert_eq!((nano.tick_size, nano.price_scale), (Some(Price(5)), 0));
        assert_eq!(nano.expiry, Some(Nanos(1_777_042_800_000_000_000)));
        let size = nano.contract.as_ref().unwrap();
        assert_eq!((size.size.to_string(), size.unit.as_str()), ("0.01".to_owned(), "BTC"));
    }

    /// A body that is no list says so.
    #[test]
    fn another_body_is_no_list() {
        assert!(list(Venue::literal("coinbase-advanced"), b"{\"error\":\"NOT_FOUND\"}").is_err());
    }
}
