//! One JSON message at a time, parsed into buffers that serve the next one too.
//!
//! [`Parser::parse`] copies the frame into its scratch (simd-json unescapes strings in place), lets simd-json check
//! the whole of it and lay it out as a tape, and lends the result as a [`Document`]. A [`Value`] is a cursor on that
//! tape; nothing is built, and nested values are stepped over by the lengths the tape holds. The order of keys, white
//! space and unknown fields are the caller's choice to ignore: it sees every field, a repeated one twice.
//!
//! The tape is borrowed from the scratch for one message and its memory goes back to the parser when the document is
//! dropped, so after the largest message of a stream there is no heap call any more. simd-json's own entry copies the
//! frame too, into a padded buffer; handing it a padded scratch saves that copy, so ours costs nothing on balance.
//!
//! # Bounds
//!
//! A frame is at most [`FRAME_BYTES_MAX`] long, holds at most [`MARKS_MAX`] structural characters and is nested at most
//! [`DEPTH_MAX`] deep. Memory then stays below 16 MiB for the scratch, as much again for strings being unescaped (not
//! touched until a message has escapes), and 28 bytes for each mark, which doubling may round up: 150 MiB in the
//! worst case, for a stream that exhausts every limit; 64 KiB frames of ten thousand marks need half a MiB. The buffers
//! grow with the longest frame seen and never shrink.

mod token;
mod value;

use simd_json::{Buffers, ErrorType, INPUT_PADDING, Tape};

use token::Cursor;
pub use value::{Elements, Fields, Pairs, Place, Value, level};

/// The longest frame that is parsed: 16 MiB. The longest real ones are lists of instruments, about 3 MiB.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

/// The most structural characters (`{}[]:,` outside strings, and the start of each value) in one frame: two million. That
/// is 32 for each of 32,768 levels a side; one that is an object of four texts has 18, one that is a pair of them 6.
pub const MARKS_MAX: usize = 2 << 20;

/// The deepest nesting of arrays and objects.
pub const DEPTH_MAX: usize = 32;

/// Why a frame is not a JSON message. The frame is to be counted and dropped; the parser is ready for the next.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON. Keep the frame for diagnosis.
    #[error("not JSON: byte {offset}")]
    Syntax {
        /// The byte where the parser gave up.
        offset: u32,
    },
    /// Empty or nothing but white space. Some venues send that as a heartbeat.
    #[error("no value in the frame")]
    Empty,
    /// A string that never ends (the usual sign of a frame cut short) or holds a control character.
    #[error("a string is not closed, or holds a control character")]
    BrokenString,
    /// A string with an unknown escape or half a surrogate pair.
    #[error("a string holds a broken escape")]
    BrokenEscape,
    /// Not UTF-8: binary data where text was expected.
    #[error("not UTF-8")]
    NotUtf8,
    /// More than [`DEPTH_MAX`] arrays and objects inside one another.
    #[error("nested deeper than {DEPTH_MAX}: byte {offset}")]
    TooDeep {
        /// The bracket that was one too many.
        offset: u32,
    },
    /// Longer than [`FRAME_BYTES_MAX`].
    #[error("frame longer than {FRAME_BYTES_MAX} bytes")]
    TooLong,
    /// More than [`MARKS_MAX`] structural characters.
    #[error("more than {MARKS_MAX} structural characters")]
    TooMany,
}

const _: () = assert!(size_of::<JsonError>() == 8, "a hot-path error is one word");

