//! Each documented exit code, with what is said beside it.

use super::{Ran, Recordings, text, touchline};

/// A sound recording: 0, every book sound, nothing on standard error.
#[test]
fn a_sound_recording_ends_with_0() {
    let recordings = Recordings::new();
    let path = recordings.sound(200);
    for placement in ["book-thread", "reader"] {
        let verify = touchline(["verify", text(&path), "--placement", placement]);
        assert_eq!((verify.code, verify.err.as_str()), (Some(0), ""), "{verify:?}");
        assert!(verify.out.contains("BTCUSDT") && verify.out.contains("sound"), "{verify:?}");
        let replay = touchline(["replay", text(&path), "--placement", placement]);
        assert_eq!((replay.code, replay.err.as_str()), (Some(0), ""), "{replay:?}");
        assert!(replay.out.contains("end to end") && replay.out.contains("LIVE"), "{replay:?}");
    }
}

/// A missing delta: 1 from both commands, and the book and the reason are named.
#[test]
fn a_book_that_cannot_be_trusted_ends_with_1() {
    let recordings = Recordings::new();
    let path = recordings.with_a_gap();
    let verify = touchline(["verify", text(&path)]);
    assert_eq!(verify.code, Some(1), "{verify:?}");
    assert!(verify.out.contains("NOT TRUSTED") && verify.out.contains("STALE(gap)"), "{verify:?}");
    let replay = touchline(["replay", text(&path)]);
    assert_eq!(replay.code, Some(1), "{replay:?}");
    assert!(replay.out.contains("STALE(gap)"), "{replay:?}");
}

/// A recording cut short: 3, the file and the place are named, and what was whole is shown.
#[test]
fn a_damaged_recording_ends_with_3_and_shows_what_is_whole() {
    let recordings = Recordings::new();
    let path = recordings.cut();
    for command in ["verify", "replay"] {
        let ran = touchline([command, text(&path)]);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.err.starts_with("error: ") && ran.err.contains(text(&path)), "{ran:?}");
        assert!(ran.err.contains("cut off at line") && ran.out.contains("BTC"), "{ran:?}");
    }
}

/// Files that are no recordings: 3, one line that names the file, no empty tables.
#[test]
fn a_file_that_is_no_recording_ends_with_3_and_one_line() {
    let recordings = Recordings::new();
    let cases = [
        (recordings.path("nowhere.cap.zst"), "No such file"),
        (recordings.folder.path().to_owned(), "directory"),
        (recordings.file("empty.cap", b""), "is empty"),
        (recordings.file("notes.txt", b"hello\n"), "not a recording"),
        (recordings.file("binance-notes.cap", b"hello\n"), "not a recording"),
        (recordings.file("magic.cap.zst", &[0x28, 0xB5, 0x2F, 0xFD, 0xFF, 0xFF, 0xFF, 0xFF]), "cut off"),
    ];
    for (path, reason) in cases {
        for command in ["verify", "replay"] {
            let ran = touchline([command, text(&path)]);
            assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{ran:?}");
            assert!(ran.err.contains(text(&path)) && ran.err.contains(reason), "{ran:?}");
            assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
        }
    }
}

/// A text in the form of a recording from nobody we know is a question to the user, not damage.
#[test]
fn an_unknown_venue_is_asked_for() {
    let recordings = Recordings::new();
    let path = recordings.file("mine.cap", b"1000 R {}\n");
    let ran = touchline(["verify", text(&path)]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("--venue"), "{ran:?}");
    // Named, it is read; a recording without a book proves nothing.
    assert_eq!(touchline(["verify", text(&path), "--venue", "binance"]).code, Some(1));
}

