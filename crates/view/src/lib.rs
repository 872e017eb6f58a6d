//! Cells that one thread publishes into and any number of threads copy from, without a lock.
//!
//! * [`line`](mod@line): seven words that cross in one cache line, for the best level and its verdict. 128 bytes.
//! * [`block`]: a head of seven words and `ROWS` rows of four, for the top levels of a book.
//!
//! # What it costs
//!
//! A copy that nobody has written to since it was last read comes from the reader's own cache: 1 to 3 ns for a line,
//! 10 to 20 ns for a block of 20 rows (704 bytes, eleven lines). After a write the lines have to cross from the
//! writer's core: 50 to 150 ns for one, and little more for eleven, because they are fetched side by side.
//!
//! A writer never waits, whatever the readers do. A read makes at most [`TRIES_MAX`] attempts and then says
//! [`Busy`], so it is wait-free: each attempt is a fixed number of loads.
//!
//! # Why places in turn
//!
//! In a seqlock the reader copies, and then asks a version word whether the writer was there meanwhile. A single
//! seqlock over eleven lines collapses under a fast writer, because some line has always just changed; even over one
//! line, a writer that is stopped half way leaves the reader nothing to copy. So both cells keep the write before:
//! a line has two places, whose versions the reader compares, and a block has [`SLOTS`], of which one more word
//! names the latest. Only a writer that overtakes the reader spoils a copy.
//!
//! The words are atomics, so a torn copy is detected and never undefined, and this crate has no unsafe code.
//!
//! # Example
//!
//! ```
//! let (mut writer, reader) = touchline_view::line::channel(&[0; 7]);
//! writer.write(&[1, 2, 3, 4, 5, 6, 7]);
//! assert_eq!(reader.read(), Ok([1, 2, 3, 4, 5, 6, 7]));
//! ```
//!
//! # Proof
//!
//! The laws: no read is torn; what one reader sees never goes back; a write that was over before a read began is
//! seen by it, or a later one is. The loom models hold them against all interleavings and all values that the
//! memory model lets a load return, within three preemptions (two for two readers of a line), and show for each
//! ordering named in `ordering.rs` that weakening it alone makes a model fail. It takes half a minute. Under loom the
//! cells are smaller, by the constants of this page.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p touchline-view --release --test loom
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

pub mod block;
pub mod line;
#[cfg(not(loom))]
#[allow(unreachable_pub, reason = "public only for the models")]
mod ordering;
#[cfg(loom)]
pub mod ordering;
mod sync;

/// Words in a line, beside the version that fills the line up.
pub const LINE_WORDS: usize = if cfg!(loom) { 2 } else { 7 };

/// Words in the head of a block: with the version they fill one line.
pub const HEAD_WORDS: usize = if cfg!(loom) { 1 } else { 7 };

/// Words in a row of a block: two rows fill one line.
pub const ROW_WORDS: usize = if cfg!(loom) { 1 } else { 4 };

/// Places of a block that the writer uses in turn.
pub const SLOTS: usize = if cfg!(loom) { 2 } else { 8 };

/// Attempts of one read before it gives up.
pub const TRIES_MAX: u32 = if cfg!(loom) { 1 } else { 64 };

/// The writer overtook the reader at every attempt. Nothing was read; keep the last copy, and read again later.
///
/// For a line the writer must have begun two writes during each attempt, for a block as many as it has places. A
/// writer that has been stopped, even half way, makes no read busy.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the writer was in the way {tries} times")]
pub struct Busy {
    /// The attempts that were made: [`TRIES_MAX`].
    pub tries: u32,
}

impl Busy {
    #[cold]
    pub(crate) const fn new() -> Self {
        Self { tries: TRIES_MAX }
    }
}
