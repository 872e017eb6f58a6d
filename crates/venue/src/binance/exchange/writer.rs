//! One symbol's messages, as bare events.

use std::fmt::Write;

use touchline_market::{Bbo, Level, Side, Trade};

use super::{DepthUpdate, Product};
use crate::exchange::digits;

/// Writes one symbol's messages as bare events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer<'a> {
    product: Product,
    symbol: &'a str,
    pair: &'a str,
    price_scale: u8,
    qty_scale: u8,
}

impl<'a> Writer<'a> {
    pub(super) fn new(product: Product, symbol: &'a str, price_scale: u8, qty_scale: u8) -> Self {
        let pair = symbol.split('_').next().unwrap_or_default();
        Self { product, symbol, pair, price_scale, qty_scale }
    }

    /// A `depthUpdate` by itself.
    pub(super) fn depth_event(&self, out: &mut String, update: &DepthUpdate<'_>) {
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
    pub(super) fn partial_depth_event(&self, out: &mut String, update: &DepthUpdate<'_>) {
        if self.product == Product::Spot {
            self.snapshot(out, update.last, update.event_ms, update.bids, update.asks);
        } else {
            self.depth_event(out, update);
        }
    }

    /// A `bookTicker` by itself.
    pub(super) fn book_ticker_event(&self, out: &mut String, event_ms: u64, id: u64, best: &Bbo) {
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

    /// A `trade` by itself.
    pub(super) fn trade_event(&self, out: &mut String, event_ms: u64, trade: &Trade) {
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
    pub(super) fn snapshot(
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

    pub(super) fn symbol_and_pair(&self, out: &mut String) {
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

    pub(super) fn price(&self, out: &mut String, level: Level) {
        self.number(out, level.price.0 < 0, level.price.0.unsigned_abs(), self.price_scale);
    }

    pub(super) fn qty(&self, out: &mut String, level: Level) {
        self.number(out, false, level.qty.0, self.qty_scale);
    }

    fn number(&self, out: &mut String, negative: bool, mantissa: u64, scale: u8) {
        let unit = 10u64.pow(u32::from(scale));
        out.push_str(if negative { "\"-" } else { "\"" });
        digits(out, mantissa / unit, 1);
        let decimals = if self.product == Product::Spot { 8 } else { usize::from(scale) };
        if decimals > 0 {
            out.push('.');
            digits(out, mantissa % unit, scale.into());
            out.push_str("00000000".get(..decimals.saturating_sub(scale.into())).unwrap_or_default());
        }
        out.push('"');
    }
}
