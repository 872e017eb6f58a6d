//! The connections of one source: each with its own parser, and every book with one stream at a time.
//!
//! A book takes the stream of one connection, its owner: the first that brings it, and from then on whichever brings a
//! whole book in its stream. What others bring of it is held back, because two streams shuffled into one are no stream.
//! Where messages are numbered by the instrument, whoever brings it, the numbers tell what goes on: then the next message
//! is taken from any connection, and when the owner ends, another one that brings the same book takes over without a
//! break. Elsewhere a book whose owner ends is stale until its next snapshot.

use touchline_market::{Channel, Continuity, Flags, Head, Instrument, Record, Sink, SinkFull, UpdateKind};
use touchline_venue::{Blind, Parsed, Rejected, VenueFacts};

use super::{Borrowed, Intake, Plan};
use crate::counters::IntakeCounters;
use crate::source::Event;

/// The channels of an instrument.
const CHANNELS: [Channel; 8] = Channel::ALL;

/// The connections of a source.
#[derive(Debug)]
pub(crate) struct Connections {
    /// Takes what comes by the only connection, or by none.
    alone: Intake,
    venue: &'static VenueFacts,
    instruments: Vec<Instrument>,
    open: Vec<(u32, Intake)>,
    /// What those that are over have counted.
    over: IntakeCounters,
    streams: Vec<Streams>,
}

/// Who brings an instrument's channels; 0 is nobody.
#[derive(Clone, Debug, Default)]
struct Streams {
    owners: [u32; CHANNELS.len()],
    /// The furthest that its book was brought.
    furthest: u64,
    /// Who else brings its book.
    other: u32,
}

impl Connections {
    /// Connections that feed the books of a plan.
    pub(crate) fn new(plan: &Plan) -> Self {
        let instruments: Vec<_> = plan.instruments.iter().map(|(instrument, _)| instrument.clone()).collect();
        Self {
            alone: Intake::new(plan.venue, &instruments),
            venue: plan.venue,
            streams: vec![Streams::default(); instruments.len()],
            instruments,
            open: Vec::new(),
            over: IntakeCounters::default(),
        }
    }

    /// Takes one event of a connection: its updates go into `sink`.
    #[inline]
    pub(crate) fn take(
        &mut self,
        connection: u32,
        event: Event<'_>,
        sink: &mut impl Sink,
    ) -> Option<Result<Parsed, Rejected>> {
        if connection != 0 {
            return self.take_apart(connection, event, sink);
        }
        if let Event::Lost = event {
            self.lost();
        }
        self.alone.take(event, sink)
    }

    /// The intake of what comes by the only connection: a full ring is told there.
    #[inline]
    pub(crate) fn alone(&mut self) -> &mut Intake {
        &mut self.alone
    }

    /// What became of every input.
    pub(crate) fn counters(&self) -> IntakeCounters {
        let mut all = self.alone.counters().clone();
        all.merge(&self.over);
        self.open.iter().for_each(|(_, intake)| all.merge(intake.counters()));
        all
    }

    /// Takes one event of a connection that is kept apart from others.
    fn take_apart(
        &mut self,
        number: u32,
        event: Event<'_>,
        sink: &mut impl Sink,
    ) -> Option<Result<Parsed, Rejected>> {
        if self.alone.is_overrun() {
            self.alone.take(Event::Nothing, sink);
        }
        let ends = matches!(event, Event::Closed);
        if ends {
            self.hand_over(number);
        }
        let place = self.place(number);
        let (_, intake) = self.open.get_mut(place)?;
        let continuity = self.venue.continuity;
        let mut sink = Merging {
            sink: Borrowed(sink),
            streams: &mut self.streams,
            number,
            continuity,
            withheld: 0,
            extra: 0,
        };
        let outcome = intake.take(event, &mut sink);
        let (withheld, extra) = (sink.withheld, sink.extra);
        intake.settle(withheld, extra);
        if ends {
            self.end(place);
        }
        outcome
    }

    /// Something is missing. Where that need not show, which every book hears, nobody owns a book any more.
    #[cold]
    fn lost(&mut self) {
        if self.venue.blind() != Blind::Nothing {
            self.streams.fill(Streams::default());
        }
    }

    #[inline]
    fn place(&mut self, number: u32) -> usize {
        match self.open.iter().position(|(open, _)| *open == number) {
            Some(place) => place,
            None => {
                self.open.push((number, Intake::new(self.venue, &self.instruments)));
                self.open.len() - 1
            }
        }
    }

