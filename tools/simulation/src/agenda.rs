//! What will happen when: the one clock of a world.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

/// Things to come, by time; of the same time, in the order they were put down.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    count: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Duration,
    number: u64,
    what: T,
}

impl<T> Agenda<T> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new(), count: 0 }
    }

    pub(crate) fn put(&mut self, at: Duration, what: T) {
        self.count += 1;
        self.heap.push(Reverse(Entry { at, number: self.count, what }));
    }

    /// The next thing, if it is before `end`.
    pub(crate) fn next(&mut self, end: Duration) -> Option<(Duration, T)> {
        if self.heap.peek().is_none_or(|Reverse(entry)| entry.at >= end) {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}

impl<T> Entry<T> {
    fn rank(&self) -> (Duration, u64) {
        (self.at, self.number)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Things come by time, those of the same time in order, and none before its end.
    #[test]
    fn things_come_in_order() {
        let mut agenda = Agenda::new();
        for (at, what) in [(3, 'c'), (1, 'a'), (3, 'd'), (2, 'b')] {
            agenda.put(Duration::from_secs(at), what);
        }
        let until = |agenda: &mut Agenda<char>, end| -> String {
            std::iter::from_fn(|| agenda.next(Duration::from_secs(end)).map(|(_, what)| what)).collect()
        };
        assert_eq!(until(&mut agenda, 3), "ab");
        assert_eq!(until(&mut agenda, 9), "cd");
        assert_eq!(agenda.len(), 0);
    }
}
