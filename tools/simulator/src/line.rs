//! One connection's way out: messages become frames, and faults happen to them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;
use touchline_venue::exchange::{Exchange, Rules};

use crate::counts::Counts;
use crate::faults::{End, FaultKind, Faults, MessageFault};
use crate::plants::Plants;
use crate::random::Random;
use crate::session::Session;
use crate::{frames, garble};

/// Bytes that wait for a client at most: who reads slower is cut.
const WAITING_MAX: usize = 32 << 20;

/// What the writer is to do next.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Write these.
    Bytes(Vec<u8>),
    /// Write these, so many every 50 ms.
    Slow(Vec<u8>, usize),
    /// What comes next is a fault: note when.
    Mark(FaultKind),
    /// End the connection.
    End(End),
}

/// What a connection's task listens to.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    /// There is something to write.
    pub(crate) more: Notify,
    /// Stop, even in the middle of a write that does not end.
    pub(crate) cut: Notify,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) session: Session,
    pub(crate) wake: Arc<Wake>,
    pub(crate) opened: Instant,
    /// When the exchange pings next, and since when it has waited for a pong.
    pub(crate) ping_at: Instant,
    pub(crate) pinged: Option<Instant>,
    /// When the next heartbeat is due, and when anything was said last.
    pub(crate) beat_at: Instant,
    pub(crate) said_at: Instant,
    pub(crate) ended: bool,
    plants: Arc<Plants>,
    random: Random,
    outbox: VecDeque<Piece>,
    /// Frames behind the outbox: together they become one write.
    tail: Vec<u8>,
    waiting: usize,
    /// Stalled until a moment, or by command.
    stalled_until: Option<Instant>,
    stalled: bool,
    /// A message to be sent after the next one of its stream, with that stream.
    held: Option<(String, String)>,
    /// The text under way, as this connection sends it.
    sealed: String,
}

/// A message for one connection, before it is sealed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// The stream it belongs to; none for a recorded one, which is sent as it was.
    pub(crate) stream: Option<&'a str>,
    pub(crate) text: &'a str,
    /// The same with a bid above the best ask; empty where there is none.
    pub(crate) crossed: &'a str,
    /// What a command wants to happen to it.
    pub(crate) forced: Option<MessageFault>,
}

/// By what and when messages are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending<'a> {
    pub(crate) exchange: &'a dyn Exchange,
    pub(crate) rules: &'a Rules,
    pub(crate) faults: &'a Faults,
    pub(crate) now: Instant,
}

impl Line {
    pub(crate) fn new(
        session: Session,
        plants: Arc<Plants>,
        seed: u64,
        now: Instant,
        ping_at: Instant,
    ) -> Self {
        Self {
            session,
            wake: Arc::new(Wake::default()),
            opened: now,
            ping_at,
            pinged: None,
            beat_at: now,
            said_at: now,
            ended: false,
            plants,
            random: Random::new(seed),
            outbox: VecDeque::new(),
            tail: Vec::new(),
            waiting: 0,
            stalled_until: None,
            stalled: false,
            held: None,
            sealed: String::new(),
        }
    }

    /// Sends a message of the market, if nothing happens to it. Whatever happens, it has had its number.
    pub(crate) fn deliver(&mut self, message: Message<'_>, sending: &Sending<'_>, counts: &mut Counts) {
        if self.ended {
            return;
        }
        let now = sending.now;
        let stalled = self.stalled || self.stalled_until.is_some_and(|until| now < until);
        let fault = match message.forced {
            _ if stalled => None,
            None => sending.faults.message(&mut self.random),
            forced => forced,
        };
        let crosses = fault == Some(MessageFault::Cross) && !message.crossed.is_empty();
        let fault = fault.filter(|fault| *fault != MessageFault::Cross || crosses);
        let mut sealed = std::mem::take(&mut self.sealed);
        sealed.clear();
        let text = if crosses { message.crossed } else { message.text };
        match message.stream {
            Some(_) => sending.exchange.seal(&mut self.session.connection, message.stream, text, &mut sealed),
            None => sealed.push_str(text),
        }
        if !stalled {
            self.said_at = now;
            counts.messages += 1;
            self.send(message.stream.unwrap_or_default(), &sealed, fault, sending, counts);
        }
        self.sealed = sealed;
        if self.waiting > WAITING_MAX {
            counts.slow_clients += 1;
            self.outbox.clear();
            self.tail.clear();
            self.leave(End::Reset);
            self.wake.cut.notify_one();
        }
    }

    fn send(
        &mut self,
        stream: &str,
        text: &str,
        fault: Option<MessageFault>,
        sending: &Sending<'_>,
        counts: &mut Counts,
    ) {
        match fault {
            None => self.text(text),
            Some(fault @ MessageFault::Drop) => counts.fault(FaultKind::Message(fault), sending.now),
            Some(fault @ MessageFault::Stall) => {
                counts.fault(FaultKind::Message(fault), sending.now);
                self.stalled_until = Some(sending.now + sending.faults.stall_for());
            }
            Some(MessageFault::Reorder) if self.held.is_none() => {
                self.mark(MessageFault::Reorder);
                self.held = Some((stream.to_owned(), text.to_owned()));
                return;
            }
            Some(MessageFault::End(how)) => self.end(how, text),
            Some(fault) => self.faulty(fault, text, sending),
        }
        if let Some((_, held)) = self.held.take_if(|(held, _)| held == stream) {
            self.text(&held);
        }
    }

