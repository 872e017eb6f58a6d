//! What happens to each update between the parser and the lane of a live connection.

use touchline_feed::{Connection, Handover, Moment, StreamId};
use touchline_market::{Channel, Flags, Head, InstrumentId, Record, Sink, SinkFull, UpdateKind};

/// Channels of an instrument.
pub(crate) const CHANNELS: [Channel; 8] = Channel::ALL;

/// One instrument on one connection.
#[derive(Debug)]
pub(crate) struct Local {
    /// Its book's place on the book thread: the number its updates travel under.
    pub(crate) desk: InstrumentId,
    /// Its number in the whole feed.
    pub(crate) id: u32,
    /// The streams it has on this connection, by channel.
    pub(crate) streams: [Option<StreamId>; CHANNELS.len()],
    /// Its book's streams are all on this connection: a break without a channel is this instrument's alone to tell.
    pub(crate) whole: bool,
    /// The newest sequence of its book that came, by delta or snapshot; 0 before the first.
    pub(crate) sequence: u64,
    /// A delta came since the stream was acknowledged.
    pub(crate) heard: bool,
    /// The venue refused it for good: only a person can revive its book.
    pub(crate) refused: bool,
    /// Its book was told that nothing would mend it.
    pub(crate) ended: bool,
}

impl Local {
    /// The channels it has here.
    pub(crate) fn channels(&self) -> impl Iterator<Item = Channel> {
        CHANNELS.into_iter().filter(|channel| self.stream(*channel).is_some())
    }

    /// Its stream of a channel.
    #[inline]
    pub(crate) fn stream(&self, channel: Channel) -> Option<StreamId> {
        self.streams.get(channel as usize).copied().flatten()
    }
}

/// Which side of a hand-over a connection is on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    /// It will be closed when the other has taken over.
    Old,
    /// It takes over.
    New,
}

/// The hand-over a connection takes part in, and the place of each of its streams there.
pub(crate) struct Overlapping<'a> {
    pub(crate) handover: &'a mut Handover,
    pub(crate) side: Side,
    pub(crate) places: &'a [Option<u32>],
}

/// Gives updates their book's number, tells the connection which streams are alive, and holds back what the other
/// connection of a hand-over brings.
pub(crate) struct LiveSink<'a, S> {
    pub(crate) sink: &'a mut S,
    pub(crate) locals: &'a mut [Local],
    pub(crate) connection: &'a mut Connection,
    pub(crate) overlapping: Option<Overlapping<'a>>,
    pub(crate) now: Moment,
    /// Added to the flags of a snapshot.
    pub(crate) snapshot_flags: Flags,
    pub(crate) withheld: u64,
    /// Breaks beyond those that the intake counts: one for all channels became one for each.
    pub(crate) extra: u64,
}

impl<S: Sink> Sink for LiveSink<'_, S> {
    #[inline]
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.sink.push(record)
    }

    #[inline]
    fn commit(&mut self, mut head: Head) -> Result<(), SinkFull> {
        let Some(local) = self.locals.get_mut(head.instrument.0 as usize) else {
            self.sink.abandon();
            self.withheld += 1;
            return Ok(());
        };
        head.instrument = local.desk;
        if head.kind == UpdateKind::Break {
            return self.commit_break(head);
        }
        let channel = head.kind.channel();
        let beside = head.flags.has(Flags::BESIDE_STREAM);
        if head.kind == UpdateKind::Snapshot {
            head.flags = head.flags.with(self.snapshot_flags);
        }
        if channel == Channel::Book {
            // What follows nothing is the first of a new count.
            let anew = head.kind == UpdateKind::Delta && head.previous.0 == 0;
            local.sequence = if anew { head.sequence.0 } else { local.sequence.max(head.sequence.0) };
            local.heard |= !beside;
        }
        if !beside && let Some(stream) = local.stream(channel) {
            self.connection.data(stream, self.now);
            if let Some(overlapping) = &mut self.overlapping
                && !overlapping.forwards(stream, &head)
            {
                self.sink.abandon();
                self.withheld += 1;
                return Ok(());
            }
        }
        self.sink.commit(head)
    }

    #[inline]
    fn abandon(&mut self) {
        self.sink.abandon();
    }
}

impl<S: Sink> LiveSink<'_, S> {
    /// A break of every channel becomes one of each that this connection carries, where another one carries the rest.
    #[cold]
    fn commit_break(&mut self, head: Head) -> Result<(), SinkFull> {
        let desk = head.instrument;
        let Some(local) = self.locals.iter().find(|local| local.desk == desk) else { return Ok(()) };
        if local.refused && !head.flags.has(Flags::FINAL) {
            self.withheld += 1;
            return Ok(());
        }
        if local.whole || !CHANNELS.into_iter().all(|channel| head.breaks(channel)) {
            return self.sink.commit(head);
        }
        let Some(reason) = head.reason() else { return Ok(()) };
        let channels: [Option<Channel>; CHANNELS.len()] =
            CHANNELS.map(|channel| local.stream(channel).map(|_| channel));
        let mut sent = 0;
        for channel in channels.into_iter().flatten() {
            let mut one = Head::broken(desk, Some(channel), reason);
            (one.flags, one.ts_recv, one.mark) = (head.flags, head.ts_recv, head.mark);
            self.sink.commit(one)?;
            sent += 1;
        }
        // The intake counts the one it sent.
        match sent {
            0 => self.withheld += 1,
            _ => self.extra += sent - 1,
        }
        Ok(())
    }
}

impl Overlapping<'_> {
    /// Does this message go on to the books, or does the other connection bring it?
    #[cold]
    fn forwards(&mut self, stream: StreamId, head: &Head) -> bool {
        let Some(place) = self.places.get(stream.0 as usize).copied().flatten() else { return true };
        let covers_from = match head.kind {
            UpdateKind::Delta => head.previous.0,
            _ => head.sequence.0,
        };
        match self.side {
            Side::Old => self.handover.old(place as usize, head.sequence.0),
            Side::New => self.handover.new_one(place as usize, covers_from, head.sequence.0),
        }
    }
}
