//! Sockets without a network: what `touchline-link` does between a driver and an exchange, on virtual time.
//!
//! The limits are link's: pongs twice a second, a thousand pings a second, five seconds a message. Bytes keep their order
//! and take the latency of the plan, each way.

use std::collections::BTreeMap;
use std::time::Duration;

use touchline_feed::{Ending, Refusal};
use touchline_link::SocketId;
use touchline_simulator::{Attempt, Decoder, Heard, Leaves, Said, Wrong};

/// Time between two pongs.
const PONG_EVERY: Duration = Duration::from_millis(500);

/// More pings a second are a flood.
const PINGS_MAX: u32 = 1_000;

/// How long a message may take from its first byte to its last.
pub(crate) const MESSAGE_LIMIT: Duration = Duration::from_secs(5);

/// How long the handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(3);

/// A socket of one reader.
pub(crate) type Key = (usize, SocketId);

/// What is to happen to sockets.
#[derive(Debug)]
pub(crate) enum Passage {
    /// The attempt reaches the exchange.
    Attempt(Key),
    /// What became of it reaches the client.
    Answered(Key, Attempt),
    /// Something of the client reaches the exchange.
    Up(u64, Said),
    /// Something of the exchange reaches the client.
    Down(Key, Leaves),
    /// A message of the exchange takes too long.
    Slow(Key),
    /// A pong may go.
    Pong(Key),
}

/// What a socket says to its driver.
#[derive(Debug)]
pub(crate) enum Word {
    Opened,
    Refused(Refusal),
    Frame(Vec<u8>),
    Alive,
    Pinged,
    Ended(Ending),
}

/// A socket that its driver knows.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) url: String,
    /// The exchange's number of the connection, once it is open.
    pub(crate) connection: Option<u64>,
    /// Since when it is open.
    pub(crate) opened: Duration,
    timeout: Duration,
    decoder: Decoder,
    /// Nothing arrives before this: bytes keep their order.
    up_at: Duration,
    down_at: Duration,
    pong_held: bool,
    pong_from: Duration,
    pings: (Duration, u32),
    /// Since when a message is not whole.
    incomplete: Option<Duration>,
}

impl Socket {
    pub(crate) fn new(url: String, timeout: Duration) -> Self {
        Self {
            url,
            connection: None,
            opened: Duration::ZERO,
            timeout,
            decoder: Decoder::default(),
            up_at: Duration::ZERO,
            down_at: Duration::ZERO,
            pong_held: false,
            pong_from: Duration::ZERO,
            pings: (Duration::ZERO, 0),
            incomplete: None,
        }
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        target(&self.url)
    }

    /// When something that leaves the client at `from` arrives.
    pub(crate) fn up(&mut self, from: Duration) -> Duration {
        self.up_at = self.up_at.max(from);
        self.up_at
    }

    /// When something that could arrive at `at` does, if it takes `drip` from its first byte to its last.
    pub(crate) fn down(&mut self, at: Duration, drip: Duration) -> (Duration, Duration) {
        let first = self.down_at.max(at);
        self.down_at = first + drip;
        (first, self.down_at)
    }

    /// What an attempt means to the driver, and whether it leaves a connection that nobody has.
    pub(crate) fn answered(&mut self, attempt: Attempt, now: Duration) -> Vec<Word> {
        let refused = |refusal| vec![Word::Refused(refusal)];
        match attempt {
            Attempt::Opened(id, _) => {
                (self.connection, self.opened) = (Some(id), now);
                vec![Word::Opened]
            }
            Attempt::Dropped => vec![Word::Opened, Word::Ended(Ending::Cut)],
            Attempt::Status(status, _) if (200..300).contains(&status) => {
                refused(Refusal::Handshake(format!("HTTP {status} instead of 101")))
            }
            Attempt::Status(status, seconds) => {
                refused(Refusal::Status { status, retry_after: seconds.map(Duration::from_secs) })
            }
            Attempt::Nonsense => refused(Refusal::Handshake("no answer to a handshake".to_owned())),
            Attempt::Unreachable => refused(Refusal::Connect("nobody listens".to_owned())),
            Attempt::Slow(_) => refused(Refusal::Timeout(HANDSHAKE_LIMIT.min(self.timeout))),
        }
    }

