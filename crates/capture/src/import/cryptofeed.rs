//! The first form of cryptofeed's raw files: one for each connection and one for the requests of each feed, in plain text.
//! The second form is in [`records`](super::records).
//!
//! ```text
//! configuration: <JSON>                 what was subscribed to
//! wss://host/path <-> <seconds>         a connection is opened
//! wss://host/path <- <seconds>: <text>  a frame is sent
//! <seconds>: <text>                     a text frame came
//! <seconds>: b'<escaped bytes>'         a binary frame came, as Python prints bytes
//! https://host/path -> <seconds>: <body> a REST response came
//! ```
//!
//! The seconds are a double as Python prints it: sound to about 200 ns, and read exactly as printed.
//!
//! The form does not say when a connection ended, nor what a request was in the files of its polling connections:
//! there a body stands like a frame. A frame or body of several lines loses all but its first, each of the others
//! being malformed.

use super::form::{Parsed, Payload};
use super::stamp::seconds;
use super::{BadLine, records};
use crate::journal::EntryKind;

/// How the line begins that says what was subscribed to.
const CONFIGURATION: &[u8] = b"configuration: ";

/// The entry that a line holds; none for an empty line. A binary frame or a REST response is put together in `frame`.
pub(super) fn parse(line: &[u8], frame: &mut Vec<u8>) -> Result<Option<Parsed>, BadLine> {
    if line.is_empty() {
        return Ok(None);
    }
    if line.starts_with(b"{") {
        return records::parse(line, frame).map(Some);
    }
    if line.starts_with(CONFIGURATION) {
        let payload = Payload::Line(0..line.len());
        return Ok(Some(Parsed { stamp: None, kind: EntryKind::Note, payload, connection: None }));
    }
    if [b"ws".as_slice(), b"http"].iter().any(|scheme| line.starts_with(scheme)) {
        return with_url(line, frame).map(Some);
    }
    let (stamp, start) = stamp(line)?;
    let text = line.get(start..).unwrap_or_default();
    if matches!(text, [b'b', b'\'' | b'"', ..]) {
        bytes_literal(text, frame).ok_or(BadLine::BytesLiteral)?;
        return Ok(Some(Parsed {
            stamp: Some(stamp),
            kind: EntryKind::Binary,
            payload: Payload::Frame,
            connection: None,
        }));
    }
    let payload = Payload::Line(start..line.len());
    Ok(Some(Parsed { stamp: Some(stamp), kind: EntryKind::Text, payload, connection: None }))
}

/// A line that begins with a URL: the arrow behind it says what happened.
fn with_url(line: &[u8], frame: &mut Vec<u8>) -> Result<Parsed, BadLine> {
    let url = memchr::memchr(b' ', line).ok_or(BadLine::Stamp)?;
    let behind = line.get(url..).unwrap_or_default();
    if let Some(text) = behind.strip_prefix(b" <-> ") {
        let stamp = seconds(text).ok_or(BadLine::Stamp)?;
        return Ok(Parsed {
            stamp: Some(stamp),
            kind: EntryKind::Opened,
            payload: Payload::Line(0..url),
            connection: None,
        });
    }
    let sent = behind.strip_prefix(b" <- ");
    let text = sent.or_else(|| behind.strip_prefix(b" -> ")).ok_or(BadLine::Stamp)?;
    let (stamp, start) = stamp(text)?;
    if sent.is_some() {
        let payload = Payload::Line(line.len() - text.len() + start..line.len());
        return Ok(Parsed { stamp: Some(stamp), kind: EntryKind::Sent, payload, connection: None });
    }
    frame.clear();
    frame.extend_from_slice(line.get(..=url).unwrap_or_default());
    frame.extend_from_slice(text.get(start..).unwrap_or_default());
    Ok(Parsed { stamp: Some(stamp), kind: EntryKind::Rest, payload: Payload::Frame, connection: None })
}

/// The stamp in front of the first `: `, and where the text behind it begins.
fn stamp(text: &[u8]) -> Result<(u64, usize), BadLine> {
    // A stamp has 18 characters or so: no colon early on, no stamp.
    let head = text.get(..40).unwrap_or(text);
    let colon = memchr::memchr(b':', head).ok_or(BadLine::Stamp)?;
    let stamp = seconds(text.get(..colon).unwrap_or_default()).ok_or(BadLine::Stamp)?;
    // A frame may be empty, and an editor may have taken the blank at the line's end.
    match text.get(colon + 1) {
        Some(b' ') => Ok((stamp, colon + 2)),
        None => Ok((stamp, colon + 1)),
        Some(_) => Err(BadLine::Stamp),
    }
}

