//! Which instrument is on which connection: subscribed and unsubscribed while running.

use touchline_feed::{Connection, Moment};
use touchline_market::Channel;
use touchline_venue::VenueFacts;

use super::control::Subscribe;
use super::engine::Engine;
use super::member::Member;
use super::path::{self, PATHS_MAX, Path};
use super::sink::Side;

/// Where an instrument's streams are.
pub(crate) struct Seat {
    pub(crate) subscribe: Subscribe,
    /// The connection that carries its book on each path, and its number there.
    pub(crate) books: [Option<(usize, u32)>; PATHS_MAX],
}

impl Engine {
    /// Subscribes to channels of an instrument, on connections that have room, or on new ones.
    pub(super) fn subscribe(&mut self, subscribe: Subscribe) {
        let id = subscribe.id;
        let mut books = [None; PATHS_MAX];
        for (path, book) in Path::all(self.setup.paths).zip(&mut books) {
            *book = self.subscribe_on(path, &subscribe);
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
                    for (old, new) in seat.books.iter_mut().zip(books) {
                        *old = new.or(*old);
                    }
                }
                None => *place = Some(Seat { subscribe, books }),
            }
        }
        self.settle_whole(id);
    }

    /// Subscribes to those of the channels that come by this path. Returns where the book is.
    fn subscribe_on(&mut self, path: Path, subscribe: &Subscribe) -> Option<(usize, u32)> {
        let (now, levels) = (self.stamp.now, self.setup.snapshot_levels);
        let mut book = None;
        for (route, kind) in subscribe.venue.access.routes.iter().enumerate() {
            let comes = |channel: &Channel| {
                kind.channels.contains(channel) && (path.is_first() || *channel == Channel::Book)
            };
            let here: Vec<Channel> = subscribe.channels.iter().copied().filter(comes).collect();
            if here.is_empty() {
                continue;
            }
            let index = self.room_for(subscribe, route, path, here.len(), now);
            let Some(member) = self.member_mut(index) else { continue };
            let instrument = &subscribe.instrument;
            let number = member.subscribe(instrument, subscribe.id, subscribe.desk, &here, levels, now);
            if here.contains(&Channel::Book) {
                book = Some((index, number));
            }
            self.mark(index);
        }
        book
    }

    /// The instrument of a book.
    pub(super) fn seat(&self, key: u32) -> Option<&Seat> {
        let (id, _) = Path::of_key(key, self.setup.paths);
        self.seats.get(id as usize)?.as_ref()
    }

    /// A connection that carries a book, and the book's number there: if there are several, the first whose stream is
    /// acknowledged.
    pub(super) fn book(&self, key: u32) -> Option<(usize, u32)> {
        let carried = self.carriers(key).find(|&(index, number)| self.is_carried(index, number));
        carried.or_else(|| self.carriers(key).next())
    }

    /// Does a connection other than this one carry the book?
    pub(super) fn is_carried_beside(&self, index: usize, key: u32) -> bool {
        self.carriers(key).any(|(other, number)| other != index && self.is_carried(other, number))
    }

    /// The connections that are there to carry a book, path by path, and the book's number on each.
    fn carriers(&self, key: u32) -> impl Iterator<Item = (usize, u32)> {
        let (_, path) = Path::of_key(key, self.setup.paths);
        let seat = self.seat(key);
        let merged = seat.is_some_and(|seat| path::is_merged(seat.subscribe.venue));
        let books = seat.into_iter().flat_map(|seat| seat.books.iter().enumerate());
        books
            .filter_map(move |(number, book)| book.filter(|_| merged || number == usize::from(path.number())))
    }

    /// A connection that has brought nothing of a book since its stream was acknowledged is as far as any other is: what
    /// the venue has beyond that, it has not brought.
    pub(super) fn share_sequence(&mut self, key: u32) {
        let carriers: Vec<_> = self.carriers(key).collect();
        let local = |engine: &Self, (index, number): (usize, u32)| {
            engine.member(index)?.locals.get(number as usize).map(|local| local.sequence)
        };
        let newest = carriers.iter().filter_map(|at| local(self, *at)).max().unwrap_or_default();
        for (index, number) in carriers {
            let member = self.member_mut(index);
            if let Some(local) = member.and_then(|member| member.locals.get_mut(number as usize))
                && !local.heard
            {
                local.sequence = newest;
            }
        }
    }

    fn is_carried(&self, index: usize, number: u32) -> bool {
        self.member(index).is_some_and(|member| {
            let stream = member.locals.get(number as usize).and_then(|local| local.stream(Channel::Book));
            stream.is_some_and(|stream| member.connection.is_subscribed(stream))
        })
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
        let seat = self.seats.get(id as usize).and_then(Option::as_ref);
        if let Some(venue) =
            seat.map(|seat| seat.subscribe.venue).filter(|_| channels.contains(&Channel::Book))
        {
            for path in Path::all(self.setup.paths) {
                // Of a key that paths share nothing is left to forget the second time.
                let key = path.key(id, venue);
                self.resyncs.allow(key, false, now);
                self.resyncs.forget(key);
            }
        }
        if let Some(place) = self.seats.get_mut(id as usize)
            && let Some(seat) = place
        {
            seat.subscribe.channels.retain(|channel| !channels.contains(channel));
            if channels.contains(&Channel::Book) {
                seat.books = [None; PATHS_MAX];
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

    /// A connection of this kind and path with room for so many streams more.
    fn room_for(
        &mut self,
        subscribe: &Subscribe,
        route: usize,
        path: Path,
        streams: usize,
        now: Moment,
    ) -> usize {
        let limit = subscribe.venue.access.limits.streams_per_connection;
        let url = url_of(subscribe, route);
        let fits = |member: &Member| {
            member.url == url
                && member.venue.name == subscribe.venue.name
                && member.outlet == subscribe.outlet
                && member.path == path
                && !member.leaving
                && member.overlap.is_none_or(|(_, side)| side == Side::New)
                && (member.locals.iter().any(|local| local.id == subscribe.id)
                    || member.stream_count() + streams <= limit)
        };
        let found = self.members.iter().position(|member| member.as_ref().is_some_and(fits));
        found.unwrap_or_else(|| self.add_member(subscribe.venue, route, subscribe.outlet, path, url, now))
    }

    /// A new connection, which begins to connect.
    pub(super) fn add_member(
        &mut self,
        venue: &'static VenueFacts,
        route: usize,
        outlet: usize,
        path: Path,
        url: String,
        now: Moment,
    ) -> usize {
        self.connections += 1;
        let number = self.connections;
        let seed = self.setup.seed ^ u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut connection = Connection::new(venue, host_of(&url).to_owned(), self.setup.rules.clone(), seed);
        connection.open(now);
        let member = Member::new(venue, route, outlet, path, url, connection, number);
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
