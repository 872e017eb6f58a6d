//! What a watch shows to other programs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use touchline_simulator::{Command, End, Which};

use super::exchange::{Exchange, until, wait};
use super::touchline;

/// A page's first line and body; nothing if nobody answers.
fn get(address: &str, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else { return String::new() };
    let mut answer = String::new();
    let _ = write!(stream, "GET {path} HTTP/1.1\r\nhost: here\r\n\r\n");
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// A watch says where its metrics are, becomes ready, and its log tells of the cut that the exchange makes, as one JSON
/// object a line and nothing else.
#[test]
fn a_watch_is_seen_from_outside() {
    let exchange = Exchange::new("binance", 1);
    let asked = ["--metrics", "127.0.0.1:0", "--log", "info", "--log-json", "--json", "--seconds", "8"];
    let mut child = exchange.command(&[&["watch", "binance:@BTCUSDT"], &asked[..]].concat()).spawn().unwrap();
    let mut remarks = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    remarks.read_line(&mut first).unwrap();
    let address =
        first.trim().strip_prefix("metrics: http://").and_then(|rest| rest.strip_suffix("/metrics"));
    let address = address.unwrap_or_else(|| panic!("{first}")).to_owned();
    until("ready", || get(&address, "/ready").starts_with("HTTP/1.1 200"));
    let metrics = get(&address, "/metrics");
    assert!(
        metrics
            .contains("touchline_book_state{venue=\"binance\",instrument=\"BTC-USDT\",state=\"live\"} 1\n")
    );
    exchange.simulator.command(Command::End { which: Which::All, how: End::Reset });
    let reconnected = "touchline_reconnects_total{venue=\"binance\",path=\"0\"} 1\n";
    until("connected again", || get(&address, "/metrics").contains(reconnected));
    let mut log = String::new();
    remarks.read_to_string(&mut log).unwrap();
    assert_eq!(wait(child).code, Some(0));
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let told = |key: &str, value: &str| lines.iter().any(|line| line[key] == value);
    assert!(told("message", "down") && told("instrument", "binance:BTC-USDT") && told("to", "LIVE"), "{log}");
    assert!(told("to", "STALE(disconnected)"), "{log}");
    assert!(get(&address, "/live").is_empty());
}

/// An address that others can reach, and a level that is none, are wrong usage, and what would be right is said.
#[test]
fn what_cannot_be_shown_is_told() {
    for (arguments, says) in [
        (["--metrics", "0.0.0.0:0"], "use 127.0.0.1 or [::1]"),
        (["--log", "loud"], "write off, error, warn, info, debug or trace"),
    ] {
        let ran = touchline([&["watch", "binance:@BTCUSDT"], &arguments[..]].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains(says), "{ran:?}");
    }
}
