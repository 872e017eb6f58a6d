//! Entries written in the forms that other programs read.

use std::collections::HashSet;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::hftbacktest::is_rest_body;
use super::own::line_kind;
use super::stamp::write_iso;
use crate::journal::{Entry, EntryKind, Gap};
use crate::{Kind, Writer};

/// What the form could not hold of the entries that it was given.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Losses {
    /// Entries left out: the form has no place for their kind.
    pub left_out: u64,
    /// Entries that became notes: what they say is readable, but no longer data.
    pub noted: u64,
    /// Entries whose text was changed to fit on one line of UTF-8: line ends became spaces.
    pub rewritten: u64,
    /// Stamps that lost digits.
    pub stamps_cut: u64,
}

/// Writes entries in another form; what the form cannot hold is counted.
///
/// No form here holds readers, paths, numbers of connections or kernel stamps.
pub struct Export<W: Write> {
    target: Target<W>,
    /// The payload as one line.
    line: Vec<u8>,
    /// Whether a frame was written since the last end of a connection.
    open: bool,
    /// Requests that ask only how far the venue is, by reader and number: the answers are no snapshots of books.
    probes: HashSet<(u16, u64)>,
    losses: Losses,
}

enum Target<W: Write> {
    Lines(Writer<W>),
    HftBacktest(GzEncoder<W>),
    Tardis(GzEncoder<W>),
}

impl<W: Write> Export<W> {
    /// Touchline's lines, compressed by zstd at `level` (1 to 22): a `.cap.zst` file. Refusals, ends, closes, failed
    /// requests, the set-up and gaps become notes; attempts to connect, pings, pongs, requests, turns, books' hashes and
    /// what other threads said are left out. The answer to a probe, which is not there to show a book, becomes a note. A
    /// frame that could not be unpacked is a binary frame like any other.
    ///
    /// # Errors
    /// What zstd says if it cannot start.
    pub fn lines(write: W, level: i32) -> io::Result<Self> {
        Ok(Self::new(Target::Lines(Writer::new(write, level)?)))
    }

    /// A collector file as hftbacktest reads it, gzip. It holds text frames and the bodies of depth snapshots, without
    /// their URLs.
    pub fn hftbacktest(write: W) -> Self {
        Self::new(Target::HftBacktest(GzEncoder::new(write, Compression::default())))
    }

    /// A raw feed as Tardis serves it, gzip. It holds text frames, with stamps of 100 ns, and that a connection was
    /// lost: at its end, its close, or when the next one is open.
    pub fn tardis(write: W) -> Self {
        Self::new(Target::Tardis(GzEncoder::new(write, Compression::default())))
    }

    fn new(target: Target<W>) -> Self {
        Self { target, line: Vec::new(), open: false, probes: HashSet::new(), losses: Losses::default() }
    }

