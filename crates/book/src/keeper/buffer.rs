//! The deltas that wait for a snapshot.

use touchline_market::{Bug, Head, Reason, Record, Sequence, State, planted};

use super::{Keeper, Outcome, Phase};
use crate::continuity::{Step, judge};

/// Bytes of memory that an emptied buffer keeps: enough for the deltas of a usual resync.
const KEPT_BYTES: usize = 64 * 1024;

/// Deltas in the order they came, each following the one before.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffer {
    heads: Vec<Head>,
    records: Vec<Record>,
}

impl Buffer {
    /// Adds a message unless that exceeds one of the limits.
    pub(super) fn push<'a>(
        &mut self,
        head: &Head,
        body: impl Iterator<Item = &'a Record>,
        limits: (usize, usize),
    ) -> bool {
        let bytes = (self.heads.len() + 1) * size_of::<Head>()
            + (self.records.len() + head.body_records()) * size_of::<Record>();
        if self.heads.len() >= limits.0 || bytes > limits.1 {
            return false;
        }
        self.heads.push(*head);
        self.records.extend(body.take(head.body_records()));
        true
    }

    /// Forgets the first `count` messages.
    pub(super) fn drop_front(&mut self, count: usize) {
        let records = self.heads.iter().take(count).map(Head::body_records).sum::<usize>();
        self.heads.drain(..count.min(self.heads.len()));
        self.records.drain(..records.min(self.records.len()));
    }

    /// Forgets every message, and gives back what memory a rare flood took.
    pub(super) fn clear(&mut self) {
        self.heads.clear();
        self.records.clear();
        self.heads.shrink_to(KEPT_BYTES / size_of::<Head>());
        self.records.shrink_to(KEPT_BYTES / size_of::<Record>());
    }

    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    /// The sequence of the first message.
    pub(super) fn first(&self) -> Option<Sequence> {
        self.heads.first().map(|head| head.sequence)
    }

    /// The sequence of the last message.
    pub(super) fn last(&self) -> Option<Sequence> {
        self.heads.last().map(|head| head.sequence)
    }

    /// Every message, the oldest first.
    pub(super) fn messages(&self) -> impl Iterator<Item = (&Head, &[Record])> {
        let mut rest = &self.records[..];
        self.heads.iter().map(move |head| {
            let (body, after) = rest.split_at_checked(head.body_records()).unwrap_or((rest, &[]));
            rest = after;
            (head, body)
        })
    }
}

impl Keeper {
    /// Updates were lost before this one: it is the first of a new buffer.
    #[cold]
    pub(super) fn gap<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        self.counters.gaps += 1;
        if !planted(Bug::GapStateUnwritten) {
            self.state = State::Stale(Reason::Gap);
        }
        self.phase = Phase::Waiting;
        self.drop_kept();
        match self.keep(head, body) {
            Outcome::Buffered => Outcome::Gap,
            rejected => rejected,
        }
    }

    /// Keeps a delta for a snapshot to come.
    pub(super) fn keep<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        self.counters.before_start += u64::from(self.epoch == 0);
        if let Err(error) = crate::book::check_body(head, &body) {
            return self.reject(error);
        }
        let running = self.is_running();
        if let Some(last) = self.buffer.last() {
            match judge(self.config.continuity, last, head.previous, head.sequence) {
                Step::Stale if self.old.is_new_count(last, running, head, true) => self.begin_count(),
                Step::Stale => return self.drop_stale(),
                Step::Gap => {
                    self.counters.gaps += 1;
                    self.drop_kept();
                }
                Step::Next => {}
            }
        }
        if self.state == State::Init {
            self.state = State::Syncing;
        }
        let limits = self.limits();
        if !self.buffer.push(head, body.clone(), limits) {
            self.counters.overflows += 1;
            self.drop_kept();
            if !self.buffer.push(head, body, limits) {
                self.counters.dropped += 1;
                self.hear(head.sequence);
                return Outcome::Ignored;
            }
        }
        self.counters.buffered += 1;
        Outcome::Buffered
    }
}
