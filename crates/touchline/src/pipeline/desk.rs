//! One instrument's book on the book thread, and the cells its views are published in.

use std::sync::Arc;

use touchline_book::{
    BboView, BookConfig, Keeper, KeeperConfig, Outcome, Paths, Publisher, Start, TradeView,
};
use touchline_market::{
    Bbo, Bug, Channel, Continuity, Flags, Head, Instrument, InstrumentId, Nanos, Reason, Record, Sequence,
    Side, State, Trade, UpdateKind, planted,
};
use touchline_venue::VenueFacts;
use touchline_view::line::{self, LineWriter};

use super::kept::Kept;
use super::shard::{BookReport, ChannelCounts, Observer};
use super::timing::Timing;
use crate::clock::Ticks;
use crate::flight::{Circumstances, Flight, Incident};
use crate::view::{Tally, VIEW_DEPTH, View};

/// How often, in messages of a book, it is asked whether its depth is to be refreshed.
const REFRESH_CHECK_EVERY: u64 = 256;

/// One instrument's book, and the cells its views are published in.
#[derive(Debug)]
pub(crate) struct Desk {
    instrument: Arc<Instrument>,
    kept: Kept,
    publisher: Publisher<VIEW_DEPTH>,
    bbo: LineWriter,
    last_bbo: BboView,
    trade: LineWriter,
    last_trade: TradeView,
    counts: ChannelCounts,
    tally: Arc<Tally>,
    continuity: Continuity,
    /// Messages of the book, where several paths bring it.
    taken: u64,
    /// Apart from the rest: what every message touches lies close together.
    flight: Box<Flight>,
}

impl Desk {
    /// A book of this instrument, and its view.
    pub(crate) fn new(venue: &VenueFacts, instrument: Arc<Instrument>, start: Start) -> (Self, View) {
        Self::of_paths(venue, instrument, start, 1)
    }

    /// As [`new`](Self::new), of a book that so many connections bring.
    pub(crate) fn of_paths(
        venue: &VenueFacts,
        instrument: Arc<Instrument>,
        start: Start,
        paths: u8,
    ) -> (Self, View) {
        let config = keeper_config(venue, &instrument, start);
        let (publisher, book) = Publisher::new();
        let (bbo, bbo_reader) = line::channel(&[0; 7]);
        let (trade, trade_reader) = line::channel(&[0; 7]);
        let tally = Arc::new(Tally::default());
        let view = View {
            instrument: Arc::clone(&instrument),
            book,
            bbo: bbo_reader,
            trade: trade_reader,
            tally: Arc::clone(&tally),
        };
        let desk = Self {
            instrument,
            kept: Kept::new(&config, paths),
            publisher,
            bbo,
            last_bbo: BboView::default(),
            trade,
            last_trade: TradeView::from_words([0; 7]),
            counts: ChannelCounts::default(),
            tally,
            continuity: venue.continuity,
            taken: 0,
            flight: Box::default(),
        };
        (desk, view)
    }

