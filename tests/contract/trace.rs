//! A run of one book at one venue: what the venue says, message by message, and the true state after each.

use std::collections::HashMap;

use touchline::market::{Channel, Instrument, Level};
use touchline::venue::exchange::{
    Asked, Book, Connection, Exchange, Fate, Key, Request, Rules, Stream, Traded, Update,
};
use touchline::venue::{Ask, VenueFacts};

use crate::market::{Market, Sides};

/// Levels a side that the client asks for: of a venue that cuts its books it gets the next depth there is.
const LEVELS_WANTED: u32 = 25;

/// 2026-11-21, in microseconds.
pub(crate) const BEGIN_US: u64 = 1_795_219_200_000_000;

/// Between two messages, microseconds.
pub(crate) const STEP_US: u64 = 20_000;

/// One book message and the state it brings the book to.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// What the venue writes, before the connection's envelope.
    pub(crate) text: String,
    /// The book as a client of this stream has it.
    pub(crate) truth: Sides,
    pub(crate) sequence: u64,
    pub(crate) stamp_us: u64,
}

/// The whole run.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) facts: &'static VenueFacts,
    pub(crate) exchange: Box<dyn Exchange>,
    pub(crate) rules: Rules,
    pub(crate) traded: Traded,
    pub(crate) stream: Stream,
    /// The state before the first message is that of step 0, whose text is never sent.
    pub(crate) steps: Vec<Step>,
    by_key: HashMap<u64, usize>,
}

impl Trace {
    /// A run of so many messages at a venue; `None` if it has no side of the wire of its own.
    pub(crate) fn new(facts: &'static VenueFacts, seed: u64, messages: usize) -> Option<Self> {
        let exchange = (facts.exchange)()?;
        let rules = exchange.rules();
        let traded = exchange.symbol("BTC");
        let stream = book_stream(facts, exchange.as_ref(), &traded);
        let mut trace =
            Self { facts, exchange, rules, traded, stream, steps: Vec::new(), by_key: HashMap::new() };
        let mut market = Market::new(seed);
        let mut sequence = 1_000;
        for step in 0..=messages {
            let previous = sequence;
            // One number, two or three a message: a rule that is wrong by one shows.
            sequence += if rules.dense { 1 + step as u64 % 3 } else { 5 };
            let first = if rules.dense { previous + 1 } else { previous + 2 };
            if step > 0 {
                market.step();
            }
            trace.push(&market.sides(), (first, sequence, previous), step as u64);
        }
        Some(trace)
    }

    fn push(&mut self, whole: &Sides, (first, last, previous): (u64, u64, u64), step: u64) {
        let stamp_us = BEGIN_US + step * STEP_US;
        let truth = whole.best(if self.rules.cuts { self.stream.levels } else { 0 });
        let numbers = (first, last, previous);
        let text = self.steps.last().map(|before| self.text(&before.truth, &truth, numbers, stamp_us));
        let text = text.unwrap_or_default();
        let key = match self.rules.key {
            Key::Sequence => last,
            Key::Stamp => stamp_us,
        };
        self.by_key.insert(key, self.steps.len());
        self.steps.push(Step { text, truth, sequence: last, stamp_us });
    }

    /// What the venue says so that a client who has `before` has `truth`.
    fn text(
        &self,
        before: &Sides,
        truth: &Sides,
        (first, last, previous): (u64, u64, u64),
        stamp_us: u64,
    ) -> String {
        let said = before.changes_to(truth, self.rules.cuts);
        let best = truth.best(self.rules.checksum_levels.max(1));
        let update = Update {
            event_ms: stamp_us / 1_000,
            stamp_us,
            first,
            last,
            previous,
            bids: &said.bids,
            asks: &said.asks,
            best_bids: &best.bids,
            best_asks: &best.asks,
        };
        let mut text = String::new();
        self.exchange.book_update(&self.traded, &self.stream, &update, &mut text);
        text
    }

