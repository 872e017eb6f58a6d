//! Names that a hostile venue gives its instruments come out of every page harmless, and every page can be read: a strict
//! reader of Prometheus' text format 0.0.4 refuses whatever is off its grammar.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use touchline::FeedReport;
use touchline::market::{Reason, State};

use crate::logs::{TEXT_BYTES_MAX, escaped};
use crate::samples;
use crate::serve;

/// A line that holds a number.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Reads a page; the error is the first line that is wrong.
fn read(page: &str) -> Result<Vec<Sample>, String> {
    let body = page.strip_suffix('\n').ok_or("the last line does not end")?;
    let (mut families, mut samples, mut seen) = (BTreeSet::new(), Vec::new(), HashSet::new());
    let mut lines = body.split('\n').peekable();
    while let Some(line) = lines.next() {
        let wrong = |what: &str| Err(format!("{what}: {line:?}"));
        let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) else {
            return wrong("no family begins here");
        };
        if !is_name(name, true) || help.is_empty() || !families.insert(name.to_owned()) {
            return wrong("no description, or the second of its name");
        }
        let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE "));
        let kind = kind.and_then(|rest| rest.strip_prefix(name)).and_then(|rest| rest.strip_prefix(' '));
        let Some(kind @ ("counter" | "gauge" | "histogram")) = kind else {
            return wrong("no type follows");
        };
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let sample = sample(line).map_err(|what| format!("{what}: {line:?}"))?;
            let part = sample.name.strip_prefix(name);
            let right = match kind {
                "histogram" => matches!(part, Some("_sum" | "_count" | "_bucket")),
                _ => part == Some(""),
            };
            let shrinks = kind != "gauge" && (sample.value.is_nan() || sample.value < 0.0);
            let bounded = sample.name.ends_with("_bucket") == sample.labels.contains_key("le");
            if !right || shrinks || (kind == "histogram" && !bounded) {
                return Err(format!("no sample of the {kind} {name}: {line:?}"));
            }
            if !seen.insert((sample.name.clone(), sample.labels.clone())) {
                return Err(format!("twice: {line:?}"));
            }
            samples.push(sample);
        }
    }
    Ok(samples)
}

/// `name value` or `name{label="text",…} value`, with one blank and no stamp.
fn sample(line: &str) -> Result<Sample, &'static str> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    if !is_name(name, true) {
        return Err("no name");
    }
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, text) = rest.split_once("=\"").ok_or("no label")?;
            let (text, behind) = quoted(text)?;
            if !is_name(label, false) || labels.insert(label.to_owned(), text).is_some() {
                return Err("a wrong label, or one of the same name");
            }
            match behind.split_at_checked(1) {
                Some((",", more)) => rest = more,
                Some(("}", more)) => break rest = more,
                _ => return Err("neither another label nor the end of them"),
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no blank before the value")?;
    let number = value.parse().map_err(|_| "no number")?;
    let written = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    if !(value.chars().all(written) || ["+Inf", "-Inf", "NaN"].contains(&value)) {
        return Err("a number written otherwise");
    }
    Ok(Sample { name: name.to_owned(), labels, value: number })
}

/// The text up to the closing quote, its escapes undone, and what follows. Control characters have no place in it.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut plain = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((plain, &text[at + 1..])),
            '\\' => match letters.next() {
                Some((_, '\\')) => plain.push('\\'),
                Some((_, '"')) => plain.push('"'),
                Some((_, 'n')) => plain.push('\n'),
                _ => return Err("an escape that there is not"),
            },
            control if control.is_control() => return Err("a control character"),
            other => plain.push(other),
        }
    }
    Err("a text without an end")
}

/// Names of metrics may hold a colon, names of labels not.
fn is_name(name: &str, of_metric: bool) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (of_metric && c == ':');
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

