//! Recordings of every form as entries: journals, Touchline's lines, hftbacktest's collector files, cryptofeed's raw
//! files and Tardis's raw feeds; all but journals plain, gzip or zstd. [`Export`] writes some of them.
//!
//! The content decides what a file is, never its name. What a form cannot say stays unsaid: no entry is invented.
//!
//! ```no_run
//! use touchline_capture::import::{self, Options};
//!
//! let mut recording = import::open("btcusdt_20240808.gz", &Options::default())?;
//! let mut frames = 0;
//! loop {
//!     match recording.next() {
//!         Ok(Some(entry)) => frames += u64::from(entry.kind.is_frame()),
//!         Ok(None) => break,
//!         Err(error) if !error.is_final() => continue, // One bad line: count it and go on.
//!         Err(error) => return Err(error),
//!     }
//! }
//! # Ok::<(), import::ImportError>(())
//! ```
//!
//! # What a damaged file gives
//!
//! Every whole line in front of the damage, then one error, then the end. Of a cut gzip or zstd file that is every line
//! that the decoder can still make out of what is there; a flipped bit is found where the code breaks or, at the
//! latest, by the checksum behind the member or frame.

mod cryptofeed;
mod error;
mod export;
mod form;
mod gzip;
mod hftbacktest;
mod lines;
mod own;
mod reader;
mod records;
mod stamp;
mod tardis;
mod text;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub use error::{BadLine, ImportError};
pub use export::{Export, Losses};
pub use form::Form;
use lines::Lines;
pub use reader::LineReader;

use touchline_market::Nanos;

use crate::journal::{self, Entry, is_journal};
use crate::{Position, Progress};

/// Lines at a file's beginning among which one must be of a known form.
const FIRST_LINES: u64 = 64;

/// Bytes at a file's beginning by which a journal is known.
const FIRST_BYTES: u64 = 64;

/// What the file itself does not say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// The form; none to tell it by the content.
    pub form: Option<Form>,
    /// The URL at which bodies of REST responses were asked for that stand in the file without one
    /// ([`Form::HftBacktest`]). Empty if it is not known: their entries then begin with the space behind it.
    pub rest_url: String,
}

/// A recording that is being read.
pub enum Recording {
    /// Lines of some form.
    Lines(Box<LineReader>),
    /// A journal, which can be read from a time on.
    Journal(Box<journal::Reader<File>>),
}

/// Opens a recording and tells its form by its first bytes or lines.
///
/// # Errors
/// [`ImportError::Io`] if the file cannot be read, [`ImportError::UnknownForm`] if none of its first lines is of a form
/// that is known, and what else is met before one is.
pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Recording, ImportError> {
    let path = path.as_ref();
    let form = match options.form {
        Some(form) => form,
        None => recognise(path)?,
    };
    if form == Form::Journal {
        return Ok(Recording::Journal(Box::new(journal::Reader::open(path)?)));
    }
    let (file, bytes) = file(path)?;
    let reader = LineReader::new(Box::new(file), Some(bytes), form, options.clone())?;
    Ok(Recording::Lines(Box::new(reader)))
}

impl Recording {
    /// The next entry, or `None` at the recording's sound end and after a final error.
    ///
    /// # Errors
    /// [`ImportError::Malformed`] for one bad line and [`JournalError::Corrupt`](journal::JournalError::Corrupt) for a
    /// damaged stretch, after which the next call goes on behind it; any other error once, after which every call
    /// gives `Ok(None)`.
    #[expect(
        clippy::should_implement_trait,
        reason = "an entry borrows from the recording, which Iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, ImportError> {
        Ok(self.next_numbered()?.map(|(_, entry)| entry))
    }

    /// As [`next`](Self::next), with the entry's [number](Self::number).
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[inline]
    pub fn next_numbered(&mut self) -> Result<Option<(u64, Entry<'_>)>, ImportError> {
        match self {
            Self::Lines(reader) => reader.next_numbered(),
            Self::Journal(reader) => Ok(reader.next_numbered()?),
        }
    }

    /// The form that it is of.
    #[must_use]
    pub fn form(&self) -> Form {
        match self {
            Self::Lines(reader) => reader.form(),
            Self::Journal(_) => Form::Journal,
        }
    }

    /// The number of the line or, in a journal, of the entry that was read last, from 0.
    #[must_use]
    pub fn number(&self) -> u64 {
        match self {
            Self::Lines(reader) => reader.position().line,
            Self::Journal(reader) => reader.number(),
        }
    }

    /// How much of the file has been used, for a progress bar.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match self {
            Self::Lines(reader) => reader.progress(),
            Self::Journal(reader) => reader.progress(),
        }
    }
}

