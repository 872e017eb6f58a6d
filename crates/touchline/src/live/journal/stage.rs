//! The stage on which a journal is played: engines and books without threads, and what they are compared with.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;
use touchline_book::Start;
use touchline_capture::journal::{Entry, EntryKind, Gap};
use touchline_feed::{Gate, Moment};
use touchline_link::{Answer, Command, Driver, SocketEvent, SocketId, Stamp};
use touchline_market::{Channel, Nanos};

use super::hashes::{BookHash, HashSink, Hashes};
use super::rerun::{Mismatch, RerunReport};
use super::taped::written;
use super::words::{ControlWord, SetupWord, SubscribeWord};
use crate::IntakeCounters;
use crate::live::books::{Books, obey};
use crate::live::control::{BookControl, Control};
use crate::live::engine::{Engine, Setup};
use crate::live::outlet::{Outlet, Sleeper};
use crate::live::report::FeedReport;
use crate::live::watch::{Mailbox, Watch, Watched};
use crate::pipeline::{Desk, Shard};
use crate::view::View;

/// Which book, and when: instrument, boundary, path.
type Boundary = (u64, u64, u8);

/// What is wanted of an instrument, and where its book is.
#[derive(Clone, Default)]
struct Wanted {
    channels: Vec<Channel>,
    place: usize,
    outlet: usize,
}

/// Engines and books.
pub(super) struct Stage {
    setup: SetupWord,
    engines: Vec<Engine>,
    books: Vec<Books>,
    gone: Vec<Vec<bool>>,
    pub(super) views: Vec<View>,
    /// What is subscribed to, by the instrument's number.
    wanted: Vec<Wanted>,
    /// What each reader wanted done and is to be found in the journal next.
    expected: Vec<VecDeque<(EntryKind, u64, String)>>,
    /// Hashes that were seen on one side only so far: the journal's, and ours.
    theirs: FxHashMap<Boundary, (u64, String)>,
    ours: FxHashMap<Boundary, String>,
    commands: Vec<Command>,
    pub(super) report: RerunReport,
}

impl Stage {
    /// A stage on which nothing has happened. `None` if the setup names a venue that is not known here.
    pub(super) fn new(setup: SetupWord) -> Option<Self> {
        let expected = setup.readers.iter().map(|_| VecDeque::new()).collect();
        let mut stage = Self {
            setup,
            engines: Vec::new(),
            books: Vec::new(),
            gone: Vec::new(),
            views: Vec::new(),
            wanted: Vec::new(),
            expected,
            theirs: FxHashMap::default(),
            ours: FxHashMap::default(),
            commands: Vec::new(),
            report: RerunReport { entries: 1, ..RerunReport::default() },
        };
        stage.set_up()?;
        Some(stage)
    }

    /// Ends the run: what stands only on one side is a mismatch.
    pub(super) fn finish(mut self) -> RerunReport {
        self.build(Nanos::NONE);
        for ((id, boundary, _), (entry, text)) in std::mem::take(&mut self.theirs) {
            self.mismatch(entry, format!("book {id} at {boundary}: {text}"), "nothing".to_owned());
        }
        let last = self.report.entries;
        for ((id, boundary, _), text) in std::mem::take(&mut self.ours) {
            self.mismatch(last, "nothing".to_owned(), format!("book {id} at {boundary}: {text}"));
        }
        let mut shards = Vec::new();
        let mut intake = IntakeCounters::default();
        for engine in std::mem::take(&mut self.engines) {
            intake.merge(&engine.counters());
            for outlet in engine.take_apart().1 {
                if let Outlet::Direct(direct) = outlet {
                    shards.push(direct.shard);
                }
            }
        }
        shards.extend(std::mem::take(&mut self.books).into_iter().map(|books| books.shard));
        self.report.feed = FeedReport::of_shards(intake, &shards);
        self.report
    }

