//! Touchline's own lines: `<recv_ns> <kind> <payload>`, whatever they are packed in.

use super::BadLine;
use super::form::{Parsed, Payload};
use crate::journal::EntryKind;
use crate::{Kind, Record};

/// The entry that a line holds. A binary frame is decoded into `frame`.
pub(super) fn parse(line: &[u8], frame: &mut Vec<u8>) -> Result<Parsed, BadLine> {
    let record = Record::parse(0, line)?;
    let payload = if record.kind == Kind::Binary {
        record.binary(frame)?;
        Payload::Frame
    } else {
        Payload::Line(line.len() - record.payload.len()..line.len())
    };
    Ok(Parsed { stamp: Some(record.recv.0), kind: entry_kind(record.kind), payload, connection: None })
}

/// The kind of entry that a kind of line stands for.
fn entry_kind(kind: Kind) -> EntryKind {
    match kind {
        Kind::Text => EntryKind::Text,
        Kind::Binary => EntryKind::Binary,
        Kind::Sent => EntryKind::Sent,
        Kind::Connected => EntryKind::Opened,
        Kind::Rest => EntryKind::Rest,
        Kind::Headers => EntryKind::Headers,
        Kind::Note => EntryKind::Note,
    }
}

/// The kind of line that stands for a kind of entry, if there is one.
pub(super) fn line_kind(kind: EntryKind) -> Option<Kind> {
    Kind::ALL.into_iter().find(|&line| entry_kind(line) == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LineError, PayloadError};

    #[test]
    fn lines_become_entries_of_their_kind() {
        // One line of each letter, and three that are none.
        let mut frame = Vec::new();
        for (letter, kind) in "RSCHXN".chars().zip([
            EntryKind::Text,
            EntryKind::Sent,
            EntryKind::Opened,
            EntryKind::Rest,
            EntryKind::Headers,
            EntryKind::Note,
        ]) {
            let line = format!("12 {letter} a b");
            let expected = Parsed { stamp: Some(12), kind, payload: Payload::Line(5..8), connection: None };
            assert_eq!(parse(line.as_bytes(), &mut frame), Ok(expected));
        }
        let binary =
            Parsed { stamp: Some(12), kind: EntryKind::Binary, payload: Payload::Frame, connection: None };
        assert_eq!(parse(b"12 B AAEC", &mut frame), Ok(binary));
        assert_eq!(frame, [0, 1, 2]);
        assert_eq!(parse(b"12 B AAE", &mut frame), Err(PayloadError::Base64.into()));
        assert_eq!(parse(b"12 Z x", &mut frame), Err(LineError::UnknownKind(b'Z').into()));
        assert_eq!(parse(b"12.5: {}", &mut frame), Err(LineError::Stamp.into()));
    }
}
