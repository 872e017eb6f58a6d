//! barter-data's book: levels best first in an array of decimals.

use std::hint::black_box;

use barter_data::books::{Level, OrderBook};
use barter_data::subscription::book::OrderBookEvent;
use rust_decimal::Decimal;

use super::{Input, Shelf};
use crate::recording::{Depth, Levels};

/// The book and the updates in its form.
pub(super) struct Barter {
    fresh: OrderBook,
    messages: Vec<OrderBookEvent>,
}

impl Barter {
    pub(super) fn new(input: &Input) -> Self {
        let update = |depth: &Depth| OrderBookEvent::Update(book(depth));
        Self { fresh: book(&input.snapshot), messages: input.messages.iter().map(update).collect() }
    }
}

impl Shelf for Barter {
    type Book = OrderBook;

    fn fresh(&self) -> OrderBook {
        self.fresh.clone()
    }

    #[inline]
    fn apply(&self, book: &mut OrderBook, nth: usize) {
        book.update(&self.messages[nth]);
    }

    fn best(&self, book: &OrderBook) -> [Option<i64>; 2] {
        bests(book)
    }

    #[inline]
    fn top(&self, book: &OrderBook) {
        let mut top = [[Level::default(); 10]; 2];
        for (slots, levels) in top.iter_mut().zip([book.bids().levels(), book.asks().levels()]) {
            slots.iter_mut().zip(levels).for_each(|(slot, level)| *slot = *level);
        }
        black_box(&top);
    }
}

fn book(depth: &Depth) -> OrderBook {
    let side = |levels: &Levels| -> Vec<Level> {
        levels
            .iter()
            .map(|&(price, qty)| Level::new(Decimal::new(price, 2), Decimal::new(qty as i64, 3)))
            .collect()
    };
    OrderBook::new(depth.sequence[1], None, side(&depth.sides[0]), side(&depth.sides[1]))
}

/// The best bid and ask at two decimals.
pub fn bests(book: &OrderBook) -> [Option<i64>; 2] {
    let price = |levels: &[Level]| {
        let mut price = levels.first()?.price;
        price.rescale(2);
        i64::try_from(price.mantissa()).ok()
    };
    [price(book.bids().levels()), price(book.asks().levels())]
}
