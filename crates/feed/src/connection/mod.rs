//! One connection to a venue: when to connect, what to subscribe to, whether it is still alive, when to give it up.
//!
//! Whoever owns a connection tells it what its socket says and, by [`Connection::wake`] at the latest, what time it is;
//! after each call it drains [`Connection::next_action`]. Two methods are on the hot path, [`Connection::heard`] and
//! [`Connection::data`]: they store the time and nothing else. Whether something was silent for too long is found out
//! later, by [`Connection::tick`].

mod answers;
mod liveness;
mod refusals;
mod streams;
mod text;

use std::collections::VecDeque;
use std::time::Duration;

use touchline_market::{Bug, Reason, planted};
use touchline_venue::{Snapshots, VenueFacts};

use crate::backoff::Backoff;
use crate::bucket::Bucket;
use crate::gate::Gate;
use crate::random::Random;
use crate::{Action, Ending, Moment, Report, Rules, StreamId};
use liveness::Stall;
use streams::{Standing, Streams};

/// Close code: done (RFC 6455, 7.4.1).
const NORMAL: u16 = 1_000;

/// Close codes of a venue that asks for distance: our behaviour is not welcome; try again later.
const HARSH: [u16; 2] = [1_008, 1_013];

/// The venue counts what arrives in a second. What we send at the beginning of ours can be a quarter of a second longer
/// on its way than what we send at its end, and still not meet it there.
const SEND_WINDOW: Duration = Duration::from_millis(1_250);

/// Room left for pongs whatever is asked for: the socket layer sends up to two a second, and does not ask. Those that
/// were just sent need none any more.
const PONGS_SPARED: u32 = 2;

/// How much later than the socket's own deadline an attempt is given up that nobody reported about.
const GRACE: Duration = Duration::from_millis(500);

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Phase {
    /// Not wanted.
    Closed,
    /// It will connect when its time has come.
    Waiting,
    /// A socket is being opened.
    Connecting,
    /// The socket is open; some streams wait for their acknowledgement.
    Subscribing,
    /// Every stream is acknowledged, or refused so often that it is left alone.
    Live,
}

/// Where the socket is, and since or until when.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Socket {
    Closed,
    Waiting { until: Moment },
    Connecting { since: Moment },
    Open { since: Moment },
}

/// One connection's life.
#[derive(Debug)]
pub struct Connection {
    heard_at: Moment,
    streams: Streams,
    venue: &'static VenueFacts,
    host: String,
    rules: Rules,
    random: Random,
    backoff: Backoff,
    socket: Socket,
    live: bool,
    /// Every send of the last [`SEND_WINDOW`], pongs included.
    sends: Bucket,
    /// The pongs among them.
    pongs: Bucket,
    bad_messages: Bucket,
    actions: VecDeque<Action>,
    /// When we last sent a ping.
    ping_at: Moment,
    /// When to ask for a replacement.
    roll_at: Moment,
    /// It was asked for in this session.
    left: bool,
    /// Attempts since the last stable session.
    attempts: u32,
    /// Times in a row that the venue said "too many requests".
    limited: u32,
    /// What was last said about all streams, since the socket was last open.
    broken: Option<(Reason, bool)>,
    /// When the connection was last given up because one of its streams was silent.
    given_up_at: Option<Moment>,
    /// An attempt that the gate allowed got through: the gate is told with the next tick.
    got_through: bool,
    wake: Moment,
}

impl Connection {
    /// A connection to a host (`name:port`, as the [`Gate`] is to know it) of a venue. Nothing happens before
    /// [`open`](Self::open). Connections with different seeds do not retry in step.
    #[must_use]
    pub fn new(venue: &'static VenueFacts, host: String, rules: Rules, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let bad = u32::try_from(rules.bad_messages_per_minute).unwrap_or(u32::MAX);
        Self {
            heard_at: Moment(0),
            streams: Streams::new(venue, &rules),
            venue,
            host,
            backoff: Backoff::new(&rules, random.next()),
            random,
            socket: Socket::Closed,
            live: false,
            sends: Bucket::new(venue.access.limits.sends_per_second, SEND_WINDOW),
            pongs: Bucket::new(PONGS_SPARED, SEND_WINDOW),
            bad_messages: Bucket::new(bad, Duration::from_secs(60)),
            actions: VecDeque::new(),
            ping_at: Moment(0),
            roll_at: Moment::NEVER,
            left: false,
            attempts: 0,
            limited: 0,
            broken: None,
            given_up_at: None,
            got_through: false,
            wake: Moment::NEVER,
            rules,
        }
    }

