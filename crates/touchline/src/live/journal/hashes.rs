//! What a book was at intervals, so that a replay can show that it is the same.
//!
//! A book is hashed with the first message whose receive stamp lies at or behind the next boundary, after it was handled.
//! Stamps and order of a book's messages are the same when its journal is run again, so boundary and hash must be.

use std::fmt;

use touchline_book::Keeper;
use touchline_capture::journal::{Entry, EntryKind};
use touchline_capture::recorder::Tap;
use touchline_market::{Head, Nanos, Sequence, Side, State};
use xxhash_rust::xxh3::Xxh3;

/// A book at a boundary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BookHash {
    /// Its instrument's number in the feed.
    pub(crate) id: u32,
    pub(crate) boundary: Nanos,
    pub(crate) path: u8,
    pub(crate) state: State,
    pub(crate) sequence: Sequence,
    /// Over every level of the book; 0 where it is not LIVE.
    pub(crate) hash: u128,
}

impl fmt::Display for BookHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boundary, path, state, sequence, hash, .. } = self;
        write!(f, "{} {path} {state} {} {hash:032x}", boundary.0, sequence.0)
    }
}

/// Where the hashes of a group of books go.
pub(crate) struct Hashes {
    every_ns: u64,
    sink: HashSink,
}

/// Where a hash goes.
pub(crate) enum HashSink {
    /// Into a journal, in which this is the group of that number.
    Journal(Box<Tap>, u16),
    /// To whoever runs the journal again.
    Kept(Vec<BookHash>),
}

impl Hashes {
    /// One of each book every so many nanoseconds.
    pub(crate) fn new(every_ns: u64, sink: HashSink) -> Self {
        Self { every_ns: every_ns.max(1), sink }
    }

    /// Takes what was kept.
    pub(crate) fn take(&mut self) -> Vec<BookHash> {
        match &mut self.sink {
            HashSink::Journal(..) => Vec::new(),
            HashSink::Kept(kept) => std::mem::take(kept),
        }
    }

    /// Writes down what a book is, and says when the next time comes.
    #[cold]
    pub(crate) fn take_down(&mut self, id: u32, head: &Head, keeper: &Keeper) -> Nanos {
        let boundary = head.ts_recv.0 - head.ts_recv.0 % self.every_ns;
        let state = keeper.state();
        let hash = BookHash {
            id,
            boundary: Nanos(boundary),
            path: head.flags.path(),
            state,
            sequence: keeper.sequence(),
            hash: if state.is_live() { hash(keeper) } else { 0 },
        };
        match &mut self.sink {
            HashSink::Kept(kept) => kept.push(hash),
            HashSink::Journal(tap, group) => tap.record(&Entry {
                kind: EntryKind::Hash,
                reader: *group,
                path: hash.path,
                source: u64::from(id),
                recv: head.ts_recv,
                now: 0,
                kernel: Nanos::NONE,
                payload: hash.to_string().as_bytes(),
            }),
        }
        Nanos(boundary.saturating_add(self.every_ns))
    }
}

/// Over scales and every level, best first: little-endian numbers, some 20 bytes a level.
fn hash(keeper: &Keeper) -> u128 {
    let book = keeper.book();
    let mut hasher = Xxh3::new();
    hasher.update(&[book.price_scale(), book.qty_scale()]);
    for side in [Side::Bid, Side::Ask] {
        hasher.update(&(book.len(side) as u64).to_le_bytes());
        for level in book.levels(side) {
            hasher.update(&level.price.0.to_le_bytes());
            hasher.update(&level.qty.0.to_le_bytes());
        }
    }
    hasher.digest128()
}
