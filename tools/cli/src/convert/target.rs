//! The file that a conversion writes.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::SystemTime;

use touchline::market::Nanos;
use touchline_capture::import::{Export, Losses};
use touchline_capture::journal::{Entry, FileWriter, Header, PushError};

/// What came from the venue, in one of the forms that hold it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Journal,
    Lines,
    Hftbacktest,
    Tardis,
}

/// A result being written.
pub(super) enum Target {
    Journal(Box<FileWriter>),
    Export(Box<Export<BufWriter<File>>>),
}

impl Target {
    /// What a run that was stopped left in its place is written anew.
    pub(super) fn create(form: Form, path: &Path, level: i32) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        let buffered = |file| BufWriter::with_capacity(1 << 20, file);
        Ok(match form {
            Form::Journal => {
                let header = Header { id: Header::random_id()?, file: 1, first_entry: 0, created: now() };
                Self::Journal(Box::new(FileWriter::new(file, &header, level)?))
            }
            Form::Lines => Self::Export(Box::new(Export::lines(buffered(file), level)?)),
            Form::Hftbacktest => Self::Export(Box::new(Export::hftbacktest(buffered(file)))),
            Form::Tardis => Self::Export(Box::new(Export::tardis(buffered(file)))),
        })
    }

    pub(super) fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        match self {
            Self::Export(export) => export.entry(entry),
            Self::Journal(journal) => match journal.push(entry) {
                Ok(()) => Ok(()),
                Err(PushError::Lost(lost)) => Err(lost.into()),
                Err(error @ PushError::TooLong { .. }) => Err(io::Error::other(error.to_string())),
            },
        }
    }

    pub(super) fn finish(self) -> io::Result<Losses> {
        match self {
            Self::Journal(journal) => {
                journal.finish()?.sync_all()?;
                Ok(Losses::default())
            }
            Self::Export(export) => {
                let losses = export.losses();
                let mut file = export.finish()?;
                file.flush()?;
                file.get_ref().sync_all()?;
                Ok(losses)
            }
        }
    }
}

fn now() -> Nanos {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Nanos(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}
