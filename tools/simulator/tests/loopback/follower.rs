//! A client of a book whose stream begins with a snapshot, written from the protocol facts.

use std::collections::BTreeMap;

use serde_json::Value;
use touchline_market::Level;
use touchline_simulator::{Simulator, Truth, Verdict};

use crate::client::{Socket, event, open, say};

/// A venue, and a subscription to the book of its first symbol.
pub(crate) struct Venue {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) symbol: &'static str,
    pub(crate) subscribe: &'static str,
    pub(crate) unsubscribe: &'static str,
    scales: (u8, u8),
    /// Levels a side after each message; all without.
    depth: usize,
    numbered: bool,
}

pub(crate) const KRAKEN: Venue = Venue {
    name: "kraken",
    path: "/v2",
    symbol: "BTC/USD",
    subscribe: r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10},"req_id":1}"#,
    unsubscribe: r#"{"method":"unsubscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10},"req_id":2}"#,
    scales: (1, 8),
    depth: 10,
    numbered: false,
};

pub(crate) const KRAKEN_DEEP: Venue = Venue {
    subscribe: r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":100},"req_id":1}"#,
    unsubscribe: r#"{"method":"unsubscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":100},"req_id":2}"#,
    depth: 100,
    ..KRAKEN
};

pub(crate) const COINBASE: Venue = Venue {
    name: "coinbase-advanced",
    path: "/",
    symbol: "BTC-USD",
    subscribe: r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#,
    unsubscribe: r#"{"type":"unsubscribe","product_ids":["BTC-USD"],"channel":"level2"}"#,
    scales: (2, 8),
    depth: usize::MAX,
    numbered: true,
};

pub(crate) const VENUES: [Venue; 3] = [KRAKEN, KRAKEN_DEEP, COINBASE];

/// What a message is to a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Snapshot,
    Update,
    Ack,
    Other,
}

/// A client of one book, as simple as can be.
pub(crate) struct Client<'a> {
    venue: &'a Venue,
    pub(crate) socket: Socket,
    truth: Truth,
    pub(crate) bids: BTreeMap<i64, u64>,
    pub(crate) asks: BTreeMap<i64, u64>,
    /// The stamp of the newest message, µs.
    stamp_us: u64,
    /// The number of the newest message, and how many were passed over before it.
    pub(crate) number: Option<u64>,
    pub(crate) missing: u64,
    /// The checksum of the newest message is the book's; `None` where it has none.
    pub(crate) checked: Option<bool>,
}

impl<'a> Client<'a> {
    pub(crate) async fn open(venue: &'a Venue, exchange: &Simulator) -> Self {
        let socket = open(exchange, venue.path).await;
        let truth = exchange.truth(venue.symbol).unwrap();
        let (bids, asks) = (BTreeMap::new(), BTreeMap::new());
        Self { venue, socket, truth, bids, asks, stamp_us: 0, number: None, missing: 0, checked: None }
    }

    pub(crate) async fn subscribe(venue: &'a Venue, exchange: &Simulator) -> Self {
        let mut client = Self::open(venue, exchange).await;
        say(&mut client.socket, venue.subscribe).await;
        client
    }

    /// Takes the next message.
    pub(crate) async fn next(&mut self) -> Kind {
        let message = event(&mut self.socket).await;
        if self.venue.numbered {
            let number = message["sequence_num"].as_u64().unwrap();
            self.missing = number - self.number.map_or(0, |last| last + 1);
            self.number = Some(number);
        }
        let (kind, levels) = match message["channel"].as_str() {
            Some("book") => {
                let book = &message["data"][0];
                let side = |name: &str| book[name].as_array().unwrap().clone();
                let level = |level: &Value| (level["price"].clone(), level["qty"].clone());
                let bids = side("bids").iter().map(|bid| (true, level(bid))).collect::<Vec<_>>();
                let asks = side("asks").iter().map(|ask| (false, level(ask))).collect();
                (message["type"].clone(), [bids, asks].concat())
            }
            Some("l2_data") => {
                let event = &message["events"][0];
                let level = |level: &Value| {
                    let bid = level["side"] == "bid";
                    assert!(bid || level["side"] == "offer");
                    (bid, (level["price_level"].clone(), level["new_quantity"].clone()))
                };
                (event["type"].clone(), event["updates"].as_array().unwrap().iter().map(level).collect())
            }
            Some("subscriptions") => return Kind::Ack,
            _ if message["method"] == "subscribe" => return Kind::Ack,
            _ => return Kind::Other,
        };
        if kind == "snapshot" {
            self.bids.clear();
            self.asks.clear();
        }
        self.apply(&levels);
        let stamp =
            if self.venue.numbered { &message["timestamp"] } else { &message["data"][0]["timestamp"] };
        let stamp_us = stamp_us(stamp.as_str().unwrap());
        assert!(stamp_us > self.stamp_us || kind == "snapshot");
        self.stamp_us = stamp_us;
        self.checked = message["data"][0]["checksum"].as_u64().map(|sum| sum == self.checksum());
        if kind == "snapshot" { Kind::Snapshot } else { Kind::Update }
    }

