//! What a live feed says of itself.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use touchline_capture::recorder::RecorderStatus;
use touchline_feed::{Budget, Moment, Phase};
use touchline_link::clock::Clock;
use touchline_market::{Channel, Instrument, Venue};

use super::control::Told;
use super::member::Member;
use super::sink::Side;
use crate::counters::{ConnectionCounters, IntakeCounters};
use crate::latency::{Machine, Omission, Recorder, Report, RunInfo};
use crate::pipeline::{BookReport, Placement};

/// One connection as it is now.
#[derive(Clone, Debug)]
pub struct ConnectionReport {
    /// Which reader's, from 0.
    pub reader: usize,
    /// Its number among those its reader ever opened, from 1.
    pub number: u32,
    /// Whose.
    pub venue: Venue,
    /// Where to, without what is secret in it.
    pub url: String,
    /// Which of the connections that bring the same books it is, from 0.
    pub path: u8,
    /// How far it is.
    pub phase: Phase,
    /// Streams subscribed to on it.
    pub streams: usize,
    /// How many of them the venue has acknowledged.
    pub acknowledged: usize,
    /// Another connection stands for its streams: it takes over from that one, or that one took over from it.
    pub standby: bool,
    /// When it tries again, if it waits for that.
    pub retry_in: Option<Duration>,
    /// What became of its frames, and of the REST snapshots for its books.
    pub intake: IntakeCounters,
}

impl ConnectionReport {
    /// Of a connection of the reader that says so: which one that is knows who asked.
    pub(super) fn of(member: &Member, now: Moment) -> Self {
        let phase = member.connection.phase();
        Self {
            reader: 0,
            number: member.number,
            venue: member.venue.name,
            url: member.url.clone(),
            path: member.path.number(),
            phase,
            streams: member.stream_count(),
            acknowledged: member.connection.streams().filter(|(_, _, acknowledged)| *acknowledged).count(),
            standby: member.leaving || matches!(member.overlap, Some((_, Side::New))),
            retry_in: (phase == Phase::Waiting).then(|| member.connection.wake().since(now)),
            intake: member.intake.counters().clone(),
        }
    }
}

/// Everything that came by one path to a venue: by the connections there are, and by those that are gone.
#[derive(Clone, Debug)]
pub struct PathReport {
    /// The venue.
    pub venue: Venue,
    /// Which of the connections that bring the same books, from 0.
    pub path: u8,
    /// What became of its frames and REST snapshots.
    pub intake: IntakeCounters,
    /// What became of its connections.
    pub connections: ConnectionCounters,
}

impl PathReport {
    /// Adds counts to those of the same path.
    pub(super) fn add(all: &mut Vec<Self>, more: Self) {
        match all.iter_mut().find(|one| (one.venue, one.path) == (more.venue, more.path)) {
            Some(one) => {
                one.intake.merge(&more.intake);
                one.connections.merge(&more.connections);
            }
            None => all.push(more),
        }
    }

    pub(super) fn of(member: &Member) -> Self {
        Self {
            venue: member.venue.name,
            path: member.path.number(),
            intake: member.intake.counters().clone(),
            connections: member.counters,
        }
    }
}

/// The ring from a reader to a book thread.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RingReport {
    /// The reader, from 0.
    pub reader: usize,
    /// The book thread, from 0.
    pub book_thread: usize,
    /// Records it has room for.
    pub capacity: usize,
    /// Records that are not known to be free: up to a quarter of the capacity more than wait.
    pub used: usize,
}

/// What an instrument was subscribed to for.
#[derive(Clone, Debug)]
pub struct SubscriptionReport {
    /// The instrument.
    pub instrument: Arc<Instrument>,
    /// Its channels.
    pub channels: Vec<Channel>,
}