    /// Applies one update and publishes what it changed. Returns when the book had it, where that is measured;
    /// `None` if the update was cut short.
    #[inline]
    pub(crate) fn apply<'a, O: Observer>(
        &mut self,
        head: &Head,
        mut body: impl Iterator<Item = &'a Record> + Clone,
        observer: &mut O,
        timing: Option<&Timing>,
    ) -> Option<Option<Ticks>> {
        match head.kind {
            UpdateKind::Snapshot | UpdateKind::Delta => {
                let Kept::One(keeper) = &mut self.kept else {
                    return Some(self.apply_of_several(head, body, observer, timing));
                };
                if O::LOOKS_AHEAD && observer.before(head, body.clone(), keeper) {
                    self.counts.withheld += 1;
                    return Some(None);
                }
                let before = keeper.sequence();
                let outcome = keeper.handle(head, body.clone());
                let applied = timing.map(Timing::now);
                self.publisher.publish(keeper, view_stamp(head, applied, timing));
                let received = keeper.counters().received;
                self.tally.set_book(received);
                let live = keeper.state().is_live();
                if !live {
                    self.hear_not_live(before, head, body, outcome, observer);
                }
                self.flight.note(head, outcome, live);
                let Kept::One(keeper) = &mut self.kept else { return None };
                observer.book(head, keeper, outcome);
                if received.is_multiple_of(REFRESH_CHECK_EVERY) && observer.refresh(head, keeper) {
                    keeper.expect_refresh();
                }
                return Some(applied);
            }
            UpdateKind::Bbo => {
                let bbo = Bbo::from_record(body.next()?);
                self.counts.bbos += 1;
                self.last_bbo = BboView::new(head, bbo);
                self.bbo.write(&self.last_bbo.to_words());
                self.tally.set_other(self.counts.total());
                observer.bbo(head, &self.last_bbo);
            }
            UpdateKind::Trade => {
                self.last_trade = TradeView::new(head, Trade::from_record(body.next()?));
                self.counts.trades += 1;
                self.trade.write(&self.last_trade.to_words());
                self.tally.set_other(self.counts.total());
                observer.trade(head, &self.last_trade);
            }
            UpdateKind::Depth
            | UpdateKind::Ticker
            | UpdateKind::Candle
            | UpdateKind::OrderSnapshot
            | UpdateKind::OrderDelta
            | UpdateKind::Status => self.counts.others += 1,
            UpdateKind::Break => {
                self.counts.breaks += 1;
                self.hear_break(head, false, observer);
            }
        }
        Some(None)
    }

    /// How the instrument stands now.
    pub(crate) fn report(&self) -> BookReport {
        BookReport {
            instrument: Arc::clone(&self.instrument),
            state: self.keeper().state(),
            epoch: self.keeper().epoch(),
            sequence: self.keeper().sequence(),
            updated: self.keeper().ts_recv(),
            lapses: self.flight.lapses(),
            levels: [Side::Bid, Side::Ask].map(|side| self.keeper().book().len(side)),
            counters: self.kept.counters(),
            buffered: self.kept.buffered(),
            held: self.kept.paths().map_or(0, Paths::held),
            channels: self.counts,
            paths: self.kept.figures(),
        }
    }

    pub(crate) fn keeper(&self) -> &Keeper {
        self.kept.keeper()
    }

    /// When messages that are held for another path are to be given up.
    #[inline]
    pub(crate) fn deadline(&self) -> Option<Nanos> {
        self.kept.deadline()
    }

    /// A message of a book that several paths bring. Most of them are known already: nothing is published for these.
    fn apply_of_several<'a, O: Observer>(
        &mut self,
        head: &Head,
        body: impl Iterator<Item = &'a Record> + Clone,
        observer: &mut O,
        timing: Option<&Timing>,
    ) -> Option<Ticks> {
        let Kept::Several(paths) = &mut self.kept else { return None };
        let before = (paths.keeper().state(), paths.keeper().sequence());
        let epoch = paths.keeper().epoch();
        let outcome = paths.handle(head, body.clone());
        let applied = timing.map(Timing::now);
        self.taken += 1;
        self.tally.set_book(self.taken);
        let keeper = paths.keeper();
        let idle = matches!(outcome, Outcome::Stale | Outcome::Buffered | Outcome::Ignored);
        if !idle || before != (keeper.state(), keeper.sequence()) || epoch != keeper.epoch() {
            self.publisher.publish(keeper, view_stamp(head, applied, timing));
        }
        self.tell(before.1, head, body, outcome, observer);
        if let Kept::Several(paths) = &mut self.kept
            && self.taken.is_multiple_of(REFRESH_CHECK_EVERY)
        {
            // Asked for on the path whose book is shown.
            let flags = head.flags.on_path(paths.leader().unwrap_or_default());
            if observer.refresh(&Head { flags, ..*head }, paths.keeper()) {
                paths.expect_refresh();
            }
        }
        applied
    }

    /// Nothing more is waited for that was held for another path longer than it may be.
    #[cold]
    pub(crate) fn tick(&mut self, instrument: InstrumentId, now: Nanos, observer: &mut impl Observer) {
        let Kept::Several(paths) = &mut self.kept else { return };
        let before = paths.keeper().sequence();
        if !paths.tick(now) {
            return;
        }
        let keeper = paths.keeper();
        self.publisher.publish(keeper, now);
        let mut head = Head::new(UpdateKind::Delta, instrument);
        (head.ts_recv, head.sequence) = (now, keeper.sequence());
        let outcome = if keeper.state().is_live() { Outcome::Applied } else { Outcome::Gap };
        self.tell(before, &head, std::iter::empty(), outcome, observer);
    }

    /// Tells everybody who looks on what became of a message that the book's readers can see the effect of.
    fn tell<'a>(
        &mut self,
        before: Sequence,
        head: &Head,
        body: impl Iterator<Item = &'a Record> + Clone,
        outcome: Outcome,
        observer: &mut impl Observer,
    ) {
        let live = self.keeper().state().is_live();
        if !live {
            self.hear_not_live(before, head, body, outcome, observer);
        }
        self.flight.note(head, outcome, live);
        observer.book(head, self.keeper(), outcome);
        if let Some(paths) = self.kept.paths() {
            observer.paths(head, paths);
        }
    }

    /// The last incidents, the oldest first.
    pub(crate) fn incidents(&self) -> Vec<Arc<Incident>> {
        self.flight.incidents()
    }

    /// The book is not LIVE, and its readers have seen it. If it was until now, that is an incident.
    #[cold]
    #[inline(never)]
    fn hear_not_live<'a, O: Observer>(
        &mut self,
        sequence: Sequence,
        head: &Head,
        body: impl Iterator<Item = &'a Record> + Clone,
        outcome: Outcome,
        observer: &mut O,
    ) {
        if !self.flight.was_live() {
            return;
        }
        self.flight.count_lapse(self.kept.keeper().state());
        if !O::INCIDENTS {
            return;
        }
        let (instrument, continuity, keeper) = (&self.instrument, self.continuity, self.kept.keeper());
        let what = Circumstances { instrument, continuity, keeper, sequence, head, outcome };
        observer.incident(head, &self.flight.incident(&what, body));
    }

    /// The stream of one path, or of all, or one channel of it, broke: whatever was built from it says so.
    #[cold]
    pub(crate) fn hear_break(&mut self, head: &Head, all: bool, observer: &mut impl Observer) {
        let Some(reason) = head.reason() else { return };
        let state = if head.flags.has(Flags::FINAL) { State::Dead(reason) } else { State::Stale(reason) };
        if head.breaks(Channel::Book) && !planted(Bug::BreakUnheard) {
            let before = self.keeper().sequence();
            let outcome = self.kept.hear_break(head, all);
            if !planted(Bug::BreakUnpublished) {
                self.publisher.publish(self.kept.keeper(), head.ts_recv);
            }
            self.tell(before, head, std::iter::empty(), outcome, observer);
        }
        if head.breaks(Channel::Bbo) {
            self.last_bbo.state = state;
            self.bbo.write(&self.last_bbo.to_words());
            observer.bbo(head, &self.last_bbo);
        }
        if head.breaks(Channel::Trade) {
            self.last_trade.state = state;
            self.trade.write(&self.last_trade.to_words());
            observer.trade(head, &self.last_trade);
        }
    }
}

