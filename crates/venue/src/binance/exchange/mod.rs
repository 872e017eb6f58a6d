//! The other side of the wire: what Binance would send of a true book. Written from the protocol facts, never from
//! the parser, so that each checks the other.
//!
//! [`Exchange`] writes one symbol's data, [`Dialect`] what concerns a product as a whole: its list of instruments, its
//! paths, its limits; [`Request`] is what a client may ask for on a socket, with the answers beside it.

mod dialect;
mod request;
mod ticker;

use std::fmt::Write;

use touchline_market::{Bbo, Level, Side, Trade};

use super::Product;

pub use dialect::{Dialect, Listed, Resource, Rules, error_body};
pub use request::{Request, Stream, accepted, listed, refused, refused_newer, shutdown_notice};
pub use ticker::Statistics;

/// Writes one symbol's messages as the venue would: as bare events (`…_event`), or in combined-stream form
/// (`{"stream":…,"data":…}`) under the fastest stream's name.
#[derive(Clone, Debug)]
pub struct Exchange {
    product: Product,
    symbol: String,
    pair: String,
    price_scale: u8,
    qty_scale: u8,
}

/// A change of the book, as the venue knows it.
#[derive(Clone, Copy, Debug)]
pub struct DepthUpdate<'a> {
    /// When the venue sends it, ms.
    pub event_ms: u64,
    /// `U`.
    pub first: u64,
    /// `u`.
    pub last: u64,
    /// `pu`: the `u` before; sent by futures only.
    pub previous: u64,
    /// Changed bids; quantity 0 removes.
    pub bids: &'a [Level],
    /// Changed asks.
    pub asks: &'a [Level],
}

impl Exchange {
    /// Spot: numbers padded to eight decimals. The scales are those of the mantissas that come in, at most 8.
    #[must_use]
    pub fn spot(symbol: &str, price_scale: u8, qty_scale: u8) -> Self {
        Self::new(Product::Spot, symbol, price_scale, qty_scale)
    }

    /// USD-M futures.
    #[must_use]
    pub fn usdm(symbol: &str, price_scale: u8, qty_scale: u8) -> Self {
        Self::new(Product::UsdM, symbol, price_scale, qty_scale)
    }

    /// COIN-M futures.
    #[must_use]
    pub fn coinm(symbol: &str, price_scale: u8, qty_scale: u8) -> Self {
        Self::new(Product::CoinM, symbol, price_scale, qty_scale)
    }

    /// One symbol of a dialect.
    #[must_use]
    pub fn of(dialect: Dialect, symbol: &str, price_scale: u8, qty_scale: u8) -> Self {
        Self::new(dialect.0, symbol, price_scale, qty_scale)
    }

    fn new(product: Product, symbol: &str, price_scale: u8, qty_scale: u8) -> Self {
        let pair = symbol.split('_').next().unwrap_or_default().to_owned();
        Self { product, symbol: symbol.to_owned(), pair, price_scale, qty_scale }
    }

    /// A `depthUpdate`.
    pub fn depth_update(&self, out: &mut String, update: &DepthUpdate<'_>) {
        let stream = if self.product == Product::Spot { "depth@100ms" } else { "depth@0ms" };
        self.open(out, stream);
        self.depth_event(out, update);
        out.push('}');
    }

