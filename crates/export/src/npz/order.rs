//! Events in two orders at once: the exchange's side of a backtest takes them by the venue's stamps, ours by receipts.
//!
//! They come here by receipt. Where the venue's stamps agree, an event is one record for both sides. Where they do not
//! (a trade stamped before the delta that came before it), it becomes two records, one for each side, and each side's
//! records are in its order. An event waits until a second of receipts has passed, so that one with an earlier stamp can
//! still go before it.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::io::{self, Write};

use touchline::market::Nanos;

use super::Told;
use super::event::{EXCH, Event, LOCAL};

/// How long an event waits for others with earlier stamps.
const WAIT_NS: u64 = 1_000_000_000;

/// Events that wait at most.
const WAITING_MAX: usize = 1 << 17;

/// Brings events into both orders.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// What the exchange's side has not taken yet, the earliest stamp first.
    exchange: BinaryHeap<Reverse<Numbered>>,
    /// What our side has not taken yet, in order of receipt; true if the exchange's side has taken it.
    ours: VecDeque<(Event, bool)>,
    /// The number of the first of `ours`.
    first: u64,
    /// The last stamp that the exchange's side took.
    last: Nanos,
    told: Told,
}

/// An event with its number in order of receipt, ordered by the venue's stamp.
#[derive(Clone, Copy, Debug)]
struct Numbered(Event, u64);

impl Numbered {
    fn key(&self) -> (Nanos, u64) {
        (self.0.exch, self.1)
    }
}

impl PartialEq for Numbered {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Numbered {}

impl PartialOrd for Numbered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Numbered {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Order {
    /// Takes the event that was received next, and writes what need not wait any longer.
    pub(super) fn push(&mut self, event: Event, out: &mut impl Write) -> io::Result<()> {
        let number = self.first + self.ours.len() as u64;
        self.exchange.push(Reverse(Numbered(event, number)));
        self.ours.push_back((event, false));
        while let Some(Reverse(Numbered(earliest, _))) = self.exchange.peek() {
            let is_due = earliest.local.0.saturating_add(WAIT_NS) <= event.local.0;
            if !is_due && self.exchange.len() <= WAITING_MAX {
                break;
            }
            self.take(out)?;
        }
        // One stamp far ahead must not hold up all that was received behind it.
        while self.ours.len() > WAITING_MAX {
            self.write_ours(out)?;
        }
        Ok(())
    }

    /// Writes all that is left, and says how many records there are.
    pub(super) fn finish(mut self, out: &mut impl Write) -> io::Result<Told> {
        while !self.exchange.is_empty() {
            self.take(out)?;
        }
        out.flush()?;
        Ok(self.told)
    }

    /// The exchange's side takes the event with the earliest stamp.
    fn take(&mut self, out: &mut impl Write) -> io::Result<()> {
        let Some(Reverse(Numbered(mut event, number))) = self.exchange.pop() else { return Ok(()) };
        if event.exch < self.last {
            event.exch = self.last;
            self.told.raised += 1;
        }
        self.last = event.exch;
        if number == self.first && !self.ours.is_empty() {
            self.ours.pop_front();
            self.first += 1;
            self.write(&event, EXCH | LOCAL, out)?;
        } else {
            self.told.split += 1;
            self.write(&event, EXCH, out)?;
            let behind = number.checked_sub(self.first).and_then(|behind| usize::try_from(behind).ok());
            if let Some((_, is_taken)) = behind.and_then(|behind| self.ours.get_mut(behind)) {
                *is_taken = true;
            }
        }
        while let Some((_, true)) = self.ours.front() {
            self.write_ours(out)?;
        }
        Ok(())
    }

    /// Our side takes the event that was received first.
    fn write_ours(&mut self, out: &mut impl Write) -> io::Result<()> {
        let Some((event, _)) = self.ours.pop_front() else { return Ok(()) };
        self.first += 1;
        self.write(&event, LOCAL, out)
    }

    fn write(&mut self, event: &Event, heard_by: u64, out: &mut impl Write) -> io::Result<()> {
        self.told.rows += 1;
        out.write_all(&event.bytes(heard_by))
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{BYTES, DEPTH};
    use super::*;

    /// What comes out for these stamps (the venue's, ours): who hears it, the venue's stamp, ours.
    fn ordered(stamps: &[(u64, u64)]) -> (Vec<(u64, u64, u64)>, Told) {
        let (mut order, mut out) = (Order::default(), Vec::new());
        for &(exch, local) in stamps {
            let event = Event { what: DEPTH, exch: Nanos(exch), local: Nanos(local), px: 1.0, qty: 2.0 };
            order.push(event, &mut out).unwrap();
        }
        let told = order.finish(&mut out).unwrap();
        let word =
            |record: &[u8], at: usize| u64::from_le_bytes(record[8 * at..8 * at + 8].try_into().unwrap());
        let records = out.chunks_exact(BYTES);
        (records.map(|record| (word(record, 0) - DEPTH, word(record, 1), word(record, 2))).collect(), told)
    }

    /// Each side's records are in its order, and each side hears every event once.
    fn holds(stamps: &[(u64, u64)], records: &[(u64, u64, u64)]) {
        let heard = |by: u64| records.iter().filter(move |record| record.0 & by != 0);
        assert!(heard(EXCH).map(|record| record.1).is_sorted());
        assert!(heard(LOCAL).map(|record| record.2).is_sorted());
        assert_eq!((heard(EXCH).count(), heard(LOCAL).count()), (stamps.len(), stamps.len()));
    }

    /// Stamps in order: one record an event. One that came late: two of it, around those that came before it.
    #[test]
    fn only_what_came_late_stands_twice() {
        let both = EXCH | LOCAL;
        let (records, told) = ordered(&[(1, 10), (2, 11), (2, 12)]);
        assert_eq!(records, [(both, 1, 10), (both, 2, 11), (both, 2, 12)]);
        assert_eq!((told.rows, told.split, told.raised), (3, 0, 0));
        let stamps = [(1, 10), (5, 11), (3, 12), (6, 13)];
        let (records, told) = ordered(&stamps);
        assert_eq!(records, [(both, 1, 10), (EXCH, 3, 12), (both, 5, 11), (LOCAL, 3, 12), (both, 6, 13)]);
        assert_eq!((told.rows, told.split, told.raised), (5, 1, 0));
        holds(&stamps, &records);
    }

    /// A stamp older than a second of receipts holds is raised; everything still is in order. Also with a stamp from far
    /// ahead, which holds up nobody else.
    #[test]
    fn stamps_that_are_too_late_are_raised() {
        let late = [(100, 1), (200, 2), (300, WAIT_NS + 2), (150, WAIT_NS + 3), (400, WAIT_NS + 4)];
        let (records, told) = ordered(&late);
        assert_eq!(told.raised, 1);
        holds(&late, &records);
        let many: Vec<_> =
            (0..WAITING_MAX as u64 + 500).map(|at| (if at == 3 { u64::MAX } else { at }, at)).collect();
        let (records, told) = ordered(&many);
        assert_eq!(told.raised, 0);
        holds(&many, &records);
        assert_eq!(records.last(), Some(&(EXCH, u64::MAX, 3)));
    }
}
