//! The front door of a live feed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_queue::ArrayQueue;
use touchline_book::Start;
use touchline_capture::recorder::{Recorder, RecorderStatus};
use touchline_capture::redact::Redactor;
use touchline_feed::Gate;
use touchline_link::{Reader, Rest};
use touchline_market::{Address, Channel, Instrument, InstrumentId};
use touchline_venue::VenueFacts;

use super::builder::Builder;
use super::control::{BookControl, Control, Subscribe};
use super::directory::{Directory, roots};
use super::journal::Taped;
use super::outlet::{Outlet, Sleeper};
use super::report::{ConnectionReport, FeedReport, SubscriptionReport};
use super::reporter::{Reporter, Shared, Ways, ask};
use super::watch::{Watch, Watched};
use crate::Error;
use crate::config::Config;
use crate::events::{self, Events, EventsConfig};
use crate::flight::{Incident, IncidentLog};
use crate::pipeline::{Desk, Placement, Shard};
use crate::replay::is_at;
use crate::view::View;

/// A running feed: connections, book threads, and the handles to what they publish.
///
/// ```no_run
/// let feed = touchline::Feed::builder().book("binance:BTC-USDT").trades("binance:BTC-USDT").start()?;
/// let btc = feed.view("binance:BTC-USDT")?; // Clone, Send, Sync
/// if let Some((bid, ask)) = btc.read().touch() {
///     println!("{} / {}", bid.price.at(btc.read().price_scale), ask.price.at(btc.read().price_scale));
/// }
/// feed.stop()?;
/// # Ok::<(), touchline::Error>(())
/// ```
///
/// Dropping it stops it, within two seconds. After that every view says that its writer is gone.
pub struct Feed {
    config: Config,
    shared: Arc<Shared>,
    reporter: Reporter,
    threads: Option<Threads>,
}

/// What changes by subscribing.
pub(super) struct State {
    desks: Desks,
    directory: Directory,
    notes: Vec<String>,
    /// Takes the secrets out of what is reported; there is one, because the configuration was checked.
    redactor: Option<Redactor>,
}

/// A feed's threads.
#[derive(Default)]
pub(super) struct Threads {
    pub(super) readers: Vec<Reader<Taped>>,
    pub(super) books: Vec<BookThread>,
    pub(super) groups: Vec<Group>,
    /// What all readers keep to, host by host.
    pub(super) gate: Arc<Mutex<Gate>>,
    /// Writes incidents, where that is wanted.
    pub(super) log: Option<IncidentLog>,
    /// Writes the journal, where that is wanted.
    pub(super) recorder: Option<Recorder>,
}

/// A book thread.
pub(super) struct BookThread {
    pub(super) thread: JoinHandle<(Shard<Watch>, Option<String>)>,
}

/// How a group of books is told something.
#[derive(Clone)]
pub(super) enum Group {
    /// It has a thread of its own.
    Thread { mail: Arc<ArrayQueue<BookControl>>, sleeper: Sleeper },
    /// It lives on this reader's thread.
    Reader(usize),
}

/// Which instrument sits where.
#[derive(Debug)]
pub(super) struct Desks {
    entries: Vec<Entry>,
    /// Books of each group.
    counts: Vec<u32>,
    readers: usize,
    max: usize,
    depth: u32,
    paths: u8,
}

#[derive(Debug)]
struct Entry {
    instrument: Arc<Instrument>,
    view: View,
    channels: Vec<Channel>,
    reader: usize,
    group: usize,
    desk: InstrumentId,
}

/// What follows from a subscription.
pub(super) struct Found {
    pub(super) reader: usize,
    pub(super) subscribe: Subscribe,
    /// What its group of books has to do.
    pub(super) books: Option<(usize, BookControl)>,
}

impl Desks {
    pub(super) fn new(config: &Config) -> Self {
        let groups = match config.placement {
            Placement::BookThread => config.book_thread_count(),
            Placement::Reader => config.reader_count(),
        };
        let max = config.instruments_max;
        let (readers, depth, paths) = (config.reader_count(), config.snapshot_levels, config.paths);
        Self { entries: Vec::new(), counts: vec![0; groups], readers, max, depth, paths }
    }

    pub(super) fn groups(&self) -> usize {
        self.counts.len()
    }

