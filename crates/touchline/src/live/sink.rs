//! What happens to each update between the parser and the lane of a live connection.

use touchline_feed::{Connection, Handover, Moment, Resyncs, StreamId};
use touchline_market::{Channel, Flags, Head, InstrumentId, Reason, Record, Sink, SinkFull, UpdateKind};

/// Channels of an instrument.
pub(crate) const CHANNELS: [Channel; 8] = Channel::ALL;

/// One instrument on one connection.
#[derive(Debug)]
pub(crate) struct Local {
    /// Its book's place on the book thread: the number its updates travel under.
    pub(crate) desk: InstrumentId,
    /// Its number in the whole feed.
    pub(crate) id: u32,
    /// What its book is called where it needs a snapshot ([`Path::key`](super::path::Path::key)).
    pub(crate) key: u32,
    /// The streams it has on this connection, by channel.
    pub(crate) streams: [Option<StreamId>; CHANNELS.len()],
    /// Its book's streams are all on this connection: a break without a channel is this instrument's alone to tell.
    pub(crate) whole: bool,
    /// How far its book was brought from here, by delta or snapshot; 0 before the first. What was held back does not count.
    pub(crate) sequence: u64,
    /// The furthest that its stream got since it began. What comes behind that brings the book no further: a repetition, or
    /// a venue that counts anew.
    pub(crate) furthest: u64,
    /// A delta came since the stream was acknowledged.
    pub(crate) heard: bool,
    /// Sequence and contents of the last snapshot, where the venue's snapshots bear a time of their own.
    pub(crate) shown: Option<(u64, u64)>,
    /// A snapshot of its book came in the stream since the stream was last asked for.
    pub(crate) begun: bool,
    /// Its book's stream is subscribed to anew: until the old subscription is over, nothing that comes is of use.
    pub(crate) renewed: bool,
    /// The venue refused it for good: only a person can revive its book.
    pub(crate) refused: bool,
    /// Why nothing will mend its book, which was told so.
    pub(crate) ended: Option<Reason>,
}

/// What a book hears of a break.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum BookHears {
    It,
    Nothing,
    /// What it was told before, again.
    ItsEnd(Reason),
}

impl Local {
    /// The channels it has here.
    pub(crate) fn channels(&self) -> impl Iterator<Item = Channel> {
        CHANNELS.into_iter().filter(|channel| self.stream(*channel).is_some())
    }

    /// A book that was refused for good hears of nothing that would revive it. Where messages to it were lost, it may not
    /// have heard of its end, or a full ring may have revived it.
    fn book_hears(&self, head: &Head, reason: Reason) -> BookHears {
        match self.ended {
            _ if head.flags.has(Flags::FINAL) || !head.breaks(Channel::Book) => BookHears::It,
            Some(end) if reason == Reason::Overrun => BookHears::ItsEnd(end),
            _ if self.refused => BookHears::Nothing,
            _ => BookHears::It,
        }
    }

    /// Does its book get further with this message of its stream?
    #[inline]
    fn goes_on(&mut self, head: &Head) -> bool {
        let goes_on = head.kind != UpdateKind::Delta || head.sequence.0 >= self.furthest;
        self.furthest = self.furthest.max(head.sequence.0);
        goes_on
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
    /// The venue's books begin with a snapshot in the stream.
    pub(crate) begins: bool,
    /// The venue's numbers are a connection's own: those of two cannot be compared.
    pub(crate) own_numbers: bool,
}

/// Gives updates their book's number, tells the connection which streams are alive, and holds back what the other
/// connection of a hand-over brings.
pub(crate) struct LiveSink<'a, S> {
    pub(crate) sink: &'a mut S,
    pub(crate) locals: &'a mut [Local],
    pub(crate) connection: &'a mut Connection,
    pub(crate) resyncs: &'a mut Resyncs,
    pub(crate) overlapping: Option<Overlapping<'a>>,
    pub(crate) now: Moment,
    /// Which of the connections that bring the same books this is.
    pub(crate) path: u8,
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
        head.flags = head.flags.on_path(self.path);
        if head.kind == UpdateKind::Break {
            return self.commit_break(head);
        }
        let channel = head.kind.channel();
        let beside = head.flags.has(Flags::BESIDE_STREAM);
        if head.kind == UpdateKind::Snapshot {
            head.flags = head.flags.with(self.snapshot_flags);
        }
        if channel == Channel::Book && !beside {
            local.renewed &= local.stream(channel).is_some_and(|stream| self.connection.is_left(stream));
            if local.renewed {
                self.sink.abandon();
                self.withheld += 1;
                return Ok(());
            }
            local.heard = true;
            local.begun |= head.kind == UpdateKind::Snapshot;
        }
        if !beside && let Some(stream) = local.stream(channel) {
            // What brings the book no further is no sign of life of its stream.
            if channel != Channel::Book || local.goes_on(&head) {
                self.connection.data(stream, self.now);
            }
            if let Some(overlapping) = &mut self.overlapping
                && !overlapping.forwards(stream, &head)
            {
                self.sink.abandon();
                self.withheld += 1;
                return Ok(());
            }
        }
        if channel == Channel::Book {
            // The stream's last word counts, also where the venue has begun to count anew and the first message of the new
            // count was lost; a snapshot beside the stream may be older than it.
            let streamed = head.kind == UpdateKind::Delta && !beside;
            let behind = local.sequence < local.furthest;
            local.sequence = if streamed { head.sequence.0 } else { local.sequence.max(head.sequence.0) };
            if head.kind == UpdateKind::Snapshot && (behind || !beside) {
                // The book begins where the stream is now.
                local.furthest = local.sequence;
            }
        }
        self.sink.commit(head)?;
        if head.kind == UpdateKind::Snapshot && !beside {
            self.resyncs.came(local.key, self.now);
        }
        Ok(())
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
        let Some(reason) = head.reason() else { return Ok(()) };
        let all = CHANNELS.into_iter().all(|channel| head.breaks(channel));
        let book = local.book_hears(&head, reason);
        if book == BookHears::It && (local.whole || !all) {
            return self.sink.commit(head);
        }
        let channels: [Option<Channel>; CHANNELS.len()] =
            CHANNELS.map(|channel| local.stream(channel).map(|_| channel));
        let mut sent = 0;
        for channel in channels.into_iter().flatten().filter(|channel| head.breaks(*channel)) {
            let mut one = Head::broken(desk, Some(channel), reason);
            (one.flags, one.ts_recv, one.mark) = (head.flags, head.ts_recv, head.mark);
            match book {
                BookHears::Nothing if channel == Channel::Book => continue,
                BookHears::ItsEnd(end) if channel == Channel::Book => {
                    let ended = Head::ended(desk, Some(channel), end);
                    one = Head {
                        flags: ended.flags.on_path(self.path),
                        ts_recv: one.ts_recv,
                        mark: one.mark,
                        ..ended
                    };
                }
                _ => {}
            }
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
        let is_book = head.kind.channel() == Channel::Book;
        let sequence = if is_book && self.own_numbers { 0 } else { head.sequence.0 };
        let covers_from = match head.kind {
            UpdateKind::Delta if head.previous.0 > 0 => head.previous.0,
            _ => sequence,
        };
        let place = place as usize;
        match self.side {
            Side::Old => self.handover.old(place, sequence),
            Side::New if head.kind == UpdateKind::Snapshot => self.handover.new_snapshot(place, sequence),
            // Before its snapshot a stream has not begun.
            Side::New if is_book && self.begins && !self.handover.is_new(place) => false,
            Side::New => self.handover.new_one(place, covers_from, sequence),
        }
    }
}