    /// The longest an attempt is waited for.
    pub(crate) fn patience(&self) -> Duration {
        HANDSHAKE_LIMIT.min(self.timeout)
    }

    /// Bytes came: what they say to the driver, the end of the connection last.
    pub(crate) fn heard(&mut self, bytes: &[u8], now: Duration) -> Vec<Word> {
        let mut words = Vec::new();
        self.decoder.feed(bytes);
        while let Some(heard) = self.decoder.next() {
            match heard {
                Ok(Heard::Message(message)) => words.push(Word::Frame(message)),
                Ok(Heard::Pong) => words.push(Word::Alive),
                Ok(Heard::Ping) => {
                    words.push(Word::Pinged);
                    self.pong_held = true;
                    if now.saturating_sub(self.pings.0) >= Duration::from_secs(1) {
                        self.pings = (now, 0);
                    }
                    self.pings.1 += 1;
                    if self.pings.1 > PINGS_MAX {
                        words.push(Word::Ended(Ending::Flooded));
                        return words;
                    }
                }
                Ok(Heard::Close(code)) => {
                    words.push(Word::Ended(Ending::Closed(code)));
                    return words;
                }
                Err(Wrong(code)) => {
                    words.push(Word::Ended(Ending::Broken(code)));
                    return words;
                }
            }
        }
        let since = self.incomplete.filter(|_| words.is_empty()).unwrap_or(now);
        self.incomplete = self.decoder.is_incomplete().then_some(since);
        words
    }

    /// When the message that is not whole will have taken too long.
    pub(crate) fn slow_at(&self) -> Option<Duration> {
        self.incomplete.map(|since| since + MESSAGE_LIMIT)
    }

    /// Lets a held pong go if its time has come; else when it will have, if one is held.
    pub(crate) fn pong(&mut self, now: Duration) -> Result<bool, Duration> {
        if !self.pong_held {
            return Ok(false);
        }
        if now < self.pong_from {
            return Err(self.pong_from);
        }
        (self.pong_held, self.pong_from) = (false, now + PONG_EVERY);
        Ok(true)
    }
}

/// Every socket that its driver knows.
pub(crate) type Sockets = BTreeMap<Key, Socket>;

/// Path and query of a URL.
pub(crate) fn target(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of many pings the newest is answered, twice a second; too many are a flood.
    #[test]
    fn pongs_are_held_back() {
        let ms = Duration::from_millis;
        let mut socket = Socket::new("ws://sim:1/stream?x=1".to_owned(), ms(5_000));
        assert_eq!(socket.target(), "/stream?x=1");
        assert_eq!(socket.pong(ms(1_000)), Ok(false));
        assert!(matches!(socket.heard(&[0x89, 0], ms(1_000))[..], [Word::Pinged]));
        assert_eq!(socket.pong(ms(1_000)), Ok(true));
        socket.heard(&[0x89, 0, 0x89, 0], ms(1_001));
        assert_eq!(socket.pong(ms(1_001)), Err(ms(1_500)));
        assert_eq!(socket.pong(ms(1_500)), Ok(true));
        let words = socket.heard(&[0x89, 0].repeat(1_100), ms(3_000));
        assert!(matches!(words.last(), Some(Word::Ended(Ending::Flooded))) && words.len() == 1_002);
    }

    /// Bytes keep their order, and half a message is slow after five seconds.
    #[test]
    fn bytes_keep_their_order() {
        let ms = Duration::from_millis;
        let mut socket = Socket::new("ws://sim:1/stream".to_owned(), ms(5_000));
        assert_eq!(socket.down(ms(10), ms(100)), (ms(10), ms(110)));
        assert_eq!(socket.down(ms(20), ms(0)), (ms(110), ms(110)));
        assert!(socket.heard(&[0x81, 2, b'{'], ms(10)).is_empty());
        assert_eq!(socket.slow_at(), Some(ms(5_010)));
        assert!(matches!(&socket.heard(b"}", ms(20))[..], [Word::Frame(frame)] if frame == b"{}"));
        assert_eq!(socket.slow_at(), None);
    }
}
