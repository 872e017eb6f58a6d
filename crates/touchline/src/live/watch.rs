//! Looks on while books change: asks for snapshots, tells consumers, on the thread that builds the books.

use std::fmt;
use std::sync::{Arc, OnceLock};

use touchline_book::{BboView, Keeper, Outcome, Paths, TradeView};
use touchline_link::Handle;
use touchline_market::{Bug, Head, InstrumentId, Nanos, State, UpdateKind, planted};
use touchline_venue::{Snapshots, VenueFacts};

use super::control::Control;
use super::journal::{BookHash, Hashes};
use super::path::{self, PATHS_MAX, Path};
use crate::events::{Event, EventKind, Sender};
use crate::flight::{Incident, IncidentSender};

/// Shortest time between two requests for deeper levels of a live book.
const REFRESH_EVERY_NS: u64 = 30_000_000_000;

/// The way to a reader, known once its thread runs.
pub(crate) type Mailbox = Arc<OnceLock<Handle<Control>>>;

/// What is known of one book here.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// Its instrument's number in the feed.
    pub(crate) id: u32,
    /// The reader whose connection feeds it.
    pub(crate) reader: usize,
    /// What the book that each path brings is called where it needs a snapshot ([`Path::key`]).
    keys: [u32; PATHS_MAX],
    /// Several paths bring it: each message is followed by how they stand.
    several: bool,
    /// They bring one book together.
    merged: bool,
    state: State,
    /// A snapshot was asked for and has not come: a bit for the book of each path.
    asked: u8,
    /// When deeper levels were last asked for.
    refreshed: Nanos,
    /// Its hash is written down with the first message from then on.
    hash_from: Nanos,
    /// Levels a side that the book should know; 0 where no more can be asked for than come by the stream.
    wanted: u32,
}

impl Watched {
    /// Of an instrument of this venue, whose book should know so many levels a side and comes by so many paths.
    pub(crate) fn new(id: u32, reader: usize, venue: &VenueFacts, levels: u32, paths: u8) -> Self {
        let wanted = match venue.texts.snapshots {
            Snapshots::Rest { .. } => levels,
            Snapshots::Stream => 0,
        };
        let mut keys = [0; PATHS_MAX];
        for (key, path) in keys.iter_mut().zip(Path::all(paths)) {
            *key = path.key(id, venue);
        }
        let (several, merged) = (paths > 1, path::is_merged(venue));
        let (state, refreshed, hash_from) = (State::Init, Nanos::NONE, Nanos::NONE);
        // The reader asks for the first snapshot by itself, as soon as the stream is acknowledged.
        Self { id, reader, keys, several, merged, state, asked: u8::MAX, refreshed, hash_from, wanted }
    }

    /// The place of the book that this path brings, among those that are built.
    fn place(&self, path: u8) -> u8 {
        if self.merged { 0 } else { path }
    }

    fn key(&self, path: u8) -> u32 {
        self.keys.get(usize::from(self.place(path))).copied().unwrap_or_default()
    }
}

/// The observer of a live feed's books.
pub(crate) struct Watch {
    books: Vec<Watched>,
    readers: Vec<(Mailbox, Vec<(u32, bool)>)>,
    consumers: Vec<Sender>,
    /// Something is to be asked of a reader.
    asks: bool,
    /// Where the books' hashes go, where they are wanted.
    hashes: Option<Hashes>,
    /// What the next change of state tells of.
    incident: Option<Arc<Incident>>,
    /// Where incidents are written.
    log: Option<IncidentSender>,
    #[cfg(feature = "simulation")]
    witness: Option<super::offline::Witness>,
}

impl Watch {
    pub(crate) fn new(readers: Vec<Mailbox>) -> Self {
        let readers = readers.into_iter().map(|mailbox| (mailbox, Vec::new())).collect();
        Self {
            books: Vec::new(),
            readers,
            consumers: Vec::new(),
            asks: false,
            hashes: None,
            incident: None,
            log: None,
            #[cfg(feature = "simulation")]
            witness: None,
        }
    }

