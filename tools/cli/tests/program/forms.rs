//! `replay`, `verify` and `why` of recordings of every form, and of parts of them.

use std::path::{Path, PathBuf};

use serde_json::Value;
use touchline_simulator::{Command, Config, End, Faults, Which};

use super::exchange::{Exchange, signal, until, wait};
use super::{Ran, Recordings, program, text, touchline};

/// The venue of the recordings that are made here.
const VENUE: &str = "binance-usdm";

/// The recording in another form.
fn converted(here: &Recordings, recording: &Path, form: &str) -> PathBuf {
    let out = here.path(form);
    let ran = touchline(["convert", text(recording), "--to", form, "--out", text(&out), "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let name = recording.file_name().unwrap().to_str().unwrap().strip_suffix(".cap.zst").unwrap();
    let files = std::fs::read_dir(&out).unwrap().map(|file| file.unwrap().path());
    files.into_iter().find(|file| file.file_name().unwrap().to_str().unwrap().starts_with(name)).unwrap()
}

/// The result of `verify`, without what only says where in the file something stood.
fn books(ran: &Ran) -> Value {
    let mut symbols = ran.json()["symbols"].take();
    for book in symbols.as_object_mut().unwrap().values_mut() {
        let states = book["checkpoints"].as_array().unwrap().clone();
        let states: Vec<_> = states.into_iter().map(without_lines).collect();
        (book["checkpoints"], book["end"]) = (states.into(), without_lines(book["end"].take()));
    }
    symbols
}

fn without_lines(mut state: Value) -> Value {
    for line in ["line", "last_change_line"] {
        state.as_object_mut().unwrap().remove(line);
    }
    state
}

/// A recording of our own and, where they are, real ones of three venues: as a journal the whole result is the same, line
/// by line; as a collector's file and as a raw feed the books are, as far as the form holds what they are made from.
#[test]
fn every_form_gives_the_same_books() {
    let here = Recordings::new();
    let mut recordings = vec![(here.sound(700), Some(VENUE), None)];
    if let Some(folder) = touchline_tests::captures() {
        for (name, raw) in [
            ("binance-usdm-small-ws1-20210722", None),
            ("bitstamp-ws1-20220105", None),
            ("kraken-v1-ws50-20210417", Some("kraken-v1")),
        ] {
            let path = folder.join(format!("{name}.cap.zst"));
            recordings.extend(path.is_file().then_some((path, None, raw)));
        }
    }
    for (recording, collected, raw) in recordings {
        let plain = touchline(["verify", text(&recording), "--json"]);
        let journal = converted(&here, &recording, "tlj");
        let same = touchline(["verify", text(&journal), "--json"]);
        assert_eq!((same.code, same.json()), (plain.code, plain.json()), "{}", journal.display());
        let [of_lines, of_journal] =
            [&recording, &journal].map(|path| touchline(["replay", text(path), "--json"]).json());
        assert_eq!(of_lines["books"], of_journal["books"]);
        assert_eq!(of_lines["run"]["frames"], of_journal["run"]["frames"]);
        assert!(!of_lines["books"].as_array().unwrap().is_empty());
        if let Some(venue) = collected {
            let file = converted(&here, &recording, "hftbacktest");
            let ran = touchline(["verify", text(&file), "--venue", venue, "--json"]);
            assert_eq!((ran.code, books(&ran)), (plain.code, books(&plain)), "{ran:?}");
            let unnamed = touchline(["verify", text(&file)]);
            assert!(unnamed.code == Some(2) && unnamed.err.contains("--venue"), "{unnamed:?}");
        }
        if let Some(venue) = raw {
            // Its books begin in the stream, which is all that a raw feed holds.
            let file = converted(&here, &recording, "tardis");
            let ran = touchline(["verify", text(&file), "--venue", venue, "--json"]);
            assert_eq!((ran.code, books(&ran)), (plain.code, books(&plain)), "{ran:?}");
        }
        if let Some(venue) = collected {
            // Its books begin with what REST answered: every delta is there, and no book is LIVE.
            let file = converted(&here, &recording, "tardis");
            let ran = touchline(["verify", text(&file), "--venue", venue, "--json"]);
            let (book, whole) = (&books(&ran)["BTCUSDT"], &books(&plain)["BTCUSDT"]);
            assert_eq!((ran.code, &book["start"]), (Some(1), &"empty".into()), "{book}");
            assert_eq!((&book["updates"], &book["gaps"]), (&whole["updates"], &0.into()), "{book}");
        }
    }
}

/// A recording with a hole, as a journal and as a collector's file: the same incident, with its frame.
#[test]
fn every_form_tells_why() {
    let here = Recordings::new();
    let gap = here.with_a_gap();
    let whole = touchline(["why", text(&gap), "--json"]).json();
    assert_eq!(whole["count"], 1);
    let journal = converted(&here, &gap, "tlj");
    let found = touchline(["why", text(&journal), "--json"]).json();
    assert_eq!(found["incidents"], whole["incidents"]);
    let collected = converted(&here, &gap, "hftbacktest");
    let ran = touchline(["why", text(&collected), "--venue", VENUE, "--json"]);
    let [ours, theirs] = [ran.json(), whole].map(|found| found["incidents"][0].clone());
    assert_eq!(ran.code, Some(1));
    assert_eq!((&ours["frame"], &ours["why"]), (&theirs["frame"], &theirs["why"]));
    assert!(ours["frame"].as_str().unwrap().contains("\"pu\":198"), "{ours}");
}

/// A feed on two paths, with lost and repeated messages and a cut, recorded: as a recording its books end LIVE, equal to
/// every later snapshot that can be compared; run again it is the same; both without naming the venue, which no address
/// tells.
#[test]
fn a_feeds_journal_is_read_like_any_other() {
    let faults = Faults { duplicate: 0.01, harmless: 0.02, ..Faults::default() };
    let symbols = Config::symbols(VENUE, 2);
    let exchange = Exchange::of(Config { symbols, rate: 400.0, faults, ..Config::new(VENUE) });
    let (config, folder) = (exchange.path("touchline.toml"), exchange.path("journal"));
    let subscribe = |symbol| format!("[[subscribe]]\ninstrument = \"{VENUE}:@{symbol}\"\n");
    let written = format!("[feed]\npaths = 2\n{}{}", subscribe("BTCUSDT"), subscribe("S0001USDT"));
    std::fs::write(&config, written).unwrap();
    let record = ["record", "--config", text(&config), "--out", text(&folder), "--seconds", "6"];
    let child = exchange.command(&record).spawn().unwrap();
    until("a file", || std::fs::read_dir(&folder).is_ok_and(|folder| folder.count() == 1));
    std::thread::sleep(std::time::Duration::from_secs(2));
    exchange.simulator.command(Command::End { which: Which::Connection(1), how: End::Reset });
    let ran = wait(child);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let journal = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let again = touchline(["replay", text(&journal)]);
    assert!(again.code == Some(0) && again.out.contains("book hashes the same"), "{again:?}");
    let ran = touchline(["replay", text(&journal), "--as-recording", "--json"]);
    let (told, books) = (ran.json(), ran.json()["books"].clone());
    assert_eq!((ran.code, &told["lost"]), (Some(0), &0.into()), "{told}");
    assert_eq!(books.as_array().unwrap().len(), 2, "{told}");
    for book in books.as_array().unwrap() {
        assert!(book["state"] == "LIVE" && book["updates"].as_u64() > Some(200), "{book}");
    }
    let audited = touchline(["verify", text(&journal), "--audit", "--json"]).json();
    for audit in audited["audit"].as_object().unwrap().values() {
        assert_eq!(audit["different"], 0, "{audit}");
    }
}

/// The state of the only book after a part of a recording.
fn end(recording: &Path, part: &[&str]) -> (Option<i32>, Value) {
    let ran = touchline(["verify", text(recording), "--json"].iter().chain(part));
    let end = without_lines(books(&ran)["BTCUSDT"]["end"].clone());
    (ran.code, end)
}

/// Parts that begin and end in the middle, of lines and of a journal, by each way to write a moment: at the end of a part
/// the book is what it was then in the whole. Without what leads there no book is LIVE, unless its snapshot is in it.
#[test]
fn a_part_ends_with_the_books_of_the_whole() {
    let here = Recordings::new();
    let lines = here.sound(6_000);
    let journal = converted(&here, &lines, "tlj");
    for recording in [&lines, &journal] {
        let whole = end(recording, &["--to", "00:00:04"]);
        assert_eq!(whole.0, Some(0));
        assert_ne!(whole, end(recording, &[]));
        for part in [
            ["--from", "00:00:03.5", "--to", "00:00:04"],
            ["--from", "3501000000", "--to", "4001000000"],
            ["--from", "1970-01-01T00:00:03.501Z", "--to", "1970-01-01T00:00:04.001Z"],
        ] {
            assert_eq!(end(recording, &part), whole, "{part:?}");
            let ran = touchline(["replay", text(recording), "--json"].iter().chain(&part));
            let told = ran.json();
            assert_eq!((ran.code, &told["run"]["frames"]), (Some(0), &500.into()), "{told}");
            assert_eq!(told["books"][0]["state"], "LIVE");
            // What only leads there is not measured.
            let rows = told["latencies"].as_array().unwrap();
            let all: Vec<_> = rows.iter().filter(|row| row["kind"] == "all").collect();
            assert!(all.len() > 3 && all.iter().all(|row| row["count"] == 500), "{told}");
        }
        let cold = touchline([
            "verify",
            text(recording),
            "--json",
            "--venue",
            VENUE,
            "--from",
            "00:00:03.5",
            "--warm-up",
            "100ms",
        ]);
        let book = books(&cold)["BTCUSDT"].clone();
        assert_eq!(
            (cold.code, &book["start"], &book["msgs"]),
            (Some(1), &"empty".into(), &2_602.into()),
            "{cold:?}"
        );
        let warm = ["--from", "00:00:00.5", "--to", "00:00:04", "--warm-up", "2s"];
        assert_eq!(end(recording, &warm), whole);
    }
}

/// Moments that cannot be, a part in which nothing came, and options that exclude each other: 2, with what would be right.
#[test]
fn wrong_parts_are_refused() {
    let here = Recordings::new();
    let lines = here.sound(50);
    let journal = converted(&here, &lines, "tlj");
    let cases: &[(&[&str], &str)] = &[
        (&["--from", "yesterday"], "HH:MM:SS"),
        (&["--to", "00:60:00"], "nanoseconds since 1970"),
        (&["--from", "2024-02-30T00:00:00Z"], "2024-08-08T23:54:15.5Z"),
        (&["--from", "00:00:02", "--to", "00:00:01"], "ends at 1970-01-01T00:00:01.0010000Z"),
        (&["--from", "5", "--to", "5"], "ends at"),
        (&["--from", "00:01:00"], "begins at 1970-01-01T00:00:00.0010000Z"),
        (&["--warm-up", "1s"], "--from"),
        (&["--from", "1", "--warm-up", "1 day"], "10m or 2h"),
    ];
    for recording in [&lines, &journal] {
        for command in ["replay", "verify"] {
            for (part, right) in cases {
                let ran = touchline([command, text(recording)].iter().chain(*part));
                assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{part:?}: {ran:?}");
                assert!(ran.err.contains(right), "{part:?}: {ran:?}");
            }
        }
    }
    let cases: &[(&[&str], &str)] = &[
        (&["--serve", "--report", "x"], "cannot be used with"),
        (&["--serve", "--pace", "max"], "needs a pace"),
        (&["--serve", "--from", "00:00:02", "--to", "00:00:01"], "ends at 1970-01-01T00:00:01.0010000Z"),
        (&["--serve", "--from", "00:01:00"], "begins at 1970-01-01T00:00:00.0010000Z"),
    ];
    for (arguments, right) in cases {
        let ran = touchline(["replay", text(&lines)].iter().chain(*arguments));
        assert!(ran.code == Some(2) && ran.err.contains(right), "{ran:?}");
    }
}

/// A journal with a flipped bit in one of its blocks, and one that is cut: 3, every whole entry is used, and a book whose
/// messages are missing is not LIVE by them.
#[test]
fn a_damaged_journal_gives_what_is_whole() {
    let here = Recordings::new();
    let journal = converted(&here, &here.sound(6_000), "tlj");
    let whole = std::fs::read(&journal).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    let files = [("flipped.tlj", flipped), ("cut.tlj", whole[..whole.len() * 3 / 4].to_vec())];
    for (name, bytes) in files {
        let path = here.file(name, &bytes);
        for command in ["replay", "verify", "why"] {
            let ran = touchline([command, text(&path), "--json"]);
            assert!(ran.code == Some(3) && ran.err.contains(text(&path)), "{ran:?}");
            let told = ran.json();
            let updates = match command {
                "replay" => told["books"][0]["updates"].as_u64(),
                "verify" => told["symbols"]["BTCUSDT"]["updates"].as_u64(),
                _ => continue,
            };
            assert!(updates > Some(1_000) && updates < Some(6_000), "{name}: {told}");
            if name == "flipped.tlj" && command == "replay" {
                assert_eq!(
                    (&told["lost"], &told["books"][0]["state"]),
                    (&1.into(), &"STALE(gap)".into()),
                    "{told}"
                );
            }
        }
    }
}

/// A paced replay of a journal ends by Ctrl-C with 130 and what was done.
#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_a_journals_replay() {
    let here = Recordings::new();
    let journal = converted(&here, &here.sound(3_000), "tlj");
    let ran = super::interrupt::interrupted(&["replay", text(&journal), "--pace", "0.01x", "--json"]);
    assert_eq!((ran.code, &ran.json()["interrupted"]), (Some(130), &true.into()), "{ran:?}");
}

/// What a program that looks at a recording that is served so leaves.
fn served(file: &Path, more: &[&str], look: &[&str]) -> Ran {
    let serve = ["replay", text(file), "--venue", VENUE, "--serve", "--json"];
    let mut child = program(serve.iter().chain(more)).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    std::io::BufRead::read_line(&mut out, &mut first).unwrap();
    let start: Value = serde_json::from_str(&first).unwrap_or_else(|error| panic!("{error}: {first}"));
    let endpoint = format!("{VENUE}={}", start["ws"].as_str().unwrap());
    let (book, root) = (format!("{VENUE}:@BTCUSDT"), start["root"].as_str().unwrap());
    let there = [book.as_str(), "--endpoint", &endpoint, "--root", root, "--json"];
    let ran = touchline(look.iter().copied().chain(there));
    signal(child.id(), "INT");
    assert_eq!(wait(child).code, Some(130));
    ran
}

/// A journal and a collector's file are served as an exchange: a feed that is led there has a LIVE book.
#[test]
fn every_form_is_served() {
    let here = Recordings::new();
    let recording = here.sound(20_000);
    for form in ["tlj", "hftbacktest"] {
        let ran = served(&converted(&here, &recording, form), &[], &["once"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.json()["state"], "LIVE", "{ran:?}");
    }
}

/// A part from the recording's second half is served: a book is led there faster than the recording went, then goes on, is
/// LIVE all the while, and ends with the last update in front of `--to`.
#[test]
fn a_part_is_served() {
    let here = Recordings::new();
    let recording = here.sound(20_000);
    let part = ["--from", "00:00:10", "--to", "00:00:11"];
    let ran = served(&recording, &part, &["watch", "--seconds", "6"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let last = lines.rev().find(|line| line["type"] == "book").unwrap();
    // Update `i` came (3 + i) ms after the clock's zero, the first entry 1 ms after it.
    let sequence = 102 + 2 * (11_000 + 1 - 3 - 1);
    assert_eq!((&last["state"], &last["sequence"]), (&"LIVE".into(), &sequence.into()), "{last}");
}
