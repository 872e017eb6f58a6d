//! Messages that leave something out, until another path brings it.

use std::collections::VecDeque;

use touchline_market::{Head, Nanos, Record};

use super::PathsConfig;

/// Bytes of memory that an emptied hold keeps.
const KEPT_BYTES: usize = 64 * 1024;

/// A message that is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) head: Head,
    /// Which path brought it.
    pub(super) path: u8,
    /// That path left something out before it.
    pub(super) after_hole: bool,
    /// That path broke since: what it brought says no more that it is there.
    pub(super) outlived: bool,
    /// Where its body begins among the records.
    at: usize,
}

/// What became of a message that was to be held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Push {
    Held,
    /// One of this sequence is held already.
    Copy,
    /// A limit is reached.
    Full,
}

/// Held messages, the lowest sequence first.
#[derive(Clone, Debug)]
pub(super) struct Hold {
    held: VecDeque<Held>,
    /// Their bodies, in the order they came; forgotten when the last message leaves.
    records: Vec<Record>,
    /// When the first of those that are held came.
    since: Nanos,
    messages_max: usize,
    bytes_max: usize,
    time_ns: u64,
}

impl Hold {
    pub(super) fn new(config: &PathsConfig) -> Self {
        Self {
            held: VecDeque::new(),
            records: Vec::new(),
            since: Nanos::NONE,
            messages_max: config.hold_messages,
            bytes_max: config.hold_bytes,
            time_ns: config.hold_ns,
        }
    }

    /// Holds a message, if none of its sequence is held and the limits allow it.
    pub(super) fn push<'a>(
        &mut self,
        (path, after_hole): (u8, bool),
        head: &Head,
        body: impl Iterator<Item = &'a Record>,
    ) -> Push {
        // Most messages come behind all others.
        let behind = self.held.iter().rev().take_while(|held| held.head.sequence > head.sequence).count();
        let place = self.held.len() - behind;
        let before = place.checked_sub(1).and_then(|before| self.held.get(before));
        if before.is_some_and(|held| held.head.sequence == head.sequence) {
            return Push::Copy;
        }
        let bytes = (self.held.len() + 1) * size_of::<Held>()
            + (self.records.len() + head.body_records()) * size_of::<Record>();
        if self.held.len() >= self.messages_max || bytes > self.bytes_max {
            return Push::Full;
        }
        if self.held.is_empty() {
            self.since = head.ts_recv;
        }
        let at = self.records.len();
        self.records.extend(body.take(head.body_records()));
        self.held.insert(place, Held { head: *head, path, after_hole, outlived: false, at });
        Push::Held
    }

    /// The message with the lowest sequence, and its body.
    pub(super) fn front(&self) -> Option<(Held, &[Record])> {
        let held = *self.held.front()?;
        let body = self.records.get(held.at..held.at + held.head.body_records()).unwrap_or_default();
        Some((held, body))
    }

    /// Forgets the message with the lowest sequence.
    pub(super) fn pop(&mut self) {
        self.held.pop_front();
        if self.held.is_empty() {
            self.clear();
        }
    }

    /// A path broke: what it brought is held on, and is no sign of it.
    pub(super) fn outlive(&mut self, path: u8) {
        self.held.iter_mut().filter(|held| held.path == path).for_each(|held| held.outlived = true);
    }

    /// Forgets what one path brought; how many messages that was.
    pub(super) fn drop_path(&mut self, path: u8) -> usize {
        let before = self.held.len();
        self.held.retain(|held| held.path != path);
        let dropped = before - self.held.len();
        if self.held.is_empty() {
            self.clear();
        }
        dropped
    }

    /// Forgets every message, and gives back what memory a rare flood took; how many messages that was.
    pub(super) fn clear(&mut self) -> usize {
        let count = self.held.len();
        self.held.clear();
        self.records.clear();
        self.since = Nanos::NONE;
        self.held.shrink_to(KEPT_BYTES / size_of::<Held>());
        self.records.shrink_to(KEPT_BYTES / size_of::<Record>());
        count
    }

    /// After messages have left: since when are those that stay held?
    pub(super) fn settle(&mut self) {
        self.since = self.held.iter().map(|held| held.head.ts_recv).min().unwrap_or_default();
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Is the time for which these messages are held over?
    #[inline]
    pub(super) fn is_over(&self, now: Nanos) -> bool {
        self.deadline().is_some_and(|deadline| now > deadline)
    }

    /// The end of the time for which these messages are held.
    #[inline]
    pub(super) fn deadline(&self) -> Option<Nanos> {
        if self.held.is_empty() {
            return None;
        }
        self.since.get().map(|since| Nanos(since.saturating_add(self.time_ns)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, delta};

    fn push(hold: &mut Hold, sequence: u64, ts_recv: u64) -> Push {
        let (head, body) = at(ts_recv, delta(sequence - 1, sequence, &[(sequence as i64, 1)], &[]));
        hold.push((0, false), &head, body.iter())
    }

    /// Messages leave by their sequence, each with its own body, in whatever order they came.
    #[test]
    fn messages_leave_by_their_sequence() {
        let mut hold = Hold::new(&PathsConfig::default());
        let came = [(9, 1), (7, 2), (12, 3), (8, 4), (10, 5)];
        came.iter()
            .for_each(|&(sequence, ts_recv)| assert_eq!(push(&mut hold, sequence, ts_recv), Push::Held));
        assert_eq!(push(&mut hold, 8, 6), Push::Copy);
        let mut left = Vec::new();
        while let Some((held, body)) = hold.front() {
            assert_eq!(body[0].0[0], held.head.sequence.0);
            left.push(held.head.sequence.0);
            hold.pop();
        }
        assert_eq!(left, [7, 8, 9, 10, 12]);
        assert_eq!((hold.len(), hold.deadline()), (0, None));
    }

    /// The time runs from the receipt of the first one that is still held; without stamps there is none.
    #[test]
    fn time_runs_from_the_first_that_stays() {
        let mut hold = Hold::new(&PathsConfig { hold_ns: 50, ..PathsConfig::default() });
        for (sequence, ts_recv) in [(7, 100), (9, 120), (8, 130)] {
            push(&mut hold, sequence, ts_recv);
        }
        assert!(hold.is_over(Nanos(151)) && !hold.is_over(Nanos(150)));
        hold.pop();
        hold.settle();
        assert_eq!(hold.deadline(), Some(Nanos(170)));
        let mut unstamped = Hold::new(&PathsConfig::default());
        push(&mut unstamped, 7, 0);
        assert!(!unstamped.is_over(Nanos(u64::MAX)));
    }

    /// Once it has held as much, holding takes no memory; and what a flood took is given back.
    #[test]
    fn memory_is_taken_once_and_given_back_after_a_flood() {
        let mut hold = Hold::new(&PathsConfig::default());
        let mut bytes = |messages: u64| {
            (0..messages).for_each(|n| assert_eq!(push(&mut hold, n + 1, 1), Push::Held));
            (0..messages).for_each(|_| hold.pop());
            hold.held.capacity() * size_of::<Held>() + hold.records.capacity() * size_of::<Record>()
        };
        let first = bytes(100);
        assert!((0..50).all(|_| bytes(100) == first));
        assert!(bytes(1_024) <= 2 * KEPT_BYTES);
    }
}
