//! The book thread's stage: updates in, views out. The one place that decides the truth of a book.

use std::sync::Arc;

use touchline_book::{
    BboView, BookConfig, Counters, Keeper, KeeperConfig, Outcome, Publisher, Start, TradeView,
};
use touchline_market::{
    Bbo, Channel, Head, Instrument, InstrumentId, Reason, Record, Sequence, Side, State, Trade, UpdateKind,
};
use touchline_venue::VenueFacts;
use touchline_view::line::{self, LineWriter};

use super::timing::{Timing, message_kind};
use crate::clock::Ticks;
use crate::latency::{Recorder, Stage};
use crate::view::{VIEW_DEPTH, View};

/// Looks on while books change: for verification, for reports. On the hot path: it must not wait.
pub trait Observer {
    /// A book message was handled; `outcome` says what it did.
    fn book(&mut self, _head: &Head, _keeper: &Keeper, _outcome: Outcome) {}

    /// The venue's best bid and offer changed.
    fn bbo(&mut self, _head: &Head, _bbo: &Bbo) {}

    /// Nothing more comes: the book as it stands.
    fn end(&mut self, _instrument: InstrumentId, _keeper: &Keeper) {}
}

impl Observer for () {}

/// One instrument's book, and the cells its views are published in.
#[derive(Debug)]
struct Desk {
    instrument: Arc<Instrument>,
    keeper: Keeper,
    publisher: Publisher<VIEW_DEPTH>,
    bbo: LineWriter,
    last_bbo: BboView,
    trade: LineWriter,
    last_trade: TradeView,
    counts: ChannelCounts,
}

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
}

impl ChannelCounts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.bbos + self.trades + self.others + self.breaks
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
    /// Levels at the end: bids, asks.
    pub levels: [usize; 2],
    /// What became of its messages.
    pub counters: Counters,
    /// Deltas that still wait for a snapshot.
    pub buffered: usize,
    /// What came beside the book.
    pub channels: ChannelCounts,
}

impl<O: Observer> Shard<O> {
    /// Books for these instruments, with a view of each, in the same order.
    pub fn new(
        venue: &VenueFacts,
        instruments: &[(Instrument, Start)],
        observer: O,
        measured: bool,
    ) -> (Self, Vec<View>) {
        let (desks, views) =
            instruments.iter().map(|(instrument, start)| Desk::new(venue, instrument, *start)).unzip();
        (Self { desks, observer, timing: measured.then(Timing::new), strays: 0 }, views)
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
        if let Some(timing) = &mut self.timing {
            measure(timing, head, popped, applied);
        }
    }

    /// Messages were lost on the way here: no book is up to date.
    #[cold]
    pub(crate) fn overrun(&mut self) {
        for (index, desk) in self.desks.iter_mut().enumerate() {
            let head = Head::broken(InstrumentId(index as u32), None, Reason::Overrun);
            desk.hear_break(&head, &mut self.observer);
        }
    }

    /// How every instrument stands now.
    #[must_use]
    pub fn report(&self) -> Vec<BookReport> {
        let report = |desk: &Desk| BookReport {
            instrument: Arc::clone(&desk.instrument),
            state: desk.keeper.state(),
            epoch: desk.keeper.epoch(),
            sequence: desk.keeper.sequence(),
            levels: [Side::Bid, Side::Ask].map(|side| desk.keeper.book().len(side)),
            counters: *desk.keeper.counters(),
            buffered: desk.keeper.buffered(),
            channels: desk.counts,
        };
        self.desks.iter().map(report).collect()
    }

    /// The latencies measured here, and the observer.
    #[must_use]
    pub fn finish(mut self) -> (Option<Recorder>, O) {
        for (index, desk) in self.desks.iter().enumerate() {
            self.observer.end(InstrumentId(index as u32), &desk.keeper);
        }
        (self.timing.map(|timing| timing.recorder), self.observer)
    }
}

impl Desk {
    fn new(venue: &VenueFacts, instrument: &Instrument, start: Start) -> (Self, View) {
        let instrument = Arc::new(instrument.clone());
        let config = KeeperConfig {
            book: BookConfig {
                tick: instrument.tick_size,
                price_scale: instrument.price_scale,
                qty_scale: instrument.qty_scale,
                ..BookConfig::default()
            },
            continuity: venue.continuity,
            crossing: venue.crossing,
            start,
            ..KeeperConfig::default()
        };
        let (publisher, book) = Publisher::new();
        let (bbo, bbo_reader) = line::channel(&[0; 7]);
        let (trade, trade_reader) = line::channel(&[0; 7]);
        let view = View { instrument: Arc::clone(&instrument), book, bbo: bbo_reader, trade: trade_reader };
        let desk = Self {
            instrument,
            keeper: Keeper::new(&config),
            publisher,
            bbo,
            last_bbo: BboView::default(),
            trade,
            last_trade: TradeView::from_words([0; 7]),
            counts: ChannelCounts::default(),
        };
        (desk, view)
    }

    /// Applies one update and publishes what it changed. Returns when the book had it, where that is measured;
    /// `None` if the update was cut short.
    #[inline]
    fn apply<'a>(
        &mut self,
        head: &Head,
        mut body: impl Iterator<Item = &'a Record> + Clone,
        observer: &mut impl Observer,
        timing: Option<&Timing>,
    ) -> Option<Option<Ticks>> {
        match head.kind {
            UpdateKind::Snapshot | UpdateKind::Delta => {
                let outcome = self.keeper.handle(head, body);
                let applied = timing.map(Timing::now);
                observer.book(head, &self.keeper, outcome);
                self.publisher.publish(&self.keeper, head.ts_recv);
                return Some(applied);
            }
            UpdateKind::Bbo => {
                let bbo = Bbo::from_record(body.next()?);
                observer.bbo(head, &bbo);
                self.counts.bbos += 1;
                self.last_bbo = BboView::new(head, bbo);
                self.bbo.write(&self.last_bbo.to_words());
            }
            UpdateKind::Trade => {
                self.counts.trades += 1;
                self.last_trade = TradeView::new(head, Trade::from_record(body.next()?));
                self.trade.write(&self.last_trade.to_words());
            }
            UpdateKind::Depth | UpdateKind::Ticker => self.counts.others += 1,
            UpdateKind::Break => {
                self.counts.breaks += 1;
                self.hear_break(head, observer);
            }
        }
        Some(None)
    }

    /// The stream, or one channel of it, broke: whatever was built from it says so.
    #[cold]
    fn hear_break(&mut self, head: &Head, observer: &mut impl Observer) {
        let Some(reason) = head.reason() else { return };
        if head.breaks(Channel::Book) {
            let outcome = self.keeper.handle(head, std::iter::empty());
            observer.book(head, &self.keeper, outcome);
            self.publisher.publish(&self.keeper, head.ts_recv);
        }
        if head.breaks(Channel::Bbo) {
            self.last_bbo.state = State::Stale(reason);
            self.bbo.write(&self.last_bbo.to_words());
        }
        if head.breaks(Channel::Trade) {
            self.last_trade.state = State::Stale(reason);
            self.trade.write(&self.last_trade.to_words());
        }
    }
}

/// Records the stages of one update: all stamps are there now.
#[inline]
fn measure(timing: &mut Timing, head: &Head, popped: Ticks, applied: Option<Ticks>) {
    if head.kind == UpdateKind::Break {
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
