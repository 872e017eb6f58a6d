//! The reader's stage: inputs in, updates into a sink, every input counted.

use touchline_market::{Channel, Head, InstrumentId, Reason, Sink, UpdateError};
use touchline_venue::{Adopt, Dialect, Listing, ParseError, Parsed, Rejected, Rest, VenueFacts};

use crate::counters::IntakeCounters;
use crate::source::Event;

/// Parses one connection's inputs.
#[derive(Debug)]
pub struct Intake {
    dialect: Dialect,
    listing: Listing,
    counters: IntakeCounters,
    connected: bool,
    /// The ring was full: the books must hear of it before anything else.
    overrun: bool,
}

impl Intake {
    /// An intake for these instruments, numbered from 0 in their order.
    #[must_use]
    pub fn new<'a>(
        venue: &VenueFacts,
        instruments: impl IntoIterator<Item = &'a touchline_market::Instrument>,
    ) -> Self {
        let mut listing = venue.listing(InstrumentId(0), Adopt::Never);
        for instrument in instruments {
            listing.insert(instrument.clone());
        }
        Self {
            dialect: venue.dialect(),
            listing,
            counters: IntakeCounters::default(),
            connected: false,
            overrun: false,
        }
    }

    /// Takes one event: its updates go into `sink`.
    #[inline]
    pub fn take(&mut self, event: Event<'_>, sink: &mut impl Sink) {
        if self.overrun {
            self.break_all(None, Reason::Overrun, sink);
        }
        match event {
            Event::Frame(frame) => {
                let outcome = self.dialect.frame(frame, &mut self.listing, sink);
                self.judge(&outcome, sink);
            }
            Event::Rest { url, body } => self.rest(url, body, sink),
            Event::BrokenFrame => self.judge(&Err(ParseError::Shape.into()), sink),
            Event::Connected { url } => self.connect(url, sink),
            Event::Nothing => {}
        }
    }

    /// A frame could not be taken because there was no room for its updates.
    #[cold]
    pub fn drop_frame(&mut self) {
        self.counters.received += 1;
        self.counters.dropped += 1;
        self.overrun = true;
    }

    /// What became of every input so far.
    #[must_use]
    pub fn counters(&self) -> &IntakeCounters {
        &self.counters
    }

    /// Must the books still hear of a full ring?
    pub(crate) fn is_overrun(&self) -> bool {
        self.overrun
    }

    /// How many records the breaks that are due need.
    pub(crate) fn records_due(&self) -> usize {
        if self.overrun { self.listing.instruments().len() } else { 0 }
    }

    #[inline]
    fn judge(&mut self, outcome: &Result<Parsed, Rejected>, sink: &mut impl Sink) {
        self.counters.count(outcome);
        if let Err(rejected) = outcome {
            self.reject(rejected, sink);
        }
    }

    #[cold]
    fn reject(&mut self, rejected: &Rejected, sink: &mut impl Sink) {
        let reason = match rejected.error {
            ParseError::Update(UpdateError::SinkFull) => Reason::Overrun,
            _ => Reason::BadMessage,
        };
        match rejected.instrument {
            Some(instrument) => self.send_break(instrument, rejected.channel, reason, sink),
            None => self.break_all(rejected.channel, reason, sink),
        }
    }

    #[cold]
    fn rest(&mut self, url: &str, body: &[u8], sink: &mut impl Sink) {
        if let Rest::Snapshot { symbol } = self.dialect.rest_kind(url) {
            let outcome = self.dialect.snapshot(symbol, body, &mut self.listing, sink);
            // A snapshot that cannot be used is asked for again; the book is as it was.
            self.counters.count(&outcome);
        }
    }

    #[cold]
    fn connect(&mut self, url: &str, sink: &mut impl Sink) {
        self.dialect.connected(url);
        if std::mem::replace(&mut self.connected, true) {
            self.break_all(None, Reason::Disconnected, sink);
        }
    }

    #[cold]
    fn break_all(&mut self, channel: Option<Channel>, reason: Reason, sink: &mut impl Sink) {
        self.overrun = false;
        let instruments = self.listing.instruments().len();
        for index in 0..instruments {
            self.send_break(InstrumentId(index as u32), channel, reason, sink);
        }
    }

    fn send_break(
        &mut self,
        instrument: InstrumentId,
        channel: Option<Channel>,
        reason: Reason,
        sink: &mut impl Sink,
    ) {
        match sink.commit(Head::broken(instrument, channel, reason)) {
            Ok(()) => self.counters.breaks += 1,
            // No room even for that: every book will hear of it as soon as there is.
            Err(_) => self.overrun = true,
        }
    }
}
