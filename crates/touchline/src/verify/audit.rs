//! The audit: the venue's own later snapshots beside the book that the stream has kept.
//!
//! A lost update that no number tells of leaves a book wrong and LIVE. Only a second source can show that: another
//! snapshot. While a book is LIVE, snapshots that were asked for beside the stream are kept from it; each begins a
//! second book instead, which takes the same stream and is compared once both are at the same sequence:
//!
//! ```text
//! snapshot is behind   second book: snapshot, then the deltas since from memory      compared at once
//! snapshot is ahead    second book: snapshot, joined by the delta that reaches it    compared after that delta
//! ```
//!
//! Quantities are absolute, so the deltas that both take make no difference and hide none that is older than they.
//! Compared is what both can know: within the snapshot's depth every level that ours has, and every one that theirs has
//! within our own proven depth.

mod difference;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use touchline_book::{Keeper, KeeperConfig, Outcome, Start};
use touchline_market::{Flags, Head, InstrumentId, Record, State, UpdateKind};

pub use difference::{Difference, LevelDifference};

/// Deltas that are remembered for a snapshot that is behind the book, and their bytes: half of what a book keeps for a
/// snapshot to come, so that a second book can take all of them.
const RECENT: usize = 4_096;
const RECENT_BYTES: usize = 4 << 20;

/// Snapshots of one book that may wait for the stream.
const WAITING: usize = 16;

/// Differences that are told level by level, for each book.
const TOLD: usize = 100;

/// What the audit found of one book.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct BookAudit {
    /// Snapshots that came while the book was LIVE.
    pub snapshots: u64,
    /// Those that the book was equal to.
    pub equal: u64,
    /// Those that it was not.
    pub different: u64,
    /// Those that could not be compared, by the reason.
    pub not_comparable: BTreeMap<&'static str, u64>,
    /// The first differences.
    pub differences: Vec<Difference>,
}

impl BookAudit {
    /// How many snapshots were compared.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.equal + self.different
    }

    fn pass_over(&mut self, why: &'static str) {
        *self.not_comparable.entry(why).or_default() += 1;
    }

    fn judge(&mut self, difference: Option<Difference>) {
        match difference {
            None => self.equal += 1,
            Some(difference) => {
                self.different += 1;
                if self.differences.len() < TOLD {
                    self.differences.push(difference);
                }
            }
        }
    }
}

const NO_SEQUENCE: &str = "the snapshot has no sequence";
const TOO_OLD: &str = "the snapshot is older than the updates that are remembered";
const INVALID: &str = "the snapshot is not valid";
const UNFIT: &str = "the stream does not fit the snapshot";
const NOT_LIVE: &str = "the book was not LIVE when the stream reached the snapshot";
const REPLACED: &str = "the venue sent a whole book before the stream reached the snapshot";
const TOO_MANY: &str = "too many snapshots waited for the stream";
const NOT_REACHED: &str = "the stream never reached the snapshot";

/// Audits every book of a replay.
#[derive(Debug)]
pub(super) struct Auditor {
    books: Vec<Audited>,
}

impl Auditor {
    pub(super) fn new(books: impl Iterator<Item = KeeperConfig>) -> Self {
        Self { books: books.map(Audited::new).collect() }
    }

    /// What was found, book by book.
    pub(super) fn reports(&self) -> impl Iterator<Item = &BookAudit> {
        self.books.iter().map(|book| &book.report)
    }

    /// A message before the book has it: true for a snapshot that is none of the book's business.
    pub(super) fn before<'a>(
        &mut self,
        head: &Head,
        body: impl Iterator<Item = &'a Record> + Clone,
        keeper: &Keeper,
    ) -> bool {
        let Some(book) = self.books.get_mut(head.instrument.0 as usize) else { return false };
        match head.kind {
            UpdateKind::Delta => book.hear(head, body),
            UpdateKind::Snapshot if !head.flags.has(Flags::BESIDE_STREAM) => book.forget(REPLACED),
            UpdateKind::Snapshot if keeper.state().is_live() => {
                book.begin(head, body, keeper);
                return true;
            }
            _ => {}
        }
        false
    }

    /// The book has the message.
    pub(super) fn after(&mut self, head: &Head, keeper: &Keeper) {
        let Some(book) = self.books.get_mut(head.instrument.0 as usize) else { return };
        if head.kind == UpdateKind::Break || !keeper.state().is_live() {
            book.seconds_lost(NOT_LIVE);
        }
        if head.kind == UpdateKind::Break {
            book.recent.clear();
        }
        book.settle(keeper);
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self, instrument: InstrumentId) {
        if let Some(book) = self.books.get_mut(instrument.0 as usize) {
            book.seconds_lost(NOT_REACHED);
        }
    }
}

