//! A socket's received bytes, and what is decoded of them: by us where frames are plain, else by tungstenite, which
//! reads here as from any stream.
//!
//! Whoever polls this looks again without being woken: nothing here ever keeps a waker.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use touchline_feed::Moment;

use super::decode::{Step, decode};
use crate::receive::Stamper;

/// Room for received bytes, as many as one read may bring.
const BUFFER_BYTES: usize = 256 * 1024;

/// No bound to what tungstenite may read.
const ALL: u64 = u64::MAX;

/// Bytes both ways that never wait: a call that would have to is refused with `WouldBlock`.
pub(crate) trait Line: Read + Write {
    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// The connection is gone, or its buffers are full.
    fn shutdown(&mut self) -> io::Result<()>;
}

/// A TCP connection that never waits.
#[derive(Debug)]
pub(crate) struct Tcp {
    stream: TcpStream,
    stamper: Stamper,
}

impl Tcp {
    /// # Errors
    /// The connection cannot be taken from the runtime.
    pub(crate) fn new(stream: tokio::net::TcpStream, stamper: Stamper) -> io::Result<Self> {
        // The runtime hears of this socket no more. It stays one that never waits.
        Ok(Self { stream: stream.into_std()?, stamper })
    }
}

impl Read for Tcp {
    #[inline]
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.stamper.receive(&SockRef::from(&self.stream), space)
    }
}

impl Write for Tcp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Line for Tcp {
    fn shutdown(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }
}

/// The received bytes: `from..to` of the buffer. The first of them are the decoder's or, when `is_passing`, belong to a
/// message that tungstenite has begun with.
pub(crate) struct Wire {
    line: Box<dyn Line>,
    buffer: Box<[u8]>,
    from: usize,
    to: usize,
    body_max: usize,
    is_passing: bool,
    /// How many bytes more tungstenite may read; [`ALL`] is without end, and from the line itself.
    granted: u64,
    /// Has read from the line since it was last polled.
    has_read: bool,
    /// When the first byte of a message was seen that is not whole yet.
    since: Option<Moment>,
}

/// What the received bytes begin with.
#[derive(Debug)]
pub(crate) enum Next<'a> {
    /// A text.
    Text(&'a [u8]),
    /// A binary message.
    Binary(&'a [u8]),
    /// Not a whole frame.
    Partial,
    /// What tungstenite knows.
    Other,
}

impl Wire {
    /// A stream for the handshake: all that comes is passed on. Frames of more than `body_max` bytes are never decoded
    /// in place, nor those of more than half the buffer.
    pub(crate) fn new(line: Box<dyn Line>, body_max: usize) -> Self {
        Self::with_buffer(line, body_max, BUFFER_BYTES)
    }

    /// With room for so many bytes.
    pub(super) fn with_buffer(line: Box<dyn Line>, body_max: usize, bytes: usize) -> Self {
        Self {
            line,
            buffer: vec![0; bytes].into_boxed_slice(),
            from: 0,
            to: 0,
            body_max: body_max.min(bytes / 2),
            is_passing: true,
            granted: ALL,
            has_read: false,
            since: None,
        }
    }

    /// The handshake is over: tungstenite reads no more than it is granted. It has what came with the handshake's end.
    pub(crate) fn pass_nothing(&mut self) {
        self.granted = 0;
    }

    /// The goodbye: tungstenite reads on by itself.
    pub(crate) fn pass_all(&mut self) {
        (self.is_passing, self.granted) = (true, ALL);
    }

    /// When the first byte of the message under way was seen.
    pub(crate) fn since(&self) -> Option<Moment> {
        self.since
    }

    /// Whether tungstenite is to be asked first.
    pub(crate) fn is_passing(&self) -> bool {
        self.is_passing
    }

    /// Tungstenite has read what it was granted, and misses so many bytes. Returns whether there is more to do without
    /// a read.
    pub(crate) fn pass_on(&mut self, missing: u64) -> bool {
        if missing == 0 {
            (self.is_passing, self.since) = (false, None);
            return true;
        }
        self.granted = missing;
        self.from < self.to
    }

    /// Takes the next message.
    #[inline]
    pub(crate) fn next(&mut self, now: Moment) -> Next<'_> {
        let bytes = self.buffer.get(self.from..self.to).unwrap_or_default();
        match decode(bytes, self.body_max) {
            Step::Plain { is_text, head, body } => {
                self.from += head + body;
                self.since = None;
                let body = bytes.get(head..head + body).unwrap_or_default();
                if is_text { Next::Text(body) } else { Next::Binary(body) }
            }
            Step::Partial => {
                if !bytes.is_empty() && self.since.is_none() {
                    self.since = Some(now);
                }
                Next::Partial
            }
            Step::Other => {
                // One byte of it, and then as many as are missing for a whole message.
                (self.is_passing, self.granted) = (true, 1);
                Next::Other
            }
        }
    }

    /// Reads once. No byte is the other side's end.
    #[inline]
    pub(crate) fn fill(&mut self) -> io::Result<usize> {
        if self.from == self.to {
            (self.from, self.to) = (0, 0);
        } else if self.buffer.len() - self.to < self.buffer.len() / 4 {
            // A frame that is decoded in place takes half of the buffer at most: behind what is left of it there is
            // room for the rest.
            self.buffer.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        let count = self.line.read(self.buffer.get_mut(self.to..).unwrap_or_default())?;
        self.to += count;
        Ok(count)
    }
}

/// A call that would have to wait is asked again.
fn polled<T>(outcome: io::Result<T>) -> Poll<io::Result<T>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        outcome => Poll::Ready(outcome),
    }
}

/// What tungstenite reads.
impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.granted == ALL && this.from == this.to {
            // One read, then the other sockets have their turn, however much there is.
            if std::mem::take(&mut this.has_read) {
                return Poll::Pending;
            }
            match polled(this.fill()) {
                Poll::Ready(Ok(1..)) => this.has_read = true,
                other => return other.map_ok(|_| ()),
            }
        }
        let granted = usize::try_from(this.granted).unwrap_or(usize::MAX);
        let count = granted.min(this.to - this.from).min(space.remaining());
        if count == 0 {
            return Poll::Pending;
        }
        space.put_slice(this.buffer.get(this.from..this.from + count).unwrap_or_default());
        this.from += count;
        if this.granted != ALL {
            this.granted -= count as u64;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        polled(self.get_mut().line.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        polled(self.get_mut().line.flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        polled(self.get_mut().line.shutdown())
    }
}
