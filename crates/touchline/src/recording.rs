//! A recording as a source.

use std::io::Read;

use touchline_capture::{CaptureError, Kind, Reader};

use crate::source::{Event, Input, Source};

/// Reads a recording; binary frames are decoded into a reused buffer.
pub(crate) struct Recording<R> {
    reader: Reader<R>,
    frame: Vec<u8>,
}

impl<R: Read> Recording<R> {
    pub(crate) fn new(reader: Reader<R>) -> Self {
        Self { reader, frame: Vec::new() }
    }
}

impl<R: Read> Source for Recording<R> {
    fn next(&mut self) -> Result<Option<Input<'_>>, CaptureError> {
        let Some(record) = self.reader.next()? else { return Ok(None) };
        let event = match record.kind {
            Kind::Text => Event::Frame(record.payload),
            Kind::Binary => match record.binary(&mut self.frame) {
                Ok(()) => Event::Frame(&self.frame),
                Err(_) => Event::BrokenFrame,
            },
            Kind::Rest => record.rest().map_or(Event::Nothing, |(url, body)| Event::Rest { url, body }),
            Kind::Connected => match std::str::from_utf8(record.payload) {
                Ok(url) => Event::Connected { url },
                Err(_) => Event::Nothing,
            },
            Kind::Sent | Kind::Headers | Kind::Note => Event::Nothing,
        };
        Ok(Some(Input { recv: record.recv, line: record.line, event }))
    }

    fn progress(&self) -> (u64, Option<u64>) {
        let progress = self.reader.progress();
        (progress.done_bytes, progress.total_bytes)
    }
}
