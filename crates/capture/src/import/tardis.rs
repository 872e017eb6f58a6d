//! Tardis's raw feeds: `<moment of UTC> <frame>`, and an empty line where the connection was lost.
//!
//! The moment has seven digits behind the point (100 ns); up to nine are read. Responses of the service and files of
//! its clients' caches are gzip of one minute each; joined, they are one file of several members. See
//! <https://docs.tardis.dev/api/http-api-reference>, read 2026-11-21.
//!
//! The form holds text frames alone: what a venue packs is unpacked before it is stored. Nothing sent, no URLs, and a
//! lost connection has no moment of its own. Snapshots that the service asked for by REST stand there as frames that
//! no venue sends.

use super::BadLine;
use super::form::{Parsed, Payload};
use super::stamp::iso;
use crate::journal::EntryKind;

/// The entry that a line holds.
pub(super) fn parse(line: &[u8]) -> Result<Parsed, BadLine> {
    if line.is_empty() {
        return Ok(Parsed {
            stamp: None,
            kind: EntryKind::Ended,
            payload: Payload::Line(0..0),
            connection: None,
        });
    }
    let space = memchr::memchr(b' ', line).ok_or(BadLine::Stamp)?;
    let stamp = iso(line.get(..space).unwrap_or_default()).ok_or(BadLine::Stamp)?;
    let payload = Payload::Line(space + 1..line.len());
    Ok(Parsed { stamp: Some(stamp), kind: EntryKind::Text, payload, connection: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_frames_or_lost_connections() {
        // A table: the service's own width, nine digits, a frame with spaces and none at all, an empty line.
        let text = |stamp: u64, range: std::ops::Range<usize>| {
            Ok(Parsed {
                stamp: Some(stamp),
                kind: EntryKind::Text,
                payload: Payload::Line(range),
                connection: None,
            })
        };
        let lost =
            Parsed { stamp: None, kind: EntryKind::Ended, payload: Payload::Line(0..0), connection: None };
        for (line, expected) in [
            ("2019-06-01T00:03:03.1238784Z {\"a\": 1}", text(1_559_347_383_123_878_400, 29..37)),
            ("2019-06-01T00:03:03.123878412Z []", text(1_559_347_383_123_878_412, 31..33)),
            ("2019-06-01T00:03:03Z ", text(1_559_347_383_000_000_000, 21..21)),
            ("", Ok(lost)),
            (" ", Err(BadLine::Stamp)),
            ("2019-06-01T00:03:03.1238784Z", Err(BadLine::Stamp)),
            ("2019-06-01T00:03:03.1238784 {}", Err(BadLine::Stamp)),
            ("1723161255030314667 {}", Err(BadLine::Stamp)),
        ] {
            assert_eq!(parse(line.as_bytes()), expected, "{line}");
        }
    }
}
