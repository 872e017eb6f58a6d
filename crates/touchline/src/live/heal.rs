//! Snapshots for books that need one, and probes for streams that are quiet.
//!
//! In a market so quiet that no delta joins a snapshot, the venue's word is all there is: a snapshot is proved by a probe
//! that says the same. Answers do not say whose they are, nor when they were made. A venue that answered twice with the
//! same other symbol's book (or with the same old one, where nothing numbers what follows) would be believed until its
//! stream speaks and contradicts it; nothing that it sends could tell.

use touchline_feed::{Moment, Refusal, StreamId};
use touchline_link::{Answer, Command, Fetch, Stamp};
use touchline_market::{Channel, Flags, Head, InstrumentId, Reason, Sequence, UpdateKind};
use touchline_venue::{Parsed, Snapshots};

use super::engine::Engine;
use super::member::Order;
use super::snapshots::Asked;

/// Levels a side that a probe asks for: only its sequence is looked at, unless the sequence is a time.
const PROBE_LEVELS: u32 = 5;

/// Which requests go first when a host's budget is short: books that wait, then quiet streams, then live books that
/// only want to know more.
const FIRST: u8 = 0;
const SECOND: u8 = 1;
const LAST: u8 = 2;

impl Engine {
    /// Asks for every snapshot that is due, and says of those that are late that they are.
    pub(super) fn run_resyncs(&mut self, now: Moment) {
        while let Some(key) = self.resyncs.next_due(now) {
            if !self.ask_snapshot(key, now) {
                self.resyncs.answered(key, false, now);
            }
        }
        while let Some(key) = self.resyncs.late(now) {
            self.tell_book(key, |number| Head::broken(number, Some(Channel::Book), Reason::SnapshotLate));
        }
    }

    /// Asks for a book's snapshot: beside the stream, or for the stream from its beginning.
    fn ask_snapshot(&mut self, key: u32, now: Moment) -> bool {
        match self.seat(key).map(|seat| seat.subscribe.venue.texts.snapshots) {
            Some(Snapshots::Rest { .. }) => {
                self.fetch(key, Asked::Snapshot { key }, self.setup.snapshot_levels, FIRST)
            }
            Some(Snapshots::Stream) => {
                let begins = self.resubscribe(key, now);
                if begins {
                    self.resyncs.expect(key, 0, now, now);
                }
                begins
            }
            None => false,
        }
    }

    /// Subscribes anew to a book's stream; while one connection takes over from another, on both. Where the stream is not
    /// acknowledged yet, it is asked for already.
    ///
    /// The book hears that its stream breaks. It may be live again by a snapshot that was on its way when it asked for
    /// this one, and what the venue says between the end of the subscription and the next one will be missing.
    fn resubscribe(&mut self, key: u32, now: Moment) -> bool {
        let Some((index, _)) = self.book(key) else { return false };
        let overlap = self.member(index).and_then(|member| member.overlap);
        let overlap = overlap.and_then(|(overlap, _)| self.overlaps.get(overlap)?.as_ref());
        let other = overlap.map(|overlap| if overlap.old == index { overlap.new } else { overlap.old });
        let mut breaks = false;
        for index in [Some(index), other].into_iter().flatten() {
            let Some(member) = self.member_mut(index) else { continue };
            let Some(local) = member.locals.iter_mut().find(|local| local.key == key) else { continue };
            if let Some(stream) =
                local.stream(Channel::Book).filter(|stream| member.connection.is_subscribed(*stream))
            {
                (local.begun, local.renewed) = (false, true);
                member.connection.resubscribe(stream, now);
                self.mark(index);
                breaks = true;
            }
        }
        if breaks {
            self.tell_book(key, |number| Head::broken(number, Some(Channel::Book), Reason::Gap));
        }
        true
    }

    /// A live book knows too few levels. A book whose stream brings its snapshots has all that the stream has.
    pub(super) fn refresh(&mut self, key: u32) {
        self.fetch(key, Asked::Refresh { key }, self.setup.snapshot_levels, LAST);
    }