    fn faulty(&mut self, fault: MessageFault, text: &str, sending: &Sending<'_>) {
        let fields = &sending.rules.fields;
        let spoilt = match fault {
            MessageFault::Corrupt => garble::corrupt(text, fields, &mut self.random),
            MessageFault::Checksum => garble::checksum(text, fields, &mut self.random),
            MessageFault::Harmless => Some(garble::harmless(text, &mut self.random)),
            MessageFault::Garbage => Some(garble::garbage(text, fields, &mut self.random)),
            _ => None,
        };
        // What cannot happen to this message does not.
        let changes = matches!(fault, MessageFault::Corrupt | MessageFault::Checksum);
        if changes && spoilt.is_none() {
            return self.text(text);
        }
        self.mark(fault);
        match fault {
            MessageFault::Duplicate => {
                self.text(text);
                self.text(text);
            }
            MessageFault::Fragment => {
                let mut bytes = Vec::new();
                frames::fragments(&mut bytes, text, &mut self.random);
                self.bytes(&bytes);
            }
            MessageFault::Drip => {
                let mut bytes = Vec::new();
                frames::text(&mut bytes, text);
                self.waiting += bytes.len();
                self.push(Piece::Slow(bytes, sending.faults.drip_bytes.max(1)));
            }
            MessageFault::Oversize | MessageFault::BadFrame | MessageFault::PingFlood => {
                self.broken_frame(fault, sending.faults);
                self.text(text);
            }
            _ => self.text(spoilt.as_deref().unwrap_or(text)),
        }
    }

    /// Says something that belongs to no stream: an answer, a heartbeat.
    pub(crate) fn say(&mut self, exchange: &dyn Exchange, text: &str, now: Instant) {
        let mut sealed = std::mem::take(&mut self.sealed);
        sealed.clear();
        exchange.seal(&mut self.session.connection, None, text, &mut sealed);
        self.text(&sealed);
        self.sealed = sealed;
        self.said_at = now;
    }

    /// Sends what breaks the rules of frames, or pings in masses.
    pub(crate) fn broken_frame(&mut self, fault: MessageFault, faults: &Faults) {
        let mut bytes = Vec::new();
        match fault {
            MessageFault::Oversize => frames::oversize(&mut bytes),
            MessageFault::BadFrame => frames::bad(&mut bytes, &mut self.random),
            MessageFault::PingFlood => {
                for ping in 0..faults.pings {
                    frames::ping(&mut bytes, &ping.to_be_bytes());
                }
            }
            _ => {}
        }
        self.bytes(&bytes);
    }

    /// Ends the connection behind what waits already; `text` is what was about to be sent.
    pub(crate) fn end(&mut self, how: End, text: &str) {
        if self.ended {
            return;
        }
        self.mark(MessageFault::End(how));
        let mut bytes = Vec::new();
        match how {
            End::MidFrame => {
                frames::text(&mut bytes, if text.is_empty() { r#"{"e":"depthUpdate"}"# } else { text });
                bytes.truncate(bytes.len() / 2);
            }
            End::Close(code) => frames::close(&mut bytes, code, &self.plants.close),
            End::Fin | End::Reset | End::HalfOpen => {}
        }
        self.bytes(&bytes);
        self.leave(how);
    }

    /// Ends the connection without counting it as a fault.
    pub(crate) fn leave(&mut self, how: End) {
        self.push(Piece::End(how));
        self.ended = true;
        self.wake.more.notify_one();
    }

    /// Sends a text as it is.
    pub(crate) fn text(&mut self, text: &str) {
        frames::text(&mut self.tail, text);
        self.waiting += text.len();
    }

    /// Sends bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.tail.extend(bytes);
        self.waiting += bytes.len();
    }

    /// What comes next is a fault.
    pub(crate) fn mark(&mut self, fault: MessageFault) {
        self.push(Piece::Mark(FaultKind::Message(fault)));
    }

    /// Data stops, or goes on.
    pub(crate) fn stall(&mut self, on: bool) {
        self.stalled = on;
        if !on {
            self.stalled_until = None;
        }
    }

    /// Everything that waits.
    pub(crate) fn take(&mut self) -> VecDeque<Piece> {
        self.close_tail();
        self.waiting = 0;
        std::mem::take(&mut self.outbox)
    }

    /// Does anything wait?
    pub(crate) fn is_waiting(&self) -> bool {
        !self.outbox.is_empty() || !self.tail.is_empty()
    }

    fn push(&mut self, piece: Piece) {
        self.close_tail();
        self.outbox.push_back(piece);
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.outbox.push_back(Piece::Bytes(std::mem::take(&mut self.tail)));
        }
    }
}
