//! One socket's life, as a task of its reader thread.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use touchline_capture::{Encoding, InflateError, Inflater};
use touchline_feed::{Ending, Moment};

use crate::driver::{Driver, SocketEvent, SocketId, Stamp};
use crate::frames::Excess;
use crate::hub::{Hub, Out};
use crate::open::{Opened, open};
use crate::refuse;

/// The most messages of one socket before the others have their turn.
const BATCH: usize = 64;

/// How long saying goodbye may take.
const GOODBYE_LIMIT: Duration = Duration::from_millis(100);

/// The code for a venue that broke a rule of ours.
const CLOSE_POLICY: u16 = 1_008;

/// Opens the socket and tells what comes of it, until it ends or is closed.
pub(crate) async fn run<D: Driver>(
    hub: Rc<Hub<D>>,
    socket: SocketId,
    url: String,
    limit: Duration,
    mut out: UnboundedReceiver<Out>,
) {
    let mut early = Vec::new();
    let opened = tokio::select! {
        biased;
        () = until_closed(&mut out, &mut early) => return,
        opened = open(&hub.network, &url, limit) => opened,
    };
    match opened {
        Ok(opened) => {
            hub.say(socket, SocketEvent::Opened, hub.stamp());
            hub.turn();
            let mut session = Session::new(&hub, socket, opened, out);
            for out in early {
                session.send(out);
            }
            let goodbye = std::future::poll_fn(|cx| session.poll(cx)).await;
            session.part(goodbye).await;
        }
        Err(refusal) => {
            hub.say_last(socket, SocketEvent::Refused(refusal));
            hub.turn();
        }
    }
}

/// Waits until the driver wants no such socket any more; what it wants sent is kept.
async fn until_closed(out: &mut UnboundedReceiver<Out>, early: &mut Vec<Out>) {
    while let Some(out) = out.recv().await {
        match out {
            Out::Close(_) => return,
            out => early.push(out),
        }
    }
}

/// An open socket.
struct Session<'hub, D: Driver> {
    hub: &'hub Rc<Hub<D>>,
    socket: SocketId,
    opened: Opened,
    out: UnboundedReceiver<Out>,
    unpacker: Option<Unpacker>,
    pings: Pings,
    timer: Pin<Box<Sleep>>,
    /// What the timer is set to.
    alarm: Option<Moment>,
    /// The outbox took no more.
    is_stuck: bool,
}

/// Unpacks binary messages; keeps its memory.
struct Unpacker {
    encoding: Encoding,
    inflater: Inflater,
    unpacked: Vec<u8>,
}

/// Counts pings by the second.
#[derive(Default)]
struct Pings {
    second: Moment,
    count: u32,
}

impl Pings {
    /// Whether this one is within the limit.
    fn allow(&mut self, now: Moment, max: u32) -> bool {
        if now.since(self.second) >= Duration::from_secs(1) {
            *self = Self { second: now, count: 0 };
        }
        self.count += 1;
        self.count <= max
    }
}

impl<'hub, D: Driver> Session<'hub, D> {
    fn new(hub: &'hub Rc<Hub<D>>, socket: SocketId, opened: Opened, out: UnboundedReceiver<Out>) -> Self {
        let packed = hub.network.transport.encoding.filter(|&encoding| encoding != Encoding::Plain);
        let unpacker =
            packed.map(|encoding| Unpacker { encoding, inflater: Inflater::new(), unpacked: Vec::new() });
        let timer = Box::pin(sleep(Duration::ZERO));
        Self {
            hub,
            socket,
            opened,
            out,
            unpacker,
            pings: Pings::default(),
            timer,
            alarm: None,
            is_stuck: false,
        }
    }

