//! One socket's life, as a task of its reader thread.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use touchline_feed::{Ending, Moment, Refusal};

use crate::driver::{Driver, SocketEvent, SocketId};
use crate::ear::Ear;
use crate::hub::{Hub, Out};
use crate::open::{Opening, open_spinning, open_waking};
use crate::source::{Socket, Source, failed};
use crate::transport::TransportKind;

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
    out: UnboundedReceiver<Out>,
) {
    let opening = Opening { network: &hub.network, url: &url, limit };
    match hub.network.transport.kind {
        TransportKind::Tokio => live(&hub, socket, open_waking(opening), out).await,
        TransportKind::Spin => live(&hub, socket, open_spinning(opening), out).await,
    }
}

async fn live<D: Driver, S: Source>(
    hub: &Rc<Hub<D>>,
    socket: SocketId,
    opening: impl Future<Output = Result<Socket<S>, Refusal>>,
    mut out: UnboundedReceiver<Out>,
) {
    let mut early = Vec::new();
    let opened = tokio::select! {
        biased;
        () = until_closed(&mut out, &mut early) => return,
        opened = opening => opened,
    };
    match opened {
        Ok(opened) => {
            hub.say(socket, SocketEvent::Opened, hub.stamp());
            hub.turn();
            let mut session = Session::new(Ear::new(hub, socket), opened, out);
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
struct Session<'hub, D: Driver, S> {
    ear: Ear<'hub, D>,
    socket: Socket<S>,
    out: UnboundedReceiver<Out>,
    timer: Pin<Box<Sleep>>,
    /// What the timer is set to.
    alarm: Option<Moment>,
    /// The outbox took no more.
    is_stuck: bool,
}

impl<'hub, D: Driver, S: Source> Session<'hub, D, S> {
    fn new(ear: Ear<'hub, D>, socket: Socket<S>, out: UnboundedReceiver<Out>) -> Self {
        let timer = Box::pin(sleep(Duration::ZERO));
        Self { ear, socket, out, timer, alarm: None, is_stuck: false }
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
        let (count, ending) = S::hear(&mut self.socket, cx, |heard, stamp| self.ear.take(heard, stamp));
        let ending = ending.or_else(|| self.watch(cx)).or_else(|| self.flush(cx));
        if let Some(ending) = ending {
            self.ear.hub.say_last(self.ear.socket, SocketEvent::Ended(ending));
        }
        if count > 0 || ending.is_some() {
            self.ear.hub.turn();
        }
        match ending {
            Some(Ending::Broken(code)) => Poll::Ready(Some(code)),
            Some(Ending::Flooded | Ending::Slow) => Poll::Ready(Some(CLOSE_POLICY)),
            Some(_) => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// Sends, or begins to. Returns the code if the socket is to be closed.
    fn send(&mut self, out: Out) -> Option<u16> {
        let message = match out {
            Out::Text(text) => Message::text(text),
            Out::Ping => Message::Ping(Bytes::new()),
            Out::Close(code) => return Some(code),
        };
        self.is_stuck |= Pin::new(&mut self.socket).start_send(message).is_err();
        None
    }

    /// Looks at what time brings: a message that takes too long, a pong whose time has come.
    fn watch(&mut self, cx: &mut Context<'_>) -> Option<Ending> {
        loop {
            let now = self.ear.hub.network.keeper.now();
            let outbox = self.socket.get_mut();
            let pong = outbox.release_pong(now);
            let limit = self.ear.hub.network.transport.message_timeout;
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
        if !self.socket.get_ref().has_waiting() {
            return None;
        }
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Ready(Err(error)) => Some(failed(self.socket.get_ref(), &error)),
            _ => None,
        }
    }

    /// Says goodbye as far as the other side listens: the close frame (theirs is answered by the decoder), then, if we
    /// began, their answer, so that the connection ends in order. Whatever else comes is thrown away.
    async fn part(mut self, code: Option<u16>) {
        let goodbye = async {
            let socket = &mut self.socket;
            socket.get_mut().stream_mut().begin_goodbye();
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