/// A feed as it is now, or as it ended.
#[derive(Debug, Default)]
pub struct FeedReport {
    /// What became of every frame and REST snapshot.
    pub intake: IntakeCounters,
    /// How every instrument stands.
    pub books: Vec<BookReport>,
    /// Messages of books that were unsubscribed and whose place another one took.
    pub retired: u64,
    /// Every connection there is.
    pub connections: Vec<ConnectionReport>,
    /// The same as `intake`, path by path, and what became of the connections.
    pub paths: Vec<PathReport>,
    /// Every ring; none where books are built on the readers' threads.
    pub rings: Vec<RingReport>,
    /// What is subscribed to.
    pub subscriptions: Vec<SubscriptionReport>,
    /// What every host was asked for by REST.
    pub budgets: Vec<Budget>,
    /// Stage latencies since the last report to the same asker, where they are measured.
    pub latencies: Option<Recorder>,
    /// Updates for no instrument or cut short on their way: always 0, or Touchline has a defect.
    pub strays: u64,
    /// How long the feed has run.
    pub wall: Duration,
    /// How the journal stands, where there is one.
    pub recorder: Option<RecorderStatus>,
    /// What did not go as planned but did no harm, such as a core that could not be had.
    pub notes: Vec<String>,
}

impl FeedReport {
    /// Does every message stand under exactly one heading, at the readers and at each book? To be asked of a feed that
    /// has ended: in a running one messages are under way.
    #[must_use]
    pub fn balances(&self) -> bool {
        let at_books: u64 = self.books.iter().map(BookReport::messages).sum::<u64>();
        self.intake.balances()
            && self.strays == 0
            && self.books.iter().all(|book| book.counters.balance(book.buffered))
            && at_books + self.retired + self.intake.withheld == self.intake.updates + self.intake.breaks
    }

    /// The stage latencies as a report that can be printed and written; `None` where they are not measured.
    #[must_use]
    pub fn latency(&self, name: &str, placement: Placement) -> Option<Report> {
        let info = RunInfo {
            recording: name.to_owned(),
            frames: self.intake.received,
            messages: self.intake.updates,
            wall: self.wall,
            placement,
            pace: "live".to_owned(),
            omission: Omission::MeasuredFromRead,
            clock_cost_ns: Clock::new().cost(),
            started: SystemTime::now().checked_sub(self.wall).unwrap_or(SystemTime::UNIX_EPOCH),
            machine: Machine::here(),
        };
        self.latencies.clone().map(|latencies| Report::new(info, latencies))
    }

    /// Of books that nobody tells anything any more.
    pub(crate) fn of_shards<O: crate::Observer>(
        intake: IntakeCounters,
        shards: &[crate::pipeline::Shard<O>],
    ) -> Self {
        Self {
            intake,
            books: shards.iter().flat_map(crate::pipeline::Shard::report).collect(),
            strays: shards.iter().map(|shard| shard.strays).sum(),
            retired: shards.iter().map(crate::pipeline::Shard::retired).sum(),
            ..Self::default()
        }
    }

    /// Adds what a reader said.
    pub(super) fn add_of_reader(&mut self, reader: usize, mut told: Told) {
        told.connections.iter_mut().for_each(|connection| connection.reader = reader);
        told.rings.iter_mut().for_each(|ring| ring.reader = reader);
        self.add(told);
    }

    pub(super) fn add(&mut self, told: Told) {
        self.intake.merge(&told.intake);
        self.books.extend(told.books);
        self.connections.extend(told.connections);
        self.add_paths(told.paths);
        self.rings.extend(told.rings);
        self.strays += told.strays;
        self.retired += told.retired;
        self.add_latencies(told.latencies.map(|latencies| *latencies));
    }

    pub(super) fn add_paths(&mut self, paths: Vec<PathReport>) {
        for path in paths {
            PathReport::add(&mut self.paths, path);
        }
    }

    pub(super) fn add_latencies(&mut self, latencies: Option<Recorder>) {
        match (&mut self.latencies, latencies) {
            (Some(all), Some(more)) => all.merge(&more),
            (none, more) => *none = none.take().or(more),
        }
    }
}
