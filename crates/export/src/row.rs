//! A message's rows, as the tables of CSV and Parquet hold them.

use std::array;
use std::iter::Flatten;
use std::slice;

use touchline::Update;
use touchline::market::{
    Bbo, Decimal, Flags, Head, Level, Levels, Nanos, Record, Side, Trade, Trailer, UpdateKind,
};

/// The columns of CSV and Parquet, in their order.
pub const COLUMNS: [&str; 18] = [
    "update",
    "line",
    "ts_recv",
    "ts_event",
    "venue",
    "symbol",
    "kind",
    "beside_stream",
    "previous",
    "sequence",
    "side",
    "price",
    "qty",
    "trade_id",
    "cut",
    "checksum",
    "reason",
    "last",
];

/// One row; the fields are [`COLUMNS`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) update: u64,
    pub(crate) line: u64,
    pub(crate) ts_recv: Nanos,
    pub(crate) ts_event: Nanos,
    pub(crate) venue: &'a str,
    pub(crate) symbol: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) beside_stream: bool,
    pub(crate) previous: u64,
    pub(crate) sequence: u64,
    pub(crate) side: Option<&'static str>,
    pub(crate) price: Option<Decimal>,
    pub(crate) qty: Option<Decimal>,
    pub(crate) trade_id: Option<u64>,
    pub(crate) cut: Option<u16>,
    pub(crate) checksum: Option<u32>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) last: bool,
}

/// The rows of one message: as many as it has levels, and at least one.
#[derive(Clone, Debug)]
pub(crate) struct Rows<'a> {
    row: Row<'a>,
    scales: (u8, u8),
    body: Body<'a>,
    left: usize,
}

#[derive(Clone, Debug)]
enum Body<'a> {
    Levels(Levels<slice::Iter<'a, Record>>),
    Few(Flatten<array::IntoIter<Option<(&'static str, Level)>, 2>>),
}

/// The rows of message number `number`; `None` if its kind has none.
pub(crate) fn rows<'a>(update: &Update<'a>, number: u64) -> Option<Rows<'a>> {
    let head = update.head;
    let few = |first, second| Body::Few([first, second].into_iter().flatten());
    let mut trade_id = None;
    let (kind, body, levels) = match head.kind {
        UpdateKind::Snapshot => ("snapshot", levels(update), head.levels()),
        UpdateKind::Delta => ("delta", levels(update), head.levels()),
        UpdateKind::Depth => ("depth", levels(update), head.levels()),
        UpdateKind::Bbo => {
            let Bbo { bid, ask } = Bbo::from_record(update.body.first()?);
            ("bbo", few(Some(("bid", bid)), Some(("ask", ask))), 2)
        }
        UpdateKind::Trade => {
            let trade = Trade::from_record(update.body.first()?);
            let side = if trade.aggressor == Side::Bid { "buy" } else { "sell" };
            trade_id = Some(trade.id);
            ("trade", few(Some((side, Level { price: trade.price, qty: trade.qty })), None), 1)
        }
        UpdateKind::Break => ("break", few(None, None), 0),
        _ => return None,
    };
    let trailer = trailer(head, update.body);
    let row = Row {
        update: number,
        line: head.mark,
        ts_recv: head.ts_recv,
        ts_event: head.ts_event,
        venue: update.instrument.venue.as_str(),
        symbol: &update.instrument.symbol,
        kind,
        beside_stream: head.flags.has(Flags::BESIDE_STREAM),
        previous: head.previous.0,
        sequence: head.sequence.0,
        side: None,
        price: None,
        qty: None,
        trade_id,
        cut: (trailer.cut > 0).then_some(trailer.cut),
        checksum: trailer.checksum,
        reason: head.reason().map(|reason| reason.name()),
        last: false,
    };
    Some(Rows { row, scales: (head.price_scale, head.qty_scale), body, left: levels.max(1) })
}

fn levels<'a>(update: &Update<'a>) -> Body<'a> {
    Body::Levels(Levels::new(update.head, update.body.iter()))
}

/// What stands behind the levels; nothing where the head does not say so.
pub(crate) fn trailer(head: &Head, body: &[Record]) -> Trailer {
    match body.last() {
        Some(last) if head.flags.has(Flags::TRAILER) => Trailer::of(last),
        _ => Trailer::default(),
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        self.left = self.left.checked_sub(1)?;
        let mut row = Row { last: self.left == 0, ..self.row };
        let level = match &mut self.body {
            Body::Levels(levels) => {
                levels.next().map(|(side, level)| (if side == Side::Bid { "bid" } else { "ask" }, level))
            }
            Body::Few(few) => few.next(),
        };
        if let Some((side, level)) = level {
            row.side = Some(side);
            row.price = Some(level.price.at(self.scales.0));
            row.qty = Some(level.qty.at(self.scales.1));
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Sample, book, message, trade};

    /// Levels keep their order and their sides, the last row says so, and the trailer stands on each.
    #[test]
    fn levels_become_rows_in_their_order() {
        let trailer = Trailer { checksum: Some(7), cut: 10, ..Trailer::default() };
        let sample = book(UpdateKind::Snapshot, 5, &[(1_005, 20), (1_000, 3)], &[(1_010, 1)]).with(trailer);
        let rows: Vec<_> = rows(&sample.update(), 3).unwrap().collect();
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                let text = |number: Option<Decimal>| number.unwrap().to_string();
                (row.side.unwrap(), text(row.price), text(row.qty), row.last)
            })
            .collect();
        let row = |side, price: &str, qty: &str, last| (side, price.to_owned(), qty.to_owned(), last);
        let expected = [
            row("bid", "100.5", "0.2", false),
            row("bid", "100", "0.03", false),
            row("ask", "101", "0.01", true),
        ];
        assert_eq!(told, expected);
        assert!(rows.iter().all(|row| (row.update, row.sequence, row.kind) == (3, 5, "snapshot")));
        assert!(rows.iter().all(|row| (row.cut, row.checksum) == (Some(10), Some(7))));
    }

    /// A delta without a level and a break have one row without a level; a trade has one with its aggressor; a ticker
    /// has none.
    #[test]
    fn every_kind_has_its_rows() {
        let only = |sample: &Sample| {
            let rows: Vec<_> = rows(&sample.update(), 0).unwrap().collect();
            assert_eq!(rows.len(), 1);
            assert!(rows[0].last);
            (
                rows[0].kind,
                rows[0].side,
                rows[0].price.map(|price| price.to_string()),
                rows[0].trade_id,
                rows[0].reason,
            )
        };
        assert_eq!(only(&book(UpdateKind::Delta, 5, &[], &[])), ("delta", None, None, None, None));
        let broken =
            message(Head::broken(touchline::market::InstrumentId(0), None, touchline::market::Reason::Gap));
        assert_eq!(only(&broken), ("break", None, None, None, Some("gap")));
        let sold = trade(Side::Ask, 1_001, 2, 77);
        assert_eq!(only(&sold), ("trade", Some("sell"), Some("100.1".to_owned()), Some(77), None));
        let ticker = message(Head::new(UpdateKind::Ticker, touchline::market::InstrumentId(0)));
        assert!(rows(&ticker.update(), 0).is_none());
    }
}
