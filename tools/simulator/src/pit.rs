//! One symbol: its market, and what the venue sends of it.

use std::collections::VecDeque;

use touchline_market::{Bbo, Channel, Level, Side, Trade};
use touchline_venue::binance::exchange::{DepthUpdate, Dialect, Exchange};

use crate::config::Symbol;
use crate::faults::{MessageFault, Subscribing};
use crate::market::{Change, Market};
use crate::truth::{State, Truth};

/// Changes of the book in one message at most.
const CHANGES_MAX: usize = 24;

/// How often statistics are sent, ms.
const TICKER_EVERY_MS: u64 = 1_000;

/// One symbol.
#[derive(Debug)]
pub(crate) struct Pit {
    pub(crate) name: String,
    pub(crate) price_scale: u8,
    pub(crate) qty_scale: u8,
    pub(crate) exchange: Exchange,
    pub(crate) truth: Truth,
    pub(crate) feeds: Vec<Feed>,
    pub(crate) paused: bool,
    pub(crate) listed: bool,
    /// What becomes of the next book messages.
    pub(crate) forced: VecDeque<MessageFault>,
    /// What becomes of subscriptions.
    pub(crate) subscribing: Subscribing,
    spot: bool,
    /// Changes not yet sent, the newest of each level, and trades.
    pending: Vec<Change>,
    trades: Vec<Trade>,
    /// The last update id sent, and the first of those pending.
    sent: u64,
    first: u64,
    best: Bbo,
    ticker_ms: u64,
}

/// A stream somebody is subscribed to, by the name it was asked for.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) name: String,
    pub(crate) channel: Channel,
    pub(crate) levels: usize,
    /// Connections, by number.
    pub(crate) subscribers: Vec<u64>,
}

/// An event to be sent on a feed.
#[derive(Debug)]
pub(crate) struct Event {
    /// Its place in [`Pit::feeds`].
    pub(crate) feed: usize,
    pub(crate) text: String,
    /// The same with a bid above the best ask.
    pub(crate) crossed: Option<String>,
}

impl Pit {
    pub(crate) fn new(dialect: Dialect, symbol: &Symbol, seed: u64, history: usize) -> Self {
        let market = Market::new(seed, symbol.mid, symbol.levels);
        let sent = market.sequence();
        let best = market.bbo();
        Self {
            name: symbol.name.clone(),
            price_scale: symbol.price_scale,
            qty_scale: symbol.qty_scale,
            exchange: Exchange::of(dialect, &symbol.name, symbol.price_scale, symbol.qty_scale),
            truth: Truth::new(market, symbol.price_scale, symbol.qty_scale, history),
            feeds: Vec::new(),
            paused: false,
            listed: true,
            forced: VecDeque::new(),
            subscribing: Subscribing::Normal,
            spot: Dialect::of("binance") == Some(dialect),
            pending: Vec::new(),
            trades: Vec::new(),
            sent,
            first: 0,
            best,
            ticker_ms: 0,
        }
    }

    /// Some things happen, and what the venue sends of them is appended. The true book is then a few changes ahead.
    pub(crate) fn beat(&mut self, now_ms: u64, cross: bool, out: &mut Vec<Event>) {
        let truth = self.truth.clone();
        let mut state = truth.state();
        let room = CHANGES_MAX.saturating_sub(self.pending.len());
        for _ in 0..state.market.burst(room as u64) {
            self.take(&mut state);
        }
        state.record();
        self.write(&state.market, now_ms, cross, out);
        for _ in 0..state.market.lead() {
            self.take(&mut state);
        }
        state.record();
    }

    /// Sends what is pending.
    pub(crate) fn settle(&mut self, now_ms: u64, out: &mut Vec<Event>) {
        let truth = self.truth.clone();
        let state = truth.state();
        if !self.pending.is_empty() {
            self.write(&state.market, now_ms, false, out);
        }
    }

    /// The book is locked: what was pending is sent with it.
    pub(crate) fn lock(&mut self, now_ms: u64, out: &mut Vec<Event>) {
        let truth = self.truth.clone();
        let mut state = truth.state();
        let change = state.market.lock();
        self.hold(change);
        state.record();
        self.write(&state.market, now_ms, false, out);
    }

    /// The sequence of the newest message.
    #[cfg(test)]
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// The venue counts anew. What was pending is sent under the new count, as by a venue that restarts.
    pub(crate) fn reset_sequence(&mut self) {
        let truth = self.truth.clone();
        let mut state = truth.state();
        state.reset();
        self.sent = 0;
        self.first = 1;
    }

    fn take(&mut self, state: &mut State) {
        let change = state.market.step();
        self.hold(change);
    }

    fn hold(&mut self, change: Change) {
        if self.pending.is_empty() {
            // Spot counts every change, futures leave ids out.
            self.first = if self.spot { self.sent + 1 } else { change.sequence };
        }
        self.pending.retain(|old| (old.side, old.level.price) != (change.side, change.level.price));
        self.pending.push(change);
        self.trades.extend(change.trade);
    }