/// One book under audit.
#[derive(Debug)]
struct Audited {
    config: KeeperConfig,
    recent: Recent,
    seconds: Vec<Second>,
    report: BookAudit,
}

/// A book that began with a later snapshot.
#[derive(Debug)]
struct Second {
    keeper: Keeper,
    /// The snapshot's line and sequence.
    line: u64,
    sequence: u64,
}

impl Audited {
    fn new(config: KeeperConfig) -> Self {
        let config = KeeperConfig { start: Start::Snapshot, ..config };
        Self { config, recent: Recent::default(), seconds: Vec::new(), report: BookAudit::default() }
    }

    /// A delta of the stream.
    fn hear<'a>(&mut self, head: &Head, body: impl Iterator<Item = &'a Record> + Clone) {
        for second in &mut self.seconds {
            second.keeper.handle(head, body.clone());
        }
        self.recent.push(head, body);
    }

    /// A snapshot to compare with.
    fn begin<'a>(&mut self, head: &Head, body: impl Iterator<Item = &'a Record> + Clone, keeper: &Keeper) {
        self.report.snapshots += 1;
        if head.sequence.0 == 0 {
            return self.report.pass_over(NO_SEQUENCE);
        }
        if self.seconds.len() == WAITING {
            self.seconds.remove(0);
            self.report.pass_over(TOO_MANY);
        }
        let mut second =
            Second { keeper: Keeper::new(&self.config), line: head.mark, sequence: head.sequence.0 };
        for (head, body) in &self.recent.messages {
            second.keeper.handle(head, body.iter());
        }
        match second.keeper.handle(head, body) {
            Outcome::Applied => self.seconds.push(second),
            Outcome::TooOld => self.report.pass_over(TOO_OLD),
            _ => self.report.pass_over(INVALID),
        }
        self.settle(keeper);
    }

    /// Compares what has come together.
    fn settle(&mut self, keeper: &Keeper) {
        let report = &mut self.report;
        self.seconds.retain(|second| {
            let (state, sequence) = (second.keeper.state(), second.keeper.sequence());
            if matches!(state, State::Stale(_) | State::Dead(_)) {
                report.pass_over(UNFIT);
                return false;
            }
            if !state.is_live() || sequence != keeper.sequence() {
                return true;
            }
            let found = difference::between(keeper.book(), second.keeper.book());
            report.judge(found.map(|found| Difference {
                line: second.line,
                snapshot_sequence: second.sequence,
                sequence: sequence.0,
                ..found
            }));
            false
        });
    }

    fn forget(&mut self, why: &'static str) {
        self.seconds_lost(why);
        self.recent.clear();
    }

    fn seconds_lost(&mut self, why: &'static str) {
        for _ in self.seconds.drain(..) {
            self.report.pass_over(why);
        }
    }
}

/// The last deltas of a stream.
#[derive(Debug, Default)]
struct Recent {
    messages: VecDeque<(Head, Vec<Record>)>,
    bytes: usize,
}

impl Recent {
    fn push<'a>(&mut self, head: &Head, body: impl Iterator<Item = &'a Record>) {
        let body: Vec<_> = body.take(head.body_records()).copied().collect();
        self.bytes += bytes(&body);
        self.messages.push_back((*head, body));
        while self.messages.len() > RECENT || self.bytes > RECENT_BYTES {
            let Some((_, body)) = self.messages.pop_front() else { return };
            self.bytes -= bytes(&body);
        }
    }

    fn clear(&mut self) {
        (self.messages, self.bytes) = (VecDeque::new(), 0);
    }
}

/// What a kept message takes.
fn bytes(body: &[Record]) -> usize {
    size_of::<Head>() + size_of_val(body)
}
