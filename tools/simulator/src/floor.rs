//! The exchange without I/O: markets, connections, and what passes between them. Time is an argument.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use touchline_venue::exchange::{Exchange, Key, Opening, Rules};

use crate::config::{Config, StartError};
use crate::counts::Counts;
use crate::events::Events;
use crate::faults::{End, FaultKind, Faults, HandshakeFault, MessageFault, RestFault, Subscribing};
use crate::frames;
use crate::line::{Line, Message, Piece, Sending, Wake};
use crate::pit::Pit;
use crate::plants::Plants;
use crate::playback::Player;
use crate::random::Random;
use crate::rest::Held;
use crate::session::{Breach, Session};

mod commands;
mod hearing;

/// What the exchange catches up with at most after it was held up.
const CATCH_UP: Duration = Duration::from_millis(100);

/// The exchange.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) exchange: Arc<dyn Exchange>,
    pub(crate) rules: Rules,
    pub(crate) pits: Vec<Pit>,
    pub(crate) places: HashMap<String, usize>,
    pub(crate) lines: BTreeMap<u64, Line>,
    pub(crate) faults: Faults,
    pub(crate) counts: Counts,
    pub(crate) random: Random,
    pub(crate) police: bool,
    /// What becomes of the next snapshot requests, of one symbol or of any.
    pub(crate) rest_faults: VecDeque<(Option<String>, RestFault)>,
    pub(crate) held: Held,
    pub(crate) refusing: bool,
    pub(crate) plants: Arc<Plants>,
    /// The recording that is played in place of the markets.
    pub(crate) player: Option<Player>,
    handshakes: VecDeque<HandshakeFault>,
    attempts: VecDeque<Instant>,
    subscribing: Subscribing,
    seed: u64,
    rate: f64,
    credit: f64,
    /// The last tick: when, and the time of day then, ms.
    ticked: Instant,
    ticked_ms: u64,
    next_line: u64,
    /// Snapshots in the stream that are to come late.
    late: Vec<hearing::Late>,
    events: Events,
    /// A text under way.
    text: String,
}

fn sending<'a>(
    exchange: &'a dyn Exchange,
    rules: &'a Rules,
    faults: &'a Faults,
    now: Instant,
) -> Sending<'a> {
    Sending { exchange, rules, faults, now }
}

/// What becomes of an attempt to connect.
#[derive(Debug)]
pub(crate) enum Admission {
    /// A connection of this number.
    Open(u64, Arc<Wake>),
    /// The venue has nothing there.
    NoSuchPath,
    /// This instead; with it, the connection where there is one all the same.
    Fault(HandshakeFault, Option<(u64, Arc<Wake>)>),
}

impl Floor {
    /// The exchange that this configuration describes; its markets open with the first tick. `now_ms` is the time of day.
    ///
    /// # Errors
    /// [`StartError::UnknownVenue`], [`StartError::Recording`].
    pub(crate) fn of(config: &Config, now: Instant, now_ms: u64) -> Result<Self, StartError> {
        let facts = touchline_venue::find(&config.venue);
        let exchange = facts.and_then(|facts| (facts.exchange)());
        let exchange = exchange.ok_or_else(|| StartError::UnknownVenue(config.venue.clone()))?;
        let mut floor = Self::new(config, Arc::from(exchange), now, now_ms);
        let recording = config.recording.as_ref();
        floor.player = recording.map(|recording| Player::open(recording, &*floor.exchange)).transpose()?;
        Ok(floor)
    }

    fn new(config: &Config, exchange: Arc<dyn Exchange>, now: Instant, now_ms: u64) -> Self {
        let mut rules = exchange.rules();
        rules.ping_every = config.ping_every.or(rules.ping_every);
        rules.lifetime = config.lifetime.or(rules.lifetime);
        let mut seeds = Random::new(config.seed);
        let pits: Vec<Pit> = config
            .symbols
            .iter()
            .map(|symbol| Pit::new(rules, symbol, seeds.bits(), config.history, now_ms))
            .collect();
        let named = pits.iter().enumerate();
        let places = named.map(|(place, pit)| (pit.traded.symbol.clone(), place)).collect();
        Self {
            exchange,
            rules,
            pits,
            places,
            lines: BTreeMap::new(),
            faults: config.faults.clone(),
            counts: Counts::default(),
            random: seeds,
            police: config.police,
            rest_faults: VecDeque::new(),
            held: Held::new(now),
            refusing: false,
            plants: Arc::new(config.plants.clone()),
            player: None,
            handshakes: VecDeque::new(),
            attempts: VecDeque::new(),
            subscribing: Subscribing::Normal,
            seed: config.seed,
            rate: config.rate,
            credit: 0.0,
            ticked: now,
            ticked_ms: now_ms,
            next_line: 0,
            late: Vec::new(),
            events: Events::default(),
            text: String::new(),
        }
    }

