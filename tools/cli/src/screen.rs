//! Books on the terminal.

use touchline::market::{Level, Side};
use touchline::{BookView, Finished, VIEW_DEPTH, View};

/// Levels a side that are shown.
const SHOWN: usize = 5;

/// Instruments that are shown one by one.
const INSTRUMENTS: usize = 20;

/// One line per instrument: what it is worth and where it stands.
pub(crate) fn books<O>(finished: &Finished<O>, views: &[View]) -> String {
    let mut text = format!(
        "{:<28} {:<16} {:>9} {:>9} {:>9} {:>7} {:>7}   {}\n",
        "instrument", "state", "updates", "bbo", "trades", "bids", "asks", "best"
    );
    for (book, view) in finished.books.iter().zip(views).take(INSTRUMENTS) {
        let name = format!("{}:{}", book.instrument.venue, book.instrument.name);
        let shown = view.read();
        let best = match (shown.bids().first(), shown.asks().first()) {
            (Some(bid), Some(ask)) => {
                format!("{} / {}", bid.price.at(shown.price_scale), ask.price.at(shown.price_scale))
            }
            _ => "-".to_owned(),
        };
        let [bids, asks] = book.levels;
        text += &format!(
            "{name:<28} {:<16} {:>9} {:>9} {:>9} {bids:>7} {asks:>7}   {best}\n",
            book.state.to_string(),
            book.counters.updates,
            book.channels.bbos,
            book.channels.trades,
        );
    }
    if finished.books.len() > INSTRUMENTS {
        text += &format!("… and {} more\n", finished.books.len() - INSTRUMENTS);
    }
    text
}

/// A book's best levels, asks above bids, with bars by quantity.
pub(crate) fn ladder(name: &str, view: &BookView<VIEW_DEPTH>) -> String {
    let largest = view.asks().iter().take(SHOWN).chain(view.bids().iter().take(SHOWN));
    let largest = largest.map(|level| level.qty.0).max().unwrap_or(1).max(1);
    let row = |side: Side, level: &Level| {
        let width = (level.qty.0 as f64 / largest as f64 * 24.0).ceil() as usize;
        let side = if side == Side::Ask { "ask" } else { "bid" };
        format!(
            "  {side}  {:>14}  {:>14}  {}\n",
            level.price.at(view.price_scale).to_string(),
            level.qty.at(view.qty_scale).to_string(),
            "█".repeat(width)
        )
    };
    let mut text = format!("{name}  {}  epoch {}  sequence {}\n", view.state, view.epoch, view.sequence.0);
    for level in view.asks().iter().take(SHOWN).rev() {
        text += &row(Side::Ask, level);
    }
    text += "       ──────────────  ──────────────\n";
    for level in view.bids().iter().take(SHOWN) {
        text += &row(Side::Bid, level);
    }
    text
}