    /// Makes readers and books, and gives every instrument its place.
    fn set_up(&mut self) -> Option<()> {
        let words = std::mem::take(&mut self.setup.readers);
        let mailboxes: Vec<Mailbox> = words.iter().map(|_| Mailbox::default()).collect();
        let shard = |_| {
            let mut watch = Watch::new(mailboxes.clone());
            watch.set_hashes(Hashes::new(self.setup.hash_every_ns, HashSink::Kept(Vec::new())));
            Shard::empty(watch, false)
        };
        let mut shards: Vec<_> = (0..self.setup.groups).map(shard).collect();
        let mut first: Vec<Vec<_>> = words.iter().map(|_| Vec::new()).collect();
        for (reader, (word, first)) in words.iter().zip(&mut first).enumerate() {
            for word in &word.first {
                first.push(word.subscribe()?);
                if let Some(control) = self.place(reader, word)? {
                    let group = if self.setup.direct { reader } else { word.outlet };
                    obey(shards.get_mut(group)?, control);
                }
            }
        }
        let gate = Arc::new(Mutex::new(Gate::new()));
        let outlets = self.outlets(shards, words.len());
        for ((word, outlets), first) in words.iter().zip(outlets).zip(first) {
            let setup = Setup {
                rules: self.setup.rules.clone(),
                snapshot_levels: self.setup.snapshot_levels,
                paths: self.setup.paths,
                gate: Arc::clone(&gate),
                outlets,
                measured: false,
                seed: word.seed,
            };
            self.engines.push(Engine::new(setup, first));
        }
        Some(())
    }

    /// The way from each reader to each group of books.
    fn outlets(&mut self, shards: Vec<Shard<Watch>>, readers: usize) -> Vec<Vec<Outlet>> {
        if self.setup.direct {
            return shards.into_iter().map(|shard| vec![Outlet::to(shard)]).collect();
        }
        let mut outlets: Vec<Vec<Outlet>> = (0..readers).map(|_| Vec::new()).collect();
        for shard in shards {
            let (senders, books) = Books::behind_rings(shard, readers, self.setup.ring_records, true);
            let sleeper = Sleeper::new(std::thread::current(), Arc::clone(&books.asleep));
            for (outlets, sender) in outlets.iter_mut().zip(senders) {
                outlets.push(Outlet::over(sender, sleeper.clone()));
            }
            self.books.push(books);
            self.gone.push(vec![false; readers]);
        }
        outlets
    }

    /// What a subscription means to its group of books, as the front door saw it.
    fn place(&mut self, reader: usize, word: &SubscribeWord) -> Option<Option<BookControl>> {
        let venue = touchline_venue::find(word.venue.as_str())?;
        let id = word.id as usize;
        if self.wanted.len() <= id {
            self.wanted.resize(id + 1, Wanted::default());
        }
        let wanted = self.wanted.get_mut(id)?;
        let place = word.desk as usize;
        (wanted.place, wanted.outlet) = (place, word.outlet);
        let wanted = &mut wanted.channels;
        let control = if wanted.is_empty() {
            let instrument = Arc::new(word.instrument.clone());
            let paths = self.setup.paths;
            let (desk, view) = Desk::of_paths(venue, instrument, Start::Snapshot, paths);
            match self.views.get_mut(id) {
                Some(known) => *known = view,
                None => self.views.push(view),
            }
            let watched = Watched::new(word.id, reader, venue, self.setup.snapshot_levels, paths);
            Some(BookControl::Add(place, Box::new((desk, watched))))
        } else {
            let again = word.channels.contains(&Channel::Book) && !wanted.contains(&Channel::Book);
            again.then_some(BookControl::Revive(place))
        };
        for &channel in &word.channels {
            if !wanted.contains(&channel) {
                wanted.push(channel);
            }
        }
        Some(control)
    }

    /// Gives the book of a later subscription its place.
    fn open_book(&mut self, reader: usize, word: &SubscribeWord) -> Option<()> {
        if let Some(control) = self.place(reader, word)? {
            obey(self.shard(reader, word.outlet)?, control);
        }
        Some(())
    }

    /// The books behind an outlet of a reader.
    fn shard(&mut self, reader: usize, outlet: usize) -> Option<&mut Shard<Watch>> {
        if !self.setup.direct {
            return self.books.get_mut(outlet).map(|books| &mut books.shard);
        }
        match self.engines.get_mut(reader)?.setup.outlets.get_mut(outlet)? {
            Outlet::Direct(direct) => Some(&mut direct.shard),
            Outlet::Lane { .. } => None,
        }
    }