    /// Time has come to `now`: the markets move, pings go out, old connections end.
    pub(crate) fn tick(&mut self, now: Instant, now_ms: u64) {
        let passed = now.saturating_duration_since(self.ticked).min(CATCH_UP);
        (self.ticked, self.ticked_ms) = (now, now_ms);
        self.credit += self.rate * passed.as_secs_f64();
        while self.credit >= 1.0 && !self.pits.is_empty() && self.player.is_none() {
            let place = self.random.below(self.pits.len() as u64) as usize;
            let sent = self.beat(place, now, now_ms);
            self.credit -= sent.max(1) as f64;
        }
        for place in 0..self.pits.len() {
            if self.pits.get(place).is_some_and(|pit| pit.is_overdue(now_ms)) {
                self.settle_one(place, now, now_ms);
            }
        }
        self.play(now);
        self.begin_late(now, now_ms);
        self.keep(now, now_ms);
        self.wake();
    }

    /// Pings and heartbeats go out; connections that are dead, old or of no use end.
    fn keep(&mut self, now: Instant, now_ms: u64) {
        let rules = &self.rules;
        for line in self.lines.values_mut().filter(|line| !line.ended) {
            if let Some(every) = rules.ping_every.filter(|_| now >= line.ping_at) {
                line.ping_at = now + every;
                line.pinged = line.pinged.or(Some(now));
                let mut ping = Vec::new();
                let payload = format!("{now_ms}{}", self.plants.ping);
                frames::ping(&mut ping, payload.as_bytes());
                line.bytes(&ping);
            }
            let beats = self.player.is_none() && now >= line.beat_at;
            if let Some(beat) = rules.heartbeat.filter(|_| beats) {
                let due = if beat.when_quiet { line.said_at + beat.every } else { now };
                line.beat_at = if due <= now { now + beat.every } else { due };
                self.text.clear();
                if due <= now {
                    self.exchange.heartbeat(&mut line.session.connection, now_ms, &mut self.text);
                }
                if !self.text.is_empty() {
                    line.say(&*self.exchange, &self.text, now);
                }
            }
            let age = now.duration_since(line.opened);
            if line.pinged.is_some_and(|at| now.duration_since(at) > rules.pong_within) {
                self.counts.breach(Breach::Pong);
                line.leave(End::Fin);
            } else if rules.lifetime.is_some_and(|lifetime| age > lifetime) {
                line.leave(End::Close(1_001));
            } else if rules.subscribe_within.is_some_and(|within| age > within) && !line.session.asked {
                line.leave(End::Fin);
            }
        }
    }

    /// The time of day at a moment, from the last tick on.
    fn now_ms(&self, now: Instant) -> u64 {
        self.ticked_ms + now.saturating_duration_since(self.ticked).as_millis() as u64
    }

    /// The recording's frames go to every connection that asked for anything, as they are.
    fn play(&mut self, now: Instant) {
        let asked = |line: &Line| line.session.streams().next().is_some();
        let Some(player) = self.player.as_mut().filter(|_| self.lines.values().any(asked)) else { return };
        let (lines, counts) = (&mut self.lines, &mut self.counts);
        let sending = sending(&*self.exchange, &self.rules, &self.faults, now);
        player.play(&*self.exchange, now, |text| {
            for line in lines.values_mut().filter(|line| asked(line)) {
                line.deliver(Message { stream: None, text, crossed: "", forced: None }, &sending, counts);
            }
        });
    }

    /// Somebody wants a socket.
    pub(crate) fn admit(&mut self, target: &str, now: Instant) -> Admission {
        self.counts.attempts += 1;
        while self.attempts.front().is_some_and(|at| now.duration_since(*at) >= self.rules.connect_window) {
            self.attempts.pop_front();
        }
        self.attempts.push_back(now);
        if let Some(seconds) = self.held.connect(now) {
            self.counts.early_requests += 1;
            return Admission::Fault(
                HandshakeFault::Status { code: 429, retry_after_s: Some(seconds) },
                None,
            );
        }
        if self.attempts.len() > self.rules.connects as usize {
            self.counts.breach(Breach::Connects);
            if self.police {
                let fault = HandshakeFault::Status { code: 429, retry_after_s: Some(60) };
                return Admission::Fault(fault, None);
            }
        }
        let fault = self.handshakes.pop_front().or_else(|| self.faults.handshake(&mut self.random));
        if let Some(fault) = fault {
            self.counts.fault(FaultKind::Handshake(fault), now);
            if let HandshakeFault::Status { code: 429 | 418, retry_after_s } = fault {
                self.held.hold_connects(now, retry_after_s);
            }
            let opens = matches!(
                fault,
                HandshakeFault::Late(_)
                    | HandshakeFault::Drip
                    | HandshakeFault::Dropped
                    | HandshakeFault::Extension
            );
            let opened = if opens { self.open(target, now) } else { None };
            return Admission::Fault(fault, opened);
        }
        self.open(target, now).map_or(Admission::NoSuchPath, |(id, wake)| Admission::Open(id, wake))
    }

