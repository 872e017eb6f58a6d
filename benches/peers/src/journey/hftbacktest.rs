//! The way of hftbacktest's connector: a frame's text by serde into a stream's event with its decimals as strings, the
//! strings into floats, the floats into its book. What it does next, an event per level for another process, is left
//! out. (The connector is a program and not a library, so the messages stand here with the same fields of the same
//! types; it takes no best bids and offers, for which a message of that kind is added.)

use std::hint::black_box;

use hftbacktest::depth::{HashMapMarketDepth, L2MarketDepth, MarketDepth, ROIVectorMarketDepth};
use serde::{Deserialize, Deserializer};

use super::Taker;
use crate::book::hftbacktest::{bests, vector_of_range};
use crate::error::BenchError;
use crate::recording::Recording;

#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "an answer is read by nobody here")]
enum Text {
    Event(Event),
    Answer(Answer),
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read by nobody here")]
struct Answer {
    result: Option<String>,
    id: String,
}

#[derive(Deserialize)]
#[serde(tag = "e")]
enum Event {
    #[serde(rename = "depthUpdate")]
    Depth(Depth),
    #[serde(rename = "trade")]
    Trade(Trade),
    #[serde(rename = "bookTicker")]
    Best(Best),
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read by nobody here")]
struct Depth {
    #[serde(rename = "T")]
    transaction: i64,
    #[serde(rename = "E")]
    event: i64,
    #[serde(rename = "s", deserialize_with = "lowercase")]
    symbol: String,
    #[serde(rename = "U")]
    first: i64,
    #[serde(rename = "u")]
    last: i64,
    #[serde(rename = "pu")]
    previous: i64,
    #[serde(rename = "b")]
    bids: Vec<(String, String)>,
    #[serde(rename = "a")]
    asks: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read by nobody here")]
struct Trade {
    #[serde(rename = "T")]
    transaction: i64,
    #[serde(rename = "E")]
    event: i64,
    #[serde(rename = "s", deserialize_with = "lowercase")]
    symbol: String,
    #[serde(rename = "t")]
    id: i64,
    #[serde(rename = "p")]
    price: String,
    #[serde(rename = "q")]
    qty: String,
    #[serde(rename = "X")]
    kind: String,
    #[serde(rename = "m")]
    buyer_is_maker: bool,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read by nobody here")]
struct Best {
    #[serde(rename = "T")]
    transaction: i64,
    #[serde(rename = "E")]
    event: i64,
    #[serde(rename = "s", deserialize_with = "lowercase")]
    symbol: String,
    #[serde(rename = "u")]
    last: i64,
    #[serde(rename = "b")]
    bid: String,
    #[serde(rename = "B")]
    bid_qty: String,
    #[serde(rename = "a")]
    ask: String,
    #[serde(rename = "A")]
    ask_qty: String,
}

fn lowercase<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text: &str = Deserialize::deserialize(deserializer)?;
    Ok(text.to_lowercase())
}

fn read(frame: &[u8]) -> Event {
    let text = std::str::from_utf8(frame).expect("a text");
    match serde_json::from_str(text).expect("a sound frame") {
        Text::Event(event) => event,
        Text::Answer(_) => unreachable!("no frame of a recording is an answer"),
    }
}

fn pairs(levels: Vec<(String, String)>) -> Vec<(f64, f64)> {
    let number = |text: String| text.parse::<f64>().expect("a decimal");
    levels.into_iter().map(|(price, qty)| (number(price), number(qty))).collect()
}

fn pair(price: &str, qty: &str) -> (f64, f64) {
    (price.parse().expect("a decimal"), qty.parse().expect("a decimal"))
}

/// The snapshot, from which books begin.
#[derive(Clone, Deserialize)]
pub(super) struct Opening {
    bids: Vec<(String, String)>,
    asks: Vec<(String, String)>,
    #[serde(skip)]
    before: Vec<Vec<u8>>,
}

impl Opening {
    /// The snapshot of a recording, and what stands before its answer.
    pub(super) fn of(recording: &Recording) -> Result<Self, BenchError> {
        let mut opening: Self = serde_json::from_slice(&recording.snapshot.1)
            .map_err(|error| BenchError::Peer { stage: "journey depth", cause: error.to_string() })?;
        let before = &recording.depth[..recording.depth_before];
        opening.before = before.iter().map(|frame| crate::recording::inner(frame).to_vec()).collect();
        Ok(opening)
    }

    pub(super) fn vector(&self) -> Connector<ROIVectorMarketDepth> {
        self.load(vector_of_range())
    }

    pub(super) fn hash_map(&self) -> Connector<HashMapMarketDepth> {
        self.load(HashMapMarketDepth::new(0.1, 0.001))
    }

    fn load<B: L2MarketDepth + MarketDepth>(&self, book: B) -> Connector<B> {
        let mut connector = Connector(book);
        connector.set(self.bids.clone(), self.asks.clone());
        self.before.iter().for_each(|frame| connector.take(&mut frame.clone()));
        connector
    }
}

/// A connector's work on depth frames.
pub(super) struct Connector<B>(B);

impl<B: L2MarketDepth> Connector<B> {
    fn set(&mut self, bids: Vec<(String, String)>, asks: Vec<(String, String)>) {
        let (bids, asks) = (pairs(bids), pairs(asks));
        for (price, qty) in bids {
            black_box(self.0.update_bid_depth(price, qty, 0));
        }
        for (price, qty) in asks {
            black_box(self.0.update_ask_depth(price, qty, 0));
        }
    }
}

impl<B: L2MarketDepth + MarketDepth> Taker for Connector<B> {
    fn take(&mut self, frame: &mut [u8]) {
        if let Event::Depth(depth) = read(frame) {
            self.set(depth.bids, depth.asks);
        }
    }

    fn best(&self) -> [Option<i64>; 2] {
        bests(&self.0)
    }
}

/// A connector's work on frames without a book behind them.
pub(super) struct Shape;

impl Taker for Shape {
    fn take(&mut self, frame: &mut [u8]) {
        match read(frame) {
            Event::Trade(trade) => _ = black_box((pair(&trade.price, &trade.qty), trade.symbol)),
            Event::Best(best) => {
                let (bid, ask) = (pair(&best.bid, &best.bid_qty), pair(&best.ask, &best.ask_qty));
                black_box((bid, ask, best.symbol));
            }
            Event::Depth(depth) => _ = black_box(depth.last),
        }
    }

    fn best(&self) -> [Option<i64>; 2] {
        [None; 2]
    }
}

/// The prices of a best bid and offer, or of a trade, at two decimals.
pub(super) fn prices(frame: &[u8]) -> [Option<i64>; 2] {
    let cents = |(price, _): (f64, f64)| Some((price * 100.0).round() as i64);
    match read(frame) {
        Event::Trade(trade) => [cents(pair(&trade.price, &trade.qty)), None],
        Event::Best(best) => [cents(pair(&best.bid, &best.bid_qty)), cents(pair(&best.ask, &best.ask_qty))],
        Event::Depth(_) => [None; 2],
    }
}
