//! The whole screen of a watch, drawn from its model.
//!
//! ```text
//! header        what runs, how much of it is live
//! instruments   one line each, where there are several
//! ladder        the selected one's best levels | what is known of it, and the stages' latencies
//! connections
//! events        newest last
//! keys
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Widget};
use touchline::market::State;

use super::model::{Model, Status};
use super::{ladder, table};
use crate::numbers;

/// How the model is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Which instrument's levels are shown.
    pub(crate) selected: usize,
    pub(crate) paused: bool,
    /// Levels a side that are shown at most.
    pub(crate) depth: usize,
    pub(crate) colours: bool,
}

impl Look {
    /// A colour, where there are colours.
    pub(crate) fn colour(self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }

    /// The colour of a state's word.
    pub(crate) fn state(self, state: State) -> Style {
        match state {
            State::Init => self.colour(Color::Gray),
            State::Syncing => self.colour(Color::Yellow),
            State::Live => self.colour(Color::Green).add_modifier(Modifier::BOLD),
            State::Stale(_) => self.colour(Color::Red).add_modifier(Modifier::BOLD),
            State::Dead(_) => self.colour(Color::Magenta).add_modifier(Modifier::BOLD),
        }
    }
}

/// Text that only explains.
pub(crate) fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

/// A line across with a title; what is left below it.
pub(crate) fn titled(title: Line<'_>, area: Rect, buffer: &mut Buffer) -> Rect {
    let block = Block::new().borders(Borders::TOP).border_style(dim()).title(title);
    let inside = block.inner(area);
    block.render(area, buffer);
    inside
}

/// How many lines each part has.
#[derive(Debug, Eq, PartialEq)]
struct Heights {
    table: u16,
    connections: u16,
    statuses: u16,
}

impl Heights {
    /// The ladder comes first: the other parts share what it does not need, each with its title.
    fn of(model: &Model, height: u16) -> Self {
        let count = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        // Header and keys; a ladder of two levels a side.
        let mut free = height.saturating_sub(2).saturating_sub(6);
        let mut take = |wanted: u16, least: u16| {
            let taken = if free < least { 0 } else { wanted.min(free) };
            free -= taken;
            taken
        };
        let several = model.books.len() > 1;
        let table = if several { take((count(model.books.len()) + 1).min(height / 4).max(3), 2) } else { 0 };
        let connections = take(count(model.connections.len()).clamp(1, (height / 12).max(1)) + 1, 2);
        let statuses = height / 4 - u16::from(several && height < 30).min(height / 4);
        Self { table, connections, statuses: take(statuses.clamp(2, 9), 2) }
    }
}

/// Draws everything.
pub(crate) fn draw(model: &Model, look: Look, area: Rect, buffer: &mut Buffer) {
    let heights = Heights::of(model, area.height);
    let [header, books, middle, connections, statuses, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(heights.table),
        Constraint::Min(0),
        Constraint::Length(heights.connections),
        Constraint::Length(heights.statuses),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_header(model, look, header, buffer);
    table::draw(model, look, books, buffer);
    ladder::draw(model, look, middle, buffer);
    draw_connections(model, look, connections, buffer);
    draw_statuses(model, look, statuses, buffer);
    let text =
        if model.books.len() > 1 { " q quit   p pause   ↑↓ Tab select" } else { " q quit   p pause" };
    Paragraph::new(text).style(dim()).render(keys, buffer);
}

fn draw_header(model: &Model, look: Look, area: Rect, buffer: &mut Buffer) {
    let (live, all) = (model.live(), model.books.len());
    let worth = if live == all { look.state(State::Live) } else { look.colour(Color::Red) };
    let mut spans = vec![
        Span::styled(" touchline ", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(" "),
        Span::styled(format!("{live} of {all} live"), worth),
        Span::raw(format!("   {} msg/s", numbers::rate(model.rate()))),
    ];
    if look.paused {
        let style = look.colour(Color::Yellow).add_modifier(Modifier::REVERSED);
        spans.extend([Span::raw("   "), Span::styled(" PAUSED ", style)]);
    }
    Paragraph::new(Line::from(spans)).render(area, buffer);
    let clock = format!("up {}  {:.8} UTC ", numbers::uptime(model.uptime), model.now.to_string());
    Paragraph::new(Line::from(clock).right_aligned()).style(dim()).render(right(area, 28), buffer);
}

/// The last columns of an area, if that leaves room for something before them.
fn right(area: Rect, width: u16) -> Rect {
    let width = if area.width < 2 * width { 0 } else { width };
    Rect { x: area.right() - width, width, ..area }
}

fn draw_connections(model: &Model, look: Look, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let inside = titled(Line::from(" connections "), area, buffer);
    let shown = usize::from(inside.height);
    let mut lines = Vec::new();
    for (index, connection) in model.connections.iter().enumerate() {
        if index + 1 == shown && model.connections.len() > shown {
            lines.push(Line::from(format!("  and {} more", model.connections.len() - index)).style(dim()));
            break;
        }
        let live = connection.phase == "live";
        let style = look.colour(if live { Color::Green } else { Color::Yellow });
        let [acknowledged, streams] = connection.streams;
        let mut text = format!("  {acknowledged}/{streams} streams");
        if connection.reconnects > 0 {
            let plural = if connection.reconnects == 1 { "" } else { "s" };
            text += &format!("  {} reconnect{plural}", connection.reconnects);
        }
        lines.push(Line::from(vec![
            Span::raw(format!(" #{} ", connection.number)),
            Span::styled(format!("{:<11}", connection.phase), style),
            Span::raw(text),
            Span::styled(format!("  {}", connection.url), dim()),
        ]));
    }
    if lines.is_empty() {
        lines.push(Line::from(" none yet").style(dim()));
    }
    Paragraph::new(lines).render(inside, buffer);
}

fn draw_statuses(model: &Model, look: Look, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let inside = titled(Line::from(" events "), area, buffer);
    let first = model.statuses.len().saturating_sub(usize::from(inside.height));
    // One column for all of them, so that what happened stands below what happened before.
    let names = model.statuses.iter().skip(first).map(|status| status.whose.chars().count());
    let width = names.max().unwrap_or(0).min(usize::from(inside.width) / 3);
    let line = |status: &Status| {
        let style = status.state().map_or_else(Style::new, |state| look.state(state));
        Line::from(vec![
            Span::styled(format!(" {} ", status.at), dim()),
            Span::raw(format!(" {:<width$}  ", numbers::cut(&status.whose, width))),
            Span::styled(status.text(), style),
        ])
    };
    let lines: Vec<_> = model.statuses.iter().skip(first).map(line).collect();
    Paragraph::new(lines).render(inside, buffer);
}

#[cfg(test)]
mod tests;