/// Parses one frame after another into the same buffers.
///
/// ```
/// use touchline_json::{Parser, document};
///
/// let mut parser = Parser::new();
/// let document = parser.parse(br#"{"u":7,"b":[["61837.63","0.1"]]}"#)?;
/// for (key, value) in document.root().object().into_iter().flatten() {
///     match key {
///         "u" => assert_eq!(value.as_u64(), Some(7)),
///         "b" => {
///             for level in value.pairs().into_iter().flatten() {
///                 let level = level.expect("two elements");
///                 assert_eq!(document::level(level, 2, 3), Ok((6_183_763, 100)));
///             }
///         }
///         _ => {}
///     }
/// }
/// # Ok::<(), touchline_json::JsonError>(())
/// ```
pub struct Parser {
    buffers: Buffers,
    scratch: Vec<u8>,
    /// Empty between messages: the memory of the last document's tape.
    tape: Tape<'static>,
}

impl Parser {
    /// A parser whose buffers grow with the frames it sees.
    pub fn new() -> Self {
        Self { buffers: Buffers::with_max_depth(0, DEPTH_MAX), scratch: Vec::new(), tape: Tape(Vec::new()) }
    }

    /// A parser that need not grow for frames of `frame_bytes` with one mark to four bytes: market data has fewer.
    pub fn with_capacity(frame_bytes: usize) -> Self {
        let frame_bytes = frame_bytes.min(FRAME_BYTES_MAX);
        let mut parser = Self { buffers: Buffers::with_max_depth(frame_bytes, DEPTH_MAX), ..Self::new() };
        parser.scratch.reserve(frame_bytes + INPUT_PADDING);
        // simd-json sizes its lists by what it meets, so it meets such a frame once.
        let numbers = (frame_bytes / 8).min(MARKS_MAX / 2 - 2);
        let dense = ["[", &"0,      ".repeat(numbers), "0]"].concat();
        let met = parser.parse(dense.as_bytes()).is_ok();
        debug_assert!(met, "a frame of plain numbers is sound");
        parser
    }

    /// Checks the frame and lays it out. The document borrows parser and frame: the next frame comes after it.
    ///
    /// # Errors
    /// See [`JsonError`]. Two values in a frame, a NUL or a lone surrogate are errors; a repeated key is not, it is
    /// the caller who knows whether the key matters.
    #[inline(always)] // The result then stays in registers instead of being copied field by field.
    pub fn parse<'p>(&'p mut self, frame: &'p [u8]) -> Result<Document<'p>, JsonError> {
        check_size(frame)?;
        let Self { buffers, scratch, tape: home } = self;
        scratch.clear();
        scratch.extend_from_slice(frame);
        scratch.extend_from_slice(&[b' '; INPUT_PADDING]);

        let scratch_start = scratch.as_ptr().addr();
        let mut tape = std::mem::replace(home, Tape(Vec::new())).reset();
        let filled = simd_json::fill_tape_padded(scratch, frame.len(), buffers, &mut tape);
        // From here on the document owns the tape's memory and brings it home, on an error too.
        let marks = buffers.structural_indexes();
        let document = Document { tape, home, frame, marks, scratch_start, cursor: Cursor::default() };
        match filled {
            Ok(()) => Ok(document),
            Err(error) => Err(reason(&error)),
        }
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

/// One parsed message.
pub struct Document<'p> {
    tape: Tape<'p>,
    /// Where the tape's memory goes at the end.
    home: &'p mut Tape<'static>,
    frame: &'p [u8],
    /// Byte offsets of the structural characters and of the start of each value, ascending.
    marks: &'p [u32],
    /// Address of the copy of the frame that the tape's strings point into.
    scratch_start: usize,
    cursor: Cursor,
}

impl Document<'_> {
    /// The value that the message is.
    #[inline]
    pub fn root(&self) -> Value<'_> {
        Value::new(self, &self.tape.0)
    }

    /// The string at a place; as [`Value::as_str`].
    #[inline(always)]
    pub fn str_at(&self, place: Place) -> Option<&str> {
        match self.tape.0.get(place.index()) {
            Some(simd_json::Node::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The integer at a place; as [`Value::as_u64`].
    #[inline(always)]
    pub fn u64_at(&self, place: Place) -> Option<u64> {
        match self.tape.0.get(place.index()) {
            Some(simd_json::Node::Static(simd_json::StaticNode::U64(number))) => Some(*number),
            _ => None,
        }
    }

    /// The value at a place that [`Value::place`] gave.
    #[inline(always)]
    pub fn at(&self, place: Place) -> Value<'_> {
        Value::new(self, self.tape.0.get(place.index()..).unwrap_or_default())
    }
}

impl Drop for Document<'_> {
    #[inline]
    fn drop(&mut self) {
        *self.home = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
    }
}

