//! One reader's whole business without I/O: its connections, its parsers, its snapshots. Told what came, it says what
//! to do.

use std::sync::{Arc, Mutex, PoisonError};

use touchline_feed::{Action, Gate, Moment, Report, Resyncs, Rules, StreamId};
use touchline_link::{Command, SocketEvent, SocketId, Stamp};
use touchline_market::{Channel, Head, InstrumentId, Reason};
use touchline_venue::{Ignored, Parsed, Rejected, Snapshots};

use super::control::Subscribe;
use super::member::{Member, Order};
use super::outlet::Outlet;
use super::replace::Overlap;
use super::report::PathReport;
use super::seats::Seat;
use super::sink::Side;
use super::snapshots::Asks;
use crate::counters::IntakeCounters;
use crate::events::{ConnectionEvent, Event, EventKind, Sender};
use crate::pipeline::Timing;
use crate::source;

/// What a reader is made from.
pub(crate) struct Setup {
    pub(crate) rules: Rules,
    pub(crate) snapshot_levels: u32,
    /// Connections that bring each book.
    pub(crate) paths: u8,
    pub(crate) gate: Arc<Mutex<Gate>>,
    pub(crate) outlets: Vec<Outlet>,
    pub(crate) measured: bool,
    pub(crate) seed: u64,
}

/// A reader.
pub(crate) struct Engine {
    pub(crate) setup: Setup,
    pub(crate) members: Vec<Option<Member>>,
    pub(crate) seats: Vec<Option<Seat>>,
    pub(crate) overlaps: Vec<Option<Overlap>>,
    pub(crate) resyncs: Resyncs,
    pub(super) asks: Asks,
    pub(super) consumers: Vec<Sender>,
    pub(super) timing: Option<Timing>,
    /// What connections that are gone had counted.
    retired: Vec<PathReport>,
    pub(super) commands: Vec<Command>,
    sockets: u64,
    pub(super) connections: u32,
    /// Something happened since the last turn.
    pub(super) dirty: bool,
    pub(super) wake: Moment,
    /// When the last thing came.
    pub(super) stamp: Stamp,
    pub(super) stopping: bool,
}

impl Engine {
    pub(crate) fn new(setup: Setup, subscriptions: Vec<Subscribe>) -> Self {
        let timing = setup.measured.then(Timing::new);
        let seed = setup.seed;
        let mut engine = Self {
            setup,
            members: Vec::new(),
            seats: Vec::new(),
            overlaps: Vec::new(),
            resyncs: Resyncs::new(seed),
            asks: Asks::default(),
            consumers: Vec::new(),
            timing,
            retired: Vec::new(),
            commands: Vec::new(),
            sockets: 0,
            connections: 0,
            dirty: true,
            wake: Moment(0),
            stamp: Stamp::default(),
            stopping: false,
        };
        for subscribe in subscriptions {
            engine.subscribe(subscribe);
        }
        engine
    }

    pub(super) fn member(&self, index: usize) -> Option<&Member> {
        self.members.get(index).and_then(Option::as_ref)
    }

    pub(super) fn member_mut(&mut self, index: usize) -> Option<&mut Member> {
        self.members.get_mut(index).and_then(Option::as_mut)
    }

    /// What every connection has counted so far.
    pub(crate) fn counters(&self) -> IntakeCounters {
        let mut all = IntakeCounters::default();
        self.paths().iter().for_each(|path| all.merge(&path.intake));
        all
    }

    /// What came by each path so far.
    pub(crate) fn paths(&self) -> Vec<PathReport> {
        let mut all = self.retired.clone();
        for member in self.members.iter().flatten() {
            PathReport::add(&mut all, PathReport::of(member));
        }
        all
    }

    /// The latencies of parsing, and the ways to the books.
    pub(crate) fn take_apart(self) -> (Option<crate::latency::Recorder>, Vec<Outlet>) {
        (self.timing.map(|timing| timing.recorder), self.setup.outlets)
    }