fn get(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// What a venue might call things: quotes, ends of lines, backslashes, control characters, other scripts, marks that
/// turn the writing round, the page's own grammar, and ten thousand letters, twice with the same beginning.
fn names() -> Vec<String> {
    let mut names: Vec<_> = [
        "a\"} 1\nevil_total{a=\"b",
        "back\\slash\\",
        "\\\"",
        "line\r\nbreak\n",
        "# HELP evil no\n# TYPE evil gauge\nevil 1",
        "\u{0}\u{1b}[31m\u{7f}\u{9b}",
        "Ünïcödé 東京 🦀",
        "\u{202e}dlog\u{200b}\u{feff}\u{2028}",
        "</script><b>&amp;",
        " ",
        "",
        "{}",
        "NaN",
    ]
    .map(str::to_owned)
    .into();
    names.push(format!("{}a", "x".repeat(10_000)));
    names.push(format!("{}b", "x".repeat(10_000)));
    names.push("東".repeat(10_000));
    names.push("\n".repeat(10_000));
    names
}

/// A feed of books with these names, none of them LIVE; symbols as bad as the names.
fn report() -> FeedReport {
    let names = names();
    let mut report = samples::report(names.len());
    for (n, name) in names.iter().enumerate() {
        let symbol = format!("{name}{n}");
        let instrument =
            Arc::new(samples::instrument(report.subscriptions[n].instrument.venue, name, &symbol));
        report.books[n].instrument = Arc::clone(&instrument);
        report.books[n].state = State::Stale(Reason::Gap);
        report.subscriptions[n].instrument = instrument;
    }
    report
}

/// Every instrument stands in the metrics under a name of its own, short and without anything invisible, whatever the
/// venue called it; the page is right to the letter, and so is the verdict.
#[test]
fn hostile_names_come_out_harmless() {
    let server = serve("127.0.0.1:0".parse().unwrap(), || Ok(report())).unwrap();
    let (head, page) = get(server.address(), "/metrics");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let samples = read(&page).unwrap();
    let epochs: Vec<_> = samples.iter().filter(|one| one.name == "touchline_book_epoch").collect();
    let shown: BTreeSet<_> = epochs.iter().map(|one| one.labels["instrument"].as_str()).collect();
    assert_eq!((epochs.len(), shown.len()), (names().len(), names().len()), "{shown:?}");
    for name in names().iter().filter(|name| !name.is_empty() && name.len() < 1_000) {
        assert!(shown.contains(escaped(name).as_str()), "{name:?} not in {shown:?}");
    }
    let short = TEXT_BYTES_MAX + 8;
    assert!(shown.iter().all(|name| name.len() <= short && !name.contains(char::is_control)), "{shown:?}");
    assert!(samples.iter().all(|one| one.name.starts_with("touchline_") || one.name.starts_with("process_")));

    let (head, verdict) = get(server.address(), "/ready");
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    let read: serde_json::Value = serde_json::from_str(&verdict).unwrap();
    let missing = read["missing"].as_array().unwrap();
    assert_eq!((&read["ready"], missing.len()), (&false.into(), names().len()), "{verdict}");
    for (said, name) in missing.iter().map(|one| one.as_str().unwrap()).zip(names()) {
        assert!(said.starts_with("binance:") && said.ends_with(" is STALE(gap)"), "{said}");
        assert!(said.len() <= short + 40 && !said.contains(char::is_control), "{said}");
        assert!(name.is_empty() || name.len() > 1_000 || said.contains(&escaped(&name)), "{said}");
    }
    server.stop();
}

/// The reader refuses what is wrong, so that what it takes is right: one change of a right page each.
#[test]
fn the_reader_is_strict() {
    let right = "# HELP a_total What\n# TYPE a_total counter\na_total{b=\"\\\\\\\"\\n\",c=\"\"} 1.5e3\na_total 2\n\
        # HELP h_seconds How long\n# TYPE h_seconds histogram\nh_seconds_bucket{le=\"+Inf\"} 1\nh_seconds_sum 1\n\
        h_seconds_count 1\n";
    let samples = read(right).unwrap();
    assert_eq!(samples.len(), 5);
    assert_eq!((samples[0].labels["b"].as_str(), samples[0].value), ("\\\"\n", 1_500.0));
    for (part, instead) in [
        ("# HELP a_total What\n", ""),
        ("# HELP a_total What", "# HELP a_total "),
        ("# HELP h_seconds", "# HELP a_total"),
        ("# TYPE a_total counter", "# TYPE b_total counter"),
        ("counter", "summary"),
        ("# TYPE h_seconds histogram\n", "# TYPE h_seconds histogram\n# a remark\n"),
        ("# TYPE h_seconds histogram\n", "# TYPE h_seconds histogram\n\n"),
        ("a_total 2", "a_total  2"),
        ("a_total 2", "a_total 2 1700000000000"),
        ("a_total 2", "a_total two"),
        ("a_total 2", "a_total -2"),
        ("a_total 2", "a_total inf"),
        ("a_total 2", "a-total 2"),
        ("a_total 2", "other_total 2"),
        ("a_total 2", "a_total{} 2"),
        ("a_total 2", "a_total{b=\"\\\\\\\"\\n\",c=\"\"} 3"),
        ("b=\"", "b=\"\\t"),
        ("b=\"", "b=\"\u{1b}"),
        ("b=\"", "b=\"\n"),
        ("b=\"", "b=\"\""),
        ("b=\"", "9=\""),
        ("b=\"", "c=\""),
        ("b=\"", "b =\""),
        ("c=\"\"}", "c=\"\""),
        ("c=\"\"}", "c=\"}"),
        ("h_seconds_bucket{le=\"+Inf\"}", "h_seconds_bucket"),
        ("h_seconds_sum", "h_seconds"),
        ("h_seconds_count 1\n", "h_seconds_count 1"),
    ] {
        assert!(right.contains(part), "{part}");
        assert!(read(&right.replacen(part, instead, 1)).is_err(), "{part:?} as {instead:?} is taken");
    }
}