/// Wrong arguments: 2, with what would be right; nothing is run.
#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    let recordings = Recordings::new();
    let path = recordings.sound(10);
    let capture = text(&path);
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["verfy"], "'verify'"),
        (&["verify"], "<CAPTURE>"),
        (&["verify", capture, "more"], "unexpected argument"),
        (&["verify", capture, "--venue", "binanc"], "'binance'"),
        (&["verify", capture, "--every", "0"], "from 1"),
        (&["verify", capture, "--only", "BTCUSDT"], "VENUE:@SYMBOL"),
        (&["verify", capture, "--only", "binance-usdm:@ETHUSDT"], "binance-usdm:BTC-USDT-PERP"),
        (&["verify", capture, "--cores", "x"], "2,3"),
        (&["verify", capture, "--cores", "0,1,2"], "2,3"),
        (&["verify", capture, "--cores", "0"], "--placement reader"),
        (&["replay", capture, "--pace", "0x"], "10x"),
        (&["replay", capture, "--pace", "fast"], "10x"),
        (&["replay", capture, "--placement", "moon"], "book-thread"),
        (&["demo", "--venue", "nowhere"], "binance-usdm"),
        (&["demo", "--seconds", "0"], "2..=45"),
        (&["demo", "--rate", "1"], "10..=50000"),
        (&["watch"], "<INSTRUMENT>"),
        (&["watch", "BTC-USDT"], "binance:BTC-USDT"),
        (&["watch", "binance:BTC-USDT", "--channels", "books"], "book, trade"),
        (&["watch", "binance:BTC-USDT", "--endpoint", "binance=ftp://a"], "wss://"),
        (&["watch", "binance:BTC-USDT", "--endpoint", "ws://127.0.0.1"], "VENUE=WS_URL"),
        (&["watch", "binance:BTC-USDT", "--wait", "sleep"], "block"),
        (&["watch", "binance:BTC-USDT", "--root", "/nowhere.pem"], "/nowhere.pem"),
        (&["watch", "--config", "/nowhere.toml"], "/nowhere.toml"),
        (&["once"], "<INSTRUMENT>"),
        (&["once", "binance:BTC-USDT", "--timeout", "0"], "1..=3600"),
        (&["check"], "<FILE>"),
        (&["instruments"], "<VENUE>"),
        (&["instruments", "binanc"], "'binance'"),
        (&["simulate", "--fault", "drp=0.1"], "drp"),
        (&["simulate", "--fault", "drop=2"], "from 0 to 1"),
        (&["simulate", "--plain", "--certificate", "a.pem"], "cannot be used with"),
        (&["simulate", "--symbols", "0"], "1 to 2000"),
        (&["venues", "binance"], "unexpected argument"),
    ];
    for (arguments, right) in cases {
        let ran = touchline(*arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(right), "{arguments:?}: {ran:?}");
    }
}

/// A result with no place to go: 2, told before the work where that can be known.
#[test]
fn a_result_that_cannot_be_written_ends_with_2() {
    let recordings = Recordings::new();
    let path = recordings.sound(10);
    let capture = text(&path);
    let (missing, file) = (recordings.path("no/out.json"), recordings.file("file", b"mine"));
    let refused = |ran: Ran, path: &str| {
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.err.contains("cannot write") && ran.err.contains(path), "{ran:?}");
    };
    refused(touchline(["verify", capture, "--out", text(&missing)]), text(&missing));
    let folder = text(recordings.folder.path());
    refused(touchline(["verify", capture, "--out", folder]), folder);
    refused(touchline(["replay", capture, "--report", text(&file)]), text(&file));
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

/// A full disk is told, whether a file is written or standard output.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_with_2() {
    let recordings = Recordings::new();
    let path = recordings.sound(10);
    let file = touchline(["verify", text(&path), "--out", "/dev/full"]);
    assert_eq!(file.code, Some(2), "{file:?}");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output: Ran = super::program(["verify", text(&path)]).stdout(full).output().unwrap().into();
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.err.contains("standard output"), "{output:?}");
}

/// Help and version: 0, on standard output, the codes documented, no line beyond 100 columns.
#[test]
fn help_and_version_end_with_0() {
    let version = touchline(["--version"]);
    assert_eq!((version.code, version.out), (Some(0), format!("touchline {}\n", env!("CARGO_PKG_VERSION"))));
    let commands = [
        "demo",
        "watch",
        "once",
        "check",
        "instruments",
        "simulate",
        "verify",
        "why",
        "record",
        "replay",
        "latency",
        "convert",
        "recover",
    ];
    let mut helps = vec![vec!["--help"]];
    helps.extend(commands.map(|command| vec![command, "--help"]));
    for arguments in helps {
        let help = touchline(&arguments);
        assert_eq!((help.code, help.err.as_str()), (Some(0), ""), "{help:?}");
        assert!(help.out.contains("Examples:"), "{help:?}");
        assert!(help.out.lines().all(|line| line.chars().count() <= 100), "{help:?}");
    }
    let help = touchline(["--help"]).out;
    for code in ["0    sound", "1    a book", "2    wrong usage", "3    the recording", "130  stopped"] {
        assert!(help.contains(code), "{code}: {help}");
    }
}
