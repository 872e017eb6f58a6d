//! What concerns a product as a whole: its paths, its limits, its list of instruments.

use std::time::Duration;

use serde_json::{Value, json};

use super::Product;

/// One of the venue's products, by its name here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dialect(pub(super) Product);

/// What the venue asks of its clients, and does to those who do not listen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rules {
    /// Messages a client may send a second on a connection, pings and pongs included.
    pub sends_per_second: u32,
    /// Streams on a connection.
    pub streams: usize,
    /// Attempts to connect in five minutes, per address.
    pub connects: u32,
    /// REST weight a minute, per address.
    pub weight_per_minute: u32,
    /// How often the venue pings.
    pub ping_every: Duration,
    /// How long it waits for the pong.
    pub pong_within: Duration,
    /// When it ends a connection.
    pub lifetime: Duration,
}

/// What a REST request asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resource {
    /// The book's best levels.
    Depth {
        /// Whose.
        symbol: String,
        /// How many a side.
        limit: usize,
        /// What it costs.
        weight: u32,
    },
    /// The list of instruments.
    ExchangeInfo {
        /// What it costs.
        weight: u32,
    },
    /// No such path.
    Unknown,
    /// The path is right and a parameter is missing or not valid.
    Illegal,
}

/// An instrument in the list.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The venue's symbol.
    pub symbol: &'a str,
    /// Decimals of its tick.
    pub price_scale: u8,
    /// Decimals of its lot.
    pub qty_scale: u8,
    /// Does it trade?
    pub trading: bool,
}

impl Dialect {
    /// By the venue's name in the registry.
    #[must_use]
    pub fn of(venue: &str) -> Option<Self> {
        Some(Self(match venue {
            "binance" => Product::Spot,
            "binance-usdm" => Product::UsdM,
            "binance-coinm" => Product::CoinM,
            _ => return None,
        }))
    }

    /// The venue's limits (`web-socket-streams.md`; futures: "Connect").
    #[must_use]
    pub fn rules(self) -> Rules {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let spot = Rules {
            sends_per_second: 5,
            streams: 1_024,
            connects: 300,
            weight_per_minute: 6_000,
            ping_every: Duration::from_secs(20),
            pong_within: minutes(1),
            lifetime: minutes(24 * 60),
        };
        match self.0 {
            Product::Spot => spot,
            Product::UsdM | Product::CoinM => Rules {
                sends_per_second: 10,
                weight_per_minute: 2_400,
                ping_every: minutes(3),
                pong_within: minutes(10),
                ..spot
            },
        }
    }

    /// May streams of this kind be had under this path? Since 2026 USD-M keeps them apart; a stream asked for in the
    /// wrong place is acknowledged and stays silent.
    #[must_use]
    pub fn carries(self, path: &str, channel: touchline_market::Channel) -> bool {
        use touchline_market::Channel;
        match self.0 {
            Product::UsdM if channel == Channel::Ticker => !path.starts_with("/public"),
            Product::UsdM => !path.starts_with("/market"),
            Product::Spot | Product::CoinM => true,
        }
    }

