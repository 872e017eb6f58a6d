//! The threads: one that reads, one that builds books, or one that does both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use touchline_capture::import::ImportError;
use touchline_market::{Address, Head, Record, Sink, SinkFull, UpdateKind};

use super::connections::Connections;
use super::lane::{LaneReceiver, LaneSender, Received, Room, lane, split_update};
use super::pacer::Pacer;
use super::shard::{BookReport, Observer, Shard};
use super::timing::{Stamped, Stamps, Timing};
use super::{Backoff, Marking, Overflow, Pace, Placement, Plan};
use crate::Error;
use crate::clock::Ticks;
use crate::counters::IntakeCounters;
use crate::latency::Recorder;
use crate::replay::{is_at, unknown};
use crate::source::{Event, Input, Source};
use crate::view::View;

/// What a pipeline shows of itself while it runs.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    inputs: AtomicU64,
    done_bytes: AtomicU64,
    total_bytes: AtomicU64,
}

/// A pipeline under way.
#[derive(Debug)]
pub struct Running<O> {
    views: Vec<View>,
    shared: Arc<Shared>,
    reader: JoinHandle<ReaderEnd<O>>,
    book: Option<JoinHandle<BookEnd<O>>>,
    began: Instant,
}

/// What a pipeline did, when it is over.
#[derive(Debug)]
pub struct Finished<O> {
    /// What became of every input.
    pub intake: IntakeCounters,
    /// How every instrument ended, in the plan's order.
    pub books: Vec<BookReport>,
    /// Stage latencies, where they were measured.
    pub latencies: Option<Recorder>,
    /// Inputs of any kind, those that only led to what was asked for left out.
    pub inputs: u64,
    /// Malformed lines of a recording, or damaged stretches of a journal, passed over.
    pub malformed: u64,
    /// Times that something was missing: it was never written, or could not be read.
    pub lost: u64,
    /// What ended the source early, or the first malformed line.
    pub damage: Option<ImportError>,
    /// Updates for no instrument or cut short on their way: always 0, or Touchline has a defect.
    pub strays: u64,
    /// From start to end.
    pub wall: Duration,
    /// What did not go as planned but did no harm, such as a core that could not be had.
    pub notes: Vec<String>,
    /// The observer.
    pub observer: O,
}

impl<O> Finished<O> {
    /// Does every message stand under exactly one heading, at the reader and at each book?
    #[must_use]
    pub fn balances(&self) -> bool {
        let at_books = self.books.iter().map(|book| book.counters.received + book.channels.total());
        self.intake.balances()
            && self.strays == 0
            && self.books.iter().all(|book| book.counters.balance(book.buffered))
            && at_books.sum::<u64>() + self.intake.withheld == self.intake.updates + self.intake.breaks
    }
}

struct ReaderEnd<O> {
    intake: IntakeCounters,
    latencies: Option<Recorder>,
    malformed: u64,
    lost: u64,
    damage: Option<ImportError>,
    /// With the reader's placement, the books are here.
    shard: Option<BookEnd<O>>,
    note: Option<String>,
}

struct BookEnd<O> {
    shard: Shard<O>,
    note: Option<String>,
}

/// Starts the pipeline of `plan` on `source`.
///
/// # Errors
/// [`Error::Thread`].
pub fn start<S, O>(plan: Plan, source: S, observer: O) -> Result<Running<O>, Error>
where
    S: Source + Send + 'static,
    O: Observer + Send + 'static,
{
    let measured = plan.marking == Marking::Clock;
    let (shard, views) = Shard::new(plan.venue, &plan.instruments, observer, measured);
    let shared = Arc::new(Shared::default());
    let [reader_core, book_core] = plan.cores;
    let mut drive = Drive::new(&plan, Arc::clone(&shared));
    let began = Instant::now();
    let (reader, book) = match plan.placement {
        Placement::Reader => {
            let reader = spawn("reader", move || {
                let note = pin(reader_core);
                let mut direct = Direct { shard, body: Vec::with_capacity(4_096) };
                drive.run(source, |drive, input, due| {
                    drive.take(input, due, &mut direct);
                    true
                });
                let shard = Some(BookEnd { shard: direct.shard, note: None });
                drive.end(shard, note)
            })?;
            (reader, None)
        }
        Placement::BookThread => {
            let (mut sender, receiver) = lane(plan.ring_records);
            let book = spawn("book", move || {
                let note = pin(book_core);
                BookEnd { shard: build_books(shard, receiver), note }
            })?;
            let overflow = plan.overflow;
            let reader = spawn("reader", move || {
                let note = pin(reader_core);
                drive.run(source, |drive, input, due| drive.send(input, due, &mut sender, overflow));
                drop(sender);
                drive.end(None, note)
            })?;
            (reader, Some(book))
        }
    };
    Ok(Running { views, shared, reader, book, began })
}

