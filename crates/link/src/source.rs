//! What a socket's messages are taken from: a stream that wakes its task, all of which tungstenite decodes, or one that
//! spins, where it decodes what is not plain.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use touchline_feed::{Ending, Moment};

use crate::driver::Stamp;
use crate::frames::Excess;
use crate::outbox::Outbox;
use crate::refuse;
use crate::spin::{Next, Wire};

/// The most messages of one socket before the others have their turn.
pub(crate) const BATCH: usize = 64;

/// A WebSocket over such a stream.
pub(crate) type Socket<S> = WebSocketStream<Outbox<S>>;

/// One message.
#[derive(Debug)]
pub(crate) enum Heard<'a> {
    Text(&'a [u8]),
    Binary(&'a [u8]),
    Ping,
    Pong,
    Close(Option<&'a CloseFrame>),
}

/// Bytes both ways, below the frames.
pub(crate) trait Source: AsyncRead + AsyncWrite + Unpin + Sized {
    /// Hands over every message that is there without waiting, up to [`BATCH`] of them. Returns how many there were,
    /// and the socket's end if it has come: `take` may say so too.
    fn hear(
        socket: &mut Socket<Self>,
        cx: &mut Context<'_>,
        take: impl FnMut(Heard<'_>, Stamp) -> Option<Ending>,
    ) -> (usize, Option<Ending>);

    /// The handshake is over.
    fn begin_frames(&mut self) {}

    /// The driver hears nothing more of it.
    fn begin_goodbye(&mut self) {}

    /// When the first byte of a message came that is not whole, and that tungstenite knows nothing of.
    fn since(&self) -> Option<Moment> {
        None
    }
}

/// Bytes both ways: TCP, or TLS over it.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Duplex for S {}

impl Source for Box<dyn Duplex> {
    fn hear(
        socket: &mut Socket<Self>,
        cx: &mut Context<'_>,
        mut take: impl FnMut(Heard<'_>, Stamp) -> Option<Ending>,
    ) -> (usize, Option<Ending>) {
        for count in 0..BATCH {
            match next(socket, cx, &mut take) {
                Poll::Pending => return (count, None),
                Poll::Ready(None) => {}
                Poll::Ready(ending) => return (count + 1, ending),
            }
        }
        cx.waker().wake_by_ref();
        (BATCH, None)
    }
}

impl Source for Wire {
    fn hear(
        socket: &mut Socket<Self>,
        cx: &mut Context<'_>,
        mut take: impl FnMut(Heard<'_>, Stamp) -> Option<Ending>,
    ) -> (usize, Option<Ending>) {
        let (mut count, mut has_read) = (0, false);
        while count < BATCH {
            if socket.get_ref().stream().is_passing() {
                match next(socket, cx, &mut take) {
                    Poll::Pending => {}
                    Poll::Ready(None) => {
                        count += 1;
                        continue;
                    }
                    Poll::Ready(ending) => return (count + 1, ending),
                }
                let outbox = socket.get_mut();
                let missing = outbox.missing();
                if outbox.stream_mut().pass_on(missing) {
                    continue;
                }
            } else {
                let outbox = socket.get_mut();
                let stamp = outbox.stamp();
                let ending = match outbox.stream_mut().next(stamp.now) {
                    Next::Text(text) => Some(take(Heard::Text(text), stamp)),
                    Next::Binary(bytes) => Some(take(Heard::Binary(bytes), stamp)),
                    Next::Other => continue,
                    Next::Partial => None,
                };
                if let Some(ending) = ending {
                    count += 1;
                    if ending.is_some() {
                        return (count, ending);
                    }
                    continue;
                }
            }
            // One read, and then the other sockets have their turn.
            if has_read {
                break;
            }
            has_read = true;
            match socket.get_mut().stream_mut().fill() {
                Ok(1..) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Ok(_) | Err(_) => return (count, Some(Ending::Cut)),
            }
        }
        (count, None)
    }

    fn begin_frames(&mut self) {
        self.pass_nothing();
    }

    fn begin_goodbye(&mut self) {
        self.pass_all();
    }

    fn since(&self) -> Option<Moment> {
        self.since()
    }
}

/// The next message as tungstenite decodes it; ready with the socket's end if it has come.
#[inline]
fn next<S: Source>(
    socket: &mut Socket<S>,
    cx: &mut Context<'_>,
    take: &mut impl FnMut(Heard<'_>, Stamp) -> Option<Ending>,
) -> Poll<Option<Ending>> {
    let message = match Pin::new(&mut *socket).poll_next(cx) {
        Poll::Pending => return Poll::Pending,
        Poll::Ready(None) => return Poll::Ready(Some(Ending::Cut)),
        Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(failed(socket.get_ref(), &error))),
        Poll::Ready(Some(Ok(message))) => message,
    };
    let stamp = socket.get_ref().stamp();
    Poll::Ready(match &message {
        Message::Text(text) => take(Heard::Text(text.as_bytes()), stamp),
        Message::Binary(bytes) => take(Heard::Binary(bytes), stamp),
        Message::Ping(_) => take(Heard::Ping, stamp),
        Message::Pong(_) => take(Heard::Pong, stamp),
        Message::Close(frame) => take(Heard::Close(frame.as_ref()), stamp),
        Message::Frame(_) => None,
    })
}

/// Why tungstenite gave up.
#[cold]
pub(crate) fn failed<S>(outbox: &Outbox<S>, error: &Error) -> Ending {
    match outbox.excess() {
        Some(Excess::Fragments | Excess::HttpHead) => Ending::Broken(1_009),
        None => refuse::ending(error),
    }
}
