//! Bugs planted on purpose, to prove that the tests would find them: each breaks one rule where the rule is kept.
//!
//! Without the feature `planted` nothing of this is compiled in: [`planted`] is then a constant `false`. With it a
//! thread can [`plant`] one bug at a time for what runs on it; nobody else is concerned. `tests/planted` plants each and
//! names who found it.

/// A rule that can be broken.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Bug {
    /// A hole in the sequence is not looked for.
    GapUnseen = 1,
    /// An update that is older than the book is applied.
    OldApplied,
    /// A snapshot that ends one step before the stream is taken as joined.
    JoinOffByOne,
    /// A snapshot asked for beside the stream makes a book live by itself.
    SnapshotAloneIsLive,
    /// The updates kept for a snapshot are dropped when it comes.
    KeptDropped,
    /// A snapshot's levels are added to those that were there.
    SnapshotMerged,
    /// A hole is noticed and the state is left as it was.
    GapStateUnwritten,
    /// A break of the stream is not told to the book.
    BreakUnheard,
    /// A break changes the book's state and is not published.
    BreakUnpublished,
    /// A checksum is not compared.
    ChecksumUncompared,
    /// The book is not cut to its depth.
    CutLeftOut,
    /// A crossed book is not noticed.
    CrossedUnseen,
    /// A quantity of zero does not remove its level.
    RemovalUnheard,
    /// The last level of a message is left out.
    LastLevelLeftOut,
    /// A resync does not raise the epoch.
    EpochKept,
    /// A connection's counter is not looked at.
    CounterUnseen,
    /// A message that cannot be read is counted and forgotten.
    BadMessageForgotten,
    /// A message for which there is no room is dropped without a word.
    OverrunUntold,
    /// A dropped message is not counted.
    DropUncounted,
    /// The end of a connection is not told to its books.
    EndUntold,
    /// A silent stream is not looked after.
    SilenceUnseen,
    /// A book that needs a snapshot does not ask for one.
    ResyncUnasked,
    /// The venue's wish to be left alone for a while is not heard.
    RetryAfterUnheard,
    /// The venue's limit of REST weight is not kept.
    WeightUncounted,
}

impl Bug {
    /// Every bug.
    pub const ALL: [Self; 24] = [
        Self::GapUnseen,
        Self::OldApplied,
        Self::JoinOffByOne,
        Self::SnapshotAloneIsLive,
        Self::KeptDropped,
        Self::SnapshotMerged,
        Self::GapStateUnwritten,
        Self::BreakUnheard,
        Self::BreakUnpublished,
        Self::ChecksumUncompared,
        Self::CutLeftOut,
        Self::CrossedUnseen,
        Self::RemovalUnheard,
        Self::LastLevelLeftOut,
        Self::EpochKept,
        Self::CounterUnseen,
        Self::BadMessageForgotten,
        Self::OverrunUntold,
        Self::DropUncounted,
        Self::EndUntold,
        Self::SilenceUnseen,
        Self::ResyncUnasked,
        Self::RetryAfterUnheard,
        Self::WeightUncounted,
    ];
}

#[cfg(feature = "planted")]
mod switch {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a bug for what runs on this thread from now on, in place of the one before.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    /// Is this rule broken on purpose, here and now?
    #[inline]
    #[must_use]
    pub fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "planted")]
pub use switch::{plant, planted};

/// Is this rule broken on purpose? Not without the feature `planted`.
#[cfg(not(feature = "planted"))]
#[inline(always)]
#[must_use]
pub const fn planted(_: Bug) -> bool {
    false
}
