//! The selected instrument: its best levels with bars, and what is known of it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget};
use touchline::market::{Level, Side};

use super::model::{Book, Model};
use super::screen::{Look, dim, titled};
use crate::numbers;

/// Columns of the facts beside the ladder.
const FACTS: u16 = 38;

/// Facts that stay where there is little room.
const FACTS_MIN: usize = 4;

/// Columns that a ladder needs beside them.
const LADDER_MIN: u16 = 30;

/// Columns of a ladder at most: longer bars say nothing more.
const LADDER_MAX: u16 = 100;

/// A price or quantity is never shown wider.
const NUMBER_MAX: usize = 24;

/// A whole column of a bar, divided.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Draws the selected instrument.
pub(crate) fn draw(model: &Model, look: Look, area: Rect, buffer: &mut Buffer) {
    let Some(book) = model.books.get(look.selected).filter(|_| area.height > 1) else { return };
    let state = book.state.to_string();
    let name = numbers::cut(&book.name, usize::from(area.width).saturating_sub(state.len() + 8));
    let title = Line::from(vec![
        Span::raw(format!(" {name} ")),
        Span::styled("─ ", dim()),
        Span::styled(state, look.state(book.state)),
        Span::raw(" "),
    ]);
    let inside = titled(title, area, buffer);
    if inside.width < FACTS + LADDER_MIN {
        draw_levels(book, look, inside, buffer);
        return;
    }
    // On a wide screen the facts stay beside the ladder: the eye has a short way.
    let [levels, facts, _] = Layout::horizontal([
        Constraint::Length((inside.width - FACTS).min(LADDER_MAX)),
        Constraint::Length(FACTS),
        Constraint::Min(0),
    ])
    .areas(inside);
    draw_levels(book, look, levels, buffer);
    let mut lines = facts_of(model, book);
    let room = usize::from(facts.height);
    let mut figures = figures_of(model);
    // Where there is no room for all, what is first stays: of the facts, and of the stages the whole journey.
    if !figures.is_empty() {
        lines.truncate(room.saturating_sub(figures.len()).max(FACTS_MIN));
        if lines.len() + figures.len() > room
            && let Some(stages) = figures.get_mut(1..)
        {
            stages.rotate_right(1);
        }
        if lines.len() + figures.len() < room {
            lines.push(Line::default());
        }
        lines.extend(figures);
    }
    Paragraph::new(lines).render(facts, buffer);
}

fn draw_levels(book: &Book, look: Look, area: Rect, buffer: &mut Buffer) {
    let rows = usize::from(area.height.saturating_sub(1) / 2).clamp(1, look.depth.max(1));
    let shown = || book.asks.iter().take(rows).chain(book.bids.iter().take(rows));
    let prices = shown().map(|level| numbers::decimals(&book.price(level))).max().unwrap_or(0);
    let qtys = shown().map(|level| numbers::decimals(&book.qty(level))).max().unwrap_or(0);
    let texts = |level: &Level| {
        [numbers::padded(&book.price(level), prices), numbers::padded(&book.qty(level), qtys)]
            .map(|text| numbers::cut(&text, NUMBER_MAX))
    };
    let widest = |place: usize| shown().map(|level| texts(level)[place].chars().count()).max().unwrap_or(1);
    let widths = [widest(0), widest(1)];
    let largest = shown().map(|level| level.qty.0).max().unwrap_or(1).max(1);
    let bar = usize::from(area.width).saturating_sub(widths[0] + widths[1] + 8);
    let line = |side: Side, level: &Level| {
        let [price, qty] = texts(level);
        let style = look.colour(if side == Side::Bid { Color::Green } else { Color::Red });
        let [wide, narrow] = widths;
        let line = Line::from(vec![
            Span::styled(format!("  {price:>wide$}"), style),
            Span::raw(format!("  {qty:>narrow$}  ")),
            Span::styled(bar_of(level.qty.0 as f64 / largest as f64, bar), style),
        ]);
        // Levels that nobody should trade on do not shine.
        if book.state.is_live() { line } else { line.style(dim()) }
    };
    let mut lines = Vec::new();
    // A side with fewer levels leaves its rows empty, so that the middle stays where it is.
    let missing = rows.saturating_sub(book.asks.len());
    lines.extend((0..missing).map(|_| Line::default()));
    lines.extend(book.asks.iter().take(rows).rev().map(|level| line(Side::Ask, level)));
    lines.push(middle(book, widths));
    lines.extend(book.bids.iter().take(rows).map(|level| line(Side::Bid, level)));
    Paragraph::new(lines).render(area, buffer);
}

