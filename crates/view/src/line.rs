//! Seven words and their version in one cache line, twice.
//!
//! Writes are numbered, and go to the two places in turn. A version is twice the number of the write that is in
//! its place, less one while that write is under way:
//!
//! ```text
//! write: version = 2n - 1; (A) words; (C) version = 2n                in place n mod 2
//! read:  both versions (D); the place of the larger, or the other one if the larger is odd; its words; (B) its
//!        version, still the same
//! ```
//!
//! With one place, a reader that comes upon a write under way has nothing to read, and a writer that is stopped half
//! way keeps everybody waiting. With two, the write before is still there. It costs one line more in memory and
//! none on the way: a write changes one line, and the other stays in the reader's cache.

use crate::ordering::Site;
use crate::sync::{AtomicU64, Ordering::Relaxed, load_words, new_words, spin_loop, store_words};
use crate::{Busy, LINE_WORDS, TRIES_MAX};
use std::sync::Arc;

/// Makes a line that holds `initial`, and gives out its writer and a reader to clone. It takes 128 bytes.
pub fn channel(initial: &[u64; LINE_WORDS]) -> (LineWriter, LineReader) {
    let place = |number: u64| Place { version: AtomicU64::new(2 * number), words: new_words(initial) };
    let pair = Arc::new(Pair { even: place(2), odd: place(1) });
    (LineWriter { pair: Arc::clone(&pair), number: 2 }, LineReader { pair })
}

/// The places of the even and of the odd writes, in neighbouring lines.
#[derive(Debug)]
#[repr(C, align(128))]
struct Pair {
    even: Place,
    odd: Place,
}

#[derive(Debug)]
#[repr(C, align(64))]
struct Place {
    /// Twice the number of the write in this place; one less while it is under way.
    version: AtomicU64,
    words: [AtomicU64; LINE_WORDS],
}

impl Pair {
    /// The place of a write.
    #[inline(always)]
    fn place(&self, number: u64) -> &Place {
        if number & 1 == 0 { &self.even } else { &self.odd }
    }
}

/// The one writer of a line.
#[derive(Debug)]
pub struct LineWriter {
    pair: Arc<Pair>,
    /// The number of the last write, kept here because reading it back from a line that a reader has taken to its
    /// core would cost a transfer. At a write per nanosecond it lasts for centuries.
    number: u64,
}

impl LineWriter {
    /// Publishes `words`. Never waits.
    #[inline]
    pub fn write(&mut self, words: &[u64; LINE_WORDS]) {
        self.number = self.number.wrapping_add(1);
        let place = self.pair.place(self.number);
        let version = self.number.wrapping_mul(2);
        place.version.store(version.wrapping_sub(1), Relaxed);
        Site::LineBegin.fence(); // (A) Pairs with (B) in `read`: whoever sees a new word sees the odd version.
        store_words(&place.words, words);
        place.version.store(version, Site::LinePublish.order()); // (C) Pairs with (D): every word in place.
    }
}

/// A reader of a line. Clone it for every thread that wants one.
#[derive(Clone, Debug)]
pub struct LineReader {
    pair: Arc<Pair>,
}

impl LineReader {
    /// Copies the words of one write: the latest, or one that ended while this was reading.
    ///
    /// # Errors
    ///
    /// [`Busy`] after [`TRIES_MAX`] attempts, each of which the writer has overtaken.
    #[inline]
    pub fn read(&self) -> Result<[u64; LINE_WORDS], Busy> {
        let mut words = [0; LINE_WORDS];
        for _ in 0..TRIES_MAX {
            let even = self.pair.even.version.load(Site::LineLook.order()); // (D) Pairs with (C) in `write`.
            let odd = self.pair.odd.version.load(Site::LineLook.order()); // (D) as above.
            // The larger version made even is the last write that was over: itself, or the one before it. The look
            // at that one's place may have been too early to see it, and then its words may be older too.
            let version = even.max(odd) & !1;
            let number = version / 2;
            let seen = if number & 1 == 0 { even } else { odd };
            if seen == version {
                let place = self.pair.place(number);
                load_words(&place.words, &mut words);
                Site::LineCheck.fence(); // (B) Pairs with (A): a word of a later write brings its odd version.
                if place.version.load(Relaxed) == version {
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

    const _: () = assert!(size_of::<Place>() == 64, "a place is one cache line");
    const _: () = assert!(size_of::<Pair>() == 128, "and a line is two, next to each other");

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
    fn writer_stopped_half_way_disturbs_no_reader() {
        // Begins each next write by hand, as far as the first word: readers keep the last whole one.
        let (mut writer, reader) = channel(&[1; 7]);
        for number in 3..9 {
            let place = writer.pair.place(number);
            place.version.store(2 * number - 1, Relaxed);
            place.words[0].store(12345, Relaxed);
            assert_eq!(reader.read(), Ok([number - 2; 7]));
            writer.write(&[number - 1; 7]);
            assert_eq!(reader.read(), Ok([number - 1; 7]));
        }
    }

    #[test]
    fn line_that_is_overtaken_at_every_attempt_is_busy() {
        // Both places under way at once: what a reader sees that looks at them while two writes go by.
        let (writer, reader) = channel(&[1; 7]);
        writer.pair.odd.version.store(5, Relaxed);
        writer.pair.even.version.store(7, Relaxed);
        assert_eq!(reader.read(), Err(Busy { tries: TRIES_MAX }));
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
