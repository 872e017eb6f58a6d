//! Seven words and their version in one cache line.
//!
//! The protocol, in which the version is odd while a write is under way:
//!
//! ```text
//! write: version = odd; (A) words; (C) version = next even
//! read:  version, even (D); words; (B) version, still the same
//! ```

use crate::ordering::Site;
use crate::sync::{AtomicU64, Ordering::Relaxed, load_words, new_words, spin_loop, store_words};
use crate::{Busy, LINE_WORDS, TRIES_MAX};
use std::sync::Arc;

/// Makes a line that holds `initial`, and gives out its writer and a reader to clone.
pub fn channel(initial: &[u64; LINE_WORDS]) -> (LineWriter, LineReader) {
    let line = Arc::new(Line { version: AtomicU64::new(0), words: new_words(initial) });
    (LineWriter { line: Arc::clone(&line), version: 0 }, LineReader { line })
}

#[derive(Debug)]
#[repr(C, align(64))]
struct Line {
    /// Even: the words are whole. Odd: they are being written.
    version: AtomicU64,
    words: [AtomicU64; LINE_WORDS],
}

/// The one writer of a line.
#[derive(Debug)]
pub struct LineWriter {
    line: Arc<Line>,
    /// The writer's own copy of the version, always even: reading the line back, which a reader may have taken
    /// to its core, would cost a transfer.
    version: u64,
}

impl LineWriter {
    /// Publishes `words`. Never waits.
    #[inline]
    pub fn write(&mut self, words: &[u64; LINE_WORDS]) {
        let line = &*self.line;
        line.version.store(self.version.wrapping_add(1), Relaxed);
        Site::LineBegin.fence(); // (A) Pairs with (B) in `read`: whoever sees a new word sees the odd version.
        store_words(&line.words, words);
        self.version = self.version.wrapping_add(2);
        line.version.store(self.version, Site::LinePublish.order()); // (C) Pairs with (D): every word in place.
    }
}

/// A reader of a line. Clone it for every thread that wants one.
#[derive(Clone, Debug)]
pub struct LineReader {
    line: Arc<Line>,
}

impl LineReader {
    /// Copies the words of one write: the latest, or one that ended while this was reading.
    ///
    /// # Errors
    ///
    /// [`Busy`] after [`TRIES_MAX`] attempts. At a writer that has been interrupted in the middle of a write, that
    /// is the answer until it goes on.
    #[inline]
    pub fn read(&self) -> Result<[u64; LINE_WORDS], Busy> {
        let mut words = [0; LINE_WORDS];
        for _ in 0..TRIES_MAX {
            let version = self.line.version.load(Site::LineLook.order()); // (D) Pairs with (C) in `write`.
            if version & 1 == 0 {
                load_words(&self.line.words, &mut words);
                Site::LineCheck.fence(); // (B) Pairs with (A): a word of a later write brings its odd version.
                if self.line.version.load(Relaxed) == version {
                    return Ok(words);
                }
            }
            spin_loop();
        }
        Err(Busy::new())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const _: () = assert!(size_of::<Line>() == 64, "a line is one cache line");
    const _: () = assert!(align_of::<Line>() == 64, "and no two share one");

    #[test]
    fn reader_sees_the_initial_value_then_each_write() {
        // On one thread, with a clone beside, every write is the next read's answer.
        let (mut writer, reader) = channel(&[9; 7]);
        let other = reader.clone();
        assert_eq!(reader.read(), Ok([9; 7]));
        for number in 0..100 {
            let words = std::array::from_fn(|word| number * 7 + word as u64);
            writer.write(&words);
            assert_eq!((reader.read(), other.read()), (Ok(words), Ok(words)));
        }
    }

    #[test]
    fn interrupted_writer_makes_the_read_busy_and_the_next_write_ends_it() {
        // Sets the version odd, as a writer that was stopped half way leaves it.
        let (mut writer, reader) = channel(&[1; 7]);
        writer.line.version.store(1, Relaxed);
        assert_eq!(reader.read(), Err(Busy { tries: TRIES_MAX }));
        writer.write(&[2; 7]);
        assert_eq!(reader.read(), Ok([2; 7]));
    }

    #[test]
    fn last_copy_outlives_the_writer() {
        // Readers own the line together with the writer.
        let (mut writer, reader) = channel(&[1; 7]);
        writer.write(&[3; 7]);
        drop(writer);
        assert_eq!(reader.read(), Ok([3; 7]));
    }

    #[test]
    fn errors_are_small() {
        // A read's error travels in a register.
        assert!(size_of::<Busy>() <= 8);
    }
}