    /// A connection ends: who else brings its books goes on with them, and judges by their numbers what that is worth.
    #[cold]
    fn hand_over(&mut self, number: u32) {
        let book = Channel::Book as usize;
        for streams in &mut self.streams {
            streams.other = if streams.other == number { 0 } else { streams.other };
            let heir = streams.other;
            if let Some(owner) = streams.owners.get_mut(book).filter(|owner| **owner == number && heir != 0) {
                (*owner, streams.other) = (heir, 0);
            }
        }
    }

    #[cold]
    fn end(&mut self, place: usize) {
        let (number, intake) = self.open.swap_remove(place);
        self.over.merge(intake.counters());
        for owner in self.streams.iter_mut().flat_map(|streams| &mut streams.owners) {
            *owner = if *owner == number { 0 } else { *owner };
        }
    }
}

/// Is a message of a book the next one behind `furthest`, whichever connection brings it? None where its numbers do not say.
fn is_next(continuity: Continuity, furthest: u64, head: &Head) -> Option<bool> {
    let (previous, sequence) = (head.previous.0, head.sequence.0);
    match continuity {
        Continuity::Range => Some(previous <= furthest && sequence > furthest),
        Continuity::Predecessor => Some(previous == furthest && sequence > furthest),
        Continuity::Counter => Some(sequence == furthest + 1),
        Continuity::Connection | Continuity::Unchecked => None,
    }
}

/// Lets through what the connection owns.
struct Merging<'a, S> {
    sink: S,
    streams: &'a mut [Streams],
    number: u32,
    continuity: Continuity,
    withheld: u64,
    /// Breaks beyond those that the intake counts: one for all channels became one for each.
    extra: u64,
}

impl<S: Sink> Sink for Merging<'_, S> {
    #[inline]
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.sink.push(record)
    }

    #[inline]
    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        if head.kind == UpdateKind::Break {
            return self.commit_break(head);
        }
        if head.flags.has(Flags::BESIDE_STREAM) || self.is_let_through(&head) {
            return self.sink.commit(head);
        }
        self.sink.abandon();
        self.withheld += 1;
        Ok(())
    }

    #[inline]
    fn abandon(&mut self) {
        self.sink.abandon();
    }
}

