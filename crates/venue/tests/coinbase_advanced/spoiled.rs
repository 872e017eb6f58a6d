//! Every field of every kind of message missing, of another type, or twice: the error names it, and nothing is taken.

use serde_json::{Value, json};
use touchline_market::{Channel, InstrumentId};
use touchline_venue::{ParseError, Parsed};

use crate::common::{ignored, sample};
use crate::{FOLDER, SAMPLES, session, updates};

/// Where the fields of each sample stand that are read, and what they are; `id` is whose product it is.
const FIELDS: &[(&str, Channel, &[&str])] = &[
    (
        "book_snapshot",
        Channel::Book,
        &[
            "/timestamp",
            "/events",
            "/events/0/type",
            "/events/0/product_id",
            "/events/0/updates",
            "/events/0/updates/0/side",
            "/events/0/updates/0/price_level",
            "/events/0/updates/3/new_quantity",
        ],
    ),
    (
        "trade",
        Channel::Trade,
        &[
            "/events",
            "/events/0/type",
            "/events/0/trades",
            "/events/0/trades/0/product_id",
            "/events/0/trades/0/trade_id",
            "/events/0/trades/0/price",
            "/events/0/trades/0/size",
            "/events/0/trades/0/time",
            "/events/0/trades/0/side",
        ],
    ),
    (
        "ticker",
        Channel::Ticker,
        &[
            "/timestamp",
            "/events",
            "/events/0/type",
            "/events/0/tickers",
            "/events/0/tickers/0/product_id",
            "/events/0/tickers/0/price",
            "/events/0/tickers/0/high_24_h",
            "/events/0/tickers/0/low_24_h",
            "/events/0/tickers/0/volume_24_h",
        ],
    ),
    (
        "candle",
        Channel::Candle,
        &[
            "/timestamp",
            "/events",
            "/events/0/type",
            "/events/0/candles",
            "/events/0/candles/0/product_id",
            "/events/0/candles/0/start",
            "/events/0/candles/0/open",
            "/events/0/candles/0/high",
            "/events/0/candles/0/low",
            "/events/0/candles/0/close",
            "/events/0/candles/0/volume",
        ],
    ),
    (
        "status",
        Channel::Status,
        &[
            "/timestamp",
            "/events",
            "/events/0/type",
            "/events/0/products",
            "/events/0/products/0/id",
            "/events/0/products/0/status",
        ],
    ),
];

/// The object that holds a field, and the field's name.
fn holder<'v>(message: &'v mut Value, pointer: &str) -> (&'v mut serde_json::Map<String, Value>, String) {
    let (path, name) = pointer.rsplit_once('/').expect("a path");
    (message.pointer_mut(path).and_then(Value::as_object_mut).expect("an object"), name.to_owned())
}

/// A rejected message gives nothing and names its channel, and its product where that can be read beside the fault.
fn rejected(message: &Value, sample: &str, pointer: &str, channel: Channel) -> ParseError {
    let mut session = session();
    session.listing.find("BTC-USD").expect("adopted");
    let what = format!("{sample} {pointer}: {message}");
    let rejected = session.frame(message.to_string()).expect_err(&what);
    assert_eq!(rejected.channel, Some(channel), "{what}");
    assert_eq!(rejected.instrument, is_readable(pointer, channel).then_some(InstrumentId(0)), "{what}");
    rejected.error
}

/// Can the product be read if this field cannot? It stands beside a book's levels, and in each item of the others.
fn is_readable(pointer: &str, channel: Channel) -> bool {
    match pointer.rsplit_once('/') {
        Some((_, "events" | "product_id" | "id")) => false,
        Some(("/events/0", _)) => channel == Channel::Book,
        _ => true,
    }
}

/// Each field in turn is missing, or something else than the venue sends: the error names the field.
#[test]
fn a_missing_or_retyped_field_is_named() {
    let others =
        [json!(null), json!(true), json!({}), json!([]), json!(""), json!("NaN"), json!("-1"), json!(-1)];
    for (name, channel, pointers) in FIELDS {
        let good: Value = serde_json::from_str(&sample(FOLDER, name)).unwrap();
        for pointer in *pointers {
            let mut message = good.clone();
            let (object, field) = holder(&mut message, pointer);
            object.remove(&field).expect("the field is in the sample");
            let error = rejected(&message, name, pointer, *channel);
            assert!(
                matches!(error, ParseError::Missing(named) if named == field),
                "{name} {pointer}: {error}"
            );
            for other in &others {
                // Any text may be a symbol or a status, and no elements are elements.
                let fits = match other {
                    Value::String(_) => ["product_id", "id", "status"].contains(&field.as_str()),
                    Value::Array(_) => ["events", "updates", "trades", "tickers", "candles", "products"]
                        .contains(&field.as_str()),
                    _ => false,
                };
                if fits {
                    continue;
                }
                let mut message = good.clone();
                let (object, field) = holder(&mut message, pointer);
                object.insert(field.clone(), other.clone());
                match rejected(&message, name, pointer, *channel) {
                    ParseError::WrongType(named)
                    | ParseError::Number(named, _)
                    | ParseError::NotPositive(named) => {
                        assert_eq!(named, field, "{name} {pointer} is {other}");
                    }
                    // A kind of event that is not known.
                    ParseError::Shape => assert_eq!(field, "type", "{name} {pointer} is {other}"),
                    error => panic!("{name} {pointer} is {other}: {error}"),
                }
            }
        }
    }
}

