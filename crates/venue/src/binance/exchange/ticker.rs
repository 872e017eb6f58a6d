//! Rolling statistics, as the venue sends them.

use std::fmt::Write;

use touchline_market::{Level, Price, Qty};

use super::{Exchange, Product};

/// What happened in the last 24 hours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Statistics {
    /// Price of the first trade.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// The last trade.
    pub last: Level,
    /// Quantity traded.
    pub volume: Qty,
    /// Trades.
    pub trades: u64,
}

impl Exchange {
    /// A `24hrTicker`; spot adds the best bid and offer, which nobody reads here and which are left out.
    pub fn ticker_event(&self, out: &mut String, event_ms: u64, statistics: &Statistics) {
        let _ = write!(out, r#"{{"e":"24hrTicker","E":{event_ms}"#);
        self.symbol_and_pair(out);
        let prices = [
            ("o", statistics.open),
            ("h", statistics.high),
            ("l", statistics.low),
            ("c", statistics.last.price),
            ("p", Price(statistics.last.price.0 - statistics.open.0)),
        ];
        for (key, price) in prices {
            let _ = write!(out, r#","{key}":"#);
            self.price(out, Level { price, qty: Qty(0) });
        }
        for (key, qty) in [("Q", statistics.last.qty), ("v", statistics.volume)] {
            let _ = write!(out, r#","{key}":"#);
            self.qty(out, Level { price: Price(0), qty });
        }
        let begin_ms = event_ms.saturating_sub(86_400_000);
        let _ = write!(out, r#","O":{begin_ms},"C":{event_ms},"F":1,"L":{0},"n":{0}}}"#, statistics.trades);
        debug_assert!(self.product == Product::Spot || !self.pair.is_empty());
    }
}
