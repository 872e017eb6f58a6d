//! A journal in a file of its own.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::path::Path;

use super::{Entry, Header, Lost, PushError, Writer};

/// Writes a journal to a file, and leaves nothing but whole blocks in it: what a failed write left behind is cut
/// away before the next block is written.
pub struct FileWriter {
    writer: Writer<File>,
}

impl FileWriter {
    /// Makes the file, which must not exist, and writes its header. `level` is zstd's.
    ///
    /// # Errors
    /// What the system says; `AlreadyExists` if there is such a file. Nothing new is left behind.
    pub fn create(path: impl AsRef<Path>, header: &Header, level: i32) -> io::Result<Self> {
        let path = path.as_ref();
        let file = File::create_new(path)?;
        Self::new(file, header, level).inspect_err(|_| {
            // A disk that took no header may still take the removal; the first error is the one to tell.
            let _ = std::fs::remove_file(path);
        })
    }

    /// Writes to an empty file that is open for writing.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(file: File, header: &Header, level: i32) -> io::Result<Self> {
        Ok(Self { writer: Writer::new(file, header, level)? })
    }

    /// Takes one entry, as [`Writer::push`].
    ///
    /// # Errors
    /// As there.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<(), PushError> {
        self.writer.take(entry)?;
        if self.writer.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes the block under way, as [`Writer::flush`].
    ///
    /// # Errors
    /// [`Lost`]: the entries of that block are gone, the file ends with its last whole block or will before anything
    /// else is written.
    pub fn flush(&mut self) -> Result<(), Lost> {
        if self.writer.open_entries() == 0 {
            return Ok(());
        }
        if let Err(source) = self.mend() {
            return Err(self.writer.lose(source));
        }
        self.writer.flush().inspect_err(|_| {
            // If this fails too it is tried again before the next block.
            let _ = self.mend();
        })
    }

    /// Asks the system to bring what was written to the disk itself, and waits for it.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&self) -> io::Result<()> {
        self.writer.get_ref().sync_data()
    }

    /// Writes the block under way, the index and the end mark, and gives the file back.
    ///
    /// # Errors
    /// What the system says. The file then ends with its last whole block if the system allowed that.
    pub fn finish(mut self) -> io::Result<File> {
        self.flush()?;
        self.mend()?;
        if let Err(error) = self.writer.end() {
            let _ = self.mend();
            return Err(error);
        }
        Ok(self.writer.into_inner())
    }

    /// As [`Writer::entries`].
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.writer.entries()
    }

    /// As [`Writer::next_entry`].
    #[must_use]
    pub fn next_entry(&self) -> u64 {
        self.writer.next_entry()
    }

    /// As [`Writer::bytes`].
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    /// As [`Writer::open_entries`].
    #[must_use]
    pub fn open_entries(&self) -> u32 {
        self.writer.open_entries()
    }

    /// Cuts a part of a block away.
    fn mend(&mut self) -> io::Result<()> {
        if self.writer.is_torn() {
            let end = self.writer.bytes();
            let mut file = self.writer.get_ref();
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            self.writer.mended();
        }
        Ok(())
    }
}
