//! What the command line takes, and what it does not.

use super::*;
use clap::CommandFactory;

/// The command line's own checks hold.
#[test]
fn the_command_line_is_sound() {
    Arguments::command().debug_assert();
}

/// A pace is max, real or a positive multiple; anything else is told how to write one.
#[test]
fn paces_are_read() {
    assert_eq!(pace("max"), Ok(Pace::Max));
    assert_eq!(pace("real"), Ok(Pace::Times(1.0)));
    assert_eq!(pace("2.5x"), Ok(Pace::Times(2.5)));
    for bad in ["", "x", "0x", "-1x", "infx", "NaNx", "10"] {
        assert!(pace(bad).is_err(), "{bad}");
    }
}

/// One core or two; the book thread must have one where it exists, and a core is never silently dropped.
#[test]
fn cores_are_read() {
    let given = |text: &str, placement| Threads { placement, cores: cores(text).ok() }.cores().ok();
    assert_eq!(given("2,3", PlacementName::BookThread), Some([Some(2), Some(3)]));
    assert_eq!(given("2", PlacementName::Reader), Some([Some(2), None]));
    assert_eq!(given("2", PlacementName::BookThread), None);
    for bad in ["", ",", "x", "1,", "1,2,3", "-1", "1 2"] {
        assert!(cores(bad).is_err(), "{bad}");
    }
}

/// States are kept every message or rarer.
#[test]
fn intervals_are_read() {
    assert_eq!((every("1"), every("250")), (Ok(1), Ok(250)));
    for bad in ["0", "-1", "", "1.5"] {
        assert!(every(bad).is_err(), "{bad}");
    }
}

/// Channels go by their names alone.
#[test]
fn channels_are_read() {
    assert_eq!(live::channel("bbo"), Ok(touchline::market::Channel::Bbo));
    for bad in ["", "Book", "books", "trade "] {
        assert!(live::channel(bad).is_err(), "{bad}");
    }
}

/// A number of symbols, or their names.
#[test]
fn symbols_are_counted_or_named() {
    assert_eq!(live::symbols("12"), Ok(Symbols::Count(12)));
    let names = ["BTCUSDT", "BTCUSD_PERP", "BTC-USD", "BTC/USD", "btcusd-perp"];
    assert_eq!(live::symbols(&names.join(",")), Ok(Symbols::Names(names.map(str::to_owned).to_vec())));
    for bad in ["", "0", "2001", "A,", "A B", "-1", "/A", "A:B", "A\"B"] {
        assert!(live::symbols(bad).is_err(), "{bad}");
    }
}