/// The symbol in the name of a collector's file, `btcusdt_20240808.gz`, in capitals; `None` for another sort of name.
#[must_use]
pub fn symbol_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let (symbol, day) = name.split_once('.').map_or(name, |(stem, _)| stem).rsplit_once('_')?;
    let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    (is_day && !symbol.is_empty()).then(|| symbol.to_ascii_uppercase())
}

/// A moment of UTC as `2019-06-01T00:03:03.1238784Z`.
#[must_use]
pub fn utc(moment: Nanos) -> String {
    let mut text = Vec::new();
    // Memory takes it.
    let _ = stamp::write_iso(&mut text, moment);
    String::from_utf8(text).unwrap_or_default()
}

/// The moment that such a text names, with up to nine digits behind the point or none; `None` for another text.
#[must_use]
pub fn from_utc(text: &str) -> Option<Nanos> {
    stamp::iso(text.as_bytes()).map(Nanos)
}

/// A file and its length.
fn file(path: &Path) -> Result<(File, u64), ImportError> {
    let open = || {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    };
    open().map_err(|source| ImportError::Io { at: Position::default(), source })
}

/// The form of a file: that of a journal by its first bytes, else that of its lines.
fn recognise(path: &Path) -> Result<Form, ImportError> {
    let (mut file, _) = file(path)?;
    let mut first = Vec::new();
    let read = file.by_ref().take(FIRST_BYTES).read_to_end(&mut first);
    read.map_err(|source| ImportError::Io { at: Position::default(), source })?;
    if is_journal(&first) {
        return Ok(Form::Journal);
    }
    form_of_lines(Lines::new(Box::new(io::Cursor::new(first).chain(file)))?)
}

/// The form of the first line that is of one.
fn form_of_lines(mut lines: Lines) -> Result<Form, ImportError> {
    let mut any = false;
    for _ in 0..FIRST_LINES {
        if !lines.advance(true)? {
            break;
        }
        any = true;
        let line = lines.line();
        if let Some(form) = Form::of(line.strip_suffix(b"\r").unwrap_or(line)) {
            return Ok(form);
        }
    }
    if any {
        return Err(ImportError::UnknownForm);
    }
    // No byte of text: a recorder that never came to write.
    Err(ImportError::Truncated { at: lines.at(), partial_bytes: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form_of(text: &[u8]) -> Result<Form, ImportError> {
        form_of_lines(Lines::new(Box::new(io::Cursor::new(text.to_vec())))?)
    }

    #[test]
    fn the_first_line_that_is_of_a_form_decides() {
        // Rubbish and empty lines in front; a file of nothing else, of too much of it, and of no text at all.
        assert_eq!(form_of(b"\n\nrubbish\n2019-06-01T00:03:03Z {}\n1 R x\n").unwrap(), Form::Tardis);
        assert_eq!(form_of(b"configuration: {}\r\n").unwrap(), Form::Cryptofeed);
        assert!(matches!(form_of(b"rubbish\nrubbish\n"), Err(ImportError::UnknownForm)));
        let late = [b"x\n".repeat(64), b"1 R x\n".to_vec()].concat();
        assert!(matches!(form_of(&late), Err(ImportError::UnknownForm)));
        assert!(matches!(form_of(b""), Err(ImportError::Truncated { .. })));
        assert!(matches!(form_of(b"1 R x"), Err(ImportError::Truncated { partial_bytes: 5, .. })));
    }

    #[test]
    fn a_collectors_file_name_holds_the_symbol() {
        // Names as the collectors make them, and others.
        for (name, symbol) in [
            ("data/btcusdt_20240808.gz", Some("BTCUSDT")),
            ("btcusd_perp_20240808.gz", Some("BTCUSD_PERP")),
            ("btcusdt_20230405.dat.gz", Some("BTCUSDT")),
            ("btcusdt.gz", None),
            ("_20240808.gz", None),
            ("btcusdt_2024080x.gz", None),
            ("..", None),
        ] {
            assert_eq!(symbol_of(Path::new(name)).as_deref(), symbol, "{name}");
        }
    }
}
