//! What became of every frame: received = with updates + ignored + rejected + dropped. And what became of connections.

use touchline_feed::Report;
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

/// What became of attempts to connect, and of the connections that came of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ConnectionCounters {
    /// Attempts to connect.
    pub attempts: u64,
    /// Attempts that gave an open socket.
    pub opened: u64,
    /// Those of them that were not the first of their connection.
    pub reopened: u64,
    /// Attempts that failed.
    pub refused: u64,
    /// Open sockets that ended, and not by our own wish to close them for good.
    pub ended: u64,
    /// Times that a connection, or one stream of it, was silent for too long.
    pub stalled: u64,
    /// Times that the venue refused a stream.
    pub rejected: u64,
    /// Times that a connection was about to end and another one was opened in its place.
    pub replaced: u64,
}

impl ConnectionCounters {
    /// Counts what one connection reports; these are the counts of that connection alone.
    pub(crate) fn count(&mut self, report: &Report) {
        match report {
            Report::Connecting { .. } => self.attempts += 1,
            Report::Open => {
                self.reopened += u64::from(self.opened > 0);
                self.opened += 1;
            }
            Report::Refused { .. } => self.refused += 1,
            Report::Down { .. } => self.ended += 1,
            Report::Stalled { .. } => self.stalled += 1,
            Report::Rejected { .. } => self.rejected += 1,
            Report::Leaving => self.replaced += 1,
            Report::Live { .. } => {}
        }
    }

    /// Adds another connection's counts.
    pub fn merge(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.opened += other.opened;
        self.reopened += other.reopened;
        self.refused += other.refused;
        self.ended += other.ended;
        self.stalled += other.stalled;
        self.rejected += other.rejected;
        self.replaced += other.replaced;
    }
}

#[cfg(test)]
mod tests {
    use touchline_feed::{Ending, Moment};

    use super::*;

    /// A connection that is cut and comes back: the second opening is a return, and two connections add up.
    #[test]
    fn a_second_opening_is_a_return() {
        let mut counters = ConnectionCounters::default();
        let down = Report::Down { ending: Ending::Cut, next: Moment(1) };
        let life = [Report::Connecting { attempt: 1 }, Report::Open, Report::Live { streams: 2 }, down];
        for report in life.iter().chain(&life) {
            counters.count(report);
        }
        let expected = ConnectionCounters {
            attempts: 2,
            opened: 2,
            reopened: 1,
            ended: 2,
            ..ConnectionCounters::default()
        };
        assert_eq!(counters, expected);
        counters.merge(&expected);
        assert_eq!((counters.attempts, counters.reopened, counters.ended), (4, 2, 4));
    }
}
