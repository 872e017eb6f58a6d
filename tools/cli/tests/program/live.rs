//! The commands that meet an exchange, against a simulated one.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use touchline_simulator::{Command, Config, End, Verdict, Which};

use super::exchange::{Exchange, signal, until, wait};
use super::{Ran, text};

/// The lines of a run of JSON lines.
fn lines(ran: &Ran) -> Vec<Value> {
    ran.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

/// A watch into a file shows LIVE within moments; Ctrl-C ends it with 130, and the last line says how it ended.
#[test]
#[cfg(target_os = "linux")]
fn a_watch_shows_live_and_ends_by_ctrl_c() {
    let exchange = Exchange::new("binance", 2);
    let path = exchange.path("watch.txt");
    let watch = ["watch", "binance:BTC-USDT", "binance:@S0001USDT"];
    let mut command = exchange.command(&watch);
    let child = command.stdout(File::create(&path).unwrap()).spawn().unwrap();
    let shown = || std::fs::read_to_string(&path).unwrap();
    until("LIVE", || shown().lines().filter(|line| line.contains(" LIVE  ")).count() >= 2);
    signal(child.id(), "INT");
    let ran = wait(child);
    assert_eq!((ran.code, ran.err.as_str()), (Some(130), ""), "{ran:?}");
    let text = shown();
    assert!(text.contains("binance:BTC-USDT LIVE") && text.contains("binance:S0001-USDT LIVE"), "{text}");
    assert!(text.contains("-> LIVE, epoch 1") && !text.contains('\u{1b}'), "{text}");
    assert!(text.lines().last().unwrap().ends_with("ended: 2 of 2 live"), "{text}");
}

/// JSON lines: each parses; books are not crossed; a cut is told as connection, STALE and LIVE again; the end is 0.
#[test]
fn json_lines_tell_a_cut_and_its_healing() {
    let exchange = Exchange::new("binance-usdm", 1);
    let mut command = exchange.command(&["watch", "binance-usdm:@BTCUSDT", "--json", "--seconds", "6"]);
    let mut child = command.spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut told = String::new();
    while !told.contains("\"type\":\"book\"") {
        assert!(reader.read_line(&mut told).unwrap() > 0, "the watch ended: {told}");
    }
    exchange.simulator.command(Command::End { which: Which::All, how: End::Reset });
    std::io::Read::read_to_string(&mut reader, &mut told).unwrap();
    let ran = Ran { out: told, ..wait(child) };
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines = lines(&ran);
    let states: Vec<_> =
        of_type(&lines, "state").iter().map(|line| line["state"].as_str().unwrap()).collect();
    // Whatever is told of the way there: it was LIVE, then STALE, and LIVE at the end.
    let live = states.iter().position(|state| *state == "LIVE").unwrap();
    assert!(states[live..].contains(&"STALE") && states.ends_with(&["LIVE"]), "{states:?}");
    let words = of_type(&lines, "connection");
    assert!(words.iter().any(|line| line["text"].as_str().unwrap().starts_with("down: ")), "{ran:?}");
    let books = of_type(&lines, "book");
    assert!(books.len() >= 3, "{ran:?}");
    for book in books.iter().filter(|book| book["state"] == "LIVE") {
        let price = |side: &str| book[side][0].as_str().unwrap().parse::<f64>().unwrap();
        assert!(price("bid") < price("ask") && book["instrument"] == "binance-usdm:BTC-USDT-PERP", "{book}");
    }
    let end = lines.last().unwrap();
    assert_eq!((&end["type"], &end["live"], &end["instruments"]), (&"end".into(), &1.into(), &1.into()));
}

/// A venue that is not there: the watch says so, goes on until its time is up, and ends with 1.
#[test]
fn an_unreachable_venue_is_stale_and_ends_with_1() {
    for instrument in ["binance:@BTCUSDT", "binance:BTC-USDT"] {
        let ran = super::touchline([
            "watch",
            instrument,
            "--endpoint",
            "binance=ws://127.0.0.1:1",
            "--seconds",
            "2",
            "--json",
        ]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let lines = lines(&ran);
        let last = of_type(&lines, "book").last().copied().cloned().unwrap();
        assert_eq!((&last["state"], &last["reason"]), (&"STALE".into(), &"disconnected".into()), "{ran:?}");
        assert!(ran.out.contains("cannot connect"), "{ran:?}");
    }
}

/// Whoever reads a watch may leave: it ends with 0 and says nothing.
#[test]
fn a_watch_whose_reader_leaves_ends_quietly() {
    let exchange = Exchange::new("binance", 1);
    let mut child = exchange.command(&["watch", "binance:BTC-USDT", "--seconds", "50"]).spawn().unwrap();
    drop(child.stdout.take());
    let ran = wait(child);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
}

/// One book: LIVE, and equal to the exchange's own at that sequence, best prices not crossed.
#[test]
fn once_prints_the_true_book() {
    let exchange = Exchange::new("binance", 1);
    let ladder = exchange.run(&["once", "binance:BTC-USDT", "--depth", "3"]);
    assert_eq!((ladder.code, ladder.err.as_str()), (Some(0), ""), "{ladder:?}");
    assert!(ladder.out.starts_with("binance:BTC-USDT  LIVE  epoch 1"), "{ladder:?}");
    assert_eq!(
        ladder.out.matches("  ask  ").count() + ladder.out.matches("  bid  ").count(),
        6,
        "{ladder:?}"
    );

    for threads in
        [["--placement", "book-thread", "--wait", "block"], ["--placement", "reader", "--wait", "spin"]]
    {
        let once = ["once", "binance:@BTCUSDT", "--depth", "20", "--json"];
        let ran = exchange.run(&[once.as_slice(), &threads].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        is_true(&exchange, &ran.json());
    }
}

/// The printed book is the exchange's own at that sequence.
fn is_true(exchange: &Exchange, book: &Value) {
    let level = |level: &Value| {
        let scaled = |text: &Value, scale: i32| {
            (text.as_str().unwrap().parse::<f64>().unwrap() * 10f64.powi(scale)).round()
        };
        touchline::market::Level::new(scaled(&level[0], 2) as i64, scaled(&level[1], 5) as u64)
    };
    let side = |name: &str| book[name].as_array().unwrap().iter().map(level).collect::<Vec<_>>();
    let (bids, asks) = (side("bids"), side("asks"));
    assert_eq!((bids.len(), asks.len()), (20, 20), "{book}");
    assert!(bids[0].price < asks[0].price, "{book}");
    let sequence = book["sequence"].as_u64().unwrap();
    assert_eq!(exchange.truth("BTCUSDT").judge(sequence, 2, 5, &bids, &asks), Verdict::Equal, "{book}");
}

/// No book in time: 1, with the state and the last word about the connection; nothing on standard output.
#[test]
fn once_says_why_there_is_no_book() {
    let ran = super::touchline([
        "once",
        "binance:@BTCUSDT",
        "--endpoint",
        "binance=ws://127.0.0.1:1",
        "--timeout",
        "1",
    ]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.err.contains("STALE(disconnected)") && ran.err.contains("cannot connect"), "{ran:?}");
    let json = super::touchline([
        "once",
        "binance:@BTCUSDT",
        "--endpoint",
        "binance=ws://127.0.0.1:1",
        "--timeout",
        "1",
        "--json",
    ]);
    assert_eq!((json.code, &json.json()["reason"]), (Some(1), &"disconnected".into()), "{json:?}");
    assert!(json.json()["why"].as_str().unwrap().contains("cannot connect"), "{json:?}");
}

/// An instrument that the venue does not have: 2 at once, and the nearest is named; the same for a venue.
#[test]
fn an_unknown_instrument_is_answered_with_the_nearest() {
    let exchange = Exchange::new("binance", 1);
    for (command, instrument, nearest) in [
        ("once", "binance:BTC-USDTT", "binance:BTC-USDT"),
        ("watch", "binance:@BTCUSD", "binance:@BTCUSDT"),
        ("watch", "binanse:BTC-USDT", "`binance`"),
    ] {
        let ran = exchange.run(&[command, instrument]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.err.contains(nearest), "{ran:?}");
    }
}

/// A certificate that nobody told us to trust is refused: no book, and the reason names the identity.
#[test]
fn a_certificate_is_not_trusted_without_a_word() {
    let exchange = Exchange::new("binance", 1);
    let endpoint = format!("binance={}", exchange.simulator.ws_root());
    let ran = super::touchline(["once", "binance:@BTCUSDT", "--endpoint", &endpoint, "--timeout", "2"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.err.contains("identity") || ran.err.contains("ertificate"), "{ran:?}");
}

/// The venue's list, whole and filtered, as a table and as JSON.
#[test]
fn instruments_are_listed() {
    let exchange = Exchange::new("binance", 3);
    let table = exchange.run(&["instruments", "binance"]);
    assert_eq!(table.code, Some(0), "{table:?}");
    assert!(table.out.starts_with("instrument") && table.err.contains("3 of 3 instruments"), "{table:?}");
    assert!(
        table.out.lines().any(|line| line.starts_with("binance:BTC-USDT  ") && line.contains("0.01")),
        "{table:?}"
    );
    let ran = exchange.run(&["instruments", "binance", "s0002", "--json"]);
    let list = ran.json();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["symbol"]), (1, &"S0002USDT".into()), "{ran:?}");
    assert_eq!((&list[0]["kind"], &list[0]["status"]), (&"spot".into(), &"trading".into()), "{ran:?}");
}

/// The command that `simulate` prints works as it stands, with TLS and without; its counts come as JSON lines.
#[test]
fn the_printed_command_watches_the_simulated_exchange() {
    for more in [["--json", "--rate", "500"].as_slice(), &["--json", "--plain"]] {
        let arguments = ["simulate", "--symbols", "BTCUSDT,ETHUSDT"].iter().chain(more);
        let mut child = super::program(arguments).spawn().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        reader.read_line(&mut first).unwrap();
        let start: Value = serde_json::from_str(&first).unwrap();
        let watch: Vec<_> = start["watch"].as_str().unwrap().split(' ').skip(1).collect();
        assert!(watch.contains(&"binance:@ETHUSDT"), "{start}");
        let ran = super::touchline(watch.iter().copied().chain(["--json", "--seconds", "4"]));
        assert_eq!(ran.code, Some(0), "{start}: {ran:?}");
        signal(child.id(), "INT");
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut reader, &mut rest).unwrap();
        assert_eq!(wait(child).code, Some(130));
        let end: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
        assert!(end["type"] == "end" && end["messages"].as_u64().unwrap() > 100, "{end}");
        assert_eq!((&end["breaches"], &end["early_requests"]), (&0.into(), &0.into()), "{end}");
        // The certificate lay in a file for the time of the run.
        assert!(start["root"].as_str().is_none_or(|root| !std::path::Path::new(root).exists()), "{start}");
    }
}

/// Faults from a file and from the command line are dealt and counted.
#[test]
fn faults_are_dealt() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faults.toml");
    std::fs::write(&file, "duplicate = 0.5\n").unwrap();
    let simulate = ["simulate", "--faults", text(&file), "--fault", "harmless=0.2", "--plain", "--json"];
    let mut child = super::program(simulate).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let start: Value = serde_json::from_str(&first).unwrap();
    let watch: Vec<_> = start["watch"].as_str().unwrap().split(' ').skip(1).collect();
    let ran = super::touchline(watch.iter().copied().chain(["--json", "--seconds", "3"]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    signal(child.id(), "INT");
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut reader, &mut rest).unwrap();
    wait(child);
    let end: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert!(end["faults"].as_u64().unwrap() > 100, "{end}");
}

/// A recording is played to whoever asks, under its own venue.
#[test]
fn a_recording_is_served() {
    let recordings = super::Recordings::new();
    let path = recordings.sound(2_000);
    let simulate = ["simulate", "--serve", text(&path), "--plain", "--json", "--seconds", "30"];
    let mut child = super::program(simulate).stdin(Stdio::null()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let start: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(
        (&start["venue"], &start["symbols"][0]),
        (&"binance-usdm".into(), &"BTCUSDT".into()),
        "{start}"
    );
    let endpoint = format!("binance-usdm={}", start["ws"].as_str().unwrap());
    let ran = super::touchline(["once", "binance-usdm:@BTCUSDT", "--endpoint", &endpoint]);
    signal(child.id(), "INT");
    wait(child);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// The exchange that the other tests rely on keeps a client's rules: nothing is sent too early, no rule is broken.
#[test]
fn a_watch_breaks_no_rule_of_the_exchange() {
    let exchange = Exchange::of(Config { rate: 2_000.0, ..Config::new("binance") });
    let ran = exchange.run(&["watch", "binance:BTC-USDT", "--channels", "book,trade,bbo", "--seconds", "3"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let counts = exchange.simulator.counts();
    assert_eq!((counts.breached(), counts.early_requests), (0, 0), "{counts}");
    assert!(counts.messages > 1_000, "{counts}");
}
