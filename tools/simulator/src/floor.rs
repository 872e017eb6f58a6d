//! The exchange without I/O: markets, connections, and what passes between them. Time is an argument.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use touchline_venue::binance::exchange::{Dialect, Stream, shutdown_notice};

use crate::command::{Command, Which};
use crate::config::Config;
use crate::counts::Counts;
use crate::faults::{End, FaultKind, Faults, HandshakeFault, MessageFault, RestFault, Subscribing};
use crate::frames::{self, ClientFrame};
use crate::line::{Line, Message, Piece, Wake};
use crate::pit::{Event, Feed, Pit};
use crate::playback::Player;
use crate::random::Random;
use crate::rest::Held;
use crate::session::{Breach, Session};

/// The window of the limit on connects.
const CONNECT_WINDOW: Duration = Duration::from_secs(300);

/// What the exchange catches up with at most after it was held up.
const CATCH_UP: Duration = Duration::from_millis(100);

/// The exchange.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) dialect: Dialect,
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
    /// The recording that is played in place of the markets.
    pub(crate) player: Option<Player>,
    handshakes: VecDeque<HandshakeFault>,
    attempts: VecDeque<Instant>,
    subscribing: Subscribing,
    seed: u64,
    rate: f64,
    credit: f64,
    ticked: Instant,
    next_line: u64,
    ping_every: Duration,
    pong_within: Duration,
    lifetime: Duration,
    events: Vec<Event>,
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
    /// An exchange whose markets are about to open; a recording, if there is one, is handed in later.
    pub(crate) fn new(config: &Config, dialect: Dialect, now: Instant) -> Self {
        let rules = dialect.rules();
        let mut seeds = Random::new(config.seed);
        let pits: Vec<Pit> = config
            .symbols
            .iter()
            .map(|symbol| Pit::new(dialect, symbol, seeds.bits(), config.history))
            .collect();
        let places = pits.iter().enumerate().map(|(place, pit)| (pit.name.clone(), place)).collect();
        Self {
            dialect,
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
            player: None,
            handshakes: VecDeque::new(),
            attempts: VecDeque::new(),
            subscribing: Subscribing::Normal,
            seed: config.seed,
            rate: config.rate,
            credit: 0.0,
            ticked: now,
            next_line: 0,
            ping_every: config.ping_every.unwrap_or(rules.ping_every),
            pong_within: rules.pong_within,
            lifetime: config.lifetime.unwrap_or(rules.lifetime),
            events: Vec::new(),
        }
    }

    /// Time has come to `now`: the markets move, pings go out, old connections end.
    pub(crate) fn tick(&mut self, now: Instant, now_ms: u64) {
        let passed = now.saturating_duration_since(self.ticked).min(CATCH_UP);
        self.ticked = now;
        self.credit += self.rate * passed.as_secs_f64();
        while self.credit >= 1.0 && !self.pits.is_empty() && self.player.is_none() {
            let place = self.random.below(self.pits.len() as u64) as usize;
            let sent = self.beat(place, now, now_ms);
            self.credit -= sent.max(1) as f64;
        }
        self.play(now);
        for line in self.lines.values_mut().filter(|line| !line.ended) {
            if now >= line.ping_at {
                line.ping_at = now + self.ping_every;
                line.pinged = line.pinged.or(Some(now));
                let mut ping = Vec::new();
                frames::ping(&mut ping, now_ms.to_string().as_bytes());
                line.bytes(&ping);
            }
            if line.pinged.is_some_and(|at| now.duration_since(at) > self.pong_within) {
                self.counts.breach(Breach::Pong);
                line.leave(End::Fin);
            } else if now.duration_since(line.opened) > self.lifetime {
                line.leave(End::Close(1_001));
            }
        }
        self.wake();
    }

    /// The recording's frames go to every connection that asked for anything, as they are.
    fn play(&mut self, now: Instant) {
        let asked = |line: &Line| line.session.streams().next().is_some();
        let Some(player) = self.player.as_mut().filter(|_| self.lines.values().any(asked)) else { return };
        let (lines, faults, counts) = (&mut self.lines, &self.faults, &mut self.counts);
        player.play(self.dialect, now, |text| {
            for line in lines.values_mut().filter(|line| asked(line)) {
                line.deliver(Message { stream: "", text, crossed: None, forced: None }, faults, now, counts);
            }
        });
    }

    /// Somebody wants a socket.
    pub(crate) fn admit(&mut self, target: &str, now: Instant) -> Admission {
        self.counts.attempts += 1;
        while self.attempts.front().is_some_and(|at| now.duration_since(*at) >= CONNECT_WINDOW) {
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
        if self.attempts.len() > self.dialect.rules().connects as usize {
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
        let (session, streams) = Session::open(self.dialect, target)?;
        let id = self.next_line;
        self.next_line += 1;
        // A number of its own for each connection, so that what happens to one does not depend on the others.
        let seed = self.seed ^ (id + 1).wrapping_mul(0xA24B_AED4_963E_E407);
        let line = Line::new(session, seed, now, now + self.ping_every);
        let wake = Arc::clone(&line.wake);
        self.lines.insert(id, line);
        self.counts.connections += 1;
        self.counts.open = self.lines.len() as u64;
        for name in streams {
            self.subscribe(id, &name);
        }
        Some((id, wake))
    }

    /// A connection is gone.
    pub(crate) fn gone(&mut self, id: u64) {
        self.lines.remove(&id);
        self.counts.open = self.lines.len() as u64;
        for pit in &mut self.pits {
            for feed in &mut pit.feeds {
                feed.subscribers.retain(|subscriber| *subscriber != id);
            }
            pit.feeds.retain(|feed| !feed.subscribers.is_empty());
        }
    }

    /// A client says something.
    pub(crate) fn heard(&mut self, id: u64, frame: ClientFrame, now: Instant) {
        let Some(line) = self.lines.get_mut(&id).filter(|line| !line.ended) else { return };
        self.counts.client_messages += 1;
        let mut breach = line.session.counted(now);
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        match frame {
            ClientFrame::Ping(payload) => {
                let mut pong = Vec::new();
                frames::pong(&mut pong, &payload);
                line.bytes(&pong);
            }
            ClientFrame::Pong => line.pinged = None,
            ClientFrame::Close(code) => {
                let mut close = Vec::new();
                frames::close(&mut close, if code == 1_005 { 1_000 } else { code });
                line.bytes(&close);
                line.leave(End::Fin);
            }
            ClientFrame::Other => line.leave(End::Close(1_002)),
            ClientFrame::Text(text) => {
                self.counts.requests += 1;
                let (pits, places) = (&self.pits, &self.places);
                let named =
                    |name: &String| places.get(&Stream::read(name)?.symbol).and_then(|at| pits.get(*at));
                let chance = self.faults.subscribing(&mut self.random);
                let commanded = self.subscribing;
                let mut policy = Subscribing::Normal;
                let outcome = line.session.text(&text, |names| {
                    let own = names.iter().filter_map(named).map(|pit| pit.subscribing);
                    let worst = own.max().unwrap_or_default().max(commanded);
                    policy = if worst == Subscribing::Normal { chance.unwrap_or_default() } else { worst };
                    policy
                });
                if policy != Subscribing::Normal {
                    self.counts.fault(FaultKind::Subscribing(policy), now);
                }
                if let Some(reply) = &outcome.reply {
                    line.text(reply);
                }
                breach = breach.or(outcome.breach);
                (added, removed) = (outcome.added, outcome.removed);
            }
        }
        if let Some(breach) = breach {
            self.counts.breach(breach);
            if self.police {
                let mut close = Vec::new();
                frames::close(&mut close, 1_008);
                line.bytes(&close);
                line.leave(End::Fin);
            }
        }
        line.wake.more.notify_one();
        removed.iter().for_each(|name| self.unsubscribe(id, name));
        added.iter().for_each(|name| self.subscribe(id, name));
    }

    /// What waits for a connection's writer.
    pub(crate) fn outgoing(&mut self, id: u64) -> VecDeque<Piece> {
        self.lines.get_mut(&id).map(Line::take).unwrap_or_default()
    }

    /// The first byte of a fault leaves.
    pub(crate) fn mark(&mut self, kind: FaultKind, now: Instant) {
        self.counts.fault(kind, now);
    }

    /// A test's word.
    pub(crate) fn command(&mut self, command: Command, now: Instant, now_ms: u64) {
        match command {
            Command::End { which, how } => self.each(&which, |line, _| line.end(how, "")),
            Command::Stall { which, on } => {
                self.each(&which, |line, _| line.stall(on));
                if on {
                    self.counts.fault(FaultKind::Message(MessageFault::Stall), now);
                }
            }
            Command::Frame { which, fault } => self.each(&which, |line, faults| {
                line.mark(fault);
                line.broken_frame(fault, faults);
            }),
            Command::Text { which, text } => self.each(&which, |line, _| line.text(&text)),
            Command::Bytes { which, bytes } => self.each(&which, |line, _| line.bytes(&bytes)),
            Command::Shutdown { which } => {
                self.each(&which, |line, _| {
                    let notice = shutdown_notice(now_ms, line.session.combined());
                    line.text(&notice);
                });
                self.counts.fault(FaultKind::Shutdown, now);
            }
            Command::Message { symbol, fault, count } => self.at(&symbol, |pit| {
                pit.forced.extend(std::iter::repeat_n(fault, count));
            }),
            Command::Lock { symbol } => self.lock(&symbol, now, now_ms),
            Command::ResetSequence { symbol } => {
                self.at(&symbol, Pit::reset_sequence);
                self.counts.fault(FaultKind::ResetSequence, now);
            }
            Command::Pause { symbol } => {
                self.settle(symbol.as_deref(), now, now_ms);
                self.pause(symbol.as_deref(), true);
            }
            Command::Resume { symbol } => self.pause(symbol.as_deref(), false),
            Command::Delist { symbol } => self.at(&symbol, |pit| pit.listed = false),
            Command::Subscribing { symbol: Some(symbol), how } => {
                self.at(&symbol, |pit| pit.subscribing = how);
            }
            Command::Subscribing { symbol: None, how } => self.subscribing = how,
            Command::Rest { symbol, fault, count } => {
                self.rest_faults.extend(std::iter::repeat_n((symbol, fault), count));
            }
            Command::Handshake { fault, count } => {
                self.handshakes.extend(std::iter::repeat_n(fault, count));
            }
            Command::Refuse(on) => self.refusing = on,
            Command::SetFaults(faults) => self.faults = faults,
            Command::SetRate(rate) => self.rate = rate,
            Command::Heal => self.heal(now),
        }
        self.wake();
    }

    fn heal(&mut self, now: Instant) {
        self.faults = Faults::default();
        self.rest_faults.clear();
        self.handshakes.clear();
        self.held = Held::new(now);
        self.subscribing = Subscribing::Normal;
        self.refusing = false;
        for pit in &mut self.pits {
            pit.forced.clear();
            pit.paused = false;
            pit.subscribing = Subscribing::Normal;
        }
        self.lines.values_mut().for_each(|line| line.stall(false));
    }

    fn lock(&mut self, symbol: &str, now: Instant, now_ms: u64) {
        let Some(&place) = self.places.get(symbol) else { return };
        self.counts.fault(FaultKind::Lock, now);
        let mut events = std::mem::take(&mut self.events);
        if let Some(pit) = self.pits.get_mut(place) {
            pit.lock(now_ms, &mut events);
        }
        self.send(place, &mut events, now);
        self.events = events;
    }

    /// One market moves; how many messages that made.
    fn beat(&mut self, place: usize, now: Instant, now_ms: u64) -> u64 {
        let mut events = std::mem::take(&mut self.events);
        let Some(pit) = self.pits.get_mut(place).filter(|pit| pit.listed && !pit.paused) else { return 0 };
        self.counts.beats += 1;
        if self.faults.reset_sequence > 0.0 && self.random.chance(self.faults.reset_sequence) {
            pit.reset_sequence();
            self.counts.fault(FaultKind::ResetSequence, now);
        }
        let cross = self.faults.cross > 0.0 || pit.forced.contains(&MessageFault::Cross);
        pit.beat(now_ms, cross, &mut events);
        if self.faults.lock > 0.0 && self.random.chance(self.faults.lock) {
            pit.lock(now_ms, &mut events);
            self.counts.fault(FaultKind::Lock, now);
        }
        let sent = events.len() as u64;
        self.send(place, &mut events, now);
        self.events = events;
        sent
    }

    fn send(&mut self, place: usize, events: &mut Vec<Event>, now: Instant) {
        let Some(pit) = self.pits.get_mut(place) else { return events.clear() };
        for event in events.drain(..) {
            let Some(feed) = pit.feeds.get(event.feed) else { continue };
            let book = feed.channel == touchline_market::Channel::Book;
            let forced = if book { pit.forced.pop_front() } else { None };
            let wrap = |text: &str| format!(r#"{{"stream":"{}","data":{text}}}"#, feed.name);
            let wrapped = (wrap(&event.text), event.crossed.as_deref().map(wrap));
            for id in &feed.subscribers {
                let Some(line) = self.lines.get_mut(id) else { continue };
                let (text, crossed) = if line.session.combined() {
                    (&wrapped.0, wrapped.1.as_deref())
                } else {
                    (&event.text, event.crossed.as_deref())
                };
                let message = Message { stream: &feed.name, text, crossed, forced };
                line.deliver(message, &self.faults, now, &mut self.counts);
            }
        }
    }

    fn subscribe(&mut self, id: u64, name: &str) {
        let Some(stream) = Stream::read(name) else { return };
        let place = self.places.get(&stream.symbol);
        let Some(pit) = place.and_then(|place| self.pits.get_mut(*place)) else { return };
        match pit.feeds.iter_mut().find(|feed| feed.name == name) {
            Some(feed) => feed.subscribers.push(id),
            None => pit.feeds.push(Feed {
                name: name.to_owned(),
                channel: stream.channel,
                levels: stream.levels,
                subscribers: vec![id],
            }),
        }
    }

    fn unsubscribe(&mut self, id: u64, name: &str) {
        let place = Stream::read(name).and_then(|stream| self.places.get(&stream.symbol));
        let Some(pit) = place.and_then(|place| self.pits.get_mut(*place)) else { return };
        for feed in pit.feeds.iter_mut().filter(|feed| feed.name == name) {
            feed.subscribers.retain(|subscriber| *subscriber != id);
        }
        pit.feeds.retain(|feed| !feed.subscribers.is_empty());
    }

    /// Before a market is quiet, what has happened in it is sent: else it would be ahead of its messages for good.
    fn settle(&mut self, symbol: Option<&str>, now: Instant, now_ms: u64) {
        let mut events = std::mem::take(&mut self.events);
        for place in 0..self.pits.len() {
            if let Some(pit) = self.pits.get_mut(place).filter(|pit| symbol.is_none_or(|one| one == pit.name))
            {
                pit.settle(now_ms, &mut events);
                self.send(place, &mut events, now);
            }
        }
        self.events = events;
    }

    fn pause(&mut self, symbol: Option<&str>, on: bool) {
        match symbol {
            Some(symbol) => self.at(symbol, |pit| pit.paused = on),
            None => self.pits.iter_mut().for_each(|pit| pit.paused = on),
        }
    }

    fn at(&mut self, symbol: &str, change: impl FnOnce(&mut Pit)) {
        if let Some(pit) = self.places.get(symbol).and_then(|place| self.pits.get_mut(*place)) {
            change(pit);
        }
    }

    /// Does something to connections.
    fn each(&mut self, which: &Which, mut act: impl FnMut(&mut Line, &Faults)) {
        for (id, line) in &mut self.lines {
            let meant = match which {
                Which::All => true,
                Which::Connection(number) => id == number,
                Which::Symbol(symbol) => line
                    .session
                    .streams()
                    .any(|name| Stream::read(name).is_some_and(|stream| stream.symbol == *symbol)),
            };
            if meant && !line.ended {
                act(line, &self.faults);
            }
        }
    }

    fn wake(&self) {
        self.lines.values().filter(|line| line.is_waiting()).for_each(|line| line.wake.more.notify_one());
    }
}

#[cfg(test)]
mod tests;
