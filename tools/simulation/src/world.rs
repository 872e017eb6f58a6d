//! One world: an exchange, a network, a feed and its books on one virtual clock, in one thread, from one seed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use touchline::offline::{Offline, OfflinePlan, Witness};
use touchline_feed::Moment;
use touchline_link::clock::Ticks;
use touchline_link::{Answer, Command, Stamp, Turn};
use touchline_market::Nanos;
use touchline_simulator::{Command as Order, Faults, Inside, Leaves};
use touchline_venue::{CONNECT_WINDOW, Snapshots};

use crate::agenda::Agenda;
use crate::checker::{Checker, Counted, Judged};
use crate::coverage::Marks;
use crate::errands::Told;
use crate::network::{Key, Passage, Socket, Sockets};
use crate::plan::{Plan, Switch};
use crate::random::Random;
use crate::rest::{Errand, Rest};

/// How long every book has to come back after the last fault.
const LIVENESS: Duration = Duration::from_secs(60);

/// Where the exchange is.
pub(crate) const WS: &str = "ws://exchange:1";
const HTTP: &str = "http://exchange:1";

/// More symbols are many: how often a book of many is looked at that may lag.
pub(crate) const FEW: usize = 20;
const CROWD_LOOK: Duration = Duration::from_millis(100);

/// Rounds of one moment: what sets something off in another is done at once, but not for ever.
const ROUNDS_MAX: usize = 100;

/// Things to come at most: every queue of the world is in it.
const AGENDA_MAX: usize = 100_000;

/// What comes on the agenda.
#[derive(Debug)]
pub(crate) enum Happening {
    Tick,
    Wake(usize),
    Passage(Passage),
    Errand(Errand),
    /// A timed fault, by its place in the plan.
    Fault(usize),
    /// A command to the exchange.
    Order(Box<Order>),
    /// The books go on.
    Build,
    /// Books have held something too long for another path.
    Held,
    /// No fault from here on.
    Heal,
}

/// What came of a world.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// What was not as promised.
    pub failure: Option<String>,
    /// All that happened, as one number.
    pub hash: u64,
    /// What was compared.
    pub counted: Counted,
    /// Messages that the exchange sent.
    pub messages: u64,
    /// How long it lasted there.
    pub lasted: Duration,
    /// Which faults happened how often.
    pub marks: Marks,
    /// Which changes of state, how often.
    pub edges: Marks,
    /// The last things that happened, if they were traced.
    pub trace: Vec<String>,
}

/// A world under way.
pub(crate) struct World<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) now: Duration,
    pub(crate) exchange: Inside,
    pub(crate) agenda: Agenda<Happening>,
    pub(crate) sockets: Sockets,
    /// Whose socket a connection of the exchange is.
    pub(crate) connections: std::collections::BTreeMap<u64, Key>,
    pub(crate) random: Random,
    pub(crate) marks: Marks,
    pub(crate) paused: bool,
    pub(crate) healing: bool,
    /// Symbols whose venue began to count anew: once is what can be told apart.
    pub(crate) reset: Vec<bool>,
    /// Every market is brisk from then on.
    pub(crate) quiet_until: Duration,
    pub(crate) feed: Offline,
    pub(crate) checker: Arc<Mutex<Checker>>,
    pub(crate) rest: Rest,
    /// When each reader wants its turn, and whether something came for it.
    wakes: Vec<Duration>,
    pub(crate) dirty: Vec<bool>,
    commands: Vec<Command>,
    pub(crate) leaves: Vec<Leaves>,
    /// A socket that carried books ended in this moment.
    pub(crate) ended: Vec<(usize, String)>,
    pub(crate) told_of_requests: Told,
    pub(crate) told_of_connects: Told,
    /// When sockets were asked for.
    opens: Vec<Duration>,
    /// What the exchange does by chance until it heals.
    pub(crate) faults: Faults,
    /// When books are looked at next that hold something for another path.
    pub(crate) held_until: Duration,
    /// When a path was last killed.
    pub(crate) killed: Duration,
    /// When lagging books were last looked for.
    looked: Duration,
}

