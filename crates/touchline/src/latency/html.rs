//! `report.html`: one page that needs nothing else.
//!
//! The page is the template `report.html` beside this file with its `{{names}}` filled in. Text from outside (the
//! recording's name, the processor's) is escaped; the page's own policy forbids every request, so a report opened from
//! a mail or a build server shows the same as here.

use std::fmt::Write as _;

use super::chart::{self, Size, group_name};
use super::summary::{Summary, date, grouped, printable, readable};
use super::{MessageKind, Omission, Report, Row, Stage};
use crate::pipeline::Placement;

const TEMPLATE: &str = include_str!("report.html");

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let charts = format!("{}{}", chart::svg(report, Size::WIDE), chart::svg(report, Size::NARROW));
    let values = [
        ("title", escaped(&report.info().recording)),
        ("summary", summary(report)),
        ("caption", caption(report)),
        ("cards", cards(report)),
        ("kinds", kinds(report)),
        ("legend", legend(report)),
        ("charts", if charts.is_empty() { "<p>No latencies were recorded.</p>".to_owned() } else { charts }),
        ("head", Summary::TITLES.iter().fold(String::new(), |head, title| head + "<th>" + title + "</th>")),
        ("rows", rows(&report.rows())),
        ("notes", list(&report.notes())),
        ("facts", facts(report)),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    fill(TEMPLATE, &values)
}

/// Replaces each `{{name}}` by its value, in one pass: a value that looks like a name stays as it is.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut page =
        String::with_capacity(template.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>());
    let mut parts = template.split("{{");
    page.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, text) = part.split_once("}}").unwrap_or((part, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        debug_assert!(value.is_some(), "the template asks for {name}");
        page.push_str(value.map_or("", |(_, value)| value));
        page.push_str(text);
    }
    page
}

/// Text as content or attribute value.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn duration(nanos: f64) -> String {
    readable(nanos, "µs")
}

fn summary(report: &Report) -> String {
    let info = report.info();
    format!(
        "{} frames in {:.1} s, replayed at pace <b>{}</b> with placement <b>{}</b>",
        grouped(info.frames),
        info.wall.as_secs_f64(),
        escaped(&info.pace),
        info.placement_name()
    )
}

/// What the large figures are.
fn caption(report: &Report) -> String {
    let info = report.info();
    let counted = match (info.omission, info.placement) {
        (Omission::MeasuredFromSchedule, _) => "from the moment a frame was due to its published view",
        (Omission::MeasuredFromRead, _) => "from the read of a frame's last byte to its published view",
        (Omission::NotCorrected, Placement::Reader) => "from the frame to its published view",
        (Omission::NotCorrected, Placement::BookThread) => {
            "from the frame to its published view, with the queue that an unpaced replay builds up"
        }
    };
    format!("End to end, all kinds of message: {counted}.")
}

/// The four figures that matter most, large.
fn cards(report: &Report) -> String {
    let summary = Summary::of(report.stage(Stage::EndToEnd));
    let [_, p50, _, p99, p99_9, _, max] = summary.columns();
    let mut cards = String::new();
    for (title, nanos) in [("median", p50), ("p99", p99), ("p99.9", p99_9), ("max", max)] {
        let text = duration(nanos);
        let (value, unit) = text.split_once(' ').unwrap_or((&text, ""));
        let _ = write!(
            cards,
            "<div class=\"card\"><span>{title}</span><b>{value}<small>&nbsp;{unit}</small></b></div>"
        );
    }
    cards
}

/// The switch between kinds of message: radio buttons, so that it works by keyboard and without script.
fn kinds(report: &Report) -> String {
    let (mut inputs, mut labels) = (String::new(), String::new());
    for kind in std::iter::once(None).chain(MessageKind::ALL.map(Some)) {
        let count: u64 = match kind {
            None => report.stage(Stage::EndToEnd).len(),
            Some(kind) => report.recorder.histogram(Stage::EndToEnd, kind).len(),
        };
        if count == 0 && kind.is_some() {
            continue;
        }
        let name = group_name(kind);
        let checked = if kind.is_none() { " checked" } else { "" };
        let _ = writeln!(inputs, "<input type=\"radio\" name=\"kind\" id=\"k-{name}\"{checked}>");
        let _ = write!(labels, "<label for=\"k-{name}\">{name} <small>{}</small></label>", grouped(count));
    }
    format!("{inputs}<div class=\"kinds\" role=\"group\" aria-label=\"Kind of message\">{labels}</div>")
}

