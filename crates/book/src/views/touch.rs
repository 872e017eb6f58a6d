//! The best level of both sides.

use touchline_market::{Level, Nanos, Sequence, Side, State};

use super::Verdict;
use crate::Keeper;

/// The best level of both sides with its verdict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Touch {
    /// What it is worth.
    pub state: State,
    /// Best bid above best ask (only where the venue's rules allow it can such a book be live).
    pub crossed: bool,
    /// Best bid equal to best ask.
    pub locked: bool,
    /// The last message carried the venue's checksum of its book, and our levels have it. `false` where the venue or
    /// the message has none: a book is live without, but nothing was compared.
    pub checksum_ok: bool,
    /// Decimals of the prices.
    pub price_scale: u8,
    /// Decimals of the quantities.
    pub qty_scale: u8,
    /// How often the book began anew, modulo 2^32.
    pub epoch: u32,
    /// The venue's sequence of the book.
    pub sequence: Sequence,
    /// Our stamp of the message that brought the book here.
    pub ts_recv: Nanos,
    bid: Level,
    ask: Level,
}

impl Touch {
    /// The touch of a book.
    #[inline]
    #[must_use]
    pub fn of(keeper: &Keeper) -> Self {
        let best = |side| keeper.book().best(side).unwrap_or_default();
        let levels = [best(Side::Bid), best(Side::Ask)];
        Self::new(Verdict::of(keeper), keeper.sequence(), keeper.ts_recv(), levels)
    }

    /// What a read says that met the writer at every attempt: stale, no levels.
    #[must_use]
    pub fn busy() -> Self {
        Self::new(Verdict::busy(), Sequence(0), Nanos::NONE, [Level::default(); 2])
    }

    #[inline]
    fn new(verdict: Verdict, sequence: Sequence, ts_recv: Nanos, [bid, ask]: [Level; 2]) -> Self {
        let Verdict { state, crossed, locked, checksum_ok, price_scale, qty_scale, epoch } = verdict;
        Self {
            state,
            crossed,
            locked,
            checksum_ok,
            price_scale,
            qty_scale,
            epoch,
            sequence,
            ts_recv,
            bid,
            ask,
        }
    }

    /// Best bid and best offer: `None` unless the book is live and has both.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Option<(Level, Level)> {
        match (self.state, self.bid(), self.ask()) {
            (State::Live, Some(bid), Some(ask)) => Some((bid, ask)),
            _ => None,
        }
    }

    /// The best bid, whatever the state.
    #[inline]
    #[must_use]
    pub fn bid(&self) -> Option<Level> {
        if self.bid.qty.0 == 0 { None } else { Some(self.bid) }
    }

    /// The best offer, whatever the state.
    #[inline]
    #[must_use]
    pub fn ask(&self) -> Option<Level> {
        if self.ask.qty.0 == 0 { None } else { Some(self.ask) }
    }

    /// As it is published.
    #[inline]
    #[must_use]
    pub fn to_words(self) -> [u64; 7] {
        let Self {
            state,
            crossed,
            locked,
            checksum_ok,
            price_scale,
            qty_scale,
            epoch,
            sequence,
            ts_recv,
            bid,
            ask,
        } = self;
        let verdict = Verdict { state, crossed, locked, checksum_ok, price_scale, qty_scale, epoch };
        let (bid_price, ask_price) = (bid.price.0.cast_unsigned(), ask.price.0.cast_unsigned());
        [verdict.to_word(), sequence.0, bid_price, bid.qty.0, ask_price, ask.qty.0, ts_recv.0]
    }

    /// From published words.
    #[inline]
    #[must_use]
    pub fn from_words(words: [u64; 7]) -> Self {
        let [verdict, sequence, bid, bid_qty, ask, ask_qty, ts_recv] = words;
        let levels = [Level::new(bid.cast_signed(), bid_qty), Level::new(ask.cast_signed(), ask_qty)];
        Self::new(Verdict::from_word(verdict), Sequence(sequence), Nanos(ts_recv), levels)
    }
}
