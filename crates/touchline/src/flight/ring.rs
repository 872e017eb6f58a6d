//! The last messages of one book, and its last incidents.

use std::collections::VecDeque;
use std::sync::Arc;

use touchline_book::{Keeper, Outcome};
use touchline_market::{
    Continuity, Head, Instrument, InstrumentId, Reason, Record, Sequence, State, UpdateKind,
};

use super::Incident;

/// Messages of a book that are remembered: 32 are 2 KiB, some seconds of a busy book.
pub const FLIGHT_MESSAGES: usize = 32;

/// Incidents of a book that are kept.
const INCIDENTS: usize = 8;

const _: () = assert!(FLIGHT_MESSAGES.is_power_of_two(), "a place is found by a mask");

/// What became of a message: an [`Outcome`] in one byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Effect {
    /// It took effect.
    Applied,
    /// It was kept for later.
    Kept,
    /// It was not newer than the book.
    Old,
    /// It had nothing for the book.
    Ignored,
    /// A snapshot that did not join the stream.
    TooOld,
    /// Something was missing before it.
    Gap,
    /// It was not valid.
    Rejected,
    /// It was a break of the stream.
    Broken,
}

impl Effect {
    /// The effect in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Kept => "kept",
            Self::Old => "old",
            Self::Ignored => "ignored",
            Self::TooOld => "too old",
            Self::Gap => "gap",
            Self::Rejected => "rejected",
            Self::Broken => "broken",
        }
    }
}

impl From<Outcome> for Effect {
    #[inline]
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied => Self::Applied,
            Outcome::Buffered => Self::Kept,
            Outcome::Stale => Self::Old,
            Outcome::Ignored => Self::Ignored,
            Outcome::TooOld => Self::TooOld,
            Outcome::Gap => Self::Gap,
            Outcome::Rejected(_) => Self::Rejected,
            Outcome::Broken => Self::Broken,
        }
    }
}

/// A message that passed: its head without its levels, and what became of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(align(64))]
pub struct Passed {
    /// The head.
    pub head: Head,
    /// What became of it.
    pub effect: Effect,
    /// Was the book LIVE after it?
    pub live: bool,
}

const _: () = assert!(size_of::<Passed>() == 64, "a message costs one cache line");

/// The recorder of one book.
#[derive(Debug)]
pub(crate) struct Flight {
    /// How many messages passed.
    count: usize,
    incidents: VecDeque<Arc<Incident>>,
    /// How often the book was LIVE no more, by reason.
    lapses: [u64; Reason::ALL.len()],
    ring: [Passed; FLIGHT_MESSAGES],
}

/// What an incident is made from, beside what the recorder knows.
pub(crate) struct Circumstances<'a> {
    pub(crate) instrument: &'a Arc<Instrument>,
    pub(crate) continuity: Continuity,
    /// The book after the message.
    pub(crate) keeper: &'a Keeper,
    /// The book's sequence before it.
    pub(crate) sequence: Sequence,
    pub(crate) head: &'a Head,
    pub(crate) outcome: Outcome,
}

impl Default for Flight {
    fn default() -> Self {
        let nothing = Passed {
            head: Head::new(UpdateKind::Break, InstrumentId(0)),
            effect: Effect::Ignored,
            live: false,
        };
        Self {
            count: 0,
            incidents: VecDeque::new(),
            lapses: [0; Reason::ALL.len()],
            ring: [nothing; FLIGHT_MESSAGES],
        }
    }
}

impl Flight {
    /// Notes a message. The hot path: one cache line is written, in the place of the oldest.
    #[inline]
    pub(crate) fn note(&mut self, head: &Head, outcome: Outcome, live: bool) {
        // The mask keeps the index in the ring, which the compiler sees.
        if let Some(place) = self.ring.get_mut(self.count & (FLIGHT_MESSAGES - 1)) {
            *place = Passed { head: *head, effect: outcome.into(), live };
        }
        self.count = self.count.wrapping_add(1);
    }

    /// Was the book LIVE after the last message?
    pub(crate) fn was_live(&self) -> bool {
        let last = self.count.wrapping_sub(1) & (FLIGHT_MESSAGES - 1);
        self.ring.get(last).is_some_and(|passed| passed.live)
    }

    /// The book is LIVE no more: keeps what led to it. To be called before the message itself is noted.
    #[cold]
    #[inline(never)]
    pub(crate) fn incident<'a>(
        &mut self,
        what: &Circumstances<'_>,
        body: impl Iterator<Item = &'a Record> + Clone,
    ) -> Arc<Incident> {
        let incident = Arc::new(Incident::new(what, body, self.last()));
        if self.incidents.len() == INCIDENTS {
            self.incidents.pop_front();
        }
        self.incidents.push_back(Arc::clone(&incident));
        incident
    }

    /// Counts that the book is LIVE no more.
    #[cold]
    pub(crate) fn count_lapse(&mut self, state: State) {
        if let State::Stale(reason) | State::Dead(reason) = state
            && let Some(count) = self.lapses.get_mut((reason as usize).wrapping_sub(1))
        {
            *count += 1;
        }
    }

    /// How often the book was LIVE no more, by the reasons in the order of [`Reason::ALL`].
    pub(crate) fn lapses(&self) -> [u64; Reason::ALL.len()] {
        self.lapses
    }

    /// The last incidents, the oldest first.
    pub(crate) fn incidents(&self) -> Vec<Arc<Incident>> {
        self.incidents.iter().cloned().collect()
    }

    /// The last messages, the oldest first.
    fn last(&self) -> Vec<Passed> {
        let there = self.count.min(FLIGHT_MESSAGES);
        let (newer, older) = self.ring.split_at(self.count & (FLIGHT_MESSAGES - 1));
        older.iter().chain(newer).skip(FLIGHT_MESSAGES - there).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After any number of messages the ring holds the last of them in their order, at most 32.
    #[test]
    fn the_last_messages_are_there_in_their_order() {
        let mut flight = Flight::default();
        for n in 0..100_u64 {
            let expected: Vec<_> = (n.saturating_sub(FLIGHT_MESSAGES as u64)..n).collect();
            let last = flight.last();
            assert_eq!(last.iter().map(|passed| passed.head.sequence.0).collect::<Vec<_>>(), expected);
            assert!(last.iter().all(|passed| passed.effect == Effect::Applied));
            let mut head = Head::new(UpdateKind::Delta, InstrumentId(0));
            head.sequence = Sequence(n);
            flight.note(&head, Outcome::Applied, n % 2 == 0);
            assert_eq!(flight.was_live(), n % 2 == 0);
        }
    }
}
