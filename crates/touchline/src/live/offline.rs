//! A live feed without threads, sockets or clocks: told what came and when, it says what to do.
//!
//! The same engine, ring and books as in a running feed, driven by whoever has a time of his own: a simulation on virtual
//! time. Readers are driven like `touchline-link` drives them; the books take what stands in their rings when told to.

use std::fmt;
use std::sync::{Arc, Mutex};

use touchline_book::{Keeper, Outcome, Start};
use touchline_feed::{Gate, Rules};
use touchline_link::{Answer, Command, Driver, SocketEvent, SocketId, Stamp, Turn};
use touchline_market::{Channel, Head, Instrument, InstrumentId, Nanos};
use touchline_venue::VenueFacts;

use super::FeedReport;
use super::books::Books;
use super::control::{Control, Subscribe};
use super::engine::{Engine, Setup};
use super::outlet::{Outlet, Sleeper};
use super::path::PATHS_MAX;
use super::watch::{Mailbox, Watch, Watched};
use crate::Placement;
use crate::pipeline::{Desk, Shard};
use crate::view::View;

/// Sees every publication of a book: the instrument's number, what came, the book, and what became of it.
pub type Witness = Box<dyn FnMut(InstrumentId, &Head, &Keeper, Outcome) + Send>;

/// What an offline feed is made from.
#[derive(Clone, Debug)]
pub struct OfflinePlan {
    /// Whose dialect.
    pub venue: &'static VenueFacts,
    /// Root of its sockets, without a path.
    pub ws: String,
    /// Root of its REST interface.
    pub rest: String,
    /// What is subscribed to; the place here is the instrument's number.
    pub instruments: Vec<Arc<Instrument>>,
    /// The channels of each.
    pub channels: Vec<Channel>,
    /// How many readers share the instruments, at least 1.
    pub readers: usize,
    /// Connections that bring each book, made 1 to 4.
    pub paths: u8,
    /// Where books are built.
    pub placement: Placement,
    /// Records of each reader's ring.
    pub ring_records: usize,
    /// The rules of every connection's life.
    pub rules: Rules,
    /// Levels a side that a snapshot is asked for with.
    pub snapshot_levels: u32,
    /// What retries are spread by.
    pub seed: u64,
}

/// A feed that somebody else drives.
pub struct Offline {
    engines: Vec<Engine>,
    books: Option<Books>,
    gone: Vec<bool>,
    views: Vec<View>,
}

impl Offline {
    /// A feed at moment 0, whose readers want their first turn. `witness` makes one witness for each group of books.
    #[must_use]
    pub fn new(plan: &OfflinePlan, mut witness: impl FnMut() -> Witness) -> Self {
        let readers = plan.readers.max(1);
        let paths = plan.paths.clamp(1, PATHS_MAX as u8);
        let groups = if plan.placement == Placement::Reader { readers } else { 1 };
        // Nobody's mailbox leads anywhere: what books ask for is fetched by `build`.
        let mailboxes: Vec<Mailbox> = (0..readers).map(|_| Mailbox::default()).collect();
        let mut shards: Vec<Shard<Watch>> = (0..groups)
            .map(|_| Shard::empty(Watch::new(mailboxes.clone()).with_witness(witness()), false))
            .collect();
        let (mut subscribed, mut views) = (vec![Vec::new(); readers], Vec::new());
        for (id, instrument) in plan.instruments.iter().enumerate() {
            let (desk, view) = Desk::of_paths(plan.venue, Arc::clone(instrument), Start::Snapshot, paths);
            views.push(view);
            let reader = id % readers;
            let group = reader % groups;
            let Some(shard) = shards.get_mut(group) else { continue };
            let place = shard.len();
            shard.add(place, desk);
            let watched = Watched::new(id as u32, reader, plan.venue, plan.snapshot_levels, paths);
            shard.observer().add(place, watched);
            let subscribe = Subscribe {
                id: id as u32,
                desk: InstrumentId(place as u32),
                outlet: 0,
                instrument: Arc::clone(instrument),
                channels: plan.channels.clone(),
                venue: plan.venue,
                ws: plan.ws.as_str().into(),
                rest: plan.rest.as_str().into(),
            };
            if let Some(subscribed) = subscribed.get_mut(reader) {
                subscribed.push(subscribe);
            }
        }
        let (outlets, books) = match plan.placement {
            Placement::BookThread => over_rings(plan, readers, shards),
            Placement::Reader => (shards.into_iter().map(Outlet::to).collect(), None),
        };
        let gate = Arc::new(Mutex::new(Gate::new()));
        let engines = outlets.into_iter().zip(subscribed).enumerate().map(|(index, (outlet, subscribed))| {
            let setup = Setup {
                rules: plan.rules.clone(),
                snapshot_levels: plan.snapshot_levels,
                paths,
                gate: Arc::clone(&gate),
                outlets: vec![outlet],
                measured: false,
                seed: plan.seed ^ index as u64,
            };
            Engine::new(setup, subscribed)
        });
        Self { engines: engines.collect(), books, gone: vec![false; readers], views }
    }