    /// Any frame, ping or pong came. Hot: one store.
    #[inline]
    pub fn heard(&mut self, now: Moment) {
        self.heard_at = now;
    }

    /// Data of this stream came. Counts as [`heard`](Self::heard) as well. Hot: three stores.
    #[inline]
    pub fn data(&mut self, stream: StreamId, now: Moment) {
        self.heard_at = now;
        self.streams.data(stream, now);
    }

    /// Carries one more stream, now or as soon as the socket is open. `name` is the venue's; `probe` says whether
    /// the owner can find out if the venue is ahead of us. A stream that cannot be probed may be quiet for as long as
    /// it likes: nothing tells a quiet market from a silent stall, so it is never flagged alone.
    pub fn subscribe(&mut self, name: String, probe: bool, now: Moment) -> StreamId {
        self.wake = self.wake.min(now);
        self.streams.add(name, probe, now)
    }

    /// Carries a stream no more; its place is free at once.
    pub fn unsubscribe(&mut self, stream: StreamId, now: Moment) {
        let open = matches!(self.socket, Socket::Open { .. });
        self.streams.remove(stream, open);
        self.wake = self.wake.min(now);
    }

    /// Subscribes anew to a stream that the venue sends: it begins again, with a snapshot where it has one. Whoever asks
    /// for this knows what it means for what was built from the stream: nothing is said of it. A stream that is not
    /// acknowledged is asked for already. Where a stream begins with a snapshot it is asked for as soon as the venue has
    /// said that the old one [is gone](Self::is_left), at the latest when that answer is overdue.
    pub fn resubscribe(&mut self, stream: StreamId, now: Moment) {
        if self.streams.is_acknowledged(stream) {
            let standing = match self.venue.texts.snapshots {
                Snapshots::Stream => Standing::Leaving { until: now + self.rules.ack_timeout },
                Snapshots::Rest { .. } => Standing::Wanted { from: now },
            };
            self.streams.resubscribe(stream.0, standing);
            self.wake = self.wake.min(now);
        }
    }

    /// Is the stream about to be subscribed to anew, and the venue has not said yet that the old subscription is over? What
    /// comes of it now is of that one, the snapshot that it began with too.
    #[must_use]
    pub fn is_left(&self, stream: StreamId) -> bool {
        self.streams.is_left(stream)
    }

    /// Asks once more for every stream that was left alone after too many tries: nobody else carries it any more.
    pub fn ask_again(&mut self, now: Moment) {
        self.streams.ask_again(now);
        self.wake = self.wake.min(now);
    }

    /// Connect as soon as the gate lets us.
    pub fn open(&mut self, now: Moment) {
        if self.socket == Socket::Closed {
            self.wait_until(now);
        }
    }

    /// Ends it for good; nothing is retried until [`open`](Self::open).
    pub fn close(&mut self, now: Moment) {
        if matches!(self.socket, Socket::Connecting { .. } | Socket::Open { .. }) {
            self.actions.push_back(Action::Close(NORMAL));
        }
        self.socket = Socket::Closed;
        self.live = false;
        self.streams.disconnected(now);
        self.wake = if self.got_through { now } else { Moment::NEVER };
    }

    /// The socket is open.
    pub fn opened(&mut self, now: Moment) {
        if !matches!(self.socket, Socket::Connecting { .. }) {
            return;
        }
        self.socket = Socket::Open { since: now };
        self.heard_at = now;
        self.ping_at = now;
        self.sends.clear();
        self.pongs.clear();
        self.bad_messages.clear();
        self.broken = None;
        self.limited = 0;
        self.left = false;
        self.got_through = true;
        let age = self.rules.roll_after(self.venue.access.limits.lifetime, &mut self.random);
        self.roll_at = age.map_or(Moment::NEVER, |age| now + age);
        self.streams.hello.extend((self.venue.texts.hello)());
        self.actions.push_back(Action::Report(Report::Open));
        self.wake = now;
    }