fn legend(report: &Report) -> String {
    let mut items = String::new();
    for (stage, _) in report.stages().filter(|(_, histogram)| !histogram.is_empty()) {
        let _ = write!(items, "<li><i class=\"s-{}\"></i>{}</li>", stage.name(), stage.title());
    }
    items
}

fn rows(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let (name, title) = (row.stage.name(), row.stage.title());
        match row.kind {
            None => {
                let _ = write!(
                    text,
                    "<tr class=\"stage\"><th scope=\"row\"><i class=\"s-{name}\"></i>{title}</th>"
                );
            }
            Some(kind) => {
                let _ = write!(text, "<tr><th scope=\"row\">{}</th>", kind.name());
            }
        }
        let _ = write!(text, "<td>{}</td>", grouped(row.summary.count));
        for nanos in row.summary.columns() {
            let _ = write!(text, "<td>{}</td>", duration(nanos));
        }
        text.push_str("</tr>\n");
    }
    text
}

fn list(items: &[String]) -> String {
    items.iter().fold(String::new(), |list, item| list + "<li>" + &escaped(item) + "</li>")
}

fn facts(report: &Report) -> String {
    let info = report.info();
    let started = u64::try_from(info.started_ns() / 1_000_000_000).unwrap_or(0);
    let frames =
        format!("{} ({} a second)", grouped(info.frames), grouped(info.frames_per_second().round() as u64));
    let pairs = [
        ("Recording", info.recording.clone()),
        ("Started", date(started)),
        ("Duration", format!("{:.3} s", info.wall.as_secs_f64())),
        ("Frames", frames),
        ("Messages", grouped(info.messages)),
        ("Placement", info.placement_name().to_owned()),
        ("Pace", info.pace.clone()),
        ("Processor", format!("{}, {} cores", info.machine.cpu, info.machine.cores)),
        ("System", info.machine.system.clone()),
        ("Clock", format!("{:.1} ns a stamp", info.clock_cost_ns)),
    ];
    pairs.iter().fold(String::new(), |mut list, (name, value)| {
        let _ = writeln!(list, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(value));
        list
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Recorder, samples};
    use super::*;

    #[test]
    fn the_page_asks_for_nothing_outside_itself() {
        // No address, no source, no import in the page; the policy that forbids them is there.
        let page = page(&samples::report());
        for forbidden in ["http://", "https://", "src=", "href=", "url(", "@import", "fetch(", "{{"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn foreign_names_are_shown_and_never_run() {
        // A name with markup, quotes, a placeholder and a control character, in both places where it is shown.
        let mut report = samples::report();
        report.info.recording = "<script>alert('x')</script>\"&{{rows}}\u{7}".to_owned();
        report.info.machine.cpu = "<img onerror=x>".to_owned();
        let page = page(&report);
        assert!(!page.contains("<script>alert") && !page.contains("<img"));
        assert_eq!(
            page.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;{{rows}}\u{fffd}")
                .count(),
            3
        );
    }

    #[test]
    fn the_page_holds_every_figure_and_curve() {
        // Counts rows, switches and curves of the full sample.
        let page = page(&samples::report());
        assert_eq!(page.matches("<tr class=\"stage\">").count(), 5);
        assert_eq!(page.matches("<tr><th scope=\"row\">").count(), 25 - 3);
        assert_eq!(page.matches("<input type=\"radio\"").count(), 6);
        assert_eq!(page.matches("class=\"curve ").count(), 2 * (5 * 6 - 3));
        assert!(page.contains("93,953 frames") && page.contains("2024-08-08 12:34:56 UTC"));
    }

    #[test]
    fn an_empty_run_says_so() {
        // No curve to draw: a sentence instead of an empty picture.
        let page = page(&Report::new(samples::info(), Recorder::new()));
        assert!(page.contains("No latencies were recorded.") && !page.contains("NaN"));
    }
}
