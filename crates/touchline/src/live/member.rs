//! One connection of a reader: its life, its parser, and which of its streams is whose.

use std::time::Duration;

use touchline_feed::{Connection, Moment, Resyncs, StreamId};
use touchline_link::{SocketId, Stamp};
use touchline_market::{Channel, Continuity, Flags, Head, Instrument, InstrumentId, Nanos, Reason, Sink};
use touchline_venue::{Parsed, Rejected, Snapshots, VenueFacts};

use super::outlet::{Outlet, Work};
use super::path::Path;
use super::sink::{CHANNELS, LiveSink, Local, Overlapping, Side};
use crate::counters::ConnectionCounters;
use crate::pipeline::{Borrowed, Intake, Stamped, Stamps, Timing};
use crate::source::Event;

/// How often the socket layer answers pings at most.
const PONG_EVERY: Duration = Duration::from_millis(500);

/// A connection with its parser.
pub(crate) struct Member {
    pub(crate) venue: &'static VenueFacts,
    /// Its number among all that this reader ever opened, from 1.
    pub(crate) number: u32,
    /// Which kind of the venue's connections.
    pub(crate) route: usize,
    /// Which group of books it feeds.
    pub(crate) outlet: usize,
    /// Which of the connections that bring the same books it is.
    pub(crate) path: Path,
    pub(crate) url: String,
    pub(crate) socket: Option<SocketId>,
    pub(crate) connection: Connection,
    pub(crate) intake: Intake,
    /// What it reported.
    pub(crate) counters: ConnectionCounters,
    /// Its instruments, by the number its parser gives them.
    pub(crate) locals: Vec<Local>,
    /// Whose each stream is.
    pub(crate) streams: Vec<Option<(u32, Channel)>>,
    /// The hand-over it takes part in.
    pub(crate) overlap: Option<(usize, Side)>,
    /// The place of each stream in that hand-over.
    pub(crate) places: Vec<Option<u32>>,
    /// When the next pong may be sent.
    pong_from: Moment,
    /// Something happened: its actions are to be asked for.
    pub(crate) dirty: bool,
    /// It is to be gone when its socket is.
    pub(crate) leaving: bool,
    /// It will end, and is to be replaced as soon as it has taken over from another one.
    pub(crate) will_end: bool,
}

/// What goes to the books from a connection.
pub(crate) enum Order<'a> {
    /// Something that came.
    Input(Event<'a>),
    /// A snapshot, whose head gets these flags.
    Snapshot { url: &'a str, body: &'a [u8], flags: Flags },
    /// One head without a body, with the number the connection's parser gives the instrument.
    Head(Head),
    /// These streams broke.
    Breaks { reason: Reason, dead: bool },
}

/// An order on its way through the parser into an outlet.
struct Delivery<'a> {
    intake: &'a mut Intake,
    locals: &'a mut [Local],
    connection: &'a mut Connection,
    resyncs: &'a mut Resyncs,
    overlapping: Option<Overlapping<'a>>,
    timing: Option<&'a mut Timing>,
    order: Order<'a>,
    stamp: Stamp,
    path: Path,
}

impl Work for Delivery<'_> {
    type Output = Option<Result<Parsed, Rejected>>;

    #[inline]
    fn run<S: Sink>(self, sink: &mut S) -> Self::Output {
        let Self { intake, locals, connection, resyncs, overlapping, timing, order, stamp, path } = self;
        let mut live = LiveSink {
            sink,
            locals,
            connection,
            resyncs,
            overlapping,
            now: stamp.now,
            path: path.number(),
            snapshot_flags: Flags::default(),
            withheld: 0,
            extra: 0,
        };
        let stamps = match timing {
            Some(timing) => {
                let began = timing.now();
                let waited =
                    (stamp.kernel != Nanos::NONE).then(|| stamp.recv.0.saturating_sub(stamp.kernel.0));
                Stamps::Clock { timing, due: stamp.ticks, began, waited }
            }
            None => Stamps::None,
        };
        let mut sink = Stamped { sink: Borrowed(&mut live), recv: stamp.recv, stamps };
        let outcome = match order {
            Order::Input(event) => intake.take(event, &mut sink),
            Order::Snapshot { url, body, flags } => {
                sink.sink.0.snapshot_flags = flags;
                intake.take(Event::Rest { url, body }, &mut sink)
            }
            Order::Head(head) => {
                intake.send(head, &mut sink);
                None
            }
            Order::Breaks { reason, dead } => {
                intake.break_all(None, reason, dead, &mut sink);
                None
            }
        };
        intake.settle(live.withheld, live.extra);
        outcome
    }
}

impl Member {
    pub(crate) fn new(
        venue: &'static VenueFacts,
        route: usize,
        outlet: usize,
        path: Path,
        url: String,
        connection: Connection,
        number: u32,
    ) -> Self {
        Self {
            venue,
            number,
            route,
            outlet,
            path,
            url,
            socket: None,
            connection,
            intake: Intake::new(venue, []),
            counters: ConnectionCounters::default(),
            locals: Vec::new(),
            streams: Vec::new(),
            overlap: None,
            places: Vec::new(),
            pong_from: Moment(0),
            dirty: true,
            leaving: false,
            will_end: false,
        }
    }

