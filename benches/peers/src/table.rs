//! The rows as a table that is read on a terminal.

use crate::machine::Machine;
use crate::row::{Row, Says, Verdict};

/// The widths of the texts.
const WIDTHS: [usize; 3] = [30, 22, 30];

/// All rows, a line each, under their stage.
pub fn text(rows: &[Row], machine: &Machine, rounds: usize) -> String {
    let mut text = format!(
        "{}, {} cores, {}\n{}; commit {}, {}; medians of {rounds} interleaved rounds\n",
        machine.cpu,
        machine.cores,
        machine.features.join(" "),
        machine.rustc,
        machine.commit,
        machine.date,
    );
    let mut stage = "";
    for row in rows {
        if row.stage != stage {
            stage = &row.stage;
            let [ours, measure, peer] = ["ours", "measure", "beside"].map(str::to_owned);
            text.push_str(&format!("\n{stage}\n"));
            text.push_str(&line([ours, measure, peer], ["", "ours", "its", "ratio", "95 %", "goal", ""]));
        }
        text.push_str(&of(row));
    }
    text.push_str(&summary(rows));
    text
}

fn of(row: &Row) -> String {
    let unit = if row.unit == "ns" { "" } else { row.unit.as_str() };
    let interval = match (row.low, row.high) {
        (Some(low), Some(high)) => format!("{}-{}", number(low), number(high)),
        _ => String::new(),
    };
    let figure = |value: Option<f64>| value.map_or("-".to_owned(), number);
    let says = match row.says {
        Says::TimesFaster => "x faster",
        Says::TimesItsTime => "x of it ",
    };
    let ratio = row.ratio.map_or("-".to_owned(), |ratio| format!("{}{says}", number(ratio)));
    let verdict = match row.verdict {
        Verdict::None => "",
        Verdict::Met => "met",
        Verdict::Noise => "within noise",
        Verdict::Missed => "MISSED",
        Verdict::Unmeasured => row.note.as_deref().unwrap_or("not measured"),
    };
    line(
        [row.ours.clone(), row.measure.clone(), row.peer.clone()],
        [
            unit,
            &figure(row.ours_ns),
            &figure(row.peer_ns),
            &ratio,
            &interval,
            row.goal.as_deref().unwrap_or(""),
            verdict,
        ],
    )
}

fn line(
    [ours, measure, peer]: [String; 3],
    [unit, value, beside, ratio, interval, goal, verdict]: [&str; 7],
) -> String {
    let [first, second, third] = WIDTHS;
    let measure = if unit.is_empty() { measure } else { format!("{measure}, {unit}") };
    let text = format!(
        "  {ours:<first$} {measure:<second$} {peer:<third$} {value:>9} {beside:>9} {ratio:>14} {interval:>13}  {goal:<15} {verdict}"
    );
    format!("{}\n", text.trim_end())
}

/// A figure with three digits that say something.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size > 0.0 && size < 0.1 => format!("{value:.4}"),
        _ => format!("{value:.2}"),
    }
}

fn summary(rows: &[Row]) -> String {
    let count = |verdict: Verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    format!(
        "\n{} goals met, {} missed within noise, {} missed, {} rows not measured\n",
        count(Verdict::Met),
        count(Verdict::Noise),
        count(Verdict::Missed),
        count(Verdict::Unmeasured)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Bound;

    /// A row shows both figures, the ratio with its unit, the goal and the verdict; what was not measured says why.
    #[test]
    fn rows_say_what_was_measured() {
        let row =
            Row::paired("parse", "mean", &[(10.0, 234.0); 9], Some(Bound::Faster(15.0)), Says::TimesItsTime);
        let line = of(&row.between("ours", "theirs"));
        for word in ["ours", "theirs", "10.0", "234", "23.4x faster", ">= 15x faster", "met"] {
            assert!(line.contains(word), "{word} is not in {line}");
        }
        assert!(of(&Row::unmeasured("socket", "mean", "not built")).ends_with("not built\n"));
    }
}
