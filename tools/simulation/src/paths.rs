//! Several connections to a book: what they hold for one another, and what the loss of one or of all of them means.

use std::time::Duration;

use touchline_market::Channel;

use crate::checker::Judged;
use crate::faults::ENDS;
use crate::network::Key;
use crate::world::{Happening, WS, World, lock};
use touchline_simulator::{Command as Order, End, Which};

/// After so long a connection has brought something of every brisk market, and its books are there.
const SETTLED: Duration = Duration::from_secs(20);

impl World<'_> {
    /// Books that hold something for another path want to be looked at when its time is over, though nothing came.
    pub(crate) fn wait_for_held(&mut self) {
        // Whoever is paused looks when he goes on.
        let Some(until) = self.feed.held_until().filter(|_| !self.paused) else { return };
        let at = self.now + Duration::from_nanos(until.0.saturating_sub(self.stamp().recv.0));
        if self.held_until <= self.now || at < self.held_until {
            self.held_until = at;
            self.agenda.put(at, Happening::Held);
        }
    }

    /// One of the connections that bring the same books ends, while the others have long brought them: no book may leave
    /// LIVE for that.
    pub(crate) fn kill(&mut self) {
        let long_since = |at: Duration| at + SETTLED <= self.now;
        if !long_since(self.quiet_until) || !long_since(self.killed) {
            return;
        }
        let carriers: Vec<(u64, Key)> = self
            .connections
            .iter()
            .filter(|(_, key)| self.sockets.get(key).is_some_and(|socket| self.carries_books(&socket.url)))
            .map(|(connection, key)| (*connection, *key))
            .collect();
        let Some((victim, (reader, _))) =
            carriers.get(self.random.below(carriers.len() as u64) as usize).copied()
        else {
            return;
        };
        let settled = |(other, key): &&(u64, Key)| {
            let socket = self.sockets.get(key);
            *other != victim && key.0 == reader && socket.is_some_and(|socket| long_since(socket.opened))
        };
        if carriers.iter().filter(settled).count() + 1 < usize::from(self.plan.paths) {
            return;
        }
        self.killed = self.now;
        self.mark("path killed");
        let how = if self.random.chance(0.2) { End::HalfOpen } else { self.random.one_of(&ENDS, End::Fin) };
        self.order(Order::End { which: Which::Connection(victim), how });
    }

    /// When the last socket with books of a reader has ended, none of them says LIVE from that moment on.
    pub(crate) fn judge_ends(&mut self) {
        if self.paused {
            return;
        }
        let readers = self.feed.readers();
        for (reader, url) in std::mem::take(&mut self.ended) {
            if !self.carries_books(&url) {
                continue;
            }
            let same = |((whose, _), socket): (&Key, &crate::network::Socket)| {
                *whose == reader && socket.connection.is_some() && socket.url == url
            };
            let others = self.sockets.iter().any(same);
            let mut checker = lock(&self.checker);
            let is_live = |book: &Judged| book.view.touch().state.is_live();
            let mut books = checker.books.iter().skip(reader).step_by(readers);
            if others {
                let unnoticed = self.plan.paths > 1 && books.all(is_live);
                drop(checker);
                if unnoticed {
                    self.mark("connection lost, books LIVE");
                }
                continue;
            }
            if let Some(symbol) = books.find(|book| is_live(book)).map(|book| book.symbol.clone()) {
                checker.fail(|| format!("{symbol}: LIVE after its connection ended"));
            }
        }
    }

    fn carries_books(&self, url: &str) -> bool {
        let access = &self.plan.venue.access;
        let route = access.route_of(Channel::Book).and_then(|at| access.routes.get(at));
        route.is_some_and(|route| url.strip_prefix(WS) == Some(route.path))
    }
}