/// Runs the world of a plan: so long with its faults, then a minute without. So many lines are kept of what happened last.
#[must_use]
pub fn run(plan: &Plan, faulty: Duration, lines: usize) -> Outcome {
    let checker = Arc::new(Mutex::new(Checker::new(plan.calm, plan.judged, lines)));
    let mut world = match World::new(plan, Arc::clone(&checker)) {
        Ok(world) => world,
        Err(cause) => return failed(plan.seed, cause),
    };
    world.agenda.put(Duration::ZERO, Happening::Tick);
    world.agenda.put(faulty, Happening::Heal);
    for place in 0..plan.timed.len() {
        world.plan_fault(place);
    }
    world.settle();
    world.live_until(faulty + LIVENESS);
    // Whoever has used up half of what a venue allows of connects waits for the rest of the window.
    if world.waits_to_connect() {
        world.live_until(faulty + CONNECT_WINDOW + LIVENESS);
    }
    // So does whoever needs more snapshots than a minute's budget allows.
    if !world.all_back() {
        world.live_until(world.now.max(faulty + LIVENESS) + world.snapshots_take());
    }
    world.conclude()
}

fn failed(seed: u64, cause: String) -> Outcome {
    Outcome {
        seed,
        failure: Some(cause),
        hash: 0,
        counted: Counted::default(),
        messages: 0,
        lasted: Duration::ZERO,
        marks: Marks::new(),
        edges: Marks::new(),
        trace: Vec::new(),
    }
}

impl<'a> World<'a> {
    fn live_until(&mut self, end: Duration) {
        while self.checker().failure.is_none()
            && let Some((at, what)) = self.agenda.next(end)
        {
            self.now = at;
            self.checker().now = at;
            self.happen(what);
            self.settle();
        }
    }

    /// Is a book not there that could be, and have connects been used up?
    fn waits_to_connect(&self) -> bool {
        let half = self.plan.venue.access.limits.connects_per_window as usize / 2;
        let recent = self.opens.iter().filter(|at| **at + CONNECT_WINDOW > self.now).count();
        recent >= half.max(1) && !self.all_back()
    }

    fn all_back(&self) -> bool {
        self.checker().books.iter().all(Judged::is_back)
    }

    /// How long snapshots of all books take, for what they cost; nothing where books are few.
    fn snapshots_take(&self) -> Duration {
        let Snapshots::Rest { request, .. } = self.plan.venue.texts.snapshots else { return Duration::ZERO };
        let books = self.reset.len() as u32 * u32::from(self.plan.paths);
        let cost = books * request("", self.plan.snapshot_levels).weight;
        let budget = self.plan.venue.access.limits.weight_per_minute;
        // Half of a budget is used at most, and probes and refreshes take of it as well.
        if self.reset.len() <= FEW { Duration::ZERO } else { LIVENESS + 4 * LIVENESS * cost / budget }
    }

    fn new(plan: &'a Plan, checker: Arc<Mutex<Checker>>) -> Result<Self, String> {
        let mut exchange = Inside::open(&plan.config).map_err(|error| error.to_string())?;
        let list = exchange.get(&(plan.venue.texts.instruments)().path, Duration::ZERO);
        let list =
            (plan.venue.instruments)(&list.body.unwrap_or_default()).map_err(|error| error.to_string())?;
        let instruments: Vec<_> = list.into_iter().map(Arc::new).collect();
        let offline = OfflinePlan {
            venue: plan.venue,
            ws: WS.to_owned(),
            rest: HTTP.to_owned(),
            instruments: instruments.clone(),
            channels: plan.channels.clone(),
            readers: plan.readers,
            paths: plan.paths,
            placement: plan.placement,
            ring_records: plan.ring_records,
            rules: plan.rules.clone(),
            snapshot_levels: plan.snapshot_levels,
            seed: plan.seed,
        };
        let feed = Offline::new(&offline, || witness(&checker));
        for (instrument, view) in instruments.iter().zip(feed.views()) {
            let truth = exchange.truth(&instrument.symbol).ok_or("an instrument that is not traded")?;
            lock(&checker).books.push(Judged::new(instrument.symbol.to_string(), view.clone(), truth));
        }
        let readers = feed.readers();
        let mut world = Self {
            plan,
            now: Duration::ZERO,
            exchange,
            agenda: Agenda::new(),
            sockets: Sockets::new(),
            connections: std::collections::BTreeMap::new(),
            random: Random::of(plan.seed, "network"),
            marks: Marks::new(),
            paused: false,
            healing: false,
            reset: vec![false; instruments.len()],
            quiet_until: Duration::ZERO,
            feed,
            checker,
            rest: Rest::default(),
            wakes: vec![Duration::ZERO; readers],
            dirty: vec![true; readers],
            commands: Vec::new(),
            leaves: Vec::new(),
            ended: Vec::new(),
            told_of_requests: Told::default(),
            told_of_connects: Told::default(),
            opens: Vec::new(),
            faults: plan.config.faults.clone(),
            held_until: Duration::ZERO,
            killed: Duration::ZERO,
            looked: Duration::ZERO,
        };
        world.forbid_the_undetectable();
        Ok(world)
    }