/// The line between the sides.
fn middle(book: &Book, [price, qty]: [usize; 2]) -> Line<'static> {
    let width = price + qty + 2;
    let text = match book.spread() {
        Some(spread) => format!(" {spread} "),
        None if book.bids.is_empty() && book.asks.is_empty() => " no levels yet ".to_owned(),
        None => " one side is empty ".to_owned(),
    };
    Line::from(Span::styled(format!("  {text:─^width$}"), dim()))
}

/// A bar of so many columns at most, in eighths; what is not zero shows.
fn bar_of(share: f64, width: usize) -> String {
    let eighths = (share * width as f64 * 8.0).round().max(1.0) as usize;
    if width == 0 {
        return String::new();
    }
    let (whole, part) = (eighths / 8, eighths % 8);
    "█".repeat(whole) + EIGHTHS.get(part).copied().unwrap_or_default()
}

/// What is known of an instrument, the most important first.
fn facts_of(model: &Model, book: &Book) -> Vec<Line<'static>> {
    let dash = || "-".to_owned();
    let spread = match (book.spread(), book.spread_bps()) {
        (Some(spread), Some(bps)) => format!("{spread} ({bps:.2} bps)"),
        (Some(spread), None) => spread.to_string(),
        (None, _) => dash(),
    };
    let trade = book.trade.map_or_else(dash, |seen| {
        let side = if seen.trade.aggressor == Side::Bid { "buy" } else { "sell" };
        let (price, qty) = (seen.trade.price.at(seen.price_scale), seen.trade.qty.at(seen.qty_scale));
        format!("{side} {qty} at {price}")
    });
    let updated = book.age(model.now).map_or_else(dash, |age| format!("{} ago", numbers::age(age)));
    let [bids, asks] = book.levels;
    let fact = |name: &'static str, value: String| {
        Line::from(vec![Span::styled(format!("{name:<10} "), dim()), Span::raw(value)])
    };
    vec![
        fact("updated", format!("{updated}, {} msg/s", numbers::rate(book.rate))),
        fact("spread", spread),
        fact("last trade", trade),
        fact("epoch", format!("{}, sequence {}", book.epoch, book.sequence)),
        fact("levels", format!("{bids} bids, {asks} asks")),
        fact("received", format!("{} messages", numbers::grouped(book.messages))),
    ]
}

/// What the stages took in the last second.
fn figures_of(model: &Model) -> Vec<Line<'static>> {
    if model.stages.is_empty() {
        return Vec::new();
    }
    let row = |cells: [String; 4], style: Style| {
        let [stage, p50, p99, max] = cells;
        Line::from(Span::styled(format!("{stage:<10} {p50:>8} {p99:>8} {max:>8}"), style))
    };
    let titles = ["last 1 s", "p50", "p99", "max"].map(str::to_owned);
    let mut lines = vec![row(titles, dim())];
    for figures in &model.stages {
        let [p50, p99, max] = [figures.p50, figures.p99, figures.max].map(numbers::time);
        lines.push(row([figures.stage.to_owned(), p50, p99, max], Style::new()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bar fills its columns at the largest quantity, shows the smallest, and never grows beyond.
    #[test]
    fn bars_show_shares() {
        assert_eq!(bar_of(1.0, 3), "███");
        assert_eq!(bar_of(0.5, 3), "█▌");
        assert_eq!(bar_of(1e-12, 3), "▏");
        assert_eq!(bar_of(1.0, 0), "");
    }
}
