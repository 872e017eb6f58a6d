//! Why a recording could not be read on, and where.

use std::fmt;
use std::io;

/// A place in a recording: the first line that could not be handed out, and how far the file had been used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Position {
    /// Line number, from 0, counting every line whatever its kind.
    pub line: u64,
    /// Bytes of text in front of that line.
    pub text_byte: u64,
    /// Bytes of the file given to zstd when the fault was found; the damage lies at or before this offset, for a
    /// frame's failed checksum anywhere in that frame. For plain text, the bytes read so far.
    pub file_byte: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, text_byte, file_byte } = self;
        write!(f, "line {line} (text byte {text_byte}, file byte {file_byte})")
    }
}

/// Why a recording could not be read on.
///
/// All but [`Malformed`](Self::Malformed) are final: the reader reports one of them once and then answers
/// `Ok(None)`.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The operating system failed to open or read the file. Its reason is the source; try again or name the path.
    #[error("cannot read at {at}: {source}")]
    Io {
        /// Where reading stopped.
        at: Position,
        /// What the system said.
        source: io::Error,
    },
    /// The first bytes are neither zstd's nor a text line's. Probably another kind of file, or a damaged first byte.
    #[error("not a recording: it begins neither with a zstd frame nor with a receive stamp")]
    NotARecording,
    /// The compressed stream is damaged. Every whole record before the damaged block has been given; if `detail`
    /// names the checksum, some record of that zstd frame is wrong, so trust none of them.
    #[error("damaged at {at}: zstd says \"{detail}\"")]
    Zstd {
        /// The line being assembled when decoding failed.
        at: Position,
        /// zstd's name for the fault.
        detail: String,
    },
    /// The file ends too early: inside a zstd frame, inside its last line, or before its first byte. Every whole
    /// record has been given.
    #[error("cut off at {at}: {partial_bytes} bytes of an unfinished line withheld")]
    Truncated {
        /// The line that is missing or unfinished.
        at: Position,
        /// Bytes of that line which were there.
        partial_bytes: u64,
    },
    /// A line longer than [`LINE_BYTES_MAX`](crate::LINE_BYTES_MAX). Not a recording that Touchline wrote.
    #[error("line too long at {at}: over {limit_bytes} bytes")]
    LineTooLong {
        /// The line.
        at: Position,
        /// The limit it passed.
        limit_bytes: u64,
    },
    /// One line is not an event. Only that line is lost: call `next` again for the one after it, or stop here.
    #[error("malformed at {at}: {cause}")]
    Malformed {
        /// The line.
        at: Position,
        /// What is wrong with it.
        cause: LineError,
    },
}

impl CaptureError {
    /// Where in the recording, if the fault has a place.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Io { at, .. }
            | Self::Zstd { at, .. }
            | Self::Truncated { at, .. }
            | Self::LineTooLong { at, .. }
            | Self::Malformed { at, .. } => Some(*at),
            Self::NotARecording => None,
        }
    }

    /// Whether nothing more can come from this reader; false for a malformed line alone.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Malformed { .. })
    }
}

/// What is wrong with one line. Offsets count bytes from the line's start.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LineError {
    /// The line does not begin with a decimal number of nanoseconds, followed by a space, within 64 bits.
    #[error("no receive stamp")]
    Stamp,
    /// The stamp is not followed by one letter and a space.
    #[error("no kind after the stamp")]
    NoKind,
    /// The kind letter is not one of `R B S C H X N`.
    #[error("unknown kind {0:#04x}")]
    UnknownKind(u8),
    /// The line is not UTF-8; it is valid up to this offset.
    #[error("not UTF-8 after byte {valid_up_to}")]
    Utf8 {
        /// Bytes of the line that are valid.
        valid_up_to: usize,
    },
}

/// Why a payload is not what the caller asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PayloadError {
    /// Only records of kind `B` hold base64. Use the payload as it is.
    #[error("not a binary frame")]
    NotBinary,
    /// The payload is not padded base64 in the standard alphabet. Count the frame as damaged.
    #[error("not base64")]
    Base64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_and_payload_errors_are_small_and_copied() {
        // These two are met once a line, so they must stay in registers: size and Copy, asked of the compiler.
        fn copied<T: Copy>() -> usize {
            size_of::<T>()
        }
        assert!(copied::<LineError>() <= 16);
        assert_eq!(copied::<PayloadError>(), 1);
    }

    #[test]
    fn every_message_with_a_place_names_it() {
        // Prints one error of each kind and looks for the line number.
        let at = Position { line: 71, text_byte: 1_234, file_byte: 567 };
        let errors = [
            CaptureError::Io { at, source: io::Error::other("gone") },
            CaptureError::Zstd { at, detail: "Restored data doesn't match checksum".to_owned() },
            CaptureError::Truncated { at, partial_bytes: 9 },
            CaptureError::LineTooLong { at, limit_bytes: 10 },
            CaptureError::Malformed { at, cause: LineError::UnknownKind(b'?') },
        ];
        for error in errors {
            assert_eq!(error.position(), Some(at));
            let text = error.to_string();
            assert!(text.contains("line 71") && text.contains("567"), "{text}");
        }
        assert_eq!(CaptureError::NotARecording.position(), None);
    }
}