/// Replaces the content of `frame` by what a bytes literal of Python's stands for.
fn bytes_literal(text: &[u8], frame: &mut Vec<u8>) -> Option<()> {
    frame.clear();
    let (&quote, mut rest) = text.strip_prefix(b"b")?.split_first()?;
    loop {
        rest = match rest {
            [byte] if *byte == quote => return Some(()),
            [byte, ..] if *byte == quote => return None,
            [b'\\', b'x', high, low, rest @ ..] => {
                let digit =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                frame.push(digit(*high)? << 4 | digit(*low)?);
                rest
            }
            [b'\\', escaped, rest @ ..] => {
                frame.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'\\' | b'\'' | b'"' => *escaped,
                    _ => return None,
                });
                rest
            }
            [byte @ b' '..=b'~', rest @ ..] => {
                frame.push(*byte);
                rest
            }
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stamp, kind and payload.
    type Line = (Option<u64>, EntryKind, Vec<u8>);

    fn parsed(line: &str) -> Result<Option<Line>, BadLine> {
        let mut frame = Vec::new();
        let parsed = parse(line.as_bytes(), &mut frame)?;
        Ok(parsed.map(|parsed| {
            let payload = match parsed.payload {
                Payload::Line(range) => line.as_bytes()[range].to_vec(),
                Payload::Frame => frame,
            };
            (parsed.stamp, parsed.kind, payload)
        }))
    }

    #[test]
    fn every_sort_of_line_becomes_its_entry() {
        // A table of the lines that the recorder writes.
        let at = Some(1_623_635_618_775_530_000);
        for (line, stamp, kind, payload) in [
            ("1623635618.77553: {\"C\":\"d: x\"}", at, EntryKind::Text, "{\"C\":\"d: x\"}"),
            ("1623635618.77553: ", at, EntryKind::Text, ""),
            ("1623635618.77553:", at, EntryKind::Text, ""),
            ("1623635618.77553: b'{\"a\":1}'", at, EntryKind::Binary, "{\"a\":1}"),
            ("wss://h/p?a=b <-> 1623635618.77553", at, EntryKind::Opened, "wss://h/p?a=b"),
            ("wss://h <- 1623635618.77553: {\"I\": 1}", at, EntryKind::Sent, "{\"I\": 1}"),
            ("https://h/x?y -> 1623635618.77553: [{}, 1]", at, EntryKind::Rest, "https://h/x?y [{}, 1]"),
            ("configuration: {\"trades\":[]}", None, EntryKind::Note, "configuration: {\"trades\":[]}"),
        ] {
            assert_eq!(parsed(line), Ok(Some((stamp, kind, payload.as_bytes().to_vec()))), "{line}");
        }
        assert_eq!(parsed(""), Ok(None));
    }

    #[test]
    fn odd_lines_say_what_they_lack() {
        // A table of lines that the recorder does not write.
        for line in [
            "x",
            "1623635618.77553 {}",
            "1623635618.77553:{}",
            "1723161255030314667 R {}",
            "wss://h",
            "wss://h <-> ",
            "wss://h <-> 1.5: x",
            "wss://h <= 1.5: x",
            "https://h -> {}",
            ": {}",
        ] {
            assert_eq!(parsed(line), Err(BadLine::Stamp), "{line}");
        }
        for line in
            ["1.5: b'", "1.5: b'a", "1.5: b'a\"", "1.5: b'\\x0'", "1.5: b'\\q'", "1.5: b'a'b'", "1.5: b'é'"]
        {
            assert_eq!(parsed(line), Err(BadLine::BytesLiteral), "{line}");
        }
    }

    #[test]
    fn every_byte_comes_back_from_its_literal() {
        // All 256 bytes as Python's repr writes them, in both sorts of quotes.
        for quote in ['\'', '"'] {
            let escape = |byte: u8| match byte {
                b'\n' => "\\n".to_owned(),
                b'\r' => "\\r".to_owned(),
                b'\t' => "\\t".to_owned(),
                b'\\' => "\\\\".to_owned(),
                b'\'' | b'"' if char::from(byte) == quote => format!("\\{quote}"),
                b' '..=b'~' => char::from(byte).to_string(),
                _ => format!("\\x{byte:02x}"),
            };
            let literal: String = (0..=255).map(escape).collect();
            let mut frame = Vec::new();
            bytes_literal(format!("b{quote}{literal}{quote}").as_bytes(), &mut frame).unwrap();
            assert_eq!(frame, (0..=255).collect::<Vec<u8>>());
        }
    }
}
