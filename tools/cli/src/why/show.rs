//! Incidents as text.

use touchline::flight::{IncidentReport, LevelReport, MessageReport};
use touchline::market::Nanos;

use super::Found;
use crate::numbers::grouped;
use crate::screen;

/// Columns of a line.
const WIDTH: usize = 100;

/// Messages before an incident that are shown, and levels of the message that did it; JSON has all that there are.
const BEFORE: usize = 10;
const LEVELS: usize = 12;

/// Everything that was found, the summary last.
pub(super) fn text(found: &Found) -> String {
    let mut text = String::new();
    for incident in &found.incidents {
        text += &one(incident);
        text.push('\n');
    }
    let hidden = found.count - (found.incidents.len() as u64).min(found.count);
    if hidden > 0 {
        text += &format!("... and {} more; --limit shows more of them\n\n", grouped(hidden));
    }
    text += &match found.count {
        0 => "nothing broke: no book that was LIVE stopped being it".to_owned(),
        1 => "1 time a book stopped being LIVE".to_owned(),
        count => format!("{} times a book stopped being LIVE", grouped(count)),
    };
    if !found.never_live.is_empty() {
        let names = format!("never LIVE, so that nothing could break: {}", found.never_live.join(", "));
        text += "\n";
        text += &wrapped(&names, 0);
    }
    text.trim_end().to_owned()
}

fn one(incident: &IncidentReport) -> String {
    let IncidentReport { instrument, from, to, .. } = incident;
    let mut text = format!("{}  {instrument}  {from} -> {to}", Nanos(incident.at_ns));
    if let Some(line) = incident.line {
        text += &format!("  line {line}");
    }
    text.push('\n');
    text += &wrapped(&incident.why, 2);
    let message = &incident.message;
    let mut said = format!("  message  {}", message.kind);
    if message.kind != "break" {
        said += &format!(
            ", follows {}, to {}, {} bids, {} asks",
            message.previous, message.sequence, message.bids, message.asks
        );
    }
    text += &format!("{said}\n  book     sequence {}, epoch {}\n", incident.sequence, incident.epoch);
    if let (Some([bid, bid_qty]), Some([ask, ask_qty])) =
        (incident.best_bids.first(), incident.best_asks.first())
    {
        text += &format!("  best     {bid} x {bid_qty} | {ask} x {ask_qty}\n");
    }
    text += &labelled("levels", &levels(incident));
    text += &labelled("frame", incident.frame.as_deref().unwrap_or_default());
    text + &before(&incident.before)
}

/// The first levels of the message.
fn levels(incident: &IncidentReport) -> String {
    let level = |level: &LevelReport| format!("{} {} x {}", level.side, level.price, level.qty);
    let mut shown: Vec<_> = incident.levels.iter().take(LEVELS).map(level).collect();
    let all = usize::from(incident.message.bids) + usize::from(incident.message.asks);
    if all > shown.len() && !shown.is_empty() {
        shown.push(format!("... {} more", all - shown.len()));
    }
    shown.join(", ")
}

/// The last messages as a table.
fn before(messages: &[MessageReport]) -> String {
    let shown = messages.get(messages.len().saturating_sub(BEFORE)..).unwrap_or_default();
    if shown.is_empty() {
        return String::new();
    }
    let head = ["line", "received", "kind", "follows", "to", "bids", "asks", "effect"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(shown.iter().map(|message| {
        [
            message.line.map_or_else(|| "-".to_owned(), |line| line.to_string()),
            Nanos(message.ts_recv_ns).to_string(),
            message.kind.clone(),
            message.previous.to_string(),
            message.sequence.to_string(),
            message.bids.to_string(),
            message.asks.to_string(),
            message.effect.clone(),
        ]
    }));
    let table = screen::table(&rows, [true, true, false, true, true, true, true, false]);
    let indented: String = table.lines().map(|line| format!("    {line}\n")).collect();
    format!("  the {} messages before it\n{indented}", shown.len())
}

/// A label and a text that may be long; nothing for no text.
fn labelled(label: &str, text: &str) -> String {
    const INDENT: usize = 11;
    if text.is_empty() {
        return String::new();
    }
    let lines = wrapped(text, INDENT);
    format!("  {label:<9}{}", lines.trim_start_matches(' '))
}

/// A text in lines of at most the width, broken at blanks where there are some; each line indented.
fn wrapped(text: &str, indent: usize) -> String {
    let width = WIDTH - indent;
    let (mut lines, mut rest) = (String::new(), text);
    while !rest.is_empty() {
        let end = rest.char_indices().nth(width).map_or(rest.len(), |(at, _)| at);
        let (line, more) = match rest.get(..end).and_then(|line| line.rfind(' ')) {
            Some(blank) if end < rest.len() && blank > 0 => (&rest[..blank], &rest[blank + 1..]),
            _ => rest.split_at(end),
        };
        lines += &format!("{:indent$}{}\n", "", line.trim_end());
        rest = more;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines are broken at blanks, words too long for a line within, and nothing is lost but the blanks.
    #[test]
    fn long_texts_are_wrapped() {
        let words = "word ".repeat(50);
        let lines = wrapped(words.trim_end(), 4);
        assert!(lines.lines().count() > 1 && lines.lines().all(|line| line.len() <= WIDTH), "{lines}");
        assert!(lines.lines().all(|line| line.starts_with("    word") && line.ends_with("word")), "{lines}");
        assert_eq!(lines.matches("word").count(), 50);
        let solid = wrapped(&"x".repeat(250), 0);
        assert_eq!(solid.lines().map(str::len).collect::<Vec<_>>(), [100, 100, 50]);
        assert_eq!(wrapped("", 2), "");
    }
}
