//! One symbol: its market, and what the venue sends of it.

use std::collections::VecDeque;

use touchline_market::{Bbo, Candle, Channel, Level, Nanos, Side, Trade};
use touchline_venue::exchange::{Book, Exchange, Moment, Rules, Stream, Traded, Update};

use crate::config::Symbol;
use crate::cut::Cut;
use crate::events::Events;
use crate::faults::{MessageFault, Subscribing};
use crate::market::{Change, Market};
use crate::truth::{State, Truth};

/// Changes of the book in one message at most.
const CHANGES_MAX: usize = 24;

/// How often statistics and candles are sent, ms.
const TICKER_EVERY_MS: u64 = 1_000;

/// How long the true book may be ahead of its messages, in a market where nothing more happens, ms.
const LEAD_MS: u64 = 1_000;

/// One symbol.
#[derive(Debug)]
pub(crate) struct Pit {
    pub(crate) traded: Traded,
    pub(crate) truth: Truth,
    pub(crate) feeds: Vec<Feed>,
    pub(crate) paused: bool,
    pub(crate) listed: bool,
    /// What becomes of the next book messages.
    pub(crate) forced: VecDeque<MessageFault>,
    /// What becomes of subscriptions.
    pub(crate) subscribing: Subscribing,
    rules: Rules,
    /// Changes not yet sent, the newest of each level, and trades.
    pending: Vec<Change>,
    trades: Vec<Trade>,
    candle: Candle,
    /// The last sequence sent, and the first of those pending.
    sent: u64,
    first: u64,
    best: Bbo,
    ticker_ms: u64,
    /// When the market last moved.
    beat_ms: u64,
    scratch: Scratch,
}

/// A stream somebody is subscribed to.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) stream: Stream,
    /// Connections, by number.
    pub(crate) subscribers: Vec<u64>,
    /// What they have, where the venue cuts its books.
    cut: Option<Cut>,
}

/// Levels on their way into a message, kept for their memory.
#[derive(Debug, Default)]
struct Scratch {
    bids: Vec<Level>,
    asks: Vec<Level>,
    best_bids: Vec<Level>,
    best_asks: Vec<Level>,
}

impl Pit {
    pub(crate) fn new(rules: Rules, symbol: &Symbol, seed: u64, history: usize, now_ms: u64) -> Self {
        let market = Market::new(seed, symbol.mid, symbol.levels);
        let sent = market.sequence();
        let best = market.bbo();
        let (price_scale, qty_scale) = (symbol.price_scale, symbol.qty_scale);
        Self {
            traded: Traded { symbol: symbol.name.clone(), price_scale, qty_scale },
            truth: Truth::new(market, symbol, rules.key, history, now_ms),
            feeds: Vec::new(),
            paused: false,
            listed: true,
            forced: VecDeque::new(),
            subscribing: Subscribing::Normal,
            rules,
            pending: Vec::new(),
            trades: Vec::new(),
            candle: Candle::default(),
            sent,
            first: 0,
            best,
            ticker_ms: 0,
            beat_ms: now_ms,
            scratch: Scratch::default(),
        }
    }

    /// Some things happen, and what the venue sends of them is appended. The true book is then a few changes ahead.
    pub(crate) fn beat(&mut self, exchange: &dyn Exchange, now_ms: u64, cross: bool, out: &mut Events) {
        let truth = self.truth.clone();
        let mut state = truth.state();
        let room = CHANGES_MAX.saturating_sub(self.pending.len());
        for _ in 0..state.market.burst(room as u64) {
            self.take(&mut state);
        }
        state.record(now_ms);
        self.write(exchange, &state, now_ms, cross, out);
        for _ in 0..state.market.lead() {
            self.take(&mut state);
        }
        state.record(now_ms);
        self.beat_ms = now_ms;
    }

    /// Has something been pending for longer than a venue keeps it?
    pub(crate) fn is_overdue(&self, now_ms: u64) -> bool {
        !self.pending.is_empty() && now_ms >= self.beat_ms + LEAD_MS
    }

    /// Sends what is pending.
    pub(crate) fn settle(&mut self, exchange: &dyn Exchange, now_ms: u64, out: &mut Events) {
        let truth = self.truth.clone();
        let state = truth.state();
        if !self.pending.is_empty() {
            self.write(exchange, &state, now_ms, false, out);
        }
    }

