//! A clean copy of a damaged journal.

use std::path::Path;

use super::{Entry, EntryKind, FileWriter, Gap, Header, JournalError, PushError, Reader, RecoverError};

/// zstd's level of a clean copy: its own default.
const LEVEL: i32 = 3;

/// What was saved from a damaged journal, and what was not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Recovered {
    /// Entries copied; the gaps put in are not among them.
    pub entries: u64,
    /// Damaged stretches of the source.
    pub damages: u64,
    /// Stretches among them that lost entries, or may have: as many gaps were put into the copy.
    pub gaps: u64,
    /// Entries known to be lost in them.
    pub lost: u64,
    /// Whether the source ends inside a block, whose entries are lost.
    pub is_truncated: bool,
    /// Whether the source was finished by its writer.
    pub is_finished: bool,
}

/// Copies everything whole in the journal `source` into the new file `target`, which is finished and sound. Where
/// entries were lost the copy has an entry of kind [`EntryKind::Gap`], with the stamps of the entry behind and 0
/// entries where their number is unknown. Entries are numbered anew from the source's first.
///
/// # Errors
/// [`RecoverError`]; `target` does not exist then unless it did before.
pub fn recover(source: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<Recovered, RecoverError> {
    let mut reader = Reader::open(source)?;
    let target = target.as_ref();
    let header = Header { file: reader.header().file.max(1), ..*reader.header() };
    let writer = FileWriter::create(target, &header, LEVEL).map_err(RecoverError::Write)?;
    copy(&mut reader, writer).inspect_err(|_| {
        // Half a copy is worth less than none; the error that led here is the one to tell.
        let _ = std::fs::remove_file(target);
    })
}

fn copy(reader: &mut Reader<std::fs::File>, mut writer: FileWriter) -> Result<Recovered, RecoverError> {
    let mut done = Recovered { is_finished: reader.is_finished(), ..Recovered::default() };
    let mut last = Entry {
        kind: EntryKind::Gap,
        reader: 0,
        path: 0,
        source: 0,
        recv: reader.header().created,
        now: 0,
        kernel: touchline_market::Nanos::NONE,
        payload: &[],
    };
    let mut gap: Option<Gap> = None;
    loop {
        match reader.next() {
            Ok(Some(entry)) => {
                last = Entry { recv: entry.recv, now: entry.now, ..last };
                push_gap(&mut writer, gap.take(), last)?;
                push(&mut writer, &entry)?;
                done.entries += 1;
            }
            Ok(None) => break,
            Err(JournalError::Corrupt { entries, .. }) => {
                done.damages += 1;
                if entries != Some(0) {
                    done.gaps += u64::from(gap.is_none());
                    done.lost += entries.unwrap_or(0);
                    let gap = gap.get_or_insert(Gap { since: last.recv, ..Gap::default() });
                    gap.entries += entries.unwrap_or(0);
                }
            }
            Err(JournalError::Truncated { .. }) => done.is_truncated = true,
            Err(error) => return Err(error.into()),
        }
    }
    push_gap(&mut writer, gap, last)?;
    let file = writer.finish().map_err(RecoverError::Write)?;
    file.sync_all().map_err(RecoverError::Write)?;
    Ok(done)
}

/// Writes what is lost, if anything is, with the stamps of `at`.
fn push_gap(writer: &mut FileWriter, gap: Option<Gap>, at: Entry<'_>) -> Result<(), RecoverError> {
    let Some(gap) = gap else { return Ok(()) };
    push(writer, &Entry { payload: &gap.to_payload(), ..at })
}

fn push(writer: &mut FileWriter, entry: &Entry<'_>) -> Result<(), RecoverError> {
    writer.push(entry).map_err(|error| {
        RecoverError::Write(match error {
            PushError::Lost(lost) => lost.source,
            error @ PushError::TooLong { .. } => std::io::Error::other(error),
        })
    })
}
