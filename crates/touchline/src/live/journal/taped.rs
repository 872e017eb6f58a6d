//! An engine with a tape: everything that comes to it and everything that it wants done is written down.
//!
//! An engine does no I/O, reads no clock and draws no random number that its seed does not give. So what comes to it, with
//! the stamps it came with and the moments at which it was asked what to do, is all that is needed to have it do the same
//! again ([`Rerun`](super::Rerun)).

use touchline_capture::journal::{Entry, EntryKind};
use touchline_capture::recorder::Tap;
use touchline_feed::Moment;
use touchline_link::{Answer, Command, Driver, SocketEvent, SocketId, Stamp, Turn};

use super::words::ControlWord;
use crate::live::control::Control;
use crate::live::engine::Engine;

/// An engine as the driver of a reader thread, with a tape or without.
pub(crate) struct Taped {
    pub(crate) engine: Engine,
    tape: Option<Tape>,
}

/// The way of one reader's news into a journal.
pub(crate) struct Tape {
    tap: Tap,
    reader: u16,
    /// Where payloads of several parts are put together.
    scratch: Vec<u8>,
}

impl Taped {
    /// `tap` leads to a journal, in which this is the reader of that number.
    pub(crate) fn new(engine: Engine, reader: usize, tap: Option<Tap>) -> Self {
        let reader = u16::try_from(reader).unwrap_or(u16::MAX);
        Self { engine, tape: tap.map(|tap| Tape { tap, reader, scratch: Vec::new() }) }
    }
}

impl Driver for Taped {
    type Control = Control;

    #[inline]
    fn socket(&mut self, socket: SocketId, event: SocketEvent<'_>, stamp: Stamp) {
        if let Some(tape) = &mut self.tape {
            tape.socket(&self.engine, socket, &event, stamp);
        }
        self.engine.socket(socket, event, stamp);
    }

    fn answer(&mut self, answer: Answer, stamp: Stamp) {
        if let Some(tape) = &mut self.tape {
            tape.answer(&answer, stamp);
        }
        self.engine.answer(answer, stamp);
    }

    fn control(&mut self, control: Control, stamp: Stamp) {
        if let Some(tape) = &mut self.tape
            && let Some(word) = ControlWord::of(&control)
        {
            tape.json(EntryKind::Control, 0, &word, stamp);
        }
        self.engine.control(control, stamp);
    }

    fn turn(&mut self, now: Moment, commands: &mut Vec<Command>) -> Turn {
        let Some(tape) = &mut self.tape else { return self.engine.turn(now, commands) };
        let before = commands.len();
        let due = self.engine.is_due(now);
        let turn = self.engine.turn(now, commands);
        if due {
            tape.turn(&self.engine, now, commands.get(before..).unwrap_or_default());
        }
        turn
    }
}

impl Tape {
    fn put(&mut self, kind: EntryKind, source: u64, path: u8, stamp: Stamp, payload: &[u8]) {
        let (reader, now) = (self.reader, stamp.now.0);
        let Stamp { recv, kernel, .. } = stamp;
        self.tap.record(&Entry { kind, reader, path, source, recv, now, kernel, payload });
    }

    #[inline]
    fn socket(&mut self, engine: &Engine, socket: SocketId, event: &SocketEvent<'_>, stamp: Stamp) {
        let path = engine.path_of(socket);
        match event {
            SocketEvent::Frame(frame) => self.put(EntryKind::Text, socket.0, path, stamp, frame),
            SocketEvent::Binary { packed, .. } => self.put(EntryKind::Binary, socket.0, path, stamp, packed),
            SocketEvent::BrokenFrame(packed) => {
                self.put(EntryKind::Unreadable, socket.0, path, stamp, packed);
            }
            SocketEvent::Opened => {
                let url = engine.url_of(socket).unwrap_or_default();
                self.put(EntryKind::Opened, socket.0, path, stamp, url.as_bytes());
            }
            SocketEvent::Refused(refusal) => self.json(EntryKind::Refused, socket.0, refusal, stamp),
            SocketEvent::Ended(ending) => self.json(EntryKind::Ended, socket.0, ending, stamp),
            SocketEvent::Alive => self.put(EntryKind::Pong, socket.0, path, stamp, &[]),
            SocketEvent::Pinged => self.put(EntryKind::Ping, socket.0, path, stamp, &[]),
        }
    }

    #[cold]
    fn answer(&mut self, answer: &Answer, stamp: Stamp) {
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        payload.extend_from_slice(answer.url.as_bytes());
        payload.push(b' ');
        let kind = match &answer.body {
            Ok(body) => {
                payload.extend_from_slice(body);
                EntryKind::Rest
            }
            Err(refusal) => {
                payload.extend(serde_json::to_vec(refusal).unwrap_or_default());
                EntryKind::RestFailed
            }
        };
        self.put(kind, answer.id, 0, stamp, &payload);
        self.scratch = payload;
    }

    #[cold]
    fn json(&mut self, kind: EntryKind, source: u64, word: &impl serde::Serialize, stamp: Stamp) {
        let text = serde_json::to_vec(word).unwrap_or_default();
        self.put(kind, source, 0, stamp, &text);
    }

    /// The engine did what was due, and wants this done.
    #[cold]
    fn turn(&mut self, engine: &Engine, now: Moment, commands: &[Command]) {
        let stamp = Stamp { now, ..engine.last_stamp() };
        self.put(EntryKind::Turn, 0, 0, stamp, &[]);
        for command in commands {
            let (kind, source, payload) = written(engine, command);
            self.put(kind, source, 0, stamp, payload.as_bytes());
        }
    }
}

/// A command as it stands in a journal.
#[cold]
pub(super) fn written(engine: &Engine, command: &Command) -> (EntryKind, u64, String) {
    match command {
        Command::Open { socket, url, .. } => (EntryKind::Connecting, socket.0, url.clone()),
        Command::Send { socket, text } => (EntryKind::Sent, socket.0, text.clone()),
        Command::Ping { socket } => (EntryKind::Pinged, socket.0, String::new()),
        Command::Close { socket, code } => (EntryKind::Closed, socket.0, code.to_string()),
        Command::Fetch(fetch) => {
            (EntryKind::Asked, fetch.id, format!("{} {}", engine.purpose_of(fetch.id), fetch.url))
        }
    }
}