    /// Finds the instrument of an address, and gives it a place if it has none.
    pub(super) fn seat(
        &mut self,
        address: &Address,
        channels: &[Channel],
        config: &Config,
        directory: &mut Directory,
        rest: &Rest,
    ) -> Result<Found, Error> {
        let name = address.venue.to_string();
        let venue = touchline_venue::find(&name).ok_or(Error::UnknownVenue { name })?;
        if let Some(channel) = channels.iter().find(|channel| !venue.channels.contains(channel)) {
            return Err(Error::NoChannel { venue: venue.name, channel: channel.name() });
        }
        let known = self.entries.iter().position(|entry| is_at(&entry.instrument, address));
        let instrument = match known.and_then(|known| self.entries.get(known)) {
            Some(entry) => Arc::clone(&entry.instrument),
            None => directory.find(address, venue, config, rest)?,
        };
        // Its other name may have been known already.
        let known = known.or_else(|| {
            let same = |entry: &Entry| {
                entry.instrument.venue == instrument.venue && entry.instrument.symbol == instrument.symbol
            };
            self.entries.iter().position(same)
        });
        let id = match known {
            Some(known) => known,
            None if self.entries.len() >= self.max => return Err(Error::Full { max: self.max }),
            None => self.entries.len(),
        };
        let gone = self.entries.get(id).is_some_and(|entry| entry.channels.is_empty());
        let mut books = (known.is_none() || gone).then(|| self.open_desk(id, &instrument, venue));
        let entry = self.entries.get_mut(id).ok_or(Error::Full { max: self.max })?;
        if books.is_none() && channels.contains(&Channel::Book) && !entry.channels.contains(&Channel::Book) {
            books = Some((entry.group, BookControl::Revive(entry.desk.0 as usize)));
        }
        for &channel in channels {
            if !entry.channels.contains(&channel) {
                entry.channels.push(channel);
            }
        }
        let (ws, rest_root) = roots(config, venue);
        let outlet = match config.placement {
            Placement::BookThread => entry.group,
            Placement::Reader => 0,
        };
        let subscribe = Subscribe {
            id: id as u32,
            desk: entry.desk,
            outlet,
            instrument,
            channels: channels.to_vec(),
            venue,
            ws,
            rest: rest_root,
        };
        Ok(Found { reader: entry.reader, subscribe, books })
    }

    /// A new book, in a new place or in that of one that nobody wants any more.
    fn open_desk(
        &mut self,
        id: usize,
        instrument: &Arc<Instrument>,
        venue: &'static VenueFacts,
    ) -> (usize, BookControl) {
        let (desk, view) = Desk::of_paths(venue, Arc::clone(instrument), Start::Snapshot, self.paths);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.view = view;
        } else {
            let fewest = self.counts.iter().enumerate().min_by_key(|(_, count)| **count);
            let group = fewest.map_or(0, |(group, _)| group);
            let reader =
                if self.counts.len() >= self.readers { group % self.readers } else { id % self.readers };
            let place = self.counts.get(group).copied().unwrap_or_default();
            if let Some(count) = self.counts.get_mut(group) {
                *count += 1;
            }
            let desk = InstrumentId(place);
            let instrument = Arc::clone(instrument);
            self.entries.push(Entry { instrument, view, channels: Vec::new(), reader, group, desk });
        }
        let (group, place, reader) = self
            .entries
            .get(id)
            .map_or((0, InstrumentId(0), 0), |entry| (entry.group, entry.desk, entry.reader));
        let watched = Watched::new(id as u32, reader, venue, self.depth, self.paths);
        (group, BookControl::Add(place.0 as usize, Box::new((desk, watched))))
    }

    fn find(&self, address: &Address) -> Option<(usize, &Entry)> {
        let mut open = self.entries.iter().enumerate().filter(|(_, entry)| !entry.channels.is_empty());
        open.find(|(_, entry)| is_at(&entry.instrument, address))
    }
}

impl State {
    /// Says what is subscribed to, and what went otherwise than planned.
    pub(super) fn describe(&self, report: &mut FeedReport) {
        report.notes.clone_from(&self.notes);
        for ConnectionReport { url, .. } in &mut report.connections {
            let shown = self.redactor.as_ref().map(|redactor| redactor.in_address(url).into_owned());
            *url = shown.unwrap_or_default();
        }
        let open = self.desks.entries.iter().filter(|entry| !entry.channels.is_empty());
        let told = open.map(|entry| SubscriptionReport {
            instrument: Arc::clone(&entry.instrument),
            channels: entry.channels.clone(),
        });
        report.subscriptions = told.collect();
    }

