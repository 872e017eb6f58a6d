//! Kraken's messages spoilt: a typed error each time, and nothing in the sink.

mod common;

use common::{Session, sample, sample_names};
use serde_json::Value;

/// The samples that carry data.
const DATA: [&str; 9] = [
    "book_several",
    "book_snapshot",
    "book_update",
    "instrument",
    "level3_snapshot",
    "level3_update",
    "ohlc",
    "ticker",
    "trade",
];

/// Fields whose absence or another type is no error, because the venue does not always send them or nobody reads them.
fn is_optional(name: &str, path: &str) -> bool {
    const UNREAD: [&str; 9] =
        ["ord_type", "vwap", "change", "change_pct", "assets", "base", "quote", "time_in", "time_out"];
    let last = path.rsplit('/').next().unwrap_or_default();
    UNREAD.contains(&last)
        || path.contains("/assets/")
        || matches!(
            (name, last),
            ("book_snapshot" | "ticker" | "ohlc" | "level3_snapshot" | "level3_update", "timestamp")
                | ("ticker" | "instrument", "type")
                | ("level3_snapshot" | "level3_update", "checksum")
                | ("instrument", _)
        )
}

/// The places in a message, by JSON pointer.
fn places(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let place = format!("{at}/{key}");
                out.push(place.clone());
                places(value, place, out);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                places(value, format!("{at}/{index}"), out);
            }
        }
        _ => {}
    }
}

/// The message without what stands at a place.
fn without(message: &Value, place: &str) -> Value {
    let mut message = message.clone();
    let (parent, key) = place.rsplit_once('/').unwrap();
    message.pointer_mut(parent).and_then(Value::as_object_mut).unwrap().remove(key);
    message
}

/// The message with something else at a place.
fn with(message: &Value, place: &str, value: Value) -> Value {
    let mut message = message.clone();
    *message.pointer_mut(place).unwrap() = value;
    message
}

/// Every field of every data sample taken away, and replaced by `true`: a typed error, and nothing in the sink. Prices
/// of zero and below, stamps that are none.
#[test]
fn spoilt_messages_are_rejected_whole() {
    let mut spoilt = 0;
    for name in DATA {
        let text = sample("kraken", name);
        let message: Value = serde_json::from_str(&text).unwrap();
        let mut all = Vec::new();
        places(&message, String::new(), &mut all);
        for place in all.iter().filter(|place| !is_optional(name, place)) {
            for changed in [without(&message, place), with(&message, place, Value::Bool(true))] {
                let changed = changed.to_string();
                let mut session = Session::learning("kraken");
                session.listing.insert((common::facts("kraken").provisional)("BTC/USD"));
                let outcome = session.frame(&changed);
                let is_order = place.ends_with("/event") && name == "level3_snapshot";
                let is_last = place.ends_with("/last");
                assert!(
                    outcome.is_err() || is_order || is_last,
                    "{name} at {place}: {changed} gave {outcome:?}"
                );
                spoilt += 1;
            }
        }
    }
    assert!(spoilt > 100, "{spoilt}");
    for (name, from, to) in [
        ("book_update", "\"price\":105944.20", "\"price\":0"),
        ("book_update", "\"price\":105944.20", "\"price\":-1.5"),
        ("book_update", "\"qty\":0.25000000", "\"qty\":-0.25"),
        ("book_update", "\"qty\":0.25000000", "\"qty\":1e-30"),
        ("book_update", "2114181697", "4294967296"),
        ("book_update", "2025-10-06T17:35:55.440301Z", "2025-02-30T17:35:55.440301Z"),
        ("book_update", "\"update\"", "\"other\""),
        ("book_update", "\"asks\":[]", "\"asks\":[],\"asks\":[]"),
        ("book_update", "\"symbol\":\"BTC/USD\"", "\"symbol\":\"BTC/USD\",\"symbol\":\"ETH/USD\""),
        ("trade", "\"price\":105944.1,", "\"price\":0,"),
        ("ticker", "\"bid\":0.10025", "\"bid\":0"),
        ("level3_update", "\"modify\"", "\"move\""),
        ("level3_update", "\"A-2\"", "\"\""),
    ] {
        let text = sample("kraken", name);
        assert!(text.contains(from), "{name}: {from}");
        let mut session = Session::learning("kraken");
        assert!(session.frame(text.replace(from, to)).is_err(), "{name}: {to}");
    }
}

/// The same of the older protocol, whose data have few names: elements are taken away or replaced.
#[test]
fn spoilt_messages_of_the_older_protocol_are_rejected_whole() {
    for (name, from, to) in [
        ("book_update", "[1234,", "["),
        ("book_update", "\"book-10\"", "true"),
        ("book_update", "\"book-10\"", "\"book-ten\""),
        ("book_update", "\"XBT/USD\"", "7"),
        ("book_update", "\"974942666\"", "\"-1\""),
        ("book_update", "\"974942666\"", "974942666.5"),
        ("book_update", "\"a\":", "\"x\":"),
        ("book_update", "\"a\":[[", "\"a\":[[true,"),
        ("book_update", "\"2.50700000\",", ""),
        ("book_update", ",\"1534614248.456738\"", ""),
        ("book_update", "\"1534614248.456738\"", "\"yesterday\""),
        ("book_update", "\"5542.50000\"", "\"0\""),
        ("book_update", "\"0.40100000\"", "\"-0.4\""),
        ("book_update_parts", "{\"b\":", "{\"a\":"),
        ("book_update_parts", "{\"b\":", "{\"bs\":"),
        ("book_update_parts", "{\"b\":[[\"0.042990\",\"0.00000000\",\"1618678145.920708\"]]", "{\"b\":7"),
        ("book_snapshot", "\"bs\":", "\"x\":"),
        ("book_snapshot", "\"as\":", "\"x\":"),
        ("trade", "\"b\",\"l\"", "\"l\""),
        ("trade", "\"1561939258.557040\"", "null"),
        ("trade", "\"9488.20000\"", "\"0\""),
        ("trade", "[[", "[7,["),
        ("spread", ",\"0.98765432\"", ""),
        ("spread", "\"5700.00000\"", "\"-1\""),
        ("ticker", "\"c\":", "\"x\":"),
        ("ticker", "\"o\":[\"5760.70000\",\"5763.40000\"]", "\"o\":\"5760.7\""),
        ("ticker", "\"v\":[\"2634.11501494\",\"3591.17907851\"]", "\"v\":[\"2634.1\"]"),
        ("ohlc", ",2],", "],"),
        ("ohlc", "\"1542057314.748456\"", "true"),
        ("subscribed", "\"status\":\"subscribed\",", ""),
    ] {
        let text = sample("kraken_v1", name);
        assert!(text.contains(from), "{name}: {from}");
        let mut session = Session::learning("kraken-v1");
        let outcome = session.frame(text.replacen(from, to, 1));
        assert!(outcome.is_err(), "{name}: {to} gave {outcome:?}");
    }
}

/// Frames cut short at any byte are errors and leave nothing.
#[test]
fn cut_messages_are_rejected() {
    for (venue, folder) in [("kraken", "kraken"), ("kraken-v1", "kraken_v1")] {
        for name in sample_names(folder) {
            let text = sample(folder, &name);
            let mut session = Session::learning(venue);
            for length in 0..text.len() {
                assert!(
                    session.frame(&text.as_bytes()[..length]).is_err(),
                    "{venue}: {name} cut to {length}"
                );
            }
            assert!(session.sink.messages.is_empty());
        }
    }
}