    /// A `depthUpdate` by itself.
    pub fn depth_event(&self, out: &mut String, update: &DepthUpdate<'_>) {
        let _ = write!(out, r#"{{"e":"depthUpdate","E":{}"#, update.event_ms);
        if self.product != Product::Spot {
            let _ = write!(out, r#","T":{}"#, update.event_ms);
        }
        self.symbol_and_pair(out);
        let _ = write!(out, r#","U":{},"u":{}"#, update.first, update.last);
        if self.product != Product::Spot {
            let _ = write!(out, r#","pu":{}"#, update.previous);
        }
        out.push_str(r#","b":"#);
        self.levels(out, update.bids);
        out.push_str(r#","a":"#);
        self.levels(out, update.asks);
        out.push('}');
    }

    /// Partial depth (`@depth5|10|20`): the best levels. Spot sends them as a snapshot without a symbol, futures in the
    /// fields of a `depthUpdate`.
    pub fn partial_depth_event(&self, out: &mut String, update: &DepthUpdate<'_>) {
        if self.product == Product::Spot {
            self.snapshot(out, update.last, update.event_ms, update.bids, update.asks);
        } else {
            self.depth_event(out, update);
        }
    }

    /// A `bookTicker`; spot sends it without an event name or stamps.
    pub fn book_ticker(&self, out: &mut String, event_ms: u64, id: u64, best: &Bbo) {
        self.open(out, "bookTicker");
        self.book_ticker_event(out, event_ms, id, best);
        out.push('}');
    }

    /// A `bookTicker` by itself.
    pub fn book_ticker_event(&self, out: &mut String, event_ms: u64, id: u64, best: &Bbo) {
        out.push('{');
        if self.product != Product::Spot {
            out.push_str(r#""e":"bookTicker","#);
        }
        let _ = write!(out, r#""u":{id}"#);
        self.symbol_and_pair(out);
        for (price, qty, level) in [("b", "B", best.bid), ("a", "A", best.ask)] {
            let _ = write!(out, r#","{price}":"#);
            self.price(out, level);
            let _ = write!(out, r#","{qty}":"#);
            self.qty(out, level);
        }
        if self.product != Product::Spot {
            let _ = write!(out, r#","T":{event_ms},"E":{event_ms}"#);
        }
        out.push('}');
    }

    /// A `trade`.
    pub fn trade(&self, out: &mut String, event_ms: u64, trade: &Trade) {
        self.open(out, "trade");
        self.trade_event(out, event_ms, trade);
        out.push('}');
    }

    /// A `trade` by itself.
    pub fn trade_event(&self, out: &mut String, event_ms: u64, trade: &Trade) {
        let _ = write!(out, r#"{{"e":"trade","E":{event_ms},"T":{event_ms}"#);
        self.symbol_and_pair(out);
        let _ = write!(out, r#","t":{},"p":"#, trade.id);
        let level = Level { price: trade.price, qty: trade.qty };
        self.price(out, level);
        out.push_str(r#","q":"#);
        self.qty(out, level);
        let maker = trade.aggressor == Side::Ask;
        match self.product {
            Product::Spot => {
                let _ = write!(out, r#","m":{maker},"M":true}}"#);
            }
            _ => {
                let _ = write!(out, r#","X":"MARKET","m":{maker}}}"#);
            }
        }
    }

    /// The body of the REST snapshot: bids from the best down, asks from the best up.
    pub fn snapshot(
        &self,
        out: &mut String,
        last_update_id: u64,
        event_ms: u64,
        bids: &[Level],
        asks: &[Level],
    ) {
        let _ = write!(out, r#"{{"lastUpdateId":{last_update_id}"#);
        if self.product != Product::Spot {
            let _ = write!(out, r#","E":{event_ms},"T":{event_ms}"#);
        }
        out.push_str(r#","bids":"#);
        self.levels(out, bids);
        out.push_str(r#","asks":"#);
        self.levels(out, asks);
        out.push('}');
    }

    /// The URL the snapshot is asked for under.
    #[must_use]
    pub fn snapshot_url(&self) -> String {
        let root = match self.product {
            Product::Spot => "https://api.binance.com/api/v3",
            Product::UsdM => "https://fapi.binance.com/fapi/v1",
            Product::CoinM => "https://dapi.binance.com/dapi/v1",
        };
        format!("{root}/depth?symbol={}&limit=1000", self.symbol)
    }

    fn open(&self, out: &mut String, stream: &str) {
        let symbol = self.symbol.to_ascii_lowercase();
        let _ = write!(out, r#"{{"stream":"{symbol}@{stream}","data":"#);
    }

    fn symbol_and_pair(&self, out: &mut String) {
        let _ = write!(out, r#","s":"{}""#, self.symbol);
        if self.product == Product::CoinM {
            let _ = write!(out, r#","ps":"{}""#, self.pair);
        }
    }

    fn levels(&self, out: &mut String, levels: &[Level]) {
        out.push('[');
        for (i, &level) in levels.iter().enumerate() {
            out.push_str(if i == 0 { "[" } else { ",[" });
            self.price(out, level);
            out.push(',');
            self.qty(out, level);
            out.push(']');
        }
        out.push(']');
    }

    fn price(&self, out: &mut String, level: Level) {
        self.number(out, level.price.0 < 0, level.price.0.unsigned_abs(), self.price_scale);
    }

    fn qty(&self, out: &mut String, level: Level) {
        self.number(out, false, level.qty.0, self.qty_scale);
    }

    fn number(&self, out: &mut String, negative: bool, mantissa: u64, scale: u8) {
        let unit = 10u64.pow(u32::from(scale));
        let (whole, part) = (mantissa / unit, mantissa % unit);
        let sign = if negative { "-" } else { "" };
        let _ = write!(out, r#""{sign}{whole}"#);
        let decimals = if self.product == Product::Spot { 8 } else { usize::from(scale) };
        if decimals > 0 {
            out.push('.');
            if scale > 0 {
                let _ = write!(out, "{part:0width$}", width = usize::from(scale));
            }
            out.extend(std::iter::repeat_n('0', decimals.saturating_sub(usize::from(scale))));
        }
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages look as the venue's documentation shows them.
    #[test]
    fn messages_look_as_documented() {
        let mut out = String::new();
        let update = DepthUpdate {
            event_ms: 1_672_515_782_136,
            first: 157,
            last: 160,
            previous: 156,
            bids: &[Level::new(24, 10)],
            asks: &[],
        };
        Exchange::spot("BNBBTC", 4, 0).depth_update(&mut out, &update);
        let spot = r#"{"stream":"bnbbtc@depth@100ms","data":{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.00240000","10.00000000"]],"a":[]}}"#;
        assert_eq!(out, spot);
        out.clear();
        Exchange::coinm("BTCUSD_200925", 1, 0).depth_update(&mut out, &update);
        let coinm = r#"{"stream":"btcusd_200925@depth@0ms","data":{"e":"depthUpdate","E":1672515782136,"T":1672515782136,"s":"BTCUSD_200925","ps":"BTCUSD","U":157,"u":160,"pu":156,"b":[["2.4","10"]],"a":[]}}"#;
        assert_eq!(out, coinm);
    }
}
