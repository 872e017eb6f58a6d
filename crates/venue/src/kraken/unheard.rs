//! Whether all of a frame is sound, before any of it is handed on.

use touchline_market::{Head, Record, Sink, SinkFull};

/// Takes everything and keeps nothing.
pub(crate) struct Unheard;

impl Sink for Unheard {
    fn push(&mut self, _: Record) -> Result<(), SinkFull> {
        Ok(())
    }

    fn commit(&mut self, _: Head) -> Result<(), SinkFull> {
        Ok(())
    }

    fn abandon(&mut self) {}
}