impl<O> Running<O> {
    /// The views of all instruments, in the plan's order.
    #[must_use]
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// The view of an instrument: `venue:BASE-QUOTE…` or `venue:@SYMBOL`.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::UnknownInstrument`].
    pub fn view(&self, address: &str) -> Result<View, Error> {
        let asked: Address = address.parse()?;
        let found = self.views.iter().find(|view| is_at(&view.instrument, &asked));
        found.cloned().ok_or_else(|| unknown(address, self.views.iter().map(View::instrument)))
    }

    /// How far the source has been used: bytes done, and of how many where that is known.
    #[must_use]
    pub fn progress(&self) -> (u64, Option<u64>) {
        let total = self.shared.total_bytes.load(Relaxed);
        (self.shared.done_bytes.load(Relaxed), (total > 0).then_some(total))
    }

    /// Asks the reader to stop before its next input; what was read is still built and published.
    pub fn stop(&self) {
        self.shared.stop.store(true, Relaxed);
    }

    /// Is the source used up?
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.reader.is_finished() && self.book.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl<O: Observer> Running<O> {
    /// Waits for the end.
    ///
    /// # Errors
    /// [`Error::Panicked`].
    pub fn join(self) -> Result<Finished<O>, Error> {
        let reader = self.reader.join();
        let book = self.book.map(JoinHandle::join).transpose();
        let reader = reader.map_err(|_| Error::Panicked { stage: "reader" })?;
        let book = book.map_err(|_| Error::Panicked { stage: "book" })?;
        let BookEnd { shard, note } = reader.shard.or(book).ok_or(Error::Panicked { stage: "book" })?;
        let wall = self.began.elapsed();
        let (books, strays) = (shard.report(), shard.strays);
        let (recorder, observer) = shard.finish();
        let latencies = match (reader.latencies, recorder) {
            (Some(mut all), Some(book)) => {
                all.merge(&book);
                Some(all)
            }
            (reader, book) => reader.or(book),
        };
        Ok(Finished {
            intake: reader.intake,
            books,
            latencies,
            inputs: self.shared.inputs.load(Relaxed),
            malformed: reader.malformed,
            lost: reader.lost,
            damage: reader.damage,
            strays,
            wall,
            notes: reader.note.into_iter().chain(note).collect(),
            observer,
        })
    }
}

pub(crate) fn spawn<T: Send + 'static>(
    stage: &'static str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    std::thread::Builder::new()
        .name(format!("touchline-{stage}"))
        .spawn(run)
        .map_err(|source| Error::Thread { stage, source })
}

/// Pins this thread; a note if that cannot be.
pub(crate) fn pin(core: Option<usize>) -> Option<String> {
    let id = core?;
    if core_affinity::set_for_current(core_affinity::CoreId { id }) {
        None
    } else {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        Some(format!("{name} is not pinned: core {id} cannot be had"))
    }
}

/// The reader's loop.
struct Drive {
    connections: Connections,
    timing: Option<Timing>,
    pace: Pacer,
    shared: Arc<Shared>,
    malformed: u64,
    lost: u64,
    damage: Option<ImportError>,
}

impl Drive {
    fn new(plan: &Plan, shared: Arc<Shared>) -> Self {
        Self {
            connections: Connections::new(plan),
            timing: (plan.marking == Marking::Clock).then(Timing::new),
            pace: Pacer::new(plan.pace),
            shared,
            malformed: 0,
            lost: 0,
            damage: None,
        }
    }

