//! A TCP stream that notes when its last bytes came.
//!
//! It lies under TLS: whatever a message's last byte was packed in, the stamp is that of the read which brought it. A
//! read goes through `recvmsg`, so that the kernel can say in the same call when it had the packet (of several read at
//! once, the last).

use std::cell::Cell;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use touchline_feed::Moment;
use touchline_market::Nanos;

use crate::driver::Stamp;
use crate::timekeeper::Timekeeper;

/// What a stream's reader may know about its last read. Shared by the stream and its task; both live on one thread.
#[derive(Debug)]
pub(crate) struct Receipt {
    keeper: Rc<Timekeeper>,
    last: Cell<Stamp>,
    /// Since when a TLS record is incomplete.
    record_since: Cell<Option<Moment>>,
}

impl Receipt {
    pub(crate) fn new(keeper: Rc<Timekeeper>) -> Rc<Self> {
        let last = Cell::new(keeper.stamp(Nanos::NONE));
        Rc::new(Self { keeper, last, record_since: Cell::new(None) })
    }

    /// The stamp of the last read that brought something.
    pub(crate) fn last(&self) -> Stamp {
        self.last.get()
    }

    /// When the first byte of a TLS record came that is not whole yet.
    pub(crate) fn record_since(&self) -> Option<Moment> {
        self.record_since.get()
    }
}

/// Reads a socket, and notes when the bytes came.
#[derive(Debug)]
pub(crate) struct Stamper {
    receipt: Rc<Receipt>,
    /// Room for the kernel's control messages; empty if it is not asked for stamps.
    control: Vec<u8>,
    /// Where in a TLS record the bytes are; `None` on a plain socket.
    records: Option<Records>,
}

impl Stamper {
    /// `kernel_stamps`: the socket was told to give them. `tls`: its bytes are TLS records.
    pub(crate) fn new(receipt: Rc<Receipt>, kernel_stamps: bool, tls: bool) -> Self {
        let control = if kernel_stamps { vec![0; CONTROL_BYTES] } else { Vec::new() };
        Self { receipt, control, records: tls.then(Records::default) }
    }

    /// One read. No byte is the other side's end.
    #[inline]
    pub(crate) fn receive(&mut self, socket: &SockRef<'_>, space: &mut [u8]) -> io::Result<usize> {
        let (count, kernel) = receive(socket, space, &mut self.control)?;
        if count > 0 {
            self.note(space.get(..count).unwrap_or_default(), kernel);
        }
        Ok(count)
    }

    fn note(&mut self, bytes: &[u8], kernel: Nanos) {
        let stamp = self.receipt.keeper.stamp(kernel);
        self.receipt.last.set(stamp);
        if let Some(records) = &mut self.records {
            let was_whole = records.is_whole();
            let passed_an_end = records.feed(bytes);
            if records.is_whole() {
                self.receipt.record_since.set(None);
            } else if was_whole || passed_an_end {
                self.receipt.record_since.set(Some(stamp.now));
            }
        }
    }
}

/// The stream.
#[derive(Debug)]
pub(crate) struct Stamped {
    stream: TcpStream,
    stamper: Stamper,
}

impl Stamped {
    pub(crate) fn new(stream: TcpStream, stamper: Stamper) -> Self {
        Self { stream, stamper }
    }
}

impl AsyncRead for Stamped {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = buffer.remaining();
        loop {
            ready!(this.stream.poll_read_ready(cx))?;
            let space = buffer.initialize_unfilled();
            let socket = SockRef::from(&this.stream);
            let read = this.stream.try_io(Interest::READABLE, || this.stamper.receive(&socket, space));
            let count = match read {
                Ok(count) => count,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
                Err(e) => return Poll::Ready(Err(e)),
            };
            if count > 0 && count < room {
                // A short read has emptied the socket. Saying so at once, before the runtime can look at the
                // network again, saves a read that would find nothing; what comes later is a new event.
                let _: io::Result<()> =
                    this.stream.try_io(Interest::READABLE, || Err(io::ErrorKind::WouldBlock.into()));
            }
            buffer.advance(count);
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// Enough for one control message with three times.
const CONTROL_BYTES: usize = 128;

/// One read, and when the kernel had it.
#[cfg(target_os = "linux")]
fn receive(socket: &SockRef<'_>, space: &mut [u8], control: &mut Vec<u8>) -> io::Result<(usize, Nanos)> {
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

    let mut slices = [IoSliceMut::new(space)];
    let room = (!control.is_empty()).then_some(control.as_mut_slice());
    let stamped = room.is_some();
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut slices, room, MsgFlags::empty())?;
    let mut kernel = Nanos::NONE;
    if stamped && let Ok(control) = message.cmsgs() {
        for part in control {
            if let ControlMessageOwned::ScmTimestampsns(times) = part {
                let seconds = u64::try_from(times.system.tv_sec()).unwrap_or(0);
                let nanos = u64::try_from(times.system.tv_nsec()).unwrap_or(0);
                kernel = Nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos));
            }
        }
    }
    Ok((message.bytes, kernel))
}

/// One read. Only Linux says when the kernel had it.
#[cfg(not(target_os = "linux"))]
fn receive(socket: &SockRef<'_>, space: &mut [u8], _: &mut Vec<u8>) -> io::Result<(usize, Nanos)> {
    use std::io::Read;

    let read = (&**socket).read_vectored(&mut [IoSliceMut::new(space)])?;
    Ok((read, Nanos::NONE))
}

/// Follows TLS records by their heads (RFC 8446, section 5.1): five bytes, the last two of which are the length.
#[derive(Debug, Default)]
struct Records {
    head: usize,
    length: usize,
    /// Bytes of the body still to come, once the head is whole.
    left: usize,
}

impl Records {
    const HEAD_BYTES: usize = 5;

    fn is_whole(&self) -> bool {
        self.head == 0
    }

    /// Returns whether a record ended within these bytes.
    fn feed(&mut self, mut bytes: &[u8]) -> bool {
        let mut ended = false;
        while let Some((&first, rest)) = bytes.split_first() {
            if self.head < Self::HEAD_BYTES {
                self.length = (self.length << 8 | usize::from(first)) & 0xffff;
                self.head += 1;
                self.left = self.length;
                bytes = rest;
            } else {
                let taken = self.left.min(bytes.len());
                self.left -= taken;
                bytes = bytes.get(taken..).unwrap_or_default();
            }
            if self.head == Self::HEAD_BYTES && self.left == 0 {
                *self = Self::default();
                ended = true;
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_whole_at_its_end_and_nowhere_else() {
        // Three records, one of them empty and one longer than 255 bytes, fed at every split in two: whole exactly
        // where a record ends, and ends are seen exactly when they are passed.
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        for length in [3_usize, 0, 700] {
            bytes.extend([23, 3, 3, (length >> 8) as u8, length as u8]);
            bytes.extend(std::iter::repeat_n(9, length));
            ends.push(bytes.len());
        }
        for split in 0..=bytes.len() {
            let mut records = Records::default();
            let ended = records.feed(&bytes[..split]);
            assert_eq!(ended, ends.iter().any(|&end| end > 0 && end <= split), "{split}");
            assert_eq!(records.is_whole(), ends.contains(&split), "{split}");
            let ended = records.feed(&bytes[split..]);
            assert_eq!(ended, split < bytes.len(), "{split}");
            assert!(records.is_whole());
        }
    }
}
