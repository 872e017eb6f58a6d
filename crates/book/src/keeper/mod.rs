//! One book's life: from the first message to a book that may be traded on, and back after every fault.
//!
//! ```text
//!            delta: kept           snapshot joins the kept deltas, or comes in the stream
//!   INIT ───────────────▶ SYNCING ─────────────────────────────────────────────────▶ LIVE
//!     │                   ▲     │ break, bad message                gap, crossed, break, │
//!     │ break             │     ▼                                           bad message ▼
//!     └──────────▶ STALE(reason)◀──────────────────────────────────────── STALE(reason)
//!                      │  any ── final break ──▶ DEAD(reason) ── break ──▶ STALE   snapshot ▶ LIVE
//! ```
//!
//! **When a book is live.** Its levels come from a snapshot whose place in the stream is proven: a delta of this very
//! stream joins it, or ends exactly at its sequence. A snapshot alone proves nothing: if the stream's first delta is
//! later by more than one step, what lies between was never seen; and deltas that are all older say only that the
//! snapshot is ahead, as another instrument's would be. Until then the levels are loaded, and the state is what it was:
//! SYNCING, or STALE for its reason. A snapshot that the stream has not reached after ten seconds is disproved by the
//! next older delta, and another one is wanted.
//!
//! **Where updates have no numbers**, only a time, a delta joins a snapshot if the stream was heard before it; until that
//! is so, a book is in doubt (`doubt.rs`).
//!
//! **The buffer** holds deltas that follow one another without a hole, so that a snapshot joins it or is too old for
//! it, and a replay never meets a gap: a hole drops what came before, since a usable snapshot is newer than the hole.
//!
//! **Why it takes so long.** Breaks for SNAPSHOT_LATE and RATE_LIMITED say why a waiting book still waits: they name
//! the reason and keep the buffer. A book that waits for nothing does not hear them.
//!
//! **A snapshot beside the stream while live** is ignored if it is not newer than the book. A newer one is ahead of
//! the stream: it replaces the levels (they are the venue's at that sequence), deltas up to it are dropped as they
//! come, and the next must join it. Nothing was missed, so the epoch stays.
//!
//! **A snapshot that is only to refresh the depth** ([`Flags::REFRESH`]) never leads the stream, so that nothing
//! unproven is ever shown. The book stays LIVE, in its epoch, at its sequence, whichever of them is ahead:
//!
//! ```text
//!   expect_refresh()     applied deltas are copied     older snapshot: loaded, newer copies replayed
//!   Following ───────────▶ Recording ─────────────────────────────────────────────────────▶ Following
//!                              │ newer snapshot: kept aside        the stream reaches it: loaded │
//!                              └──────────────▶ Refreshing ──────────────────────────────────────┘
//! ```
//!
//! **A checksum** is compared after each whole message that has one (`trailer.rs`); a mismatch is as a gap.
//!
//! **Start without a snapshot** ([`Start::Empty`]): the levels are applied from the first delta on, over gaps too,
//! and never called live.
mod anew;
mod buffer;
mod copies;
mod counters;
mod doubt;
mod join;
mod refresh;
mod shared;
mod trailer;

pub use counters::Counters;
pub use trailer::Checked;

use touchline_market::{
    Checksum, Continuity, Crossing, Flags, Head, Nanos, Reason, Record, Sequence, State, UpdateKind,
};

use crate::continuity::{Step, judge};
use crate::{Book, BookConfig, BookError};
use anew::Old;
use buffer::Buffer;
use copies::Copies;
use refresh::Refresh;

/// What a book begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Start {
    /// A snapshot, of the stream or beside it.
    Snapshot,
    /// Nothing: a recording that has no snapshot. The book never becomes live by its deltas.
    Empty,
}

/// The rules of one book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeeperConfig {
    /// Its levels.
    pub book: BookConfig,
    /// How its updates are numbered.
    pub continuity: Continuity,
    /// What it means if they cross.
    pub crossing: Crossing,
    /// How the venue computes the checksum of its book.
    pub checksum: Checksum,
    /// What it begins with.
    pub start: Start,
    /// Most deltas kept for a snapshot, and most copies kept for a refresh.
    pub buffer_messages: usize,
    /// Most bytes of either.
    pub buffer_bytes: usize,
}