    /// A quiet stream: is the venue ahead of what we heard?
    pub(super) fn probe(&mut self, index: usize, stream: StreamId, now: Moment) {
        let owner = self.member(index).and_then(|member| {
            let (number, _) = member.owner(stream)?;
            member.locals.get(number as usize).map(|local| local.key)
        });
        let levels = match self.member(index).map(|member| member.venue.texts.snapshots) {
            Some(Snapshots::Rest { contents: Some(_), .. }) => self.setup.snapshot_levels,
            _ => PROBE_LEVELS,
        };
        let socket = self.member(index).and_then(|member| member.socket);
        let asked = owner.is_some_and(|key| {
            self.fetch(key, Asked::Probe { key, member: index, stream, socket }, levels, SECOND)
        });
        if !asked && let Some(member) = self.member_mut(index) {
            member.connection.probed(stream, None, now);
        }
    }

    fn fetch(&mut self, key: u32, asked: Asked, levels: u32, priority: u8) -> bool {
        let Some(seat) = self.seat(key) else { return false };
        let venue = seat.subscribe.venue;
        let Snapshots::Rest { request, .. } = venue.texts.snapshots else { return false };
        let request = request(&seat.subscribe.instrument.symbol, levels);
        let url = format!("{}{}", seat.subscribe.rest, request.path);
        let fetch = Fetch {
            id: self.asks.begin(asked),
            url,
            weight: request.weight,
            weight_per_minute: venue.access.limits.weight_per_minute,
            priority,
        };
        self.commands.push(Command::Fetch(fetch));
        true
    }

    /// A REST answer came.
    pub(super) fn answered(&mut self, answer: Answer, stamp: Stamp) {
        let Some(asked) = self.asks.end(answer.id) else { return };
        match asked {
            Asked::Snapshot { key } => {
                let limited = matches!(answer.body, Err(Refusal::Status { status: 418 | 429, .. }));
                let ok = self.take_snapshot(key, answer, stamp, Flags::BESIDE_STREAM);
                self.resyncs.answered(key, ok, stamp.now);
                if limited {
                    self.tell_book(key, |number| {
                        Head::broken(number, Some(Channel::Book), Reason::RateLimited)
                    });
                }
            }
            Asked::Refresh { key } => {
                self.take_snapshot(key, answer, stamp, Flags::BESIDE_STREAM.with(Flags::REFRESH));
            }
            Asked::Probe { key, member, stream, socket } => {
                if self.member(member).is_some_and(|member| member.socket == socket && socket.is_some()) {
                    self.probed(key, member, stream, answer, stamp);
                }
            }
        }
        self.dirty = true;
    }

    /// Parses a snapshot into its book's lane.
    fn take_snapshot(&mut self, key: u32, answer: Answer, stamp: Stamp, flags: Flags) -> bool {
        let Ok(body) = answer.body else { return false };
        let Some((index, _)) = self.book(key) else { return false };
        let order = Order::Snapshot { url: &answer.url, body: &body, flags };
        let taken = matches!(self.deliver(index, order, stamp), Some(Ok(Parsed::Updates(_))));
        self.share_sequence(key);
        self.note_contents(key, &body);
        taken
    }

    /// Remembers what a snapshot showed, where its time alone will not say whether the market moved.
    fn note_contents(&mut self, key: u32, body: &[u8]) {
        let Some((index, number)) = self.book(key) else { return };
        let Some(member) = self.member_mut(index) else { return };
        let Snapshots::Rest { sequence, contents: Some(contents), .. } = member.venue.texts.snapshots else {
            return;
        };
        let shown = sequence(body).zip(contents(body)).map(|(sequence, contents)| (sequence.0, contents));
        if let Some(local) = member.locals.get_mut(number as usize) {
            local.shown = shown;
        }
    }