    /// Feeds every input to `take` until the source ends, `take` says false, or a stop is asked for.
    fn run(&mut self, mut source: impl Source, mut take: impl FnMut(&mut Self, Input<'_>, Ticks) -> bool) {
        let shared = Arc::clone(&self.shared);
        let mut inputs = 0;
        while !shared.stop.load(Relaxed) {
            match source.next() {
                Ok(Some(input)) => {
                    inputs += u64::from(!input.ahead);
                    self.lost += u64::from(matches!(input.event, Event::Lost));
                    let due = if input.ahead {
                        Ticks(0)
                    } else {
                        self.pace.wait(input.recv, self.timing.as_ref(), &shared.stop)
                    };
                    if !take(self, input, due) {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.malformed += u64::from(!error.is_final());
                    self.damage.get_or_insert(error);
                }
            }
            let (done, total) = source.progress();
            shared.done_bytes.store(done, Relaxed);
            shared.total_bytes.store(total.unwrap_or(0), Relaxed);
            shared.inputs.store(inputs, Relaxed);
        }
        shared.inputs.store(inputs, Relaxed);
    }

    /// Parses one input into `sink`.
    #[inline]
    fn take(&mut self, input: Input<'_>, due: Ticks, sink: &mut impl Sink) {
        let stamps = match &mut self.timing {
            Some(_) if input.ahead => Stamps::None,
            Some(timing) => {
                let began = timing.now();
                let due = if due == Ticks(0) { began } else { due };
                Stamps::Clock { timing, due, began, waited: None }
            }
            None => Stamps::Line(input.line),
        };
        let mut sink = Stamped { sink: Borrowed(sink), recv: input.recv, stamps };
        let _ = self.connections.take(input.connection, input.event, &mut sink);
    }

    /// Parses one input into the lane. False if nobody is at its other end.
    #[inline]
    fn send(&mut self, input: Input<'_>, due: Ticks, lane: &mut LaneSender, overflow: Overflow) -> bool {
        let bytes = match input.event {
            Event::Frame(frame) => frame.len(),
            Event::Rest { body, .. } => body.len(),
            // Every book may have to hear of it.
            Event::Connected { .. } | Event::BrokenFrame | Event::Closed | Event::Lost => 0,
            Event::Unsubscribed { .. } => 0,
            Event::Nothing => return true,
        };
        let mut backoff = Backoff::default();
        let overrun = self.connections.alone().is_overrun();
        while !lane.is_abandoned() {
            match lane.room(bytes, self.connections.alone().records_due()) {
                Room::Ring(mut sink) => self.take(input, due, &mut sink),
                Room::Large(mut sink) => self.take(input, due, &mut sink),
                Room::Full if overflow == Overflow::Drop => self.connections.alone().drop_frame(),
                Room::Full => {
                    backoff.wait();
                    continue;
                }
            }
            if overrun != self.connections.alone().is_overrun() {
                lane.set_overrun(!overrun);
            }
            return true;
        }
        false
    }

    fn end<O>(self, shard: Option<BookEnd<O>>, note: Option<String>) -> ReaderEnd<O> {
        ReaderEnd {
            intake: self.connections.counters(),
            latencies: self.timing.map(|timing| timing.recorder),
            malformed: self.malformed,
            lost: self.lost,
            damage: self.damage,
            shard,
            note,
        }
    }
}

/// The book thread's loop.
fn build_books<O: Observer>(mut shard: Shard<O>, mut lane: LaneReceiver) -> Shard<O> {
    let mut backoff = Backoff::default();
    let mut told = false;
    loop {
        let abandoned = lane.is_abandoned();
        // What is still in the ring is older than what was dropped: no book of it is up to date.
        if lane.is_overrun() && !told {
            shard.overrun(|_| true);
            told = true;
        }
        let took = lane.next(|received| match received {
            Received::Ring(message) => match Head::from_record(message.first()) {
                Some(head) if message.len() == head.body_records() + 1 => shard.take(&head, message.rest()),
                _ => shard.strays += 1,
            },
            Received::Large(mut records) => {
                while let Some((head, body, rest)) = split_update(records) {
                    shard.take(&head, body.iter());
                    records = rest;
                }
                shard.strays += u64::from(!records.is_empty());
            }
        });
        if took {
            told = false;
            backoff.reset();
        } else if abandoned {
            return shard;
        } else {
            backoff.wait();
        }
    }
}

/// Hands updates straight to the books: the pipeline without the ring.
pub(crate) struct Direct<O> {
    pub(crate) shard: Shard<O>,
    pub(crate) body: Vec<Record>,
}

impl<O: Observer> Sink for Direct<O> {
    #[inline]
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.body.push(record);
        Ok(())
    }

    #[inline]
    fn commit(&mut self, mut head: Head) -> Result<(), SinkFull> {
        if head.kind != UpdateKind::Break {
            head.commit_ticks = u32::MAX; // There is no ring whose time could be told.
        }
        self.shard.take(&head, self.body.iter());
        self.body.clear();
        Ok(())
    }

    #[inline]
    fn abandon(&mut self) {
        self.body.clear();
    }
}

/// A sink by reference.
pub(crate) struct Borrowed<'a, S>(pub(crate) &'a mut S);

impl<S: Sink> Sink for Borrowed<'_, S> {
    #[inline]
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.0.push(record)
    }

    #[inline]
    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        self.0.commit(head)
    }

    #[inline]
    fn abandon(&mut self) {
        self.0.abandon();
    }
}

/// The pipeline on the caller's own thread: for benches, for tests, for programs that bring their own loop.
pub struct Inline<O> {
    drive: Drive,
    direct: Direct<O>,
    views: Vec<View>,
}

impl<O: Observer> Inline<O> {
    /// The pipeline of `plan`; placement, pace and cores do not matter to it.
    #[must_use]
    pub fn new(plan: &Plan, observer: O) -> Self {
        let measured = plan.marking == Marking::Clock;
        let (shard, views) = Shard::new(plan.venue, &plan.instruments, observer, measured);
        let drive = Drive::new(&Plan { pace: Pace::Max, ..plan.clone() }, Arc::default());
        Self { drive, direct: Direct { shard, body: Vec::with_capacity(4_096) }, views }
    }

    /// Takes one input all the way to the views.
    #[inline]
    pub fn take(&mut self, input: Input<'_>) {
        self.drive.take(input, Ticks(0), &mut self.direct);
    }

    /// The views of all instruments.
    #[must_use]
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// How every instrument stands now.
    #[must_use]
    pub fn report(&self) -> Vec<BookReport> {
        self.direct.shard.report()
    }

    /// What became of every input so far.
    #[must_use]
    pub fn counters(&self) -> IntakeCounters {
        self.drive.connections.counters()
    }
}
