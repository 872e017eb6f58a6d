//! A head and `ROWS` rows, in a small ring of places so that a fast writer does not spoil every read.
//!
//! Writes are numbered. Write `n` goes to slot `n mod` [`SLOTS`], and the slot says which write was last begun there:
//!
//! ```text
//! write: slot.sequence = n; (A) head, rows; (C) latest = n
//! read:  n = latest (D); head, rows of slot n; (B) slot.sequence, still n
//! ```
//!
//! A plain seqlock marks a write under way, because its readers may come upon it. Here they never do: `latest`
//! names a slot whose write is over, and only a write begun later in the same slot can spoil it. So one
//! comparison after the copy is enough, and a writer that is stopped half way disturbs no reader.
//!
//! A write stores all rows. To leave out unused ones would need a count that is checked like the rest, and books
//! that have fewer levels than rows are rare; [`BlockReader::read_rows`] serves those who want only the first few.

use crate::ordering::Site;
use crate::sync::{AtomicU64, Ordering::Relaxed, load_words, new_words, store_words};
use crate::{Busy, HEAD_WORDS, ROW_WORDS, SLOTS, TRIES_MAX};
use std::sync::Arc;

const _: () = assert!(SLOTS.is_power_of_two(), "a sequence's low bits are its slot");

/// What is published: its meaning is the caller's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Block<const ROWS: usize> {
    /// Words that belong to the whole.
    pub head: [u64; HEAD_WORDS],
    /// Rows that belong together.
    pub rows: [[u64; ROW_WORDS]; ROWS],
}

impl<const ROWS: usize> Block<ROWS> {
    /// A block of zeros.
    pub const fn new() -> Self {
        Self { head: [0; HEAD_WORDS], rows: [[0; ROW_WORDS]; ROWS] }
    }
}

impl<const ROWS: usize> Default for Block<ROWS> {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes a cell that holds `initial`, and gives out its writer and a reader to clone. It takes [`SLOTS`] times the
/// block's size, in whole cache lines: 5.6 KiB for 20 rows.
pub fn channel<const ROWS: usize>(initial: &Block<ROWS>) -> (BlockWriter<ROWS>, BlockReader<ROWS>) {
    let shared =
        Arc::new(Shared { latest: AtomicU64::new(0), slots: std::array::from_fn(|_| Slot::new(initial)) });
    (BlockWriter { shared: Arc::clone(&shared), sequence: 0 }, BlockReader { shared })
}

/// The number of the latest write that is over, in a line of its own, and the slots.
#[derive(Debug)]
#[repr(C, align(64))]
struct Shared<const ROWS: usize> {
    latest: AtomicU64,
    slots: [Slot<ROWS>; SLOTS],
}

/// One place for a block: the sequence and the head in the first line, two rows in each further one.
#[derive(Debug)]
#[repr(C, align(64))]
struct Slot<const ROWS: usize> {
    /// The number of the write that was last begun here.
    sequence: AtomicU64,
    head: [AtomicU64; HEAD_WORDS],
    rows: [[AtomicU64; ROW_WORDS]; ROWS],
}

impl<const ROWS: usize> Slot<ROWS> {
    fn new(block: &Block<ROWS>) -> Self {
        Self {
            sequence: AtomicU64::new(0),
            head: new_words(&block.head),
            rows: std::array::from_fn(|row| new_words(block.rows.get(row).unwrap_or(&[0; ROW_WORDS]))),
        }
    }
}

impl<const ROWS: usize> Shared<ROWS> {
    /// The slot of a write. The mask keeps the index in bounds, so this is never `None`.
    #[inline(always)]
    fn slot(&self, sequence: u64) -> Option<&Slot<ROWS>> {
        self.slots.get(sequence as usize & (SLOTS - 1))
    }
}

/// The one writer of a block.
#[derive(Debug)]
pub struct BlockWriter<const ROWS: usize> {
    shared: Arc<Shared<ROWS>>,
    /// The number of the last write. At a write per nanosecond it lasts for centuries.
    sequence: u64,
}

impl<const ROWS: usize> BlockWriter<ROWS> {
    /// Publishes `block`. Never waits.
    #[inline]
    pub fn write(&mut self, block: &Block<ROWS>) {
        let sequence = self.sequence.wrapping_add(1);
        let Some(slot) = self.shared.slot(sequence) else { return };
        slot.sequence.store(sequence, Relaxed);
        Site::BlockBegin.fence(); // (A) Pairs with (B) in `read_rows`: a new word brings the new sequence.
        store_words(&slot.head, &block.head);
        for (to, from) in slot.rows.iter().zip(&block.rows) {
            store_words(to, from);
        }
        self.shared.latest.store(sequence, Site::BlockPublish.order()); // (C) Pairs with (D): every word in place.
        self.sequence = sequence;
    }
}

/// A reader of a block. Clone it for every thread that wants one.
#[derive(Clone, Debug)]
pub struct BlockReader<const ROWS: usize> {
    shared: Arc<Shared<ROWS>>,
}

impl<const ROWS: usize> BlockReader<ROWS> {
    /// Copies the block of one write: the latest, or one that ended while this was reading.
    ///
    /// # Errors
    ///
    /// [`Busy`] after [`TRIES_MAX`] attempts.
    #[inline]
    pub fn read(&self) -> Result<Block<ROWS>, Busy> {
        let mut block = Block::new();
        self.read_into(&mut block)?;
        Ok(block)
    }

