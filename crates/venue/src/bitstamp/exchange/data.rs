//! The data: books, changes of them, trades.

use std::fmt::Write;

use touchline_market::{Level, Side, Trade};

use crate::exchange::{Book, Moment, Stream, Traded, Update};

/// A message of `diff_order_book_*` or `order_book_*`: they differ in what is in them.
pub(super) fn book(out: &mut String, traded: &Traded, stream: &Stream, update: &Update<'_>) {
    out.push_str(r#"{"data":"#);
    levels(out, traded, update.stamp_us, update.bids, update.asks);
    let _ = write!(out, r#","channel":"{}","event":"data"}}"#, stream.name);
}

/// The body of `order_book`.
pub(super) fn snapshot(out: &mut String, traded: &Traded, book: &Book<'_>) {
    levels(out, traded, book.stamp_us, book.bids, book.asks);
}

fn levels(out: &mut String, traded: &Traded, stamp_us: u64, bids: &[Level], asks: &[Level]) {
    let seconds = stamp_us / 1_000_000;
    let _ = write!(out, r#"{{"timestamp":"{seconds}","microtimestamp":"{stamp_us}","bids":"#);
    side(out, traded, bids);
    out.push_str(r#","asks":"#);
    side(out, traded, asks);
    out.push('}');
}

/// A level that is removed has a zero with all the decimals of the market.
fn side(out: &mut String, traded: &Traded, levels: &[Level]) {
    out.push('[');
    for (place, level) in levels.iter().enumerate() {
        out.push_str(if place == 0 { "[\"" } else { ",[\"" });
        traded.price(out, level.price);
        out.push_str("\",\"");
        traded.qty(out, level.qty);
        out.push_str("\"]");
    }
    out.push(']');
}

/// A message of `live_trades_*`. The numbers of the two orders are made of the trade's.
pub(super) fn trade(out: &mut String, traded: &Traded, stream: &Stream, moment: &Moment, trade: &Trade) {
    let (mut price, mut amount) = (String::new(), String::new());
    traded.price(&mut price, trade.price);
    traded.qty(&mut amount, trade.qty);
    let (id, micros) = (trade.id, moment.stamp_us);
    let kind = if trade.aggressor == Side::Bid { 0 } else { 1 };
    let _ = write!(
        out,
        r#"{{"data":{{"id":{id},"id_str":"{id}","timestamp":"{}","amount":{amount},"amount_str":"{amount}","price":{price},"price_str":"{price}","type":{kind},"microtimestamp":"{micros}","buy_order_id":{},"sell_order_id":{}}},"channel":"{}","event":"trade"}}"#,
        micros / 1_000_000,
        2 * u128::from(id),
        2 * u128::from(id) + 1,
        stream.name,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_market::{Price, Qty};

    fn stream(name: &str) -> Stream {
        Stream { name: name.to_owned(), symbol: String::new(), channel: None, levels: 0 }
    }

    /// Messages look as recorded.
    #[test]
    fn messages_look_as_recorded() {
        let traded = Traded { symbol: "adaeur".to_owned(), price_scale: 5, qty_scale: 8 };
        let update = Update {
            event_ms: 1_641_343_691_310,
            stamp_us: 1_641_343_691_310_202,
            first: 1,
            last: 1,
            previous: 0,
            bids: &[],
            asks: &[Level::new(117_438, 85_301_809_477), Level::new(117_484, 0)],
            best_bids: &[],
            best_asks: &[],
        };
        let mut out = String::new();
        book(&mut out, &traded, &stream("diff_order_book_adaeur"), &update);
        let recorded = r#"{"data":{"timestamp":"1641343691","microtimestamp":"1641343691310202","bids":[],"asks":[["1.17438","853.01809477"],["1.17484","0.00000000"]]},"channel":"diff_order_book_adaeur","event":"data"}"#;
        assert_eq!(out, recorded);
        let sold =
            Trade { price: Price(380_293), qty: Qty(93_100_000), id: 216_000_484, aggressor: Side::Ask };
        let moment = Moment { stamp_us: 1_641_343_709_599_000, ..Moment::default() };
        let traded = Traded { price_scale: 2, ..traded };
        out.clear();
        trade(&mut out, &traded, &stream("live_trades_ethusd"), &moment, &sold);
        let begins = r#"{"data":{"id":216000484,"id_str":"216000484","timestamp":"1641343709","amount":0.93100000,"amount_str":"0.93100000","price":3802.93,"price_str":"3802.93","type":1,"microtimestamp":"1641343709599000","#;
        assert!(out.starts_with(begins), "{out}");
        assert!(out.ends_with(r#"},"channel":"live_trades_ethusd","event":"trade"}"#), "{out}");
    }
}
