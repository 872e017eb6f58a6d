//! Make before break: a connection that will end is replaced by one with the same streams, which takes over stream by
//! stream, by sequence. No book notices.

use std::time::Duration;

use touchline_feed::{Handover, Moment, StreamId};
use touchline_market::Channel;

use super::engine::Engine;
use super::sink::Side;

/// How often quiet streams are looked at.
const SETTLE_EVERY: Duration = Duration::from_millis(100);

/// Two connections with the same streams, while one takes over from the other.
pub(crate) struct Overlap {
    pub(crate) old: usize,
    pub(crate) new: usize,
    pub(crate) handover: Handover,
}

impl Engine {
    /// Opens a connection with the streams of `old`.
    pub(super) fn replace(&mut self, old: usize, now: Moment) {
        let Some(member) = self.member(old).filter(|member| member.overlap.is_none() && !member.leaving)
        else {
            return;
        };
        let (venue, route, outlet, url) = (member.venue, member.route, member.outlet, member.url.clone());
        let instruments: Vec<_> = member
            .locals
            .iter()
            .filter(|local| local.channels().next().is_some())
            .map(|local| (local.id, local.desk, local.channels().collect::<Vec<_>>()))
            .collect();
        let levels = self.setup.snapshot_levels;
        let new = self.add_member(venue, route, outlet, url, now);
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
        for (place, last) in self.book_sequences(old) {
            handover.begin(place, last);
        }
        let pair = Some(Overlap { old, new, handover });
        match self.overlaps.get_mut(overlap) {
            Some(place) => *place = pair,
            None => self.overlaps.push(pair),
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
            overlap.handover.settle(now);
            if overlap.handover.all_done() {
                self.finish(index, now);
            } else {
                wake = wake.min(now + SETTLE_EVERY);
            }
        }
        wake
    }

    /// The old connection failed before the new one had taken over every stream: from now on the new one is all there
    /// is. All books of the pair have heard of the break, and are built anew from what is acknowledged there.
    pub(super) fn fail_over(&mut self, index: usize) {
        let Some(overlap) = self.overlaps.get(index).and_then(Option::as_ref) else { return };
        let (old, new) = (overlap.old, overlap.new);
        self.end_overlap(index);
        let now = self.stamp.now;
        let acknowledged: Vec<_> = self.member(new).map_or_else(Vec::new, |member| {
            member.connection.streams().filter(|(_, _, done)| *done).map(|(stream, _, _)| stream).collect()
        });
        for stream in acknowledged {
            self.subscribed(new, stream, now);
        }
        self.leave(old, now);
    }

    /// The new connection has taken over every stream.
    fn finish(&mut self, index: usize, now: Moment) {
        let Some(overlap) = self.overlaps.get(index).and_then(Option::as_ref) else { return };
        let (old, new) = (overlap.old, overlap.new);
        self.end_overlap(index);
        for id in self.book_ids(new).collect::<Vec<_>>() {
            self.resyncs.allow(id, true, self.stamp.now);
        }
        self.leave(old, now);
    }

    fn leave(&mut self, old: usize, now: Moment) {
        if let Some(member) = self.member_mut(old) {
            member.connection.close(now);
            member.leaving = true;
            self.mark(old);
        }
    }

    /// From now on the new connection's streams are the instruments' own.
    fn end_overlap(&mut self, index: usize) {
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
        for (id, number) in moved {
            if let Some(seat) = self.seats.get_mut(id as usize).and_then(Option::as_mut) {
                seat.book = Some((overlap.new, number));
            }
        }
    }
}
