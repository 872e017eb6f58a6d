//! Which file a recording goes to, and when it goes on in the next.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;
use touchline_market::Nanos;

use super::{FileWriter, Header};

/// The end of a journal's file name.
pub const EXTENSION: &str = "tlj";

/// Where a recording's files go, and how much goes into one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rotation {
    /// The folder, which must exist.
    pub folder: PathBuf,
    /// What each file's name begins with.
    pub name: String,
    /// A file of this length is followed by the next.
    pub bytes_max: u64,
    /// A file that was made so long ago is followed by the next.
    pub period: Duration,
}

/// The files of one recording, made one after another. None is ever overwritten.
#[derive(Debug)]
pub struct Files {
    rotation: Rotation,
    id: [u8; 16],
    level: i32,
    file: u32,
    created: Nanos,
    path: PathBuf,
}

impl Files {
    /// Of the recording `id`; nothing is made yet. `level` is zstd's.
    #[must_use]
    pub fn new(rotation: Rotation, id: [u8; 16], level: i32) -> Self {
        Self { rotation, id, level, file: 0, created: Nanos::NONE, path: PathBuf::new() }
    }

    /// Makes the next file, `NAME-YYYYMMDDTHHMMSSZ-NNNNNN.tlj` by `now` and its number. A number whose name exists
    /// is left out, so a clock that goes back does no harm. `first_entry` is the number of the entry that comes
    /// first, [`FileWriter::next_entry`] of the file before.
    ///
    /// # Errors
    /// What the system says. Nothing is left behind, and the next call tries the same number again.
    pub fn open(&mut self, first_entry: u64, now: Nanos) -> io::Result<FileWriter> {
        let Rotation { folder, name, .. } = &self.rotation;
        let stamp = stamp(now);
        let mut file = self.file;
        loop {
            file = file.checked_add(1).ok_or(io::ErrorKind::AlreadyExists)?;
            let path = folder.join(format!("{name}-{stamp}-{file:06}.{EXTENSION}"));
            let header = Header { id: self.id, file, first_entry, created: now };
            match FileWriter::create(&path, &header, self.level) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(writer) => {
                    sync_folder(folder);
                    (self.file, self.created, self.path) = (file, now, path);
                    return Ok(writer);
                }
            }
        }
    }

    /// Whether the file opened last has its length or its time. A clock that jumps by the period, to whichever side,
    /// ends it as well.
    #[must_use]
    pub fn should_rotate(&self, bytes: u64, now: Nanos) -> bool {
        bytes >= self.rotation.bytes_max
            || u128::from(now.0.abs_diff(self.created.0)) >= self.rotation.period.as_nanos()
    }

    /// The file opened last; empty before the first.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of the file opened last; 0 before the first.
    #[must_use]
    pub fn file(&self) -> u32 {
        self.file
    }
}

/// `YYYYMMDDTHHMMSSZ`.
fn stamp(now: Nanos) -> String {
    // 64 bits of nanoseconds end in the year 2554, well inside what the type holds.
    let at =
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(now.0)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    format!("{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}Z", u8::from(month))
}

/// Brings a new file's name to the disk. A system that cannot do this for a folder does it by itself in time.
fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}