    pub(super) fn instrument(&self, id: InstrumentId) -> Option<Arc<Instrument>> {
        self.desks.entries.get(id.0 as usize).map(|entry| Arc::clone(&entry.instrument))
    }
}

impl Feed {
    /// Begins to describe a feed.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn new(
        config: Config,
        rest: Rest,
        desks: Desks,
        directory: Directory,
        threads: Threads,
        notes: Vec<String>,
        began: Instant,
    ) -> Self {
        let state = State { desks, directory, notes, redactor: config.secrets.redactor().ok() };
        let readers = threads.readers.iter().map(Reader::handle).collect();
        let ways = Ways { readers, groups: threads.groups.clone() };
        let monitor = threads.recorder.as_ref().map(Recorder::monitor);
        let shared = Shared::new(rest, ways, state, began, monitor);
        let reporter = Reporter::new(&shared);
        Self { config, shared, reporter, threads: Some(threads) }
    }

    /// The view of an instrument that is subscribed to.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::UnknownInstrument`].
    pub fn view(&self, address: &str) -> Result<View, Error> {
        let asked: Address = address.parse()?;
        let state = self.state();
        match state.desks.find(&asked) {
            Some((_, entry)) => Ok(entry.view.clone()),
            None => {
                let there: Vec<_> = state.desks.entries.iter().map(|entry| &*entry.instrument).collect();
                Err(crate::replay::unknown(address, there.into_iter()))
            }
        }
    }

    /// The views of everything that is subscribed to, by the number that events call an instrument.
    #[must_use]
    pub fn views(&self) -> Vec<(InstrumentId, View)> {
        let state = self.state();
        let open = state.desks.entries.iter().enumerate().filter(|(_, entry)| !entry.channels.is_empty());
        open.map(|(id, entry)| (InstrumentId(id as u32), entry.view.clone())).collect()
    }

    /// Subscribes to a channel of an instrument. Its view is there at once and says INIT.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::UnknownVenue`], [`Error::UnknownInstrument`], [`Error::NoChannel`],
    /// [`Error::Instruments`], [`Error::Full`], [`Error::Stopped`].
    pub fn subscribe(&self, address: &str, channel: Channel) -> Result<View, Error> {
        let asked: Address = address.parse()?;
        let mut state = self.state();
        let State { desks, directory, notes, .. } = &mut *state;
        let found = desks.seat(&asked, &[channel], &self.config, directory, &self.shared.rest)?;
        notes.extend(directory.take_notes());
        if let Some((group, book)) = found.books {
            self.shared.ways.tell_books(group, book)?;
            // Its first update, which may overtake the mail, must find its place.
            ask(|reply| self.shared.ways.tell_books(group, BookControl::Settle(reply)))
                .ok_or(Error::Panicked { stage: "book" })?;
        }
        let (id, reader) = (found.subscribe.id, found.reader);
        self.shared.ways.tell_reader(reader, Control::Subscribe(found.subscribe))?;
        desks.entries.get(id as usize).map(|entry| entry.view.clone()).ok_or(Error::Stopped)
    }

    /// Takes channels of an instrument off; without a channel all of them. With its last channel its views become
    /// DEAD(config).
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::UnknownInstrument`], [`Error::Stopped`].
    pub fn unsubscribe(&self, address: &str, channel: Option<Channel>) -> Result<(), Error> {
        let asked: Address = address.parse()?;
        let mut state = self.state();
        let Some((id, _)) = state.desks.find(&asked) else {
            drop(state);
            return self.view(address).map(|_| ());
        };
        let Some(entry) = state.desks.entries.get_mut(id) else { return Ok(()) };
        let gone: Vec<_> = entry
            .channels
            .iter()
            .copied()
            .filter(|have| channel.is_none_or(|asked| asked == *have))
            .collect();
        entry.channels.retain(|have| !gone.contains(have));
        let (empty, group, desk, reader) = (entry.channels.is_empty(), entry.group, entry.desk, entry.reader);
        drop(state);
        self.shared.ways.tell_reader(reader, Control::Unsubscribe { id: id as u32, channels: gone })?;
        // A view of a channel that is no longer received must not pass for a live one.
        let ended = if empty { None } else { channel };
        self.shared.ways.tell_books(group, BookControl::End(desk.0 as usize, ended))
    }

    /// A consumer of everything that happens from now on; [`Builder::events`] hears the beginning too.
    #[must_use]
    pub fn events(&self) -> Events {
        self.events_with(EventsConfig::default())
    }

    /// A consumer of what `config` says.
    #[must_use]
    pub fn events_with(&self, config: EventsConfig) -> Events {
        let (sender, events) = events::channel(&config);
        let ways = &self.shared.ways;
        for reader in 0..ways.readers.len() {
            let _ = ways.tell_reader(reader, Control::Consumer(sender.clone()));
        }
        for group in 0..ways.groups.len() {
            let _ = ways.tell_books(group, BookControl::Consumer(sender.clone()));
        }
        events
    }

    /// Why the book of an instrument stopped being LIVE: its last eight incidents, the oldest first.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::UnknownInstrument`], [`Error::Stopped`], or [`Error::Panicked`] if its thread does
    /// not answer.
    pub fn incidents(&self, address: &str) -> Result<Vec<Arc<Incident>>, Error> {
        let asked: Address = address.parse()?;
        let found = self.state().desks.find(&asked).map(|(_, entry)| (entry.group, entry.desk.0 as usize));
        let Some((group, desk)) = found else {
            return self.view(address).map(|_| Vec::new());
        };
        ask(|reply| self.shared.ways.tell_books(group, BookControl::Incidents(desk, reply)))
            .ok_or(Error::Panicked { stage: "book" })
    }

    /// Calls `callback` for everything that happens from now on, on a thread of its own that ends with the feed.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub fn on_event(
        &self,
        callback: impl FnMut(events::Event) + Send + 'static,
    ) -> Result<JoinHandle<()>, Error> {
        self.events().for_each(callback)
    }

    /// How the feed stands. The latencies are those since the last call of this.
    ///
    /// # Errors
    /// [`Error::Stopped`], or [`Error::Panicked`] if a thread does not answer.
    pub fn report(&self) -> Result<FeedReport, Error> {
        self.reporter.report()
    }

    /// Whoever wants to ask from another thread how the feed stands.
    #[must_use]
    pub fn reporter(&self) -> Reporter {
        Reporter::new(&self.shared)
    }

    /// How the journal stands; `None` where there is none.
    #[must_use]
    pub fn recorder(&self) -> Option<RecorderStatus> {
        self.shared.recorder()
    }

    /// Closes every connection in order and ends the threads, within two seconds.
    ///
    /// # Errors
    /// [`Error::Panicked`] if a thread had panicked.
    pub fn stop(mut self) -> Result<FeedReport, Error> {
        let threads = self.threads.take().ok_or(Error::Stopped)?;
        let mut report = threads.stop()?;
        report.wall = self.shared.began.elapsed();
        report.notes.append(&mut self.state().notes);
        Ok(report)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            let _ = threads.stop();
        }
    }
}

