//! The handle a strategy reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use touchline_book::{BboView, BookReader, BookView, Touch, TradeView};
use touchline_market::{Instrument, Reason, State};
use touchline_view::line::LineReader;

/// Levels a side that a view shows.
pub const VIEW_DEPTH: usize = 20;

/// One instrument's views: cheap to clone, to be read from any thread. Every read is a bounded, wait-free copy with
/// its verdict.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) instrument: Arc<Instrument>,
    pub(crate) book: BookReader<VIEW_DEPTH>,
    pub(crate) bbo: LineReader,
    pub(crate) trade: LineReader,
    pub(crate) tally: Arc<Tally>,
}

/// How many messages came, for whoever wants rates.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    book: AtomicU64,
    other: AtomicU64,
}

impl Tally {
    #[inline]
    pub(crate) fn set_book(&self, messages: u64) {
        self.book.store(messages, Relaxed);
    }

    #[inline]
    pub(crate) fn set_other(&self, messages: u64) {
        self.other.store(messages, Relaxed);
    }
}

impl View {
    /// What is traded, with the scales its numbers began with; a view carries the scales of its own numbers.
    #[must_use]
    pub fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// The book's best levels with their verdict.
    #[must_use]
    pub fn read(&self) -> BookView<VIEW_DEPTH> {
        self.book.read()
    }

    /// The book's best level alone: one cache line.
    #[must_use]
    pub fn touch(&self) -> Touch {
        self.book.touch()
    }

    /// Messages that came for the book, and for the other channels, since it began.
    #[must_use]
    pub fn messages(&self) -> [u64; 2] {
        [self.tally.book.load(Relaxed), self.tally.other.load(Relaxed)]
    }

    /// The venue's own best bid and offer, where it is subscribed to: one cache line.
    #[must_use]
    pub fn bbo(&self) -> BboView {
        let busy = BboView { state: State::Stale(Reason::Busy), ..BboView::default() };
        self.bbo.read().map_or(busy, BboView::from_words)
    }

    /// The last trade, where trades are subscribed to: one cache line.
    #[must_use]
    pub fn last_trade(&self) -> TradeView {
        self.trade.read().map_or_else(
            |_| TradeView { state: State::Stale(Reason::Busy), ..TradeView::from_words([0; 7]) },
            TradeView::from_words,
        )
    }
}
