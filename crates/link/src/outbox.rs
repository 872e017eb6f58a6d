//! The layer between the WebSocket decoder and the socket (or its TLS): it takes whatever is written, follows what is
//! read, and holds pongs back.
//!
//! The decoder answers every ping at once, and hands each of its frames over in one write. So a pong can be seen here,
//! and of many only the newest is kept until its time has come: at most two a second, however many pings arrive.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use touchline_feed::Moment;

use crate::driver::Stamp;
use crate::frames::{Excess, Frames};
use crate::receive::Receipt;
use crate::source::Source;

/// Time between two pongs.
const PONG_EVERY: Duration = Duration::from_millis(500);

/// The most bytes that wait to be sent. Who takes none of them for so long is as good as gone.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// The layer.
#[derive(Debug)]
pub(crate) struct Outbox<S> {
    stream: S,
    receipt: Rc<Receipt>,
    frames: Frames,
    excess: Option<Excess>,
    /// Since when a message is incomplete.
    message_since: Option<Moment>,
    /// Bytes to be sent, of which so many are.
    waiting: Vec<u8>,
    sent: usize,
    /// The handshake is over: what is written are frames.
    framed: bool,
    pong: Vec<u8>,
    pong_from: Moment,
}

impl<S> Outbox<S> {
    pub(crate) fn new(stream: S, receipt: Rc<Receipt>) -> Self {
        Self {
            stream,
            receipt,
            frames: Frames::default(),
            excess: None,
            message_since: None,
            waiting: Vec::with_capacity(1_024),
            sent: 0,
            framed: false,
            pong: Vec::with_capacity(PONG_BYTES_MAX),
            pong_from: Moment(0),
        }
    }

    /// The layer behind a handshake.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn opened(stream: S, receipt: Rc<Receipt>) -> Self {
        Self { framed: true, frames: Frames::begun(), ..Self::new(stream, receipt) }
    }

    /// The handshake is over. Returns whether the end of its answer was seen here too; if it was not, frames cannot be
    /// followed.
    pub(crate) fn begin_frames(&mut self) -> bool {
        self.framed = true;
        self.frames.has_begun()
    }

    /// Lets a held pong go if its time has come. Returns when it will have, if it has not.
    pub(crate) fn release_pong(&mut self, now: Moment) -> Option<Moment> {
        if self.pong.is_empty() {
            return None;
        }
        if now < self.pong_from {
            return Some(self.pong_from);
        }
        self.pong_from = now + PONG_EVERY;
        self.waiting.append(&mut self.pong);
        None
    }

    /// How many bytes of a message under way are missing at least.
    pub(crate) fn missing(&self) -> u64 {
        self.frames.missing()
    }

    /// The stamp of the last read that brought something.
    pub(crate) fn stamp(&self) -> Stamp {
        self.receipt.last()
    }

    /// What lies below.
    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// What lies below.
    pub(crate) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// What limit the other side exceeded.
    pub(crate) fn excess(&self) -> Option<Excess> {
        self.excess
    }

    /// Whether bytes wait to be sent.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Follows what was read; returns how much of it may be passed on.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        let was_whole = self.frames.is_whole();
        let ended = match self.frames.feed(bytes) {
            Ok(ended) => ended,
            Err((excess, before)) => {
                self.excess = Some(excess);
                return before;
            }
        };
        if self.frames.is_whole() {
            self.message_since = None;
        } else if was_whole || ended {
            self.message_since = Some(self.receipt.last().now);
        }
        bytes.len()
    }
}

impl<S: Source> Outbox<S> {
    /// Since when a message is under way that is not whole: its first byte came then.
    pub(crate) fn incomplete_since(&self) -> Option<Moment> {
        let since = [self.message_since, self.receipt.record_since(), self.stream.since()];
        since.into_iter().flatten().min()
    }
}

/// Head, mask and the most a pong may carry.
const PONG_BYTES_MAX: usize = 2 + 4 + 125;

/// Whether these bytes are one pong as a client sends it.
fn is_pong(bytes: &[u8]) -> bool {
    match bytes {
        [0x8a, length, ..] => bytes.len() == 2 + 4 + usize::from(length & 0x7f),
        _ => false,
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Outbox<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if this.excess.is_none() {
            ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
            let count = this.follow(buffer.filled().get(before..).unwrap_or_default());
            buffer.set_filled(before + count);
        }
        // What came before the excess is whole, and told first.
        if this.excess.is_some() && buffer.filled().len() == before {
            return Poll::Ready(Err(io::Error::other("more than is allowed")));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Outbox<S> {
    /// Takes everything and sends nothing: that is what flushing is for.
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.framed && is_pong(bytes) {
            this.pong.clear();
            this.pong.extend_from_slice(bytes);
        } else if this.waiting.len() + bytes.len() > WAITING_BYTES_MAX {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        } else {
            this.waiting.extend_from_slice(bytes);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while let Some(bytes) = this.waiting.get(this.sent..).filter(|bytes| !bytes.is_empty()) {
            match ready!(Pin::new(&mut this.stream).poll_write(cx, bytes))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => this.sent += count,
            }
        }
        // What TLS holds back counts as waiting too: there would be nobody to ask for it.
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        this.waiting.clear();
        this.sent = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::timekeeper::Timekeeper;

    fn pong(body: u8) -> Vec<u8> {
        vec![0x8a, 0x81, 1, 2, 3, 4, body]
    }

    #[tokio::test]
    async fn of_many_pongs_the_newest_is_sent_twice_a_second() {
        // Three pongs and a text between them: the text goes out, then the third pong; a fourth has to wait 500 ms
        // from there, whatever is asked in between. The stream is a vector, time an argument.
        let receipt = Receipt::new(Rc::new(Timekeeper::new()));
        let mut outbox = Outbox::new(Vec::new(), receipt);
        outbox.begin_frames();
        let text = [0x81_u8, 0x80, 1, 2, 3, 4];
        for frame in [pong(1), pong(2), text.to_vec(), pong(3)] {
            outbox.write_all(&frame).await.unwrap();
        }
        outbox.flush().await.unwrap();
        assert_eq!(outbox.stream, text);
        assert_eq!(outbox.release_pong(Moment(7)), None);
        outbox.flush().await.unwrap();
        assert_eq!(outbox.stream, [text.to_vec(), pong(3)].concat());

        outbox.write_all(&pong(4)).await.unwrap();
        assert_eq!(outbox.release_pong(Moment(7)), Some(Moment(500_000_007)));
        assert!(!outbox.has_waiting());
        assert_eq!(outbox.release_pong(Moment(500_000_007)), None);
        assert!(outbox.has_waiting());
    }

    #[tokio::test]
    async fn before_the_first_frame_nothing_is_held() {
        // Bytes that look like a pong, written during the handshake, go out as they are.
        let receipt = Receipt::new(Rc::new(Timekeeper::new()));
        let mut outbox = Outbox::new(Vec::new(), receipt);
        outbox.write_all(&pong(1)).await.unwrap();
        outbox.flush().await.unwrap();
        assert_eq!(outbox.stream, pong(1));
    }

    #[tokio::test]
    async fn what_nobody_takes_ends_the_connection() {
        // One byte more than may wait is an error, and not memory.
        let receipt = Receipt::new(Rc::new(Timekeeper::new()));
        let mut outbox = Outbox::new(tokio::io::empty(), receipt);
        outbox.write_all(&vec![0; WAITING_BYTES_MAX]).await.unwrap();
        assert!(outbox.write_all(&[0]).await.is_err());
    }
}