    /// Does one entry.
    pub(super) fn take(&mut self, entry: &Entry<'_>) {
        let number = self.report.entries;
        let reader = usize::from(entry.reader);
        let Entry { recv, kernel, payload, .. } = *entry;
        let stamp = Stamp { now: Moment(entry.now), recv, kernel, ..Stamp::default() };
        let socket = SocketId(entry.source);
        self.report.entries += 1;
        self.report.frames += u64::from(entry.kind.is_frame());
        match entry.kind {
            EntryKind::Text => self.tell(reader, socket, SocketEvent::Frame(payload), stamp),
            EntryKind::Binary => {
                self.tell(reader, socket, SocketEvent::Binary { packed: payload, frame: payload }, stamp);
            }
            EntryKind::Unreadable => self.tell(reader, socket, SocketEvent::BrokenFrame(payload), stamp),
            EntryKind::Opened => self.tell(reader, socket, SocketEvent::Opened, stamp),
            EntryKind::Ping => self.tell(reader, socket, SocketEvent::Pinged, stamp),
            EntryKind::Pong => self.tell(reader, socket, SocketEvent::Alive, stamp),
            EntryKind::Refused => {
                if let Ok(refusal) = serde_json::from_slice(payload) {
                    self.tell(reader, socket, SocketEvent::Refused(refusal), stamp);
                }
            }
            EntryKind::Ended => {
                if let Ok(ending) = serde_json::from_slice(payload) {
                    self.tell(reader, socket, SocketEvent::Ended(ending), stamp);
                }
            }
            EntryKind::Rest | EntryKind::RestFailed => self.answer(reader, entry, stamp),
            EntryKind::Control => self.control(reader, payload, stamp),
            EntryKind::Turn => self.turn(number, reader, stamp),
            EntryKind::Connecting
            | EntryKind::Sent
            | EntryKind::Closed
            | EntryKind::Asked
            | EntryKind::Pinged => self.compare(number, reader, entry),
            EntryKind::Hash => self.compare_hash(number, entry),
            EntryKind::Gap => self.report.gaps.extend(Gap::from_payload(payload)),
            EntryKind::Headers | EntryKind::Note | EntryKind::Setup => return,
        }
        self.build(recv);
    }

    #[inline]
    fn tell(&mut self, reader: usize, socket: SocketId, event: SocketEvent<'_>, stamp: Stamp) {
        if let Some(engine) = self.engines.get_mut(reader) {
            engine.socket(socket, event, stamp);
        }
    }

    fn answer(&mut self, reader: usize, entry: &Entry<'_>, stamp: Stamp) {
        let Some(engine) = self.engines.get_mut(reader) else { return };
        let mut parts = entry.payload.splitn(2, |byte| *byte == b' ');
        let url = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        let rest = parts.next().unwrap_or_default();
        let body = match entry.kind {
            EntryKind::Rest => Ok(rest.to_vec()),
            _ => match serde_json::from_slice(rest) {
                Ok(refusal) => Err(refusal),
                Err(_) => return,
            },
        };
        engine.answer(Answer { id: entry.source, url, body }, stamp);
    }

    fn control(&mut self, reader: usize, payload: &[u8], stamp: Stamp) {
        let control = match serde_json::from_slice(payload) {
            Ok(ControlWord::Subscribe(word)) => {
                let opened = self.open_book(reader, &word);
                opened.and(word.subscribe()).map(Control::Subscribe)
            }
            Ok(ControlWord::Unsubscribe { id, channels }) => {
                return self.unsubscribe(reader, id, channels, stamp);
            }
            Ok(ControlWord::Snapshots(needs)) => Some(Control::Snapshots(needs)),
            Ok(ControlWord::Stop) => Some(Control::Stop),
            Err(_) => None,
        };
        if let (Some(control), Some(engine)) = (control, self.engines.get_mut(reader)) {
            engine.control(control, stamp);
        }
    }

    /// The reader is told first, then whoever builds the book.
    fn unsubscribe(&mut self, reader: usize, id: u32, channels: Vec<Channel>, stamp: Stamp) {
        let Some(wanted) = self.wanted.get_mut(id as usize) else { return };
        wanted.channels.retain(|channel| !channels.contains(channel));
        let Wanted { place, outlet, .. } = *wanted;
        let ended = match channels.first() {
            _ if wanted.channels.is_empty() => Some(BookControl::End(place, None)),
            Some(&channel) => Some(BookControl::End(place, Some(channel))),
            None => None,
        };
        if let Some(engine) = self.engines.get_mut(reader) {
            engine.control(Control::Unsubscribe { id, channels }, stamp);
        }
        if let (Some(ended), Some(shard)) = (ended, self.shard(reader, outlet)) {
            obey(shard, ended);
        }
    }

