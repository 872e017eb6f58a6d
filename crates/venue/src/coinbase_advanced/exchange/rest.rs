//! The REST interface: the list of products.

use serde_json::json;
use touchline_market::{Price, Qty};

use crate::exchange::{Resource, RestError, Traded};

pub(super) fn resource(target: &str) -> Resource {
    match target.split('?').next() {
        Some("/api/v3/brokerage/market/products") => Resource::Instruments { weight: 1 },
        _ => Resource::Unknown,
    }
}

/// The products, with the fields that say what they are and how finely they trade.
pub(super) fn products(list: &[Traded]) -> String {
    let product = |traded: &Traded| {
        let (base, quote) = traded.symbol.split_once('-').unwrap_or((&traded.symbol, ""));
        let tick = Price(1).at(traded.price_scale).to_string();
        json!({
            "product_id": traded.symbol,
            "product_type": "SPOT",
            "base_currency_id": base,
            "quote_currency_id": quote,
            "base_increment": Qty(1).at(traded.qty_scale).to_string(),
            "quote_increment": tick,
            "price_increment": tick,
            "status": "online",
            "trading_disabled": false,
            "is_disabled": false,
            "alias": "",
        })
    };
    let products: Vec<_> = list.iter().map(product).collect();
    json!({ "products": products, "num_products": list.len() }).to_string()
}

pub(super) fn error_body(error: RestError) -> String {
    let (name, message) = match error {
        RestError::Illegal => ("INVALID_ARGUMENT", "a parameter is not valid"),
        RestError::UnknownSymbol => ("NOT_FOUND", "valid product_id is required"),
        RestError::TooMany | RestError::Banned => ("RESOURCE_EXHAUSTED", "too many requests"),
        RestError::Region => ("PERMISSION_DENIED", "not from there"),
        RestError::Internal => ("INTERNAL", "something went wrong"),
    };
    json!({ "error": name, "error_details": message, "message": message }).to_string()
}