    /// Sends an order of a connection to its books.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        index: usize,
        order: Order<'_>,
        stamp: Stamp,
    ) -> Option<Result<Parsed, Rejected>> {
        let member = self.members.get_mut(index).and_then(Option::as_mut)?;
        let outlet = self.setup.outlets.get_mut(member.outlet)?;
        let overlap = match member.overlap {
            Some((overlap, _)) => self.overlaps.get_mut(overlap).and_then(Option::as_mut),
            None => None,
        };
        member.deliver(
            order,
            stamp,
            outlet,
            &mut self.resyncs,
            overlap.map(|overlap| &mut overlap.handover),
            self.timing.as_mut(),
        )
    }

    /// A whole message. The hot path.
    #[inline]
    pub(super) fn frame(&mut self, index: usize, frame: &[u8], stamp: Stamp) {
        match self.deliver(index, Order::Input(source::Event::Frame(frame)), stamp) {
            Some(Ok(Parsed::Updates(_))) => {}
            Some(Ok(Parsed::Ignored(Ignored::Ack | Ignored::ErrorReply | Ignored::Notice))) => {
                self.reply(index, frame, stamp.now);
            }
            Some(Err(_)) => self.bad_message(index, stamp.now),
            Some(Ok(Parsed::Ignored(_))) | None => {}
        }
    }

    #[cold]
    fn reply(&mut self, index: usize, frame: &[u8], now: Moment) {
        let Some(member) = self.member_mut(index) else { return };
        let reply = (member.venue.texts.reply)(frame);
        member.connection.reply(reply, now);
        self.mark(index);
    }

    #[cold]
    pub(super) fn bad_message(&mut self, index: usize, now: Moment) {
        let Some(member) = self.member_mut(index) else { return };
        member.connection.bad_message(now);
        self.mark(index);
    }

    /// A connection's actions are to be asked for.
    pub(crate) fn mark(&mut self, index: usize) {
        if let Some(member) = self.member_mut(index) {
            member.dirty = true;
        }
        self.dirty = true;
    }

    /// The connection of a socket, if the socket is still its own.
    #[inline]
    pub(super) fn member_of(&mut self, socket: SocketId) -> Option<(usize, &mut Member)> {
        let index = (socket.0 & u64::from(u32::MAX)) as usize;
        let member = self.members.get_mut(index)?.as_mut()?;
        (member.socket == Some(socket)).then_some((index, member))
    }

    /// Everything a socket says but frames.
    #[cold]
    pub(super) fn socket_event(&mut self, socket: SocketId, event: SocketEvent<'_>, stamp: Stamp) {
        let gate = Arc::clone(&self.setup.gate);
        let Some((index, member)) = self.member_of(socket) else { return };
        match event {
            SocketEvent::Opened => {
                member.intake.reopened(&member.url);
                member.will_end = false;
                for local in &mut member.locals {
                    (local.heard, local.begun, local.furthest) = (false, false, 0);
                }
                member.connection.opened(stamp.now);
            }
            SocketEvent::Refused(refusal) => {
                member.socket = None;
                let mut gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
                member.connection.refused(refusal, stamp.now, &mut gate);
            }
            SocketEvent::Alive => member.connection.heard(stamp.now),
            SocketEvent::Pinged => member.pinged(stamp.now),
            SocketEvent::Ended(ending) => {
                member.socket = None;
                member.connection.ended(ending, stamp.now);
            }
            SocketEvent::BrokenFrame(_) => {
                self.deliver(index, Order::Input(source::Event::BrokenFrame), stamp);
            }
            SocketEvent::Frame(_) | SocketEvent::Binary { .. } => {}
        }
        self.mark(index);
    }

    /// Asks every connection what is to be done, and does it.
    pub(super) fn run_connections(&mut self, now: Moment) {
        for index in 0..self.members.len() {
            let gate = Arc::clone(&self.setup.gate);
            let Some(member) = self.member_mut(index) else { continue };
            if !member.dirty && member.connection.wake() > now {
                continue;
            }
            member.dirty = false;
            member.connection.tick(now, &mut gate.lock().unwrap_or_else(PoisonError::into_inner));
            while let Some(action) = self.member_mut(index).and_then(|member| member.connection.next_action())
            {
                self.act(index, action, now);
            }
            self.retire_if_gone(index);
        }
    }

    fn act(&mut self, index: usize, action: Action, now: Moment) {
        match action {
            Action::Connect => self.connect(index),
            Action::Send(text) => self.command_socket(index, |socket| Command::Send { socket, text }),
            Action::Ping => self.command_socket(index, |socket| Command::Ping { socket }),
            Action::Close(code) => {
                self.command_socket(index, |socket| Command::Close { socket, code });
                if let Some(member) = self.member_mut(index) {
                    member.socket = None;
                }
            }
            Action::Probe(stream) => self.probe(index, stream, now),
            Action::Subscribed(stream) => self.subscribed(index, stream, now, now),
            Action::Break { stream, reason, dead } => self.broken(index, stream, reason, dead),
            Action::Replace => self.replace(index, now),
            Action::Report(report) => self.report(index, report),
        }
    }

    fn connect(&mut self, index: usize) {
        self.sockets += 1;
        let socket = SocketId(self.sockets << 32 | index as u64);
        let timeout = self.setup.rules.connect_timeout;
        let Some(member) = self.member_mut(index) else { return };
        member.socket = Some(socket);
        let url = member.url.clone();
        self.commands.push(Command::Open { socket, url, timeout });
    }

    fn command_socket(&mut self, index: usize, command: impl FnOnce(SocketId) -> Command) {
        let member = self.member(index);
        if let Some(socket) = member.and_then(|member| member.socket) {
            self.commands.push(command(socket));
        }
    }

    fn report(&mut self, index: usize, report: Report) {
        if let Some(member) = self.member_mut(index) {
            member.counters.count(&report);
        }
        self.consumers.retain(|consumer| !consumer.is_gone());
        if self.consumers.is_empty() {
            return;
        }
        let Some(member) = self.member(index) else { return };
        let event = Arc::new(ConnectionEvent {
            connection: member.number,
            venue: member.venue.name,
            at: self.stamp.recv,
            report,
        });
        for consumer in self.consumers.iter().filter(|consumer| consumer.wants(EventKind::Connection)) {
            consumer.send(Event::Connection(Arc::clone(&event)));
        }
    }

    /// A connection that was closed for good and has no socket any more leaves only its counts, as soon as its books have
    /// heard of what it lost: until then no book behind the same ring is up to date.
    fn retire_if_gone(&mut self, index: usize) {
        let Some(member) = self.member(index).filter(|member| member.leaving && member.socket.is_none())
        else {
            return;
        };
        if member.intake.is_overrun() {
            let order = Order::Breaks { reason: Reason::Overrun, dead: false };
            self.deliver(index, order, self.stamp);
        }
        let Some(place) = self.members.get_mut(index) else { return };
        if let Some(member) = place.take_if(|member| !member.intake.is_overrun()) {
            PathReport::add(&mut self.retired, PathReport::of(&member));
        } else if let Some(member) = place {
            // Still no room: again with the next turn.
            member.dirty = true;
        }
    }

    /// A stream was acknowledged: its book may have its snapshot. One that the stream is to begin with is on its way `since`
    /// then.
    pub(super) fn subscribed(&mut self, index: usize, stream: StreamId, since: Moment, now: Moment) {
        let Some(member) = self.member_mut(index) else { return };
        let place = member.places.get(stream.0 as usize).copied().flatten();
        if let (Some((overlap, Side::New)), Some(place)) = (member.overlap, place) {
            if let Some(overlap) = self.overlaps.get_mut(overlap).and_then(Option::as_mut) {
                overlap.handover.acknowledged(place as usize, now);
            }
            return;
        }
        let Some((number, Channel::Book)) = member.owner(stream) else { return };
        let begins_with_one = matches!(member.venue.texts.snapshots, Snapshots::Stream);
        let Some(local) = member.locals.get_mut(number as usize) else { return };
        (local.heard, local.refused) = (false, false);
        let (key, begun, ended) = (local.key, local.begun, std::mem::take(&mut local.ended));
        // Acknowledged at the same time, none of them has been here before.
        let beside = self.resyncs.is_allowed(key) && self.is_carried_beside(index, key);
        if ended.is_some() {
            // It was dead; now it waits for its snapshot like any other.
            let head = Head::broken(InstrumentId(number), Some(Channel::Book), Reason::Disconnected);
            self.deliver(index, Order::Head(head), self.stamp);
        }
        if beside {
            self.share_sequence(key);
        }
        self.resyncs.allow(key, true, self.stamp.now);
        match (begins_with_one, begun) {
            // A book that another connection carries says itself what it needs.
            (false, _) if beside => {}
            (false, _) => self.resyncs.need(key, 0, now),
            (true, false) => self.resyncs.expect(key, 0, since, now),
            (true, true) => {} // It came before the acknowledgement.
        }
    }

    /// What was built from a stream, or from all of a connection, cannot be trusted.
    pub(super) fn broken(&mut self, index: usize, stream: Option<StreamId>, reason: Reason, dead: bool) {
        let Some(member) = self.member_mut(index) else { return };
        let overlap = member.overlap;
        if let Some((overlap, Side::New)) = overlap {
            return self.give_back(index, overlap, stream, reason, dead);
        }
        let stamp = self.stamp;
        let Some(stream) = stream else {
            for key in self.book_keys(index).collect::<Vec<_>>() {
                self.disallow(index, key);
            }
            for local in self.member_mut(index).into_iter().flat_map(|member| &mut member.locals) {
                local.ended = dead.then_some(reason);
            }
            self.deliver(index, Order::Breaks { reason, dead }, stamp);
            if let Some((overlap, Side::Old)) = overlap {
                self.fail_over(overlap);
            }
            return;
        };
        let Some(member) = self.member_mut(index) else { return };
        let Some((number, channel)) = member.owner(stream) else { return };
        let head = if dead {
            Head::ended(InstrumentId(number), Some(channel), reason)
        } else {
            Head::broken(InstrumentId(number), Some(channel), reason)
        };
        let book = member.locals.get_mut(number as usize).filter(|_| channel == Channel::Book);
        let book = book.map(|local| {
            local.refused |= dead;
            local.ended = dead.then_some(reason).or(local.ended);
            local.key
        });
        if let Some(key) = book {
            self.disallow(index, key);
        }
        self.deliver(index, Order::Head(head), stamp);
    }

    /// A connection carries a book no more: a snapshot is of no use unless another one does.
    fn disallow(&mut self, index: usize, key: u32) {
        if !self.is_carried_beside(index, key) {
            self.resyncs.allow(key, false, self.stamp.now);
        }
    }

    /// The keys of the books that come by this connection.
    pub(crate) fn book_keys(&self, index: usize) -> impl Iterator<Item = u32> {
        let member = self.member(index);
        member.into_iter().flat_map(|member| {
            member.locals.iter().filter(|local| local.stream(Channel::Book).is_some()).map(|local| local.key)
        })
    }
}