/// Each field that stands twice in its object is named, even with the same value.
#[test]
fn a_doubled_field_is_named() {
    for (name, channel, pointers) in FIELDS {
        let text = sample(FOLDER, name);
        for pointer in pointers.iter().filter(|pointer| pointer.matches('/').count() > 3) {
            let field = pointer.rsplit_once('/').expect("a path").1;
            // The sample's last object of the kind: its doubled field stands at its front.
            let at = text.find(&format!("\"{field}\":")).expect("the field");
            let object = text[..at].rfind('{').expect("its object") + 1;
            let doubled = format!("{}\"{field}\":null,{}", &text[..object], &text[object..]);
            let mut session = session();
            session.listing.find("BTC-USD").expect("adopted");
            let rejected = session.frame(&doubled).expect_err(&doubled);
            assert!(
                matches!(rejected.error, ParseError::Duplicate(named) if named == field),
                "{doubled}: {rejected}"
            );
            assert_eq!(rejected.channel, Some(*channel), "{doubled}");
        }
    }
}

/// The envelope: a number or a channel that is missing, doubled or of another type. Nobody is named; whether the frame
/// was counted depends on the number alone.
#[test]
fn a_broken_envelope_is_named() {
    let rest = r#""timestamp":"2026-08-09T21:05:48Z","events":[]"#;
    for (frame, error) in [
        (
            format!(r#"{{"channel":"l2_data","sequence_num":"5",{rest}}}"#),
            ParseError::WrongType("sequence_num"),
        ),
        (
            format!(r#"{{"channel":"l2_data","sequence_num":-5,{rest}}}"#),
            ParseError::WrongType("sequence_num"),
        ),
        (format!(r#"{{"channel":"l2_data",{rest}}}"#), ParseError::Missing("sequence_num")),
        (format!(r#"{{"channel":"heartbeats",{rest}}}"#), ParseError::Missing("sequence_num")),
        (format!(r#"{{"channel":"subscriptions",{rest}}}"#), ParseError::Missing("sequence_num")),
        (
            format!(r#"{{"channel":"l2_data","sequence_num":5,"sequence_num":5,{rest}}}"#),
            ParseError::Duplicate("sequence_num"),
        ),
        (format!(r#"{{"channel":7,"sequence_num":5,{rest}}}"#), ParseError::WrongType("channel")),
        (
            format!(r#"{{"channel":"l2_data","channel":"l2_data","sequence_num":5,{rest}}}"#),
            ParseError::Duplicate("channel"),
        ),
        (format!(r#"{{"sequence_num":5,{rest}}}"#), ParseError::Shape),
        (r#"{"type":5}"#.to_owned(), ParseError::WrongType("type")),
        ("{}".to_owned(), ParseError::Shape),
        ("[]".to_owned(), ParseError::Shape),
        ("5".to_owned(), ParseError::Shape),
    ] {
        let rejected = session().frame(&frame).expect_err(&frame);
        assert_eq!((rejected.error, rejected.instrument), (error, None), "{frame}");
    }
}

/// Each byte of each sample in turn is another one: whatever comes of it, the sink gains what is reported and keeps
/// nothing half written, and the good message then reads as ever on a new connection.
#[test]
fn a_changed_byte_harms_nothing_else() {
    for (name, told) in SAMPLES.iter().filter(|(_, told)| told.len() == 1) {
        let good = sample(FOLDER, name);
        let mut session = session();
        session.frame(&good).expect("the sample is good");
        for place in 0..good.len() {
            for byte in *b"\"{0- \xff" {
                let mut frame = good.clone().into_bytes();
                frame[place] = byte;
                session.dialect.connected("wss://advanced-trade-ws.coinbase.com/");
                // What came of it does not matter here; the session checks it against the sink.
                let _ = session.frame(&frame);
            }
        }
        session.dialect.connected("wss://advanced-trade-ws.coinbase.com/");
        session.sink.messages.clear();
        match session.frame(&good) {
            Ok(Parsed::Updates(1)) => assert_eq!(updates(&session), *told, "{name}"),
            Ok(Parsed::Ignored(reason)) => assert_eq!(vec![ignored(reason)], *told, "{name}"),
            outcome => panic!("{name}: {outcome:?}"),
        }
    }
}
