//! Bitstamp's messages: each sample gives exactly the update that a person reads in it, a spoilt one gives a typed error
//! and leaves nothing, both sides of the wire agree, and recordings are understood.

mod common;

use std::collections::BTreeMap;

use common::recordings::{read, recordings};
use common::{Session, both, exact, facts, sample, sample_names};
use proptest::collection::vec;
use proptest::prelude::{prop_assert_eq, proptest};
use serde_json::Value;
use touchline_json::DecimalError;
use touchline_market::{Channel, Level, Levels, Price, Qty, Side, Trade};
use touchline_venue::exchange::{Book, Fate, Moment, Request, Stream, Traded, Update};
use touchline_venue::{Ask, Blind, ParseError, Parsed, Reply, by_host_of};

const SAMPLES: [(&str, &str); 16] = [
    (
        "book_update",
        "Delta adaeur 0..1641343691310202 at 1641343691310202000 flags 0: Bid 1.17113 x 852.53713157 \
         Ask 1.17438 x 853.01809477 Ask 1.17484 x 0",
    ),
    ("book_update_nothing", "Delta adaeur 0..1641343691310203 at 1641343691310203000 flags 0:"),
    (
        "book_update_perpetual",
        "Delta btcusd-perp 0..1789456316507635 at 1789456316507635000 flags 0: Bid 77049 x 0 \
         Bid 77035 x 2.4571 Ask 77409 x 0",
    ),
    (
        "depth",
        "Depth btcusd-perp 0..1789457617906487 at 1789457617906487000 flags 0: Bid 77188 x 0.41122 \
         Bid 77183 x 0.32386 Ask 77189 x 0.41124 Ask 77193 x 0.32385",
    ),
    ("depth_of_orders", "ignored: unknown event"),
    ("error", "ignored: error reply"),
    ("error_unauthorized", "ignored: error reply"),
    ("funding", "ignored: unknown event"),
    ("heartbeat", "ignored: heartbeat"),
    ("order", "ignored: unknown event"),
    ("reconnect", "ignored: notice"),
    ("reconnect_null", "ignored: notice"),
    ("subscribed", "ignored: acknowledgement"),
    // The plain numbers are not exact, the texts are.
    (
        "trade",
        "Trade ethusd 0..216000484 at 1641343709599000000 flags 0: sold 0.931 for 3802.93 as 216000484",
    ),
    (
        "trade_perpetual",
        "Trade btcusd-perp 0..2001939623936278528 at 1789456400586000000 flags 0: \
         bought 0.00921 for 77204 as 2001939623936278528",
    ),
    ("unsubscribed", "ignored: acknowledgement"),
];

/// Every sample of a frame against the table, on a fresh connection each; none is left out of it.
#[test]
fn every_sample_gives_the_update_a_person_reads_in_it() {
    let frames: Vec<_> =
        sample_names("bitstamp").into_iter().filter(|name| !name.starts_with("rest_")).collect();
    assert_eq!(frames, SAMPLES.map(|(name, _)| name), "a row for each sample");
    for (name, told) in SAMPLES {
        let mut session = Session::learning("bitstamp");
        assert_eq!(session.tell(sample("bitstamp", name)), told, "{name}");
        let mut nobody = Session::listed("bitstamp", &[]);
        let expected = if told.starts_with("ignored") { told } else { "ignored: not subscribed" };
        assert_eq!(nobody.tell(sample("bitstamp", name)), expected, "{name} to nobody");
    }
}

/// A REST snapshot joins by its microseconds; one that says only seconds is rejected, which asks for it again.
#[test]
fn snapshots_need_their_microseconds() {
    let mut session = Session::learning("bitstamp");
    assert_eq!(
        session.tell_snapshot("sgbeur", sample("bitstamp", "rest_snapshot")),
        "Snapshot sgbeur 0..1641343695572693 at 1641343695572693000 flags 2: Bid 0.14695 x 4567.41344936 \
         Bid 0.14676 x 1498.00684013 Ask 0.14775 x 29.05"
    );
    let rejected = session.snapshot("sgbeur", sample("bitstamp", "rest_snapshot_seconds")).unwrap_err();
    assert_eq!(rejected.error, ParseError::Missing("microtimestamp"));
    assert_eq!((rejected.instrument.map(|id| id.0), rejected.channel), (Some(0), Some(Channel::Book)));
    for body in ["<html>", r#"{"status":"error","reason":"x","code":"400.002"}"#, "[]"] {
        assert!(session.snapshot("sgbeur", body).is_err(), "{body}");
    }
    let mut nobody = Session::listed("bitstamp", &[]);
    let told = nobody.tell_snapshot("sgbeur", sample("bitstamp", "rest_snapshot"));
    assert_eq!(told, "ignored: not subscribed");
}

