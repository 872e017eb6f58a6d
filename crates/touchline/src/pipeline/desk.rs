//! One instrument's book on the book thread, and the cells its views are published in.

use std::sync::Arc;

use touchline_book::{BboView, BookConfig, Keeper, KeeperConfig, Publisher, Start, TradeView};
use touchline_market::{
    Bbo, Channel, Flags, Head, Instrument, Nanos, Reason, Record, Side, State, Trade, UpdateKind,
};
use touchline_venue::VenueFacts;
use touchline_view::line::{self, LineWriter};

use super::shard::{BookReport, ChannelCounts, Observer};
use super::timing::Timing;
use crate::clock::Ticks;
use crate::view::{Tally, VIEW_DEPTH, View};

/// How often, in messages of a book, it is asked whether its depth is to be refreshed.
const REFRESH_CHECK_EVERY: u64 = 256;

/// One instrument's book, and the cells its views are published in.
#[derive(Debug)]
pub(crate) struct Desk {
    instrument: Arc<Instrument>,
    keeper: Keeper,
    publisher: Publisher<VIEW_DEPTH>,
    bbo: LineWriter,
    last_bbo: BboView,
    trade: LineWriter,
    last_trade: TradeView,
    counts: ChannelCounts,
    tally: Arc<Tally>,
}

impl Desk {
    /// A book of this instrument, and its view.
    pub(crate) fn new(venue: &VenueFacts, instrument: Arc<Instrument>, start: Start) -> (Self, View) {
        let config = KeeperConfig {
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
        };
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
            keeper: Keeper::new(&config),
            publisher,
            bbo,
            last_bbo: BboView::default(),
            trade,
            last_trade: TradeView::from_words([0; 7]),
            counts: ChannelCounts::default(),
            tally,
        };
        (desk, view)
    }

    /// Applies one update and publishes what it changed. Returns when the book had it, where that is measured;
    /// `None` if the update was cut short.
    #[inline]
    pub(crate) fn apply<'a>(
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
                self.publisher.publish(&self.keeper, view_stamp(head, applied, timing));
                let received = self.keeper.counters().received;
                self.tally.set_book(received);
                observer.book(head, &self.keeper, outcome);
                if received.is_multiple_of(REFRESH_CHECK_EVERY) && observer.refresh(head, &self.keeper) {
                    self.keeper.expect_refresh();
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
                self.hear_break(head, observer);
            }
        }
        Some(None)
    }

    /// How the instrument stands now.
    pub(crate) fn report(&self) -> BookReport {
        BookReport {
            instrument: Arc::clone(&self.instrument),
            state: self.keeper.state(),
            epoch: self.keeper.epoch(),
            sequence: self.keeper.sequence(),
            levels: [Side::Bid, Side::Ask].map(|side| self.keeper.book().len(side)),
            counters: *self.keeper.counters(),
            buffered: self.keeper.buffered(),
            channels: self.counts,
        }
    }

    pub(crate) fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// The stream, or one channel of it, broke: whatever was built from it says so.
    #[cold]
    pub(crate) fn hear_break(&mut self, head: &Head, observer: &mut impl Observer) {
        let Some(reason) = head.reason() else { return };
        let state = if head.flags.has(Flags::FINAL) { State::Dead(reason) } else { State::Stale(reason) };
        if head.breaks(Channel::Book) {
            let outcome = self.keeper.handle(head, std::iter::empty());
            self.publisher.publish(&self.keeper, head.ts_recv);
            observer.book(head, &self.keeper, outcome);
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