impl Default for KeeperConfig {
    /// A range of numbers, crossing judged, 8,192 deltas or 8 MiB kept.
    fn default() -> Self {
        Self {
            book: BookConfig::default(),
            continuity: Continuity::Range,
            crossing: Crossing::Judged,
            checksum: Checksum::None,
            start: Start::Snapshot,
            buffer_messages: 8_192,
            buffer_bytes: 8 << 20,
        }
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It took effect; after a snapshot, the kept deltas did too.
    Applied,
    /// It is kept: a delta for a snapshot to come, a refreshing snapshot until the stream reaches it.
    Buffered,
    /// It is not newer than the book.
    Stale,
    /// It has nothing for this book: another kind, a snapshot that a live book needs no more, or the book is dead.
    Ignored,
    /// The snapshot does not join the delta at hand, or was not reached by the stream in time; another one is wanted.
    TooOld,
    /// Something is missing before it, or the venue began to count anew with it. It is kept (or applied, in a book
    /// that began empty).
    Gap,
    /// It is not valid; the levels are as before.
    Rejected(BookError),
    /// The stream broke.
    Broken,
}

/// What the next delta is held against.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// No levels to build on: deltas are kept.
    Waiting,
    /// Levels that began empty: every newer delta is applied.
    Unfounded,
    /// A snapshot of sequence `last`: the next newer delta has to join it.
    Joining,
    /// A stream that is at `last`: the next delta has to follow.
    Following,
    /// As `Following`, with a newer snapshot kept aside.
    Refreshing,
    /// As `Following`, with copies kept for a snapshot that is on its way.
    Recording,
    /// As `Recording`, but something may be missing between the snapshot and the first delta.
    Doubtful,
}

/// A book with its state.
#[derive(Clone, Debug)]
pub struct Keeper {
    book: Book,
    state: State,
    phase: Phase,
    /// The sequence of the levels.
    last: Sequence,
    epoch: u32,
    ts_event: Nanos,
    ts_recv: Nanos,
    crossed: bool,
    locked: bool,
    checked: Checked,
    /// Where updates are not numbered: the newest of the stream that was heard and is neither in the levels nor kept.
    heard: Sequence,
    counters: Counters,
    buffer: Buffer,
    refresh: Refresh,
    copies: Copies,
    old: Old,
    /// Levels of the last snapshot: bids, asks.
    snapshot_levels: [usize; 2],
    config: KeeperConfig,
}

impl Keeper {
    /// An empty book in state INIT.
    #[must_use]
    pub fn new(config: &KeeperConfig) -> Self {
        Self {
            book: Book::new(&config.book),
            state: State::Init,
            phase: Phase::Waiting,
            last: Sequence(0),
            epoch: 0,
            ts_event: Nanos::NONE,
            ts_recv: Nanos::NONE,
            crossed: false,
            locked: false,
            checked: Checked::None,
            heard: Sequence(0),
            counters: Counters::default(),
            buffer: Buffer::default(),
            refresh: Refresh::default(),
            copies: Copies::default(),
            old: Old::default(),
            snapshot_levels: [0; 2],
            config: *config,
        }
    }

