//! Snapshots: those of the stream, and those asked for beside it, which join the stream by their sequence.

use touchline_market::{Head, Reason, Record, State, UpdateKind};

use super::{Keeper, Outcome, Phase};
use crate::BookError;
use crate::continuity::{Join, join};

impl Keeper {
    /// A snapshot that has its place in the stream: replaces at once, whatever was before.
    ///
    /// A whole best-N book of the depth channel is no resync: while live it keeps the epoch, and an older one is
    /// dropped. An equal sequence is taken: it says the same again.
    pub(super) fn snapshot_in_stream<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let routine = head.kind == UpdateKind::Depth && self.state.is_live();
        if routine && head.sequence.0 != 0 && head.sequence < self.last {
            return self.drop_stale();
        }
        if let Err(error) = self.load(head, body) {
            return self.reject(error);
        }
        self.drop_buffer();
        self.epoch = self.epoch.wrapping_add(u32::from(!routine));
        (self.phase, self.state) = (Phase::Following, State::Live);
        self.judge_crossing();
        Outcome::Applied
    }

    /// A snapshot that was asked for: its sequence says where it belongs.
    pub(super) fn snapshot_beside<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        match self.phase {
            Phase::Waiting => self.start(head, body),
            Phase::Unfounded if head.sequence < self.last => {
                self.counters.too_old += 1;
                Outcome::TooOld
            }
            Phase::Unfounded => self.replace(head, body, true),
            Phase::Joining | Phase::Following if head.sequence <= self.last => {
                self.counters.ignored_snapshots += 1;
                Outcome::Ignored
            }
            Phase::Joining | Phase::Following => self.replace(head, body, false),
        }
    }

    /// A snapshot newer than levels that are there: they are replaced, and the next delta has to join.
    fn replace<'a, I>(&mut self, head: &Head, body: I, resync: bool) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        if let Err(error) = self.load(head, body) {
            // Nothing of the stream is lost: the levels are worth what they were.
            self.counters.rejected += 1;
            return Outcome::Rejected(error);
        }
        self.phase = Phase::Joining;
        if resync {
            // The deltas applied so far came before it.
            self.epoch = self.epoch.wrapping_add(1);
            self.state = State::Live;
        }
        self.judge_crossing();
        Outcome::Applied
    }

    /// A snapshot for a waiting book: joins the kept deltas, or is too old for them.
    fn start<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let continuity = self.config.continuity;
        let mut joins = self
            .buffer
            .messages()
            .map(|(delta, _)| join(continuity, head.sequence, delta.previous, delta.sequence));
        if joins.find(|&join| join != Join::Stale) == Some(Join::TooOld) {
            self.counters.too_old += 1;
            return Outcome::TooOld;
        }
        drop(joins);
        if let Err(error) = self.load(head, body) {
            self.counters.rejected += 1;
            self.state = State::Stale(Reason::BadMessage);
            return Outcome::Rejected(error);
        }
        self.epoch = self.epoch.wrapping_add(1);
        self.phase = Phase::Joining;
        self.state = if self.buffer.len() > 0 { State::Live } else { State::Syncing };
        match self.replay() {
            Ok(()) => {
                self.ts_recv = head.ts_recv;
                self.judge_crossing();
                Outcome::Applied
            }
            Err(error) => Outcome::Rejected(error),
        }
    }

    /// Applies the kept deltas to the snapshot just loaded.
    fn replay(&mut self) -> Result<(), BookError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut failed = None;
        for (n, (head, body)) in buffer.messages().enumerate() {
            // The first one that joins is followed by the others: the buffer has no holes.
            if self.phase == Phase::Joining
                && join(self.config.continuity, self.last, head.previous, head.sequence) == Join::Stale
            {
                self.counters.stale += 1;
                continue;
            }
            self.phase = Phase::Following;
            if let Err(error) = self.set_levels(head, body.iter()) {
                failed = Some((n, error));
                break;
            }
        }
        let Some((n, error)) = failed else {
            buffer.clear();
            self.buffer = buffer;
            return Ok(());
        };
        // What came after the bad one still waits for a snapshot newer than it.
        buffer.drop_front(n + 1);
        self.buffer = buffer;
        self.counters.rejected += 1;
        self.phase = Phase::Waiting;
        self.state = State::Stale(Reason::BadMessage);
        Err(error)
    }

    /// Replaces the levels.
    fn load<'a, I>(&mut self, head: &Head, body: I) -> Result<(), BookError>
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        self.book.load_snapshot(head, body)?;
        self.counters.snapshots += 1;
        self.took_effect(head);
        Ok(())
    }
}