    /// A probe was answered: the venue's sequence against the newest that came by the stream or by a snapshot.
    fn probed(&mut self, key: u32, index: usize, stream: StreamId, answer: Answer, stamp: Stamp) {
        let forwarded = self.forwarded(index, stream);
        let Some(member) = self.members.get_mut(index).and_then(Option::as_mut) else { return };
        let gone = matches!(answer.body, Err(Refusal::Status { status: 400 | 404, .. }));
        let Snapshots::Rest { sequence, contents, .. } = member.venue.texts.snapshots else { return };
        let body = answer.body.as_ref().ok();
        let theirs = body.and_then(|body| sequence(body));
        let Some((number, Channel::Book)) = member.owner(stream) else { return };
        let Some(local) = member.locals.get(number as usize).filter(|local| local.key == key) else { return };
        // Of two connections, one of which takes over, each has brought but a part of what came.
        let (ours, heard, shown) = (local.sequence.max(forwarded), local.heard, local.shown);
        // Both are where the stream is now, which is not where the book is: the venue counts anew.
        let counts_anew = theirs.is_some_and(|theirs| theirs.0.max(ours) < local.furthest);
        if gone {
            // Silent, and the venue knows no such instrument any more: only a person can say what becomes of it.
            let told = local.refused;
            member.connection.probed(stream, Some(false), stamp.now);
            self.mark(index);
            if !told {
                self.broken(index, Some(stream), Reason::Config, true);
            }
            return;
        }
        if self.is_outrun(index, stream) {
            self.probe_ended(index, stream, Some(true), stamp.now);
            return;
        }
        // Behind is no proof of quiet either: a venue that counts anew is behind.
        let mut ahead = theirs.map(|theirs| theirs.0 != ours && ours > 0);
        let mut same = theirs == Some(Sequence(ours));
        if let (Some(contents), Some(later)) = (contents, theirs.filter(|theirs| theirs.0 != ours)) {
            // Its time may be that of its making. What the last snapshot showed says whether the market moved since; if
            // updates came since that, this one is the next to be compared with, and the book has it.
            let now_shown = body.and_then(|body| contents(body));
            ahead = match shown.filter(|(at, _)| *at == ours && later.0 > ours).zip(now_shown) {
                Some(((_, before), now)) => {
                    same = before == now;
                    Some(!same)
                }
                None if later.0 > ours => {
                    let taken = self.take_snapshot(key, answer, stamp, Flags::BESIDE_STREAM);
                    self.probe_ended(index, stream, taken.then_some(false), stamp.now);
                    return;
                }
                None => None,
            };
        }
        if counts_anew {
            (ahead, same) = (Some(true), false);
        }
        if same && !heard {
            // The stream was acknowledged before the snapshot, and since then nothing has happened at the venue: a
            // delta that changes nothing, at the snapshot's sequence, proves it to the book.
            let mut head = Head::new(UpdateKind::Delta, InstrumentId(number));
            (head.previous, head.sequence) = (Sequence(ours), Sequence(ours));
            head.flags = Flags::BESIDE_STREAM;
            self.deliver(index, Order::Head(head), stamp);
        }
        if let Some(asked) = self.probe_ended(index, stream, ahead, stamp.now).filter(|_| same) {
            self.proved(index, stream, asked);
        }
    }

    fn probe_ended(
        &mut self,
        index: usize,
        stream: StreamId,
        ahead: Option<bool>,
        now: Moment,
    ) -> Option<Moment> {
        self.mark(index);
        self.member_mut(index)?.connection.probed(stream, ahead, now)
    }

    /// Sends a head to a book, on one of its paths.
    pub(super) fn tell_book(&mut self, key: u32, head: impl FnOnce(InstrumentId) -> Head) {
        if let Some((index, number)) = self.book(key) {
            let stamp = self.stamp;
            self.deliver(index, Order::Head(head(InstrumentId(number))), stamp);
        }
    }
}
