//! The rules of frames (RFC 6455) broken by the venue: W1 to W5 and W7.
//!
//! Two readers hold a connection each: what one of them is sent never reaches the books of the other. Decompression
//! (W6) meets no venue here, since none of these packs its frames.

use std::time::Duration;

use touchline::market::{Reason, State};
use touchline_simulator::{Command, Config, Faults, MessageFault, Which};

use crate::history::History;
use crate::rig::{Rig, rig, rig_with};

/// On the first reader's connection: the one that is attacked.
const ATTACKED: [&str; 2] = ["BTCUSDT", "S0002USDT"];

/// On the second reader's.
const NEIGHBOURS: [&str; 2] = ["S0001USDT", "S0003USDT"];

/// Four books of an exchange on two connections, live; retries are quick.
fn two_connections(rate: f64) -> (Rig, History) {
    let symbols = Config::symbols("binance", 4);
    let rig = rig_with(Config { symbols, rate, ..Config::new("binance") }, |mut builder| {
        let config = builder.config_mut();
        config.readers = 2;
        config.timing.backoff_first = Some(Duration::from_millis(20));
        config.timing.backoff_max = Some(Duration::from_millis(40));
        builder
    });
    rig.all_live();
    let history = History::of(&rig);
    (rig, history)
}

fn attacked() -> Which {
    Which::Symbol(ATTACKED[0].to_owned())
}

/// A frame: its first byte, which says whether it is the last of its message and of what kind, and its payload.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        length @ ..=125 => vec![length as u8],
        length @ ..=0xffff => [vec![126], (length as u16).to_be_bytes().to_vec()].concat(),
        length => [vec![127], (length as u64).to_be_bytes().to_vec()].concat(),
    };
    [vec![first], length, payload.to_vec()].concat()
}

