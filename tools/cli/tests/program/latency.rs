//! `latency`: runs beside each other, and what a build server reads of them.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use touchline::latency::{IntervalLog, MessageKind, Recorder, Stage};

use super::{Recordings, text, touchline};

/// A log of three seconds, as a feed writes it: `count` deltas a second through three stages, with medians of `nanos`
/// and a slow one in a hundred.
fn log(files: &Recordings, name: &str, nanos: u64, count: u64) -> PathBuf {
    let mut log =
        IntervalLog::begin(Vec::new(), UNIX_EPOCH + Duration::from_secs(1_000), &["a test"]).unwrap();
    let mut second = Recorder::new();
    for start in 0..3 {
        second.reset();
        for stage in [Stage::Parse, Stage::Apply, Stage::EndToEnd] {
            for n in 0..count {
                let slow = if n % 100 < 2 { 10 } else { 1 };
                second.record(stage, MessageKind::Delta, nanos * slow + n % 7);
            }
        }
        log.append(&second, Duration::from_secs(start), Duration::from_secs(1)).unwrap();
    }
    files.file(name, &log.into_inner())
}

/// Two logs that are alike: 0, each tag's figures, their ratios, and the limit that they keep.
#[test]
fn alike_runs_end_with_0() {
    let files = Recordings::new();
    let (a, b) = (log(&files, "a.hlog", 1_000, 500), log(&files, "b.hlog", 1_000, 500));
    let ran = touchline(["latency", text(&a), text(&b), "--fail-above", "1.05"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    for part in ["end_to_end.delta", "B/A", "1,500", "10.0 us", "1.00", "within the limit: all 6 figures"] {
        assert!(ran.out.contains(part), "{part}: {ran:?}");
    }
    assert!(ran.out.lines().all(|line| line.len() <= 100 && line == line.trim_end()), "{ran:?}");
}

/// A slower log: 1 with a limit, and the line says which figure and by how much; 0 without one, and 0 the other way.
#[test]
fn a_slower_run_ends_with_1() {
    let files = Recordings::new();
    let (a, b) = (log(&files, "a.hlog", 1_000, 500), log(&files, "b.hlog", 1_200, 500));
    let (a, b) = (text(&a), text(&b));
    let ran = touchline(["latency", a, b, "--fail-above", "1.10", "--at", "50", "--tag", "apply.delta"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.out.contains("slower: apply.delta p50: B 1.20 us, A 1.00 us: 1.20 times"), "{ran:?}");
    assert!(!ran.out.contains("parse"), "{ran:?}");
    assert_eq!(touchline(["latency", a, b, "--fail-above", "1.25"]).code, Some(0));
    assert_eq!(touchline(["latency", b, a, "--fail-above", "1.10"]).code, Some(0));
    assert_eq!(touchline(["latency", a, b]).code, Some(0));
    // Of three runs it is enough that the last is slower.
    let third = touchline(["latency", a, a, b, "--fail-above", "1.10"]);
    assert!(third.code == Some(1) && third.out.contains("slower: parse p99: C 12.0 us"), "{third:?}");
}

/// A limit that nothing can be held against: 2, because a check that checks nothing must not pass.
#[test]
fn a_limit_without_anything_to_judge_ends_with_2() {
    let files = Recordings::new();
    let (a, b) = (log(&files, "a.hlog", 1_000, 300), log(&files, "b.hlog", 9_000, 300));
    let (a, b) = (text(&a), text(&b));
    let few = touchline(["latency", a, b, "--fail-above", "1.1"]);
    assert_eq!(few.code, Some(2), "{few:?}");
    assert!(few.out.contains("not judged: parse.delta of B, too few values"), "{few:?}");
    assert!(few.out.contains("fewer than 1,000") && few.err.contains("nothing was judged"), "{few:?}");
    let least = touchline(["latency", a, b, "--fail-above", "1.1", "--least-count", "900"]);
    assert_eq!(least.code, Some(1), "{least:?}");
    let cases: [(&[&str], &str); 7] = [
        (&["latency"], "<HLOG>"),
        (&["latency", a, "--fail-above", "1.1"], "two logs"),
        (&["latency", a, b, "--tag", "parse", "--tag", "ring"], "tag ring cannot be compared"),
        (&["latency", a, b, "--fail-above", "0"], "1.10"),
        (&["latency", a, b, "--percentiles", "50,101"], "99.9"),
        (&["latency", a, b, "--at", "99"], "--fail-above"),
        (&["latency", a, b, "--over-time"], "--plot"),
    ];
    for (arguments, right) in cases {
        let ran = touchline(arguments);
        assert!(ran.code == Some(2) && ran.err.contains(right), "{arguments:?}: {ran:?}");
    }
}

/// Logs that are cut, broken, missing or none at all: 3, the line is named, and what is readable is shown. A slower run
/// in a damaged log ends with 3 too.
#[test]
fn a_damaged_log_ends_with_3() {
    let files = Recordings::new();
    let (a, b) = (log(&files, "a.hlog", 1_000, 500), log(&files, "b.hlog", 2_000, 500));
    let whole = std::fs::read_to_string(&b).unwrap();
    let lines = whole.lines().count();
    let cut = files.file("cut.hlog", &whole.as_bytes()[..whole.len() - 20]);
    let broken =
        files.file("broken.hlog", whole.replacen("Tag=parse.delta,", "Tag=parse.delta;", 1).as_bytes());
    let first = whole.lines().position(|line| line.starts_with("Tag=")).unwrap() + 1;
    let cases = [
        (&cut, format!("line {lines} is cut off"), "1,000"),
        (&broken, format!("line {first} is no interval"), "1,000"),
        (&files.path("nowhere.hlog"), "No such file".to_owned(), "only in A: parse"),
        (&files.file("empty.hlog", b""), "no interval".to_owned(), "only in A: parse"),
        (
            &files.file("picture.png", b"\x89PNG\r\n\x1a\n\0\0"),
            "line 1 is no interval".to_owned(),
            "only in A",
        ),
    ];
    for (path, wrong, shown) in cases {
        let ran = touchline(["latency", text(&a), text(path), "--fail-above", "1.1"]);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.err.contains(&wrong) && ran.err.contains(text(path)), "{wrong}: {ran:?}");
        assert!(ran.out.contains(shown), "{shown}: {ran:?}");
    }
}

/// A tag of another program is shown as it is, but for what would steer the terminal or the page.
#[test]
fn foreign_tags_are_shown_and_never_obeyed() {
    let files = Recordings::new();
    let ours = std::fs::read_to_string(log(&files, "a.hlog", 1_000, 500)).unwrap();
    let path = files.file("a.hlog", ours.replace("Tag=parse.delta,", "Tag=<b>\u{1b}[2J,").as_bytes());
    let folder = files.path("out");
    let ran = touchline(["latency", text(&path), text(&path), "--plot", text(&folder)]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("<b>\u{fffd}[2J") && !ran.out.contains('\u{1b}'), "{ran:?}");
    let page = std::fs::read_to_string(folder.join("latency.html")).unwrap();
    assert!(page.contains("&lt;b&gt;\u{fffd}[2J") && !page.contains("<b>\u{1b}") && !page.contains('\u{1b}'));
}

/// `--json` stands alone, with every figure of the table in nanoseconds.
#[test]
fn json_holds_every_figure() {
    let files = Recordings::new();
    let (a, b) = (log(&files, "a.hlog", 1_000, 500), log(&files, "b.hlog", 2_000, 500));
    let ran = touchline([
        "latency",
        text(&a),
        text(&b),
        "--json",
        "--percentiles",
        "50,99.9",
        "--fail-above",
        "1.5",
        "--tag",
        "parse",
    ]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let json = ran.json();
    assert_eq!((&json["format"], &json["unit"]), (&1.into(), &"ns".into()));
    assert_eq!((&json["runs"][1]["run"], &json["runs"][1]["intervals"]), (&"B".into(), &9.into()));
    assert_eq!(json["runs"][0]["started"], 1_000.0);
    let [tag] = json["tags"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!((&tag["tag"], &tag["runs"][0]["count"]), (&"parse".into(), &1_500.into()));
    assert!(tag["runs"][0]["ratio"].is_null(), "{json}");
    let near = |value: &serde_json::Value, right: f64| (value.as_f64().unwrap() / right - 1.0).abs() < 0.01;
    assert!(
        near(&tag["runs"][1]["ns"]["p99.9"], 20_006.0) && near(&tag["runs"][1]["ratio"]["p50"], 2.0),
        "{json}"
    );
    let slower = &json["verdict"]["slower"][0];
    assert_eq!(
        (&slower["tag"], &slower["run"], &slower["percentile"]),
        (&"parse".into(), &"B".into(), &99.0.into())
    );
    assert!(near(&slower["ratio"], 2.0) && ran.err.starts_with("slower: parse p99"), "{ran:?}");
    // Without a limit there is no verdict.
    assert!(touchline(["latency", text(&a), "--json"]).json()["verdict"].is_null());
}

/// `--plot`: a page that asks for nothing outside itself, and an image that is one, larger with `--over-time`.
#[test]
fn plots_are_written_and_stand_alone() {
    let files = Recordings::new();
    let (a, b) = (log(&files, "a&b.hlog", 1_000, 500), log(&files, "b.hlog", 2_000, 500));
    let size = |folder: &str, more: &[&str]| {
        let folder = files.path(folder);
        let mut arguments = vec!["latency", text(&a), text(&b), "--plot", text(&folder)];
        arguments.extend(more);
        let ran = touchline(arguments);
        assert!(ran.code == Some(0) && ran.err.contains("latency.png"), "{ran:?}");
        let page = std::fs::read_to_string(folder.join("latency.html")).unwrap();
        for forbidden in ["http://", "https://", "src=", "href=", "url(", "@import", "{{", "NaN", "a&b"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src 'none'") && page.contains("a&amp;b.hlog"));
        let image = std::fs::read(folder.join("latency.png")).unwrap();
        assert_eq!(image[..8], *b"\x89PNG\r\n\x1a\n");
        let number = |at: usize| u32::from_be_bytes(image[at..at + 4].try_into().unwrap());
        (number(16), number(20), page.matches("<svg").count())
    };
    let (width, height, pictures) = size("plain", &[]);
    // Three stages, two to a row.
    assert_eq!(pictures, 3);
    let (same, taller, twice) = size("time", &["--over-time"]);
    assert_eq!((same, twice), (width, 6));
    assert!(taller > height, "{taller} {height}");
    let (.., chosen) = size("chosen", &["--tag", "parse.delta"]);
    assert_eq!(chosen, 1);
}

/// What `replay --report` writes is what `latency` reads.
#[test]
fn a_report_is_compared_with_itself() {
    let files = Recordings::new();
    let (capture, folder) = (files.sound(500), files.path("report"));
    assert_eq!(touchline(["replay", text(&capture), "--report", text(&folder)]).code, Some(0));
    let log = folder.join("latency.hlog");
    let ran =
        touchline(["latency", text(&log), text(&log), "--json", "--fail-above", "1", "--least-count", "1"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let json = ran.json();
    let rows = json["tags"].as_array().unwrap();
    let delta = rows.iter().find(|row| row["tag"] == "end_to_end.delta").unwrap();
    assert_eq!((&delta["runs"][0]["count"], &delta["runs"][1]["ratio"]["max"]), (&500.into(), &1.0.into()));
}
