//! Where lines go, each whole and without the secrets that are known.

use std::fmt;
use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use super::Scrub;

/// Makes a writer of each line.
pub(super) struct Lines<W> {
    out: fn() -> W,
    scrub: Option<Scrub>,
}

impl<W> Lines<W> {
    pub(super) fn new(out: fn() -> W, scrub: Option<Scrub>) -> Self {
        Self { out, scrub }
    }
}

impl<W> fmt::Debug for Lines<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

impl<'a, W: Write + 'static> MakeWriter<'a> for Lines<W> {
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { lines: self, text: Vec::new() }
    }
}

/// One line, which goes out when it is whole: a secret must not be cut in two by the writes that bring it.
pub(super) struct Line<'a, W: Write> {
    lines: &'a Lines<W>,
    text: Vec<u8>,
}

impl<W: Write> Write for Line<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Drop for Line<'_, W> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        let line = self.lines.scrub.as_ref().map_or_else(|| text.clone(), |scrub| scrub(&text));
        // A log that cannot be written has nowhere to say so.
        let _ = (self.lines.out)().write_all(line.as_bytes());
    }
}
