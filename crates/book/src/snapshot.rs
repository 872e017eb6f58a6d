//! A snapshot before it is loaded: are its levels in order, and is none there twice?

use touchline_market::{Level, Side};

use crate::BookError;
use crate::sides::Key;

/// What one pass over a side of a snapshot shows. Levels of quantity zero count as absent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Survey {
    pub(crate) count: usize,
    /// The worst level, the largest key there is while there is none.
    pub(crate) worst: Key,
    /// Strictly best first: the order most venues send, which loads without sorting.
    pub(crate) in_order: bool,
}

impl Survey {
    pub(crate) fn of(side: Side, levels: impl Iterator<Item = Level>) -> Self {
        let mut survey = Self { count: 0, worst: Key(u64::MAX), in_order: true };
        for level in levels {
            let key = Key::new(side, level.price);
            survey.in_order &= survey.count == 0 || key < survey.worst;
            survey.worst = survey.worst.min(key);
            survey.count += 1;
        }
        survey
    }
}

/// Puts levels in order, best first.
pub(crate) fn sort(side: Side, levels: &mut [Level]) -> Result<(), BookError> {
    levels.sort_unstable_by_key(|level| std::cmp::Reverse(Key::new(side, level.price)));
    match levels.windows(2).find(|pair| matches!(pair, [a, b] if a.price == b.price)) {
        Some(&[Level { price, .. }, ..]) => Err(BookError::Duplicate { side, price }),
        _ => Ok(()),
    }
}
