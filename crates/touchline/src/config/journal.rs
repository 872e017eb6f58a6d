//! What of a feed is written down.

use std::path::PathBuf;
use std::time::Duration;

/// A journal: everything that a feed sees, says and does, in files that survive a crash, from which it can be run again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JournalConfig {
    /// The folder of its files. It is made if it is not there.
    pub folder: PathBuf,
    /// What the files' names begin with. Default: `touchline`.
    pub name: String,
    /// Once a file is this long, another one follows. Default: 1 GiB.
    pub file_bytes_max: u64,
    /// Once a file is this old, another one follows. Default: an hour.
    pub file_period: Duration,
    /// Room of each thread for what is on its way to the disk, bytes. What finds none is lost, counted, and recorded as a
    /// gap; the feed never waits. Default: 64 MiB.
    pub ring_bytes: usize,
    /// How often each book's hash is written down. Default: every second.
    pub hash_every: Duration,
}

impl JournalConfig {
    /// A journal in this folder, with the defaults.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            name: "touchline".to_owned(),
            file_bytes_max: 1 << 30,
            file_period: Duration::from_secs(3_600),
            ring_bytes: 64 << 20,
            hash_every: Duration::from_secs(1),
        }
    }
}
