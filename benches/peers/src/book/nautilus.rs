//! nautilus-model's book of price levels: deltas with prices, quantities and actions in its own fixed-point types.

use std::hint::black_box;

use nautilus_model::data::{BookOrder, OrderBookDelta};
use nautilus_model::enums::{BookAction, BookType, OrderSide};
use nautilus_model::identifiers::InstrumentId;
use nautilus_model::orderbook::OrderBook;
use nautilus_model::types::fixed::FIXED_PRECISION;
use nautilus_model::types::{Price, Quantity};

use super::{Input, Shelf};
use crate::recording::Depth;

/// The book, and the updates in its form.
pub(super) struct Nautilus {
    fresh: OrderBook,
    messages: Vec<Vec<OrderBookDelta>>,
}

impl Nautilus {
    pub(super) fn new(input: &Input) -> Self {
        let mut fresh = OrderBook::new(instrument(), BookType::L2_MBP);
        deltas(&input.snapshot).iter().for_each(|delta| apply(&mut fresh, delta));
        Self { fresh, messages: input.messages.iter().map(deltas).collect() }
    }
}

impl Shelf for Nautilus {
    type Book = OrderBook;

    fn fresh(&self) -> OrderBook {
        self.fresh.clone()
    }

    #[inline]
    fn apply(&self, book: &mut OrderBook, nth: usize) {
        for delta in &self.messages[nth] {
            apply(book, delta);
        }
    }

    fn best(&self, book: &OrderBook) -> [Option<i64>; 2] {
        let cents = |price: Price| (price.as_f64() * 100.0).round() as i64;
        [book.best_bid_price(), book.best_ask_price()].map(|price| price.map(cents))
    }

    #[inline]
    fn top(&self, book: &OrderBook) {
        let mut top = [[(0, 0); 10]; 2];
        let (mut bids, mut asks) = (book.bids(Some(10)), book.asks(Some(10)));
        for slot in &mut top[0] {
            bids.next().into_iter().for_each(|level| *slot = (level.price.value.raw, level.size_raw()));
        }
        for slot in &mut top[1] {
            asks.next().into_iter().for_each(|level| *slot = (level.price.value.raw, level.size_raw()));
        }
        black_box(&top);
    }
}

#[inline]
fn apply(book: &mut OrderBook, delta: &OrderBookDelta) {
    black_box(book.apply_delta(delta)).expect("its own instrument");
}

fn instrument() -> InstrumentId {
    InstrumentId::from("BTCUSDT-PERP.BINANCE")
}

fn deltas(depth: &Depth) -> Vec<OrderBookDelta> {
    // From two and three decimals to the decimals of its raw numbers.
    let price_unit = 10_i64.pow(u32::from(FIXED_PRECISION) - 2);
    let size_unit = 10_u64.pow(u32::from(FIXED_PRECISION) - 3);
    let mut deltas = Vec::new();
    for (side, levels) in [OrderSide::Buy, OrderSide::Sell].into_iter().zip(&depth.sides) {
        for &(price, qty) in levels {
            let (price, size) =
                (Price::from_raw(price * price_unit, 2), Quantity::from_raw(qty * size_unit, 3));
            let action = if qty == 0 { BookAction::Delete } else { BookAction::Update };
            let order = BookOrder::new(side, price, size, 0);
            let sequence = depth.sequence[1];
            deltas.push(OrderBookDelta::new(instrument(), action, order, 0, sequence, 0.into(), 0.into()));
        }
    }
    deltas
}
