//! What passes between the exchange and the sockets of the readers.

use std::time::Duration;

use touchline_feed::Ending;
use touchline_link::SocketEvent;
use touchline_simulator::{Attempt, Leaves, Said};

use crate::network::{self, Key, Passage, Socket, Word};
use crate::world::{Happening, World};

impl World<'_> {
    pub(crate) fn drain_all(&mut self) {
        let open: Vec<u64> = self.connections.keys().copied().collect();
        for connection in open {
            self.drain(connection);
        }
    }

    /// What leaves the exchange on a connection is on its way.
    fn drain(&mut self, connection: u64) {
        let mut leaves = std::mem::take(&mut self.leaves);
        let mut dripping = None;
        self.exchange.take(connection, self.now, &mut leaves);
        let key = self.connections.get(&connection).copied();
        for leaves in leaves.drain(..) {
            if !matches!(leaves, Leaves::Bytes(..)) {
                self.connections.remove(&connection);
            }
            let late = self.plan.jitter.mul_f64(self.random.unit());
            let at = self.now + self.plan.latency + late;
            let Some((key, socket)) = key.and_then(|key| Some((key, self.sockets.get_mut(&key)?))) else {
                continue;
            };
            let down = |leaves| Happening::Passage(Passage::Down(key, leaves));
            match leaves {
                Leaves::Bytes(mut bytes, drip) if !drip.is_zero() && bytes.len() > 1 => {
                    let (first, last) = socket.down(at, drip);
                    let rest = bytes.split_off(1);
                    dripping = Some(last.min(first + network::MESSAGE_LIMIT));
                    self.agenda.put(first, down(Leaves::Bytes(bytes, Duration::ZERO)));
                    self.agenda.put(last, down(Leaves::Bytes(rest, Duration::ZERO)));
                }
                Leaves::Silence => {}
                leaves => {
                    let (first, _) = socket.down(at, Duration::ZERO);
                    self.agenda.put(first, down(leaves));
                }
            }
        }
        self.leaves = leaves;
        // Whoever is slow, and not too slow, is late.
        if let Some(until) = dripping {
            self.excuse("", until);
        }
    }

    pub(crate) fn pass(&mut self, passage: Passage) {
        match passage {
            Passage::Attempt(key) => self.attempt(key),
            Passage::Answered(key, attempt) => match self.sockets.get_mut(&key) {
                Some(socket) => {
                    let words = socket.answered(attempt, self.now);
                    self.say(key, words);
                }
                None => {
                    // Nobody wants it any more.
                    if let Attempt::Opened(id, _) = attempt {
                        self.connections.remove(&id);
                        self.exchange.hung_up(id);
                    }
                }
            },
            Passage::Up(connection, said) => {
                self.exchange.say(connection, said, self.now);
                self.drain(connection);
            }
            Passage::Down(key, leaves) => self.arrive(key, leaves),
            Passage::Slow(key) => {
                let slow = self.sockets.get(&key).and_then(Socket::slow_at);
                if slow.is_some_and(|slow| self.now >= slow) {
                    self.say(key, vec![Word::Ended(Ending::Slow)]);
                }
            }
            Passage::Pong(key) => self.pong(key),
        }
    }

    fn attempt(&mut self, key: Key) {
        let Some(socket) = self.sockets.get_mut(&key) else { return };
        let before = self.exchange.counts().early_requests;
        let mut attempt = self.exchange.attempt(socket.target(), self.now);
        let early = self.exchange.counts().early_requests > before;
        let held = matches!(attempt, Attempt::Status(429 | 418, _));
        let left = self.now.saturating_sub(self.plan.latency);
        self.told_of_connects.heed(early, held, left, self.now + self.plan.latency);
        let (begun, patience) = (self.now.saturating_sub(self.plan.latency), socket.patience());
        let mut at = self.now + self.plan.latency;
        if let Attempt::Opened(id, wait) = attempt {
            at += wait;
            if at > begun + patience {
                self.exchange.hung_up(id);
                attempt = Attempt::Slow(wait);
            } else {
                self.connections.insert(id, key);
                socket.down(at, Duration::ZERO);
            }
        }
        if matches!(attempt, Attempt::Slow(_)) {
            at = begun + patience;
        }
        self.agenda.put(at, Happening::Passage(Passage::Answered(key, attempt)));
    }

    /// Something of the exchange reaches the client.
    fn arrive(&mut self, key: Key, leaves: Leaves) {
        let Some(socket) = self.sockets.get_mut(&key) else { return };
        let words = match leaves {
            Leaves::Bytes(bytes, _) => socket.heard(&bytes, self.now),
            Leaves::End => vec![Word::Ended(Ending::Cut)],
            Leaves::Silence => Vec::new(),
        };
        if let Some(slow) = socket.slow_at() {
            self.agenda.put(slow, Happening::Passage(Passage::Slow(key)));
        }
        self.say(key, words);
        self.pong(key);
    }

    fn pong(&mut self, key: Key) {
        let now = self.now;
        match self.sockets.get_mut(&key).map(|socket| socket.pong(now)) {
            Some(Ok(true)) => self.send(key, Said::Pong),
            Some(Err(at)) => self.agenda.put(at, Happening::Passage(Passage::Pong(key))),
            Some(Ok(false)) | None => {}
        }
    }

    /// A socket says something to its driver.
    fn say(&mut self, (reader, id): Key, words: Vec<Word>) {
        let stamp = self.stamp();
        for word in words {
            let event = match &word {
                Word::Opened => SocketEvent::Opened,
                Word::Frame(frame) => SocketEvent::Frame(frame),
                Word::Alive => SocketEvent::Alive,
                Word::Pinged => SocketEvent::Pinged,
                Word::Refused(refusal) => SocketEvent::Refused(refusal.clone()),
                Word::Ended(ending) => SocketEvent::Ended(*ending),
            };
            if !matches!(word, Word::Frame(_)) {
                self.checker().note(|| format!("socket {}.{}: {event:?}", reader, id.0 >> 32));
            }
            if matches!(word, Word::Refused(_) | Word::Ended(_))
                && let Some(mut socket) = self.sockets.remove(&(reader, id))
            {
                // The exchange learns that the client is gone, if it is not gone itself.
                if let Some(connection) = socket.connection
                    && self.connections.contains_key(&connection)
                {
                    let at = socket.up(self.now + self.plan.latency);
                    let bye = Said::Close(1_000);
                    self.agenda.put(at, Happening::Passage(Passage::Up(connection, bye)));
                }
                self.ended.push((reader, socket.url));
            }
            self.feed.socket(reader, id, event, stamp);
            // The book thread keeps up with its reader, unless it is held up.
            if !self.paused && self.feed.build(stamp) {
                self.dirty.fill(true);
            }
        }
        self.stir(reader);
    }
}