/// A frame has no more marks than bytes, so only a long one needs counting.
#[inline]
fn check_size(frame: &[u8]) -> Result<(), JsonError> {
    if frame.len() <= MARKS_MAX { Ok(()) } else { check_size_slow(frame) }
}

#[cold]
#[inline(never)]
fn check_size_slow(frame: &[u8]) -> Result<(), JsonError> {
    if frame.len() > FRAME_BYTES_MAX {
        return Err(JsonError::TooLong);
    }
    if marks_at_most(frame) <= MARKS_MAX || marks_in(frame) <= MARKS_MAX {
        Ok(())
    } else {
        Err(JsonError::TooMany)
    }
}

/// No fewer marks than [`marks_in`] counts, by one look at each byte and the one before it, many at a time: structural
/// characters and quotes wherever they stand, and whatever else follows a structural character or white space.
fn marks_at_most(frame: &[u8]) -> usize {
    /// The sum of as many single marks fits a byte.
    const RUN: usize = 128;
    let Some((first, rest)) = frame.split_first() else { return 0 };
    let mark = |before: u8, byte: u8| {
        // Structural characters and quotes are one mark each: a closing quote stands for what follows it.
        let own = is_structural(byte) | (byte == b'"');
        own | (!is_space(byte) & (is_structural(before) | is_space(before)))
    };
    let runs = frame.chunks(RUN).zip(rest.chunks(RUN)).map(|(before, run)| {
        before.iter().zip(run).fold(0u8, |marks, (before, byte)| marks + u8::from(mark(*before, *byte)))
    });
    usize::from(mark(b' ', *first)) + runs.map(usize::from).sum::<usize>()
}

#[inline(always)]
fn is_structural(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b':' | b',')
}

#[inline(always)]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Counts the marks as simd-json will set them, whether the frame is JSON or not: structural characters outside strings,
/// each opening quote, and each start of something else behind one of these, a closing quote or white space.
fn marks_in(frame: &[u8]) -> usize {
    let mut marks = 0;
    let (mut inside, mut escaped, mut apart) = (false, false, true);
    for &byte in frame {
        let quote = (byte == b'"') & !escaped;
        // A backslash counts outside strings too.
        escaped = (byte == b'\\') & !escaped;
        // A string's opening quote is inside, its closing quote is outside.
        inside ^= quote;
        let structural = is_structural(byte) & !inside;
        let space = is_space(byte);
        let start = if quote { inside } else { apart & !inside & !space };
        marks += usize::from(structural | start);
        apart = structural | quote | space;
    }
    marks
}

#[cold]
#[inline(never)]
fn reason(error: &simd_json::Error) -> JsonError {
    let offset = u32::try_from(error.index()).unwrap_or(u32::MAX);
    // Errors of the scan over the whole frame come without a character and without a place.
    match (error.error(), error.character()) {
        (ErrorType::InvalidUtf8, _) => JsonError::NotUtf8,
        (ErrorType::Eof, _) => JsonError::Empty,
        (ErrorType::DepthLimitExceeded, _) => JsonError::TooDeep { offset },
        (
            ErrorType::InvalidEscape | ErrorType::InvalidUnicodeEscape | ErrorType::InvalidUnicodeCodepoint,
            _,
        ) => JsonError::BrokenEscape,
        (ErrorType::Syntax, None) => JsonError::BrokenString,
        _ => JsonError::Syntax { offset },
    }
}

#[cfg(test)]
mod tests;
