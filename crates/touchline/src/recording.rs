//! A recording of any form as a source.

use std::path::{Path, PathBuf};

use touchline_capture::import::{self, Form, ImportError, Options};
use touchline_capture::journal::EntryKind;
use touchline_market::{Nanos, Venue};

use crate::Error;
use crate::live::FeedStory;
use crate::source::{Event, Input, Source};

/// A [`Part`](crate::Part) of a recording by the stamps of receipt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// What came earlier is not read.
    pub begin: Nanos,
    /// Where the part begins: what came earlier only leads there.
    pub from: Nanos,
    /// Where it is over.
    pub to: Nanos,
}

impl Window {
    /// All of it.
    pub const ALL: Self = Self { begin: Nanos(0), from: Nanos(0), to: Nanos(u64::MAX) };
}

/// How a recording is read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) window: Window,
    /// Of a journal of several venues, what this one sent.
    pub(crate) venue: Option<Venue>,
    /// Where REST bodies were asked for that stand in the recording without their URL.
    pub(crate) rest_url: String,
}

impl Default for Reading {
    fn default() -> Self {
        Self { window: Window::ALL, venue: None, rest_url: String::new() }
    }
}

/// Reads a recording; a journal of several files from the one that is named to the last.
///
/// What several connections of a journal brought is kept apart. What a feed asked for only to find out how far the venue
/// is, is left out: it is no snapshot of a book.
pub(crate) struct Recording {
    path: PathBuf,
    /// What is left to read, or why nothing is.
    source: Result<import::Recording, Option<ImportError>>,
    /// What a feed's journal says of itself.
    story: FeedStory,
    window: Window,
    /// What is asked for has begun, or is over.
    begun: bool,
    ended: bool,
    /// Entries could not be read here, which is told next.
    lost: bool,
    file_ended: bool,
    /// When the last entry came, and its number.
    last: (Nanos, u64),
}

impl Recording {
    /// Opens a recording and reads all of it. A file that is no recording is one whose first entry cannot be read.
    ///
    /// # Errors
    /// [`Error::Open`] if the system does not give the file.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Self::open_for(path, &Reading::default())
    }

    /// As [`open`](Self::open), as `reading` says. In a journal the window's beginning is found by its index.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_for(path: &Path, reading: &Reading) -> Result<Self, Error> {
        let failed = |source| Error::Open { path: path.to_owned(), source };
        let options = Options { form: None, rest_url: reading.rest_url.clone() };
        let source = match import::open(path, &options) {
            Err(error @ ImportError::Io { .. }) => return Err(failed(error)),
            opened => opened.map_err(Some),
        };
        let mut recording = Self {
            path: path.to_owned(),
            source,
            story: FeedStory::of(reading.venue),
            window: reading.window,
            begun: reading.window.from.0 == 0,
            ended: false,
            lost: false,
            file_ended: false,
            last: (Nanos::NONE, 0),
        };
        if recording.window.begin.0 > 0 {
            recording.seek().map_err(failed)?;
        }
        Ok(recording)
    }

    /// The form that it is of; none if it is of none.
    pub(crate) fn form(&self) -> Option<Form> {
        self.source.as_ref().ok().map(import::Recording::form)
    }

    /// What a feed's journal said of itself up to here.
    pub(crate) fn story(&self) -> &FeedStory {
        &self.story
    }

    /// Goes to where the window begins, if there is an index. What the feed was made from stands in front of all.
    fn seek(&mut self) -> Result<(), ImportError> {
        let Ok(import::Recording::Journal(journal)) = &mut self.source else { return Ok(()) };
        if let Ok(Some(entry)) = journal.next()
            && entry.kind == EntryKind::Setup
        {
            self.story.event(&entry);
        }
        Ok(journal.seek(self.window.begin)?)
    }

    /// Goes on with the next file of the same journal, if there is one.
    #[cold]
    fn next_file(&mut self) -> Result<bool, ImportError> {
        let Ok(import::Recording::Journal(journal)) = &mut self.source else { return Ok(false) };
        let Some((next, path)) = journal.next_file(&self.path) else { return Ok(false) };
        // Of what is left out to find the window nothing is missing.
        self.lost |= self.window.begin.0 == 0 && next.header().first_entry > journal.number() + 1;
        (**journal, self.path) = (next, path);
        if self.window.begin.0 > 0 && !self.begun {
            self.seek()?;
        }
        Ok(true)
    }
}

impl Source for Recording {
    fn next(&mut self) -> Result<Option<Input<'_>>, ImportError> {
        if std::mem::take(&mut self.file_ended) {
            self.ended |= !self.next_file()?;
        }
        if self.ended {
            return Ok(None);
        }
        let source = match &mut self.source {
            Ok(source) => source,
            Err(error) => return error.take().map_or(Ok(None), Err),
        };
        let (recv, line) = self.last;
        let beside = |event| Input { ahead: true, ..Input::new(recv, line, event) };
        if std::mem::take(&mut self.lost) {
            return Ok(Some(beside(Event::Lost)));
        }
        let is_journal = matches!(source, import::Recording::Journal(_));
        let (line, entry) = match source.next_numbered() {
            Ok(Some(numbered)) => numbered,
            // What comes next may be in another file.
            Ok(None) if is_journal => {
                self.file_ended = true;
                return Ok(Some(beside(Event::Nothing)));
            }
            Ok(None) => return Ok(None),
            Err(error) => {
                self.file_ended = error.is_final() && is_journal;
                self.lost = !error.is_final() || is_journal;
                return Err(error);
            }
        };
        if is_received(entry.kind) {
            self.begun |= entry.recv >= self.window.from;
            if self.begun && entry.recv >= self.window.to {
                self.ended = true;
                return Ok(None);
            }
        }
        self.last = (entry.recv, line);
        let (connection, event) = self.story.event(&entry);
        let early = !self.begun && entry.recv < self.window.begin;
        let event = match event {
            // Which connections are open counts all the same.
            Event::Connected { .. } | Event::Closed => event,
            _ if early => Event::Nothing,
            _ => event,
        };
        Ok(Some(Input { recv: entry.recv, line, connection, ahead: !self.begun, event }))
    }

    fn progress(&self) -> (u64, Option<u64>) {
        let Ok(source) = &self.source else { return (0, None) };
        let progress = source.progress();
        (progress.done_bytes, progress.total_bytes)
    }
}

/// Does it stand at the time at which it came?
fn is_received(kind: EntryKind) -> bool {
    matches!(
        kind,
        EntryKind::Text | EntryKind::Binary | EntryKind::Unreadable | EntryKind::Rest | EntryKind::Opened
    )
}
