//! `touchline why`: recordings, folders that a feed wrote, and what it refuses.

use touchline_simulator::{Command, End, Which};

use super::exchange::{Exchange, until, wait};
use super::{Recordings, text, touchline};

/// A recording with a hole: 1; when, which book, which line with its frame, the sentence and the messages before, in
/// lines that fit.
#[test]
fn a_gap_is_explained() {
    let recordings = Recordings::new();
    let path = recordings.with_a_gap();
    let ran = touchline(["why", text(&path)]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    for said in [
        "binance-usdm:BTC-USDT-PERP  LIVE -> STALE(gap)  line 50\n",
        "  this update follows 198 but the book is at 196: what lies between never came\n",
        "  frame    {\"stream\":\"btcusdt@depth",
        "\"pu\":198,",
        "  the 10 messages before it\n",
        "1 time a book stopped being LIVE\n",
    ] {
        assert!(ran.out.contains(said), "{said} is not in\n{}", ran.out);
    }
    let table: Vec<_> =
        ran.out.lines().skip_while(|line| !line.contains("effect")).skip(1).take(10).collect();
    assert!(table.iter().all(|row| row.contains("delta") && row.ends_with("applied")), "{table:?}");
    assert!(table[9].trim_start().starts_with("49 "), "{table:?}");
    assert!(
        ran.out.lines().all(|line| line.chars().count() <= 100 && line == line.trim_end()),
        "{}",
        ran.out
    );
}

/// The same as JSON: exact numbers, the frame, and all that is remembered.
#[test]
fn a_gap_as_json() {
    let recordings = Recordings::new();
    let path = recordings.with_a_gap();
    let ran = touchline(["why", text(&path), "binance-usdm:@BTCUSDT", "--json"]);
    let found = ran.json();
    assert_eq!((ran.code, &found["count"], &found["damage"]), (Some(1), &1.into(), &serde_json::json!([])));
    let incident = &found["incidents"][0];
    assert_eq!((&incident["from"], &incident["to"]), (&"LIVE".into(), &"STALE(gap)".into()), "{incident}");
    assert_eq!((&incident["line"], &incident["sequence"]), (&50.into(), &196.into()), "{incident}");
    assert_eq!(incident["before"].as_array().unwrap().len(), 32, "{incident}");
    assert_eq!(incident["levels"][0], serde_json::json!({"side": "bid", "price": "59999.1", "qty": "0.549"}));
    assert!(incident["frame"].as_str().unwrap().contains("\"pu\":198"), "{incident}");
}

/// Only what happened in the part that is asked for is told, with the line that it has in the whole recording.
#[test]
fn a_part_tells_of_what_happened_in_it() {
    let recordings = Recordings::new();
    let path = recordings.with_a_gap();
    for (part, code) in [
        (["--from", "00:00:00.040", "--to", "00:00:00.060"].as_slice(), 1),
        (&["--from", "00:00:00.040", "--warm-up", "1s"], 1),
        (&["--to", "00:00:00.040"], 0),
        (&["--from", "00:00:00.060"], 0),
    ] {
        let ran = touchline(["why", text(&path), "--json"].iter().chain(part));
        assert_eq!((ran.code, ran.err.as_str()), (Some(code), ""), "{part:?}: {ran:?}");
        let found = ran.json();
        assert_eq!(found["count"], code, "{part:?}: {found}");
        assert!(code == 0 || found["incidents"][0]["line"] == 50, "{part:?}: {found}");
    }
}

/// Nothing broke: 0. A recording that is cut off: 3, with what was whole. A file that is none: 3; wrong words: 2.
#[test]
fn every_end_has_its_code() {
    let recordings = Recordings::new();
    let (sound, cut) = (recordings.sound(50), recordings.cut());
    let ran = touchline(["why", text(&sound)]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    assert!(ran.out.starts_with("nothing broke"), "{ran:?}");
    let ran = touchline(["why", text(&cut)]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("nothing broke") && ran.err.contains("cut off"), "{ran:?}");
    let ran = touchline(["why", text(&recordings.path("nowhere"))]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{ran:?}");
    let folder = text(recordings.folder.path());
    let cases: &[(&[&str], &str)] = &[
        (&["why"], "<CAPTURE|DIR>"),
        (&["why", text(&sound), "BTCUSDT"], "VENUE:@SYMBOL"),
        (&["why", text(&sound), "binance-usdm:@ETHUSDT"], "binance-usdm:BTC-USDT-PERP"),
        (&["why", text(&sound), "--limit", "0"], "1..="),
        (&["why", text(&sound), "--venue", "binanc"], "'binance'"),
        (&["why", folder, "--venue", "binance"], "is a folder"),
        (&["why", folder, "--from", "00:00:01"], "is a folder: write 2024-"),
        (&["why", folder, "--from", "5", "--warm-up", "1s"], "is a folder"),
        (&["why", folder, "--from", "5", "--to", "5"], "ends at"),
        (&["why", text(&sound), "--from", "00:01:00"], "begins at"),
    ];
    for (arguments, right) in cases {
        let ran = touchline(*arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(right), "{arguments:?}: {ran:?}");
    }
}

/// A book that never had a snapshot cannot break, which is said.
#[test]
fn a_book_that_was_never_live_is_named() {
    let recordings = Recordings::new();
    let delta = r#"{"stream":"btcusdt@depth","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["1","2"]],"a":[]}}"#;
    let path = recordings.file("binance.cap", format!("1000 R {delta}\n").as_bytes());
    let ran = touchline(["why", text(&path)]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("never LIVE") && ran.out.contains("binance:"), "{ran:?}");
}

/// A feed with `incidents` writes a file when its connection is cut, the watch says the sentence, and `why` reads the
/// folder: the same sentence, for that book alone; what is no incident is damage.
#[test]
fn a_feed_writes_its_incidents() {
    let exchange = Exchange::new("binance", 1);
    let (config, folder) = (exchange.path("touchline.toml"), exchange.path("kept"));
    let written = "[[subscribe]]\ninstrument = \"binance:@BTCUSDT\"\n[feed]\nincidents = \"kept\"\n";
    std::fs::write(&config, written).unwrap();
    let mut command = exchange.command(&["watch", "--config", text(&config), "--json", "--seconds", "7"]);
    let child = command.spawn().unwrap();
    let files = || std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let whole = || files().filter(|file| file.path().extension().is_some_and(|end| end == "json")).count();
    // The first cuts may come before the book is LIVE.
    until("an incident", || {
        exchange.simulator.command(Command::End { which: Which::All, how: End::Reset });
        std::thread::sleep(std::time::Duration::from_millis(500));
        whole() > 0
    });
    let ran = wait(child);
    assert!(ran.out.contains("\"why\":\"the connection ended\""), "{ran:?}");
    let ran = touchline(["why", text(&folder)]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    assert!(
        ran.out.contains("binance:BTC-USDT  LIVE -> STALE(disconnected)\n  the connection ended\n"),
        "{ran:?}"
    );
    let other = touchline(["why", text(&folder), "binance:ETH-USDT"]);
    assert!(other.code == Some(0) && other.out.starts_with("nothing broke"), "{other:?}");
    let found = touchline(["why", text(&folder), "binance:@BTCUSDT", "--limit", "1", "--json"]).json();
    assert_eq!(found["incidents"].as_array().unwrap().len(), 1);
    assert_eq!(found["count"], whole());
    for (part, code) in [("--from", 1), ("--to", 0)] {
        let ran = touchline(["why", text(&folder), part, "2026-01-01T00:00:00Z"]);
        assert_eq!(ran.code, Some(code), "{part}: {ran:?}");
    }
    std::fs::write(folder.join("mine.json"), "{}").unwrap();
    let ran = touchline(["why", text(&folder)]);
    assert!(
        ran.code == Some(3) && ran.err.contains("mine.json") && ran.out.contains("connection"),
        "{ran:?}"
    );
}
