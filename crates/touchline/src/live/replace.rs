//! Make before break: a connection that will end is replaced by one with the same streams, which takes over stream by
//! stream, by sequence. No book notices.

use std::time::Duration;

use touchline_feed::{Handover, Moment, StreamId};
use touchline_market::{Channel, Continuity, Head, InstrumentId, Reason};
use touchline_venue::Snapshots;

use super::engine::Engine;
use super::member::Order;
use super::sink::{Local, Side};

/// How often quiet streams are looked at.
const SETTLE_EVERY: Duration = Duration::from_millis(100);

/// Two connections with the same streams, while one takes over from the other.
pub(crate) struct Overlap {
    pub(crate) old: usize,
    pub(crate) new: usize,
    pub(crate) handover: Handover,
}

impl Engine {
    /// Opens a connection with the streams of `old`; while that itself takes over from another one, as soon as it has.
    pub(super) fn replace(&mut self, old: usize, now: Moment) {
        let Some(member) = self.member_mut(old) else { return };
        member.will_end = matches!(member.overlap, Some((_, Side::New)));
        if member.overlap.is_some() || member.leaving {
            return;
        }
        let Some(member) = self.member(old) else { return };
        let (venue, route, outlet, path) = (member.venue, member.route, member.outlet, member.path);
        let url = member.url.clone();
        let instruments: Vec<_> = member
            .locals
            .iter()
            .filter(|local| local.channels().next().is_some())
            .map(|local| (local.id, local.desk, local.channels().collect::<Vec<_>>()))
            .collect();
        let levels = self.setup.snapshot_levels;
        let new = self.add_member(venue, route, outlet, path, url, now);
        for (id, desk, channels) in instruments {
            let seat = self.seats.get(id as usize).and_then(Option::as_ref);
            let Some(instrument) = seat.map(|seat| seat.subscribe.instrument.clone()) else { continue };
            if let Some(member) = self.member_mut(new) {
                member.subscribe(&instrument, id, desk, &channels, levels, now);
            }
            self.settle_whole(id);
        }
        let overlap = self.overlaps.iter().position(Option::is_none).unwrap_or(self.overlaps.len());
        let places = self.pair_streams(old, new, overlap);
        let mut handover = Handover::new(places);
        if venue.continuity != Continuity::Connection {
            for (place, last) in self.book_sequences(old) {
                handover.begin(place, last);
            }
        }
        // Silence on both sides proves nothing where a stream begins with a snapshot, or where nothing numbers what comes
        // after it: without numbers the venue is asked.
        let unproven = venue.continuity == Continuity::Unchecked;
        if unproven || matches!(venue.texts.snapshots, Snapshots::Stream) {
            self.book_places(new).into_iter().for_each(|place| handover.awaits_proof(place));
        }
        self.inherit_sequences(old, new);
        let pair = Some(Overlap { old, new, handover });
        match self.overlaps.get_mut(overlap) {
            Some(place) => *place = pair,
            None => self.overlaps.push(pair),
        }
    }

    /// The new connection begins as far as the old one came: if it stays silent, what the venue has beyond that is missing.
    fn inherit_sequences(&mut self, old: usize, new: usize) {
        let known = self
            .member(old)
            .map_or_else(Vec::new, |old| old.locals.iter().map(|local| (local.id, local.sequence)).collect());
        for local in self.member_mut(new).into_iter().flat_map(|new| &mut new.locals) {
            if let Some((_, sequence)) = known.iter().find(|(id, _)| *id == local.id) {
                local.sequence = *sequence;
            }
        }
    }

    /// The place of each book's stream on a connection, and the last sequence that came by it.
    fn book_sequences(&self, index: usize) -> Vec<(usize, u64)> {
        let Some(member) = self.member(index) else { return Vec::new() };
        let place = |stream: StreamId| member.places.get(stream.0 as usize).copied().flatten();
        let books = member.locals.iter().filter_map(|local| {
            Some((place(local.stream(Channel::Book)?)? as usize, local.sequence)).filter(|_| local.heard)
        });
        books.collect()
    }

