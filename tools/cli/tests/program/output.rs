//! What is printed and written: JSON that stands alone, files that other tools read, text for a terminal of 100 columns.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde_json::Value;

use super::{Ran, Recordings, program, text, touchline};

/// A demo that is over in some seconds.
const SHORT: [&str; 5] = ["demo", "--seconds", "2", "--rate", "500"];

fn short(more: &[&str]) -> Ran {
    touchline(SHORT.iter().chain(more))
}

/// Every command's `--json` is one JSON document and nothing else on standard output.
#[test]
fn json_stands_alone_on_standard_output() {
    let recordings = Recordings::new();
    let path = recordings.sound(300);
    let verify = touchline(["verify", text(&path), "--json"]).json();
    assert_eq!((&verify["lines"], &verify["symbols"]["BTCUSDT"]["msgs"]), (&302.into(), &301.into()));
    let replay = touchline(["replay", text(&path), "--json"]).json();
    assert_eq!((&replay["format"], &replay["run"]["pace"]), (&1.into(), &"max".into()));
    assert_eq!((&replay["interrupted"], &replay["books"][0]["updates"]), (&false.into(), &300.into()));
    assert_eq!(replay["books"][0]["state"], "LIVE");
    let demo = short(&["--json"]);
    assert_eq!((demo.code, demo.err.as_str()), (Some(0), ""), "{demo:?}");
    assert_eq!(demo.json()["latency"]["run"]["omission"], "measured_from_read");
    let venues = touchline(["venues", "--json"]).json();
    assert!(venues.as_array().unwrap().iter().any(|venue| venue["name"] == "binance-usdm"));
}

/// A damaged recording: the JSON is still whole, what is wrong is in it or on standard error.
#[test]
fn json_of_a_damaged_recording_is_json() {
    let recordings = Recordings::new();
    let path = recordings.cut();
    let verify = touchline(["verify", text(&path), "--json"]);
    assert!(verify.json()["lines"].as_u64().unwrap() > 0 && verify.err.contains("cut off"), "{verify:?}");
    let replay = touchline(["replay", text(&path), "--json"]);
    assert!(replay.json()["damage"].as_str().unwrap().contains("cut off"), "{replay:?}");
}

/// The file of `verify --out` is what `--json` prints, whatever the placement, and holds the states asked for.
#[test]
fn the_written_result_is_the_printed_one() {
    let recordings = Recordings::new();
    let (path, out) = (recordings.sound(300), recordings.path("out.json"));
    let threads = touchline(["verify", text(&path), "--json", "--every", "50", "--out", text(&out)]);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), threads.out);
    let reader = touchline(["verify", text(&path), "--json", "--every", "50", "--placement", "reader"]);
    assert_eq!(reader.out, threads.out);
    let book = &threads.json()["symbols"]["BTCUSDT"];
    assert_eq!(book["checkpoints"].as_array().unwrap().len(), 6);
    assert_eq!((&book["start"], &book["end"]["line"]), (&"rest-snapshot".into(), &301.into()));
}

/// The report has its four kinds of files; the log decodes with HdrHistogram's own reader to the counts, maxima and
/// medians of the JSON.
#[test]
fn the_report_is_written_and_its_log_decodes() {
    let recordings = Recordings::new();
    let (path, folder) = (recordings.sound(500), recordings.path("a/report"));
    let ran = touchline(["replay", text(&path), "--report", text(&folder)]);
    assert!(ran.code == Some(0) && ran.err.contains("report.html"), "{ran:?}");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(String::from_utf8(read("latency.hgrm")).unwrap().contains("#[Mean"));
    assert!(String::from_utf8(read("report.html")).unwrap().contains("</html>"));
    let report: Value = serde_json::from_slice(&read("report.json")).unwrap();
    let rows: BTreeMap<String, &Value> = report["latencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["kind"] != "all")
        .map(|row| (format!("{}.{}", row["stage"].as_str().unwrap(), row["kind"].as_str().unwrap()), row))
        .collect();
    let log = read("latency.hlog");
    let mut tags = 0;
    for entry in IntervalLogIterator::new(&log) {
        let LogEntry::Interval(interval) = entry.unwrap() else { continue };
        let payload = STANDARD.decode(interval.encoded_histogram()).unwrap();
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut payload.as_slice()).unwrap();
        let row = rows[interval.tag().unwrap().as_str()];
        assert_eq!((&row["count"], &row["max"]), (&histogram.len().into(), &histogram.max().into()));
        assert_eq!(row["p50"], histogram.value_at_quantile(0.5));
        tags += 1;
    }
    assert_eq!(tags, rows.len());
    assert_eq!(rows["parse.delta"]["count"], 500);
}

/// Every venue's demo: live at once, flagged and live again after the cut, every book compared the market's own.
#[test]
fn a_demo_heals_and_shows_the_market_s_own_book() {
    for venue in ["binance", "binance-usdm", "binance-coinm"] {
        let ran = short(&["--json", "--venue", venue, "--seed", "7"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let demo = ran.json();
        assert_eq!((&demo["equals_market"], &demo["state"]), (&true.into(), &"LIVE".into()), "{demo}");
        assert_eq!(demo["heal"]["reason"], "disconnected", "{demo}");
        let ms = |of: &Value| of.as_f64().unwrap();
        assert!(ms(&demo["heal"]["flagged_after_ms"]) < ms(&demo["heal"]["live_after_ms"]), "{demo}");
        assert!(demo["compared"]["equal"].as_u64().unwrap() > 100, "{demo}");
        assert_eq!(demo["compared"]["differing"], 0, "{demo}");
    }
}

/// The instrument that was asked for is shown, once, by whichever of its names; none other is.
#[test]
fn only_what_is_asked_for_is_shown() {
    let recordings = Recordings::new();
    let path = recordings.sound(20);
    let (name, symbol) = ("binance-usdm:BTC-USDT-PERP", "binance-usdm:@BTCUSDT");
    for wishes in [vec![name], vec![symbol], vec![name, symbol, name]] {
        let mut arguments = vec!["replay", text(&path), "--json"];
        arguments.extend(wishes.iter().flat_map(|wish| ["--only", wish]));
        let shown = touchline(arguments).json();
        let books = shown["books"].as_array().unwrap();
        assert_eq!((books.len(), &books[0]["instrument"]), (1, &name.into()), "{shown}");
    }
}

/// Away from a terminal there is no colour, no bar, no escape code, and no line beyond 100 columns.
#[test]
fn text_is_plain_and_fits_the_terminal() {
    let recordings = Recordings::new();
    let (sound, gap) = (recordings.sound(300), recordings.with_a_gap());
    let cases = [
        vec!["verify", text(&sound)],
        vec!["verify", text(&gap)],
        vec!["replay", text(&sound)],
        vec!["replay", text(&gap), "--pace", "10x"],
        vec!["verfy"],
        vec!["venues"],
        SHORT.to_vec(),
    ];
    for arguments in cases {
        for colour in ["NO_COLOR", "SOME_OTHER_NAME"] {
            let ran: Ran = program(&arguments).env(colour, "1").output().unwrap().into();
            assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{ran:?}");
            for line in ran.out.lines() {
                assert!(line.chars().count() <= 100, "{arguments:?}: {line}");
                assert_eq!(line, line.trim_end(), "{arguments:?}: blanks at the end");
            }
        }
    }
}
