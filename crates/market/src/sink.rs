//! Where a parser writes its updates: straight into ring slots, or into a buffer.

use crate::{Head, Level, Record, Trailer, UpdateError};

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

/// A message's body alone, for whoever makes messages by hand: heads are not kept, so the next body is to have a buffer of
/// its own.
impl Sink for Vec<Record> {
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.push(record);
        Ok(())
    }

    fn commit(&mut self, _: Head) -> Result<(), SinkFull> {
        Ok(())
    }

    fn abandon(&mut self) {
        self.clear();
    }
}

/// Packs levels three to a record on their way into a [`Sink`].
///
/// Two levels are held; the third goes to the sink together with them, straight from registers. Had it been stored
/// first, copying the record would have to wait for the store.
#[derive(Debug, Default)]
pub struct LevelPacker {
    held: [u64; 4],
    levels: u8,
}

impl LevelPacker {
    /// Adds one level.
    ///
    /// # Errors
    /// [`UpdateError::SinkFull`].
    #[inline(always)]
    pub fn push(&mut self, level: Level, sink: &mut impl Sink) -> Result<(), UpdateError> {
        let [a, b, c, d] = &mut self.held;
        let (price, qty) = (level.price.0.cast_unsigned(), level.qty.0);
        match self.levels {
            0 => (*a, *b, self.levels) = (price, qty, 1),
            1 => (*c, *d, self.levels) = (price, qty, 2),
            _ => {
                self.levels = 0;
                let record = Record([*a, *b, *c, *d, price, qty, 0]);
                return sink.push(record).map_err(|SinkFull| UpdateError::SinkFull);
            }
        }
        Ok(())
    }

    /// Sends the last, partly filled record.
    ///
    /// # Errors
    /// [`UpdateError::SinkFull`].
    #[inline]
    pub fn finish(&mut self, sink: &mut impl Sink) -> Result<(), UpdateError> {
        let [a, b, c, d] = self.held;
        let record = match std::mem::take(&mut self.levels) {
            0 => return Ok(()),
            1 => Record([a, b, 0, 0, 0, 0, 0]),
            _ => Record([a, b, c, d, 0, 0, 0]),
        };
        sink.push(record).map_err(|SinkFull| UpdateError::SinkFull)
    }
}

/// As [`LevelPacker`], for messages with a [`Trailer`]: a whole record is held back too, since the last one takes the
/// trailer.
#[derive(Debug, Default)]
pub struct TrailedPacker {
    held: [u64; 6],
    words: usize,
}

impl TrailedPacker {
    /// Adds one level.
    ///
    /// # Errors
    /// [`UpdateError::SinkFull`].
    #[inline]
    pub fn push(&mut self, level: Level, sink: &mut impl Sink) -> Result<(), UpdateError> {
        if self.words == self.held.len() {
            self.send(0, sink)?;
        }
        if let Some([price, qty]) = self.held.get_mut(self.words..self.words + 2) {
            (*price, *qty) = (level.price.0.cast_unsigned(), level.qty.0);
            self.words += 2;
        }
        Ok(())
    }

    /// Sends the last record, with the trailer. The head must say [`Flags::TRAILER`](crate::Flags::TRAILER).
    ///
    /// # Errors
    /// [`UpdateError::SinkFull`].
    pub fn finish(&mut self, trailer: Trailer, sink: &mut impl Sink) -> Result<(), UpdateError> {
        self.send(trailer.to_word(), sink)
    }

    fn send(&mut self, last: u64, sink: &mut impl Sink) -> Result<(), UpdateError> {
        self.words = 0;
        let [a, b, c, d, e, f] = std::mem::take(&mut self.held);
        sink.push(Record([a, b, c, d, e, f, last])).map_err(|SinkFull| UpdateError::SinkFull)
    }
}
