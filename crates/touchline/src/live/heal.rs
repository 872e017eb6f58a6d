//! Snapshots for books that need one, and probes for streams that are quiet.

use touchline_feed::{Moment, Refusal, StreamId};
use touchline_link::{Answer, Command, Fetch, Stamp};
use touchline_market::{Channel, Flags, Head, InstrumentId, Reason, Sequence, UpdateKind};
use touchline_venue::{Parsed, Snapshots};

use super::engine::Engine;
use super::member::Order;
use super::snapshots::Asked;

/// Levels a side that a probe asks for: only its sequence is looked at.
const PROBE_LEVELS: u32 = 5;

/// Which requests go first when a host's budget is short: books that wait, then quiet streams, then live books that
/// only want to know more.
const FIRST: u8 = 0;
const SECOND: u8 = 1;
const LAST: u8 = 2;

impl Engine {
    /// Asks for every snapshot that is due, and says of those that are late that they are.
    pub(super) fn run_resyncs(&mut self, now: Moment) {
        while let Some(id) = self.resyncs.next_due(now) {
            if !self.fetch(id, Asked::Snapshot { id }, self.setup.snapshot_levels, FIRST) {
                self.resyncs.answered(id, false, now);
            }
        }
        while let Some(id) = self.resyncs.late(now) {
            self.tell_book(id, |number| Head::broken(number, Some(Channel::Book), Reason::SnapshotLate));
        }
    }

    /// A live book knows too few levels.
    pub(super) fn refresh(&mut self, id: u32) {
        self.fetch(id, Asked::Refresh { id }, self.setup.snapshot_levels, LAST);
    }

    /// A quiet stream: is the venue ahead of what we heard?
    pub(super) fn probe(&mut self, index: usize, stream: StreamId, now: Moment) {
        let owner = self.member(index).and_then(|member| {
            let (number, _) = member.owner(stream)?;
            member.locals.get(number as usize).map(|local| local.id)
        });
        let asked = owner.is_some_and(|id| {
            self.fetch(id, Asked::Probe { id, member: index, stream }, PROBE_LEVELS, SECOND)
        });
        if !asked && let Some(member) = self.member_mut(index) {
            member.connection.probed(stream, None, now);
        }
    }

    fn fetch(&mut self, id: u32, asked: Asked, levels: u32, priority: u8) -> bool {
        let Some(seat) = self.seats.get(id as usize).and_then(Option::as_ref) else { return false };
        let venue = seat.subscribe.venue;
        let Snapshots::Rest { request, .. } = venue.texts.snapshots else { return false };
        let request = request(&seat.subscribe.instrument.symbol, levels);
        let fetch = Fetch {
            id: self.asks.begin(asked),
            url: format!("{}{}", seat.subscribe.rest, request.path),
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
            Asked::Snapshot { id } => {
                let limited = matches!(answer.body, Err(Refusal::Status { status: 418 | 429, .. }));
                let ok = self.take_snapshot(id, answer, stamp, Flags::BESIDE_STREAM);
                self.resyncs.answered(id, ok, stamp.now);
                if limited {
                    self.tell_book(id, |number| {
                        Head::broken(number, Some(Channel::Book), Reason::RateLimited)
                    });
                }
            }
            Asked::Refresh { id } => {
                self.take_snapshot(id, answer, stamp, Flags::BESIDE_STREAM.with(Flags::REFRESH));
            }
            Asked::Probe { id, member, stream } => self.probed(id, member, stream, answer, stamp),
        }
        self.dirty = true;
    }

    /// Parses a snapshot into its book's lane.
    fn take_snapshot(&mut self, id: u32, answer: Answer, stamp: Stamp, flags: Flags) -> bool {
        let Ok(body) = answer.body else { return false };
        let seat = self.seats.get(id as usize).and_then(Option::as_ref);
        let Some((index, _)) = seat.and_then(|seat| seat.book) else { return false };
        let order = Order::Snapshot { url: &answer.url, body: &body, flags };
        matches!(self.deliver(index, order, stamp), Some(Ok(Parsed::Updates(_))))
    }

    /// A probe was answered: the venue's sequence against the newest that came by the stream or by a snapshot.
    fn probed(&mut self, id: u32, index: usize, stream: StreamId, answer: Answer, stamp: Stamp) {
        let Some(member) = self.members.get_mut(index).and_then(Option::as_mut) else { return };
        let gone = matches!(answer.body, Err(Refusal::Status { status: 400 | 404, .. }));
        let Snapshots::Rest { sequence, .. } = member.venue.texts.snapshots else { return };
        let theirs = answer.body.ok().and_then(|body| sequence(&body));
        let Some((number, Channel::Book)) = member.owner(stream) else { return };
        let Some(local) = member.locals.get(number as usize).filter(|local| local.id == id) else { return };
        let (ours, heard) = (local.sequence, local.heard);
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
        let ahead = theirs.map(|theirs| theirs.0 > ours && ours > 0);
        member.connection.probed(stream, ahead, stamp.now);
        if theirs == Some(Sequence(ours)) && !heard {
            // The stream was acknowledged before the snapshot, and since then nothing has happened at the venue: a
            // delta that changes nothing, at the snapshot's sequence, proves it to the book.
            let mut head = Head::new(UpdateKind::Delta, InstrumentId(number));
            (head.previous, head.sequence) = (Sequence(ours), Sequence(ours));
            head.flags = Flags::BESIDE_STREAM;
            self.deliver(index, Order::Head(head), stamp);
        }
        self.mark(index);
    }

    /// Sends a head to the book of an instrument.
    pub(super) fn tell_book(&mut self, id: u32, head: impl FnOnce(InstrumentId) -> Head) {
        let seat = self.seats.get(id as usize).and_then(Option::as_ref);
        if let Some((index, number)) = seat.and_then(|seat| seat.book) {
            let stamp = self.stamp;
            self.deliver(index, Order::Head(head(InstrumentId(number))), stamp);
        }
    }
}
