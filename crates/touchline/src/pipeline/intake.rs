//! The reader's stage: inputs in, updates into a sink, every input counted.

use touchline_market::{
    Bug, Channel, Head, InstrumentId, Reason, Record, Sink, SinkFull, UpdateError, planted,
};
use touchline_venue::{Adopt, Blind, Dialect, Listing, ParseError, Parsed, Rejected, Rest, VenueFacts};

use super::Borrowed;
use crate::counters::IntakeCounters;
use crate::source::Event;

/// Parses one connection's inputs.
#[derive(Debug)]
pub struct Intake {
    dialect: Dialect,
    listing: Listing,
    counters: IntakeCounters,
    connected: bool,
    /// Messages that are missing need not show.
    blind: bool,
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
            blind: venue.blind() != Blind::Nothing,
            overrun: false,
        }
    }

    /// Adds an instrument of which these channels are wanted; the place of one whose symbol is known is used again.
    pub(crate) fn insert(
        &mut self,
        instrument: &touchline_market::Instrument,
        channels: &[Channel],
    ) -> InstrumentId {
        let id = self.listing.insert(instrument.clone());
        self.listing.set_channels(id, channels);
        id
    }

    /// From now on exactly these channels of an instrument are wanted.
    pub(crate) fn set_channels(&mut self, id: InstrumentId, channels: &[Channel]) {
        self.listing.set_channels(id, channels);
    }

    /// Takes one event: its updates go into `sink`. Says what was made of a frame or a REST response.
    #[inline]
    pub fn take(&mut self, event: Event<'_>, sink: &mut impl Sink) -> Option<Result<Parsed, Rejected>> {
        if self.overrun {
            self.break_all(None, Reason::Overrun, false, sink);
        }
        let outcome = match event {
            Event::Frame(frame) => {
                let mut counting = Counting { sink: Borrowed(sink), updates: 0 };
                let mut outcome = self.dialect.frame(frame, &mut self.listing, &mut counting);
                let mut updates = counting.updates;
                if let Err(Rejected { error: ParseError::Lost { .. }, .. }) = outcome {
                    (outcome, updates) = self.after_loss(frame, sink);
                }
                if outcome.is_err() {
                    // What stood before the message that could not be read went on.
                    self.counters.updates += updates;
                }
                self.judge(&outcome, sink);
                outcome
            }
            Event::Rest { url, body } => return self.rest(url, body, sink),
            Event::BrokenFrame => {
                let outcome = Err(ParseError::Shape.into());
                self.judge(&outcome, sink);
                outcome
            }
            Event::Connected { url } => {
                self.connect(url, sink);
                return None;
            }
            Event::Closed => {
                self.close(sink);
                return None;
            }
            Event::Lost => {
                if self.blind {
                    self.break_all(None, Reason::Gap, false, sink);
                }
                return None;
            }
            Event::Unsubscribed { symbol } => {
                if let Some(found) = self.listing.find(symbol) {
                    self.send_break(found.id, Some(Channel::Book), Reason::Disconnected, sink);
                }
                return None;
            }
            Event::Nothing => return None,
        };
        Some(outcome)
    }

    /// A new connection was opened: what was known of the one before is forgotten. The books hear nothing of it.
    pub(crate) fn reopened(&mut self, url: &str) {
        self.dialect.connected(url);
    }

    /// A frame could not be taken because there was no room for its updates.
    #[cold]
    pub fn drop_frame(&mut self) {
        self.counters.received += 1;
        self.counters.dropped += u64::from(!planted(Bug::DropUncounted));
        self.overrun |= !planted(Bug::OverrunUntold);
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
        if let Err(rejected) = outcome
            && !planted(Bug::BadMessageForgotten)
        {
            self.reject(rejected, sink);
        }
    }

    /// The connection lost messages before this frame, of whichever instruments: every book hears so, then the frame is
    /// taken. Breaks that find no room make an overrun, which every book hears of as well.
    #[cold]
    #[inline(never)]
    fn after_loss(&mut self, frame: &[u8], sink: &mut impl Sink) -> (Result<Parsed, Rejected>, u64) {
        self.counters.lost += 1;
        self.break_all(None, Reason::Gap, false, sink);
        let mut counting = Counting { sink: Borrowed(sink), updates: 0 };
        let outcome = self.dialect.frame(frame, &mut self.listing, &mut counting);
        (outcome, counting.updates)
    }

    #[cold]
    fn reject(&mut self, rejected: &Rejected, sink: &mut impl Sink) {
        let reason = match rejected.error {
            ParseError::Update(UpdateError::SinkFull) => Reason::Overrun,
            ParseError::Lost { .. } => Reason::Gap,
            _ => Reason::BadMessage,
        };
        match rejected.instrument {
            Some(instrument) => self.send_break(instrument, rejected.channel, reason, sink),
            None => self.break_all(rejected.channel, reason, false, sink),
        }
    }

    #[cold]
    fn rest(&mut self, url: &str, body: &[u8], sink: &mut impl Sink) -> Option<Result<Parsed, Rejected>> {
        let Rest::Snapshot { symbol } = self.dialect.rest_kind(url) else { return None };
        let outcome = self.dialect.snapshot(symbol, body, &mut self.listing, sink);
        // A snapshot that cannot be used is asked for again; the book is as it was.
        self.counters.count(&outcome);
        Some(outcome)
    }

    #[cold]
    fn connect(&mut self, url: &str, sink: &mut impl Sink) {
        self.dialect.connected(url);
        if std::mem::replace(&mut self.connected, true) {
            self.break_all(None, Reason::Disconnected, false, sink);
        }
    }

    /// The connection is over: nothing that comes next goes on from it.
    #[cold]
    fn close(&mut self, sink: &mut impl Sink) {
        self.dialect.connected("");
        self.connected = false;
        self.break_all(None, Reason::Disconnected, false, sink);
    }

    /// Every book that is fed from here hears of a break; first that messages were lost, if it is still to hear that: not
    /// every break makes a live book stale.
    #[cold]
    pub(crate) fn break_all(
        &mut self,
        channel: Option<Channel>,
        reason: Reason,
        dead: bool,
        sink: &mut impl Sink,
    ) {
        if std::mem::take(&mut self.overrun) && reason != Reason::Overrun {
            self.break_all(None, Reason::Overrun, false, sink);
        }
        let instruments = self.listing.instruments().len();
        for index in 0..instruments {
            let id = InstrumentId(index as u32);
            let head =
                if dead { Head::ended(id, channel, reason) } else { Head::broken(id, channel, reason) };
            self.send(head, sink);
        }
    }

    /// A snapshot could not be taken for want of room. Nothing of the stream is missing: it is asked for again.
    #[cold]
    pub(crate) fn drop_snapshot(&mut self) {
        self.counters.received += 1;
        self.counters.dropped += 1;
    }

    /// The books could not be told of a break for want of room: they must hear of it as soon as there is.
    #[cold]
    pub(crate) fn drop_break(&mut self) {
        self.overrun = true;
    }

    /// Counts what the sink behind held back, and breaks that became several.
    #[inline]
    pub(crate) fn settle(&mut self, withheld: u64, extra: u64) {
        self.counters.withheld += withheld;
        self.counters.breaks += extra;
    }

    fn send_break(
        &mut self,
        instrument: InstrumentId,
        channel: Option<Channel>,
        reason: Reason,
        sink: &mut impl Sink,
    ) {
        self.send(Head::broken(instrument, channel, reason), sink);
    }

    /// Sends a head without a body: a break, or the proof that a quiet stream has nothing.
    pub(crate) fn send(&mut self, head: Head, sink: &mut impl Sink) {
        match sink.commit(head) {
            Ok(()) => self.counters.breaks += 1,
            // No room even for that: every book will hear of it as soon as there is.
            Err(_) => self.overrun = true,
        }
    }
}

