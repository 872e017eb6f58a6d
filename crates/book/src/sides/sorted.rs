//! The plain layout: keys and quantities in two sorted arrays, the best at the end.
//!
//! Most updates fall near the best, so few elements move, but a removal 5,000 levels deep moves 80 KB. It is kept
//! as the peer that the benches measure the others against.

use touchline_market::Qty;

use super::{Key, Ladder};

/// How many levels are probed one by one from the best before the search halves.
const PROBE: usize = 16;

/// One side as two sorted arrays: 16 bytes a level.
#[derive(Clone, Debug, Default)]
pub struct Sorted {
    keys: Vec<Key>,
    qtys: Vec<Qty>,
}

impl Sorted {
    /// An empty side with room for `capacity` levels.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { keys: Vec::with_capacity(capacity), qtys: Vec::with_capacity(capacity) }
    }

    /// Where `key` is, or where it would stand.
    fn find(&self, key: Key) -> Result<usize, usize> {
        let probed = self.keys.iter().rev().take(PROBE).take_while(|&&other| other > key).count();
        let end = self.keys.len().saturating_sub(probed);
        if probed == PROBE {
            return self.keys.get(..end).unwrap_or_default().binary_search(&key);
        }
        match end.checked_sub(1).and_then(|at| Some((at, self.keys.get(at)?))) {
            Some((at, &other)) if other == key => Ok(at),
            _ => Err(end),
        }
    }
}

impl Ladder for Sorted {
    fn set(&mut self, key: Key, qty: Qty) -> bool {
        match self.find(key) {
            Ok(at) if qty.0 == 0 => {
                self.keys.remove(at);
                self.qtys.remove(at);
                true
            }
            Ok(at) => {
                if let Some(slot) = self.qtys.get_mut(at) {
                    *slot = qty;
                }
                true
            }
            Err(at) => {
                if qty.0 != 0 {
                    self.keys.insert(at, key);
                    self.qtys.insert(at, qty);
                }
                false
            }
        }
    }

    fn get(&self, key: Key) -> Option<Qty> {
        self.find(key).ok().and_then(|at| self.qtys.get(at).copied())
    }

    fn best(&self) -> Option<(Key, Qty)> {
        Some((*self.keys.last()?, *self.qtys.last()?))
    }

    fn iter(&self) -> impl Iterator<Item = (Key, Qty)> {
        self.keys.iter().rev().copied().zip(self.qtys.iter().rev().copied())
    }

    fn len(&self) -> usize {
        self.keys.len()
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.qtys.clear();
    }

    fn load(&mut self, best_first: impl Iterator<Item = (Key, Qty)> + Clone) {
        self.clear();
        for (key, qty) in best_first {
            self.keys.push(key);
            self.qtys.push(qty);
        }
        self.keys.reverse();
        self.qtys.reverse();
    }

    fn heap_bytes(&self) -> usize {
        self.keys.capacity() * size_of::<Key>() + self.qtys.capacity() * size_of::<Qty>()
    }
}