    /// Adds one entry, or counts it as lost.
    ///
    /// # Errors
    /// What the underlying writer says.
    pub fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let asked = (entry.reader, entry.source);
        if entry.kind == EntryKind::Asked && entry.payload.starts_with(b"probe ") {
            self.probes.insert(asked);
        }
        let mut note = *entry;
        let is_probe =
            matches!(entry.kind, EntryKind::Rest | EntryKind::RestFailed) && self.probes.remove(&asked);
        if is_probe && entry.kind == EntryKind::Rest {
            note.kind = EntryKind::Note;
            self.losses.noted += u64::from(matches!(self.target, Target::Lines(_)));
        }
        let entry = &note;
        let held = match self.target {
            Target::Lines(_) => self.line_of_own(entry)?,
            Target::HftBacktest(_) => self.line_of_hftbacktest(entry)?,
            Target::Tardis(_) => self.line_of_tardis(entry)?,
        };
        self.losses.left_out += u64::from(!held);
        Ok(())
    }

    /// What was lost up to now.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// Ends the compressed stream and gives the underlying writer back. A file without this call counts as cut.
    ///
    /// # Errors
    /// What the underlying writer says.
    pub fn finish(self) -> io::Result<W> {
        match self.target {
            Target::Lines(writer) => writer.finish(),
            Target::HftBacktest(encoder) | Target::Tardis(encoder) => encoder.finish(),
        }
    }

    /// Whether the form has a place for the entry, and so for the other two.
    fn line_of_own(&mut self, entry: &Entry<'_>) -> io::Result<bool> {
        let Target::Lines(writer) = &mut self.target else { return Ok(false) };
        if matches!(entry.kind, EntryKind::Binary | EntryKind::Unreadable) {
            writer.record(entry.recv, Kind::Binary, entry.payload)?;
            return Ok(true);
        }
        if let Some(kind) = line_kind(entry.kind) {
            self.losses.rewritten += u64::from(one_line(entry.payload, &mut self.line));
            writer.record(entry.recv, kind, &self.line)?;
            return Ok(true);
        }
        let what = match entry.kind {
            EntryKind::Refused => "connection refused",
            EntryKind::Ended => "connection ended",
            EntryKind::Closed => "connection closed",
            EntryKind::RestFailed => "request failed",
            EntryKind::Setup => "set up",
            EntryKind::Gap => "gap",
            _ => return Ok(false),
        };
        let gap = Gap::from_payload(entry.payload).filter(|_| entry.kind == EntryKind::Gap);
        let text = gap.map_or_else(
            || String::from_utf8_lossy(entry.payload).into_owned(),
            |gap| format!("{} entries, {} bytes since {}", gap.entries, gap.bytes, gap.since.0),
        );
        one_line(format!("{what}: {text}").as_bytes(), &mut self.line);
        writer.record(entry.recv, Kind::Note, &self.line)?;
        self.losses.noted += 1;
        Ok(true)
    }

    fn line_of_hftbacktest(&mut self, entry: &Entry<'_>) -> io::Result<bool> {
        let Target::HftBacktest(file) = &mut self.target else { return Ok(false) };
        let json = match entry.kind {
            EntryKind::Text => entry.payload,
            EntryKind::Rest => memchr::memchr(b' ', entry.payload)
                .and_then(|space| entry.payload.get(space + 1..))
                .filter(|body| is_rest_body(body))
                .unwrap_or_default(),
            _ => &[],
        };
        // Its readers take every line for JSON; what is not must not stand there.
        let is_ambiguous = entry.kind == EntryKind::Text && is_rest_body(json);
        if !matches!(json.first(), Some(b'{' | b'[')) || is_ambiguous {
            return Ok(false);
        }
        self.losses.rewritten += u64::from(one_line(json, &mut self.line));
        self.line.push(b'\n');
        // 19 digits always: 16 would mean microseconds.
        write!(file, "{:019} ", entry.recv.0)?;
        file.write_all(&self.line)?;
        Ok(true)
    }

    fn line_of_tardis(&mut self, entry: &Entry<'_>) -> io::Result<bool> {
        let Target::Tardis(file) = &mut self.target else { return Ok(false) };
        match entry.kind {
            EntryKind::Text => {
                self.losses.rewritten += u64::from(one_line(entry.payload, &mut self.line));
                self.line.push(b'\n');
                self.losses.stamps_cut += u64::from(write_iso(file, entry.recv)?);
                file.write_all(b" ")?;
                file.write_all(&self.line)?;
                self.open = true;
                Ok(true)
            }
            EntryKind::Ended | EntryKind::Closed | EntryKind::Opened => {
                if std::mem::take(&mut self.open) {
                    file.write_all(b"\n")?;
                }
                // The line says that one connection is over, not that another is open, nor its URL.
                Ok(entry.kind != EntryKind::Opened)
            }
            _ => Ok(false),
        }
    }
}