    /// The open socket ended.
    pub fn ended(&mut self, ending: Ending, now: Moment) {
        if matches!(self.socket, Socket::Open { .. } | Socket::Connecting { .. }) {
            let reason = match ending {
                Ending::Broken(_) => Reason::BadMessage,
                Ending::Slow => Reason::Stalled,
                _ => Reason::Disconnected,
            };
            if !planted(Bug::EndUntold) {
                self.break_all(reason, false);
            }
            self.down(ending, now);
        }
    }

    /// The venue's ping came and the socket layer answered it: that counts against what we may send.
    pub fn pinged(&mut self, now: Moment) {
        self.heard_at = now;
        self.sends.count(now);
        self.pongs.count(now);
    }

    /// How many pongs may still have to be sent beside what is sent now.
    fn pongs_to_come(&self, now: Moment) -> usize {
        (PONGS_SPARED as usize).saturating_sub(self.pongs.used(now))
    }

    /// A message could not be read. The owner has already broken what it concerns; too many of them end the session.
    pub fn bad_message(&mut self, now: Moment) {
        if !matches!(self.socket, Socket::Open { .. }) {
            return;
        }
        if self.bad_messages.may(0, now).is_err() {
            self.give_up(Reason::BadMessage, now);
        } else {
            self.bad_messages.count(now);
        }
    }

    /// Does everything that depends on time. Cheap before [`wake`](Self::wake).
    pub fn tick(&mut self, now: Moment, gate: &mut Gate) {
        if now < self.wake {
            return;
        }
        if self.got_through {
            self.got_through = false;
            gate.done(&self.host, true);
        }
        self.wake = match self.socket {
            Socket::Closed => Moment::NEVER,
            Socket::Waiting { until } if now < until => until,
            Socket::Waiting { .. } => self.try_to_connect(now, gate),
            Socket::Connecting { since } => {
                let deadline = since + self.rules.connect_timeout + GRACE;
                if now >= deadline {
                    self.actions.push_back(Action::Close(NORMAL));
                    self.refused(crate::Refusal::Timeout(self.rules.connect_timeout), now, gate);
                    self.wake
                } else {
                    deadline
                }
            }
            Socket::Open { .. } => self.tend(now),
        };
    }

    /// The next thing to do; `None` when all is done.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`tick`](Self::tick) is needed at the latest.
    #[inline]
    #[must_use]
    pub fn wake(&self) -> Moment {
        self.wake
    }

