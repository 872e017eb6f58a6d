//! A journal run again: the same engines, told the same, must do the same, and build the same books.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use touchline_capture::Progress;
use touchline_capture::journal::{EntryKind, Gap, Reader};

use super::stage::Stage;
use super::words::{SetupWord, WORDS};
use crate::Error;
use crate::live::report::FeedReport;
use crate::view::View;

/// The place in a journal from which a run did not go as it went before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mismatch {
    /// Which entry, from 0.
    pub entry: u64,
    /// What stands there.
    pub recorded: String,
    /// What came of it now.
    pub now: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, recorded, now } = self;
        write!(f, "mismatch at entry {entry}: recorded {recorded}, now {now}")
    }
}

/// What became of a journal.
#[derive(Debug, Default)]
pub struct RerunReport {
    /// Entries read.
    pub entries: u64,
    /// Frames of the venues among them.
    pub frames: u64,
    /// Stretches that were never written, or are damaged.
    pub gaps: Vec<Gap>,
    /// Requests, connects and texts that were the same again.
    pub commands: u64,
    /// Books at boundaries that were the same again.
    pub hashes: u64,
    /// What was not the same, or was there only once.
    pub mismatches: u64,
    /// The first of them.
    pub first: Option<Mismatch>,
    /// The feed at the end.
    pub feed: FeedReport,
    /// Where the journal is damaged, in words.
    pub damage: Vec<String>,
}

/// Runs a journal again.
///
/// ```no_run
/// let mut rerun = touchline::Rerun::open("feed-20261121T160000Z-000001.tlj")?;
/// while rerun.step() {}
/// let report = rerun.finish();
/// assert_eq!(report.mismatches, 0, "{:?}", report.first);
/// # Ok::<(), touchline::Error>(())
/// ```
pub struct Rerun {
    path: PathBuf,
    journal: Reader<File>,
    stage: Stage,
}

impl Rerun {
    /// Reads what the feed was made from; nothing has happened yet. A journal of several files is named by its first, the
    /// others are found beside it.
    ///
    /// # Errors
    /// [`Error::Journal`] if the file cannot be read, is not the first, or does not begin with a feed's setup.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let failed = |cause: String| Error::Journal { path: path.clone(), cause };
        let mut journal = Reader::open(&path).map_err(|error| failed(error.to_string()))?;
        let file = journal.header().file;
        if file > 1 {
            return Err(failed(format!("file {file} of its journal: name the first")));
        }
        let first = journal.next().map_err(|error| failed(error.to_string()))?;
        let setup = first.filter(|entry| entry.kind == EntryKind::Setup).map(|entry| entry.payload);
        let Some(setup) = setup else {
            return Err(failed("it does not begin with a feed's setup".to_owned()));
        };
        let setup: SetupWord = serde_json::from_slice(setup)
            .map_err(|error| failed(format!("a setup that this version cannot read: {error}")))?;
        if setup.words != WORDS {
            let by = setup.touchline;
            return Err(failed(format!("written by Touchline {by}, which speaks of feeds in other words")));
        }
        let stage = Stage::new(setup)
            .ok_or_else(|| failed("it speaks of a venue that this version does not know".to_owned()))?;
        Ok(Self { path, journal, stage })
    }

    /// The views of all books so far, by the number of their instruments.
    #[must_use]
    pub fn views(&self) -> &[View] {
        &self.stage.views
    }

    /// How far it is in the file that is read now.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.journal.progress()
    }

    /// Does the next entry. False at the end. Damage is told of in the report: what is whole behind it is done.
    pub fn step(&mut self) -> bool {
        match self.journal.next() {
            Ok(Some(entry)) => {
                self.stage.take(&entry);
                true
            }
            Ok(None) => self.next_file(),
            Err(error) => {
                self.stage.report.damage.push(format!("{}: {error}", self.path.display()));
                !error.is_final() || self.next_file()
            }
        }
    }

    /// Ends the run: a hash that stands on one side only is a mismatch.
    #[must_use]
    pub fn finish(self) -> RerunReport {
        self.stage.finish()
    }

    /// Goes on with the next file of the same journal, if there is one.
    #[cold]
    fn next_file(&mut self) -> bool {
        let Some((journal, path)) = self.journal.next_file(&self.path) else { return false };
        (self.journal, self.path) = (journal, path);
        true
    }
}

impl fmt::Debug for Rerun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rerun").field("entries", &self.stage.report.entries).finish_non_exhaustive()
    }
}