    /// The places of a connection's books in its hand-over.
    fn book_places(&self, index: usize) -> Vec<usize> {
        let Some(member) = self.member(index) else { return Vec::new() };
        let streams = member.streams.iter().zip(&member.places);
        let books = streams.filter(|(owner, _)| matches!(owner, Some((_, Channel::Book))));
        books.filter_map(|(_, place)| place.map(|place| place as usize)).collect()
    }

    /// Numbers the streams that both connections have, the same on both sides. Returns how many.
    fn pair_streams(&mut self, old: usize, new: usize, overlap: usize) -> usize {
        let mut keys = Vec::new();
        for (index, side) in [(new, Side::New), (old, Side::Old)] {
            let Some(member) = self.member_mut(index) else { continue };
            member.overlap = Some((overlap, side));
            member.places = vec![None; member.streams.len()];
            for stream in 0..member.streams.len() {
                let Some((number, channel)) = member.streams.get(stream).copied().flatten() else { continue };
                let Some(id) = member.locals.get(number as usize).map(|local| local.id) else { continue };
                let key = (id, channel);
                let place = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                    keys.push(key);
                    keys.len() - 1
                });
                if let Some(slot) = member.places.get_mut(stream) {
                    *slot = Some(place as u32);
                }
            }
        }
        keys.len()
    }

    /// Closes every connection that another one has taken over from.
    pub(super) fn run_overlaps(&mut self, now: Moment) -> Moment {
        let mut wake = Moment::NEVER;
        for index in 0..self.overlaps.len() {
            let Some(overlap) = self.overlaps.get_mut(index).and_then(Option::as_mut) else { continue };
            let quiet = overlap.handover.settle(now);
            let (old, new, done) = (overlap.old, overlap.new, overlap.handover.all_done());
            let awaiting = overlap.handover.awaiting(now);
            quiet.into_iter().for_each(|place| self.carry_on(old, new, place, now));
            awaiting.into_iter().for_each(|place| self.ask_for_proof(old, place, now));
            if done {
                self.finish(index, now);
            } else {
                wake = wake.min(now + SETTLE_EVERY);
            }
        }
        wake
    }

    /// A quiet stream changed hands: the new connection is as far as the old one was, and as long silent. If the old one's
    /// last message was lost, its silence shows it, and must not begin anew with each replacement.
    fn carry_on(&mut self, old: usize, new: usize, place: usize, now: Moment) {
        let (Some((left, number)), Some((stream, heir))) =
            (self.at_place(old, place), self.at_place(new, place))
        else {
            return;
        };
        let Some(from) = self.member(old) else { return };
        let Some(known) = from.locals.get(number).map(|local| (local.sequence, local.shown)) else { return };
        let since = from.connection.silent_since(left);
        let Some(member) = self.member_mut(new) else { return };
        if let Some(local) = member.locals.get_mut(heir) {
            (local.sequence, local.shown) = known;
        }
        if let Some(since) = since {
            member.connection.carry_on_silence(stream, since, now);
            self.mark(new);
        }
    }

    /// A quiet stream cannot change hands before the venue has said that it has nothing more. The old connection asks: it
    /// knows what was shown last.
    fn ask_for_proof(&mut self, old: usize, place: usize, now: Moment) {
        if let Some((stream, _)) = self.at_place(old, place)
            && let Some(member) = self.member_mut(old)
        {
            member.connection.probe_now(stream, now);
            self.mark(old);
        }
    }

    /// The venue was asked about a quiet stream, and nothing is missing.
    pub(super) fn proved(&mut self, index: usize, stream: StreamId, asked: Moment) {
        let Some(member) = self.member(index) else { return };
        let place = member.places.get(stream.0 as usize).copied().flatten();
        if let (Some((overlap, _)), Some(place)) = (member.overlap, place)
            && let Some(overlap) = self.overlaps.get_mut(overlap).and_then(Option::as_mut)
        {
            overlap.handover.proved(place as usize, asked);
        }
    }

    /// Has the old connection brought something of a stream that the new one, which is to take it over, should have brought
    /// as well? The venue has nothing that the book has not, and yet the new one's silence is a stall.
    pub(super) fn is_outrun(&self, index: usize, stream: StreamId) -> bool {
        let outrun = || {
            let new = self.member(index)?;
            let (overlap, _) = new.overlap.filter(|(_, side)| *side == Side::New)?;
            let place = new.places.get(stream.0 as usize).copied().flatten()? as usize;
            let overlap = self.overlaps.get(overlap)?.as_ref().filter(|it| !it.handover.is_new(place))?;
            let (left, _) = self.at_place(overlap.old, place)?;
            let spoke = self.member(overlap.old)?.connection.spoke_at(left)?;
            Some(spoke > new.connection.silent_since(stream)?)
        };
        outrun().unwrap_or_default()
    }

    /// The book's stream in this place of a connection's hand-over, and the book's number there.
    fn at_place(&self, index: usize, place: usize) -> Option<(StreamId, usize)> {
        let member = self.member(index)?;
        let stream = member.places.iter().position(|other| *other == Some(place as u32))?;
        let stream = StreamId(stream as u32);
        let (number, channel) = member.owner(stream)?;
        (channel == Channel::Book).then_some((stream, number as usize))
    }

    /// The old connection failed before the new one had taken over every stream: from now on the new one is all there
    /// is. All books of the pair have heard of the break, and are built anew from what is acknowledged there. What the
    /// new one had given up to ask for, because the old one was there for it, it asks for again.
    pub(super) fn fail_over(&mut self, index: usize) {
        let Some(overlap) = self.overlaps.get(index).and_then(Option::as_ref) else { return };
        let (old, new) = (overlap.old, overlap.new);
        self.end_overlap(index);
        let now = self.stamp.now;
        let acknowledged: Vec<_> = self.member(new).map_or_else(Vec::new, |member| {
            member.connection.streams().filter(|(_, _, done)| *done).map(|(stream, _, _)| stream).collect()
        });
        for stream in acknowledged {
            let since = self.begun_since(new, stream).unwrap_or(now);
            self.subscribed(new, stream, since, now);
        }
        if let Some(member) = self.member_mut(new) {
            member.connection.ask_again(now);
            self.mark(new);
        }
        // A stream that began before is no beginning for a book that broke since.
        for key in self.book_keys(new).collect::<Vec<_>>() {
            self.resyncs.need(key, 0, now);
        }
        let reason = Reason::SubscriptionRejected;
        let locals = self.member_mut(new).map_or(&mut [][..], |member| &mut member.locals);
        let refused = (0_u32..).zip(locals).filter(|(_, local)| local.refused).map(|(number, local)| {
            local.ended = Some(reason);
            InstrumentId(number)
        });
        for number in refused.collect::<Vec<_>>() {
            self.deliver(new, Order::Head(Head::ended(number, Some(Channel::Book), reason)), self.stamp);
        }
        self.leave(old, now);
        self.replace_if_ending(new, now);
    }

    /// Since when a stream's snapshot has been on its way; for ever, if updates came that should have followed it.
    fn begun_since(&self, index: usize, stream: StreamId) -> Option<Moment> {
        let member = self.member(index)?;
        let local = member.locals.get(member.owner(stream)?.0 as usize)?;
        if local.heard { Some(Moment(0)) } else { member.connection.acknowledged_at(stream) }
    }

    /// The new connection fails one stream, or all: those it had taken over are the old one's again, and broken, because
    /// what the old one brought meanwhile was held back. The others never were anything else.
    pub(super) fn give_back(
        &mut self,
        new: usize,
        index: usize,
        stream: Option<StreamId>,
        reason: Reason,
        dead: bool,
    ) {
        let Some(overlap) = self.overlaps.get_mut(index).and_then(Option::as_mut) else { return };
        let Some(member) = self.members.get_mut(new).and_then(Option::as_mut) else { return };
        if dead && let Some((number, Channel::Book)) = stream.and_then(|stream| member.owner(stream)) {
            // Its book hears of it when the old connection is gone.
            for local in member.locals.iter_mut().skip(number as usize).take(1) {
                local.refused = true;
            }
        }
        let old = overlap.old;
        let mut broken = Vec::new();
        for (at, place) in (0_u32..).zip(&member.places) {
            let Some(place) = place.filter(|_| stream.is_none_or(|stream| stream.0 == at)) else { continue };
            if overlap.handover.give_back(place as usize)
                && let Some((number, channel)) = member.owner(StreamId(at))
                && let Some(local) = member.locals.get(number as usize)
            {
                broken.push((local.id, channel));
            }
        }
        for (id, channel) in broken {
            let locals = self.member(old).map_or(&[][..], |member| &member.locals);
            if let Some(number) = locals.iter().position(|local| local.id == id) {
                let head = Head::broken(InstrumentId(number as u32), Some(channel), reason);
                self.deliver(old, Order::Head(head), self.stamp);
            }
        }
    }

    /// The new connection has taken over every stream.
    fn finish(&mut self, index: usize, now: Moment) {
        let Some(overlap) = self.overlaps.get(index).and_then(Option::as_ref) else { return };
        let (old, new) = (overlap.old, overlap.new);
        self.end_overlap(index);
        for key in self.book_keys(new).collect::<Vec<_>>() {
            self.resyncs.allow(key, true, self.stamp.now);
        }
        self.leave(old, now);
        self.replace_if_ending(new, now);
    }

    fn replace_if_ending(&mut self, index: usize, now: Moment) {
        if self.member(index).is_some_and(|member| member.will_end) {
            self.replace(index, now);
        }
    }

    fn leave(&mut self, old: usize, now: Moment) {
        if let Some(member) = self.member_mut(old) {
            member.connection.close(now);
            member.leaving = true;
            self.mark(old);
        }
    }

    /// The last sequence that went on to the books of a stream while its connection hands it over or takes it over; 0 for
    /// any other.
    pub(super) fn forwarded(&self, index: usize, stream: StreamId) -> u64 {
        let forwarded = || {
            let member = self.member(index)?;
            let (overlap, _) = member.overlap?;
            let place = member.places.get(stream.0 as usize).copied().flatten()?;
            Some(self.overlaps.get(overlap)?.as_ref()?.handover.last(place as usize))
        };
        forwarded().unwrap_or_default()
    }

    /// From now on the new connection's streams are the instruments' own, and so is what came of them before.
    fn end_overlap(&mut self, index: usize) {
        if let Some(new) = self.overlaps.get(index).and_then(Option::as_ref).map(|overlap| overlap.new) {
            let last =
                |local: &Local| local.stream(Channel::Book).map_or(0, |stream| self.forwarded(new, stream));
            let lasts: Vec<u64> =
                self.member(new).map_or_else(Vec::new, |member| member.locals.iter().map(last).collect());
            for (local, last) in self.member_mut(new).into_iter().flat_map(|new| &mut new.locals).zip(lasts) {
                local.sequence = local.sequence.max(last);
            }
        }
        let Some(overlap) = self.overlaps.get_mut(index).and_then(Option::take) else { return };
        for side in [overlap.old, overlap.new] {
            if let Some(member) = self.member_mut(side) {
                member.overlap = None;
                member.places.clear();
            }
        }
        let moved: Vec<_> =
            self.members.get(overlap.new).and_then(Option::as_ref).map_or_else(Vec::new, |member| {
                let book = Channel::Book;
                let locals = member.locals.iter().enumerate();
                locals
                    .filter(|(_, local)| local.stream(book).is_some())
                    .map(|(n, local)| (local.id, n as u32))
                    .collect()
            });
        let path = self.member(overlap.new).map_or(0, |member| usize::from(member.path.number()));
        for (id, number) in moved {
            let seat = self.seats.get_mut(id as usize).and_then(Option::as_mut);
            if let Some(book) = seat.and_then(|seat| seat.books.get_mut(path)) {
                *book = Some((overlap.new, number));
            }
        }
    }
}
