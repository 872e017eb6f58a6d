//! What became of every frame: received = with updates + ignored + rejected + dropped.

use touchline_venue::{Ignored, ParseError, Parsed, Rejected};

/// The reader's count of frames and REST responses, each under exactly one heading.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IntakeCounters {
    /// Everything that came: frames, and REST responses about books.
    pub received: u64,
    /// Gave updates.
    pub parsed: u64,
    /// Updates given.
    pub updates: u64,
    /// Understood, and of no use to a book; by [`Ignored`].
    pub ignored: [u64; Ignored::ALL.len()],
    /// Not understood, by [`ParseError::REASONS`].
    pub rejected: [u64; ParseError::REASONS.len()],
    /// Not parsed at all, because the ring was full.
    pub dropped: u64,
    /// Breaks sent to books: after a rejected message, a full ring, a reconnect.
    pub breaks: u64,
    /// Times that a connection's own counter showed that messages were missing: every book of it heard a break, and the
    /// frame that showed it was taken like any other.
    pub lost: u64,
    /// Updates and breaks that did not go on to a book: another connection brings the same stream, or nobody wants it
    /// any more.
    pub withheld: u64,
}

impl IntakeCounters {
    /// Counts one outcome.
    #[inline]
    pub(crate) fn count(&mut self, outcome: &Result<Parsed, Rejected>) {
        self.received += 1;
        match outcome {
            Ok(Parsed::Updates(updates)) => {
                self.parsed += 1;
                self.updates += u64::from(*updates);
            }
            Ok(Parsed::Ignored(reason)) => {
                if let Some(count) = self.ignored.get_mut(*reason as usize) {
                    *count += 1;
                }
            }
            Err(rejected) => {
                if let Some(count) = self.rejected.get_mut(rejected.error.reason_index()) {
                    *count += 1;
                }
            }
        }
    }

    /// Adds another reader's or connection's counts.
    pub fn merge(&mut self, other: &Self) {
        self.received += other.received;
        self.parsed += other.parsed;
        self.updates += other.updates;
        for (mine, theirs) in self.ignored.iter_mut().zip(other.ignored) {
            *mine += theirs;
        }
        for (mine, theirs) in self.rejected.iter_mut().zip(other.rejected) {
            *mine += theirs;
        }
        self.dropped += other.dropped;
        self.breaks += other.breaks;
        self.lost += other.lost;
        self.withheld += other.withheld;
    }

    /// Everything ignored.
    #[must_use]
    pub fn ignored_total(&self) -> u64 {
        self.ignored.iter().sum()
    }

    /// Everything rejected.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().sum()
    }

    /// Does every frame stand under exactly one heading?
    #[must_use]
    pub fn balances(&self) -> bool {
        self.received == self.parsed + self.ignored_total() + self.rejected_total() + self.dropped
    }

    /// The headings that are not zero, with their names; and how many frames showed that others were lost.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let ignored = Ignored::ALL.iter().map(|reason| reason.name()).zip(self.ignored);
        let rejected = ParseError::REASONS.iter().copied().zip(self.rejected);
        let others = [("ring full", self.dropped), ("taken after others were lost", self.lost)];
        ignored.chain(rejected).chain(others).filter(|(_, count)| *count > 0)
    }
}
