//! Where a parser writes its updates: straight into ring slots, or into a buffer.

use crate::{Head, Level, Record, UpdateError};

/// The sink cannot take the message: it is full, or the message is larger than it. Nothing of it was taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no room for the message")]
pub struct SinkFull;

/// Takes one message at a time: body records first, then the head, which makes the whole visible at once. A message
/// that is not committed leaves no trace.
pub trait Sink {
    /// Takes the next body record.
    ///
    /// # Errors
    /// [`SinkFull`]; call [`abandon`](Self::abandon).
    fn push(&mut self, record: Record) -> Result<(), SinkFull>;

    /// Takes the head and hands the whole message on.
    ///
    /// # Errors
    /// [`SinkFull`]; the message is gone.
    fn commit(&mut self, head: Head) -> Result<(), SinkFull>;

    /// Forgets the body records pushed since the last commit.
    fn abandon(&mut self);
}

/// Packs levels three to a record on their way into a [`Sink`].
#[derive(Debug, Default)]
pub struct LevelPacker {
    words: [u64; 6],
    used: usize,
    count: usize,
}

impl LevelPacker {
    /// Adds one level.
    ///
    /// # Errors
    /// [`UpdateError::SinkFull`].
    #[inline]
    pub fn push(&mut self, level: Level, sink: &mut impl Sink) -> Result<(), UpdateError> {
        if let Some([price, qty]) = self.words.get_mut(self.used..self.used + 2) {
            *price = level.price.0.cast_unsigned();
            *qty = level.qty.0;
        }
        self.used += 2;
        self.count += 1;
        if self.used == self.words.len() { self.flush(sink) } else { Ok(()) }
    }

    /// Sends the last, partly filled record.
    ///
    /// # Errors
    /// [`UpdateError::SinkFull`].
    #[inline]
    pub fn finish(&mut self, sink: &mut impl Sink) -> Result<(), UpdateError> {
        if self.used == 0 { Ok(()) } else { self.flush(sink) }
    }

    /// How many levels were added since the packer was made.
    #[inline]
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    #[inline]
    fn flush(&mut self, sink: &mut impl Sink) -> Result<(), UpdateError> {
        let [a, b, c, d, e, f] = self.words;
        self.words = [0; 6];
        self.used = 0;
        sink.push(Record([a, b, c, d, e, f, 0])).map_err(|SinkFull| UpdateError::SinkFull)
    }
}
