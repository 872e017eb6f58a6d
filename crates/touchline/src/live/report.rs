//! What a live feed says of itself.

use std::time::{Duration, SystemTime};

use touchline_feed::Phase;
use touchline_link::clock::Clock;
use touchline_market::Venue;

use super::control::Told;
use super::member::Member;
use crate::counters::IntakeCounters;
use crate::latency::{Machine, Omission, Recorder, Report, RunInfo};
use crate::pipeline::{BookReport, Placement};

/// One connection as it is now.
#[derive(Clone, Debug)]
pub struct ConnectionReport {
    /// Its number among those its reader ever opened, from 1.
    pub number: u32,
    /// Whose.
    pub venue: Venue,
    /// Where to.
    pub url: String,
    /// Which of the connections that bring the same books it is, from 0.
    pub path: u8,
    /// How far it is.
    pub phase: Phase,
    /// Streams subscribed to on it.
    pub streams: usize,
    /// How many of them the venue has acknowledged.
    pub acknowledged: usize,
}

impl ConnectionReport {
    pub(super) fn of(member: &Member) -> Self {
        Self {
            number: member.number,
            venue: member.venue.name,
            url: member.url.clone(),
            path: member.path.number(),
            phase: member.connection.phase(),
            streams: member.stream_count(),
            acknowledged: member.connection.streams().filter(|(_, _, acknowledged)| *acknowledged).count(),
        }
    }
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
    /// Stage latencies since the last report, where they are measured.
    pub latencies: Option<Recorder>,
    /// Updates for no instrument or cut short on their way: always 0, or Touchline has a defect.
    pub strays: u64,
    /// How long the feed has run.
    pub wall: Duration,
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
    #[cfg(feature = "simulation")]
    pub(super) fn of_shards<O: crate::Observer>(
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

    pub(super) fn add(&mut self, told: Told) {
        self.intake.merge(&told.intake);
        self.books.extend(told.books);
        self.connections.extend(told.connections);
        self.strays += told.strays;
        self.retired += told.retired;
        self.add_latencies(told.latencies.map(|latencies| *latencies));
    }

    pub(super) fn add_latencies(&mut self, latencies: Option<Recorder>) {
        match (&mut self.latencies, latencies) {
            (Some(all), Some(more)) => all.merge(&more),
            (none, more) => *none = none.take().or(more),
        }
    }
}