    /// What a request's target (`/api/v3/depth?symbol=…`) asks for.
    #[must_use]
    pub fn resource(self, target: &str) -> Resource {
        let root = match self.0 {
            Product::Spot => "/api/v3/",
            Product::UsdM => "/fapi/v1/",
            Product::CoinM => "/dapi/v1/",
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        match path.strip_prefix(root) {
            Some("exchangeInfo") if self.0 == Product::Spot => Resource::ExchangeInfo { weight: 20 },
            Some("exchangeInfo") => Resource::ExchangeInfo { weight: 1 },
            Some("depth") => {
                let default = if self.0 == Product::Spot { "100" } else { "500" };
                let limit = value("limit").unwrap_or(default).parse().ok();
                let weight = limit.and_then(|limit| self.depth_weight(limit));
                match (value("symbol"), limit, weight) {
                    (Some(symbol), Some(limit), Some(weight)) => {
                        Resource::Depth { symbol: unescape(symbol), limit, weight }
                    }
                    _ => Resource::Illegal,
                }
            }
            _ => Resource::Unknown,
        }
    }

    /// Spot takes any limit up to 5,000, futures a few only.
    fn depth_weight(self, limit: usize) -> Option<u32> {
        match (self.0, limit) {
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
    #[must_use]
    pub fn exchange_info<'a>(self, now_ms: u64, list: impl Iterator<Item = Listed<'a>>) -> String {
        let limit = self.rules().weight_per_minute;
        json!({
            "timezone": "UTC",
            "serverTime": now_ms,
            "rateLimits": [{
                "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limit
            }],
            "exchangeFilters": [],
            "symbols": list.map(|listed| self.listed(listed)).collect::<Vec<_>>(),
        })
        .to_string()
    }

    fn listed(self, listed: Listed<'_>) -> Value {
        let (pair, term) = listed.symbol.split_once('_').unwrap_or((listed.symbol, "PERP"));
        let quote = ["USDT", "USDC", "BTC", "USD"].into_iter().find(|quote| pair.ends_with(quote));
        let quote = quote.unwrap_or("USDT");
        let base = pair.strip_suffix(quote).unwrap_or(pair);
        let (tick, lot) = (step(listed.price_scale), step(listed.qty_scale));
        let mut entry = json!({
            "symbol": listed.symbol,
            "baseAsset": base,
            "quoteAsset": quote,
            "filters": [
                { "filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000000", "tickSize": tick },
                { "filterType": "LOT_SIZE", "minQty": lot, "maxQty": "1000000000", "stepSize": lot },
            ],
        });
        let Some(fields) = entry.as_object_mut() else { return entry };
        let state = if listed.trading { "TRADING" } else { "BREAK" };
        let key = if self.0 == Product::CoinM { "contractStatus" } else { "status" };
        fields.insert(key.to_owned(), state.into());
        if self.0 != Product::Spot {
            let perpetual = term == "PERP";
            let kind = if perpetual { "PERPETUAL" } else { "CURRENT_QUARTER" };
            let margin = if self.0 == Product::CoinM { base } else { quote };
            fields.insert("pair".to_owned(), pair.into());
            fields.insert("contractType".to_owned(), kind.into());
            // A perpetual's is in the year 2100; the quarterly's stands for any.
            let delivery: u64 = if perpetual { 4_133_404_800_000 } else { 1_790_323_200_000 };
            fields.insert("deliveryDate".to_owned(), delivery.into());
            fields.insert("marginAsset".to_owned(), margin.into());
        }
        if self.0 == Product::CoinM {
            fields.insert("contractSize".to_owned(), (if base == "BTC" { 100 } else { 10 }).into());
        }
        entry
    }
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
#[must_use]
pub fn error_body(code: i64, text: &str) -> String {
    format!(r#"{{"code":{code},"msg":{}}}"#, Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Targets are read as the venue reads them, each at its weight.
    #[test]
    fn targets_name_their_resource() {
        let (spot, coinm) = (Dialect::of("binance").unwrap(), Dialect::of("binance-coinm").unwrap());
        let depth =
            |symbol: &str, limit, weight| Resource::Depth { symbol: symbol.to_owned(), limit, weight };
        assert_eq!(spot.resource("/api/v3/depth?symbol=BTCUSDT&limit=1000"), depth("BTCUSDT", 1_000, 50));
        assert_eq!(spot.resource("/api/v3/depth?symbol=BTCUSDT"), depth("BTCUSDT", 100, 5));
        assert_eq!(
            coinm.resource("/dapi/v1/depth?symbol=%E5%B8%81USD_PERP&limit=1000"),
            depth("币USD_PERP", 1_000, 20)
        );
        assert_eq!(spot.resource("/api/v3/exchangeInfo"), Resource::ExchangeInfo { weight: 20 });
        assert_eq!(coinm.resource("/dapi/v1/depth?symbol=A&limit=7"), Resource::Illegal);
        assert_eq!(coinm.resource("/api/v3/depth?symbol=A&limit=5"), Resource::Unknown);
        assert_eq!(error_body(-1_121, "Invalid symbol."), r#"{"code":-1121,"msg":"Invalid symbol."}"#);
    }

    /// The list carries the filters, and what each product adds.
    #[test]
    fn the_list_looks_as_documented() {
        let listed = Listed { symbol: "BTCUSD_PERP", price_scale: 1, qty_scale: 0, trading: true };
        let body = Dialect::of("binance-coinm").unwrap().exchange_info(7, [listed].into_iter());
        let body: Value = serde_json::from_str(&body).unwrap();
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
