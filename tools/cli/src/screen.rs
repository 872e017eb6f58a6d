//! Books on the terminal.

use touchline::market::{Level, Side};
use touchline::{BookView, Finished, VIEW_DEPTH, View};

use crate::numbers::{decimals, padded};

/// Instruments that are shown one by one.
const INSTRUMENTS: usize = 20;

/// One line per instrument: what it is worth and where it stands.
pub(crate) fn books<O>(finished: &Finished<O>, views: &[View]) -> String {
    let head = ["instrument", "state", "updates", "bbo", "trades", "bids", "asks", "best"];
    let mut rows = vec![head.map(str::to_owned)];
    for (book, view) in finished.books.iter().zip(views).take(INSTRUMENTS) {
        let shown = view.read();
        let best = match (shown.bids().first(), shown.asks().first()) {
            (Some(bid), Some(ask)) => {
                format!("{} / {}", bid.price.at(shown.price_scale), ask.price.at(shown.price_scale))
            }
            _ => "-".to_owned(),
        };
        let [bids, asks] = book.levels;
        rows.push([
            format!("{}:{}", book.instrument.venue, book.instrument.name),
            book.state.to_string(),
            book.counters.updates.to_string(),
            book.channels.bbos.to_string(),
            book.channels.trades.to_string(),
            bids.to_string(),
            asks.to_string(),
            best,
        ]);
    }
    let mut text = table(&rows, [false, false, true, true, true, true, true, false]);
    if finished.books.len() > INSTRUMENTS {
        text += &format!("... and {} more\n", finished.books.len() - INSTRUMENTS);
    }
    text
}

/// Rows as a table, each column as wide as its widest cell; `right` says which columns hold numbers.
pub(crate) fn table<const N: usize>(rows: &[[String; N]], right: [bool; N]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((cell, width), right) in row.iter().zip(widths).zip(right) {
            line += &if right { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A book's best levels, so many a side, asks above bids, with bars by quantity.
pub(crate) fn ladder(name: &str, view: &BookView<VIEW_DEPTH>, rows: usize) -> String {
    let shown = || view.asks().iter().take(rows).chain(view.bids().iter().take(rows));
    let largest = shown().map(|level| level.qty.0).max().unwrap_or(1).max(1);
    let price = |level: &Level| level.price.at(view.price_scale).to_string();
    let qty = |level: &Level| level.qty.at(view.qty_scale).to_string();
    let prices = shown().map(|level| decimals(&price(level))).max().unwrap_or(0);
    let qtys = shown().map(|level| decimals(&qty(level))).max().unwrap_or(0);
    let row = |side: Side, level: &Level| {
        let width = (level.qty.0 as f64 / largest as f64 * 24.0).ceil() as usize;
        let side = if side == Side::Ask { "ask" } else { "bid" };
        let (price, qty) = (padded(&price(level), prices), padded(&qty(level), qtys));
        format!("  {side}  {price:>14}  {qty:>14}  {}\n", "█".repeat(width))
    };
    let mut text = format!("{name}  {}  epoch {}  sequence {}\n", view.state, view.epoch, view.sequence.0);
    for level in view.asks().iter().take(rows).rev() {
        text += &row(Side::Ask, level);
    }
    text += "       ──────────────  ──────────────\n";
    for level in view.bids().iter().take(rows) {
        text += &row(Side::Bid, level);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns are as wide as their widest cell, numbers stand right, and no line ends in blanks.
    #[test]
    fn tables_are_as_narrow_as_their_cells_allow() {
        let rows = [["name", "n", ""], ["a", "1,000", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows, [false, true, false]), "name      n\na     1,000  x\n");
    }
}
