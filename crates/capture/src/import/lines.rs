//! One line after another out of a stream of text pieces.

use std::ops::Range;

use super::ImportError;
use super::text::{Bytes, Fault, Text};
use crate::{LINE_BYTES_MAX, Position};

/// Where the line just found lies.
#[derive(Clone)]
enum Found {
    /// In the piece, whole: lent out without a copy.
    Piece(Range<usize>),
    /// In `split`, put together from two pieces or more.
    Split,
    /// There is none.
    End,
}

/// The lines of a file.
pub(super) struct Lines {
    text: Text,
    /// The part of the piece not handed out yet.
    rest: Range<usize>,
    /// A line that spans pieces; empty between lines that do not.
    split: Vec<u8>,
    found: Found,
    again: bool,
    /// Of the line found.
    at: Position,
    next_line: u64,
    next_byte: u64,
}

impl Lines {
    pub(super) fn new(bytes: Bytes) -> Result<Self, ImportError> {
        let at = Position::default();
        let text = Text::new(bytes).map_err(|source| ImportError::Io { at, source })?;
        Ok(Self {
            text,
            rest: 0..0,
            split: Vec::new(),
            found: Found::End,
            again: false,
            at,
            next_line: 0,
            next_byte: 0,
        })
    }

    /// Goes to the next line; false at the sound end. `last_whole` says that a last line without its newline counts,
    /// where the file's end proves itself.
    pub(super) fn advance(&mut self, last_whole: bool) -> Result<bool, ImportError> {
        if std::mem::take(&mut self.again) {
            return Ok(true);
        }
        self.at = self.here();
        self.found = self.find(last_whole)?;
        if matches!(self.found, Found::End) {
            return Ok(false);
        }
        self.next_line += 1;
        self.next_byte += self.line().len() as u64 + 1;
        self.at.file_byte = self.text.file_bytes();
        Ok(true)
    }

    /// The line found, without its newline.
    pub(super) fn line(&self) -> &[u8] {
        match &self.found {
            Found::Piece(range) => self.text.piece().get(range.clone()).unwrap_or_default(),
            Found::Split => &self.split,
            Found::End => &[],
        }
    }

    /// Has the next [`advance`](Self::advance) find this line once more.
    pub(super) fn again(&mut self) {
        self.again = true;
    }

    /// The place of the line found.
    pub(super) fn at(&self) -> Position {
        self.at
    }

    /// Bytes of the file used up to now.
    pub(super) fn file_bytes(&self) -> u64 {
        self.text.file_bytes()
    }

    fn here(&self) -> Position {
        Position { line: self.next_line, text_byte: self.next_byte, file_byte: self.text.file_bytes() }
    }

    fn find(&mut self, last_whole: bool) -> Result<Found, ImportError> {
        self.split.clear();
        loop {
            let rest = self.text.piece().get(self.rest.clone()).unwrap_or_default();
            if let Some(length) = memchr::memchr(b'\n', rest) {
                let start = self.rest.start;
                self.rest.start += length + 1;
                if self.split.is_empty() {
                    return Ok(Found::Piece(start..start + length));
                }
                return self.gather(start..start + length).map(|()| Found::Split);
            }
            self.gather(self.rest.clone())?;
            self.rest = 0..0;
            match self.text.refill() {
                Ok(0) if self.split.is_empty() => return Ok(Found::End),
                Ok(0) if last_whole && self.text.end_is_proven() => return Ok(Found::Split),
                Ok(0) => return Err(self.fault(Fault::Truncated)),
                Ok(length) => self.rest = 0..length,
                Err(fault) => return Err(self.fault(fault)),
            }
        }
    }

    /// Adds a part of the piece to the line that spans pieces.
    fn gather(&mut self, part: Range<usize>) -> Result<(), ImportError> {
        let part = self.text.piece().get(part).unwrap_or_default();
        if self.split.len() + part.len() >= LINE_BYTES_MAX {
            return Err(ImportError::LineTooLong { at: self.here() });
        }
        self.split.extend_from_slice(part);
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn fault(&self, fault: Fault) -> ImportError {
        let at = self.here();
        match fault {
            Fault::Io(source) => ImportError::Io { at, source },
            Fault::Damaged(detail) => ImportError::Damaged { at, detail },
            Fault::Truncated => ImportError::Truncated { at, partial_bytes: self.split.len() as u64 },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use super::*;

    /// A source that gives at most `step` bytes a call, an interruption before each, and then fails if it is to.
    struct Drip {
        bytes: Vec<u8>,
        at: usize,
        step: usize,
        interrupt: bool,
        fails: bool,
    }

    impl Read for Drip {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.interrupt = !self.interrupt;
            if self.interrupt {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let length = self.step.min(to.len()).min(self.bytes.len() - self.at);
            if length == 0 && self.fails {
                return Err(io::Error::other("unplugged"));
            }
            to[..length].copy_from_slice(&self.bytes[self.at..self.at + length]);
            self.at += length;
            Ok(length)
        }
    }

    fn drip(bytes: &[u8], step: usize, fails: bool) -> Lines {
        Lines::new(Box::new(Drip { bytes: bytes.to_vec(), at: 0, step, interrupt: false, fails })).unwrap()
    }

    #[test]
    fn lines_are_the_same_whatever_the_size_of_the_reads() {
        // Four lines, one of them empty, at every step, each asked for twice; places count from the file's start.
        for step in 1..20 {
            let mut lines = drip(b"one\n\nthree, longer\n4\n", step, false);
            let mut seen = Vec::new();
            while lines.advance(false).unwrap() {
                let first = lines.line().to_vec();
                lines.again();
                assert!(lines.advance(false).unwrap());
                assert_eq!(lines.line(), first);
                seen.push((lines.at().line, lines.at().text_byte, String::from_utf8(first).unwrap()));
            }
            let expected = [(0, 0, "one"), (1, 4, ""), (2, 5, "three, longer"), (3, 19, "4")];
            assert_eq!(seen, expected.map(|(line, byte, text)| (line, byte, text.to_owned())));
            assert_eq!(lines.file_bytes(), 21);
        }
    }

    #[test]
    fn a_failing_source_gives_its_lines_and_then_its_error() {
        // A source that fails after one line and a half.
        let mut lines = drip(b"one\ntw", 3, true);
        assert!(lines.advance(true).unwrap());
        assert_eq!(lines.line(), b"one");
        assert!(matches!(lines.advance(true), Err(ImportError::Io { at, .. }) if at.line == 1));
    }

    #[test]
    fn a_line_at_the_limit_passes_and_one_byte_more_does_not() {
        // Streams of exactly LINE_BYTES_MAX and one more, made on the fly; the limit counts the newline.
        let stream = |bytes: usize| {
            let line = io::repeat(b'x').take(bytes as u64 - 1).chain(b"\n".as_slice());
            Lines::new(Box::new(line)).unwrap()
        };
        let mut fits = stream(LINE_BYTES_MAX);
        assert!(fits.advance(false).unwrap());
        assert_eq!(fits.line().len(), LINE_BYTES_MAX - 1);
        assert!(!fits.advance(false).unwrap());
        let mut over = stream(LINE_BYTES_MAX + 1);
        assert!(matches!(over.advance(false), Err(ImportError::LineTooLong { at }) if at.line == 0));
    }
}
