//! Lines of any form as entries.

use touchline_market::Nanos;

use super::form::{Form, Parsed, Payload};
use super::lines::Lines;
use super::text::Bytes;
use super::{BadLine, ImportError, Options};
use crate::journal::{Entry, EntryKind};
use crate::{Position, Progress};

/// Connections that are kept apart are numbered from here on, as the sockets of a feed are in its journal.
const SOCKETS: u64 = 1 << 32;

/// Reads a recording of lines, whatever their form and packing. [`open`](super::open) makes one.
///
/// It holds 128 KiB of file, 128 KiB of text, the decoder's window and, for a line that spans two pieces of text, a
/// copy of that line (at most [`LINE_BYTES_MAX`](crate::LINE_BYTES_MAX)).
pub struct LineReader {
    lines: Lines,
    total_bytes: Option<u64>,
    form: Form,
    options: Options,
    numbers: Numbers,
    clock: Clock,
    /// A payload that does not stand in the line as it is.
    frame: Vec<u8>,
    /// A line without a stamp in front of all that have one, whole: it waits for the first.
    early: Option<(EntryKind, Vec<u8>)>,
    ended: bool,
}

impl LineReader {
    pub(super) fn new(
        bytes: Bytes,
        total_bytes: Option<u64>,
        form: Form,
        options: Options,
    ) -> Result<Self, ImportError> {
        Ok(Self {
            lines: Lines::new(bytes)?,
            total_bytes,
            form,
            options,
            numbers: Numbers::default(),
            clock: Clock::default(),
            frame: Vec::new(),
            early: None,
            ended: false,
        })
    }

    /// The next entry, or `None` at the sound end and after a final error. `reader` and `path` are 0, `source` counts
    /// connections (for what concerns REST, requests), `now` is the time since the first entry, and there is no
    /// kernel stamp.
    ///
    /// # Errors
    /// [`ImportError::Malformed`] for one bad line, after which the next call goes on with the line behind it; any
    /// other error once.
    #[expect(
        clippy::should_implement_trait,
        reason = "an entry borrows from the reader, which Iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, ImportError> {
        Ok(self.next_numbered()?.map(|(_, entry)| entry))
    }

    /// As [`next`](Self::next), with the number of the entry's line, from 0.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    #[inline]
    pub fn next_numbered(&mut self) -> Result<Option<(u64, Entry<'_>)>, ImportError> {
        if self.ended {
            return Ok(None);
        }
        let parsed = self.find().inspect_err(|error| self.ended = error.is_final())?;
        let Some(parsed) = parsed else {
            self.ended = true;
            return Ok(None);
        };
        let (recv, now) = self.clock.read(parsed.stamp);
        let payload = match parsed.payload {
            Payload::Line(range) => self.lines.line().get(range).unwrap_or_default(),
            Payload::Frame => &self.frame,
        };
        let kind = parsed.kind;
        let source = match parsed.connection {
            Some(connection) if kind != EntryKind::Rest => SOCKETS + (u64::from(connection) << 32),
            _ => self.numbers.of(kind),
        };
        let entry = Entry { kind, reader: 0, path: 0, source, recv, now, kernel: Nanos::NONE, payload };
        Ok(Some((self.lines.at().line, entry)))
    }

    /// The form of the lines.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The place of the line that was read last.
    #[must_use]
    pub fn position(&self) -> Position {
        self.lines.at()
    }

    /// How much of the file has been used. Runs ahead of the entries by a piece of text.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress { done_bytes: self.lines.file_bytes(), total_bytes: self.total_bytes }
    }

    /// The next line that holds something.
    fn find(&mut self) -> Result<Option<Parsed>, ImportError> {
        // Our own writer ends every line; another program may leave the last one open.
        let last_whole = self.form != Form::Lines;
        while self.lines.advance(last_whole)? {
            let at = self.lines.at();
            let line = self.lines.line();
            let line = if last_whole { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
            let parsed = parse(self.form, line, &self.options, &mut self.frame)
                .map_err(|cause| ImportError::Malformed { at, cause })?;
            let Some(parsed) = parsed else { continue };
            // A connection of which nothing was seen is not lost, nor one twice.
            if parsed.kind == EntryKind::Ended && !self.numbers.is_open() {
                continue;
            }
            if parsed.stamp.is_none() && !self.clock.has_begun() {
                self.early = Some((parsed.kind, line.to_vec()));
                continue;
            }
            let Some((kind, payload)) = self.early.take() else { return Ok(Some(parsed)) };
            self.lines.again();
            self.frame = payload;
            return Ok(Some(Parsed { stamp: parsed.stamp, kind, payload: Payload::Frame, connection: None }));
        }
        Ok(None)
    }
}

