//! The standard library's ordered map: the plain way, and the reference of the others.

use std::collections::BTreeMap;
use std::hint::black_box;

use touchline::market::Level;

use super::{Input, Shelf};
use crate::recording::level;

/// A map a side.
pub(super) struct Tree<'a> {
    pub(super) input: &'a Input,
}

type Sides = [BTreeMap<i64, u64>; 2];

impl Shelf for Tree<'_> {
    type Book = Sides;

    fn fresh(&self) -> Sides {
        let side = |nth: usize| self.input.snapshot.sides[nth].iter().copied().collect();
        [side(0), side(1)]
    }

    #[inline]
    fn apply(&self, book: &mut Sides, nth: usize) {
        for (side, levels) in book.iter_mut().zip(&self.input.messages[nth].sides) {
            for &(price, qty) in levels {
                if qty == 0 {
                    side.remove(&price);
                } else {
                    side.insert(price, qty);
                }
            }
        }
    }

    fn best(&self, [bids, asks]: &Sides) -> [Option<i64>; 2] {
        [bids.last_key_value(), asks.first_key_value()].map(|best| best.map(|(&price, _)| price))
    }

    #[inline]
    fn top(&self, [bids, asks]: &Sides) {
        let mut top = [[Level::default(); 10]; 2];
        let pair = |(&price, &qty)| level((price, qty));
        top[0].iter_mut().zip(bids.iter().rev()).for_each(|(slot, entry)| *slot = pair(entry));
        top[1].iter_mut().zip(asks).for_each(|(slot, entry)| *slot = pair(entry));
        black_box(&top);
    }
}
