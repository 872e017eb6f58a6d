//! Why a recording made by another program could not be read on, and where.

use std::io;

use crate::journal::JournalError;
use crate::{LINE_BYTES_MAX, LineError, PayloadError, Position};

/// Why a recording could not be read on.
///
/// All but [`Malformed`](Self::Malformed) and a journal's damaged stretch are final: one of them is reported once, and
/// then there is nothing more.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The operating system failed to open or read the file. Its reason is the source; try again or name the path.
    #[error("cannot read at {at}: {source}")]
    Io {
        /// Where reading stopped.
        at: Position,
        /// What the system said.
        source: io::Error,
    },
    /// No line at the file's beginning is of a form that is known here. Name the form if you know it.
    #[error("no form of recording that is known: name it if you know it")]
    UnknownForm,
    /// The compressed stream is damaged. Every whole line before the damage has been given; if `detail` names a
    /// checksum, one of those lines is wrong, so trust none of them.
    #[error("damaged at {at}: {detail}")]
    Damaged {
        /// The line being assembled when decoding failed.
        at: Position,
        /// The decoder's name for the fault.
        detail: String,
    },
    /// The file ends too early: inside its compressed stream, inside its last line, or before its first byte. Every
    /// whole line has been given.
    #[error("cut off at {at}: {partial_bytes} bytes of an unfinished line withheld")]
    Truncated {
        /// The line that is missing or unfinished.
        at: Position,
        /// Bytes of that line which were there.
        partial_bytes: u64,
    },
    /// A line longer than [`LINE_BYTES_MAX`]. Not a recording of any form that is known here.
    #[error("line too long at {at}: over {LINE_BYTES_MAX} bytes")]
    LineTooLong {
        /// The line.
        at: Position,
    },
    /// One line is not what the form says. Only that line is lost: go on with the one after it, or stop here.
    #[error("malformed at {at}: {cause}")]
    Malformed {
        /// The line.
        at: Position,
        /// What is wrong with it.
        cause: BadLine,
    },
    /// A journal could not be read on, or only behind a damaged stretch.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl ImportError {
    /// Where in the recording, if the fault has a place among lines.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Io { at, .. }
            | Self::Damaged { at, .. }
            | Self::Truncated { at, .. }
            | Self::LineTooLong { at }
            | Self::Malformed { at, .. } => Some(*at),
            Self::UnknownForm | Self::Journal(_) => None,
        }
    }

    /// Whether nothing more can come; false for a malformed line and for a journal's damaged stretch.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Malformed { .. } => false,
            Self::Journal(error) => error.is_final(),
            _ => true,
        }
    }
}

/// What is wrong with one line. Offsets count bytes from the line's start.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadLine {
    /// The line is not one of Touchline's own.
    #[error(transparent)]
    Own(#[from] LineError),
    /// The payload of a line of Touchline's own is not what its kind says.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The line does not begin with the form's stamp, or with one that 64 bits of nanoseconds do not hold exactly.
    #[error("no receive stamp")]
    Stamp,
    /// The stamp is not followed by JSON.
    #[error("no JSON after the stamp")]
    NoJson,
    /// An object of JSON is no record of cryptofeed's second form.
    #[error("no record of a known sort, or not with all it must have")]
    Record,
    /// A binary frame is not a bytes literal of Python's.
    #[error("no bytes literal")]
    BytesLiteral,
    /// The line is not UTF-8; it is valid up to this offset.
    #[error("not UTF-8 after byte {valid_up_to}")]
    Utf8 {
        /// Bytes of the line that are valid.
        valid_up_to: usize,
    },
}