/// The fields that are read, by their place, with the error of another type there.
const FIELDS: [(&str, &[(&str, ParseError)]); 3] = [
    ("book_update", BOOK),
    ("depth", BOOK),
    (
        "trade",
        &[
            ("/event", ParseError::WrongType("event")),
            ("/channel", ParseError::WrongType("channel")),
            ("/data", ParseError::WrongType("data")),
            ("/data/id", ParseError::WrongType("id")),
            ("/data/microtimestamp", ParseError::Number("microtimestamp", DecimalError::WrongType)),
            ("/data/price_str", ParseError::Number("price_str", DecimalError::WrongType)),
            ("/data/amount_str", ParseError::Number("amount_str", DecimalError::WrongType)),
            ("/data/type", ParseError::WrongType("type")),
        ],
    ),
];

const BOOK: &[(&str, ParseError)] = &[
    ("/event", ParseError::WrongType("event")),
    ("/channel", ParseError::WrongType("channel")),
    ("/data", ParseError::WrongType("data")),
    ("/data/microtimestamp", ParseError::Number("microtimestamp", DecimalError::WrongType)),
    ("/data/bids", ParseError::WrongType("bids")),
    ("/data/asks", ParseError::WrongType("asks")),
];

/// Each field that is read missing, of another type, and twice: a typed error with its name, of the instrument where the
/// channel could be read. All other fields do not matter.
#[test]
fn spoilt_fields_are_named() {
    for (name, fields) in FIELDS {
        let good = sample("bitstamp", name);
        let message: Value = serde_json::from_str(&good).unwrap();
        for &(place, retyped) in fields {
            let (parent, key) = place.rsplit_once('/').unwrap();
            let told = |text: String| {
                let mut session = Session::learning("bitstamp");
                let rejected = session.frame(&text).expect_err(&text);
                assert_eq!(rejected.instrument.is_some(), session.listing.instruments().len() == 1, "{text}");
                assert_eq!(session.frame(&good), Ok(Parsed::Updates(1)), "{name} reads on");
                (rejected.error, rejected.instrument.is_some())
            };
            let mut missing = message.clone();
            missing.pointer_mut(parent).and_then(Value::as_object_mut).unwrap().remove(key);
            let is_of_one = place.starts_with("/data");
            let (error, of_one) = told(missing.to_string());
            assert!(matches!(error, ParseError::Missing(field) if field == key), "{name} {place}: {error}");
            assert_eq!(of_one, is_of_one, "{name} {place}");
            let mut other = message.clone();
            *other.pointer_mut(place).unwrap() = Value::Bool(true);
            assert_eq!(told(other.to_string()), (retyped, is_of_one), "{name} {place}");
            let value = message.pointer(place).unwrap();
            let twice = good.replacen(&format!("\"{key}\":"), &format!("\"{key}\":{value},\"{key}\":"), 1);
            let (error, _) = told(twice);
            assert!(matches!(error, ParseError::Duplicate(field) if field == key), "{name} {place}: {error}");
        }
        let mut bare = message.clone();
        for key in ["timestamp", "amount", "price", "buy_order_id", "sell_order_id"] {
            bare["data"].as_object_mut().unwrap().remove(key);
        }
        bare["more"] = Value::Bool(true);
        bare["data"]["more"] = Value::Bool(true);
        let (told, expected) = (Session::learning("bitstamp").tell(bare.to_string()), {
            Session::learning("bitstamp").tell(&good)
        });
        assert_eq!(told, expected, "{name}: fields nobody reads");
    }
}