impl<S: Sink> Merging<'_, S> {
    #[inline]
    fn is_let_through(&mut self, head: &Head) -> bool {
        let channel = head.kind.channel();
        let Some(streams) = self.streams.get_mut(head.instrument.0 as usize) else { return true };
        let Some(owner) = streams.owners.get_mut(channel as usize) else { return true };
        let is_book = channel == Channel::Book;
        if *owner == 0 || (is_book && head.kind == UpdateKind::Snapshot) {
            *owner = self.number;
        }
        let mut passes = *owner == self.number;
        if !passes
            && is_book
            && let Some(next) = is_next(self.continuity, streams.furthest, head)
        {
            streams.other = self.number;
            passes = next;
        }
        if passes && is_book {
            streams.furthest = streams.furthest.max(head.sequence.0);
        }
        passes
    }

    /// A break reaches the channels that the connection owns.
    #[cold]
    fn commit_break(&mut self, head: Head) -> Result<(), SinkFull> {
        let Some(reason) = head.reason() else { return Ok(()) };
        let none = Streams::default();
        let owners = self.streams.get(head.instrument.0 as usize).unwrap_or(&none).owners;
        let broken = CHANNELS.into_iter().zip(owners).filter(|(channel, _)| head.breaks(*channel));
        let (ours, others): (Vec<_>, Vec<_>) =
            broken.filter(|(_, owner)| *owner != 0).partition(|(_, owner)| *owner == self.number);
        if others.is_empty() && !ours.is_empty() {
            return self.sink.commit(head);
        }
        for (channel, _) in &ours {
            self.sink.commit(Head::broken(head.instrument, Some(*channel), reason))?;
        }
        // The intake counts the one it sent.
        match ours.len() as u64 {
            0 => self.withheld += 1,
            sent => self.extra += sent - 1,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use touchline_book::Start;
    use touchline_market::Sequence;

    use super::*;

    /// What reached the books: kind, sequence, and of a break whether it is the book's.
    #[derive(Default)]
    struct Heads(Vec<(UpdateKind, Sequence, bool)>);

    impl Sink for Heads {
        fn push(&mut self, _: Record) -> Result<(), SinkFull> {
            Ok(())
        }

        fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
            self.0.push((head.kind, head.sequence, head.breaks(Channel::Book)));
            Ok(())
        }

        fn abandon(&mut self) {}
    }

    fn connections(venue: &str, symbol: &str) -> Connections {
        let venue = touchline_venue::find(venue).unwrap();
        let mut plan = Plan::new(venue);
        plan.instruments = vec![((venue.provisional)(symbol), Start::Snapshot)];
        Connections::new(&plan)
    }

    fn delta(previous: u64, last: u64) -> String {
        format!(
            r#"{{"stream":"btcusdt@depth@0ms","data":{{"e":"depthUpdate","E":5,"T":4,"s":"BTCUSDT","U":{},"u":{last},"pu":{previous},"b":[["100.5","2"]],"a":[]}}}}"#,
            previous + 1
        )
    }

    fn trade(id: u64) -> String {
        format!(
            r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":5,"T":4,"s":"BTCUSDT","t":{id},"p":"1","q":"2","X":"MARKET","m":true}}}}"#
        )
    }

    /// Two connections bring one numbered book: what the second brings later is held back, what it brings first passes, and
    /// when the first ends the second goes on without a break of the book. Trades have an owner as well, and break.
    #[test]
    fn numbered_books_go_on_when_their_connection_ends() {
        let (mut connections, mut sink) = (connections("binance-usdm", "BTCUSDT"), Heads::default());
        for (connection, frame) in [
            (1, delta(9, 10)),
            (2, delta(9, 10)),
            (2, delta(11, 12)),
            (2, delta(10, 11)),
            (1, delta(10, 11)),
            (1, trade(1)),
            (2, trade(1)),
        ] {
            connections.take(connection, Event::Frame(frame.as_bytes()), &mut sink);
        }
        let passed: Vec<_> = sink.0.drain(..).map(|(kind, sequence, _)| (kind, sequence.0)).collect();
        let book = |sequence| (UpdateKind::Delta, sequence);
        assert_eq!(passed[..3], [book(10), book(11), book(11)]);
        assert_eq!(passed[3..].iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [UpdateKind::Trade]);
        connections.take(1, Event::Closed, &mut sink);
        assert_eq!(
            sink.0.drain(..).map(|(kind, _, book)| (kind, book)).collect::<Vec<_>>(),
            [(UpdateKind::Break, false)]
        );
        connections.take(2, Event::Frame(delta(12, 13).as_bytes()), &mut sink);
        assert_eq!(sink.0.len(), 1);
        connections.take(2, Event::Closed, &mut sink);
        let counters = connections.counters();
        assert_eq!((counters.received, counters.updates, counters.withheld), (8, 8, 3));
        assert!(counters.balances());
        assert!(sink.0.iter().any(|(kind, _, book)| *kind == UpdateKind::Break && *book));
    }

    /// Where the venue gives no numbers, a book hears of its owner's end, and is another connection's when that brings a
    /// whole book; what is missing is told to every book, and nobody owns one any more.
    #[test]
    fn unnumbered_books_change_hands_with_a_whole_book() {
        let (mut connections, mut sink) = (connections("kraken", "BTC/USD"), Heads::default());
        let message = |kind: &str| {
            format!(
                r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{{"price":1.5,"qty":2.5}}],"asks":[{{"price":3.5,"qty":4.5}}],"checksum":1,"timestamp":"2023-10-06T17:35:55.440295Z"}}]}}"#
            )
        };
        for (connection, kind) in
            [(1, "snapshot"), (1, "update"), (2, "update"), (2, "snapshot"), (1, "update"), (2, "update")]
        {
            connections.take(connection, Event::Frame(message(kind).as_bytes()), &mut sink);
        }
        let kinds: Vec<_> = sink.0.drain(..).map(|(kind, ..)| kind).collect();
        assert_eq!(kinds, [UpdateKind::Snapshot, UpdateKind::Delta, UpdateKind::Snapshot, UpdateKind::Delta]);
        connections.take(1, Event::Closed, &mut sink);
        assert!(sink.0.is_empty());
        connections.take(0, Event::Lost, &mut sink);
        assert_eq!(sink.0.drain(..).map(|(kind, ..)| kind).collect::<Vec<_>>(), [UpdateKind::Break]);
        connections.take(2, Event::Closed, &mut sink);
        assert!(sink.0.is_empty());
        assert_eq!(connections.counters().withheld, 4);
    }
}