    /// The next attempt to connect is cut before anything is said: asked for each TCP connection.
    pub(crate) fn cuts(&mut self, now: Instant) -> bool {
        let cuts = self.handshakes.front() == Some(&HandshakeFault::Cut);
        if cuts {
            self.handshakes.pop_front();
            self.counts.attempts += 1;
            self.counts.fault(FaultKind::Handshake(HandshakeFault::Cut), now);
        }
        cuts
    }

    fn open(&mut self, target: &str, now: Instant) -> Option<(u64, Arc<Wake>)> {
        let now_ms = self.now_ms(now);
        let Opening { connection, streams, hello } = self.exchange.open(target, now_ms)?;
        let mut session = Session::new(self.rules, connection);
        session.asked = !streams.is_empty();
        let id = self.next_line;
        self.next_line += 1;
        // A number of its own for each connection, so that what happens to one does not depend on the others.
        let seed = self.seed ^ (id + 1).wrapping_mul(0xA24B_AED4_963E_E407);
        let ping_at = now + self.rules.ping_every.unwrap_or_default();
        let mut line = Line::new(session, Arc::clone(&self.plants), seed, now, ping_at);
        hello.iter().for_each(|text| line.say(&*self.exchange, text, now));
        for stream in &streams {
            line.session.connection.streams.insert(stream.name.clone(), stream.clone());
        }
        let wake = Arc::clone(&line.wake);
        self.lines.insert(id, line);
        self.counts.connections += 1;
        self.counts.open = self.lines.len() as u64;
        for stream in streams {
            self.subscribe(id, stream, Subscribing::Normal, now, now_ms);
        }
        Some((id, wake))
    }

    /// A connection is gone.
    pub(crate) fn gone(&mut self, id: u64) {
        self.lines.remove(&id);
        self.counts.open = self.lines.len() as u64;
        self.pits.iter_mut().for_each(|pit| pit.unsubscribe(id, None));
    }

    /// What waits for a connection's writer.
    pub(crate) fn outgoing(&mut self, id: u64) -> VecDeque<Piece> {
        self.lines.get_mut(&id).map(Line::take).unwrap_or_default()
    }

    /// The first byte of a fault leaves.
    pub(crate) fn mark(&mut self, kind: FaultKind, now: Instant) {
        self.counts.fault(kind, now);
    }

    /// One market moves; how many messages that made.
    fn beat(&mut self, place: usize, now: Instant, now_ms: u64) -> u64 {
        let mut events = std::mem::take(&mut self.events);
        let Some(pit) = self.pits.get_mut(place).filter(|pit| pit.listed && !pit.paused) else { return 0 };
        self.counts.beats += 1;
        let resets = self.faults.reset_sequence > 0.0 && self.rules.key == Key::Sequence;
        if resets && self.random.chance(self.faults.reset_sequence) {
            pit.reset_sequence();
            self.counts.fault(FaultKind::ResetSequence, now);
        }
        let cross = self.faults.cross > 0.0 || pit.forced.contains(&MessageFault::Cross);
        pit.beat(&*self.exchange, now_ms, cross, &mut events);
        if self.faults.lock > 0.0 && self.random.chance(self.faults.lock) {
            pit.lock(&*self.exchange, now_ms, &mut events);
            self.counts.fault(FaultKind::Lock, now);
        }
        let sent = events.len() as u64;
        self.send(place, &mut events, now);
        self.events = events;
        sent
    }

    fn send(&mut self, place: usize, events: &mut Events, now: Instant) {
        let Some(pit) = self.pits.get_mut(place) else { return events.clear() };
        let sending = sending(&*self.exchange, &self.rules, &self.faults, now);
        for event in events.iter() {
            let Some(feed) = pit.feeds.get(event.feed) else { continue };
            let book = feed.stream.channel == Some(touchline_market::Channel::Book);
            let forced = if book { pit.forced.pop_front() } else { None };
            let stream = Some(feed.stream.name.as_str());
            let message = Message { stream, text: &event.text, crossed: &event.crossed, forced };
            for id in &feed.subscribers {
                if let Some(line) = self.lines.get_mut(id) {
                    line.deliver(message, &sending, &mut self.counts);
                }
            }
        }
        events.clear();
    }

    fn wake(&self) {
        self.lines.values().filter(|line| line.is_waiting()).for_each(|line| line.wake.more.notify_one());
    }
}

#[cfg(test)]
mod tests;