    /// Where it is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.socket {
            Socket::Closed => Phase::Closed,
            Socket::Waiting { .. } => Phase::Waiting,
            Socket::Connecting { .. } => Phase::Connecting,
            Socket::Open { .. } if self.live => Phase::Live,
            Socket::Open { .. } => Phase::Subscribing,
        }
    }

    /// Its streams: place, the venue's name, whether the venue has acknowledged it on the present socket.
    pub fn streams(&self) -> impl Iterator<Item = (StreamId, &str, bool)> {
        self.streams.iter()
    }

    /// Has the venue acknowledged this stream on the present socket?
    #[must_use]
    pub fn is_subscribed(&self, stream: StreamId) -> bool {
        self.streams.is_acknowledged(stream)
    }

    fn wait_until(&mut self, until: Moment) {
        self.socket = Socket::Waiting { until };
        self.wake = until;
    }

    fn try_to_connect(&mut self, now: Moment, gate: &mut Gate) -> Moment {
        match gate.may(&self.host, &self.venue.access.limits, now) {
            Ok(()) => {
                self.attempts = self.attempts.saturating_add(1);
                self.socket = Socket::Connecting { since: now };
                self.actions.push_back(Action::Report(Report::Connecting { attempt: self.attempts }));
                self.actions.push_back(Action::Connect);
                now + self.rules.connect_timeout + GRACE
            }
            Err(until) => {
                self.socket = Socket::Waiting { until };
                until
            }
        }
    }

    /// What an open connection needs now; when it needs something again.
    fn tend(&mut self, now: Moment) -> Moment {
        if now.since(self.heard_at) >= self.rules.idle {
            self.actions.push_back(Action::Report(Report::Stalled { stream: None }));
            self.give_up(Reason::Stalled, now);
            return self.wake;
        }
        self.streams.time_out(&self.rules, now, &mut self.actions);
        let watched = match self.streams.watch(&self.rules, now, &mut self.actions) {
            Ok(next) => next,
            Err(stall) => {
                if self.is_worth_giving_up(stall, now) {
                    self.actions.push_back(Action::Report(Report::Stalled { stream: stall.stream() }));
                    self.give_up(Reason::Stalled, now);
                    return self.wake;
                }
                now
            }
        };
        if now >= self.roll_at {
            self.leave();
        }
        let silent = self.heard_at + self.rules.idle;
        let ping = self.ping(now);
        let spare = self.pongs_to_come(now);
        let sent = self.streams.send(self.venue, (&mut self.sends, spare), now, &mut self.actions);
        self.look_whether_live();
        let timeout = self.streams.next_timeout(&self.rules);
        [silent, ping, sent, watched, timeout, self.roll_at].into_iter().min().unwrap_or(now)
    }

    /// Sends a ping when half of the bearable silence has passed; when the next may be due.
    fn ping(&mut self, now: Moment) -> Moment {
        let due = self.heard_at.max(self.ping_at) + self.rules.idle / 2;
        if now < due {
            return due;
        }
        if let Err(free) = self.sends.may(self.pongs_to_come(now), now) {
            return free;
        }
        self.sends.count(now);
        self.ping_at = now;
        self.actions.push_back(Action::Ping);
        now + self.rules.idle / 2
    }

    /// A stream that stays silent alone may end the session of all others, but rarely: one bad symbol must not keep
    /// the others from living. In between it is only subscribed to anew.
    fn is_worth_giving_up(&mut self, stall: Stall, now: Moment) -> bool {
        let Stall::Alone(stream) = stall else { return true };
        let pause = self.rules.stable * 10;
        if self.given_up_at.is_some_and(|at| now.since(at) < pause) && self.streams.count_acknowledged() > 1 {
            self.streams.renew(stream, false, now, &mut self.actions);
            return false;
        }
        self.given_up_at = Some(now);
        true
    }

    fn look_whether_live(&mut self) {
        let settled = self.streams.is_settled();
        if settled && !self.live {
            let streams = self.streams.count_acknowledged();
            self.actions.push_back(Action::Report(Report::Live { streams }));
        }
        self.live = settled;
    }

    /// Asks for a replacement, once a session.
    fn leave(&mut self) {
        if self.left {
            return;
        }
        self.left = true;
        self.roll_at = Moment::NEVER;
        self.actions.push_back(Action::Replace);
        self.actions.push_back(Action::Report(Report::Leaving));
    }

    /// Closes the socket for a reason of ours, and connects again.
    fn give_up(&mut self, reason: Reason, now: Moment) {
        self.break_all(reason, false);
        self.actions.push_back(Action::Close(NORMAL));
        self.down(Ending::Ours, now);
    }

    /// What was built from all streams is not to be trusted. Said once for each reason while the socket is not open.
    fn break_all(&mut self, reason: Reason, dead: bool) {
        if self.broken != Some((reason, dead)) {
            self.broken = Some((reason, dead));
            self.actions.push_back(Action::Break { stream: None, reason, dead });
        }
    }

    /// The socket is gone: connect again after the back-off.
    fn down(&mut self, ending: Ending, now: Moment) {
        let session = match self.socket {
            Socket::Open { since } => Some(now.since(since)),
            _ => None,
        };
        if session.is_some_and(|session| session >= self.rules.stable) {
            self.attempts = 0;
        }
        let harsh = matches!(ending, Ending::Closed(code) if HARSH.contains(&code));
        let next = now + self.backoff.next(session, harsh);
        self.live = false;
        self.roll_at = Moment::NEVER;
        self.streams.disconnected(now);
        self.actions.push_back(Action::Report(Report::Down { ending, next }));
        self.wait_until(next);
        if self.got_through {
            self.wake = now;
        }
    }
}
