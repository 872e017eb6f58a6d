//! Why a journal could not be written or read on, and where.

use std::io;
use std::ops::Range;

use super::Gap;

/// A block could not be written. Its entries are gone; the writer goes on behind the last block that is whole.
#[derive(Debug, thiserror::Error)]
#[error("{} entries lost: {source}", gap.entries)]
pub struct Lost {
    /// What is gone. Add up the gaps of failures in a row, and push one entry of kind
    /// [`Gap`](super::EntryKind::Gap) when a block succeeds again.
    pub gap: Gap,
    /// What the system said.
    pub source: io::Error,
}

impl From<Lost> for io::Error {
    fn from(lost: Lost) -> Self {
        Self::new(lost.source.kind(), lost)
    }
}

/// Why an entry was not taken, or not kept.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The payload is longer than [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX). The entry was not taken, and
    /// nothing else has changed.
    #[error("a payload of {bytes} bytes is too long for a journal")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The entry filled its block, and the block could not be written: this entry and those before it are gone.
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// What is damaged in a stretch of a journal; of several things the first one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Damage {
    /// The file's own header. No entry is lost by that; the file's number and date are.
    #[error("damaged file header")]
    FileHeader,
    /// Where a block should begin there is none.
    #[error("no block")]
    NoBlock,
    /// The checksum over a block's payload is wrong.
    #[error("wrong checksum")]
    Checksum,
    /// A payload that is as it was written does not unpack. A fault in the program that wrote it.
    #[error("not unpackable")]
    Unpack,
    /// An entry in a sound block does not make sense. A fault in the program that wrote it.
    #[error("malformed entry")]
    Entry,
    /// A block repeats entry numbers that came before: it belongs elsewhere.
    #[error("block out of order")]
    Order,
    /// Entry numbers are missing between two sound neighbours: somebody took a block out.
    #[error("block missing")]
    Missing,
    /// A block was begun and not completed, and others follow: a write failed.
    #[error("unfinished block")]
    Torn,
}

/// Why a journal could not be read on.
///
/// All but [`Corrupt`](Self::Corrupt) are final: the reader reports one of them once and then answers `Ok(None)`.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system failed to open or read the file. Try again or name the path.
    #[error("cannot read at byte {at}: {source}")]
    Io {
        /// Where reading stopped.
        at: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file neither begins as a journal nor holds a block of one near its beginning. Another kind of file, or
    /// one that went through a transfer which changes text.
    #[error("not a journal")]
    NotAJournal,
    /// A newer version of the format. Use a newer Touchline.
    #[error("a journal of version {version}; this program reads up to version {}", super::VERSION)]
    Newer {
        /// The file's version.
        version: u32,
    },
    /// A stretch of the file is damaged. Every whole entry in front of it has been given, and the next call goes on
    /// behind it.
    #[error("damaged at bytes {}..{}: {damage}; {} lost from entry {from_entry}",
        bytes.start, bytes.end, entries.map_or("unknown number".to_owned(), |count| count.to_string()))]
    Corrupt {
        /// What is wrong.
        damage: Damage,
        /// Number of the first entry that may be lost.
        from_entry: u64,
        /// How many entries are lost; `None` where nothing behind the damage tells.
        entries: Option<u64>,
        /// Where in the file; empty where bytes are missing rather than wrong.
        bytes: Range<u64>,
    },
    /// The file ends inside a block, or inside its end mark. Every whole block's entries have been given.
    #[error("cut off: {partial_bytes} bytes of an unfinished block at byte {at}, from entry {from_entry}")]
    Truncated {
        /// Where the unfinished block begins.
        at: u64,
        /// Number of the first entry that is missing, if one is.
        from_entry: u64,
        /// Bytes of it that are there.
        partial_bytes: u64,
    },
}

impl JournalError {
    /// Whether nothing more can come from this reader; false for a corrupt stretch alone.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Corrupt { .. })
    }
}

/// Why no clean copy of a journal could be made. Nothing is left of the copy.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The source cannot be read at all.
    #[error("cannot read the damaged journal: {0}")]
    Read(#[from] JournalError),
    /// The copy cannot be made or written; it may exist already, and is never overwritten.
    #[error("cannot write the clean copy: {0}")]
    Write(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corrupt_stretch_alone_lets_reading_go_on_and_every_message_names_its_place() {
        // One error of each kind with a place, printed.
        let damage = Damage::Checksum;
        let errors = [
            JournalError::Io { at: 567, source: io::Error::other("gone") },
            JournalError::Corrupt { damage, from_entry: 71, entries: None, bytes: 567..600 },
            JournalError::Corrupt { damage, from_entry: 71, entries: Some(4), bytes: 567..600 },
            JournalError::Truncated { at: 567, from_entry: 71, partial_bytes: 9 },
        ];
        for error in errors {
            assert_eq!(error.is_final(), !matches!(error, JournalError::Corrupt { .. }));
            assert!(error.to_string().contains("567"), "{error}");
        }
        let (gap, source) = (Gap { entries: 3, ..Gap::default() }, io::ErrorKind::StorageFull.into());
        let lost = io::Error::from(Lost { gap, source });
        assert_eq!(lost.kind(), io::ErrorKind::StorageFull);
        assert!(lost.to_string().starts_with("3 entries lost"));
    }
}