/// Values that are no such thing: prices of zero and below, quantities below zero, stamps that are none, data on a
/// channel of other events. And each sample cut at every byte.
#[test]
fn spoilt_values_are_rejected() {
    let (past, low) = (DecimalError::OutOfRange, DecimalError::Negative);
    for (name, from, to, error) in [
        ("book_update", "\"1.17438\"", "\"0\"", ParseError::NotPositive("asks")),
        ("book_update", "\"1.17438\"", "\"-1\"", ParseError::NotPositive("asks")),
        ("book_update", "\"853.01809477\"", "\"-853\"", ParseError::Number("asks", low)),
        ("book_update", "\"1641343691310202\"", "\"0\"", ParseError::Number("microtimestamp", past)),
        ("book_update", "\"event\":\"data\"", "\"event\":\"trade\"", ParseError::Shape),
        ("trade", "\"event\":\"trade\"", "\"event\":\"data\"", ParseError::Shape),
        ("trade", "\"3802.93\"", "\"0\"", ParseError::NotPositive("price_str")),
        ("trade", "\"type\":1", "\"type\":2", ParseError::WrongType("type")),
    ] {
        let text = sample("bitstamp", name);
        assert!(text.contains(from), "{name}: {from}");
        let rejected = Session::learning("bitstamp").frame(text.replace(from, to)).expect_err(to);
        assert_eq!((rejected.error, rejected.instrument.map(|id| id.0)), (error, Some(0)), "{name}: {to}");
    }
    for name in sample_names("bitstamp") {
        let (text, mut session) = (sample("bitstamp", &name), Session::learning("bitstamp"));
        for length in 0..text.len() {
            let cut = &text.as_bytes()[..length];
            let outcome =
                if name.starts_with("rest_") { session.snapshot("a", cut) } else { session.frame(cut) };
            assert!(matches!(outcome.unwrap_err().error, ParseError::Json(_)), "{name} cut to {length}");
        }
        assert!(session.sink.messages.is_empty());
    }
}

/// What we ask for is what the venue's side takes apart, and its answers are what ours understands.
#[test]
fn both_sides_of_the_wire_agree() {
    let (facts, mut session) = (facts("bitstamp"), Session::learning("bitstamp"));
    let exchange = (facts.exchange)().unwrap();
    let traded = exchange.symbol("BTC");
    let mut opening = exchange.open("", 0).unwrap();
    for &channel in facts.channels {
        let mut name = String::new();
        (facts.texts.stream)(&traded.symbol, channel, 1_000, &mut name);
        for ask in [Ask::Subscribe, Ask::Unsubscribe] {
            let text = (facts.texts.request)(ask, &[&name], 1);
            assert!(text.len() <= exchange.rules().request_bytes);
            let Request::Asked(asked) = exchange.read(&mut opening.connection, &text, 0) else {
                panic!("{text}")
            };
            assert_eq!((asked.ask, asked.streams[0].channel), (ask, Some(channel)));
            assert_eq!(asked.streams[0].symbol, traded.symbol);
            let mut answers = Vec::new();
            exchange.answer(&opening.connection, &asked, &[Fate::Taken], 0, &mut answers);
            assert_eq!(session.tell(&answers[0]), "ignored: acknowledgement");
            let given = Reply::Subscribed { streams: vec![name.clone()] };
            let expected = if ask == Ask::Subscribe { given } else { Reply::Nothing };
            assert_eq!((facts.texts.reply)(answers[0].as_bytes()), expected);
            exchange.answer(&opening.connection, &asked, &[Fate::Invalid], 0, &mut answers);
            let refused = (facts.texts.reply)(answers[1].as_bytes());
            assert!(matches!(refused, Reply::Refused { id: None, stream: None, terminal: true, .. }));
        }
    }
    let mut notice = String::new();
    exchange.shutdown(&opening.connection, 0, &mut notice);
    assert_eq!((facts.texts.reply)(notice.as_bytes()), Reply::Closing);
    let stream =
        Stream { name: "live_trades_btcusd".into(), symbol: "btcusd".into(), channel: None, levels: 0 };
    let moment = Moment { stamp_us: 7, ..Moment::default() };
    let trade = Trade { price: Price(12_345), qty: Qty(5), id: u64::MAX, aggressor: Side::Bid };
    let mut out = String::new();
    exchange.trades(&traded, &stream, &moment, &[trade], &mut out);
    let told = session.tell(out);
    let expected = "Trade btcusd 0..18446744073709551615 at 7000 flags 0: \
                    bought 0.00000005 for 123.45 as 18446744073709551615";
    assert_eq!(told, expected);
    let body = exchange.instruments_body(0, std::slice::from_ref(&traded));
    let list = (facts.instruments)(body.as_bytes()).unwrap();
    assert_eq!((list[0].symbol.as_str(), list[0].name.as_str()), ("btcusd", "BTC-USD"));
    assert_eq!((list[0].price_scale, list[0].qty_scale), (2, 8));
    assert_eq!(facts.blind(), Blind::Everything);
    for url in ["wss://ws.bitstamp.net/", "https://www.bitstamp.net/api/v2/markets/"] {
        assert_eq!(by_host_of(url).map(|facts| facts.name.as_str()), Some("bitstamp"));
    }
}