impl Threads {
    fn stop(self) -> Result<FeedReport, Error> {
        for reader in &self.readers {
            let _ = reader.handle().send(Control::Stop);
        }
        let mut report = FeedReport::default();
        let mut panicked = None;
        for reader in self.readers {
            let Ok((Taped { engine, .. }, notes)) = reader.join() else {
                panicked = Some("reader");
                continue;
            };
            report.notes.extend(notes);
            report.intake.merge(&engine.counters());
            report.add_paths(engine.paths());
            let (latencies, outlets) = engine.take_apart();
            report.add_latencies(latencies);
            for outlet in outlets {
                if let Outlet::Direct(direct) = outlet {
                    add_shard(&mut report, direct.shard);
                }
            }
        }
        for BookThread { thread } in self.books {
            match thread.join() {
                Ok((shard, note)) => {
                    report.notes.extend(note);
                    add_shard(&mut report, shard);
                }
                Err(_) => panicked = Some("book"),
            }
        }
        // The books are gone, and with them everything that hands incidents and entries over.
        report.notes.extend(self.log.and_then(IncidentLog::stop));
        report.recorder = self.recorder.map(Recorder::stop);
        panicked.map_or(Ok(report), |stage| Err(Error::Panicked { stage }))
    }
}

fn add_shard(report: &mut FeedReport, mut shard: Shard<Watch>) {
    shard.end(|_| true, None, touchline_market::Reason::WriterDead);
    report.books.extend(shard.report());
    report.strays += shard.strays;
    report.retired += shard.retired();
    report.add_latencies(shard.finish().0);
}
