//! The dashboard and the alert rules in `tools/grafana` name metrics that there are, and leave none out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use crate::families::{self, Latencies, Process};
use crate::family::Kind;

fn text(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/grafana").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every metric with its kind.
fn metrics() -> BTreeMap<&'static str, Kind> {
    let families = families::all(None, false, &Latencies::default(), &Process::now(), SystemTime::now());
    families.into_iter().map(|family| (family.name, family.kind)).collect()
}

/// Words that can only be metrics.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("touchline_") || word.starts_with("process_"))
        .collect()
}

/// The metric that a query's word is of: a histogram's parts have names of their own, and it has none by itself.
fn metric_of<'a>(word: &'a str, metrics: &BTreeMap<&str, Kind>) -> Option<&'a str> {
    match metrics.get(word) {
        Some(Kind::Histogram) => None,
        Some(_) => Some(word),
        None => ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|part| word.strip_suffix(part))
            .filter(|whole| metrics.get(whole) == Some(&Kind::Histogram)),
    }
}

/// Every name in both files is that of a metric, and every metric is on the dashboard.
#[test]
fn boards_and_metrics_agree() {
    let metrics = metrics();
    let mut shown = BTreeSet::new();
    for file in ["touchline.json", "alerts.yaml"] {
        let text = text(file);
        let words = named(&text);
        assert!(words.len() > 15, "{file} names {} metrics", words.len());
        for word in words {
            let metric = metric_of(word, &metrics);
            assert!(metric.is_some(), "{file} names {word}, which is no metric");
            if file == "touchline.json" {
                shown.extend(metric.map(str::to_owned));
            }
        }
    }
    let missing: Vec<_> = metrics.keys().filter(|name| !shown.contains(**name)).collect();
    assert_eq!(missing, Vec::<&&str>::new(), "on no panel");
    assert_eq!(metric_of("touchline_no_such_total", &metrics), None);
    assert_eq!(metric_of("touchline_book_epoch_bucket", &metrics), None);
}

/// The dashboard can be read: panels with numbers of their own, within the grid, each with a title, a description and
/// queries; the rules have a bound each.
#[test]
fn boards_are_whole() {
    let board: Value = serde_json::from_str(&text("touchline.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert!(panels.len() > 20 && ids.len() == panels.len());
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{title}");
        if panel["type"] == "row" {
            continue;
        }
        assert!(panel["description"].as_str().unwrap().ends_with('.'), "{title}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(targets.iter().all(|target| !named(target["expr"].as_str().unwrap()).is_empty()), "{title}");
        assert!(!targets.is_empty(), "{title}");
    }
    let alerts = text("alerts.yaml");
    let count = |word| alerts.lines().filter(|line| line.trim_start().starts_with(word)).count();
    let rules = count("- alert: ");
    assert!(rules > 10);
    for word in ["expr: ", "labels: ", "annotations:", "summary: ", "description: "] {
        assert_eq!(count(word), rules, "{word}");
    }
}