/// Bytes that break a rule: the books of this connection say so, come back, and no others notice. The connection
/// ended with this code of ours.
fn breaks(rig: &Rig, history: &mut History, name: &str, bytes: Vec<u8>, code: u16) {
    use touchline_feed::{Ending, Report};
    history.forget();
    rig.exchange.command(Command::Bytes { which: attacked(), bytes });
    for symbol in ATTACKED {
        let took = history.recovers(rig, symbol, Reason::BadMessage);
        assert!(took < Duration::from_secs(2), "{name}: {symbol} was not live for {took:?}");
        let turns = history.turns(symbol);
        assert_eq!(turns[0].0, State::Stale(Reason::BadMessage), "{name}: {symbol} {turns:?}");
    }
    NEIGHBOURS.iter().for_each(|symbol| history.assert_quiet(symbol));
    let ends: Vec<_> = history
        .connections
        .iter()
        .filter_map(|event| match &event.report {
            Report::Down { ending, .. } => Some(*ending),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [Ending::Broken(code)], "{name}");
    rig.all_live();
}

/// W1: every message comes in several frames, empty ones among them and pings between, on every dialect; and one comes
/// a byte at a time with a ping before each. The books never notice.
#[test]
fn fragmented_messages_are_whole_messages() {
    for venue in ["binance", "binance-usdm", "binance-coinm"] {
        let symbols = Config::symbols(venue, 2);
        let faults = Faults { fragment: 1.0, ..Faults::default() };
        let rig = rig(Config { symbols, rate: 300.0, faults, ..Config::new(venue) });
        rig.all_live();
        let mut history = History::of(&rig);
        rig.wait("300 reads are compared", |rig| rig.judge.equal() >= 300);
        let views = rig.feed.views();
        let symbol = &views[0].1.instrument().symbol;
        let old = format!(
            r#"{{"stream":"{}@depth@0ms","data":{{"e":"depthUpdate","E":1,"T":1,"s":"{symbol}","ps":"{symbol}","U":2,"u":3,"pu":1,"b":[],"a":[]}}}}"#,
            symbol.to_lowercase()
        );
        let (last, rest) = old.as_bytes().split_last().unwrap();
        let mut bytes = frame(0x01, b"");
        for byte in rest {
            bytes.extend(frame(0x89, b"between"));
            bytes.extend(frame(0x00, &[*byte]));
        }
        bytes.extend(frame(0x80, &[*last]));
        let old = |rig: &Rig| rig.feed.report().unwrap().books[0].counters.stale;
        let before = old(&rig);
        rig.exchange.command(Command::Bytes { which: Which::All, bytes });
        rig.wait("the old update is counted", |rig| old(rig) == before + 1);
        views.iter().for_each(|(_, view)| history.assert_quiet(&view.instrument().symbol));
        assert_eq!(rig.feed.report().unwrap().intake.rejected_total(), 0);
        rig.finish();
    }
}

/// W2: a frame that claims almost 2^63 bytes, one that claims 100 MiB, and a message of 20 MiB that really comes, are
/// refused with 1009 before there is memory for them.
#[test]
fn too_large_is_refused_before_there_is_memory_for_it() {
    let (rig, mut history) = two_connections(200.0);
    let before = peak_kib();
    let claim = |length: u64| [vec![0x81, 127], length.to_be_bytes().to_vec(), vec![b' '; 64]].concat();
    breaks(&rig, &mut history, "2^63 - 1", claim(u64::MAX >> 1), 1_009);
    breaks(&rig, &mut history, "100 MiB", claim(100 << 20), 1_009);
    let part = vec![b' '; 4 << 20];
    let mut large = frame(0x01, &part);
    (0..4).for_each(|_| large.extend(frame(0x00, &part)));
    breaks(&rig, &mut history, "20 MiB in five frames", large, 1_009);
    // The 20 MiB lie here, in the exchange's queue and, up to 16 MiB, in the feed. Other tests run in this process.
    let grown = peak_kib() - before;
    assert!(grown < 200 << 10, "the peak of memory grew by {grown} KiB");
    rig.finish();
}

/// The most memory that this process ever had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// W3: text that is no UTF-8, at once, cut at the end, broken between fragments, and in a close frame's reason, ends the
/// connection with 1007; a letter that two fragments share does not.
#[test]
fn text_that_is_no_utf_8_ends_the_connection() {
    let (rig, mut history) = two_connections(200.0);
    let cases = [
        ("in a text", frame(0x81, b"{\"e\":\"\xff\xfe\"}")),
        ("cut", frame(0x81, b"{\"e\":\"\xc3")),
        ("between fragments", [frame(0x01, b"{\"e\":\"\xc3"), frame(0x80, b"x\"}")].concat()),
        ("in a close reason", frame(0x88, b"\x03\xe8\xff")),
    ];
    for (name, bytes) in cases {
        breaks(&rig, &mut history, name, bytes, 1_007);
    }
    history.forget();
    let ignored = |rig: &Rig| rig.feed.report().unwrap().intake.ignored_total();
    let before = ignored(&rig);
    let shared = [frame(0x01, b"{\"e\":\"\xc3"), frame(0x80, b"\xa9\"}")].concat();
    rig.exchange.command(Command::Bytes { which: attacked(), bytes: shared });
    rig.wait("the unknown event is ignored", |rig| ignored(rig) == before + 1);
    ATTACKED.iter().chain(&NEIGHBOURS).for_each(|symbol| history.assert_quiet(symbol));
    rig.finish();
}

/// W4: each frame that breaks a rule ends its connection with 1002.
#[test]
fn frames_that_break_a_rule_end_the_connection() {
    let cases = [
        ("reserved bit", frame(0xc1, b"{}")),
        ("unknown opcode", frame(0x83, b"{}")),
        ("unknown control opcode", frame(0x8b, b"")),
        ("masked", vec![0x81, 0x82, 1, 2, 3, 4, b'{' ^ 1, b'}' ^ 2]),
        ("long control frame", frame(0x89, &[0; 126])),
        ("control frame in fragments", frame(0x09, b"")),
        ("continuation of nothing", frame(0x80, b"{}")),
        ("text within a message", [frame(0x01, b"{"), frame(0x81, b"{}")].concat()),
        ("close code that may not be sent", frame(0x88, &1_005_u16.to_be_bytes())),
    ];
    for (name, bytes) in cases {
        let (rig, mut history) = two_connections(200.0);
        breaks(&rig, &mut history, name, bytes, 1_002);
        rig.finish();
    }
}

/// W4: whatever the exchange makes of it by chance, the books come back.
#[test]
fn broken_frames_by_chance_heal() {
    let (rig, mut history) = two_connections(400.0);
    let faults = Faults { bad_frame: 0.004, oversize: 0.002, ..Faults::default() };
    rig.exchange.command(Command::SetFaults(faults));
    rig.wait("eight faults", |rig| rig.exchange.counts().faulted() >= 8);
    rig.exchange.command(Command::Heal);
    rig.all_live();
    history.take();
    rig.finish();
}

/// W5: 900 pings at once are noticed by nobody and answered by a few pongs; 5,000 end the connection, whose books are
/// back soon.
#[test]
fn ping_floods_are_survived() {
    use touchline_feed::{Ending, Report};
    let (rig, mut history) = two_connections(200.0);
    let flood = |pings| {
        rig.exchange.command(Command::SetFaults(Faults { pings, ..Faults::default() }));
        rig.exchange.command(Command::Frame { which: attacked(), fault: MessageFault::PingFlood });
    };
    let before = rig.exchange.counts().client_messages;
    flood(900);
    rig.wait("a pong comes", |rig| rig.exchange.counts().client_messages > before);
    let compared = rig.judge.equal();
    rig.wait("300 reads more are compared", |rig| rig.judge.equal() >= compared + 300);
    let said = rig.exchange.counts().client_messages - before;
    assert!(said <= 8, "{said} messages to answer 900 pings");
    ATTACKED.iter().chain(&NEIGHBOURS).for_each(|symbol| history.assert_quiet(symbol));
    flood(5_000);
    for symbol in ATTACKED {
        let took = history.recovers(&rig, symbol, Reason::Disconnected);
        assert!(took < Duration::from_secs(2), "{symbol} was not live for {took:?}");
    }
    NEIGHBOURS.iter().for_each(|symbol| history.assert_quiet(symbol));
    let flooded = |event: &touchline::events::ConnectionEvent| {
        matches!(event.report, Report::Down { ending: Ending::Flooded, .. })
    };
    assert!(history.connections.iter().any(flooded), "{:?}", history.connections);
    rig.finish();
}

/// W5: pings that never cease, a few hundred a second, do not keep a new subscription from being asked for.
#[test]
fn pings_without_end_do_not_hold_up_a_subscription() {
    let symbols = Config::symbols("binance", 2);
    let rig = rig_with(Config { symbols, rate: 200.0, ..Config::new("binance") }, |mut builder| {
        builder.config_mut().subscriptions.truncate(1);
        builder
    });
    rig.all_live();
    let mut history = History::of(&rig);
    let ping = || rig.exchange.command(Command::Bytes { which: Which::All, bytes: frame(0x89, b"x") });
    for n in 0..400 {
        ping();
        std::thread::sleep(Duration::from_millis(3));
        if n == 100 {
            rig.feed.subscribe("binance:@S0001USDT", touchline::market::Channel::Book).unwrap();
        }
    }
    assert!(rig.view("S0001USDT").read().is_live(), "{}", rig.state_of_affairs());
    history.assert_quiet("BTCUSDT");
    rig.finish();
}

/// W7: pongs nobody asked for mean nothing. What comes behind a close frame, data that would break a book, a second
/// close and pongs, is heard by nobody.
#[test]
fn nothing_is_heard_behind_a_close() {
    let (rig, mut history) = two_connections(200.0);
    let storm = (0..2_000_u16).flat_map(|n| frame(0x8a, &n.to_be_bytes())).collect::<Vec<_>>();
    rig.exchange.command(Command::Bytes { which: attacked(), bytes: storm.clone() });
    let compared = rig.judge.equal();
    rig.wait("300 reads more are compared", |rig| rig.judge.equal() >= compared + 300);
    ATTACKED.iter().chain(&NEIGHBOURS).for_each(|symbol| history.assert_quiet(symbol));
    let close = frame(0x88, &1_000_u16.to_be_bytes());
    let bytes = [close.clone(), frame(0x81, b"no JSON"), close, storm].concat();
    rig.exchange.command(Command::Bytes { which: attacked(), bytes });
    for symbol in ATTACKED {
        history.recovers(&rig, symbol, Reason::Disconnected);
        let states = history.states(symbol);
        assert!(!states.contains(&State::Stale(Reason::BadMessage)), "{symbol}: {states:?}");
    }
    NEIGHBOURS.iter().for_each(|symbol| history.assert_quiet(symbol));
    let report = rig.feed.report().unwrap();
    assert_eq!(report.intake.rejected_total(), 0, "{report:?}");
    rig.finish();
}