    /// Takes so many updates: after each, and after a snapshot, the book is the true one. How many acknowledgements and
    /// snapshots came between.
    pub(crate) async fn follow(&mut self, updates: usize) -> (u32, u32) {
        let (mut left, mut acks, mut snapshots) = (updates, 0, 0);
        while left > 0 {
            match self.next().await {
                Kind::Ack => acks += 1,
                Kind::Other => {}
                kind => {
                    left -= usize::from(kind == Kind::Update);
                    snapshots += u32::from(kind == Kind::Snapshot);
                    assert_eq!(self.judge(), Verdict::Equal, "{}, {left} left", self.venue.name);
                    assert_eq!(self.checked, (!self.venue.numbered).then_some(true));
                }
            }
            assert_eq!(self.missing, 0);
        }
        (acks, snapshots)
    }

    fn apply(&mut self, levels: &[(bool, (Value, Value))]) {
        for (bid, (price, qty)) in levels {
            let side = if *bid { &mut self.bids } else { &mut self.asks };
            let price = mantissa(price, self.venue.scales.0);
            match mantissa(qty, self.venue.scales.1) {
                0 => side.remove(&price),
                qty => side.insert(price, qty as u64),
            };
        }
        while self.bids.len() > self.venue.depth {
            self.bids.pop_first();
        }
        while self.asks.len() > self.venue.depth {
            self.asks.pop_last();
        }
    }

    fn levels(&self) -> (Vec<Level>, Vec<Level>) {
        let level = |(price, qty): (&i64, &u64)| Level::new(*price, *qty);
        (self.bids.iter().rev().map(level).collect(), self.asks.iter().map(level).collect())
    }

    pub(crate) fn judge(&self) -> Verdict {
        let (bids, asks) = self.levels();
        let key = self.truth.key(0, self.stamp_us * 1_000);
        let (price_scale, qty_scale) = self.venue.scales;
        self.truth.judge_to(self.venue.depth, key, price_scale, qty_scale, &bids, &asks)
    }

    /// Of the best ten asks and bids: the mantissas are the digits without point and leading zeros.
    fn checksum(&self) -> u64 {
        let (bids, asks) = self.levels();
        let best = asks.iter().take(10).chain(bids.iter().take(10));
        let text: String = best.map(|level| format!("{}{}", level.price.0, level.qty.0)).collect();
        let crc =
            text.bytes().fold(u32::MAX, |crc, byte| {
                (0..8).fold(crc ^ u32::from(byte), |crc, _| {
                    if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 }
                })
            });
        u64::from(!crc)
    }
}

fn mantissa(value: &Value, scale: u8) -> i64 {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap();
    (number * 10_f64.powi(scale.into())).round() as i64
}

/// `2026-03-01T17:35:55.440295Z` in µs since 1970, by counting days.
fn stamp_us(text: &str) -> u64 {
    let number = |from: usize, to: usize| text[from..to].parse::<u64>().unwrap();
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    // Until 2100.
    let leap = |year: u64| year.is_multiple_of(4);
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let months = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = years + months[..month as usize - 1].iter().sum::<u64>() + day - 1;
    let seconds = days * 86_400 + number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19);
    seconds * 1_000_000 + number(20, 26)
}
