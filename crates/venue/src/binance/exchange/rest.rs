//! The REST interface: paths, weights, the list of instruments, errors.

use serde_json::{Value, json};

use crate::binance::Product;
use crate::exchange::{Resource, RestError, Traded};

/// What a request's target (`/api/v3/depth?symbol=…`) asks for.
pub(super) fn resource(product: Product, target: &str) -> Resource {
    let root = match product {
        Product::Spot => "/api/v3/",
        Product::UsdM => "/fapi/v1/",
        Product::CoinM => "/dapi/v1/",
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    match path.strip_prefix(root) {
        Some("exchangeInfo") if product == Product::Spot => Resource::Instruments { weight: 20 },
        Some("exchangeInfo") => Resource::Instruments { weight: 1 },
        Some("depth") => {
            let default = if product == Product::Spot { "100" } else { "500" };
            let limit = value("limit").unwrap_or(default).parse().ok();
            let weight = limit.and_then(|limit| depth_weight(product, limit));
            match (value("symbol"), limit, weight) {
                (Some(symbol), Some(limit), Some(weight)) => {
                    Resource::Snapshot { symbol: unescape(symbol), limit, weight }
                }
                _ => Resource::Illegal,
            }
        }
        _ => Resource::Unknown,
    }
}

/// Spot takes any limit up to 5,000, futures a few only.
fn depth_weight(product: Product, limit: usize) -> Option<u32> {
    match (product, limit) {
        (_, 0) => None,
        (Product::Spot, ..=100) => Some(5),
        (Product::Spot, ..=500) => Some(25),
        (Product::Spot, ..=1_000) => Some(50),
        (Product::Spot, ..=5_000) => Some(250),
        (Product::Spot, _) => None,
        (_, 5 | 10 | 20 | 50) => Some(2),
        (_, 100) => Some(5),
        (_, 500) => Some(10),
        (_, 1_000) => Some(20),
        _ => None,
    }
}

/// The body of `exchangeInfo`.
pub(super) fn exchange_info(
    product: Product,
    weight_per_minute: u32,
    now_ms: u64,
    list: &[Traded],
) -> String {
    json!({
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [{
            "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight_per_minute
        }],
        "exchangeFilters": [],
        "symbols": list.iter().map(|traded| listed(product, traded)).collect::<Vec<_>>(),
    })
    .to_string()
}

fn listed(product: Product, traded: &Traded) -> Value {
    let (pair, term) = traded.symbol.split_once('_').unwrap_or((&traded.symbol, "PERP"));
    let quote = ["USDT", "USDC", "BTC", "USD"].into_iter().find(|quote| pair.ends_with(quote));
    let quote = quote.unwrap_or("USDT");
    let base = pair.strip_suffix(quote).unwrap_or(pair);
    let (tick, lot) = (step(traded.price_scale), step(traded.qty_scale));
    let mut entry = json!({
        "symbol": traded.symbol,
        "baseAsset": base,
        "quoteAsset": quote,
        "filters": [
            { "filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000000", "tickSize": tick },
            { "filterType": "LOT_SIZE", "minQty": lot, "maxQty": "1000000000", "stepSize": lot },
        ],
    });
    let Some(fields) = entry.as_object_mut() else { return entry };
    let key = if product == Product::CoinM { "contractStatus" } else { "status" };
    fields.insert(key.to_owned(), "TRADING".into());
    if product != Product::Spot {
        let perpetual = term == "PERP";
        let kind = if perpetual { "PERPETUAL" } else { "CURRENT_QUARTER" };
        let margin = if product == Product::CoinM { base } else { quote };
        fields.insert("pair".to_owned(), pair.into());
        fields.insert("contractType".to_owned(), kind.into());
        // A perpetual's is in the year 2100; the quarterly's stands for any.
        let delivery: u64 = if perpetual { 4_133_404_800_000 } else { 1_790_323_200_000 };
        fields.insert("deliveryDate".to_owned(), delivery.into());
        fields.insert("marginAsset".to_owned(), margin.into());
    }
    if product == Product::CoinM {
        fields.insert("contractSize".to_owned(), (if base == "BTC" { 100 } else { 10 }).into());
    }
    entry
}

/// `0.001` for a scale of 3.
fn step(scale: u8) -> String {
    if scale == 0 { "1".to_owned() } else { format!("0.{:01$}", 1, usize::from(scale)) }
}

/// `%E5` and the like, back to bytes.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (byte, if byte == b'%' { (hex(rest.next()), hex(rest.next())) } else { (None, None) }) {
            (b'%', (Some(high), Some(low))) => bytes.push((high * 16 + low) as u8),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A REST error's body.
pub(super) fn error_body(error: RestError) -> String {
    let (code, text) = match error {
        RestError::Illegal => (-1_102, "A mandatory parameter was not sent."),
        RestError::UnknownSymbol => (-1_121, "Invalid symbol."),
        RestError::TooMany => (-1_003, "Too much request weight used; please use the websocket."),
        RestError::Banned => (-1_003, "Way too much request weight used; IP banned."),
        RestError::Region => (0, "Service unavailable from a restricted location."),
        RestError::Internal => (-1_000, "An unknown error occurred while processing the request."),
    };
    format!(r#"{{"code":{code},"msg":"{text}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Targets are read as the venue reads them, each at its weight.
    #[test]
    fn targets_name_their_resource() {
        let (spot, coinm) = (Product::Spot, Product::CoinM);
        let depth =
            |symbol: &str, limit, weight| Resource::Snapshot { symbol: symbol.to_owned(), limit, weight };
        let target = "/api/v3/depth?symbol=BTCUSDT&limit=1000";
        assert_eq!(resource(spot, target), depth("BTCUSDT", 1_000, 50));
        assert_eq!(resource(spot, "/api/v3/depth?symbol=BTCUSDT"), depth("BTCUSDT", 100, 5));
        assert_eq!(
            resource(coinm, "/dapi/v1/depth?symbol=%E5%B8%81USD_PERP&limit=1000"),
            depth("币USD_PERP", 1_000, 20)
        );
        assert_eq!(resource(spot, "/api/v3/exchangeInfo"), Resource::Instruments { weight: 20 });
        assert_eq!(resource(coinm, "/dapi/v1/depth?symbol=A&limit=7"), Resource::Illegal);
        assert_eq!(resource(coinm, "/api/v3/depth?symbol=A&limit=5"), Resource::Unknown);
        assert_eq!(error_body(RestError::UnknownSymbol), r#"{"code":-1121,"msg":"Invalid symbol."}"#);
    }

    /// The list carries the filters, and what each product adds.
    #[test]
    fn the_list_looks_as_documented() {
        let traded = Traded { symbol: "BTCUSD_PERP".to_owned(), price_scale: 1, qty_scale: 0 };
        let body: Value = serde_json::from_str(&exchange_info(Product::CoinM, 2_400, 7, &[traded])).unwrap();
        let symbol = &body["symbols"][0];
        assert_eq!(
            (&symbol["contractStatus"], &symbol["contractSize"]),
            (&Value::from("TRADING"), &Value::from(100))
        );
        assert_eq!(
            (&symbol["baseAsset"], &symbol["marginAsset"]),
            (&Value::from("BTC"), &Value::from("BTC"))
        );
        assert_eq!(symbol["filters"][0]["tickSize"], "0.1");
        assert_eq!(symbol["filters"][1]["stepSize"], "1");
    }
}
