//! A configuration file that says what is written down, shown and kept secret.

use std::path::{Path, PathBuf};

use touchline_capture::journal;
use touchline_simulator::{Command, Config, End, HandshakeFault, Plants, Which};

use super::exchange::{Exchange, until, wait};
use super::{program, text};

/// A file for a feed on this exchange: its book, its roots, and these tables.
fn configuration(exchange: &Exchange, tables: &str) -> PathBuf {
    let (ws, rest) = (exchange.simulator.ws_root(), exchange.simulator.rest_root());
    let path = exchange.path("touchline.toml");
    let text = format!(
        "[[subscribe]]\ninstrument = \"binance:@BTCUSDT\"\n[endpoint.binance]\nws = \"{ws}\"\nrest = \"{rest}\"\n\
         [transport]\nroots = [\"root.pem\"]\n{tables}"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().map(|one| one.unwrap().path()).collect()
}

/// The file's journal, metrics and log are had without a word on the command line, and `once` leaves no journal; what the
/// command line says comes first; a recording without a folder is wrong usage.
#[test]
fn a_file_says_what_is_written_and_shown() {
    let exchange = Exchange::new("binance", 1);
    let tables = "[journal]\nfolder = \"kept\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n\
        [logs]\nlevel = \"info\"\njson = true\n";
    let path = configuration(&exchange, tables);
    let kept = exchange.path("kept");
    let run =
        |arguments: &[&str]| wait(program([arguments, &["--config", text(&path)]].concat()).spawn().unwrap());
    let ran = run(&["once", "binance:@BTCUSDT"]);
    assert!(ran.code == Some(0) && !kept.exists(), "{ran:?}");
    // A log hears what happens once the feed runs: here, that a connection ends and another one takes its place.
    let child = program(["watch", "--json", "--seconds", "6", "--config", text(&path)]).spawn().unwrap();
    until("a journal", || files(&kept).len() == 1);
    std::thread::sleep(std::time::Duration::from_secs(1));
    exchange.simulator.command(Command::End { which: Which::All, how: End::Fin });
    let ran = wait(child);
    assert_eq!((ran.code, files(&kept).len()), (Some(0), 1), "{ran:?}");
    for part in
        ["metrics: http://127.0.0.1:", &format!("journal: {}", kept.display()), "\"message\":\"live\""]
    {
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    }
    let ran = run(&["record", "--seconds", "2"]);
    assert_eq!((ran.code, files(&kept).len()), (Some(0), 2), "{ran:?}");
    let other = exchange.path("other");
    let ran = run(&["record", "--out", text(&other), "--name", "mine", "--log", "off", "--seconds", "2"]);
    assert_eq!((ran.code, files(&kept).len()), (Some(0), 2), "{ran:?}");
    let named = files(&other).iter().all(|file| text(file).contains("/mine-"));
    assert!(named && files(&other).len() == 1 && !ran.err.contains("\"message\""), "{ran:?}");

    configuration(&exchange, "");
    let ran = run(&["record", "--seconds", "2"]);
    assert!(ran.code == Some(2) && ran.err.contains("give --out DIR, or a [journal]"), "{ran:?}");
}

/// Keys in both URLs, in cookies, in refusals and in what the venue answers, and one that only the file of secrets tells
/// of: none of them stands in the log of everything, in the result, in the journal or in its files' bytes.
#[test]
fn no_secret_is_told() {
    let secrets = [
        "qmZ81xWv7JcT0sLk94RbYpNu26GhDfEa35KiOtUy",
        "rest-7Qk2Wm9Xz4",
        "bm0.Zx81-Kq7/Lp3",
        "refused-5Jd8Nw3Rb6Yk",
        "listen4Hs7Gt2Pf9Lc5Mv8",
    ];
    let [socket_path, rest_path, cookie, refusal, reply] = secrets.map(str::to_owned);
    let plants = Plants { socket_path, rest_path, cookie, refusal, reply, ..Plants::default() };
    let exchange = Exchange::of(Config { plants, rate: 500.0, ..Config::new("binance") });
    std::fs::write(exchange.path("secrets.txt"), secrets[1]).unwrap();
    let tables =
        "[feed]\nsecrets = \"secrets.txt\"\nincidents = \"incidents\"\n[journal]\nfolder = \"kept\"\n";
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
    assert!(ran.err.contains("HTTP 503"), "{ran:?}");
    let mut left = vec![ran.out.into_bytes(), ran.err.into_bytes()];
    for file in files(&exchange.path("kept")).iter().chain(&files(&exchange.path("incidents"))) {
        left.push(std::fs::read(file).unwrap());
        let Ok(mut reader) = journal::Reader::open(file) else { continue };
        while let Some(entry) = reader.next().unwrap() {
            left.push(entry.payload.to_vec());
        }
    }
    assert!(left.len() > 500, "{} texts", left.len());
    for bytes in left {
        let said = String::from_utf8_lossy(&bytes);
        assert!(!secrets.iter().any(|secret| said.contains(secret)), "{said}");
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
