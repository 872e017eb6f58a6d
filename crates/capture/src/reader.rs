//! The reader: text pieces in, one record a line out.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use crate::unpack::{Unpack, UnpackError};
use crate::{CaptureError, Position, Record};

/// The longest line a reader takes, in bytes with its newline. A REST book of 20,000 levels a side is about 1 MB.
pub const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How far a reader has come, for a progress bar.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// Bytes of the file used.
    pub done_bytes: u64,
    /// Bytes of the file, where known.
    pub total_bytes: Option<u64>,
}

/// Where the line just found lies.
enum Found {
    /// In the piece, whole: lent out without a copy.
    Piece(Range<usize>),
    /// In `split`, put together from two pieces or more.
    Split,
    /// There is none.
    End,
}

/// Reads a recording, zstd-compressed or plain, from anything that reads.
///
/// # Example
/// ```
/// use touchline_capture::{Kind, Reader};
///
/// let text = b"1000 C wss://example/ws\n2000 R {\"u\":1}\n";
/// let mut reader = Reader::new(text.as_slice());
/// let mut frames = 0;
/// while let Some(record) = reader.next()? {
///     frames += u32::from(record.kind == Kind::Text);
/// }
/// assert_eq!(frames, 1);
/// # Ok::<(), touchline_capture::CaptureError>(())
/// ```
pub struct Reader<R> {
    unpack: Unpack<R>,
    /// The part of the piece not handed out yet.
    rest: Range<usize>,
    /// A line that spans pieces; empty between lines that do not.
    split: Vec<u8>,
    line: u64,
    text_bytes: u64,
    total_bytes: Option<u64>,
    ended: bool,
}

impl Reader<File> {
    /// Opens a recording by its path. The content decides whether it is compressed, not the name.
    ///
    /// # Errors
    /// [`CaptureError::Io`] if the file cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CaptureError> {
        let open = || -> io::Result<(File, u64)> {
            let file = File::open(path)?;
            let bytes = file.metadata()?.len();
            Ok((file, bytes))
        };
        let (file, bytes) = open().map_err(|source| CaptureError::Io { at: Position::default(), source })?;
        let mut reader = Self::new(file);
        reader.total_bytes = Some(bytes);
        Ok(reader)
    }
}

impl<R: Read> Reader<R> {
    /// Reads from `source`, which needs no buffer of its own.
    pub fn new(source: R) -> Self {
        Self {
            unpack: Unpack::new(source),
            rest: 0..0,
            split: Vec::new(),
            line: 0,
            text_bytes: 0,
            total_bytes: None,
            ended: false,
        }
    }

