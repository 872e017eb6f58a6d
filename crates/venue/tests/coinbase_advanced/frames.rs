//! Frames of several products, orders and numbers of levels, and a sink that is full.

use touchline_market::{Channel, InstrumentId, LEVELS_MAX};
use touchline_venue::Parsed;

use crate::common::{Collect, sample};
use crate::{FOLDER, SAMPLES, book, hand_in, session};

/// A bad event keeps nothing back of those before it. With more behind it nobody is named: whose the rest was is not
/// known, and every book of the connection must hear of it.
#[test]
fn a_bad_event_names_its_product_only_at_the_end_of_the_frame() {
    let good = sample(FOLDER, "book_update_two_products");
    for (spoiled, whole, whose) in [("1919.49", 1, Some(InstrumentId(1))), ("65083.3", 0, None)] {
        let mut session = session();
        session.frame(book(14, "update", &[])).expect("a good frame");
        session.sink.messages.clear();
        let rejected = hand_in(&mut session, &good.replace(spoiled, "NaN")).expect_err(spoiled);
        assert_eq!((rejected.instrument, rejected.channel), (whose, Some(Channel::Book)), "{spoiled}");
        assert_eq!(rejected.error.reason(), "malformed number");
        assert_eq!(session.sink.messages.len(), whole, "{spoiled}");
    }
    // Trades come oldest first, so the last in the frame is the first to be read.
    let trades = sample(FOLDER, "trades");
    for (spoiled, whole, whose) in [("65083.66", 1, Some(InstrumentId(0))), ("65083.67", 0, None)] {
        let mut session = session();
        let rejected = hand_in(&mut session, &trades.replace(spoiled, "NaN")).expect_err(spoiled);
        assert_eq!((rejected.instrument, rejected.channel), (whose, Some(Channel::Trade)), "{spoiled}");
        assert_eq!(session.sink.messages.len(), whole, "{spoiled}");
    }
}

/// Levels keep their order within a side, the same price twice included; no levels are levels.
#[test]
fn levels_keep_the_order_they_were_sent_in() {
    let mut session = session();
    let mixed = [
        ("offer", "12", "1"),
        ("bid", "10", "5"),
        ("offer", "11.5", "2"),
        ("bid", "10", "0"),
        ("offer", "12", "3"),
    ];
    assert_eq!(
        session.tell(book(0, "update", &mixed)),
        "Delta BTC-USD 0..0 at 1786309548000000000 flags 0: Bid 10 x 5 Bid 10 x 0 Ask 12 x 1 Ask 11.5 x 2 Ask 12 x 3"
    );
    let empty = session.tell(book(1, "snapshot", &[]));
    assert_eq!(empty, "Snapshot BTC-USD 0..1 at 1786309548000000000 flags 0:");
}

/// The most levels there may be on a side are taken, one more is not.
#[test]
fn a_side_has_its_limit() {
    for side in ["bid", "offer"] {
        let prices: Vec<_> = (1..=LEVELS_MAX + 1).map(|price| price.to_string()).collect();
        let levels: Vec<_> = prices.iter().map(|price| (side, price.as_str(), "1")).collect();
        let mut session = session();
        let most = session.frame(book(0, "snapshot", levels.get(1..).expect("levels")));
        assert_eq!(most, Ok(Parsed::Updates(1)));
        let (head, _) = session.sink.messages.last().expect("a snapshot");
        assert_eq!(head.levels(), LEVELS_MAX);
        let rejected = session.frame(book(1, "snapshot", &levels)).expect_err("one more");
        assert_eq!(rejected.error.reason(), "too many levels");
    }
}

/// A snapshot as large as the venue's largest, 27,000 levels a side written as long as it writes them, is one frame.
#[test]
fn a_snapshot_of_many_megabytes_is_taken() {
    let event_time = "2026-08-09T21:05:48.170326Z";
    let level = |side: &str, price: usize| {
        format!(
            r#"{{"side":"{side}","event_time":"{event_time}","price_level":"{price}.01","new_quantity":"0.20371215"}}"#
        )
    };
    let levels: Vec<_> = (0..27_000)
        .map(|price| level("bid", 99_999 - price))
        .chain((0..27_000).map(|price| level("offer", 100_000 + price)))
        .collect();
    let frame = format!(
        r#"{{"channel":"l2_data","timestamp":"2026-08-09T21:05:48Z","sequence_num":0,"events":[{{"type":"snapshot","product_id":"BTC-USD","updates":[{}]}}]}}"#,
        levels.join(",")
    );
    let mut session = session();
    assert_eq!(session.frame(&frame), Ok(Parsed::Updates(1)));
    let (head, _) = session.sink.messages.last().expect("a snapshot");
    assert_eq!((head.bids, head.asks), (27_000, 27_000));
}

/// A sink that is full in the middle of a message gets nothing of it.
#[test]
fn a_full_sink_takes_nothing_of_the_message() {
    for (name, told) in SAMPLES.iter().filter(|(_, told)| !told[0].starts_with("ignored") && told.len() == 1)
    {
        let mut session = session();
        session.sink = Collect::with_room(1);
        let rejected = session.frame(sample(FOLDER, name)).expect_err(name);
        assert_eq!(rejected.error.reason(), "message larger than its ring", "{name}: {told:?}");
    }
}
