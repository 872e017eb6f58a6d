//! All instruments, one line each.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget};

use super::model::{Book, Model};
use super::screen::{Look, dim};
use crate::numbers;

/// Columns between columns.
const GAP: usize = 2;

/// What a name is never cut below.
const NAME_MIN: usize = 18;

/// How wide the names' column is, where there is room and no name is longer.
const NAME_USUAL: usize = 30;

/// What the other columns may take at most: state, bid, ask, spread, messages a second, age.
const WIDTHS_MAX: [usize; 6] = [20, 16, 16, 12, 10, 7];

const TITLES: [&str; 6] = ["state", "bid", "ask", "spread", "msg/s", "age"];

/// Draws as many lines as there is room for, the selected one among them.
pub(crate) fn draw(model: &Model, look: Look, area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let shown = usize::from(area.height) - 1;
    let first = (look.selected + 1).saturating_sub(shown).min(model.books.len().saturating_sub(shown));
    let books: Vec<_> = model.books.iter().enumerate().skip(first).take(shown).collect();
    let cells: Vec<_> = books.iter().map(|(_, book)| cells(model, book)).collect();
    let columns = columns(&cells, usize::from(area.width));
    let rest: usize = columns.widths.iter().take(columns.count).map(|width| width + GAP).sum();
    let longest = books.iter().map(|(_, book)| book.name.chars().count()).max().unwrap_or(0);
    let name = usize::from(area.width).saturating_sub(rest + 2).min(longest.max(NAME_USUAL));

    let title = |place: usize| align(TITLES[place], columns.widths[place], place);
    let titles: String = (0..columns.count).map(title).collect();
    let hidden = model.books.len() - books.len();
    let instruments =
        if hidden > 0 { format!("instrument ({hidden} more)") } else { "instrument".to_owned() };
    let head = format!("  {:<name$}{titles}", numbers::cut(&instruments, name));
    let mut lines = vec![Line::from(head).style(dim())];
    for ((index, book), cells) in books.iter().zip(&cells) {
        let selected = *index == look.selected;
        let mark = if selected { "▸ " } else { "  " };
        let mut spans = vec![Span::raw(format!("{mark}{:<name$}", numbers::cut(&book.name, name)))];
        for (place, cell) in cells.iter().enumerate().take(columns.count) {
            let style = if place == 0 { look.state(book.state) } else { Style::new() };
            spans.push(Span::styled(align(cell, columns.widths[place], place), style));
        }
        let style = if selected { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        lines.push(Line::from(spans).style(style));
    }
    Paragraph::new(lines).render(area, buffer);
}

fn cells(model: &Model, book: &Book) -> [String; 6] {
    let dash = || "-".to_owned();
    [
        book.state.to_string(),
        book.bids.first().map_or_else(dash, |level| book.price(level)),
        book.asks.first().map_or_else(dash, |level| book.price(level)),
        book.spread().map_or_else(dash, |spread| spread.to_string()),
        numbers::rate(book.rate),
        book.age(model.now).map_or_else(dash, numbers::age),
    ]
}

/// Which columns are shown, and how wide.
struct Columns {
    widths: [usize; 6],
    /// The last ones are left out where the name would have no room.
    count: usize,
}

fn columns(cells: &[[String; 6]], width: usize) -> Columns {
    let mut widths = TITLES.map(str::len);
    for row in cells {
        for ((width, cell), most) in widths.iter_mut().zip(row).zip(WIDTHS_MAX) {
            *width = cell.chars().count().min(most).max(*width);
        }
    }
    let mut count = widths.len();
    while count > 1 && widths[..count].iter().map(|width| width + GAP).sum::<usize>() + NAME_MIN + 2 > width {
        count -= 1;
    }
    Columns { widths, count }
}

/// A cell behind its gap: words stand left, numbers right.
fn align(cell: &str, width: usize, place: usize) -> String {
    let cell = numbers::cut(cell, width);
    if place == 0 { format!("  {cell:<width$}") } else { format!("  {cell:>width$}") }
}
