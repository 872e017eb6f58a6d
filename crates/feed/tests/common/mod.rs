//! A connection and the venue it talks to, on virtual time: no socket, no clock, no thread.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use touchline_feed::{Action, Connection, Ending, Gate, Moment, Phase, Refusal, Report, Rules, StreamId};
use touchline_market::Reason;
use touchline_venue::{Ask, Reply, Snapshots, VenueFacts};

/// How long everything takes on its way.
pub(crate) const WAY: Duration = Duration::from_millis(10);

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What the venue does at a moment.
#[derive(Debug)]
enum Event {
    Opened,
    Refused(Refusal),
    Ended(Ending),
    Answer(Reply),
    Pong,
    Ping,
    Data,
    Probed(StreamId, Option<bool>),
}

/// How the venue behaves.
pub(crate) struct Venue {
    /// `None`: it does not even answer.
    pub(crate) connects: Option<Result<(), Refusal>>,
    /// How a session ends, and after what time.
    pub(crate) ends: Option<(Duration, Ending)>,
    pub(crate) answers: bool,
    /// Names that it refuses, for good or not, and whether its refusals say of which request.
    pub(crate) refuses: BTreeMap<String, bool>,
    pub(crate) names_request: bool,
    /// It answers stream by stream, by name, and says nothing of requests.
    pub(crate) by_name: bool,
    pub(crate) pongs: bool,
    pub(crate) ping_every: Option<Duration>,
    /// Data of every acknowledged stream that is not silent.
    pub(crate) data_every: Option<Duration>,
    pub(crate) silent: BTreeSet<String>,
    /// What a probe finds; `None`: it is never answered.
    pub(crate) probes: Option<Option<bool>>,
}

pub(crate) struct Bench {
    pub(crate) connection: Connection,
    pub(crate) gate: Gate,
    pub(crate) venue: Venue,
    pub(crate) now: Moment,
    /// All that was done, and when.
    pub(crate) done: Vec<(Moment, Action)>,
    /// Sends of any kind, the socket layer's pongs included.
    pub(crate) sends: Vec<Moment>,
    /// What was asked for.
    pub(crate) requests: Vec<(Moment, Ask, u64, Vec<String>)>,
    /// Texts that are no requests.
    pub(crate) hellos: Vec<Moment>,
    events: BTreeMap<(Moment, u64), (u64, Event)>,
    numbered: u64,
    socket: u64,
}

/// A real venue's limits with texts that a test can read: `Subscribe 1 a b`.
fn texts() -> VenueFacts {
    let mut facts = *touchline_venue::find("binance").unwrap();
    facts.texts.request = |ask, streams, id| format!("{ask:?} {id} {}", streams.join(" "));
    facts
}

pub(crate) fn facts() -> &'static VenueFacts {
    Box::leak(Box::new(texts()))
}