    fn turn(&mut self, number: u64, reader: usize, stamp: Stamp) {
        // What the turn before wanted done stands between the two.
        if let Some((kind, source, text)) = self.expected.get_mut(reader).and_then(VecDeque::pop_front) {
            self.expected.get_mut(reader).into_iter().for_each(VecDeque::clear);
            self.mismatch(number, "nothing".to_owned(), format!("{kind:?} {source} {text}"));
        }
        let Some(engine) = self.engines.get_mut(reader) else { return };
        engine.turn(stamp.now, &mut self.commands);
        if let Some(expected) = self.expected.get_mut(reader) {
            expected.extend(self.commands.drain(..).map(|command| written(engine, &command)));
        }
    }

    /// The journal says that something was done.
    fn compare(&mut self, number: u64, reader: usize, entry: &Entry<'_>) {
        let recorded = (entry.kind, entry.source, String::from_utf8_lossy(entry.payload).into_owned());
        let now = self.expected.get_mut(reader).and_then(VecDeque::pop_front);
        if now.as_ref() == Some(&recorded) {
            self.report.commands += 1;
            return;
        }
        let text = |(kind, source, text): &(EntryKind, u64, String)| format!("{kind:?} {source} {text}");
        let now = now.as_ref().map_or_else(|| "nothing".to_owned(), text);
        self.mismatch(number, text(&recorded), now);
    }

    /// The journal says what a book was.
    fn compare_hash(&mut self, number: u64, entry: &Entry<'_>) {
        let text = String::from_utf8_lossy(entry.payload).into_owned();
        let mut words = text.splitn(3, ' ');
        let (boundary, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let key = (entry.source, boundary.parse().unwrap_or_default(), path.parse().unwrap_or_default());
        match self.ours.remove(&key) {
            Some(ours) => self.judge(number, key, text, ours),
            None => _ = self.theirs.insert(key, (number, text)),
        }
    }

    fn judge(&mut self, number: u64, (id, ..): Boundary, theirs: String, ours: String) {
        if theirs == ours {
            self.report.hashes += 1;
        } else {
            self.mismatch(number, format!("book {id}: {theirs}"), ours);
        }
    }

    fn mismatch(&mut self, entry: u64, recorded: String, now: String) {
        self.report.mismatches += 1;
        if self.report.first.as_ref().is_none_or(|first| entry < first.entry) {
            self.report.first = Some(Mismatch { entry, recorded, now });
        }
    }

    /// The books take what stands in their rings. What they want asked stands in the journal.
    fn build(&mut self, recv: Nanos) {
        for index in 0..self.engines.len() {
            let kept = match self.engines.get_mut(index).and_then(|engine| engine.setup.outlets.first_mut()) {
                Some(Outlet::Direct(direct)) => kept(&mut direct.shard),
                _ => continue,
            };
            self.compare_kept(kept);
        }
        for index in 0..self.books.len() {
            let (Some(books), Some(gone)) = (self.books.get_mut(index), self.gone.get_mut(index)) else {
                continue;
            };
            for reader in 0..self.engines.len() {
                while books.take(reader, gone) {}
            }
            books.shard.give_up_held(recv);
            let kept = kept(&mut books.shard);
            self.compare_kept(kept);
        }
    }

    fn compare_kept(&mut self, kept: Vec<BookHash>) {
        for hash in kept {
            let key = (u64::from(hash.id), hash.boundary.0, hash.path);
            match self.theirs.remove(&key) {
                Some((number, theirs)) => self.judge(number, key, theirs, hash.to_string()),
                None => _ = self.ours.insert(key, hash.to_string()),
            }
        }
    }
}

/// The hashes of these books since the last time. What the books want asked stands in the journal.
fn kept(shard: &mut Shard<Watch>) -> Vec<BookHash> {
    shard.observer().forget_needs();
    shard.observer().take_hashes()
}