    /// Everything that can be done now. Ready at the end, with the close frame's code if one is to be sent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<u16>> {
        while let Poll::Ready(out) = self.out.poll_recv(cx) {
            // Without a sender nobody listens either.
            let Some(out) = out else { return Poll::Ready(None) };
            if let Some(code) = self.send(out) {
                return Poll::Ready(Some(code));
            }
        }
        let (count, ending) = self.read(cx);
        let ending = ending.or_else(|| self.watch(cx)).or_else(|| self.flush(cx));
        if let Some(ending) = ending {
            self.hub.say_last(self.socket, SocketEvent::Ended(ending));
        }
        if count > 0 || ending.is_some() {
            self.hub.turn();
        }
        match ending {
            Some(Ending::Broken(code)) => return Poll::Ready(Some(code)),
            Some(Ending::Flooded | Ending::Slow) => return Poll::Ready(Some(CLOSE_POLICY)),
            Some(_) => return Poll::Ready(None),
            None => {}
        }
        if count == BATCH {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Hands every message to the driver that is there without waiting, up to a fair number.
    fn read(&mut self, cx: &mut Context<'_>) -> (usize, Option<Ending>) {
        for count in 0..BATCH {
            let message = match Pin::new(&mut self.opened.socket).poll_next(cx) {
                Poll::Pending => return (count, None),
                Poll::Ready(None) => return (count, Some(Ending::Cut)),
                Poll::Ready(Some(Err(error))) => return (count, Some(self.failed(&error))),
                Poll::Ready(Some(Ok(message))) => message,
            };
            if let Some(ending) = self.take(message) {
                return (count + 1, Some(ending));
            }
        }
        (BATCH, None)
    }

    #[inline]
    fn take(&mut self, message: Message) -> Option<Ending> {
        let stamp = self.opened.receipt.last();
        match message {
            Message::Text(text) => self.hub.say(self.socket, SocketEvent::Frame(text.as_bytes()), stamp),
            Message::Binary(bytes) => return self.take_binary(&bytes, stamp),
            Message::Ping(_) => {
                self.hub.say(self.socket, SocketEvent::Pinged, stamp);
                if !self.pings.allow(stamp.now, self.hub.network.transport.pings_per_second_max) {
                    return Some(Ending::Flooded);
                }
            }
            Message::Pong(_) => self.hub.say(self.socket, SocketEvent::Alive, stamp),
            Message::Close(frame) => return Some(closed(frame.as_ref())),
            Message::Frame(_) => {}
        }
        None
    }

    fn take_binary(&mut self, bytes: &Bytes, stamp: Stamp) -> Option<Ending> {
        let Some(unpacker) = &mut self.unpacker else {
            self.hub.say(self.socket, SocketEvent::Binary { packed: bytes, frame: bytes }, stamp);
            return None;
        };
        match unpacker.inflater.unpack(unpacker.encoding, bytes, &mut unpacker.unpacked) {
            Ok(()) => {
                let frame = SocketEvent::Binary { packed: bytes, frame: &unpacker.unpacked };
                self.hub.say(self.socket, frame, stamp);
                None
            }
            Err(error) => {
                self.hub.say(self.socket, SocketEvent::BrokenFrame(bytes), stamp);
                let bomb = matches!(error, InflateError::TooLarge { .. } | InflateError::Ratio { .. });
                Some(Ending::Broken(if bomb { 1_009 } else { 1_002 }))
            }
        }
    }

    /// Sends, or begins to. Returns the code if the socket is to be closed.
    fn send(&mut self, out: Out) -> Option<u16> {
        let message = match out {
            Out::Text(text) => Message::text(text),
            Out::Ping => Message::Ping(Bytes::new()),
            Out::Close(code) => return Some(code),
        };
        self.is_stuck |= Pin::new(&mut self.opened.socket).start_send(message).is_err();
        None
    }

    /// Looks at what time brings: a message that takes too long, a pong whose time has come.
    fn watch(&mut self, cx: &mut Context<'_>) -> Option<Ending> {
        loop {
            let now = self.hub.network.keeper.now();
            let outbox = self.opened.socket.get_mut();
            let pong = outbox.release_pong(now);
            let limit = self.hub.network.transport.message_timeout;
            let slow = outbox.incomplete_since().map(|since| since + limit);
            if slow.is_some_and(|slow| now >= slow) {
                return Some(Ending::Slow);
            }
            let next = match (pong, slow) {
                (Some(pong), Some(slow)) => pong.min(slow),
                (pong, slow) => pong.or(slow)?,
            };
            // A timer that rings too early is looked at again; that is cheaper than setting it for each message.
            if self.alarm.is_none_or(|alarm| alarm > next) {
                self.timer.as_mut().reset(Instant::now() + next.since(now));
                self.alarm = Some(next);
            }
            match self.timer.as_mut().poll(cx) {
                Poll::Ready(()) => self.alarm = None,
                Poll::Pending => return None,
            }
        }
    }

    /// Writes what waits, as far as the kernel takes it.
    fn flush(&mut self, cx: &mut Context<'_>) -> Option<Ending> {
        if self.is_stuck {
            return Some(Ending::Cut);
        }
        if !self.opened.socket.get_ref().has_waiting() {
            return None;
        }
        match Pin::new(&mut self.opened.socket).poll_flush(cx) {
            Poll::Ready(Err(error)) => Some(self.failed(&error)),
            _ => None,
        }
    }

    #[cold]
    fn failed(&self, error: &Error) -> Ending {
        match self.opened.socket.get_ref().excess() {
            Some(Excess::Fragments | Excess::HttpHead) => Ending::Broken(1_009),
            None => refuse::ending(error),
        }
    }

    /// Says goodbye as far as the other side listens: the close frame (theirs is answered by the decoder), then, if we
    /// began, their answer, so that the connection ends in order. Whatever else comes is thrown away.
    async fn part(mut self, code: Option<u16>) {
        let goodbye = async {
            let socket = &mut self.opened.socket;
            if let Some(code) = code {
                let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
                socket.send(Message::Close(Some(frame))).await.ok();
                while let Some(Ok(_)) = socket.next().await {}
            } else {
                socket.flush().await.ok();
            }
            socket.get_mut().shutdown().await.ok();
        };
        timeout(GOODBYE_LIMIT, goodbye).await.ok();
    }
}

/// What a close frame says. The decoder turns a code that must not be sent into 1002 with a reason of its own.
fn closed(frame: Option<&CloseFrame>) -> Ending {
    match frame {
        None => Ending::Closed(1_005),
        Some(frame) if frame.code == CloseCode::Protocol && frame.reason == "Protocol violation" => {
            Ending::Broken(1_002)
        }
        Some(frame) => Ending::Closed(frame.code.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_are_counted_by_the_second() {
        // Three are allowed: the fourth in a second is not, the fourth a second later is the first again.
        let mut pings = Pings::default();
        let at = |millis: u64| Moment(millis * 1_000_000);
        for millis in [5_000, 5_001, 5_999] {
            assert!(pings.allow(at(millis), 3));
        }
        assert!(!pings.allow(at(5_999), 3));
        assert!(pings.allow(at(6_000), 3));
    }

    #[test]
    fn close_frames_are_told_apart() {
        // None, an ordinary one, and what the decoder makes of a forbidden code.
        let frame = |code: u16, reason: &'static str| CloseFrame { code: code.into(), reason: reason.into() };
        assert_eq!(closed(None), Ending::Closed(1_005));
        assert_eq!(closed(Some(&frame(1_012, "restart"))), Ending::Closed(1_012));
        assert_eq!(closed(Some(&frame(1_002, "you"))), Ending::Closed(1_002));
        assert_eq!(closed(Some(&frame(1_002, "Protocol violation"))), Ending::Broken(1_002));
    }
}