proptest! {
    /// Whatever levels the venue's side writes, ours reads them, in messages and in snapshots.
    #[test]
    fn levels_survive_the_wire(
        bids in vec((1_i64..1_000_000_000_000, 0_u64..1_000_000_000_000_000), 0..40),
        asks in vec((1_i64..1_000_000_000_000, 0_u64..1_000_000_000_000_000), 0..40),
        price_scale in 0_u8..=8,
        qty_scale in 0_u8..=8,
    ) {
        let exchange = (facts("bitstamp").exchange)().unwrap();
        let levels = |side: &[(i64, u64)]| side.iter().map(|&(at, qty)| Level::new(at, qty)).collect::<Vec<_>>();
        let (bids, asks) = (levels(&bids), levels(&asks));
        let (bids, asks) = (bids.as_slice(), asks.as_slice());
        let traded = Traded { symbol: "ab".to_owned(), price_scale, qty_scale };
        let name = "diff_order_book_ab".to_owned();
        let stream = Stream { name, symbol: "ab".to_owned(), channel: Some(Channel::Book), levels: 0 };
        let (event_ms, stamp_us, sequence) = (0, 5, 1);
        let (first, last, previous) = (1, 1, 0);
        let (best_bids, best_asks): (&[Level], &[Level]) = (&[], &[]);
        let update = Update { event_ms, stamp_us, first, last, previous, bids, asks, best_bids, best_asks };
        let (mut frame, mut body) = (String::new(), String::new());
        exchange.book_update(&traded, &stream, &update, &mut frame);
        exchange.snapshot_body(&traded, &Book { event_ms, stamp_us, sequence, bids, asks }, &mut body);
        let mut session = Session::learning("bitstamp");
        prop_assert_eq!(session.frame(&frame), Ok(Parsed::Updates(1)));
        prop_assert_eq!(session.snapshot("ab", &body), Ok(Parsed::Updates(1)));
        for (head, body) in &session.sink.messages {
            let read = exact(Levels::new(head, body.iter()), (head.price_scale, head.qty_scale));
            prop_assert_eq!(read, exact(both(bids, asks), (price_scale, qty_scale)), "{}", frame);
        }
    }
}

/// Every recorded frame and REST body is understood; how many of each kind there are is known of each recording.
#[test]
fn recordings_are_understood() {
    const EXPECTED: [(&str, &[(&str, u64)]); 3] = [
        ("bitstamp-gct-frames", &[("Trade", 1), ("ignored: notice", 1), ("ignored: unknown event", 1)]),
        ("bitstamp-tardis-frames", &[("Trade", 2)]),
        (
            "bitstamp-ws1-20220105",
            &[
                ("Delta", 717),
                ("Snapshot", 10),
                ("Trade", 10),
                ("ignored: acknowledgement", 20),
                ("listed", 140),
            ],
        ),
    ];
    for (name, path) in recordings(|name| name.starts_with("bitstamp-")) {
        let learned = read(&path, &mut Session::learning("bitstamp"), |_, _| {});
        assert!(learned.rejected.is_empty(), "{name}: {:#?}", learned.rejected);
        let (_, expected) = EXPECTED.iter().find(|(known, _)| *known == name).expect("a known recording");
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
        assert_eq!(learned.counts, expected, "{name}");
        if !learned.listed.is_empty() {
            let listed = read(&path, &mut Session::listed("bitstamp", &learned.listed), |_, _| {});
            assert_eq!((listed.counts, listed.rejected), (expected, Vec::new()), "{name}");
        }
    }
}