    /// The views, by the number of their instruments.
    #[must_use]
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// How many readers there are.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.engines.len()
    }

    /// A socket of a reader says something.
    pub fn socket(&mut self, reader: usize, socket: SocketId, event: SocketEvent<'_>, stamp: Stamp) {
        if let Some(engine) = self.engines.get_mut(reader) {
            engine.socket(socket, event, stamp);
        }
    }

    /// A request of a reader was answered.
    pub fn answer(&mut self, reader: usize, answer: Answer, stamp: Stamp) {
        if let Some(engine) = self.engines.get_mut(reader) {
            engine.answer(answer, stamp);
        }
    }

    /// Asks a reader what is to be done; books on its own thread ask it for their snapshots first.
    pub fn turn(&mut self, reader: usize, stamp: Stamp, commands: &mut Vec<Command>) -> Turn {
        let Some(engine) = self.engines.get_mut(reader) else { return Turn::Done };
        let mut needs = Vec::new();
        for outlet in &mut engine.setup.outlets {
            if let Outlet::Direct(direct) = outlet {
                direct.shard.give_up_held(stamp.recv);
                needs.append(&mut direct.shard.observer().take_needs(reader));
            }
        }
        if !needs.is_empty() {
            engine.control(Control::Snapshots(needs), stamp);
        }
        engine.turn(stamp.now, commands)
    }

    /// The books take all that stands in their rings, give up what they held too long for another path, and ask their
    /// readers for snapshots. True if there was anything: then the readers want a turn.
    pub fn build(&mut self, stamp: Stamp) -> bool {
        let Some(books) = &mut self.books else { return false };
        let mut took = false;
        for reader in 0..self.engines.len() {
            while books.take(reader, &mut self.gone) {
                took = true;
            }
        }
        took |= books.shard.give_up_held(stamp.recv);
        for (reader, engine) in self.engines.iter_mut().enumerate() {
            let needs = books.shard.observer().take_needs(reader);
            if !needs.is_empty() {
                engine.control(Control::Snapshots(needs), stamp);
            }
        }
        took
    }

    /// When books on a thread of their own will have held something too long for another path, by the wall clock: then
    /// they want to be built, though nothing came.
    #[must_use]
    pub fn held_until(&self) -> Option<Nanos> {
        self.books.as_ref()?.shard.held_until()
    }

    /// Ends the feed: what stands in the rings is taken, every book says that its writer is gone, and all is accounted
    /// for.
    #[must_use]
    pub fn finish(mut self, stamp: Stamp) -> FeedReport {
        self.build(stamp);
        let mut shards = Vec::new();
        let mut intake = crate::IntakeCounters::default();
        for engine in std::mem::take(&mut self.engines) {
            intake.merge(&engine.counters());
            let (_, outlets) = engine.take_apart();
            for outlet in outlets {
                if let Outlet::Direct(direct) = outlet {
                    shards.push(direct.shard);
                }
            }
        }
        if let Some(mut books) = self.books.take() {
            for reader in 0..self.gone.len() {
                while books.take(reader, &mut self.gone) {}
            }
            shards.push(books.shard);
        }
        FeedReport::of_shards(intake, &shards)
    }
}

impl fmt::Debug for Offline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offline").field("readers", &self.engines.len()).finish_non_exhaustive()
    }
}

/// One group of books behind a ring of each reader.
fn over_rings(plan: &OfflinePlan, readers: usize, shards: Vec<Shard<Watch>>) -> (Vec<Outlet>, Option<Books>) {
    let Some(shard) = shards.into_iter().next() else { return (Vec::new(), None) };
    let (senders, books) = Books::behind_rings(shard, readers, plan.ring_records, true);
    // Never asleep, and so never woken.
    let sleeper = Sleeper::new(std::thread::current(), Arc::clone(&books.asleep));
    let outlets = senders.into_iter().map(|sender| Outlet::over(sender, sleeper.clone()));
    (outlets.collect(), Some(books))
}
