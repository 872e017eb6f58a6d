//! Rolling statistics, as the venue sends them.

use std::fmt::Write;

use touchline_market::{Level, Price, Qty};

use super::writer::Writer;
use crate::exchange::Statistics;

impl Writer<'_> {
    /// A `24hrTicker`. The weighted average, the change in per cent and the quote volume are left out, and with spot the
    /// best bid and offer.
    pub(super) fn ticker_event(&self, out: &mut String, event_ms: u64, statistics: &Statistics) {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::Product;

    /// Names and forms of the fields are the documented ones.
    #[test]
    fn a_ticker_looks_as_documented() {
        let statistics = Statistics {
            open: Price(341_300),
            high: Price(341_402),
            low: Price(341_300),
            last: Level::new(341_335, 181),
            volume: Qty(2_425),
            trades: 1_000,
        };
        let mut out = String::new();
        Writer::new(Product::CoinM, "BTCUSD_PERP", 1, 0).ticker_event(
            &mut out,
            1_700_000_001_800,
            &statistics,
        );
        let expected = r#"{"e":"24hrTicker","E":1700000001800,"s":"BTCUSD_PERP","ps":"BTCUSD","o":"34130.0","h":"34140.2","l":"34130.0","c":"34133.5","p":"3.5","Q":"181","v":"2425","O":1699913601800,"C":1700000001800,"F":1,"L":1000,"n":1000}"#;
        assert_eq!(out, expected);
    }
}