    /// The same, watched itself.
    #[cfg(feature = "simulation")]
    pub(crate) fn with_witness(self, witness: super::offline::Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// What books want to ask of a reader that has no mailbox.
    #[cfg(feature = "simulation")]
    pub(crate) fn take_needs(&mut self, reader: usize) -> Vec<(u32, bool)> {
        self.readers.get_mut(reader).map(|(_, needs)| std::mem::take(needs)).unwrap_or_default()
    }

    /// From now on the books' hashes are written down.
    pub(crate) fn set_hashes(&mut self, hashes: Hashes) {
        self.hashes = Some(hashes);
    }

    /// The hashes that were kept.
    pub(crate) fn take_hashes(&mut self) -> Vec<BookHash> {
        self.hashes.as_mut().map(Hashes::take).unwrap_or_default()
    }

    /// Whatever the books want asked, nobody is to ask it.
    pub(crate) fn forget_needs(&mut self) {
        self.readers.iter_mut().for_each(|(_, needs)| needs.clear());
    }

    /// The same, with a place where incidents are written.
    pub(crate) fn with_log(self, log: Option<IncidentSender>) -> Self {
        Self { log, ..self }
    }

    /// A book was added in this place.
    pub(crate) fn add(&mut self, index: usize, watched: Watched) {
        match self.books.get_mut(index) {
            Some(place) => *place = watched,
            None => self.books.push(watched),
        }
    }

    /// Is the book in this place fed by that reader?
    pub(crate) fn is_of(&self, index: usize, reader: usize) -> bool {
        self.books.get(index).is_some_and(|watched| watched.reader == reader)
    }

    /// A consumer of events was added.
    pub(crate) fn add_consumer(&mut self, sender: Sender) {
        self.consumers.retain(|consumer| !consumer.is_gone());
        self.consumers.push(sender);
    }

    /// Asks each reader for the snapshots that its books need. Not done book by book: telling a reader may wake it,
    /// which costs as much as flagging some books, and first of all every book has to be flagged.
    #[inline]
    pub(crate) fn flush(&mut self) {
        if self.asks {
            self.ask_readers();
        }
    }

    #[cold]
    fn ask_readers(&mut self) {
        self.asks = false;
        for (mailbox, needs) in self.readers.iter_mut().filter(|(_, needs)| !needs.is_empty()) {
            match mailbox.get() {
                // A reader that is gone ends its books; there is nobody left to ask.
                Some(reader) => _ = reader.send(Control::Snapshots(std::mem::take(needs))),
                None => self.asks = true,
            }
        }
    }

    fn send(&self, kind: EventKind, event: impl Fn() -> Event) {
        for consumer in self.consumers.iter().filter(|consumer| consumer.wants(kind)) {
            consumer.send(event());
        }
    }

    /// Everything but a delta that took effect in a book that was live and is.
    #[cold]
    fn look(&mut self, head: &Head, keeper: &Keeper) {
        let Some(watched) = self.books.get_mut(head.instrument.0 as usize) else { return };
        let (from, to) = (watched.state, keeper.state());
        watched.state = to;
        if head.kind == UpdateKind::Snapshot {
            watched.asked &= !(1 << watched.place(head.flags.path()));
            // What was to be asked for is there.
            let key = watched.key(head.flags.path());
            if let Some((_, needs)) = self.readers.get_mut(watched.reader) {
                needs.retain(|&(needed, deeper)| needed != key || deeper);
            }
        }
        let id = watched.id;
        if !watched.several && keeper.wants_snapshot() {
            self.ask(head.instrument, 0);
        }
        if from != to {
            let (instrument, epoch, at) = (InstrumentId(id), keeper.epoch(), head.ts_recv);
            let incident = self.incident.take();
            self.send(EventKind::State, || {
                let incident = incident.clone();
                Event::State { instrument, from, to, epoch, at, incident }
            });
        }
    }

    /// Asks for a snapshot of the book that this path brings, if one is not on its way.
    #[cold]
    fn ask(&mut self, book: InstrumentId, path: u8) {
        let Some(watched) = self.books.get_mut(book.0 as usize) else { return };
        let bit = 1 << watched.place(path);
        if watched.asked & bit == 0
            && !planted(Bug::ResyncUnasked)
            && let Some((_, needs)) = self.readers.get_mut(watched.reader)
        {
            needs.push((watched.key(path), false));
            watched.asked |= bit;
            self.asks = true;
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("books", &self.books.len()).finish_non_exhaustive()
    }
}

impl crate::pipeline::Observer for Watch {
    const INCIDENTS: bool = true;

    #[cold]
    fn incident(&mut self, _: &Head, incident: &Arc<Incident>) {
        if let Some(log) = &self.log {
            log.send(incident);
        }
        self.incident = Some(Arc::clone(incident));
    }

    #[inline]
    fn book(&mut self, head: &Head, keeper: &Keeper, outcome: Outcome) {
        let Some(watched) = self.books.get_mut(head.instrument.0 as usize) else { return };
        let lives = watched.state.is_live() && keeper.state().is_live();
        let usual = matches!(outcome, Outcome::Applied | Outcome::Stale) && head.kind == UpdateKind::Delta;
        if !usual || !lives {
            self.look(head, keeper);
        }
        if let Some(hashes) = &mut self.hashes
            && let Some(watched) = self.books.get_mut(head.instrument.0 as usize)
            && head.ts_recv >= watched.hash_from
            && head.kind != UpdateKind::Break
        {
            watched.hash_from = hashes.take_down(watched.id, head, keeper);
        }
        #[cfg(feature = "simulation")]
        if let Some(watched) = self.books.get(head.instrument.0 as usize)
            && let Some(witness) = &mut self.witness
        {
            witness(InstrumentId(watched.id), head, keeper, outcome);
        }
        if !self.consumers.is_empty()
            && let Some(watched) = self.books.get(head.instrument.0 as usize)
        {
            let instrument = InstrumentId(watched.id);
            self.send(EventKind::Book, || Event::Book {
                instrument,
                touch: touchline_book::Touch::of(keeper),
            });
        }
    }

    #[inline]
    fn paths(&mut self, head: &Head, paths: &Paths) {
        for path in 0..paths.count() {
            if paths.wants_snapshot(path) {
                self.ask(head.instrument, path);
            }
        }
    }

    /// Asks for deeper levels where too few are known.
    #[cold]
    fn refresh(&mut self, head: &Head, keeper: &Keeper) -> bool {
        let Some(watched) = self.books.get_mut(head.instrument.0 as usize) else { return false };
        let rested = head.ts_recv.0.saturating_sub(watched.refreshed.0) >= REFRESH_EVERY_NS;
        if !rested || !keeper.is_shallow(watched.wanted) {
            return false;
        }
        watched.refreshed = head.ts_recv;
        let Some((_, needs)) = self.readers.get_mut(watched.reader) else { return false };
        needs.push((watched.key(head.flags.path()), true));
        self.asks = true;
        true
    }

    #[inline]
    fn bbo(&mut self, head: &Head, bbo: &BboView) {
        if !self.consumers.is_empty()
            && let Some(watched) = self.books.get(head.instrument.0 as usize)
        {
            let instrument = InstrumentId(watched.id);
            self.send(EventKind::Bbo, || Event::Bbo { instrument, bbo: *bbo });
        }
    }

    #[inline]
    fn trade(&mut self, head: &Head, trade: &TradeView) {
        if !self.consumers.is_empty()
            && let Some(watched) = self.books.get(head.instrument.0 as usize)
        {
            let instrument = InstrumentId(watched.id);
            self.send(EventKind::Trade, || Event::Trade { instrument, trade: *trade });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Observer;
    use touchline_book::{KeeperConfig, PathsConfig};
    use touchline_market::{Continuity, Flags, Reason, Sequence};
    use touchline_venue::find;

    fn facts(continuity: Continuity) -> VenueFacts {
        let mut facts = *find("binance").unwrap();
        facts.continuity = continuity;
        facts
    }

    fn head(kind: UpdateKind, sequence: u64, flags: Flags) -> Head {
        let mut head = Head::new(kind, InstrumentId(0));
        (head.sequence, head.flags) = (Sequence(sequence), flags);
        head
    }

    fn watch(venue: &VenueFacts, paths: u8) -> Watch {
        let mut watch = Watch::new(vec![Mailbox::default()]);
        watch.add(0, Watched::new(5, 0, venue, 1_000, paths));
        watch
    }

    /// What was asked of the reader since the last time.
    fn asked(watch: &mut Watch) -> Vec<(u32, bool)> {
        std::mem::take(&mut watch.readers[0].1)
    }

    /// A venue without numbers: the first update after the snapshot leaves the book in doubt, which changes no state and is
    /// an update that took effect; another snapshot is asked for, once, until one came.
    #[test]
    fn book_in_doubt_asks_for_another_snapshot() {
        let venue = facts(Continuity::Unchecked);
        let mut watch = watch(&venue, 1);
        let config = KeeperConfig { continuity: venue.continuity, ..KeeperConfig::default() };
        let mut keeper = Keeper::new(&config);
        let mut take = |watch: &mut Watch, head: Head| {
            let outcome = keeper.handle(&head, std::iter::empty());
            watch.book(&head, &keeper, outcome);
            keeper.state()
        };
        take(&mut watch, head(UpdateKind::Snapshot, 50, Flags::BESIDE_STREAM));
        assert_eq!(asked(&mut watch), [], "it may be whole");
        take(&mut watch, head(UpdateKind::Delta, 60, Flags::default()));
        take(&mut watch, head(UpdateKind::Delta, 70, Flags::default()));
        assert_eq!(asked(&mut watch), [(5, false)]);
        take(&mut watch, head(UpdateKind::Snapshot, 55, Flags::BESIDE_STREAM));
        assert_eq!(asked(&mut watch), [(5, false)], "too old");
        take(&mut watch, head(UpdateKind::Snapshot, 65, Flags::BESIDE_STREAM));
        let state = take(&mut watch, head(UpdateKind::Delta, 80, Flags::default()));
        assert_eq!((asked(&mut watch), state), (vec![], State::Live));
    }

    /// A snapshot of the stream is an answer, also where nobody but the stream's beginning had asked for it: when the book
    /// is bad after it, the next one is asked for.
    #[test]
    fn snapshot_of_the_stream_is_an_answer() {
        let venue = facts(Continuity::Unchecked);
        let mut watch = watch(&venue, 1);
        let config = KeeperConfig { continuity: venue.continuity, ..KeeperConfig::default() };
        let mut keeper = Keeper::new(&config);
        let mut take = |watch: &mut Watch, head: Head| {
            let outcome = keeper.handle(&head, std::iter::empty());
            watch.book(&head, &keeper, outcome);
        };
        let broken = Head::broken(InstrumentId(0), None, Reason::Gap);
        take(&mut watch, broken);
        assert_eq!(asked(&mut watch), [], "the first one comes by itself");
        for _ in 0..3 {
            take(&mut watch, head(UpdateKind::Snapshot, 50, Flags::default()));
            take(&mut watch, broken);
            take(&mut watch, broken);
            assert_eq!(asked(&mut watch), [(5, false)]);
        }
    }

    /// Of several paths each asks for itself where it has a book of its own, by a key of its own; where they have one book
    /// together it asks once.
    #[test]
    fn paths_ask_for_their_books() {
        let each = vec![(10, false), (11, false)];
        for (family, expected) in [(Continuity::Unchecked, each), (Continuity::Range, vec![(10, false)])] {
            let venue = facts(family);
            let mut watch = watch(&venue, 2);
            let keeper = KeeperConfig { continuity: family, ..KeeperConfig::default() };
            let mut paths = Paths::new(&PathsConfig { keeper, paths: 2, ..PathsConfig::default() });
            let mut take = |watch: &mut Watch, head: Head| {
                let outcome = paths.handle(&head, std::iter::empty());
                watch.book(&head, paths.keeper(), outcome);
                watch.paths(&head, &paths);
            };
            for path in 0..2 {
                take(&mut watch, head(UpdateKind::Snapshot, 50, Flags::default().on_path(path)));
                let mut delta = head(UpdateKind::Delta, 51, Flags::default().on_path(path));
                delta.previous = Sequence(50);
                take(&mut watch, delta);
            }
            assert_eq!(asked(&mut watch), [], "{family:?}");
            for path in 0..2 {
                let mut broken = Head::broken(InstrumentId(0), None, Reason::Disconnected);
                broken.flags = broken.flags.on_path(path);
                take(&mut watch, broken);
            }
            assert_eq!(asked(&mut watch), expected, "{family:?}");
        }
    }
}