    /// Makes the message of a step say that there is a bid above the best asks, and is otherwise as right as any.
    pub(crate) fn cross(&mut self, step: usize) {
        let mut crossed = self.steps[step - 1].truth.clone();
        crossed.bids.insert(0, Level::new(crossed.asks[0].price.0 + 3, 7));
        let truth = crossed.best(if self.rules.cuts { self.stream.levels } else { 0 });
        let previous = self.steps[step - 1].sequence;
        let Step { sequence: last, stamp_us, .. } = self.steps[step];
        let first = if self.rules.dense { previous + 1 } else { previous + 2 };
        let text = self.text(&self.steps[step - 1].truth, &truth, (first, last, previous), stamp_us);
        self.steps[step] = Step { text, truth, sequence: last, stamp_us };
    }

    /// The state that a view of this sequence and stamp (ns) shows.
    pub(crate) fn state_of(&self, sequence: u64, ts_event_ns: u64) -> Option<usize> {
        let key = match self.rules.key {
            Key::Sequence => sequence,
            Key::Stamp => ts_event_ns / 1_000,
        };
        self.by_key.get(&key).copied()
    }

    /// The snapshot with which the stream would begin after step `at`.
    pub(crate) fn stream_snapshot(&self, at: usize) -> String {
        let mut out = String::new();
        self.exchange.book_snapshot(&self.traded, &self.stream, &self.book(at), &mut out);
        out
    }

    /// What REST would answer after step `at`.
    pub(crate) fn rest_snapshot(&self, at: usize) -> String {
        let mut out = String::new();
        self.exchange.snapshot_body(&self.traded, &self.book(at), &mut out);
        out
    }

    fn book(&self, at: usize) -> Book<'_> {
        let step = &self.steps[at];
        let (bids, asks) = (&step.truth.bids, &step.truth.asks);
        let (event_ms, stamp_us) = (step.stamp_us / 1_000, step.stamp_us);
        Book { event_ms, stamp_us, sequence: step.sequence, bids, asks }
    }

    /// Opens a connection and subscribes to the book on it: the connection's state, and what the venue answers.
    pub(crate) fn subscribe(&self) -> (Connection, Vec<String>) {
        let target = target(self.facts);
        let opening = self.exchange.open(&target, BEGIN_US / 1_000).expect("the venue's own path exists");
        let mut connection = opening.connection;
        let asked = ask(self.facts, self.exchange.as_ref(), &mut connection, &self.stream_name());
        let mut said = opening.hello;
        for stream in &asked.streams {
            connection.streams.insert(stream.name.clone(), stream.clone());
        }
        self.exchange.answer(
            &connection,
            &asked,
            &vec![Fate::Taken; asked.streams.len()],
            BEGIN_US / 1_000,
            &mut said,
        );
        (connection, said)
    }

    fn stream_name(&self) -> String {
        let mut name = String::new();
        (self.facts.texts.stream)(&self.traded.symbol, Channel::Book, LEVELS_WANTED, &mut name);
        name
    }

    /// The instrument as the venue's own list tells of it.
    pub(crate) fn instrument(&self) -> Instrument {
        let list = self.exchange.instruments_body(BEGIN_US / 1_000, std::slice::from_ref(&self.traded));
        let listed = (self.facts.instruments)(list.as_bytes()).expect("the venue's own list is read");
        listed.into_iter().next().expect("it holds the one symbol")
    }
}

/// Path and query of the route that carries books.
fn target(facts: &VenueFacts) -> String {
    let route = facts.access.route_of(Channel::Book).expect("the venue has books");
    let path = facts.access.routes[route].path;
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}

/// What the client's own subscription reads as on the other side.
fn ask(facts: &VenueFacts, exchange: &dyn Exchange, connection: &mut Connection, name: &str) -> Asked {
    let text = (facts.texts.request)(Ask::Subscribe, &[name], 1);
    match exchange.read(connection, &text, BEGIN_US / 1_000) {
        Request::Asked(asked) => asked,
        other => panic!("{}: {text} is no subscription there: {other:?}", facts.name),
    }
}

fn book_stream(facts: &VenueFacts, exchange: &dyn Exchange, traded: &Traded) -> Stream {
    let mut name = String::new();
    (facts.texts.stream)(&traded.symbol, Channel::Book, LEVELS_WANTED, &mut name);
    let mut opening = exchange.open(&target(facts), BEGIN_US / 1_000).expect("the venue's own path exists");
    let asked = ask(facts, exchange, &mut opening.connection, &name);
    asked.streams.into_iter().next().expect("one stream was asked for")
}
