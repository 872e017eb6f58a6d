//! The exchange in process, on a time of the caller's: what a client sees of it, without a socket.
//!
//! ```text
//! attempt ──▶ opened, refused, or nothing that a client could use
//! say     ──▶ a text, a ping, a pong, a close of the client
//! take    ──▶ bytes of the exchange in the order they left, each with how slowly, and how the connection ends
//! get     ──▶ status, headers that matter, body, delay
//! ```
//!
//! Time is nanoseconds since the exchange opened. Bytes stay bytes, broken frames included: a [`Decoder`] makes of them
//! what a client's socket layer would.

mod decoder;

use std::time::{Duration, Instant};

pub use decoder::{Decoder, Heard, Wrong};

use crate::command::Command;
use crate::config::{Config, StartError};
use crate::counts::Counts;
use crate::faults::{End, HandshakeFault};
use crate::floor::{Admission, Floor};
use crate::frames::ClientFrame;
use crate::line::Piece;
use crate::market::Whole;
use crate::rest::After;
use crate::truth::Truth;

/// The wall clock when an exchange opens, ms: midnight of 1 January 2026.
const OPENED_MS: u64 = 1_767_225_600_000;

/// How long between two pieces of what is sent byte by byte.
const DRIP: Duration = Duration::from_millis(50);

/// Bytes of the answer to a handshake, about.
const ANSWER_BYTES: u32 = 150;

/// An exchange without sockets.
#[derive(Debug)]
pub struct Inside {
    floor: Floor,
    base: Instant,
}

/// What becomes of an attempt to connect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Attempt {
    /// A connection of this number, after so long.
    Opened(u64, Duration),
    /// A connection that is over at once.
    Dropped,
    /// An HTTP status, with what `Retry-After` says, s.
    Status(u16, Option<u64>),
    /// What comes is no answer to a handshake.
    Nonsense,
    /// Nobody listens, or the connection is cut.
    Unreachable,
    /// No whole answer in so long.
    Slow(Duration),
}

/// What a client says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Said {
    /// A text.
    Text(String),
    /// A ping.
    Ping,
    /// A pong.
    Pong,
    /// A close frame of this code.
    Close(u16),
}

/// What leaves the exchange on one connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Leaves {
    /// These bytes, the last of them so long after the first.
    Bytes(Vec<u8>, Duration),
    /// The end, in order or by reset.
    End,
    /// Nothing any more, and no end.
    Silence,
}

/// The answer to a REST request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// The status; none if the connection ended without one.
    pub status: Option<u16>,
    /// What `Retry-After` says, s.
    pub retry_after_s: Option<u64>,
    /// The body; none if it ended in the middle.
    pub body: Option<Vec<u8>>,
    /// How late it is.
    pub delay: Duration,
}

impl Inside {
    /// An exchange that opens at time 0.
    ///
    /// # Errors
    /// [`StartError`]: an unknown venue. Recordings are not played here.
    pub fn open(config: &Config) -> Result<Self, StartError> {
        let base = Instant::now();
        Ok(Self { floor: Floor::of(config, base, OPENED_MS)?, base })
    }

    fn at(&self, now: Duration) -> Instant {
        self.base + now
    }

    /// The wall clock, ms since 1970.
    #[must_use]
    pub fn wall_ms(now: Duration) -> u64 {
        OPENED_MS + u64::try_from(now.as_millis()).unwrap_or(0)
    }

    /// The markets move up to `now`; more than 100 ms at once are not caught up with.
    pub fn tick(&mut self, now: Duration) {
        self.floor.tick(self.at(now), Self::wall_ms(now));
    }

    /// Somebody wants a socket at `target`, the path and query of a URL.
    pub fn attempt(&mut self, target: &str, now: Duration) -> Attempt {
        let at = self.at(now);
        if self.floor.refusing || self.floor.cuts(at) {
            return Attempt::Unreachable;
        }
        let (fault, opened) = match self.floor.admit(target, at) {
            Admission::Open(id, _) => return Attempt::Opened(id, Duration::ZERO),
            Admission::NoSuchPath => return Attempt::Status(404, None),
            Admission::Fault(fault, opened) => (fault, opened.map(|(id, _)| id)),
        };
        match (fault, opened) {
            (HandshakeFault::Late(ms), Some(id)) => Attempt::Opened(id, Duration::from_millis(ms)),
            (HandshakeFault::Drip, Some(id)) => Attempt::Opened(id, DRIP * ANSWER_BYTES),
            (fault, opened) => {
                if let Some(id) = opened {
                    self.floor.gone(id);
                }
                match fault {
                    HandshakeFault::Status { code, retry_after_s } => Attempt::Status(code, retry_after_s),
                    HandshakeFault::Redirect => Attempt::Status(302, None),
                    HandshakeFault::Late(ms) => Attempt::Slow(Duration::from_millis(ms)),
                    HandshakeFault::Drip => Attempt::Slow(DRIP * ANSWER_BYTES),
                    HandshakeFault::Dropped => Attempt::Dropped,
                    HandshakeFault::Cut => Attempt::Unreachable,
                    HandshakeFault::Html
                    | HandshakeFault::Endless
                    | HandshakeFault::BadAccept
                    | HandshakeFault::Extension => Attempt::Nonsense,
                }
            }
        }
    }

    /// A client says something on a connection.
    pub fn say(&mut self, connection: u64, said: Said, now: Duration) {
        let frame = match said {
            Said::Text(text) => ClientFrame::Text(text),
            Said::Ping => ClientFrame::Ping(Vec::new()),
            Said::Pong => ClientFrame::Pong,
            Said::Close(code) => ClientFrame::Close(code),
        };
        self.floor.heard(connection, frame, self.at(now));
    }

