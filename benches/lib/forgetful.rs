//! A sink that keeps nothing.

use std::hint::black_box;

use touchline_market::{Head, Record, Sink, SinkFull};

/// Takes a message into a buffer, as the pipeline's own sink does, and then forgets it.
pub struct Forgetful(pub Vec<Record>);

impl Sink for Forgetful {
    #[inline]
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.0.push(record);
        Ok(())
    }
    #[inline]
    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        black_box((&self.0, head));
        self.0.clear();
        Ok(())
    }
    fn abandon(&mut self) {
        self.0.clear();
    }
}
