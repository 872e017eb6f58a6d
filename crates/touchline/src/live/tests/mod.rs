//! The engine on virtual time: what it sends, what it asks for, and what it tells the books.

mod begun;
mod paths;
mod quiet;
mod refused;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use touchline_feed::{Gate, Moment, Rules};
use touchline_link::{Command, Driver, Fetch, SocketEvent, SocketId, Stamp, Turn};
use touchline_market::{Channel, Head, InstrumentId, Nanos, Reason, UpdateKind};
use touchline_venue::VenueFacts;

use super::control::{Control, Subscribe};
use super::engine::{Engine, Setup};
use super::member::Order;
use super::outlet::{Outlet, Sleeper};
use crate::pipeline::{LaneReceiver, Received, lane};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// An engine with some books of a venue, and what became of what it asked for.
struct Bench {
    engine: Engine,
    now: Moment,
    lane: LaneReceiver,
    /// Sockets that were opened and not closed.
    sockets: Vec<SocketId>,
    /// Texts that were sent, with their moment.
    sent: Vec<(Moment, SocketId, String)>,
    fetched: Vec<Fetch>,
    /// Heads that came by the lane.
    heads: Vec<Head>,
    subscriptions: Vec<Subscribe>,
}

/// Limits and parser of a real venue, with texts that a test can read.
fn facts(change: impl FnOnce(&mut VenueFacts)) -> &'static VenueFacts {
    let mut facts = *touchline_venue::find("binance").unwrap();
    change(&mut facts);
    facts.texts.request = |ask, streams, id| format!("{ask:?} {id} {}", streams.join(" "));
    facts.access.limits.lifetime = None;
    facts.access.limits.sends_per_second = 100;
    Box::leak(Box::new(facts))
}

const SYMBOLS: [&str; 3] = ["AUSDT", "BUSDT", "CUSDT"];

impl Bench {
    fn new(rules: Rules, venue: &'static VenueFacts, paths: u8) -> Self {
        let (sender, receiver) = lane(1 << 12);
        let sleeper = Sleeper::new(std::thread::current(), Arc::new(AtomicBool::new(false)));
        let setup = Setup {
            rules,
            snapshot_levels: 1_000,
            paths,
            gate: Arc::new(Mutex::new(Gate::new())),
            outlets: vec![Outlet::Lane { sender: Box::new(sender), overruns: 0, sleeper }],
            measured: false,
            seed: 1,
        };
        let subscriptions = (0_u32..).zip(SYMBOLS).map(|(id, symbol)| Subscribe {
            id,
            desk: InstrumentId(id),
            outlet: 0,
            instrument: Arc::new((venue.provisional)(symbol)),
            channels: vec![Channel::Book],
            venue,
            ws: "wss://venue".into(),
            rest: "https://venue".into(),
        });
        let subscriptions: Vec<_> = subscriptions.collect();
        let engine = Engine::new(setup, subscriptions.clone());
        Self {
            engine,
            now: Moment(1_000_000_000),
            lane: receiver,
            sockets: Vec::new(),
            sent: Vec::new(),
            fetched: Vec::new(),
            heads: Vec::new(),
            subscriptions,
        }
    }

    fn stamp(&self) -> Stamp {
        Stamp { now: self.now, recv: Nanos(self.now.0), ..Stamp::default() }
    }

    /// Lets so much time pass; sockets stay alive.
    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let mut commands = Vec::new();
            let Turn::Until(wake) = self.engine.turn(self.now, &mut commands) else { return };
            for command in commands {
                match command {
                    Command::Open { socket, .. } => self.sockets.push(socket),
                    Command::Close { socket, .. } => self.sockets.retain(|open| *open != socket),
                    Command::Send { socket, text } => self.sent.push((self.now, socket, text)),
                    Command::Ping { socket } => {
                        let stamp = self.stamp();
                        self.engine.socket(socket, SocketEvent::Alive, stamp);
                    }
                    Command::Fetch(fetch) => self.fetched.push(fetch),
                }
            }
            while self.lane.next(|received| {
                let Received::Ring(message) = received else { return };
                self.heads.extend(Head::from_record(message.first()));
            }) {}
            if wake > until {
                self.now = until;
                return;
            }
            self.now = self.now.max(wake);
        }
    }

    /// A socket opens.
    fn open(&mut self, socket: usize) {
        let (socket, stamp) = (self.sockets[socket], self.stamp());
        self.engine.socket(socket, SocketEvent::Opened, stamp);
    }

    /// A socket is cut.
    fn cut(&mut self, socket: usize) {
        let (socket, stamp) = (self.sockets.remove(socket), self.stamp());
        self.engine.socket(socket, SocketEvent::Ended(touchline_feed::Ending::Cut), stamp);
    }

    fn texts(&self) -> Vec<&str> {
        self.sent.iter().map(|(_, _, text)| text.as_str()).collect()
    }

    /// The venue takes every request sent so far.
    fn accept(&mut self) {
        for (_, socket, text) in self.sent.clone() {
            let id = text.split(' ').nth(1).unwrap();
            let reply = format!(r#"{{"result":null,"id":{id}}}"#);
            let stamp = self.stamp();
            self.engine.socket(socket, SocketEvent::Frame(reply.as_bytes()), stamp);
        }
        self.sent.clear();
    }

    /// A snapshot of a book comes in the stream of a connection.
    fn snapshot(&mut self, connection: usize, id: u32) {
        let mut head = Head::new(UpdateKind::Snapshot, InstrumentId(id));
        head.sequence.0 = self.now.0;
        let stamp = self.stamp();
        self.engine.deliver(connection, Order::Head(head), stamp);
    }

    /// The book thread wants a snapshot of a book, or deeper levels.
    fn want(&mut self, id: u32, deeper: bool) {
        let stamp = self.stamp();
        self.engine.control(Control::Snapshots(vec![(id, deeper)]), stamp);
    }

    /// The breaks that the books heard of: whose, and why.
    fn breaks(&self) -> Vec<(u32, Reason)> {
        self.heads.iter().filter_map(|head| Some((head.instrument.0, head.reason()?))).collect()
    }

    fn clear(&mut self) {
        self.sent.clear();
        self.fetched.clear();
        self.heads.clear();
    }
}