    /// Another symbol's snapshot can be told from the right one by its sequence alone: where the two counts may meet,
    /// nobody can.
    fn forbid_the_undetectable(&mut self) {
        let mut counts: Vec<u64> = self.checker().books.iter().map(|book| book.truth.sequence()).collect();
        counts.sort_unstable();
        let meet = counts.windows(2).any(|pair| matches!(pair, [one, other] if other - one < 300_000));
        let anew = self.plan.timed.iter().any(|timed| timed.switch == Switch::Reset);
        if meet || anew {
            self.faults.snapshot_other = 0.0;
            self.exchange.command(Order::SetFaults(self.faults.clone()), Duration::ZERO);
        }
    }

    pub(crate) fn checker(&self) -> MutexGuard<'_, Checker> {
        lock(&self.checker)
    }

    pub(crate) fn mark(&mut self, name: &'static str) {
        *self.marks.entry(name).or_default() += 1;
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp {
            now: self.moment(),
            recv: Nanos(
                Inside::wall_ms(self.now) * 1_000_000 + u64::from(self.now.subsec_nanos()) % 1_000_000,
            ),
            ticks: Ticks(0),
            kernel: Nanos::NONE,
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment(self.now.as_nanos() as u64)
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Tick => self.tick(),
            Happening::Wake(reader) => {
                if let (Some(dirty), Some(wake)) = (self.dirty.get_mut(reader), self.wakes.get(reader)) {
                    *dirty |= self.now >= *wake;
                }
            }
            Happening::Passage(passage) => self.pass(passage),
            Happening::Errand(errand) => self.run_errand(errand),
            Happening::Fault(place) => self.fault(place),
            Happening::Order(order) => self.order(*order),
            Happening::Build => self.paused = false,
            Happening::Held => {}
            Happening::Heal => self.heal(),
        }
        if self.agenda.len() > AGENDA_MAX {
            self.checker().fail(|| "queues grow without bound".to_owned());
        }
    }

    /// The markets move, and lagging books are looked for.
    fn tick(&mut self) {
        self.exchange.tick(self.now);
        self.drain_all();
        let mean = Duration::from_secs_f64((1.5 / self.plan.config.rate).clamp(0.002, 0.06));
        let next = self.random.until_next(mean).clamp(Duration::from_micros(200), Duration::from_millis(100));
        self.agenda.put(self.now + next, Happening::Tick);
        // A stream is asked about its silence by REST: where there is none to ask, a single silent stream stays unseen.
        if self.paused || !matches!(self.plan.venue.texts.snapshots, Snapshots::Rest { .. }) {
            return;
        }
        // Many books are not all looked at each time.
        let rest = if self.reset.len() > FEW { CROWD_LOOK } else { Duration::ZERO };
        if self.now < self.looked + rest {
            return;
        }
        self.looked = self.now;
        // The bound of silence, and what the last message before it took to arrive.
        let slack = Duration::from_millis(200) + self.plan.latency * 2 + self.plan.jitter;
        let (bound, now) = (self.plan.rules.idle + slack + self.probes_take(), self.now);
        let mut checker = lock(&self.checker);
        let mut stale = None;
        for book in &mut checker.books {
            let view = book.view.touch();
            let view = view.state.is_live().then(|| book.view.read());
            let view = view.map(|view| book.truth.key(view.sequence.0, view.ts_event.0));
            if let Some(since) = book.staleness.look(book.truth.sequence(), view, now, bound) {
                stale = Some((book.symbol.clone(), since));
            }
        }
        if let Some((symbol, since)) = stale {
            checker.fail(|| {
                format!("{symbol}: LIVE, though something newer was sent at {:.6} s", since.as_secs_f64())
            });
        }
    }

    /// How long it takes at most until a silent stream is probed, if all of them are silent: so many a minute are, and after
    /// a burst none for a minute. Nothing where they are few.
    fn probes_take(&self) -> Duration {
        if self.reset.len() <= FEW {
            return Duration::ZERO;
        }
        let each = self.reset.len().div_ceil(self.feed.readers()) as u32;
        Duration::from_secs(60) * (1 + each.div_ceil(self.plan.rules.probes_per_minute))
    }

    /// A command to the exchange.
    pub(crate) fn order(&mut self, order: Order) {
        self.checker().note(|| format!("exchange: {order:?}"));
        self.exchange.command(order, self.now);
        self.drain_all();
    }

    pub(crate) fn stir(&mut self, reader: usize) {
        if let Some(dirty) = self.dirty.get_mut(reader) {
            *dirty = true;
        }
    }

    pub(crate) fn send(&mut self, key: Key, said: touchline_simulator::Said) {
        let at = self.now + self.plan.latency;
        let Some(socket) = self.sockets.get_mut(&key) else { return };
        if let Some(connection) = socket.connection {
            let at = socket.up(at);
            self.agenda.put(at, Happening::Passage(Passage::Up(connection, said)));
        }
    }

    /// Everything that follows at once from what came: readers have their turns, books are built.
    fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let mut again = false;
            for reader in 0..self.dirty.len() {
                if self.dirty.get(reader).copied().unwrap_or_default() {
                    again |= self.turn(reader);
                }
            }
            if !self.paused && self.feed.build(self.stamp()) {
                self.dirty.fill(true);
                again = true;
            }
            if !again {
                self.judge_ends();
                return self.wait_for_held();
            }
        }
        self.checker().fail(|| "a reader asks for its turn again and again".to_owned());
    }

    /// One reader's turn. True if it wants another one at once.
    fn turn(&mut self, reader: usize) -> bool {
        let stamp = self.stamp();
        let mut commands = std::mem::take(&mut self.commands);
        let turn = self.feed.turn(reader, stamp, &mut commands);
        for command in commands.drain(..) {
            self.execute(reader, command);
        }
        self.commands = commands;
        let until = match turn {
            Turn::Until(until) => Duration::from_nanos(until.0),
            Turn::Done => Duration::MAX,
        };
        let soon = until <= self.now;
        if let (Some(dirty), Some(wake)) = (self.dirty.get_mut(reader), self.wakes.get_mut(reader)) {
            *dirty = soon;
            if !soon && *wake != until {
                *wake = until;
                if until < Duration::from_nanos(u64::MAX) {
                    self.agenda.put(until, Happening::Wake(reader));
                }
            }
        }
        soon
    }

    fn execute(&mut self, reader: usize, command: Command) {
        use touchline_simulator::Said;
        let mut checker = lock(&self.checker);
        checker.note(|| format!("reader {reader}: {command:?}"));
        checker.mix(self.now.as_nanos() as u64);
        let kind = match &command {
            Command::Open { .. } => 1,
            Command::Send { text, .. } => {
                text.bytes().fold(2, |hash: u64, byte| hash * 31 % 65_521 + u64::from(byte))
            }
            Command::Ping { .. } => 3,
            Command::Close { .. } => 4,
            Command::Fetch(fetch) => 5 + fetch.id,
        };
        checker.mix(kind);
        drop(checker);
        match command {
            Command::Open { socket, url, timeout } => {
                let others = self.sockets.iter();
                let others = others.filter(|((whose, _), other)| *whose == reader && other.url == url);
                let open = others.filter(|(_, other)| other.connection.is_some()).count();
                if open >= usize::from(self.plan.paths) {
                    self.mark("hand-over");
                    if self.plan.rules.lifetime.is_some() {
                        self.mark("lifetime");
                    }
                }
                self.opens.push(self.now);
                self.sockets.insert((reader, socket), Socket::new(url, timeout));
                let at = self.now + self.plan.latency;
                self.agenda.put(at, Happening::Passage(Passage::Attempt((reader, socket))));
            }
            Command::Send { socket, text } => self.send((reader, socket), Said::Text(text)),
            Command::Ping { socket } => self.send((reader, socket), Said::Ping),
            Command::Close { socket, code } => {
                self.send((reader, socket), Said::Close(code));
                self.sockets.remove(&(reader, socket));
            }
            Command::Fetch(fetch) => {
                let now = self.moment();
                if let Err((reader, fetch)) = self.rest.push(reader, fetch, now) {
                    let body = Err(touchline_feed::Refusal::Timeout(Duration::ZERO));
                    self.answer(reader, Answer { id: fetch.id, url: fetch.url, body });
                }
                self.look();
            }
        }
    }
}

pub(crate) fn lock(checker: &Mutex<Checker>) -> MutexGuard<'_, Checker> {
    checker.lock().unwrap_or_else(PoisonError::into_inner)
}

fn witness(checker: &Arc<Mutex<Checker>>) -> Witness {
    let checker = Arc::clone(checker);
    Box::new(move |id, head, keeper, outcome| lock(&checker).published(id, head, keeper, outcome))
}
