//! What a book says of itself where several paths bring its stream: see [`Paths`](crate::Paths).

use touchline_market::{Head, Record, Sequence, State};

use super::{Keeper, Outcome, Phase};
use crate::continuity::{Join, Step, join, judge};

impl Keeper {
    /// What a delta would be to this book: the next, an old one, or one that leaves something out.
    #[inline]
    pub(crate) fn step(&self, head: &Head) -> Step {
        let family = self.config.continuity;
        match self.phase {
            Phase::Waiting => match self.buffer.last() {
                Some(last) => judge(family, last, head.previous, head.sequence),
                None => Step::Next,
            },
            Phase::Joining => match join(family, self.last, head.previous, head.sequence) {
                // One that ends at the snapshot proves it.
                Join::Stale if head.sequence != self.last => Step::Stale,
                Join::Stale | Join::Joins => Step::Next,
                Join::TooOld => Step::Gap,
            },
            Phase::Unfounded | Phase::Following | Phase::Refreshing | Phase::Recording | Phase::Doubtful => {
                judge(family, self.last, head.previous, head.sequence)
            }
        }
    }

    /// The sequence that the next delta has to follow: of the levels, or of the last delta that is kept.
    #[inline]
    pub(crate) fn frontier(&self) -> Sequence {
        match self.phase {
            Phase::Waiting => self.buffer.last().unwrap_or_default(),
            _ => self.last,
        }
    }

    /// Takes an old delta, in a stream of several paths, of which no other path has brought a copy: two paths that tell of
    /// the same new count would look like one that repeats itself. Where each loses much, one may bring what the other
    /// goes on from, so that only both together show that the numbers get further.
    pub(crate) fn hear_old_of_paths<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        if self.phase == Phase::Joining && !self.state.is_live() {
            // Whether the snapshot is out of reach is for the book to say.
            return self.handle(head, body);
        }
        self.counters.received += 1;
        let (newest, running) = (self.frontier(), self.is_running());
        if self.old.is_new_count(newest, running, head, true) {
            self.restart(head, body)
        } else {
            self.drop_stale()
        }
    }

    /// Counts messages that a path brought in vain and that were not handed on.
    pub(crate) fn count_stale(&mut self) {
        self.counters.received += 1;
        self.counters.stale += 1;
    }

    /// Counts messages that were held back for this book and are thrown away.
    pub(crate) fn count_dropped(&mut self, messages: usize) {
        self.counters.received += messages as u64;
        self.counters.dropped += messages as u64;
    }

    /// Counts a snapshot that the book does not need.
    pub(crate) fn count_ignored_snapshot(&mut self) {
        self.counters.received += 1;
        self.counters.ignored_snapshots += 1;
    }

    /// Counts a message that is not valid, and of which another path may bring a valid copy.
    pub(crate) fn count_rejected(&mut self) {
        self.counters.received += 1;
        self.counters.rejected += 1;
    }

    /// The book takes the place of another, which had this epoch and this state: its epoch is later than that one's. If
    /// that one is dead and nothing has come of this one yet, it is stale for the same reason: its readers knew a book.
    pub(crate) fn take_the_place_of(&mut self, (epoch, state): (u32, State)) {
        self.epoch = self.epoch.max(epoch.wrapping_add(1));
        if let (State::Dead(reason), State::Init | State::Syncing) = (state, self.state) {
            self.state = State::Stale(reason);
        }
    }

    /// Is there nothing that will mend the book without a person?
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, State::Dead(_))
    }
}
