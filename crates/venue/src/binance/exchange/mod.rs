//! The other side of the wire: what Binance would send of a true book. Written from the protocol facts, never from
//! the parser, so that each checks the other.
//!
//! `Side` is the venue's whole side, for the simulator; [`Exchange`] writes the data of one symbol by itself, for tests
//! that make a recording.

mod rest;
mod side;
mod socket;
mod ticker;
mod writer;

use std::fmt::Write;

use touchline_market::{Bbo, Level, Trade};

use super::Product;
use writer::Writer;

/// One of the venue's products, as [`exchange::Exchange`](crate::exchange::Exchange).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Side(pub(crate) Product);

/// Writes one symbol's messages as the venue would, in combined-stream form (`{"stream":…,"data":…}`) under the fastest
/// stream's name.
#[derive(Clone, Debug)]
pub struct Exchange {
    product: Product,
    symbol: String,
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

    fn new(product: Product, symbol: &str, price_scale: u8, qty_scale: u8) -> Self {
        Self { product, symbol: symbol.to_owned(), price_scale, qty_scale }
    }

    fn writer(&self) -> Writer<'_> {
        Writer::new(self.product, &self.symbol, self.price_scale, self.qty_scale)
    }

    /// A `depthUpdate`.
    pub fn depth_update(&self, out: &mut String, update: &DepthUpdate<'_>) {
        let stream = if self.product == Product::Spot { "depth@100ms" } else { "depth@0ms" };
        self.open(out, stream);
        self.writer().depth_event(out, update);
        out.push('}');
    }

    /// A `bookTicker`; spot sends it without an event name or stamps.
    pub fn book_ticker(&self, out: &mut String, event_ms: u64, id: u64, best: &Bbo) {
        self.open(out, "bookTicker");
        self.writer().book_ticker_event(out, event_ms, id, best);
        out.push('}');
    }

    /// A `trade`.
    pub fn trade(&self, out: &mut String, event_ms: u64, trade: &Trade) {
        self.open(out, "trade");
        self.writer().trade_event(out, event_ms, trade);
        out.push('}');
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
        self.writer().snapshot(out, last_update_id, event_ms, bids, asks);
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
