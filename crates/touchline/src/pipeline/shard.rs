//! The book thread's stage: updates in, views out. The one place that decides the truth of a book.

use std::sync::Arc;
use std::time::SystemTime;

use touchline_book::{BboView, Counters, Keeper, Outcome, PathFigures, Paths, Start, TradeView};
use touchline_market::{
    Channel, Head, Instrument, InstrumentId, Nanos, Reason, Record, Sequence, State, UpdateKind,
};
use touchline_venue::VenueFacts;

use super::desk::Desk;
use super::timing::{Timing, message_kind};
use crate::clock::Ticks;
use crate::flight::Incident;
use crate::latency::{Recorder, Stage};
use crate::view::View;

/// Looks on while books change: for verification, for reports. On the hot path: it must not wait.
pub trait Observer {
    /// Does it look at book messages before the book does? Only then [`before`](Self::before) is asked.
    const LOOKS_AHEAD: bool = false;

    /// Does it want to hear of incidents? They are written down, which takes memory, only for one who does.
    const INCIDENTS: bool = false;

    /// A book message that the book has not yet: true keeps it from the book.
    fn before<'a>(
        &mut self,
        _head: &Head,
        _body: impl Iterator<Item = &'a Record> + Clone,
        _keeper: &Keeper,
    ) -> bool {
        false
    }

    /// A book is LIVE no more, which is published; [`book`](Self::book) follows.
    fn incident(&mut self, _head: &Head, _incident: &Arc<Incident>) {}

    /// A book message, or a break, was handled and published; `outcome` says what it did.
    fn book(&mut self, _head: &Head, _keeper: &Keeper, _outcome: Outcome) {}

    /// Told after [`book`](Self::book) where several paths bring the book: how each of them stands.
    fn paths(&mut self, _head: &Head, _paths: &Paths) {}

    /// Asked now and then: is a snapshot on its way that is to refresh the depth of this book? Then the book prepares
    /// for one that comes late ([`Keeper::expect_refresh`]).
    fn refresh(&mut self, _head: &Head, _keeper: &Keeper) -> bool {
        false
    }

    /// The venue's best bid and offer was published, or that it is stale.
    fn bbo(&mut self, _head: &Head, _bbo: &BboView) {}

    /// A trade was published, or that trades are stale.
    fn trade(&mut self, _head: &Head, _trade: &TradeView) {}

    /// Nothing more comes: the book as it stands.
    fn end(&mut self, _instrument: InstrumentId, _keeper: &Keeper) {}
}

impl Observer for () {}

/// Updates beside the book's own.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ChannelCounts {
    /// Best bids and offers.
    pub bbos: u64,
    /// Trades.
    pub trades: u64,
    /// Other channels.
    pub others: u64,
    /// Breaks of the stream.
    pub breaks: u64,
    /// Snapshots that an observer kept from the book.
    pub withheld: u64,
}

impl ChannelCounts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.bbos + self.trades + self.others + self.breaks + self.withheld
    }
}

/// The books of one book thread.
#[derive(Debug)]
pub struct Shard<O> {
    desks: Vec<Desk>,
    observer: O,
    timing: Option<Timing>,
    /// Updates that came for no instrument of this shard, or were cut short: a defect, counted.
    pub(crate) strays: u64,
    /// Messages of books whose place another one took.
    retired: u64,
    /// The books that hold messages for another path.
    holding: Vec<u32>,
}

/// How one instrument ended.
#[derive(Clone, Debug)]
pub struct BookReport {
    /// What is traded.
    pub instrument: Arc<Instrument>,
    /// The book's state at the end.
    pub state: State,
    /// How often the book was begun anew.
    pub epoch: u32,
    /// The book's last sequence.
    pub sequence: Sequence,
    /// When the newest message that the book holds was received; [`Nanos::NONE`] while there is none.
    pub updated: Nanos,
    /// How often it was LIVE and ceased to be, by the reasons in the order of [`Reason::ALL`].
    pub lapses: [u64; Reason::ALL.len()],
    /// Levels at the end: bids, asks.
    pub levels: [usize; 2],
    /// What became of its messages.
    pub counters: Counters,
    /// Deltas that still wait for a snapshot.
    pub buffered: usize,
    /// Messages that are held because another path may bring what is missing before them.
    pub held: usize,
    /// What came beside the book.
    pub channels: ChannelCounts,
    /// What each path has brought, where several bring the book; otherwise nothing.
    pub paths: Vec<PathFigures>,
}

impl BookReport {
    /// Everything that came for the instrument.
    pub(crate) fn messages(&self) -> u64 {
        self.counters.received + self.held as u64 + self.channels.total()
    }
}

impl<O: Observer> Shard<O> {
    /// Books for these instruments, with a view of each, in the same order.
    pub fn new(
        venue: &VenueFacts,
        instruments: &[(Instrument, Start)],
        observer: O,
        measured: bool,
    ) -> (Self, Vec<View>) {
        let (desks, views) = instruments
            .iter()
            .map(|(instrument, start)| Desk::new(venue, Arc::new(instrument.clone()), *start))
            .unzip();
        (Self { desks, ..Self::empty(observer, measured) }, views)
    }

    /// No books yet.
    pub(crate) fn empty(observer: O, measured: bool) -> Self {
        Self {
            desks: Vec::new(),
            observer,
            timing: measured.then(Timing::new),
            strays: 0,
            retired: 0,
            holding: Vec::new(),
        }
    }