    /// The book is locked: what was pending is sent with it.
    pub(crate) fn lock(&mut self, exchange: &dyn Exchange, now_ms: u64, out: &mut Events) {
        let truth = self.truth.clone();
        let mut state = truth.state();
        let change = state.market.lock();
        self.hold(change);
        state.record(now_ms);
        self.write(exchange, &state, now_ms, false, out);
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

    /// A connection has this stream from now on; the stream of that place. What is pending was [sent](Self::settle) where
    /// streams begin with a snapshot.
    pub(crate) fn subscribe(&mut self, id: u64, stream: Stream) -> usize {
        let known = self.feeds.iter().position(|feed| feed.stream.name == stream.name);
        if let Some(feed) = known.and_then(|place| self.feeds.get_mut(place)) {
            feed.subscribers.push(id);
        }
        known.unwrap_or_else(|| {
            let cuts = self.rules.cuts && stream.channel == Some(Channel::Book) && stream.levels > 0;
            let cut = cuts.then(|| Cut::new(stream.levels, &self.truth.state().market));
            self.feeds.push(Feed { stream, subscribers: vec![id], cut });
            self.feeds.len() - 1
        })
    }

    /// A connection does not have this stream any more; all of its streams without a name.
    pub(crate) fn unsubscribe(&mut self, id: u64, name: Option<&str>) {
        for feed in self.feeds.iter_mut().filter(|feed| name.is_none_or(|name| name == feed.stream.name)) {
            feed.subscribers.retain(|subscriber| *subscriber != id);
        }
        self.feeds.retain(|feed| !feed.subscribers.is_empty());
    }

    /// Writes what a stream begins with. Everything pending was sent: the snapshot is the state of the last message.
    pub(crate) fn begin(&self, exchange: &dyn Exchange, place: usize, now_ms: u64, out: &mut String) {
        let Some(feed) = self.feeds.get(place) else { return };
        let state = self.truth.state();
        if feed.stream.channel != Some(Channel::Book) {
            let moment = self.moment(&state, now_ms);
            return exchange.begin(&self.traded, &feed.stream, &moment, out);
        }
        let book = |bids, asks| Book {
            event_ms: now_ms,
            stamp_us: state.stamp_us(),
            sequence: state.market.sequence(),
            bids,
            asks,
        };
        if let Some(cut) = &feed.cut {
            let (bids, asks) = cut.best(usize::MAX);
            exchange.book_snapshot(&self.traded, &feed.stream, &book(bids, asks), out);
        } else {
            let whole = state.market.whole();
            exchange.book_snapshot(&self.traded, &feed.stream, &book(&whole.bids, &whole.asks), out);
        }
    }

    fn take(&mut self, state: &mut State) {
        let change = state.market.step();
        self.hold(change);
    }

    fn hold(&mut self, change: Change) {
        if self.pending.is_empty() {
            self.first = if self.rules.dense { self.sent + 1 } else { change.sequence };
        }
        self.pending.retain(|old| (old.side, old.level.price) != (change.side, change.level.price));
        self.pending.push(change);
        self.trades.extend(change.trade);
    }

    /// Writes everything since the last message, for each feed that has subscribers.
    fn write(&mut self, exchange: &dyn Exchange, state: &State, now_ms: u64, cross: bool, out: &mut Events) {
        let market = &state.market;
        let moment = self.moment(state, now_ms);
        let tick = now_ms >= self.ticker_ms + TICKER_EVERY_MS;
        self.follow_trades(now_ms);
        if !self.feeds.is_empty() {
            self.scratch.split(&self.pending);
            self.scratch.best(market, self.rules.checksum_levels);
        }
        let mut feeds = std::mem::take(&mut self.feeds);
        for (place, Feed { stream, cut, .. }) in feeds.iter_mut().enumerate() {
            let traded = &self.traded;
            let Some(channel) = stream.channel else { continue };
            match channel {
                Channel::Book => self.book(exchange, place, stream, cut, (state, now_ms, cross), out),
                Channel::Depth => {
                    self.scratch.whole(market, stream.levels);
                    let update = self.update(state, now_ms);
                    out.push(place, |text| exchange.depth(traded, stream, &update, text));
                    self.scratch.split(&self.pending);
                }
                Channel::Bbo if moment.best != self.best => {
                    out.push(place, |text| exchange.bbo(traded, stream, &moment, text));
                }
                Channel::Trade if self.rules.trades_together && !self.trades.is_empty() => {
                    out.push(place, |text| exchange.trades(traded, stream, &moment, &self.trades, text));
                }
                Channel::Trade => {
                    for trade in self.trades.chunks(1) {
                        out.push(place, |text| exchange.trades(traded, stream, &moment, trade, text));
                    }
                }
                Channel::Ticker if tick => {
                    out.push(place, |text| exchange.ticker(traded, stream, &moment, text));
                }
                Channel::Candle if tick => {
                    out.push(place, |text| exchange.candle(traded, stream, &moment, &self.candle, text));
                }
                Channel::Bbo | Channel::Ticker | Channel::Candle | Channel::Orders | Channel::Status => {}
            }
        }
        self.feeds = feeds;
        if tick {
            self.ticker_ms = now_ms;
        }
        self.best = moment.best;
        self.sent = market.sequence();
        self.pending.clear();
        self.trades.clear();
    }

    /// One book stream's message; none where the client of a cut book need not know.
    fn book(
        &self,
        exchange: &dyn Exchange,
        place: usize,
        stream: &Stream,
        cut: &mut Option<Cut>,
        (state, now_ms, cross): (&State, u64, bool),
        out: &mut Events,
    ) {
        let mut update = self.update(state, now_ms);
        if let Some(cut) = cut {
            cut.follow(&self.pending, &state.market);
            (update.bids, update.asks) = cut.changed();
            (update.best_bids, update.best_asks) = cut.best(self.rules.checksum_levels);
            if update.bids.is_empty() && update.asks.is_empty() {
                return;
            }
        }
        out.push_crossed(place, cross.then(|| over(state)), &update, |update, text| {
            exchange.book_update(&self.traded, stream, update, text);
        });
    }

    fn update(&self, state: &State, now_ms: u64) -> Update<'_> {
        Update {
            event_ms: now_ms,
            stamp_us: state.stamp_us(),
            first: self.first,
            last: state.market.sequence(),
            previous: self.sent,
            bids: &self.scratch.bids,
            asks: &self.scratch.asks,
            best_bids: &self.scratch.best_bids,
            best_asks: &self.scratch.best_asks,
        }
    }

