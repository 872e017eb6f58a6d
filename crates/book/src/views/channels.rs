//! The venue's own best bid and offer, and the last trade: what came, as it came.

use touchline_market::{Bbo, Head, Nanos, Price, Qty, Sequence, Side, State, Trade};

use super::Verdict;

/// The venue's best bid and offer. Not taken from the book: the venue's own message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BboView {
    /// Live once a message came; stale when the stream broke.
    pub state: State,
    /// Decimals of the prices.
    pub price_scale: u8,
    /// Decimals of the quantities.
    pub qty_scale: u8,
    /// The venue's sequence of the message.
    pub sequence: Sequence,
    /// Our stamp of it.
    pub ts_recv: Nanos,
    /// What it said; a quantity of 0 means that the side is empty.
    pub bbo: Bbo,
}

impl BboView {
    /// The view of a message.
    #[must_use]
    pub fn new(head: &Head, bbo: Bbo) -> Self {
        Self {
            state: State::Live,
            price_scale: head.price_scale,
            qty_scale: head.qty_scale,
            sequence: head.sequence,
            ts_recv: head.ts_recv,
            bbo,
        }
    }

    /// As it is published.
    #[inline]
    #[must_use]
    pub fn to_words(self) -> [u64; 7] {
        let Self { state, price_scale, qty_scale, sequence, ts_recv, bbo: Bbo { bid, ask } } = self;
        let verdict = Verdict { state, price_scale, qty_scale, ..Verdict::default() };
        let (bid_price, ask_price) = (bid.price.0.cast_unsigned(), ask.price.0.cast_unsigned());
        [verdict.to_word(), sequence.0, bid_price, bid.qty.0, ask_price, ask.qty.0, ts_recv.0]
    }

    /// From published words.
    #[inline]
    #[must_use]
    pub fn from_words(words: [u64; 7]) -> Self {
        let [verdict, sequence, bid, bid_qty, ask, ask_qty, ts_recv] = words;
        let Verdict { state, price_scale, qty_scale, .. } = Verdict::from_word(verdict);
        let level = |price: u64, qty| touchline_market::Level::new(price.cast_signed(), qty);
        let bbo = Bbo { bid: level(bid, bid_qty), ask: level(ask, ask_qty) };
        Self { state, price_scale, qty_scale, sequence: Sequence(sequence), ts_recv: Nanos(ts_recv), bbo }
    }
}

/// The last trade.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TradeView {
    /// Live once a trade came; stale when the stream broke.
    pub state: State,
    /// Decimals of the price.
    pub price_scale: u8,
    /// Decimals of the quantity.
    pub qty_scale: u8,
    /// The venue's stamp of the trade.
    pub ts_event: Nanos,
    /// Our stamp of its message.
    pub ts_recv: Nanos,
    /// The trade.
    pub trade: Trade,
}

impl TradeView {
    /// The view of a message.
    #[must_use]
    pub fn new(head: &Head, trade: Trade) -> Self {
        Self {
            state: State::Live,
            price_scale: head.price_scale,
            qty_scale: head.qty_scale,
            ts_event: head.ts_event,
            ts_recv: head.ts_recv,
            trade,
        }
    }

    /// As it is published.
    #[inline]
    #[must_use]
    pub fn to_words(self) -> [u64; 7] {
        let Self { state, price_scale, qty_scale, ts_event, ts_recv, trade } = self;
        let verdict = Verdict { state, price_scale, qty_scale, ..Verdict::default() };
        let (price, side) = (trade.price.0.cast_unsigned(), trade.aggressor as u64);
        [verdict.to_word(), trade.id, price, trade.qty.0, side, ts_event.0, ts_recv.0]
    }

    /// From published words.
    #[inline]
    #[must_use]
    pub fn from_words(words: [u64; 7]) -> Self {
        let [verdict, id, price, qty, side, ts_event, ts_recv] = words;
        let Verdict { state, price_scale, qty_scale, .. } = Verdict::from_word(verdict);
        let aggressor = if side == Side::Ask as u64 { Side::Ask } else { Side::Bid };
        let trade = Trade { price: Price(price.cast_signed()), qty: Qty(qty), id, aggressor };
        Self { state, price_scale, qty_scale, ts_event: Nanos(ts_event), ts_recv: Nanos(ts_recv), trade }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use touchline_market::{InstrumentId, Level, Reason, UpdateKind};

    proptest! {
        /// Whatever a message said comes out of its words again.
        #[test]
        fn messages_survive_their_words(p: i64, q: u64, r: i64, s: u64, id: u64, stamp: u64, bought: bool) {
            let mut head = Head::new(UpdateKind::Bbo, InstrumentId(0));
            (head.price_scale, head.qty_scale, head.sequence) = (18, 3, Sequence(id));
            (head.ts_event, head.ts_recv) = (Nanos(stamp), Nanos(!stamp));
            let bbo = BboView::new(&head, Bbo { bid: Level::new(p, q), ask: Level::new(r, s) });
            prop_assert_eq!(BboView::from_words(bbo.to_words()), bbo);
            let aggressor = if bought { Side::Bid } else { Side::Ask };
            let mut trade = TradeView::new(&head, Trade { price: Price(p), qty: Qty(s), id, aggressor });
            trade.state = State::Stale(Reason::Disconnected);
            prop_assert_eq!(TradeView::from_words(trade.to_words()), trade);
        }
    }

    /// Before the first message, words of zero say so.
    #[test]
    fn zeros_are_no_message() {
        assert_eq!(BboView::from_words([0; 7]), BboView::default());
        assert_eq!(TradeView::from_words([0; 7]).state, State::Init);
    }
}
