//! What the comparison says, as text and as JSON.

use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use touchline::latency::compare::{Comparison, Limit, Row, Slower, Verdict, ratio, value_at};
use touchline::latency::log::Log;

use super::Run;
use crate::numbers::{grouped, time};

/// All that is told.
pub(super) struct Told<'a> {
    pub(super) runs: &'a [Run],
    pub(super) logs: &'a [Log],
    pub(super) faults: &'a [Vec<String>],
    pub(super) compared: &'a Comparison<'a>,
    pub(super) percentiles: &'a [f64],
    pub(super) verdict: Option<(&'a Limit, &'a Verdict<'a>)>,
}

/// The cells of one line of the table: the run's letter or what is divided, then the figures.
pub(super) type Cells = Vec<String>;

impl Told<'_> {
    /// The table's titles behind the tag's.
    pub(super) fn titles(&self) -> Cells {
        let percentiles = self.percentiles.iter().map(|percentile| format!("p{percentile}"));
        ["run", "count"].map(str::to_owned).into_iter().chain(percentiles).chain(["max".to_owned()]).collect()
    }

    /// A row's lines: each run that has the tag, and behind each but the base how many times the base it is.
    pub(super) fn lines(&self, row: &Row<'_>) -> Vec<Cells> {
        let mut lines = Vec::new();
        let mut base = None;
        for (run, histogram) in self.runs.iter().zip(&row.runs) {
            let Some(histogram) = histogram else { continue };
            let values = self.values(histogram);
            let figures = values.iter().map(|nanos| time(*nanos));
            lines.push(
                [run.letter.to_string(), grouped(histogram.len())].into_iter().chain(figures).collect(),
            );
            match &base {
                None => base = Some((run.letter, values)),
                Some((letter, base)) => {
                    let ratios = values.iter().zip(base).map(|(value, base)| times(ratio(*value, *base)));
                    let name = format!("{}/{letter}", run.letter);
                    lines.push([name, String::new()].into_iter().chain(ratios).collect());
                }
            }
        }
        lines
    }

    /// The percentiles and the maximum.
    fn values(&self, histogram: &Histogram<u64>) -> Vec<u64> {
        let percentiles = self.percentiles.iter().map(|percentile| value_at(histogram, *percentile));
        percentiles.chain([histogram.max()]).collect()
    }

    /// The table, what only some runs have, and the verdict.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (run, log) in self.runs.iter().zip(self.logs) {
            let base = if run.letter == 'A' && self.runs.len() > 1 { ", the base" } else { "" };
            let _ =
                writeln!(text, "{}  {}: {} intervals{base}", run.letter, run.path, grouped(log.intervals));
        }
        if !self.compared.rows.is_empty() {
            let wide =
                self.compared.rows.iter().map(|row| row.tag.chars().count()).max().unwrap_or(0).max(16);
            let _ = writeln!(text, "\n{}", line("tag", wide, &self.titles()));
            for row in &self.compared.rows {
                let mut tag = row.tag;
                for cells in self.lines(row) {
                    let _ = writeln!(text, "{}", line(tag, wide, &cells));
                    tag = "";
                }
            }
        }
        let partial = self.partial();
        if !partial.is_empty() {
            let _ = writeln!(text, "\n{}", partial.join("\n"));
        }
        if let Some((limit, verdict)) = self.verdict {
            let _ = writeln!(text, "\n{}", self.judgement(limit, verdict));
        }
        // A tag is foreign text: it may not steer the terminal.
        let plain = |c: char| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c };
        text.trim_end().chars().map(plain).collect()
    }

    /// Which tags only some runs have, a line for each set of runs.
    fn partial(&self) -> Vec<String> {
        let mut sets: Vec<(&[usize], Vec<&str>)> = Vec::new();
        for (tag, runs) in &self.compared.partial {
            match sets.iter_mut().find(|(set, _)| set == runs) {
                Some((_, tags)) => tags.push(tag),
                None => sets.push((runs, vec![tag])),
            }
        }
        let letters = |set: &[usize]| set.iter().map(|run| self.letter(*run).to_string()).collect::<Vec<_>>();
        sets.iter()
            .map(|(set, tags)| format!("only in {}: {}", letters(set).join(" and "), tags.join(", ")))
            .collect()
    }

    /// The run's letter.
    fn letter(&self, run: usize) -> char {
        self.runs.get(run).map_or('?', |run| run.letter)
    }

    fn judgement(&self, limit: &Limit, verdict: &Verdict<'_>) -> String {
        let at: Vec<String> = limit.at.iter().map(|percentile| format!("p{percentile}")).collect();
        let mut text = format!(
            "limit: {} times the base at {}; tags with fewer than {} values are not judged",
            limit.ratio,
            at.join(", "),
            grouped(limit.least_count)
        );
        for (tag, run) in &verdict.too_few {
            let _ = write!(text, "\nnot judged: {tag} of {}, too few values", self.letter(*run));
        }
        for line in self.slower() {
            let _ = write!(text, "\n{line}");
        }
        if verdict.slower.is_empty() && verdict.judged > 0 {
            let _ = write!(
                text,
                "\nwithin the limit: all {} figures that were judged",
                grouped(verdict.judged as u64)
            );
        }
        text
    }

    /// A line for each figure above the limit.
    pub(super) fn slower(&self) -> Vec<String> {
        let line = |slower: &Slower<'_>| {
            format!(
                "slower: {} p{}: {} {}, {} {}: {} times",
                slower.tag,
                slower.percentile,
                self.letter(slower.run),
                time(slower.value),
                self.letter(0),
                time(slower.base),
                times(slower.ratio())
            )
        };
        self.verdict.iter().flat_map(|(_, verdict)| &verdict.slower).map(line).collect()
    }

    /// The same for programs; figures are nanoseconds.
    pub(super) fn json(&self) -> Value {
        let runs: Vec<Value> = self
            .runs
            .iter()
            .zip(self.logs)
            .zip(self.faults)
            .map(|((run, log), faults)| {
                let started = log.started.map(|started| started.as_secs_f64());
                json!({ "run": run.letter, "path": run.path, "started": started, "intervals": log.intervals, "faults": faults })
            })
            .collect();
        let tags: Vec<Value> = self.compared.rows.iter().map(|row| self.row(row)).collect();
        let letters = |runs: &[usize]| runs.iter().map(|run| self.letter(*run)).collect::<Vec<_>>();
        let partial: Vec<Value> = self
            .compared
            .partial
            .iter()
            .map(|(tag, runs)| json!({ "tag": tag, "runs": letters(runs) }))
            .collect();
        let verdict = self.verdict.map(|(limit, verdict)| self.ruling(limit, verdict));
        json!({ "format": 1, "unit": "ns", "runs": runs, "tags": tags, "partial": partial, "verdict": verdict })
    }

    fn row(&self, row: &Row<'_>) -> Value {
        let base = row.runs.first().copied().flatten().map(|base| self.values(base));
        let names: Vec<String> = self.titles().into_iter().skip(2).collect();
        let named = |values: Vec<Value>| Value::Object(names.iter().cloned().zip(values).collect());
        let mut runs = Vec::new();
        for (run, histogram) in self.runs.iter().zip(&row.runs) {
            let Some(histogram) = histogram else { continue };
            let values = self.values(histogram);
            let ratios = base.iter().flatten().zip(&values).map(|(base, value)| ratio(*value, *base).into());
            let mut entry = json!({ "run": run.letter, "count": histogram.len() });
            entry["ratio"] = if run.letter == 'A' { Value::Null } else { named(ratios.collect()) };
            entry["ns"] = named(values.into_iter().map(Value::from).collect());
            runs.push(entry);
        }
        json!({ "tag": row.tag, "runs": runs })
    }

    fn ruling(&self, limit: &Limit, verdict: &Verdict<'_>) -> Value {
        let slower = |slower: &Slower<'_>| {
            json!({
                "tag": slower.tag, "run": self.letter(slower.run), "percentile": slower.percentile,
                "base_ns": slower.base, "ns": slower.value, "ratio": slower.ratio(),
            })
        };
        let too_few = |(tag, run): &(&str, usize)| json!({ "tag": tag, "run": self.letter(*run) });
        json!({
            "fail_above": limit.ratio,
            "at": limit.at,
            "least_count": limit.least_count,
            "judged": verdict.judged,
            "slower": verdict.slower.iter().map(slower).collect::<Vec<_>>(),
            "too_few": verdict.too_few.iter().map(too_few).collect::<Vec<_>>(),
        })
    }
}

/// One line of the table.
fn line(tag: &str, wide: usize, cells: &Cells) -> String {
    let mut line = format!("{tag:wide$}");
    for (place, cell) in cells.iter().enumerate() {
        let _ = match place {
            0 => write!(line, "  {cell:4}"),
            1 => write!(line, "{cell:>13}"),
            _ => write!(line, "{cell:>10}"),
        };
    }
    line
}

/// A ratio: three digits, as its parts have.
fn times(ratio: f64) -> String {
    match ratio {
        _ if ratio < 9.995 => format!("{ratio:.2}"),
        _ if ratio < 99.95 => format!("{ratio:.1}"),
        _ if ratio < 9_999.5 => format!("{ratio:.0}"),
        _ => "> 9999".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ratios keep three digits, and one without a base is not printed as a number.
    #[test]
    fn ratios_are_short() {
        let shown = [0.0, 0.5, 1.0, 1.049, 12.34, 123.4, f64::INFINITY].map(times);
        assert_eq!(shown, ["0.00", "0.50", "1.00", "1.05", "12.3", "123", "> 9999"]);
    }
}
