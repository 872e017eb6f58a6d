//! Which instrument is on which connection: subscribed and unsubscribed while running.

use touchline_feed::{Connection, Moment};
use touchline_market::Channel;
use touchline_venue::VenueFacts;

use super::control::Subscribe;
use super::engine::Engine;
use super::member::Member;
use super::sink::Side;

/// Where an instrument's streams are.
pub(crate) struct Seat {
    pub(crate) subscribe: Subscribe,
    /// The connection that carries its book, and its number there.
    pub(crate) book: Option<(usize, u32)>,
}

impl Engine {
    /// Subscribes to channels of an instrument, on connections that have room, or on new ones.
    pub(super) fn subscribe(&mut self, subscribe: Subscribe) {
        let (id, now) = (subscribe.id, self.stamp.now);
        let mut book = None;
        let (access, levels) = (subscribe.venue.access, self.setup.snapshot_levels);
        for (route, kind) in access.routes.iter().enumerate() {
            let here: Vec<Channel> = subscribe
                .channels
                .iter()
                .copied()
                .filter(|channel| kind.channels.contains(channel))
                .collect();
            if here.is_empty() {
                continue;
            }
            let index = self.room_for(&subscribe, route, here.len(), now);
            let Some(member) = self.member_mut(index) else { continue };
            let number = member.subscribe(&subscribe.instrument, id, subscribe.desk, &here, levels, now);
            if here.contains(&Channel::Book) {
                book = Some((index, number));
            }
            self.mark(index);
        }
        let at = id as usize;
        if self.seats.len() <= at {
            self.seats.resize_with(at + 1, || None);
        }
        if let Some(place) = self.seats.get_mut(at) {
            match place {
                Some(seat) => {
                    for channel in subscribe.channels {
                        if !seat.subscribe.channels.contains(&channel) {
                            seat.subscribe.channels.push(channel);
                        }
                    }
                    seat.book = book.or(seat.book);
                }
                None => *place = Some(Seat { subscribe, book }),
            }
        }
        self.settle_whole(id);
    }

    /// Takes channels of an instrument off.
    pub(super) fn unsubscribe(&mut self, id: u32, channels: &[Channel]) {
        let now = self.stamp.now;
        for index in 0..self.members.len() {
            self.let_go(index, id, channels);
            if let Some(member) = self.member_mut(index) {
                member.unsubscribe(id, channels, now);
                self.mark(index);
            }
        }
        if channels.contains(&Channel::Book) {
            self.resyncs.allow(id, false, self.stamp.now);
            self.resyncs.forget(id);
        }
        if let Some(place) = self.seats.get_mut(id as usize)
            && let Some(seat) = place
        {
            seat.subscribe.channels.retain(|channel| !channels.contains(channel));
            if channels.contains(&Channel::Book) {
                seat.book = None;
            }
            if seat.subscribe.channels.is_empty() {
                *place = None;
            }
        }
        self.settle_whole(id);
        for index in 0..self.members.len() {
            if let Some(member) = self.member_mut(index).filter(|member| member.stream_count() == 0) {
                member.connection.close(now);
                member.leaving = true;
                self.mark(index);
            }
        }
    }

    /// A hand-over under way need not wait for streams that nobody wants any more: they count as quiet ones.
    fn let_go(&mut self, index: usize, id: u32, channels: &[Channel]) {
        let Some(member) = self.member(index) else { return };
        let Some((overlap, _)) = member.overlap else { return };
        let local = member.locals.iter().find(|local| local.id == id);
        let streams = channels.iter().filter_map(|channel| local?.stream(*channel));
        let places: Vec<_> =
            streams.filter_map(|stream| member.places.get(stream.0 as usize).copied().flatten()).collect();
        let now = self.stamp.now;
        if let Some(overlap) = self.overlaps.get_mut(overlap).and_then(Option::as_mut) {
            for place in places {
                overlap.handover.acknowledged(place as usize, now);
            }
        }
    }

    /// A connection of this kind with room for so many streams more.
    fn room_for(&mut self, subscribe: &Subscribe, route: usize, streams: usize, now: Moment) -> usize {
        let limit = subscribe.venue.access.limits.streams_per_connection;
        let url = url_of(subscribe, route);
        let fits = |member: &Member| {
            member.url == url
                && member.venue.name == subscribe.venue.name
                && member.outlet == subscribe.outlet
                && !member.leaving
                && member.overlap.is_none_or(|(_, side)| side == Side::New)
                && (member.locals.iter().any(|local| local.id == subscribe.id)
                    || member.stream_count() + streams <= limit)
        };
        let found = self.members.iter().position(|member| member.as_ref().is_some_and(fits));
        found.unwrap_or_else(|| self.add_member(subscribe.venue, route, subscribe.outlet, url, now))
    }

    /// A new connection, which begins to connect.
    pub(super) fn add_member(
        &mut self,
        venue: &'static VenueFacts,
        route: usize,
        outlet: usize,
        url: String,
        now: Moment,
    ) -> usize {
        self.connections += 1;
        let number = self.connections;
        let seed = self.setup.seed ^ u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut connection = Connection::new(venue, host_of(&url).to_owned(), self.setup.rules.clone(), seed);
        connection.open(now);
        let member = Member::new(venue, route, outlet, url, connection, number);
        let index = self.members.iter().position(Option::is_none).unwrap_or(self.members.len());
        match self.members.get_mut(index) {
            Some(place) => *place = Some(member),
            None => self.members.push(Some(member)),
        }
        self.mark(index);
        index
    }

    /// Notes on each connection whether it carries all channels of the instrument.
    pub(super) fn settle_whole(&mut self, id: u32) {
        let all = self
            .seats
            .get(id as usize)
            .and_then(Option::as_ref)
            .map_or(0, |seat| seat.subscribe.channels.len());
        for member in self.members.iter_mut().flatten() {
            for local in member.locals.iter_mut().filter(|local| local.id == id) {
                local.whole = all > 0 && local.channels().count() == all;
            }
        }
    }
}

/// The URL of a route: the root, and the venue's path unless the root has one of its own.
fn url_of(subscribe: &Subscribe, route: usize) -> String {
    let path = subscribe.venue.access.routes.get(route).map_or("", |route| route.path);
    format!("{}{path}", subscribe.ws.trim_end_matches('/'))
}

/// Host and port of a URL.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}