    fn moment(&self, state: &State, now_ms: u64) -> Moment {
        Moment {
            event_ms: now_ms,
            stamp_us: state.stamp_us(),
            sequence: state.market.sequence(),
            best: state.market.bbo(),
            statistics: state.market.statistics(),
        }
    }

    /// The candle of the minute with the newest trades; a new minute begins where the last one ended.
    fn follow_trades(&mut self, now_ms: u64) {
        let candle = &mut self.candle;
        let start = Nanos(now_ms / 60_000 * 60_000 * 1_000_000);
        if candle.start != start {
            let close = if candle.seconds == 0 { self.best.bid.price } else { candle.close };
            *candle = Candle {
                open: close,
                high: close,
                low: close,
                close,
                start,
                seconds: 60,
                ..Candle::default()
            };
        }
        for trade in &self.trades {
            candle.high = candle.high.max(trade.price);
            candle.low = candle.low.min(trade.price);
            candle.close = trade.price;
            candle.volume.0 += trade.qty.0;
            candle.trades += 1;
        }
    }
}

impl Scratch {
    /// The changed levels by side.
    fn split(&mut self, changes: &[Change]) {
        for (side, levels) in [(Side::Bid, &mut self.bids), (Side::Ask, &mut self.asks)] {
            levels.clear();
            let own = changes.iter().filter(|change| change.side == side);
            levels.extend(own.map(|change| change.level));
        }
    }

    /// The best levels in place of the changed ones.
    fn whole(&mut self, market: &Market, count: usize) {
        market.best(Side::Bid, count, &mut self.bids);
        market.best(Side::Ask, count, &mut self.asks);
    }

    fn best(&mut self, market: &Market, count: usize) {
        market.best(Side::Bid, count, &mut self.best_bids);
        market.best(Side::Ask, count, &mut self.best_asks);
    }
}

/// A bid that is not in the true book, above its best ask.
fn over(state: &State) -> Level {
    Level::new(state.market.bbo().ask.price.0 + 3, 7)
}

#[cfg(test)]
mod tests;