    /// Adds the streams of an instrument's channels. Those that are there already stay.
    pub(crate) fn subscribe(
        &mut self,
        instrument: &Instrument,
        id: u32,
        desk: InstrumentId,
        channels: &[Channel],
        levels: u32,
        now: Moment,
    ) -> u32 {
        let mut wanted: Vec<_> = channels.to_vec();
        let known = self.locals.iter().position(|local| local.id == id);
        if let Some(local) = known.and_then(|known| self.locals.get(known)) {
            wanted.extend(local.channels());
        }
        let number = self.intake.insert(instrument, &wanted).0;
        let fresh = Local {
            desk,
            id,
            key: self.path.key(id, self.venue),
            streams: [None; CHANNELS.len()],
            whole: false,
            sequence: 0,
            furthest: 0,
            heard: false,
            shown: None,
            begun: false,
            renewed: false,
            refused: false,
            ended: None,
        };
        match self.locals.get_mut(number as usize) {
            Some(local) if local.id == id => local.desk = desk,
            Some(local) => *local = fresh,
            None => self.locals.push(fresh),
        }
        let Some(local) = self.locals.get_mut(number as usize) else { return number };
        for &channel in channels {
            let Some(place) = local.streams.get_mut(channel as usize) else { continue };
            if place.is_none() {
                let mut name = String::new();
                (self.venue.texts.stream)(&instrument.symbol, channel, levels, &mut name);
                // Only where a snapshot can be asked for can it be found out whether the venue is ahead.
                let probe =
                    channel == Channel::Book && matches!(self.venue.texts.snapshots, Snapshots::Rest { .. });
                let stream = self.connection.subscribe(name, probe, now);
                *place = Some(stream);
                let at = stream.0 as usize;
                if self.streams.len() <= at {
                    self.streams.resize(at + 1, None);
                }
                if let Some(owner) = self.streams.get_mut(at) {
                    *owner = Some((number, channel));
                }
            }
        }
        self.dirty = true;
        number
    }

    /// Takes off an instrument's streams.
    pub(crate) fn unsubscribe(&mut self, id: u32, channels: &[Channel], now: Moment) {
        let Some(number) = self.locals.iter().position(|local| local.id == id) else { return };
        let Some(local) = self.locals.get_mut(number) else { return };
        for &channel in channels {
            let Some(stream) = local.streams.get_mut(channel as usize).and_then(Option::take) else {
                continue;
            };
            self.connection.unsubscribe(stream, now);
            if let Some(owner) = self.streams.get_mut(stream.0 as usize) {
                *owner = None;
            }
        }
        let left: Vec<_> = local.channels().collect();
        self.intake.set_channels(InstrumentId(number as u32), &left);
        self.dirty = true;
    }

    /// The venue pinged. Of pings in masses the socket layer answers the newest, twice a second: only these answers,
    /// one of which may still wait, count against what may be sent.
    #[cold]
    pub(crate) fn pinged(&mut self, now: Moment) {
        if self.pong_from <= now + PONG_EVERY {
            self.pong_from = self.pong_from.max(now) + PONG_EVERY;
            self.connection.pinged(now);
        } else {
            self.connection.heard(now);
        }
    }

    /// How many streams it has.
    pub(crate) fn stream_count(&self) -> usize {
        self.streams.iter().flatten().count()
    }

    /// Whose a stream is.
    pub(crate) fn owner(&self, stream: StreamId) -> Option<(u32, Channel)> {
        self.streams.get(stream.0 as usize).copied().flatten()
    }

    /// Sends an order to the books. `None` if it gave no outcome, or if there was no room: then the books will hear
    /// that messages were lost.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        order: Order<'_>,
        stamp: Stamp,
        outlet: &mut Outlet,
        resyncs: &mut Resyncs,
        handover: Option<&mut touchline_feed::Handover>,
        timing: Option<&mut Timing>,
    ) -> Option<Result<Parsed, Rejected>> {
        let (bytes, more) = match &order {
            Order::Input(Event::Frame(frame)) => (frame.len(), 0),
            Order::Snapshot { body, .. } => (body.len(), 0),
            Order::Input(_) | Order::Breaks { .. } => (0, self.locals.len() * CHANNELS.len()),
            Order::Head(_) => (0, CHANNELS.len()),
        };
        let was = self.intake.is_overrun();
        let due = if was { self.locals.len() * CHANNELS.len() } else { 0 };
        let overlapping = match (handover, self.overlap) {
            (Some(handover), Some((_, side))) => Some(Overlapping {
                handover,
                side,
                places: &self.places,
                begins: matches!(self.venue.texts.snapshots, Snapshots::Stream),
                own_numbers: self.venue.continuity == Continuity::Connection,
            }),
            _ => None,
        };
        let lost = match order {
            Order::Input(_) => Intake::drop_frame,
            Order::Snapshot { .. } => Intake::drop_snapshot,
            Order::Head(_) | Order::Breaks { .. } => Intake::drop_break,
        };
        let delivery = Delivery {
            intake: &mut self.intake,
            locals: &mut self.locals,
            connection: &mut self.connection,
            resyncs,
            overlapping,
            timing,
            order,
            stamp,
            path: self.path,
        };
        let outcome = outlet.with(bytes, more + due, delivery);
        if outcome.is_none() {
            lost(&mut self.intake);
        }
        if was != self.intake.is_overrun() {
            outlet.overrun(!was);
        }
        outcome.flatten()
    }
}
