//! A configuration file that says what is written down, shown and kept secret.

use std::path::{Path, PathBuf};

use touchline_capture::journal;
use touchline_simulator::{Command, Config, End, HandshakeFault, Which};
use touchline_tests::secrets;

use super::exchange::{Exchange, TOLD, until, wait};
use super::{Ran, program, text};

/// A file for a feed on this exchange: its book, its roots, its secrets, and these tables, the first keys being the feed's.
fn configuration(exchange: &Exchange, tables: &str) -> PathBuf {
    let (ws, rest) = (exchange.simulator.ws_root(), exchange.simulator.rest_root());
    let path = exchange.path("touchline.toml");
    let text = format!(
        "[[subscribe]]\ninstrument = \"binance:@BTCUSDT\"\n[endpoint.binance]\nws = \"{ws}\"\nrest = \"{rest}\"\n\
         [transport]\nroots = [\"root.pem\"]\n[feed]\nsecrets = \"{TOLD}\"\n{tables}"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().map(|one| one.unwrap().path()).collect()
}

/// The first that a log says of connections, which is where it begins.
fn first_words(ran: &Ran) -> Vec<String> {
    let lines = ran.log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let connection = lines.filter(|line| line["target"] == "touchline::connection");
    connection.take(3).filter_map(|line| line["message"].as_str().map(str::to_owned)).collect()
}

/// The file's journal, metrics and log are had without a word on the command line, the log from the first connection on,
/// and `once` leaves no journal; what the command line says comes first; a recording without a folder is wrong usage.
#[test]
fn a_file_says_what_is_written_and_shown() {
    let exchange = Exchange::new("binance", 1);
    let tables = "[journal]\nfolder = \"kept\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n\
        [logs]\nlevel = \"info\"\njson = true\n";
    let path = configuration(&exchange, tables);
    let kept = exchange.path("kept");
    let run = |arguments: &[&str]| {
        let mut command = program([arguments, &["--config", text(&path)]].concat());
        wait(command.env_remove("TOUCHLINE_LOG").spawn().unwrap())
    };
    let ran = run(&["once", "binance:@BTCUSDT"]);
    assert!(ran.code == Some(0) && !kept.exists(), "{ran:?}");
    let ran = run(&["watch", "--json", "--seconds", "3"]);
    assert_eq!((ran.code, files(&kept).len()), (Some(0), 1), "{ran:?}");
    for part in ["metrics: http://127.0.0.1:", &format!("journal: {}", kept.display())] {
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    }
    assert_eq!(first_words(&ran), ["connecting", "open", "live"], "{ran:?}");
    for said in ["connecting", "open", "live, "] {
        assert!(ran.out.contains(said), "{said}: {ran:?}");
    }
    let ran = run(&["record", "--seconds", "2"]);
    assert_eq!((ran.code, files(&kept).len()), (Some(0), 2), "{ran:?}");
    assert_eq!(first_words(&ran), ["connecting", "open", "live"], "{ran:?}");
    let other = exchange.path("other");
    let ran = run(&["record", "--out", text(&other), "--name", "mine", "--log", "off", "--seconds", "2"]);
    assert_eq!((ran.code, files(&kept).len()), (Some(0), 2), "{ran:?}");
    let named = files(&other).iter().all(|file| text(file).contains("/mine-"));
    assert!(named && files(&other).len() == 1 && ran.log.is_empty(), "{ran:?}");

    configuration(&exchange, "");
    let ran = run(&["record", "--seconds", "2"]);
    assert!(ran.code == Some(2) && ran.err.contains("give --out DIR, or a [journal]"), "{ran:?}");
}

/// Secrets in both URLs, in cookies, bodies, refusals, answers, closes and pings: none of them stands in the log of
/// everything, in the result, in the journal's entries or in the bytes of any file. The log was told what other crates
/// say, and nothing of what they say at TRACE.
#[test]
fn no_secret_is_told() {
    let exchange = Exchange::of(Config { rate: 500.0, ..Config::new("binance") });
    let tables = "incidents = \"incidents\"\n[journal]\nfolder = \"kept\"\n";
    let path = configuration(&exchange, tables);
    let record = ["record", "--config", text(&path), "--log", "trace", "--seconds", "5"];
    let child = program(record).spawn().unwrap();
    until("a journal", || files(&exchange.path("kept")).len() == 1);
    std::thread::sleep(std::time::Duration::from_secs(1));
    let fault = HandshakeFault::Status { code: 503, retry_after_s: None };
    exchange.simulator.command(Command::Handshake { fault, count: 1 });
    exchange.simulator.command(Command::End { which: Which::All, how: End::Close(1_012) });
    let ran = wait(child);
    assert!(ran.code == Some(0) && ran.out.contains(" secrets were replaced"), "{ran:?}");
    for part in ["HTTP 503", "DEBUG rustls::", "DEBUG tungstenite::protocol: Received close frame"] {
        assert!(ran.log.contains(part), "{part}: {ran:?}");
    }
    assert!(!ran.log.contains("TRACE tungstenite") && !ran.log.contains("TRACE rustls"), "{ran:?}");
    let mut left = Vec::new();
    for file in files(&exchange.path("kept")).iter().chain(&files(&exchange.path("incidents"))) {
        left.push(std::fs::read(file).unwrap());
        let Ok(mut reader) = journal::Reader::open(file) else { continue };
        while let Some(entry) = reader.next().unwrap() {
            left.push(entry.payload.to_vec());
        }
    }
    assert!(left.len() > 500, "{} texts", left.len());
    for bytes in left {
        assert_eq!(secrets::find(&bytes), None, "{}", String::from_utf8_lossy(&bytes));
    }
    // Nor does a mistake tell what is wrong in full.
    configuration(&exchange, "");
    let spoilt = std::fs::read_to_string(&path).unwrap().replace("wss://", "wss://me:hunter2@");
    std::fs::write(&path, spoilt).unwrap();
    let ran = wait(program(["check", text(&path)]).spawn().unwrap());
    assert!(
        ran.code == Some(2) && ran.err.contains("holds more than") && !ran.err.contains("hunter2"),
        "{ran:?}"
    );
}
