//! What hftbacktest's collectors write: `<stamp> <JSON>`, one file for each symbol and day.
//!
//! The stamp counts nanoseconds; the older collector in Python wrote microseconds, which have 16 digits from 2001 to
//! 2286. The JSON is a text frame as it came (combined streams of one venue, topics and channels of others), or the
//! body of a depth snapshot asked for by REST. Nothing but its first member tells the body from a frame, and its URL
//! is not there: it is the reader's to say.
//!
//! The form holds no binary frames, nothing sent, no connections and no acknowledgements; a file of a collector that
//! was killed ends in the middle of its gzip stream.

use super::BadLine;
use super::form::{Parsed, Payload};
use super::stamp::integer;
use crate::journal::EntryKind;

/// How the body of a depth snapshot begins.
const SNAPSHOT: &[u8] = b"{\"lastUpdateId\"";

/// Digits of a stamp in microseconds.
const MICROSECOND_DIGITS: usize = 16;

/// Whether JSON is the body of a REST response rather than a frame.
pub(super) fn is_rest_body(json: &[u8]) -> bool {
    json.starts_with(SNAPSHOT)
}

/// The entry that a line holds. A REST response is put together in `frame`, with `rest_url` in front.
pub(super) fn parse(line: &[u8], rest_url: &str, frame: &mut Vec<u8>) -> Result<Parsed, BadLine> {
    let space = memchr::memchr(b' ', line).ok_or(BadLine::Stamp)?;
    let (digits, json) = line.split_at_checked(space).ok_or(BadLine::Stamp)?;
    let stamp = integer(digits).ok_or(BadLine::Stamp)?;
    let stamp = if digits.len() == MICROSECOND_DIGITS { stamp * 1_000 } else { stamp };
    let json = json.get(1..).unwrap_or_default();
    if !matches!(json.first(), Some(b'{' | b'[')) {
        return Err(BadLine::NoJson);
    }
    let (kind, payload) = if is_rest_body(json) {
        frame.clear();
        frame.extend_from_slice(rest_url.as_bytes());
        frame.push(b' ');
        frame.extend_from_slice(json);
        (EntryKind::Rest, Payload::Frame)
    } else {
        (EntryKind::Text, Payload::Line(space + 1..line.len()))
    };
    Ok(Parsed { stamp: Some(stamp), kind, payload, connection: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_snapshots_of_both_collectors_are_told_apart() {
        // Nanoseconds and microseconds; a combined stream, a topic, a channel; bodies as sent and as Python prints them.
        let mut frame = Vec::new();
        for (line, stamp) in [
            (
                "1723161255030314667 {\"stream\":\"x@depth\",\"data\":{\"lastUpdateId\":1}}",
                1_723_161_255_030_314_667,
            ),
            ("1680652800004107 {\"stream\":\"x@trade\",\"data\":{}}", 1_680_652_800_004_107_000),
            ("1733011200691000000 {\"topic\":\"orderbook.500.X\"}", 1_733_011_200_691_000_000),
            ("1737918843893903000 [1,2]", 1_737_918_843_893_903_000),
            ("0000000000000001000 {}", 1_000),
        ] {
            let json = line.find(' ').unwrap() + 1;
            let expected = Parsed {
                stamp: Some(stamp),
                kind: EntryKind::Text,
                payload: Payload::Line(json..line.len()),
                connection: None,
            };
            assert_eq!(parse(line.as_bytes(), "", &mut frame), Ok(expected), "{line}");
        }
        for (line, expected) in [
            ("1 {\"lastUpdateId\":7}", "https://x/depth {\"lastUpdateId\":7}"),
            ("1 {\"lastUpdateId\": 7, \"E\": 1}", "https://x/depth {\"lastUpdateId\": 7, \"E\": 1}"),
        ] {
            let parsed = parse(line.as_bytes(), "https://x/depth", &mut frame).unwrap();
            assert_eq!((parsed.kind, parsed.payload), (EntryKind::Rest, Payload::Frame));
            assert_eq!(frame, expected.as_bytes());
        }
    }

    #[test]
    fn odd_lines_say_what_they_lack() {
        // A table of lines that the form does not know.
        for (line, expected) in [
            ("", BadLine::Stamp),
            ("1723161255030314667", BadLine::Stamp),
            (" {}", BadLine::Stamp),
            ("17x {}", BadLine::Stamp),
            ("99999999999999999999 {}", BadLine::Stamp),
            ("1723161255030314667 ", BadLine::NoJson),
            ("1723161255030314667 R {}", BadLine::NoJson),
            ("1723161255030314667  {}", BadLine::NoJson),
        ] {
            assert_eq!(parse(line.as_bytes(), "", &mut Vec::new()), Err(expected), "{line}");
        }
    }
}