fn parse(form: Form, line: &[u8], options: &Options, frame: &mut Vec<u8>) -> Result<Option<Parsed>, BadLine> {
    if let Err(error) = std::str::from_utf8(line) {
        return Err(BadLine::Utf8 { valid_up_to: error.valid_up_to() });
    }
    form.parse(line, options, frame)
}

/// The two clocks of an entry, from the stamps of a file.
#[derive(Default)]
struct Clock {
    first: Option<u64>,
    recv: u64,
    now: u64,
}

impl Clock {
    fn has_begun(&self) -> bool {
        self.first.is_some()
    }

    /// A line without a stamp is as late as the one before it; the second clock never goes back.
    fn read(&mut self, stamp: Option<u64>) -> (Nanos, u64) {
        self.recv = stamp.unwrap_or(self.recv);
        let first = *self.first.get_or_insert(self.recv);
        self.now = self.now.max(self.recv.saturating_sub(first));
        (Nanos(self.recv), self.now)
    }
}

/// Counts connections and requests, each from 0.
#[derive(Default)]
struct Numbers {
    connection: u64,
    /// Whether something of the connection has been seen.
    open: bool,
    requests: u64,
}

impl Numbers {
    fn is_open(&self) -> bool {
        self.open
    }

    fn of(&mut self, kind: EntryKind) -> u64 {
        match kind {
            EntryKind::Rest => {
                self.requests += 1;
                self.requests - 1
            }
            EntryKind::Headers => self.requests.saturating_sub(1),
            EntryKind::Opened => {
                self.connection += u64::from(self.open);
                self.open = true;
                self.connection
            }
            EntryKind::Ended => {
                let ended = self.connection;
                self.connection += u64::from(self.open);
                self.open = false;
                ended
            }
            EntryKind::Text | EntryKind::Binary | EntryKind::Sent => {
                self.open = true;
                self.connection
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every entry of a text as `kind source recv now payload`, and the errors.
    fn read(form: Form, text: &[u8]) -> (Vec<String>, Vec<ImportError>) {
        let bytes = std::io::Cursor::new(text.to_vec());
        let mut reader = LineReader::new(Box::new(bytes), None, form, Options::default()).unwrap();
        let (mut entries, mut errors) = (Vec::new(), Vec::new());
        loop {
            match reader.next() {
                Ok(Some(entry)) => {
                    assert_eq!((entry.reader, entry.path, entry.kernel), (0, 0, Nanos::NONE));
                    let Entry { kind, source, recv, now, payload, .. } = entry;
                    let payload = String::from_utf8_lossy(payload);
                    entries.push(format!("{kind:?} {source} {} {now} {payload}", recv.0));
                }
                Ok(None) => return (entries, errors),
                Err(error) => errors.push(error),
            }
        }
    }

    #[test]
    fn connections_and_requests_are_counted() {
        // Frames before any connection, two connections, two responses with headers, a note; a stamp that falls.
        let text = b"10 R a\n20 C x\n21 S b\n22 R c\n22 H u v\n23 X {}\n30 C y\n29 R d\n31 H u w\n32 N n\n";
        let (entries, errors) = read(Form::Lines, text);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(
            entries,
            [
                "Text 0 10 0 a",
                "Opened 1 20 10 x",
                "Sent 1 21 11 b",
                "Text 1 22 12 c",
                "Rest 0 22 12 u v",
                "Headers 0 23 13 {}",
                "Opened 2 30 20 y",
                "Text 2 29 20 d",
                "Rest 1 31 21 u w",
                "Note 0 32 22 n",
            ]
        );
    }

    #[test]
    fn a_lost_connection_takes_the_stamp_before_it_and_ends_once() {
        // Empty lines at the start, in the middle twice, and at the end; the next frame is of the next connection.
        let text = b"\n\n1970-01-01T00:00:01Z {}\n\n\n1970-01-01T00:00:02Z []\r\n\n";
        let (entries, errors) = read(Form::Tardis, text);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(
            entries,
            [
                "Text 0 1000000000 0 {}",
                "Ended 0 1000000000 0 ",
                "Text 1 2000000000 1000000000 []",
                "Ended 1 2000000000 1000000000 ",
            ]
        );
    }

    #[test]
    fn a_first_line_without_a_stamp_takes_the_next_ones() {
        // The configuration in front of all, an empty line, and one behind; the payloads stay whole.
        let text = b"configuration: {}\n\nwss://x <-> 5.5\n6: b'\\x00a'\nconfiguration: {1}\n";
        let (entries, errors) = read(Form::Cryptofeed, text);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(
            entries,
            [
                "Note 0 5500000000 0 configuration: {}",
                "Opened 0 5500000000 0 wss://x",
                "Binary 0 6000000000 500000000 \0a",
                "Note 0 6000000000 500000000 configuration: {1}",
            ]
        );
    }

    #[test]
    fn named_connections_are_kept_apart() {
        // Two connections that take turns, the first of which is opened again; a response is of none.
        let recv = |conn: u32, at: u32| {
            format!("{{\"t\":\"recv\",\"conn\":\"A.ws.{conn}\",\"ts\":{at},\"data\":\"x\"}}\n")
        };
        let open = |conn: u32, at: u32| {
            format!("{{\"t\":\"connect\",\"conn\":\"A.ws.{conn}\",\"ts\":{at},\"addr\":\"wss://x\"}}\n")
        };
        let http = "{\"t\":\"http\",\"conn\":\"A.http.0\",\"ts\":1,\"url\":\"https://x\",\"data\":\"y\"}\n"
            .to_owned();
        let lines = [http, open(1, 2), open(2, 3), recv(1, 4), recv(2, 5), open(1, 6), recv(1, 7)];
        let (entries, errors) = read(Form::Cryptofeed, lines.concat().as_bytes());
        assert!(errors.is_empty(), "{errors:?}");
        let numbered = entries.iter().map(|entry| entry.split(' ').take(2).collect::<Vec<_>>().join(" "));
        let (first, second) = (2 * SOCKETS, 3 * SOCKETS);
        let expected = [
            "Rest 0".to_owned(),
            format!("Opened {first}"),
            format!("Opened {second}"),
            format!("Text {first}"),
            format!("Text {second}"),
            format!("Opened {first}"),
            format!("Text {first}"),
        ];
        assert!(numbered.eq(expected), "{entries:?}");
    }

    #[test]
    fn a_bad_line_is_reported_once_with_its_place() {
        // Three bad lines among good ones, then a last line without its newline, which plain text cannot vouch for.
        let (entries, errors) = read(Form::HftBacktest, b"1 {}\nxx\n2 \xff\n3 no\n4 {}\n5 {}");
        assert_eq!(entries, ["Text 0 1 0 {}", "Text 0 4 3 {}"]);
        let places: Vec<_> =
            errors.iter().map(|error| error.position().map(|at| (at.line, at.text_byte))).collect();
        assert_eq!(places, [Some((1, 5)), Some((2, 8)), Some((3, 12)), Some((5, 22))]);
        let [stamp, utf8, json, cut] = errors.as_slice() else { panic!("{errors:?}") };
        assert!(matches!(stamp, ImportError::Malformed { cause: BadLine::Stamp, .. }), "{stamp}");
        assert!(
            matches!(utf8, ImportError::Malformed { cause: BadLine::Utf8 { valid_up_to: 2 }, .. }),
            "{utf8}"
        );
        assert!(matches!(json, ImportError::Malformed { cause: BadLine::NoJson, .. }), "{json}");
        assert!(matches!(cut, ImportError::Truncated { partial_bytes: 4, .. }), "{cut}");
    }
}
