//! `latency.html`: one page that needs nothing else.

use std::fmt::Write as _;

use super::super::show::Told;
use super::Panels;
use super::picture::escaped;

const TEMPLATE: &str = include_str!("page.html");

/// The whole page.
pub(super) fn page(told: &Told<'_>, panels: &[Panels]) -> String {
    let head = told.titles().iter().fold(String::new(), |head, title| head + "<th>" + title + "</th>");
    let values = [
        ("runs", runs(told)),
        ("panels", pictures(panels)),
        ("verdict", verdict(told)),
        ("head", head),
        ("rows", rows(told)),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    let mut page = String::new();
    // In one pass: a value that looks like a name stays as it is.
    for (index, part) in TEMPLATE.split("{{").enumerate() {
        let (name, text) = if index == 0 { ("", part) } else { part.split_once("}}").unwrap_or(("", part)) };
        page.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        page.push_str(text);
    }
    page
}

fn runs(told: &Told<'_>) -> String {
    let mut list = String::new();
    for (index, (run, log)) in told.runs.iter().zip(told.logs).enumerate() {
        let base = if index == 0 && told.runs.len() > 1 { ", the base" } else { "" };
        let _ = writeln!(
            list,
            "<li><i class=\"run-{index}\"></i><b>{}</b> {}<small>{} intervals{base}</small></li>",
            run.letter,
            escaped(&run.path),
            crate::numbers::grouped(log.intervals)
        );
    }
    list
}

fn pictures(panels: &[Panels]) -> String {
    let figure = |svg: String| format!("<figure>{svg}</figure>\n");
    let mut text = String::new();
    for panels in panels {
        text.push_str(&figure(panels.percentiles.svg()));
        text.extend(panels.over_time.iter().map(|picture| figure(picture.svg())));
    }
    if text.is_empty() { "<p>No tag to draw.</p>".to_owned() } else { text }
}

fn verdict(told: &Told<'_>) -> String {
    let lines = told.slower();
    let items = lines
        .iter()
        .fold(String::new(), |items, line| items + "<li>" + &escaped(line).replace(" us", " µs") + "</li>");
    if items.is_empty() { items } else { format!("<ul class=\"slower\">{items}</ul>") }
}

fn rows(told: &Told<'_>) -> String {
    let mut text = String::new();
    for row in &told.compared.rows {
        let mut tag = format!("<th scope=\"row\">{}</th>", escaped(row.tag));
        let mut class = "first";
        for cells in told.lines(row) {
            let _ = write!(text, "<tr class=\"{class}\">{tag}");
            cells.iter().for_each(|cell| text.push_str(&format!("<td>{}</td>", cell.replace(" us", " µs"))));
            text.push_str("</tr>\n");
            "<th></th>".clone_into(&mut tag);
            class = if class == "ratio" || class == "first" { "run" } else { "ratio" };
        }
    }
    text
}
