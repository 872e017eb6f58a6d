//! What an audit found, as text.

use std::collections::BTreeMap;

use touchline::verify::{BookAudit, Difference};

use crate::screen;

/// Snapshots that are shown level by level, for each book.
const SHOWN: usize = 3;

/// A table with a line for each book, then the differences.
pub(super) fn text(audit: &BTreeMap<String, BookAudit>) -> String {
    if audit.is_empty() {
        return "\nAudit: nothing to compare: no REST snapshot came while its book was LIVE.".to_owned();
    }
    let head = ["symbol", "snapshots", "compared", "equal", "different", "not comparable"];
    let mut rows = vec![head.map(str::to_owned)];
    let mut notes = String::new();
    for (symbol, book) in audit {
        let passed: u64 = book.not_comparable.values().sum();
        let counts = [book.snapshots, book.compared(), book.equal, book.different, passed];
        let [a, b, c, d, e] = counts.map(|count| count.to_string());
        rows.push([symbol.clone(), a, b, c, d, e]);
        for (why, count) in &book.not_comparable {
            notes += &format!("\n{symbol}: {count} not comparable: {why}");
        }
        for difference in book.differences.iter().take(SHOWN) {
            notes += &told(symbol, difference);
        }
        let hidden = book.different.saturating_sub(SHOWN as u64);
        if hidden > 0 {
            notes += &format!("\n{symbol}: {hidden} more snapshots differ; --json has their levels");
        }
    }
    let table = screen::table(&rows, [false, true, true, true, true, true]);
    format!("\nAudit: each book beside the REST snapshots after its first\n\n{table}{notes}")
        .trim_end()
        .to_owned()
}

fn told(symbol: &str, difference: &Difference) -> String {
    let Difference { line, snapshot_sequence, sequence, compared, differing, levels } = difference;
    let mut text = format!(
        "\n{symbol}: line {line}, snapshot {snapshot_sequence}, compared at {sequence}: {differing} of {compared} \
         levels differ"
    );
    for level in levels {
        let or_none = |qty: &Option<String>| qty.clone().unwrap_or_else(|| "none".to_owned());
        let (ours, theirs) = (or_none(&level.ours), or_none(&level.theirs));
        text += &format!("\n  {} {}: ours {ours}, the venue's {theirs}", level.side, level.price);
    }
    if *differing > levels.len() as u64 {
        text += &format!("\n  ... {} more", differing - levels.len() as u64);
    }
    text
}
