//! The best levels of both sides.

use touchline_market::{Level, Nanos, Reason, Sequence, Side, State};
use touchline_view::block::Block;

use super::{Verdict, pack, unpack};
use crate::Keeper;

/// The best `N` levels of both sides with their verdict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BookView<const N: usize = 20> {
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
    /// The venue's stamp of the message that brought the book here.
    pub ts_event: Nanos,
    /// Our stamp of that message.
    pub ts_recv: Nanos,
    /// When the view was published.
    pub ts_view: Nanos,
    /// How many levels the book has on each side: bids, asks.
    pub levels: [u32; 2],
    /// How many of them, from the best, are known to be all there are: bids, asks.
    pub proven: [u32; 2],
    bids: [Level; N],
    asks: [Level; N],
}

impl<const N: usize> BookView<N> {
    /// What a read says that met the writer at every attempt: stale, no levels.
    #[must_use]
    pub fn busy() -> Self {
        let mut block = Block::new();
        block.head = [Verdict::busy().to_word(), 0, 0, 0, 0, 0, 0];
        Self::from_block(&block)
    }

    /// The bids at hand, best first, whatever the state.
    #[inline]
    #[must_use]
    pub fn bids(&self) -> &[Level] {
        self.bids.get(..self.rows(Side::Bid)).unwrap_or(&self.bids)
    }

    /// The asks at hand, best first, whatever the state.
    #[inline]
    #[must_use]
    pub fn asks(&self) -> &[Level] {
        self.asks.get(..self.rows(Side::Ask)).unwrap_or(&self.asks)
    }

    /// Best bid and best offer: `None` unless the book is live and has both.
    #[inline]
    #[must_use]
    pub fn touch(&self) -> Option<(Level, Level)> {
        match (self.state, self.bids().first(), self.asks().first()) {
            (State::Live, Some(&bid), Some(&ask)) => Some((bid, ask)),
            _ => None,
        }
    }

    /// May the book be traded on?
    #[inline]
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state.is_live()
    }

    /// Why not, if it is stale or dead.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self.state {
            State::Stale(reason) | State::Dead(reason) => Some(reason),
            State::Init | State::Syncing | State::Live => None,
        }
    }

    /// Writes the view of a book as words.
    #[inline]
    pub(super) fn encode(keeper: &Keeper, ts_view: Nanos, block: &mut Block<N>) {
        let book = keeper.book();
        block.head = [
            Verdict::of(keeper).to_word(),
            keeper.sequence().0,
            keeper.ts_event().0,
            keeper.ts_recv().0,
            ts_view.0,
            pack(book.len(Side::Bid), book.len(Side::Ask)),
            pack(book.proven(Side::Bid), book.proven(Side::Ask)),
        ];
        let bids = book.top_with(Side::Bid, &mut block.rows, |[price, qty, _, _], level| {
            (*price, *qty) = (level.price.0.cast_unsigned(), level.qty.0);
        });
        let asks = book.top_with(Side::Ask, &mut block.rows, |[_, _, price, qty], level| {
            (*price, *qty) = (level.price.0.cast_unsigned(), level.qty.0);
        });
        // Rows beyond a short side hold what an earlier view left there.
        for [price, qty, _, _] in block.rows.get_mut(bids..).unwrap_or_default() {
            (*price, *qty) = (0, 0);
        }
        for [_, _, price, qty] in block.rows.get_mut(asks..).unwrap_or_default() {
            (*price, *qty) = (0, 0);
        }
    }

    /// From published words.
    #[inline]
    #[must_use]
    pub fn from_block(block: &Block<N>) -> Self {
        let [verdict, sequence, ts_event, ts_recv, ts_view, levels, proven] = block.head;
        let Verdict { state, crossed, locked, checksum_ok, price_scale, qty_scale, epoch } =
            Verdict::from_word(verdict);
        Self {
            state,
            crossed,
            locked,
            checksum_ok,
            price_scale,
            qty_scale,
            epoch,
            sequence: Sequence(sequence),
            ts_event: Nanos(ts_event),
            ts_recv: Nanos(ts_recv),
            ts_view: Nanos(ts_view),
            levels: unpack(levels),
            proven: unpack(proven),
            bids: block.rows.map(|[price, qty, _, _]| Level::new(price.cast_signed(), qty)),
            asks: block.rows.map(|[_, _, price, qty]| Level::new(price.cast_signed(), qty)),
        }
    }

    #[inline]
    fn rows(&self, side: Side) -> usize {
        let [bids, asks] = self.levels;
        let count = match side {
            Side::Bid => bids,
            Side::Ask => asks,
        };
        (count as usize).min(N)
    }
}