    /// Takes one whole message of the book's stream, or a break of it.
    #[inline]
    pub fn handle<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        if head.kind != UpdateKind::Delta || self.phase != Phase::Following {
            return self.handle_rare(head, body);
        }
        self.counters.received += 1;
        match judge(self.config.continuity, self.last, head.previous, head.sequence) {
            Step::Next => self.apply(head, body),
            Step::Stale => self.hear_old(head, body),
            Step::Gap => self.gap(head, body),
        }
    }

    /// What the book is worth.
    #[inline]
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Does the book need a snapshot to become live?
    #[inline]
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        let needed = self.config.start == Start::Snapshot || self.epoch > 0;
        self.waits() && needed && !matches!(self.state, State::Dead(_))
    }

    /// Has the book ended, so that it can have lost nothing where messages were lost for want of room? It is to hear of its
    /// stream's next beginning, or that this was lost, from the one who knows.
    #[must_use]
    pub fn outlasts(&self, head: &Head) -> bool {
        let lost = head.reason() == Some(Reason::Overrun) && !head.flags.has(Flags::FINAL);
        lost && matches!(self.state, State::Dead(_))
    }

    /// The levels, whatever the state.
    #[inline]
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The sequence of the levels.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.last
    }

    /// How often the book began anew from a snapshot.
    #[inline]
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The venue's stamp of the last message that took effect.
    #[inline]
    #[must_use]
    pub fn ts_event(&self) -> Nanos {
        self.ts_event
    }

    /// Our stamp of the last message that took effect.
    #[inline]
    #[must_use]
    pub fn ts_recv(&self) -> Nanos {
        self.ts_recv
    }

    /// Was best bid above best ask after the last message?
    #[inline]
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        self.crossed
    }

    /// Was best bid equal to best ask after the last message?
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// What happened so far.
    #[inline]
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many messages are kept now: deltas for a snapshot to come, and a snapshot that the stream has not reached.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len() + self.refresh.len()
    }

    /// Applies a delta that comes next.
    #[inline]
    fn apply<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        match self.set_levels(head, body) {
            Ok(()) => {
                self.judge_levels();
                Outcome::Applied
            }
            Err(error) => self.reject(error),
        }
    }

    #[inline]
    fn set_levels<'a, I>(&mut self, head: &Head, body: I) -> Result<(), BookError>
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let unknown = self.book.apply_delta(head, body.clone())?;
        self.counters.unknown_level += u64::from(unknown);
        self.counters.updates += 1;
        self.took_effect(head);
        self.settle(head, body);
        Ok(())
    }

    #[inline]
    fn took_effect(&mut self, head: &Head) {
        self.last = head.sequence;
        (self.ts_event, self.ts_recv) = (head.ts_event, head.ts_recv);
    }

    #[inline]
    fn drop_stale(&mut self) -> Outcome {
        self.counters.stale += 1;
        Outcome::Stale
    }

    /// Everything but a delta in a running stream.
    #[inline(never)]
    fn handle_rare<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        if head.kind == UpdateKind::Break {
            return self.hear_break(head);
        }
        self.counters.received += 1;
        match head.kind {
            _ if matches!(self.state, State::Dead(_)) => self.ignore(),
            UpdateKind::Delta => self.delta(head, body),
            UpdateKind::Snapshot if head.flags.has(Flags::BESIDE_STREAM) => self.snapshot_beside(head, body),
            UpdateKind::Snapshot | UpdateKind::Depth => self.snapshot_in_stream(head, body),
            _ => self.ignore(),
        }
    }

    /// A delta of a stream that has no, or not yet a, proven book, or a refresh to come.
    fn delta<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        // The owner's proof that the venue has nothing newer than a snapshot says nothing of any other one.
        if head.flags.has(Flags::BESIDE_STREAM)
            && !(self.phase == Phase::Joining && head.sequence == self.last)
        {
            return self.ignore();
        }
        match self.phase {
            Phase::Waiting if self.config.start == Start::Snapshot || self.epoch > 0 => self.keep(head, body),
            Phase::Waiting => {
                self.phase = Phase::Unfounded;
                self.state = State::Syncing;
                self.apply(head, body)
            }
            Phase::Unfounded => self.apply_unfounded(head, body),
            Phase::Joining => self.delta_at_join(head, body),
            Phase::Doubtful => self.delta_in_doubt(head, body),
            Phase::Following | Phase::Refreshing | Phase::Recording => self.delta_before_refresh(head, body),
        }
    }

    /// A delta of a book that began empty.
    fn apply_unfounded<'a, I>(&mut self, head: &Head, body: I) -> Outcome
    where
        I: Iterator<Item = &'a Record> + Clone,
    {
        let step = judge(self.config.continuity, self.last, head.previous, head.sequence);
        if step == Step::Stale {
            return self.drop_stale();
        }
        self.counters.gaps += u64::from(step == Step::Gap);
        self.state = State::Syncing;
        match self.apply(head, body) {
            Outcome::Applied if step == Step::Gap => Outcome::Gap,
            outcome => outcome,
        }
    }

    /// A message of the stream is not valid: what it said is missing from now on.
    #[cold]
    fn reject(&mut self, error: BookError) -> Outcome {
        self.counters.rejected += 1;
        self.state = State::Stale(Reason::BadMessage);
        self.drop_kept();
        self.heard = Sequence(0);
        if self.phase != Phase::Unfounded {
            self.phase = Phase::Waiting;
        }
        Outcome::Rejected(error)
    }

    /// The stream broke, or something is to be said about the wait for a snapshot.
    #[cold]
    fn hear_break(&mut self, head: &Head) -> Outcome {
        let reason = head.reason().unwrap_or(Reason::Disconnected);
        let waits = self.waits() && !matches!(self.state, State::Dead(_));
        if matches!(reason, Reason::SnapshotLate | Reason::RateLimited) && !head.flags.has(Flags::FINAL) {
            if !waits {
                return Outcome::Ignored;
            }
            self.counters.breaks += 1;
            self.state = State::Stale(reason);
            return Outcome::Broken;
        }
        self.counters.breaks += 1;
        self.drop_kept();
        self.heard = Sequence(0);
        if head.flags.has(Flags::FINAL) {
            self.phase = Phase::Waiting;
            self.state = State::Dead(reason);
            return Outcome::Broken;
        }
        // That something is missing says nothing new of a book that is stale: it keeps the reason that it has.
        if reason != Reason::Gap || !matches!(self.state, State::Stale(_)) {
            self.state = State::Stale(reason);
        }
        if self.phase != Phase::Unfounded {
            self.phase = Phase::Waiting;
        }
        Outcome::Broken
    }

    /// Is a snapshot of use: for a book without one, or for one whose place in the stream is in doubt?
    #[inline]
    fn waits(&self) -> bool {
        matches!(self.phase, Phase::Waiting | Phase::Doubtful)
    }

    /// Most deltas that are kept, and most bytes.
    fn limits(&self) -> (usize, usize) {
        (self.config.buffer_messages, self.config.buffer_bytes)
    }

    fn ignore(&mut self) -> Outcome {
        self.counters.unwanted += 1;
        Outcome::Ignored
    }

    fn drop_kept(&mut self) {
        self.counters.dropped += self.buffer.len() as u64;
        self.hear(self.buffer.last().unwrap_or_default());
        self.buffer.clear();
        self.drop_refresh();
    }
}

#[cfg(test)]
mod damage;
#[cfg(test)]
mod tests;