    /// Handles one update: its head, and its body records.
    #[inline]
    pub fn take<'a>(&mut self, head: &Head, body: impl Iterator<Item = &'a Record> + Clone) {
        let popped = self.timing.as_ref().map_or(Ticks(0), Timing::now);
        let Some(desk) = self.desks.get_mut(head.instrument.0 as usize) else {
            self.strays += 1;
            return;
        };
        let Some(applied) = desk.apply(head, body, &mut self.observer, self.timing.as_ref()) else {
            self.strays += 1;
            return;
        };
        if desk.deadline().is_some() && !self.holding.contains(&head.instrument.0) {
            self.holding.push(head.instrument.0);
        }
        if let Some(timing) = &mut self.timing {
            measure(timing, head, popped, applied);
        }
    }

    /// The earliest moment, by the wall clock, at which some message was held too long for another path.
    #[inline]
    pub(crate) fn held_until(&self) -> Option<Nanos> {
        let deadlines = self.holding.iter().filter_map(|index| self.desks.get(*index as usize)?.deadline());
        // At its deadline a message is still held.
        deadlines.min().map(|deadline| Nanos(deadline.0.saturating_add(1)))
    }

    /// Does any book hold messages for another path? Then [`give_up_held`](Self::give_up_held) is to be called now and
    /// then.
    #[inline]
    pub(crate) fn is_holding(&self) -> bool {
        !self.holding.is_empty()
    }

    /// It is this late, by the wall clock: what is held for longer than it may be is given up. True if there was anything.
    #[cold]
    pub(crate) fn give_up_held(&mut self, now: Nanos) -> bool {
        if self.held_until().is_none_or(|until| now < until) {
            return false;
        }
        let (desks, observer) = (&mut self.desks, &mut self.observer);
        self.holding.retain(|&index| {
            let Some(desk) = desks.get_mut(index as usize) else { return false };
            desk.tick(InstrumentId(index), now, observer);
            desk.deadline().is_some()
        });
        true
    }

    /// The last incidents of a book, the oldest first.
    pub(crate) fn incidents(&self, index: usize) -> Vec<Arc<Incident>> {
        self.desks.get(index).map(Desk::incidents).unwrap_or_default()
    }

    /// How many books there are.
    pub(crate) fn len(&self) -> usize {
        self.desks.len()
    }

    /// Messages of books whose place another one took.
    pub(crate) fn retired(&self) -> u64 {
        self.retired
    }

    /// Adds a book as number `index`, in the place of one that was there.
    pub(crate) fn add(&mut self, index: usize, desk: Desk) {
        match self.desks.get_mut(index) {
            Some(place) => {
                let gone = std::mem::replace(place, desk).report();
                self.retired += gone.messages();
            }
            None => self.desks.push(desk),
        }
    }

    /// Messages were lost on the way here: no book that `concerns` says is up to date.
    #[cold]
    pub(crate) fn overrun(&mut self, concerns: impl Fn(usize) -> bool) {
        self.break_where(concerns, |id| Head::broken(id, None, Reason::Overrun));
    }

    /// Nothing will come for these books any more, or for one channel of their instruments.
    #[cold]
    pub(crate) fn end(&mut self, concerns: impl Fn(usize) -> bool, channel: Option<Channel>, reason: Reason) {
        self.break_where(concerns, |id| Head::ended(id, channel, reason));
    }

    /// A book that was ended is wanted again.
    #[cold]
    pub(crate) fn revive(&mut self, index: usize) {
        let dead = |desk: &Desk| matches!(desk.keeper().state(), State::Dead(_));
        if self.desks.get(index).is_some_and(dead) {
            let again = |id| Head::broken(id, Some(Channel::Book), Reason::Disconnected);
            self.break_where(|other| other == index, again);
        }
    }

    fn break_where(&mut self, concerns: impl Fn(usize) -> bool, head: impl Fn(InstrumentId) -> Head) {
        // Nothing came that could lend its stamp.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        for (index, desk) in self.desks.iter_mut().enumerate().filter(|(index, _)| concerns(*index)) {
            let mut head = head(InstrumentId(index as u32));
            head.ts_recv = Nanos(now.as_nanos() as u64);
            desk.hear_break(&head, true, &mut self.observer);
        }
    }

    /// How every instrument stands now.
    #[must_use]
    pub fn report(&self) -> Vec<BookReport> {
        self.desks.iter().map(Desk::report).collect()
    }

    /// The observer.
    pub(crate) fn observer(&mut self) -> &mut O {
        &mut self.observer
    }

    /// The latencies measured here so far; from now on they go into `next`.
    pub(crate) fn swap_latencies(&mut self, next: Recorder) -> Option<Recorder> {
        self.timing.as_mut().map(|timing| std::mem::replace(&mut timing.recorder, next))
    }

    /// The latencies measured here, and the observer.
    #[must_use]
    pub fn finish(mut self) -> (Option<Recorder>, O) {
        for (index, desk) in self.desks.iter().enumerate() {
            self.observer.end(InstrumentId(index as u32), desk.keeper());
        }
        (self.timing.map(|timing| timing.recorder), self.observer)
    }
}

/// Records the stages of one update: all stamps are there now.
#[inline]
fn measure(timing: &mut Timing, head: &Head, popped: Ticks, applied: Option<Ticks>) {
    // What only led to what was asked for has no mark.
    if head.kind == UpdateKind::Break || head.mark == 0 {
        return;
    }
    let published = timing.now();
    let kind = message_kind(head.kind);
    let due = Ticks(head.mark);
    if head.commit_ticks != u32::MAX {
        let committed = Ticks(head.mark.saturating_add(u64::from(head.commit_ticks)));
        timing.record(Stage::Ring, kind, committed, popped);
    }
    if let Some(applied) = applied {
        timing.record(Stage::Apply, kind, popped, applied);
    }
    timing.record(Stage::Publish, kind, applied.unwrap_or(popped), published);
    timing.record(Stage::EndToEnd, kind, due, published);
}
