//! What happened to every message, by reason.

/// Counters of one book. Each message is counted once as received and once under what became of it
/// ([`balance`](Self::balance)); the others tell what the messages brought.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Messages handed in, breaks not among them.
    pub received: u64,
    /// Snapshots that took effect.
    pub snapshots: u64,
    /// Deltas that took effect, the replayed ones among them.
    pub updates: u64,
    /// Messages that were not newer than the book: at a snapshot's join, in the buffer, and later.
    pub stale: u64,
    /// Snapshots older than the stream at hand, not loaded. Ask for a newer one.
    pub too_old: u64,
    /// Snapshots that were asked for in vain: the book was live and newer, and kept no copies that lead from there to
    /// it; or the stream did not reach it in time.
    pub ignored_snapshots: u64,
    /// Messages that hold no levels, or that came for a dead book.
    pub unwanted: u64,
    /// Messages that could not be applied ([`BookError`](crate::BookError)).
    pub rejected: u64,
    /// Buffered deltas thrown away: by a break, a gap, an overflow, or a snapshot of the stream.
    pub dropped: u64,
    /// Deltas put into the buffer, ever.
    pub buffered: u64,
    /// Deltas that came before there was a book.
    pub before_start: u64,
    /// Holes in the sequence, in the running stream or in the buffer.
    pub gaps: u64,
    /// Times that the venue began to count anew.
    pub resets: u64,
    /// Snapshots that were loaded and then proved too old by the first delta after them, or not reached in time.
    pub disproved: u64,
    /// Times the buffer was full and began anew.
    pub overflows: u64,
    /// Breaks of the stream.
    pub breaks: u64,
    /// Messages after which best bid was above best ask.
    pub crossed: u64,
    /// Messages after which best bid was best ask.
    pub locked: u64,
    /// Messages whose checksum our levels had.
    pub checksum_pass: u64,
    /// Messages whose checksum our levels did not have.
    pub checksum_fail: u64,
    /// Messages without a checksum, of a venue that sends one.
    pub checksum_absent: u64,
    /// Removals of levels that were not there.
    pub unknown_level: u64,
}

impl Counters {
    /// Messages that took effect.
    #[must_use]
    pub fn msgs(&self) -> u64 {
        self.snapshots + self.updates
    }

    /// Messages that were sound and changed nothing.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.stale + self.too_old + self.ignored_snapshots + self.unwanted
    }

    /// Is every message accounted for? `received = applied + ignored + rejected + dropped`, and what is still
    /// kept ([`Keeper::buffered`](crate::Keeper::buffered)).
    #[must_use]
    pub fn balance(&self, buffered: usize) -> bool {
        self.received == self.msgs() + self.ignored() + self.rejected + self.dropped + buffered as u64
    }

    /// These and the other's.
    #[must_use]
    pub(crate) fn and(mut self, other: &Self) -> Self {
        let ours = [
            &mut self.received,
            &mut self.snapshots,
            &mut self.updates,
            &mut self.stale,
            &mut self.too_old,
            &mut self.ignored_snapshots,
            &mut self.unwanted,
            &mut self.rejected,
            &mut self.dropped,
            &mut self.buffered,
            &mut self.before_start,
            &mut self.gaps,
            &mut self.resets,
            &mut self.disproved,
            &mut self.overflows,
            &mut self.breaks,
            &mut self.crossed,
            &mut self.locked,
            &mut self.checksum_pass,
            &mut self.checksum_fail,
            &mut self.checksum_absent,
            &mut self.unknown_level,
        ];
        let theirs = [
            other.received,
            other.snapshots,
            other.updates,
            other.stale,
            other.too_old,
            other.ignored_snapshots,
            other.unwanted,
            other.rejected,
            other.dropped,
            other.buffered,
            other.before_start,
            other.gaps,
            other.resets,
            other.disproved,
            other.overflows,
            other.breaks,
            other.crossed,
            other.locked,
            other.checksum_pass,
            other.checksum_fail,
            other.checksum_absent,
            other.unknown_level,
        ];
        ours.into_iter().zip(theirs).for_each(|(ours, theirs)| *ours += theirs);
        self
    }
}
