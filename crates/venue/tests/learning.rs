//! An instrument's scales: they widen exactly when a number needs it, no number changes its value by that,
//! and a message that is rejected in the end widens nothing.

mod common;

use common::{Session, sample};
use touchline_json::DecimalError;
use touchline_market::{Instrument, InstrumentId, Price, Qty};
use touchline_venue::{ParseError, Parsed};

fn trade(price: &str, qty: &str) -> String {
    format!(r#"{{"e":"trade","s":"AB","t":1,"p":"{price}","q":"{qty}","T":1,"m":true}}"#)
}

fn scales(session: &Session) -> (u8, u8) {
    let instrument = session.listing.get(InstrumentId(0)).expect("an instrument");
    (instrument.price_scale, instrument.qty_scale)
}

/// A row of trades: the scales after each, and each one's value at the scale it came in.
#[test]
fn scales_widen_exactly_when_a_number_needs_it() {
    let mut session = Session::learning("binance");
    for (price, qty, expected) in [
        ("100", "5", (0, 0)),
        ("100.00000000", "5.0", (0, 0)),
        ("100.5", "5", (1, 0)),
        ("100.50", "5.25", (1, 2)),
        ("7", "1", (1, 2)),
        ("1e-3", "25E-1", (3, 2)),
        ("0.12345678", "0.00000001", (8, 8)),
        ("0.1", "0.1", (8, 8)),
    ] {
        assert_eq!(session.frame(trade(price, qty)), Ok(Parsed::Updates(1)), "{price}");
        assert_eq!(scales(&session), expected, "{price} x {qty}");
        let (head, _) = session.sink.messages.last().unwrap();
        assert_eq!((head.price_scale, head.qty_scale), expected, "the update says the scales it came in");
    }
    let told: Vec<_> = session
        .sink
        .messages
        .iter()
        .map(|(head, body)| common::show(&session.listing, head, body))
        .map(|text| text.split_once(": ").unwrap().1.replace(" as 1", ""))
        .collect();
    let values = ["5 for 100", "5 for 100", "5 for 100.5", "5.25 for 100.5", "1 for 7", "2.5 for 0.001"];
    let values = values.iter().chain(&["0.00000001 for 0.12345678", "0.1 for 0.1"]);
    assert_eq!(told, values.map(|value| format!("sold {value}")).collect::<Vec<_>>());
}

/// Finer numbers in the middle of many levels: one message, all of it at the widest scale.
#[test]
fn a_message_that_widens_arrives_once_at_one_scale() {
    let mut session = Session::learning("binance");
    let frame = r#"{"e":"depthUpdate","E":1,"s":"AB","U":1,"u":2,
        "b":[["5","1"],["4","1"],["3","1"],["2.5","1"],["2","1.125"]],
        "a":[["6","1"],["7.25","2"],["8","0.5"],["9.0001","3"]]}"#;
    let told = "Delta AB 0..2 at 1000000 flags 0: Bid 5 x 1 Bid 4 x 1 Bid 3 x 1 Bid 2.5 x 1 Bid 2 x 1.125 \
                Ask 6 x 1 Ask 7.25 x 2 Ask 8 x 0.5 Ask 9.0001 x 3";
    assert_eq!(session.tell(frame), told);
    assert_eq!(session.sink.messages.len(), 1);
    assert_eq!(scales(&session), (4, 3));
    assert_eq!(session.tell(frame), told, "and again without widening");
}

/// A message is rejected after it had widened the scales on its way: they are what they were, so the next good numbers
/// still fit.
#[test]
fn a_rejected_message_widens_nothing() {
    let mut session = Session::learning("binance");
    session.frame(trade("61837.6", "1")).unwrap();
    for (price, qty) in [
        // 18 decimals leave room for one digit before the point: the number needs a scale it does not fit.
        ("61837.000000000000000001", "1"),
        ("1.000000000000000001", "-1"),
        ("1.25", "NaN"),
        ("1.25", "0.0000000000000000001"),
        ("1", "1000000000000.000000000000000001"),
    ] {
        let rejected = session.frame(trade(price, qty)).unwrap_err();
        assert_eq!(rejected.instrument, Some(InstrumentId(0)), "{price} x {qty}");
        assert_eq!(scales(&session), (1, 0), "{price} x {qty}");
        assert_eq!(session.frame(trade("61837.7", "2")), Ok(Parsed::Updates(1)));
    }
    // The same in the last level of a book.
    let frame = r#"{"e":"depthUpdate","E":1,"s":"AB","U":1,"u":2,"b":[["1.123","1.5"]],"a":[["2","x"]]}"#;
    assert!(session.frame(frame).is_err());
    assert_eq!(scales(&session), (1, 0));
}

/// Beyond 18 decimals, or beyond 64 bits at the learned scale, there is no number: rejected, never rounded.
#[test]
fn scales_end_at_eighteen() {
    let mut session = Session::learning("binance");
    assert_eq!(session.frame(trade("0.000000000000000001", "1")), Ok(Parsed::Updates(1)));
    assert_eq!(scales(&session), (18, 0));
    let error = session.frame(trade("0.0000000000000000001", "1")).unwrap_err().error;
    assert_eq!(error, ParseError::Number("p", DecimalError::TooPrecise { needed: 19 }));
    let error = session.frame(trade("10", "1")).unwrap_err().error;
    assert_eq!(error, ParseError::Number("p", DecimalError::OutOfRange));
    assert_eq!(session.frame(trade("9.2", "18446744073709551615")), Ok(Parsed::Updates(1)));
    let error = session.frame(trade("1", "18446744073709551616")).unwrap_err().error;
    assert_eq!(error, ParseError::Number("q", DecimalError::OutOfRange));
}

/// A listed instrument starts from the venue's scales: zeros beyond them are none, a finer number (of an order older than
/// the tick) widens them, and tick and lot keep their values.
#[test]
fn a_listed_instrument_widens_from_its_list() {
    let mut learning = Session::learning("binance");
    learning.frame(trade("100.25", "1.5")).unwrap();
    let learned = learning.listing.get(InstrumentId(0)).unwrap();
    let (tick_size, lot_size) = (Some(Price(5)), Some(Qty(1)));
    let listed = Instrument { provisional: false, tick_size, lot_size, ..learned.clone() };
    let mut session = Session::listed("binance", &[listed]);
    for (price, qty, expected) in
        [("100.25000000", "1.50000000", (2, 1)), ("100.125", "1", (3, 1)), ("100", "1.25", (3, 2))]
    {
        assert_eq!(session.frame(trade(price, qty)), Ok(Parsed::Updates(1)));
        assert_eq!(scales(&session), expected);
    }
    let widened = session.listing.get(InstrumentId(0)).unwrap();
    assert_eq!((widened.tick_size, widened.lot_size), (Some(Price(50)), Some(Qty(10))));
    let before = widened.clone();
    session.frame(trade("1.00001", "NaN")).unwrap_err();
    assert_eq!(session.listing.get(InstrumentId(0)), Some(&before), "a rejected message leaves it as it was");
}

/// The same frames, whichever kind comes first, end at the same scales.
#[test]
fn every_kind_of_message_learns() {
    for names in [
        ["ticker", "trade", "book_ticker", "depth_update"],
        ["depth_update", "book_ticker", "trade", "ticker"],
    ] {
        let mut session = Session::learning("binance");
        for name in names {
            session.frame(sample("binance", name)).unwrap();
        }
        assert_eq!(scales(&session), (6, 2), "{names:?}");
    }
}
