//! Coinbase Advanced Trade: samples of every message with what a person reads in them, every field spoiled in turn, the
//! counter of the connection, frames of several products, and the recordings.

#[path = "../common/mod.rs"]
mod common;

mod counting;
mod frames;
mod recordings;
mod spoiled;
mod wire;

use common::{Session, ignored, sample, sample_names, show};
use serde_json::{Value, json};
use touchline_market::{Channel, InstrumentId};
use touchline_venue::{Ignored, Parsed, Rejected};

pub(crate) const VENUE: &str = "coinbase-advanced";
pub(crate) const FOLDER: &str = "coinbase_advanced";

pub(crate) fn session() -> Session {
    Session::learning(VENUE)
}

/// Hands a frame in; `Session::frame` also holds that a rejected frame gave nothing at all, which is not so here where
/// events stand before the bad one.
pub(crate) fn hand_in(session: &mut Session, frame: &str) -> Result<Parsed, Rejected> {
    session.dialect.frame(frame.as_bytes(), &mut session.listing, &mut session.sink)
}

/// Every update in the sink as text.
pub(crate) fn updates(session: &Session) -> Vec<String> {
    session.sink.messages.iter().map(|(head, body)| show(&session.listing, head, body)).collect()
}

/// A book message of BTC-USD.
pub(crate) fn book(sequence: u64, kind: &str, updates: &[(&str, &str, &str)]) -> String {
    let updates: Vec<_> = updates
        .iter()
        .map(|(side, price, qty)| json!({"side": side, "price_level": price, "new_quantity": qty}))
        .collect();
    json!({
        "channel": "l2_data", "timestamp": "2026-08-09T21:05:48Z", "sequence_num": sequence,
        "events": [{"type": kind, "product_id": "BTC-USD", "updates": updates}],
    })
    .to_string()
}

/// One bid at a price that tells the messages of a test apart.
pub(crate) fn bid(sequence: u64) -> String {
    book(sequence, "update", &[("bid", &(100 + sequence).to_string(), "1")])
}

pub(crate) fn heartbeat(sequence: u64) -> String {
    format!(r#"{{"channel":"heartbeats","sequence_num":{sequence},"events":[]}}"#)
}

/// What each sample gives on a fresh connection: updates, or why there is none.
pub(crate) const SAMPLES: &[(&str, &[&str])] = &[
    (
        "book_snapshot",
        &[
            "Snapshot BTC-USD 0..13 at 1786309548228568804 flags 0: Bid 65083.66 x 0.20371215 Bid 65083.27 x 0.5 \
           Ask 65083.67 x 0.24290402 Ask 65084 x 2",
        ],
    ),
    (
        "book_update",
        &["Delta BTC-USD 0..14 at 1786309548228568804 flags 0: Bid 65083.3 x 1.5 Ask 65083.67 x 0 \
           Ask 65083.7 x 0.75"],
    ),
    (
        "book_update_two_products",
        &[
            "Delta BTC-USD 0..15 at 1786309548228568804 flags 0: Bid 65083.3 x 0",
            "Delta ETH-USD 0..15 at 1786309548228568804 flags 0: Ask 1919.49 x 0.25 Ask 1919.5 x 1",
        ],
    ),
    (
        "candle",
        &["Candle BTC-USD 0..19 at 1786309548228568804 flags 0: open 65091 high 65091 low 65083.56 \
           close 65083.67 volume 1.0555351 from 1786309500000000000 for 300 s, 0 trades"],
    ),
    ("error", &["ignored: error reply"]),
    ("exchange_ticker", &["ignored: other product"]),
    ("heartbeat", &["ignored: heartbeat"]),
    ("status", &["Status BTC-USD 0..20 at 1786309548228568804 flags 0: Trading"]),
    ("subscriptions", &["ignored: acknowledgement"]),
    (
        "ticker",
        &["Ticker BTC-USD 0..18 at 1786309548228568804 flags 0: last 65086.18 x 0 open 0 high 65252.99 \
           low 64675.22 volume 2867.54532609"],
    ),
    (
        "trade",
        &[
            "Trade BTC-USD 0..1068572093 at 1786309550000001000 flags 0: bought 0.5 for 65083.67 as 1068572093",
        ],
    ),
    ("trade_history", &["ignored: history"]),
    (
        "trades",
        &[
            "Trade BTC-USD 0..1068572091 at 1786309548167634000 flags 0: bought 0.01034361 for 65083.67 \
             as 1068572091",
            "Trade BTC-USD 0..1068572092 at 1786309549205817000 flags 0: sold 0.00171442 for 65083.66 \
             as 1068572092",
        ],
    ),
    ("unknown_channel", &["ignored: unknown event"]),
];

/// Every frame among the samples against the table; no sample is left out of it. Trades come oldest first, and who met
/// a maker that sold has bought.
#[test]
fn every_sample_gives_the_updates_a_person_reads_in_it() {
    let frames: Vec<_> = sample_names(FOLDER).into_iter().filter(|name| name != "products").collect();
    assert_eq!(frames, SAMPLES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "a row for each sample");
    for (name, expected) in SAMPLES {
        let mut session = session();
        let told = match session.frame(sample(FOLDER, name)) {
            Ok(Parsed::Ignored(reason)) => vec![ignored(reason)],
            outcome => {
                assert!(outcome.is_ok(), "{name}: {outcome:?}");
                updates(&session)
            }
        };
        assert_eq!(told, *expected, "{name}");
    }
}

/// What an instrument that nobody wants says is passed over, whatever stands in it; the others of the frame are read.
#[test]
fn unwanted_products_are_passed_over() {
    let mut listed = session();
    listed.frame(sample(FOLDER, "book_snapshot")).expect("the sample is good");
    let btc = listed.listing.get(InstrumentId(0)).expect("learned").clone();
    for (name, _) in SAMPLES.iter().filter(|(_, told)| !told[0].starts_with("ignored")) {
        let mut nobody = Session::listed(VENUE, &[]);
        assert_eq!(nobody.frame(sample(FOLDER, name)), Ok(Parsed::Ignored(Ignored::Unsubscribed)), "{name}");
    }
    let mut one = Session::listed(VENUE, std::slice::from_ref(&btc));
    assert_eq!(one.frame(sample(FOLDER, "book_update_two_products")), Ok(Parsed::Updates(1)));
    let mut trades = Session::listed(VENUE, &[btc]);
    trades.listing.set_channels(InstrumentId(0), &[Channel::Trade]);
    let book = trades.frame(sample(FOLDER, "book_update"));
    assert_eq!(book, Ok(Parsed::Ignored(Ignored::Unsubscribed)));
    let mut trade: Value = serde_json::from_str(&sample(FOLDER, "trade")).unwrap();
    trade["sequence_num"] = json!(15);
    assert_eq!(trades.frame(trade.to_string()), Ok(Parsed::Updates(1)));
}