    /// The next record, or `None` at the recording's sound end.
    ///
    /// # Errors
    /// [`CaptureError::Malformed`] for one bad line, after which the next call goes on with the line behind it; any
    /// other error once, after which every call gives `Ok(None)`.
    #[expect(
        clippy::should_implement_trait,
        reason = "a record borrows from the reader, which Iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, CaptureError> {
        if self.ended {
            return Ok(None);
        }
        let found = self.find().inspect_err(|_| self.ended = true)?;
        let text = match found {
            Found::Piece(range) => self.unpack.piece().get(range).unwrap_or_default(),
            Found::Split => &self.split,
            Found::End => {
                self.ended = true;
                return Ok(None);
            }
        };
        let at =
            Position { line: self.line, text_byte: self.text_bytes, file_byte: self.unpack.file_bytes() };
        self.line += 1;
        self.text_bytes += text.len() as u64 + 1;
        match Record::parse(at.line, text) {
            Ok(record) => Ok(Some(record)),
            Err(cause) => Err(CaptureError::Malformed { at, cause }),
        }
    }

    /// The place of the record that [`next`](Self::next) will give.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { line: self.line, text_byte: self.text_bytes, file_byte: self.unpack.file_bytes() }
    }

    /// How much of the file has been used. Runs ahead of the records by one block at most.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress { done_bytes: self.unpack.file_bytes(), total_bytes: self.total_bytes }
    }

    /// Finds the next newline, reading on as needed. Counts the line as taken from the piece, not yet as given.
    fn find(&mut self) -> Result<Found, CaptureError> {
        self.split.clear();
        loop {
            let rest = self.unpack.piece().get(self.rest.clone()).unwrap_or_default();
            if let Some(length) = memchr::memchr(b'\n', rest) {
                let start = self.rest.start;
                self.rest.start += length + 1;
                if self.split.is_empty() {
                    return Ok(Found::Piece(start..start + length));
                }
                return self.gather(start..start + length).map(|()| Found::Split);
            }
            self.gather(self.rest.clone())?;
            match self.unpack.refill() {
                Ok(0) if self.split.is_empty() => return Ok(Found::End),
                Ok(0) => return Err(self.fault(UnpackError::Truncated)),
                Ok(length) => self.rest = 0..length,
                Err(fault) => return Err(self.fault(fault)),
            }
        }
    }

    /// Adds a part of the piece to the line that spans pieces.
    fn gather(&mut self, part: Range<usize>) -> Result<(), CaptureError> {
        let part = self.unpack.piece().get(part).unwrap_or_default();
        if self.split.len() + part.len() >= LINE_BYTES_MAX {
            return Err(CaptureError::LineTooLong {
                at: self.position(),
                limit_bytes: LINE_BYTES_MAX as u64,
            });
        }
        self.split.extend_from_slice(part);
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn fault(&self, fault: UnpackError) -> CaptureError {
        let at = self.position();
        match fault {
            UnpackError::Io(source) => CaptureError::Io { at, source },
            UnpackError::NotARecording => CaptureError::NotARecording,
            UnpackError::Zstd(error) => CaptureError::Zstd { at, detail: error.to_string() },
            UnpackError::Truncated => CaptureError::Truncated { at, partial_bytes: self.split.len() as u64 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, LineError};

    /// A source that gives at most `step` bytes a call, and an interruption before each.
    struct Drip<'a> {
        bytes: &'a [u8],
        step: usize,
        interrupt: bool,
    }

    impl Read for Drip<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.interrupt = !self.interrupt;
            if self.interrupt {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let length = self.step.min(to.len()).min(self.bytes.len());
            to[..length].copy_from_slice(&self.bytes[..length]);
            self.bytes = &self.bytes[length..];
            Ok(length)
        }
    }

    #[test]
    fn plain_text_is_read_whatever_the_size_of_its_reads() {
        // The same three lines, dripped in at every step from 1 to 60 bytes with interrupted calls between.
        let text = b"1 C wss://x\n2 R {\"a\":1}\n3 H https://y [1, 2]\n";
        for step in 1..60 {
            let mut reader = Reader::new(Drip { bytes: text, step, interrupt: false });
            let mut seen = Vec::new();
            while let Some(record) = reader.next().unwrap() {
                seen.push((record.line, record.recv.0, record.kind, record.payload.len()));
            }
            assert_eq!(seen, [(0, 1, Kind::Connected, 7), (1, 2, Kind::Text, 7), (2, 3, Kind::Rest, 16)]);
            assert_eq!(reader.position().text_byte, text.len() as u64);
        }
    }

    #[test]
    fn reading_goes_on_after_a_malformed_line() {
        // Three bad lines among good ones: each is reported once, with its number and offset.
        let mut reader = Reader::new(b"1 R a\nxx\n2 R b\n3 Z c\n\n4 R d\n".as_slice());
        let mut good = Vec::new();
        let mut bad = Vec::new();
        loop {
            match reader.next() {
                Ok(Some(record)) => good.push(record.line),
                Ok(None) => break,
                Err(CaptureError::Malformed { at, cause }) => bad.push((at.line, at.text_byte, cause)),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(good, [0, 2, 5]);
        assert_eq!(
            bad,
            [(1, 6, LineError::Stamp), (3, 15, LineError::UnknownKind(b'Z')), (4, 21, LineError::Stamp)]
        );
    }

    #[test]
    fn a_last_line_without_newline_is_withheld_as_cut() {
        // One whole line and a half: the half is an error once, and then the stream has ended.
        let mut reader = Reader::new(b"1 R a\n2 R b".as_slice());
        assert_eq!(reader.next().unwrap().unwrap().line, 0);
        let error = reader.next().unwrap_err();
        assert!(
            matches!(error, CaptureError::Truncated { at, partial_bytes: 5 } if at.line == 1 && at.text_byte == 6),
            "{error}"
        );
        assert_eq!(reader.next().unwrap(), None);
    }

    #[test]
    fn an_empty_file_and_a_foreign_file_say_what_they_are() {
        // No byte at all is a cut; a first byte that begins neither form is no recording.
        assert!(matches!(Reader::new(b"".as_slice()).next(), Err(CaptureError::Truncated { .. })));
        assert!(matches!(Reader::new(b"PK\x03\x04".as_slice()).next(), Err(CaptureError::Zstd { .. })));
        assert!(matches!(Reader::new(b"\x1f\x8b".as_slice()).next(), Err(CaptureError::NotARecording)));
    }

    #[test]
    fn a_line_at_the_limit_passes_and_one_byte_more_does_not() {
        // Streams of exactly LINE_BYTES_MAX and one more, made on the fly; the limit counts the newline.
        let line =
            |bytes: usize| b"1 R ".chain(io::repeat(b'x').take(bytes as u64 - 5)).chain(b"\n".as_slice());
        let mut fits = Reader::new(line(LINE_BYTES_MAX));
        assert_eq!(fits.next().unwrap().unwrap().payload.len(), LINE_BYTES_MAX - 5);
        assert!(fits.next().unwrap().is_none());

        let mut over = Reader::new(line(LINE_BYTES_MAX + 1));
        assert!(matches!(over.next(), Err(CaptureError::LineTooLong { .. })));
        assert!(over.next().unwrap().is_none());
    }

    #[test]
    fn a_failing_source_gives_its_records_and_then_its_error() {
        // A source that fails after one line and a half.
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("unplugged"))
            }
        }
        let mut reader = Reader::new(b"1 R a\n2 R".chain(Fails));
        assert_eq!(reader.next().unwrap().unwrap().line, 0);
        assert!(matches!(reader.next(), Err(CaptureError::Io { at, .. }) if at.line == 1));
        assert!(reader.next().unwrap().is_none());
    }
}
