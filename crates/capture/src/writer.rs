//! Makes recordings: for tests, demonstrations and tools.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use touchline_market::Nanos;

use crate::Kind;

/// Writes a recording as one zstd frame with a content checksum, so that no flipped bit goes unseen.
///
/// # Example
/// ```
/// use touchline_capture::{Kind, Reader, Writer};
/// use touchline_market::Nanos;
///
/// let mut writer = Writer::new(Vec::new(), 3)?;
/// writer.record(Nanos(1_000), Kind::Text, b"{\"u\":1}")?;
/// let file = writer.finish()?;
/// let mut reader = Reader::new(file.as_slice());
/// assert_eq!(reader.next()?.map(|record| record.recv), Some(Nanos(1_000)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer<W: Write> {
    encoder: zstd::Encoder<'static, W>,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Starts a recording. `level` is zstd's, 1 (fast) to 22 (small); 3 is its own default.
    ///
    /// # Errors
    /// What zstd says if it cannot start.
    pub fn new(write: W, level: i32) -> io::Result<Self> {
        let mut encoder = zstd::Encoder::new(write, level)?;
        encoder.include_checksum(true)?;
        Ok(Self { encoder, line: Vec::new() })
    }

    /// Adds one event. A [`Kind::Binary`] payload is the frame's bytes as they came; base64 is done here.
    ///
    /// # Errors
    /// `InvalidInput` if a text payload holds a newline or is not UTF-8, and nothing is written; else what the
    /// underlying writer says.
    pub fn record(&mut self, recv: Nanos, kind: Kind, payload: &[u8]) -> io::Result<()> {
        self.line.clear();
        write!(self.line, "{} {} ", recv.0, char::from(kind.letter()))?;
        if kind == Kind::Binary {
            let start = self.line.len();
            self.line.resize(start + payload.len().div_ceil(3) * 4, 0);
            let room = self.line.get_mut(start..).unwrap_or_default();
            STANDARD.encode_slice(payload, room).map_err(io::Error::other)?;
        } else if memchr::memchr(b'\n', payload).is_some() || std::str::from_utf8(payload).is_err() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a payload is one line of UTF-8"));
        } else {
            self.line.extend_from_slice(payload);
        }
        self.line.push(b'\n');
        self.encoder.write_all(&self.line)
    }

    /// Ends the zstd frame and gives the underlying writer back. A recording without this call counts as cut.
    ///
    /// # Errors
    /// What the underlying writer says.
    pub fn finish(self) -> io::Result<W> {
        self.encoder.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_is_not_one_line_of_text_is_refused_and_leaves_no_trace() {
        // Two refused records between two good ones; the file holds exactly the good ones.
        let mut writer = Writer::new(Vec::new(), 1).unwrap();
        writer.record(Nanos(1), Kind::Note, b"first").unwrap();
        for bad in [b"a\nb".as_slice(), b"\xff"] {
            assert_eq!(
                writer.record(Nanos(2), Kind::Text, bad).unwrap_err().kind(),
                io::ErrorKind::InvalidInput
            );
        }
        writer.record(Nanos(3), Kind::Binary, b"a\nb\xff").unwrap();
        let text = zstd::decode_all(writer.finish().unwrap().as_slice()).unwrap();
        assert_eq!(text, b"1 N first\n3 B YQpi/w==\n");
    }
}
