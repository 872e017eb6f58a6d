//! Where the recorder's thread writes: journal files, or what a test puts in their place.

use std::io;
use std::path::PathBuf;

use touchline_market::Nanos;

use crate::journal::{Entry, FileWriter, Files, Lost, PushError};

/// Makes one file after another.
pub(super) trait Disk: Send + 'static {
    /// Writes one file.
    type Writer: Paper;

    /// Makes the next file; `first_entry` is the number of its first entry.
    fn open(&mut self, first_entry: u64, now: Nanos) -> io::Result<Self::Writer>;

    /// Whether the file opened last, which has so many bytes, has its length or its time.
    fn should_rotate(&self, bytes: u64, now: Nanos) -> bool;

    /// The file opened last.
    fn path(&self) -> PathBuf;
}

/// One file being written.
pub(super) trait Paper: Send {
    /// See [`FileWriter::push`].
    fn push(&mut self, entry: &Entry<'_>) -> Result<(), PushError>;
    /// See [`FileWriter::flush`].
    fn flush(&mut self) -> Result<(), Lost>;
    /// See [`FileWriter::sync`].
    fn sync(&self) -> io::Result<()>;
    /// Ends the file and brings it to the disk.
    fn finish(self) -> io::Result<()>;
    /// See [`FileWriter::next_entry`].
    fn next_entry(&self) -> u64;
    /// See [`FileWriter::open_entries`].
    fn open_entries(&self) -> u32;
    /// See [`FileWriter::bytes`].
    fn bytes(&self) -> u64;
}

impl Disk for Files {
    type Writer = FileWriter;

    fn open(&mut self, first_entry: u64, now: Nanos) -> io::Result<FileWriter> {
        self.open(first_entry, now)
    }

    fn should_rotate(&self, bytes: u64, now: Nanos) -> bool {
        self.should_rotate(bytes, now)
    }

    fn path(&self) -> PathBuf {
        self.path().to_owned()
    }
}

impl Paper for FileWriter {
    fn push(&mut self, entry: &Entry<'_>) -> Result<(), PushError> {
        self.push(entry)
    }

    fn flush(&mut self) -> Result<(), Lost> {
        self.flush()
    }

    fn sync(&self) -> io::Result<()> {
        self.sync()
    }

    fn finish(self) -> io::Result<()> {
        self.finish()?.sync_all()
    }

    fn next_entry(&self) -> u64 {
        self.next_entry()
    }

    fn open_entries(&self) -> u32 {
        self.open_entries()
    }

    fn bytes(&self) -> u64 {
        self.bytes()
    }
}