    /// Everything that leaves on a connection now. After an end or silence nothing more does.
    pub fn take(&mut self, connection: u64, now: Duration, out: &mut Vec<Leaves>) {
        for piece in self.floor.outgoing(connection) {
            match piece {
                Piece::Bytes(bytes) => out.push(Leaves::Bytes(bytes, Duration::ZERO)),
                Piece::Slow(bytes, pace) => {
                    let steps = bytes.len().saturating_sub(1) / pace.max(1);
                    out.push(Leaves::Bytes(bytes, DRIP * u32::try_from(steps).unwrap_or(u32::MAX)));
                }
                Piece::Mark(kind) => self.floor.mark(kind, self.at(now)),
                Piece::End(how) => {
                    self.floor.gone(connection);
                    out.push(if how == End::HalfOpen { Leaves::Silence } else { Leaves::End });
                    return;
                }
            }
        }
    }

    /// The client is gone.
    pub fn hung_up(&mut self, connection: u64) {
        self.floor.gone(connection);
    }

    /// Answers `GET target`, the path and query of a URL.
    pub fn get(&mut self, target: &str, now: Duration) -> Response {
        let answer = self.floor.answer(target, self.at(now), Self::wall_ms(now));
        let nothing = Response { status: None, retry_after_s: None, body: None, delay: answer.delay };
        if answer.after == After::Reset {
            return nothing;
        }
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut head = httparse::Response::new(&mut headers);
        let Ok(httparse::Status::Complete(used)) = head.parse(&answer.bytes) else { return nothing };
        let value = |name: &str| {
            let header = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(header.value).ok()?.parse::<u64>().ok()
        };
        let body = answer.bytes.get(used..).unwrap_or_default();
        let whole = value("Content-Length").is_some_and(|length| body.len() as u64 >= length);
        Response {
            status: head.code,
            retry_after_s: value("Retry-After"),
            body: whole.then(|| body.to_vec()),
            delay: answer.delay,
        }
    }

    /// A test's word.
    pub fn command(&mut self, command: Command, now: Duration) {
        self.floor.command(command, self.at(now), Self::wall_ms(now));
    }

    /// A symbol's true book.
    #[must_use]
    pub fn truth(&self, symbol: &str) -> Option<Truth> {
        let place = self.floor.places.get(symbol)?;
        self.floor.pits.get(*place).map(|pit| pit.truth.clone())
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.floor.counts
    }
}

impl Truth {
    /// The whole true book in the state of a [key](Self::key) of the present count, at the market's scales; `None` if it is
    /// forgotten or never was.
    #[must_use]
    pub fn whole_at(&self, key: u64) -> Option<Whole> {
        let state = self.state();
        let sequence = state.sequence_of(key)?;
        let whole = state.market.whole_at(sequence);
        (whole.sequence == sequence).then_some(Whole { sequence: key, ..whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A client connects, subscribes, is answered and sent deltas, asks for a snapshot, and hangs up, all on a time of
    /// its own; the same seed sends the same bytes.
    #[test]
    fn a_client_is_served_without_sockets() {
        let run = || {
            let mut exchange = Inside::open(&Config { seed: 3, ..Config::new("binance") }).unwrap();
            let Attempt::Opened(id, wait) = exchange.attempt("/stream", ms(5)) else { panic!("refused") };
            assert!(wait.is_zero());
            let ask = r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}"#;
            exchange.say(id, Said::Text(ask.to_owned()), ms(6));
            let (mut left, mut decoder, mut texts) = (Vec::new(), Decoder::default(), Vec::new());
            for beat in 7..100 {
                exchange.tick(ms(beat));
                exchange.take(id, ms(beat), &mut left);
            }
            for leaves in &left {
                let Leaves::Bytes(bytes, _) = leaves else { panic!("{leaves:?}") };
                decoder.feed(bytes);
                while let Some(heard) = decoder.next() {
                    match heard.unwrap() {
                        Heard::Message(bytes) => texts.push(String::from_utf8(bytes).unwrap()),
                        other => panic!("{other:?}"),
                    }
                }
            }
            assert!(texts[0].contains(r#""result":null"#) && texts.len() > 50, "{texts:?}");
            let answer = exchange.get("/api/v3/depth?symbol=BTCUSDT&limit=1000", ms(200));
            assert_eq!(answer.status, Some(200));
            assert!(answer.body.is_some_and(|body| body.starts_with(b"{\"lastUpdateId\"")));
            exchange.hung_up(id);
            assert_eq!(exchange.counts().open, 0);
            texts
        };
        assert_eq!(run(), run());
    }

    /// Refusals, ends and silence are told apart.
    #[test]
    fn ends_are_told_apart() {
        let mut exchange = Inside::open(&Config::new("binance")).unwrap();
        exchange.command(Command::Refuse(true), ms(0));
        assert_eq!(exchange.attempt("/stream", ms(1)), Attempt::Unreachable);
        exchange.command(Command::Refuse(false), ms(2));
        assert_eq!(exchange.attempt("/nowhere", ms(3)), Attempt::Status(404, None));
        for (how, left) in [(End::Reset, Leaves::End), (End::HalfOpen, Leaves::Silence)] {
            let Attempt::Opened(id, _) = exchange.attempt("/stream", ms(4)) else { panic!("refused") };
            exchange.command(Command::End { which: crate::Which::Connection(id), how }, ms(5));
            let mut out = Vec::new();
            exchange.take(id, ms(5), &mut out);
            assert_eq!(out, [left]);
        }
    }
}