/// As [`facts`], of a venue that is greeted twice, wants each kind of stream (`kind:symbol`) in a request of its own, and
/// begins a stream with its snapshot.
pub(crate) fn facts_of_kinds() -> &'static VenueFacts {
    let mut facts = texts();
    facts.texts.hello = || vec!["hello".to_owned(), "again".to_owned()];
    facts.texts.snapshots = Snapshots::Stream;
    facts.texts.together = |one, other| one.split(':').next() == other.split(':').next();
    Box::leak(Box::new(facts))
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Rules::default(), 1)
    }

    pub(crate) fn with(rules: Rules, seed: u64) -> Self {
        Self::at(facts(), rules, seed)
    }

    pub(crate) fn at(facts: &'static VenueFacts, rules: Rules, seed: u64) -> Self {
        Self {
            connection: Connection::new(facts, "host:443".to_owned(), rules, seed),
            gate: Gate::new(),
            venue: Venue {
                connects: Some(Ok(())),
                ends: None,
                answers: true,
                refuses: BTreeMap::new(),
                names_request: true,
                by_name: false,
                pongs: true,
                ping_every: None,
                data_every: None,
                silent: BTreeSet::new(),
                probes: Some(Some(false)),
            },
            now: Moment(1_000_000_000),
            done: Vec::new(),
            sends: Vec::new(),
            requests: Vec::new(),
            hellos: Vec::new(),
            events: BTreeMap::new(),
            numbered: 0,
            socket: 0,
        }
    }

    pub(crate) fn subscribe(&mut self, name: &str, probe: bool) -> StreamId {
        self.connection.subscribe(name.to_owned(), probe, self.now)
    }

    /// Opens with streams `s0`, `s1`, … that can be probed, and lives until they are acknowledged.
    pub(crate) fn live(mut self, streams: usize) -> Self {
        for stream in 0..streams {
            self.subscribe(&format!("s{stream}"), true);
        }
        self.connection.open(self.now);
        self.run(secs(3));
        assert_eq!(self.connection.phase(), Phase::Live);
        self
    }

    /// Lets so much time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        let mut idle_turns = 0;
        loop {
            self.connection.tick(self.now, &mut self.gate);
            self.drain();
            let event = self.events.first_key_value().map_or(Moment::NEVER, |(&(at, _), _)| at);
            let next = self.connection.wake().min(event);
            idle_turns = if next <= self.now { idle_turns + 1 } else { 0 };
            assert!(idle_turns < 10_000, "spins at {:?}", self.now);
            if next > until {
                self.now = until;
                return;
            }
            self.now = self.now.max(next);
            while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (socket, event) = entry.remove();
                // Nothing that an old socket still says concerns the connection; probes have no socket.
                if socket == self.socket || matches!(event, Event::Probed(..)) {
                    self.happen(event);
                    self.drain();
                }
            }
        }
    }

    fn after(&mut self, time: Duration, event: Event) {
        self.numbered += 1;
        self.events.insert((self.now + time, self.numbered), (self.socket, event));
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Opened => {
                self.connection.opened(now);
                if let Some((time, ending)) = self.venue.ends {
                    self.after(time, Event::Ended(ending));
                }
                if let Some(every) = self.venue.ping_every {
                    self.after(every, Event::Ping);
                }
                if let Some(every) = self.venue.data_every {
                    self.after(every, Event::Data);
                }
            }
            Event::Refused(refusal) => self.connection.refused(refusal, now, &mut self.gate),
            Event::Ended(ending) => {
                self.socket += 1;
                self.connection.ended(ending, now);
            }
            Event::Answer(reply) => self.connection.reply(reply, now),
            Event::Pong => self.connection.heard(now),
            Event::Ping => {
                self.connection.pinged(now);
                self.sends.push(now);
                let every = self.venue.ping_every.unwrap();
                self.after(every, Event::Ping);
            }
            Event::Data => {
                let live = self.connection.streams().filter(|(_, name, is_acknowledged)| {
                    *is_acknowledged && !self.venue.silent.contains(*name)
                });
                for stream in live.map(|(stream, _, _)| stream).collect::<Vec<_>>() {
                    self.connection.data(stream, now);
                }
                let every = self.venue.data_every.unwrap();
                self.after(every, Event::Data);
            }
            Event::Probed(stream, ahead) => _ = self.connection.probed(stream, ahead, now),
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.connection.next_action() {
            match &action {
                Action::Connect => {
                    self.socket += 1;
                    match self.venue.connects.clone() {
                        Some(Ok(())) => self.after(WAY, Event::Opened),
                        Some(Err(refusal)) => self.after(WAY, Event::Refused(refusal)),
                        None => {}
                    }
                }
                Action::Send(text) => {
                    self.sends.push(self.now);
                    self.request(&text.clone());
                }
                Action::Ping => {
                    self.sends.push(self.now);
                    if self.venue.pongs {
                        self.after(WAY, Event::Pong);
                    }
                }
                Action::Close(_) => self.socket += 1,
                &Action::Probe(stream) => {
                    if let Some(ahead) = self.venue.probes {
                        self.after(WAY, Event::Probed(stream, ahead));
                    }
                }
                _ => {}
            }
            self.done.push((self.now, action));
        }
    }

    fn request(&mut self, text: &str) {
        let mut words = text.split(' ');
        let ask = match words.next() {
            Some("Subscribe") => Ask::Subscribe,
            Some("Unsubscribe") => Ask::Unsubscribe,
            _ => return self.hellos.push(self.now),
        };
        let id = words.next().unwrap().parse().unwrap();
        let names: Vec<_> = words.map(str::to_owned).collect();
        if self.venue.by_name {
            self.answer_by_name(ask, &names);
            return self.requests.push((self.now, ask, id, names));
        }
        let refused = names.iter().find_map(|name| self.venue.refuses.get(name)).copied();
        let reply = match refused {
            Some(terminal) if ask == Ask::Subscribe => {
                let id = self.venue.names_request.then_some(id);
                Reply::Refused { id, stream: None, code: 2, text: "no\n".to_owned(), terminal }
            }
            _ => Reply::Accepted { id },
        };
        if self.venue.answers {
            self.after(WAY, Event::Answer(reply));
        }
        self.requests.push((self.now, ask, id, names));
    }

    /// Every stream has an answer of its own, a millisecond after the one before.
    fn answer_by_name(&mut self, ask: Ask, names: &[String]) {
        let mut way = WAY;
        for name in names.iter().filter(|_| self.venue.answers).cloned().collect::<Vec<_>>() {
            let reply = match self.venue.refuses.get(&name) {
                Some(&terminal) => {
                    let text = String::new();
                    Reply::Refused { id: None, stream: Some(name), code: 3, text, terminal }
                }
                None if ask == Ask::Unsubscribe => Reply::Unsubscribed { streams: vec![name] },
                None => Reply::Subscribed { streams: vec![name] },
            };
            self.after(way, Event::Answer(reply));
            way += ms(1);
        }
    }

    /// When each of the actions that match was done.
    pub(crate) fn when(&self, matches: impl Fn(&Action) -> bool) -> Vec<Moment> {
        self.done.iter().filter(|(_, action)| matches(action)).map(|&(at, _)| at).collect()
    }

    pub(crate) fn count(&self, matches: impl Fn(&Action) -> bool) -> usize {
        self.when(matches).len()
    }

    pub(crate) fn connects(&self) -> Vec<Moment> {
        self.when(|action| *action == Action::Connect)
    }

    /// The breaks so far: which stream, why, whether for good.
    pub(crate) fn breaks(&self) -> Vec<(Option<StreamId>, Reason, bool)> {
        let breaks = self.done.iter().filter_map(|(_, action)| match *action {
            Action::Break { stream, reason, dead } => Some((stream, reason, dead)),
            _ => None,
        });
        breaks.collect()
    }

    pub(crate) fn reports(&self) -> Vec<&Report> {
        let reports = self.done.iter().filter_map(|(_, action)| match action {
            Action::Report(report) => Some(report),
            _ => None,
        });
        reports.collect()
    }

    /// Forgets what was done so far.
    pub(crate) fn clear(&mut self) {
        self.done.clear();
        self.sends.clear();
        self.requests.clear();
        self.hellos.clear();
    }
}

/// The most of these moments that fall into any stretch of so long.
pub(crate) fn most_within(times: &[Moment], window: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, &time) in times.iter().enumerate() {
        while times[first] + window <= time {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}