    /// As [`read`](Self::read), into a block that is there already.
    ///
    /// # Errors
    ///
    /// [`Busy`]; the block then holds words of several writes and means nothing.
    #[inline]
    pub fn read_into(&self, block: &mut Block<ROWS>) -> Result<(), Busy> {
        self.read_rows(&mut block.head, &mut block.rows)
    }

    /// Copies the head and as many rows, from the first, as `rows` has places for. Places beyond `ROWS` are left as
    /// they are. With no places it copies the head alone, one line instead of the whole block.
    ///
    /// # Errors
    ///
    /// [`Busy`]; `head` and `rows` then hold words of several writes and mean nothing.
    #[inline]
    pub fn read_rows(&self, head: &mut [u64; HEAD_WORDS], rows: &mut [[u64; ROW_WORDS]]) -> Result<(), Busy> {
        for _ in 0..TRIES_MAX {
            let sequence = self.shared.latest.load(Site::BlockLook.order()); // (D) Pairs with (C) in `write`.
            let Some(slot) = self.shared.slot(sequence) else { break };
            load_words(&slot.head, head);
            for (to, from) in rows.iter_mut().zip(&slot.rows) {
                load_words(from, to);
            }
            Site::BlockCheck.fence(); // (B) Pairs with (A): a word of a later write brings its sequence.
            if slot.sequence.load(Relaxed) == sequence {
                return Ok(());
            }
            // No pause: a new latest block is already there.
        }
        Err(Busy::new())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const _: () = assert!(size_of::<Slot<20>>() == 11 * 64, "twenty rows and a head are eleven cache lines");
    const _: () = assert!(size_of::<Shared<20>>() == 64 * (1 + SLOTS * 11), "the latest sequence is alone");

    fn block(number: u64) -> Block<3> {
        Block {
            head: std::array::from_fn(|word| number * 100 + word as u64),
            rows: std::array::from_fn(|row| {
                std::array::from_fn(|word| number * 100 + (10 + row * 4 + word) as u64)
            }),
        }
    }

    #[test]
    fn reader_sees_the_initial_value_then_each_write() {
        // On one thread, over several turns of the slots, every write is the next read's answer.
        let (mut writer, reader) = channel(&block(0));
        assert_eq!(reader.read(), Ok(block(0)));
        let other = reader.clone();
        for number in 1..=3 * SLOTS as u64 {
            writer.write(&block(number));
            assert_eq!((reader.read(), other.read()), (Ok(block(number)), Ok(block(number))));
        }
    }

    #[test]
    fn reading_the_first_rows_leaves_the_other_places_alone() {
        // Asks for none, some, all and more rows than there are.
        let (mut writer, reader) = channel(&block(0));
        writer.write(&block(5));
        for places in 0..6 {
            let (mut head, mut rows) = ([0; 7], vec![[77; 4]; places]);
            assert_eq!(reader.read_rows(&mut head, &mut rows), Ok(()));
            assert_eq!(head, block(5).head);
            for (row, found) in rows.iter().enumerate() {
                assert_eq!(found, block(5).rows.get(row).unwrap_or(&[77; 4]));
            }
        }
    }

    #[test]
    fn writer_stopped_half_way_disturbs_no_reader() {
        // Begins the next write by hand, as far as the first words: readers keep the last whole block.
        let (mut writer, reader) = channel(&block(0));
        writer.write(&block(1));
        let slot = writer.shared.slot(2).unwrap();
        slot.sequence.store(2, Relaxed);
        slot.head[0].store(12345, Relaxed);
        assert_eq!(reader.read(), Ok(block(1)));
    }

    #[test]
    fn slot_that_is_always_overwritten_makes_the_read_busy() {
        // Marks the latest slot as begun anew, as if the writer were a whole turn ahead at every attempt.
        let (writer, reader) = channel(&block(0));
        writer.shared.slot(0).unwrap().sequence.store(SLOTS as u64, Relaxed);
        assert_eq!(reader.read(), Err(Busy { tries: TRIES_MAX }));
    }

    #[test]
    fn block_without_rows_is_a_head() {
        // The smallest block there is.
        let (mut writer, reader) = channel(&Block::<0>::default());
        writer.write(&Block { head: [4; 7], rows: [] });
        assert_eq!(reader.read().map(|block| block.head), Ok([4; 7]));
    }
}