/// Replaces the content of `line` by the text on one line of UTF-8; whether that changed anything.
fn one_line(text: &[u8], line: &mut Vec<u8>) -> bool {
    line.clear();
    let lossy = String::from_utf8_lossy(text);
    line.extend(lossy.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
    line != text
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use touchline_market::Nanos;

    use super::*;

    const KINDS: u64 = EntryKind::ALL.len() as u64;

    /// Entries of each kind, a hundred nanoseconds and one apart.
    fn entries() -> Vec<(EntryKind, u64, Vec<u8>)> {
        let gap = Gap { entries: 2, bytes: 30, since: Nanos(77) };
        let payload = |kind: EntryKind| match kind {
            EntryKind::Text => b"{\"a\":\n1}".to_vec(),
            EntryKind::Binary | EntryKind::Unreadable => vec![0, 10, 255],
            EntryKind::Rest => b"https://x/depth {\"lastUpdateId\":1}".to_vec(),
            EntryKind::Gap => gap.to_payload().to_vec(),
            _ => format!("{kind:?} a").into_bytes(),
        };
        EntryKind::ALL.into_iter().zip(0..).map(|(kind, n)| (kind, 1_000 + 101 * n, payload(kind))).collect()
    }

    fn export(mut export: Export<Vec<u8>>) -> (Vec<u8>, Losses) {
        for (kind, recv, payload) in &entries() {
            let entry = Entry {
                kind: *kind,
                reader: 0,
                path: 0,
                source: 0,
                recv: Nanos(*recv),
                now: 0,
                kernel: Nanos::NONE,
                payload,
            };
            export.entry(&entry).unwrap();
        }
        let losses = export.losses();
        (export.finish().unwrap(), losses)
    }

    fn gunzip(file: &[u8]) -> String {
        let mut text = String::new();
        GzDecoder::new(file).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn our_lines_hold_what_has_a_letter_and_note_what_explains() {
        // Every kind once: eight lines, six notes, the rest left out.
        let (file, losses) = export(Export::lines(Vec::new(), 3).unwrap());
        let text = String::from_utf8(zstd::decode_all(file.as_slice()).unwrap()).unwrap();
        let expected = "1000 R {\"a\": 1}\n1101 B AAr/\n1202 S Sent a\n1404 C Opened a\n\
            1505 N connection refused: Refused a\n1606 N connection ended: Ended a\n\
            1707 N connection closed: Closed a\n2111 H https://x/depth {\"lastUpdateId\":1}\n\
            2212 N request failed: RestFailed a\n2313 X Headers a\n2414 N Note a\n2515 N set up: Setup a\n\
            2818 N gap: 2 entries, 30 bytes since 77\n3020 B AAr/\n";
        assert_eq!(text, expected);
        assert_eq!(losses, Losses { left_out: KINDS - 14, noted: 6, rewritten: 1, stamps_cut: 0 });
    }

    #[test]
    fn the_answer_to_a_probe_is_no_snapshot() {
        // A snapshot and a probe that were asked for, and their answers; a second answer of that number is another's.
        let body = b"https://x/depth {\"lastUpdateId\":1}".as_slice();
        let asked = |kind, source, payload| Entry {
            kind,
            reader: 1,
            path: 0,
            source,
            recv: Nanos(1_000),
            now: 0,
            kernel: Nanos::NONE,
            payload,
        };
        let entries = [
            asked(EntryKind::Asked, 7, b"snapshot https://x/depth".as_slice()),
            asked(EntryKind::Asked, 8, b"probe https://x/depth"),
            asked(EntryKind::Rest, 8, body),
            asked(EntryKind::Rest, 7, body),
            asked(EntryKind::Rest, 8, body),
        ];
        let mut lines = Export::lines(Vec::new(), 3).unwrap();
        let mut collected = Export::hftbacktest(Vec::new());
        for entry in &entries {
            lines.entry(entry).unwrap();
            collected.entry(entry).unwrap();
        }
        assert_eq!((lines.losses().noted, lines.losses().left_out), (1, 2));
        let text = String::from_utf8(zstd::decode_all(lines.finish().unwrap().as_slice()).unwrap()).unwrap();
        let kinds: Vec<_> = text.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(kinds, ["N", "H", "H"]);
        assert_eq!(gunzip(&collected.finish().unwrap()).lines().count(), 2);
    }

    #[test]
    fn a_collector_file_holds_text_frames_and_snapshots() {
        // Every kind once: two lines, each with a stamp of 19 digits.
        let (file, losses) = export(Export::hftbacktest(Vec::new()));
        let expected = "0000000000000001000 {\"a\": 1}\n0000000000000002111 {\"lastUpdateId\":1}\n";
        assert_eq!(gunzip(&file), expected);
        assert_eq!(losses, Losses { left_out: KINDS - 2, noted: 0, rewritten: 1, stamps_cut: 0 });
    }

    #[test]
    fn a_raw_feed_holds_text_frames_and_lost_connections() {
        // Every kind once: one frame, and one empty line, for nothing came between the ends.
        let (file, losses) = export(Export::tardis(Vec::new()));
        assert_eq!(gunzip(&file), "1970-01-01T00:00:00.0000010Z {\"a\": 1}\n\n");
        assert_eq!(losses, Losses { left_out: KINDS - 3, noted: 0, rewritten: 1, stamps_cut: 0 });
    }
}
