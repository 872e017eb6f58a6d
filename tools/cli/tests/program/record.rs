//! `record`, and `replay` of what it wrote.

use std::path::PathBuf;

use touchline_simulator::{Command, Config, End, Faults, Which};

use super::exchange::{Exchange, signal, until, wait};
use super::{text, touchline};

fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().map(|one| one.unwrap().path()).collect();
    files.sort();
    files
}

/// A recording with faults and a cut, ended by time, is run again: everything is the same, the exit code is 0, and the
/// JSON says as much as the text. One with a frame's byte changed is damaged, and says so with 3.
#[test]
fn what_was_recorded_runs_again() {
    let faults = Faults { drop: 0.000_5, duplicate: 0.01, harmless: 0.05, ..Faults::default() };
    let symbols = Config::symbols("binance", 2);
    let exchange = Exchange::of(Config { symbols, rate: 500.0, faults, ..Config::new("binance") });
    let folder = exchange.path("journal");
    let record =
        ["record", "binance:BTC-USDT", "binance:@S0001USDT", "--out", text(&folder), "--seconds", "5"];
    let child = exchange.command(&[&record[..], &["--hash-ms", "200", "--json"]].concat()).spawn().unwrap();
    until("a file", || files(&folder).len() == 1);
    std::thread::sleep(std::time::Duration::from_secs(2));
    exchange.simulator.command(Command::End { which: Which::All, how: End::Reset });
    let ran = wait(child);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let told = ran.json();
    assert_eq!((&told["lost_entries"], &told["books"]), (&0.into(), &2.into()), "{told}");
    let journal = files(&folder).remove(0);
    assert_eq!(told["last_file"], text(&journal));

    let again = touchline(["replay", text(&journal), "--json"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    let same = again.json();
    assert_eq!((&same["mismatches"], &same["gaps"]), (&0.into(), &0.into()), "{same}");
    assert!(same["hashes_same"].as_u64() >= Some(20) && same["commands_same"].as_u64() >= Some(4), "{same}");
    let shown = touchline(["replay", text(&journal)]);
    assert!(shown.code == Some(0) && shown.out.contains("book hashes the same"), "{shown:?}");

    let mut bytes = std::fs::read(&journal).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = exchange.path("damaged.tlj");
    std::fs::write(&damaged, bytes).unwrap();
    let ran = touchline(["replay", text(&damaged)]);
    assert!(ran.code == Some(3) && ran.out.contains("DAMAGED"), "{ran:?}");
}

/// Ctrl-C ends a recording in order: the file is whole, and the exit code says that nothing was lost.
#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_a_recording_in_order() {
    let exchange = Exchange::new("binance", 1);
    let folder = exchange.path("journal");
    let child = exchange.command(&["record", "binance:BTC-USDT", "--out", text(&folder)]).spawn().unwrap();
    until("something recorded", || {
        files(&folder).first().is_some_and(|file| std::fs::metadata(file).unwrap().len() > 2_000)
    });
    signal(child.id(), "INT");
    let ran = wait(child);
    assert!(ran.code == Some(0) && ran.out.starts_with("recorded "), "{ran:?}");
    let again = touchline(["replay", text(&files(&folder)[0])]);
    assert_eq!(again.code, Some(0), "{again:?}");
}

/// A folder that cannot be made, and a name that would leave it: refused with 2 before anything connects.
#[test]
fn where_nothing_can_be_written_is_said_at_once() {
    let exchange = Exchange::new("binance", 1);
    let ran = exchange.run(&["record", "binance:BTC-USDT", "--out", "/dev/null/journal"]);
    assert!(ran.code == Some(2) && ran.err.contains("/dev/null/journal"), "{ran:?}");
    let folder = exchange.path("journal");
    let ran = exchange.run(&["record", "binance:BTC-USDT", "--out", text(&folder), "--name", "../elsewhere"]);
    assert!(ran.code == Some(2) && !folder.exists(), "{ran:?}");
}