    /// Writes everything since the last message, for each feed that has subscribers.
    fn write(&mut self, market: &Market, now_ms: u64, cross: bool, out: &mut Vec<Event>) {
        let best = market.bbo();
        let ticker = now_ms >= self.ticker_ms + TICKER_EVERY_MS;
        for (feed, Feed { channel, levels, .. }) in self.feeds.iter().enumerate() {
            let mut push = |text, crossed| out.push(Event { feed, text, crossed });
            let mut text = String::new();
            match channel {
                Channel::Book => {
                    self.delta(market.sequence(), now_ms, None, &mut text);
                    let crossed = cross.then(|| {
                        let mut crossed = String::new();
                        let over = Level::new(best.ask.price.0 + 3, 7);
                        self.delta(market.sequence(), now_ms, Some(over), &mut crossed);
                        crossed
                    });
                    push(text, crossed);
                }
                Channel::Depth => {
                    let (mut bids, mut asks) = (Vec::new(), Vec::new());
                    market.best(Side::Bid, *levels, &mut bids);
                    market.best(Side::Ask, *levels, &mut asks);
                    let update = self.update(market.sequence(), now_ms, &bids, &asks);
                    self.exchange.partial_depth_event(&mut text, &update);
                    push(text, None);
                }
                Channel::Bbo if best != self.best => {
                    self.exchange.book_ticker_event(&mut text, now_ms, market.sequence(), &best);
                    push(text, None);
                }
                Channel::Trade => {
                    for trade in &self.trades {
                        let mut text = String::new();
                        self.exchange.trade_event(&mut text, now_ms, trade);
                        push(text, None);
                    }
                }
                Channel::Ticker if ticker => {
                    self.exchange.ticker_event(&mut text, now_ms, &market.statistics());
                    push(text, None);
                }
                Channel::Bbo | Channel::Ticker | Channel::Candle | Channel::Orders | Channel::Status => {}
            }
        }
        if ticker {
            self.ticker_ms = now_ms;
        }
        self.best = best;
        self.sent = market.sequence();
        self.pending.clear();
        self.trades.clear();
    }

    fn delta(&self, last: u64, now_ms: u64, extra: Option<Level>, text: &mut String) {
        let side = |side: Side| -> Vec<Level> {
            self.pending.iter().filter(|change| change.side == side).map(|change| change.level).collect()
        };
        let mut bids = side(Side::Bid);
        bids.extend(extra);
        let asks = side(Side::Ask);
        self.exchange.depth_event(text, &self.update(last, now_ms, &bids, &asks));
    }

    fn update<'a>(&self, last: u64, now_ms: u64, bids: &'a [Level], asks: &'a [Level]) -> DepthUpdate<'a> {
        DepthUpdate { event_ms: now_ms, first: self.first, last, previous: self.sent, bids, asks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn pit(venue: &str) -> Pit {
        let symbol = &crate::Config::symbols(venue, 1)[0];
        let mut pit = Pit::new(Dialect::of(venue).unwrap(), symbol, 9, 64);
        let name = "book".to_owned();
        pit.feeds.push(Feed { name, channel: Channel::Book, levels: 0, subscribers: vec![0] });
        pit
    }

    /// Messages chain as each product's documentation says, the true book runs ahead of them, and the same seed writes
    /// the same messages.
    #[test]
    fn messages_chain() {
        for venue in ["binance", "binance-usdm", "binance-coinm"] {
            let run = || {
                let (mut pit, mut out) = (pit(venue), Vec::new());
                let mut last = pit.sent;
                let mut ahead = 0;
                for beat in 0..300 {
                    pit.beat(1_000 + beat, false, &mut out);
                    let event: Value = serde_json::from_str(&out.last().unwrap().text).unwrap();
                    let (first, end) = (event["U"].as_u64().unwrap(), event["u"].as_u64().unwrap());
                    if venue == "binance" {
                        assert_eq!(first, last + 1);
                    } else {
                        assert_eq!(event["pu"].as_u64(), Some(last));
                        assert!(first > last);
                    }
                    assert!(end >= first && end == pit.sent);
                    ahead += usize::from(pit.truth.sequence() > end);
                    last = end;
                }
                assert!((100..300).contains(&ahead));
                out.into_iter().map(|event| event.text).collect::<Vec<_>>()
            };
            assert_eq!(run(), run());
        }
    }

    /// After a reset the chain begins at 1 and holds.
    #[test]
    fn a_reset_begins_at_one() {
        let (mut pit, mut out) = (pit("binance"), Vec::new());
        pit.beat(1_000, false, &mut out);
        pit.reset_sequence();
        pit.beat(1_001, false, &mut out);
        let event: Value = serde_json::from_str(&out.last().unwrap().text).unwrap();
        assert_eq!(event["U"], 1);
        assert!(event["u"].as_u64().unwrap() < 200);
    }
}
