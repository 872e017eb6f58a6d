//! From a configuration to running threads.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use touchline_capture::recorder::Tap;
use touchline_link::{ReaderOptions, Rest, Transport, Wait};

use super::books::Books;
use super::control::Subscribe;
use super::directory::Directory;
use super::engine::{Engine, Setup};
use super::feed::{BookThread, Desks, Feed, Group, Threads};
use super::journal::{self, Taped};
use super::outlet::{Outlet, Sleeper};
use super::settings;
use super::watch::{Mailbox, Watch};
use crate::Error;
use crate::config::{Config, Waiting};
use crate::events::Sender;
use crate::flight::IncidentLog;
use crate::pipeline::{Placement, Shard, pin, spawn};

/// Starts a feed that these hear from its beginning.
pub(super) fn start(config: Config, consumers: &[Sender]) -> Result<Feed, Error> {
    let transport = settings::transport(&config);
    let rest = Rest::start(&transport).map_err(|source| Error::Thread { stage: "rest", source })?;
    let mut directory = Directory::default();
    let mailboxes: Vec<Mailbox> = (0..config.reader_count()).map(|_| Arc::new(OnceLock::new())).collect();
    let log = config.incidents.as_deref().map(IncidentLog::start).transpose()?;
    let watch = || Watch::new(mailboxes.clone()).with_log(log.as_ref().map(IncidentLog::sender));
    let mut desks = Desks::new(&config);
    // A subscription's control goes to the engine before its thread runs, the others by its mailbox.
    let mut first: Vec<Vec<Subscribe>> = (0..config.reader_count()).map(|_| Vec::new()).collect();
    let groups = desks.groups();
    let mut shards: Vec<_> = (0..groups).map(|_| Shard::empty(watch(), config.measured)).collect();
    for shard in &mut shards {
        consumers.iter().for_each(|consumer| shard.observer().add_consumer(consumer.clone()));
    }
    for subscription in &config.subscriptions {
        let found =
            desks.seat(&subscription.instrument, &subscription.channels, &config, &mut directory, &rest)?;
        if let Some((group, book)) = found.books
            && let Some(shard) = shards.get_mut(group)
        {
            super::books::obey(shard, book);
        }
        if let Some(first) = first.get_mut(found.reader) {
            first.push(found.subscribe);
        }
    }
    let seeds: Vec<u64> = first.iter().map(|_| seed()).collect();
    let recording = match &config.journal {
        Some(journal) => Some(journal::start(journal, &config, &seeds, &first, &mut shards)?),
        None => None,
    };
    let (recorder, taps) = recording.unzip();
    let (rest_of, taps) = (&rest, taps.unwrap_or_default().into_iter());
    let mut start =
        Starting { config: &config, transport, rest: rest_of, mailboxes: &mailboxes, consumers, seeds, taps };
    let mut threads = match config.placement {
        Placement::BookThread => start.with_book_threads(shards, first)?,
        Placement::Reader => start.without_book_threads(shards, first)?,
    };
    threads.log = log;
    threads.recorder = recorder;
    let notes = directory.take_notes();
    Ok(Feed::new(config, rest, desks, directory, threads, notes, Instant::now()))
}

struct Starting<'a> {
    config: &'a Config,
    transport: Transport,
    rest: &'a Rest,
    mailboxes: &'a [Mailbox],
    /// Who hears of connections.
    consumers: &'a [Sender],
    /// What each reader's retries are spread by.
    seeds: Vec<u64>,
    /// Each reader's way into the journal, if there is one.
    taps: std::vec::IntoIter<Tap>,
}

impl Starting<'_> {
    fn with_book_threads(
        &mut self,
        shards: Vec<Shard<Watch>>,
        first: Vec<Vec<Subscribe>>,
    ) -> Result<Threads, Error> {
        let mut threads = Threads::default();
        let mut outlets: Vec<Vec<Outlet>> = (0..self.config.reader_count()).map(|_| Vec::new()).collect();
        for (index, shard) in shards.into_iter().enumerate() {
            let spin = self.config.wait == Waiting::Spin;
            let (senders, books) =
                Books::behind_rings(shard, self.config.reader_count(), self.config.ring_records, spin);
            let (mail, asleep) = (Arc::clone(&books.mail), Arc::clone(&books.asleep));
            let core = self.config.book_cores.get(index).copied();
            let thread = spawn("book", move || {
                let note = pin(core);
                (books.run(), note)
            })?;
            let sleeper = Sleeper::new(thread.thread().clone(), asleep);
            for (outlets, sender) in outlets.iter_mut().zip(senders) {
                outlets.push(Outlet::over(sender, sleeper.clone()));
            }
            threads.groups.push(Group::Thread { mail, sleeper });
            threads.books.push(BookThread { thread });
        }
        for (index, (outlets, first)) in outlets.into_iter().zip(first).enumerate() {
            self.reader(index, outlets, first, &mut threads)?;
        }
        Ok(threads)
    }

    fn without_book_threads(
        &mut self,
        shards: Vec<Shard<Watch>>,
        first: Vec<Vec<Subscribe>>,
    ) -> Result<Threads, Error> {
        let mut threads = Threads::default();
        for (index, (shard, first)) in shards.into_iter().zip(first).enumerate() {
            threads.groups.push(Group::Reader(index));
            self.reader(index, vec![Outlet::to(shard)], first, &mut threads)?;
        }
        Ok(threads)
    }

    fn reader(
        &mut self,
        index: usize,
        outlets: Vec<Outlet>,
        first: Vec<Subscribe>,
        threads: &mut Threads,
    ) -> Result<(), Error> {
        let setup = Setup {
            rules: settings::rules(self.config),
            snapshot_levels: self.config.snapshot_levels,
            paths: self.config.paths,
            gate: Arc::clone(&threads.gate),
            outlets,
            measured: self.config.measured,
            seed: self.seeds.get(index).copied().unwrap_or_default(),
        };
        let options = ReaderOptions {
            name: format!("touchline-reader-{index}"),
            core: self.config.reader_cores.get(index).copied(),
            wait: match self.config.wait {
                Waiting::Block => Wait::Block,
                Waiting::Spin => Wait::Spin,
            },
            transport: self.transport.clone(),
        };
        let mut engine = Engine::new(setup, first);
        engine.consumers.extend_from_slice(self.consumers);
        let taped = Taped::new(engine, index, self.taps.next());
        let reader = touchline_link::spawn(options, self.rest.clone(), taped)
            .map_err(|source| Error::Thread { stage: "reader", source })?;
        if let Some(mailbox) = self.mailboxes.get(index) {
            let _ = mailbox.set(reader.handle());
        }
        threads.readers.push(reader);
        Ok(())
    }
}

/// A seed that differs from run to run: it only spreads retries.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
