//! One connection's way out: messages become frames, and faults happen to them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;

use crate::counts::Counts;
use crate::faults::{End, FaultKind, Faults, MessageFault};
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
    pub(crate) ended: bool,
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
}

/// A message for one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) stream: &'a str,
    pub(crate) text: &'a str,
    pub(crate) crossed: Option<&'a str>,
    /// What a command wants to happen to it.
    pub(crate) forced: Option<MessageFault>,
}

impl Line {
    pub(crate) fn new(session: Session, seed: u64, now: Instant, ping_at: Instant) -> Self {
        Self {
            session,
            wake: Arc::new(Wake::default()),
            opened: now,
            ping_at,
            pinged: None,
            ended: false,
            random: Random::new(seed),
            outbox: VecDeque::new(),
            tail: Vec::new(),
            waiting: 0,
            stalled_until: None,
            stalled: false,
            held: None,
        }
    }

    /// Sends a message of the market, if nothing happens to it.
    pub(crate) fn deliver(
        &mut self,
        message: Message<'_>,
        faults: &Faults,
        now: Instant,
        counts: &mut Counts,
    ) {
        if self.ended || self.stalled || self.stalled_until.is_some_and(|until| now < until) {
            return;
        }
        let fault = message.forced.or_else(|| faults.message(&mut self.random));
        let text = message.text;
        counts.messages += 1;
        match fault {
            None => self.text(text),
            Some(fault @ MessageFault::Drop) => counts.fault(FaultKind::Message(fault), now),
            Some(fault @ MessageFault::Stall) => {
                counts.fault(FaultKind::Message(fault), now);
                self.stalled_until = Some(now + faults.stall_for());
            }
            Some(MessageFault::Reorder) if self.held.is_none() => {
                self.mark(MessageFault::Reorder);
                self.held = Some((message.stream.to_owned(), text.to_owned()));
                return;
            }
            Some(MessageFault::End(how)) => self.end(how, text),
            Some(MessageFault::Cross) if message.crossed.is_none() => self.text(text),
            Some(fault) => {
                self.mark(fault);
                self.faulty(fault, message, faults);
            }
        }
        if let Some((_, held)) = self.held.take_if(|(stream, _)| stream == message.stream) {
            self.text(&held);
        }
        if self.waiting > WAITING_MAX {
            counts.slow_clients += 1;
            self.outbox.clear();
            self.tail.clear();
            self.leave(End::Reset);
            self.wake.cut.notify_one();
        }
    }

    fn faulty(&mut self, fault: MessageFault, message: Message<'_>, faults: &Faults) {
        let text = message.text;
        match fault {
            MessageFault::Duplicate => {
                self.text(text);
                self.text(text);
            }
            MessageFault::Corrupt => {
                let text = garble::corrupt(text, &mut self.random);
                self.text(&text);
            }
            MessageFault::Cross => self.text(message.crossed.unwrap_or(text)),
            MessageFault::Harmless => {
                let text = garble::harmless(text, &mut self.random);
                self.text(&text);
            }
            MessageFault::Garbage => {
                let text = garble::garbage(text, &mut self.random);
                self.text(&text);
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
                self.push(Piece::Slow(bytes, faults.drip_bytes.max(1)));
            }
            MessageFault::Oversize | MessageFault::BadFrame | MessageFault::PingFlood => {
                self.broken_frame(fault, faults);
                self.text(text);
            }
            MessageFault::Drop | MessageFault::Stall | MessageFault::Reorder | MessageFault::End(_) => {
                self.text(text);
            }
        }
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
            End::Close(code) => frames::close(&mut bytes, code),
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