impl Drop for Desk {
    /// A thread that panics takes its books with it: their last views must not pass for live ones.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.publisher.bury(Reason::Panic);
            self.last_bbo.state = State::Dead(Reason::Panic);
            self.bbo.write(&self.last_bbo.to_words());
            self.last_trade.state = State::Dead(Reason::Panic);
            self.trade.write(&self.last_trade.to_words());
        }
    }
}

/// The rules of an instrument's book.
pub(crate) fn keeper_config(venue: &VenueFacts, instrument: &Instrument, start: Start) -> KeeperConfig {
    KeeperConfig {
        book: BookConfig {
            tick: instrument.tick_size,
            price_scale: instrument.price_scale,
            qty_scale: instrument.qty_scale,
            ..BookConfig::default()
        },
        continuity: venue.continuity,
        crossing: venue.crossing,
        checksum: venue.checksum,
        start,
        ..KeeperConfig::default()
    }
}

/// When a view is published: the receipt, and what it took since where that is measured.
#[inline]
fn view_stamp(head: &Head, applied: Option<Ticks>, timing: Option<&Timing>) -> Nanos {
    match (applied, timing) {
        (Some(applied), Some(timing)) if head.ts_recv != Nanos::NONE => {
            Nanos(head.ts_recv.0.saturating_add(timing.clock.nanos(Ticks(head.mark), applied)))
        }
        _ => head.ts_recv,
    }
}
