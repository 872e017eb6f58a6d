//! The engine as the driver of a reader thread.

use std::time::Duration;

use touchline_feed::Moment;
use touchline_link::{Answer, Command, Driver, SocketEvent, SocketId, Stamp, Turn};
use touchline_market::Nanos;

use super::books;
use super::control::{Control, Told};
use super::engine::Engine;
use super::member::Member;
use super::outlet::Outlet;
use super::snapshots::Asked;
use super::watch::Watch;
use crate::latency::Recorder;
use crate::pipeline::Shard;

/// How often a connection that is gone looks for room to tell its books of what it lost.
const ROOM_EVERY: Duration = Duration::from_millis(100);

impl Driver for Engine {
    type Control = Control;

    #[inline]
    fn socket(&mut self, socket: SocketId, event: SocketEvent<'_>, stamp: Stamp) {
        self.stamp = stamp;
        match event {
            SocketEvent::Frame(frame) | SocketEvent::Binary { frame, .. } => {
                if let Some(index) = self.heard(socket, stamp.now) {
                    self.frame(index, frame, stamp);
                }
            }
            event => self.socket_event(socket, event, stamp),
        }
    }

    fn answer(&mut self, answer: Answer, stamp: Stamp) {
        self.stamp = stamp;
        self.answered(answer, stamp);
    }

    fn control(&mut self, control: Control, stamp: Stamp) {
        self.stamp = stamp;
        self.dirty = true;
        match control {
            Control::Subscribe(subscribe) => self.subscribe(subscribe),
            Control::Unsubscribe { id, channels } => self.unsubscribe(id, &channels),
            Control::Snapshots(needs) => {
                for (key, refresh) in needs {
                    if refresh {
                        self.refresh(key);
                    } else {
                        self.resyncs.need(key, 0, stamp.now);
                    }
                }
            }
            Control::Consumer(sender) => self.consumers.push(sender),
            Control::Books(control) => {
                for outlet in &mut self.setup.outlets {
                    if let Outlet::Direct(direct) = outlet {
                        books::obey(&mut direct.shard, control);
                        break;
                    }
                }
            }
            Control::Report(next, reply) => {
                // Whoever asked may have gone.
                let _ = reply.try_send(self.told(*next));
            }
            Control::Stop => self.stopping = true,
        }
    }

    fn turn(&mut self, now: Moment, commands: &mut Vec<Command>) -> Turn {
        if self.stopping {
            return Turn::Done;
        }
        let held = self.tend_books(now);
        if !self.dirty && now < self.wake {
            return Turn::Until(self.wake.min(held));
        }
        self.dirty = false;
        self.pass_time(now);
        // First: a connection that was taken over from says nothing more, it is closed in this same turn.
        let overlaps = self.run_overlaps(now);
        self.run_connections(now);
        self.run_resyncs(now);
        // What one of them set off in another is done at once, in the next turn.
        let connections = self.members.iter().flatten().map(|member| member.connection.wake());
        let wake = connections.min().unwrap_or(Moment::NEVER).min(overlaps).min(self.resyncs.wake());
        let untold = self.members.iter().flatten().any(|member| member.leaving && member.socket.is_none());
        let wake = if untold { wake.min(now + ROOM_EVERY) } else { wake };
        self.wake = if self.dirty { now } else { wake };
        commands.append(&mut self.commands);
        Turn::Until(self.wake.min(held))
    }
}

impl Engine {
    /// Books on this thread give up what they held too long for another path, and ask for their snapshots. When they hold
    /// something too long next.
    #[inline]
    fn tend_books(&mut self, now: Moment) -> Moment {
        let mut wake = Moment::NEVER;
        for outlet in &mut self.setup.outlets {
            if let Outlet::Direct(direct) = outlet {
                if direct.shard.is_holding() {
                    wake = wake.min(tend_held(&mut direct.shard, self.stamp, now));
                }
                direct.shard.observer().flush();
            }
        }
        wake
    }

    /// Is there anything to be done at this moment, so that a turn changes something?
    pub(crate) fn is_due(&self, now: Moment) -> bool {
        let holds = |outlet: &Outlet| matches!(outlet, Outlet::Direct(direct) if direct.shard.is_holding());
        self.stopping || self.dirty || now >= self.wake || self.setup.outlets.iter().any(holds)
    }

    /// When the last thing came, or was done.
    pub(crate) fn last_stamp(&self) -> Stamp {
        self.stamp
    }

    /// Which of the connections that bring the same books a socket is; 0 if it is none any more.
    #[inline]
    pub(crate) fn path_of(&self, socket: SocketId) -> u8 {
        self.of_socket(socket).map_or(0, |member| member.path.number())
    }

    /// Where a socket leads.
    pub(crate) fn url_of(&self, socket: SocketId) -> Option<&str> {
        self.of_socket(socket).map(|member| member.url.as_str())
    }

    /// What a REST request that is on its way was made for.
    pub(crate) fn purpose_of(&self, word: u64) -> &'static str {
        self.asks.get(word).map_or("", Asked::purpose)
    }

    #[inline]
    fn of_socket(&self, socket: SocketId) -> Option<&Member> {
        let index = (socket.0 & u64::from(u32::MAX)) as usize;
        self.member(index).filter(|member| member.socket == Some(socket))
    }

    /// Nothing came, but what is said and done now is said and done now.
    fn pass_time(&mut self, now: Moment) {
        if let Some(recv) = self.stamp.recv.get() {
            let passed = now.0.saturating_sub(self.stamp.now.0);
            self.stamp.recv = Nanos(recv.saturating_add(passed));
        }
        self.stamp.now = now;
    }

    /// What this reader says of itself.
    fn told(&mut self, next: Recorder) -> Told {
        let latencies =
            self.timing.as_mut().map(|timing| Box::new(std::mem::replace(&mut timing.recorder, next)));
        let now = self.stamp.now;
        let connections = self.members.iter().flatten();
        let connections = connections.map(|member| super::ConnectionReport::of(member, now)).collect();
        let outlets = self.setup.outlets.iter_mut().enumerate();
        let rings = outlets.filter_map(|(book_thread, outlet)| outlet.ring(book_thread)).collect();
        let (intake, paths) = (self.counters(), self.paths());
        Told { latencies, intake, connections, paths, rings, ..Told::default() }
    }

    /// The connection of a socket from which something came.
    #[inline]
    fn heard(&mut self, socket: SocketId, now: Moment) -> Option<usize> {
        let (index, member) = self.member_of(socket)?;
        member.connection.heard(now);
        Some(index)
    }
}

/// Gives up what was held too long, and says when something else will have been. The wall clock is as far from the last
/// stamp as the clock that drives timers.
#[cold]
fn tend_held(shard: &mut Shard<Watch>, last: Stamp, now: Moment) -> Moment {
    let wall = last.recv.0.saturating_add(now.0.saturating_sub(last.now.0));
    shard.give_up_held(Nanos(wall));
    let left = shard.held_until().map(|until| Duration::from_nanos(until.0.saturating_sub(wall)));
    left.map_or(Moment::NEVER, |left| now + left)
}