/// Counts the updates that go into a sink.
struct Counting<S> {
    sink: S,
    updates: u64,
}

impl<S: Sink> Sink for Counting<S> {
    #[inline]
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.sink.push(record)
    }

    #[inline]
    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        self.sink.commit(head)?;
        self.updates += 1;
        Ok(())
    }

    #[inline]
    fn abandon(&mut self) {
        self.sink.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_market::{Record, SinkFull, UpdateKind};

    /// Heads that were committed, with room for so many.
    struct Heads(Vec<Head>, usize);

    impl Sink for Heads {
        fn push(&mut self, _: Record) -> Result<(), SinkFull> {
            Ok(())
        }

        fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
            if self.0.len() == self.1 {
                return Err(SinkFull);
            }
            self.0.push(head);
            Ok(())
        }

        fn abandon(&mut self) {}
    }

    fn intake() -> Intake {
        let venue = touchline_venue::find("coinbase-advanced").unwrap();
        let instruments = ["BTC-USD", "ETH-USD", "XRP-USD"].map(|symbol| (venue.provisional)(symbol));
        let mut intake = Intake::new(venue, &instruments);
        intake.reopened("wss://venue");
        intake
    }

    /// A frame with this number in the connection's count: an update of one book.
    fn frame(number: u64) -> String {
        format!(
            r#"{{"channel":"l2_data","timestamp":"2026-08-09T21:05:48.228568804Z","sequence_num":{number},
            "events":[{{"type":"update","product_id":"BTC-USD","updates":[{{"side":"bid",
            "event_time":"2026-08-09T21:05:48.170326Z","price_level":"65083.3","new_quantity":"1.5"}}]}}]}}"#
        )
    }

    /// A hole in a connection's count: every book hears of it once, of every channel, before the frame behind the hole is
    /// taken; that frame is counted once, and the next ones are as before.
    #[test]
    fn hole_in_the_count_breaks_every_book_and_takes_the_frame() {
        let (mut intake, mut sink) = (intake(), Heads(Vec::new(), usize::MAX));
        for number in [0, 1, 5, 6, 7, 9] {
            let outcome = intake.take(Event::Frame(frame(number).as_bytes()), &mut sink);
            assert_eq!(outcome, Some(Ok(Parsed::Updates(1))), "{number}");
        }
        let heads: Vec<_> = sink.0.iter().map(|head| (head.instrument.0, head.reason())).collect();
        let gap = [0, 1, 2].map(|book| (book, Some(Reason::Gap)));
        let delta = [(0, None)];
        assert_eq!(heads, [&delta[..], &delta, &gap, &delta, &delta, &delta, &gap, &delta].concat());
        assert!(sink.0.iter().filter(|head| head.reason().is_some()).all(|head| head.breaks(Channel::Trade)));
        let counters = intake.counters();
        assert_eq!((counters.received, counters.parsed, counters.lost, counters.breaks), (6, 6, 2, 6));
        assert!(counters.balances() && !intake.is_overrun());
    }

    /// Messages were lost for want of room, and before the books could hear of it the venue limits us: they hear of both.
    #[test]
    fn overrun_is_told_before_what_leaves_books_live() {
        let (mut intake, mut sink) = (intake(), Heads(Vec::new(), usize::MAX));
        intake.drop_break();
        intake.break_all(None, Reason::RateLimited, false, &mut sink);
        let reasons: Vec<_> = sink.0.iter().filter_map(Head::reason).collect();
        assert_eq!(reasons, [[Reason::Overrun; 3], [Reason::RateLimited; 3]].concat());
        assert!(!intake.is_overrun());
    }

    /// Breaks for which there is no room make an overrun: every book hears of it with the next frame that finds room.
    #[test]
    fn breaks_without_room_make_an_overrun() {
        let (mut intake, mut sink) = (intake(), Heads(Vec::new(), 3));
        intake.take(Event::Frame(frame(0).as_bytes()), &mut sink);
        let outcome = intake.take(Event::Frame(frame(4).as_bytes()), &mut sink);
        assert!(outcome.is_some_and(|outcome| outcome.is_err()) && intake.is_overrun());
        assert_eq!(sink.0.len(), 3);
        let mut sink = Heads(Vec::new(), usize::MAX);
        assert_eq!(intake.take(Event::Frame(frame(5).as_bytes()), &mut sink), Some(Ok(Parsed::Updates(1))));
        let heads: Vec<_> = sink.0.iter().map(|head| (head.kind, head.reason())).collect();
        let overrun = (UpdateKind::Break, Some(Reason::Overrun));
        assert_eq!(heads, [overrun, overrun, overrun, (UpdateKind::Delta, None)]);
        assert!(intake.counters().balances() && !intake.is_overrun());
    }
}
