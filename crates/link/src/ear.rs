//! What a socket's messages are to the driver.

use std::rc::Rc;
use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use touchline_capture::{Encoding, InflateError, Inflater};
use touchline_feed::{Ending, Moment};

use crate::driver::{Driver, SocketEvent, SocketId, Stamp};
use crate::hub::Hub;
use crate::source::Heard;

/// Tells the driver what one socket says.
pub(crate) struct Ear<'hub, D: Driver> {
    pub(crate) hub: &'hub Rc<Hub<D>>,
    pub(crate) socket: SocketId,
    unpacker: Option<Unpacker>,
    pings: Pings,
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

impl<'hub, D: Driver> Ear<'hub, D> {
    pub(crate) fn new(hub: &'hub Rc<Hub<D>>, socket: SocketId) -> Self {
        let packed = hub.network.transport.encoding.filter(|&encoding| encoding != Encoding::Plain);
        let unpacker =
            packed.map(|encoding| Unpacker { encoding, inflater: Inflater::new(), unpacked: Vec::new() });
        Self { hub, socket, unpacker, pings: Pings::default() }
    }

    /// Tells of one message. Returns the socket's end if it is one.
    #[inline]
    pub(crate) fn take(&mut self, heard: Heard<'_>, stamp: Stamp) -> Option<Ending> {
        match heard {
            Heard::Text(text) => self.hub.say(self.socket, SocketEvent::Frame(text), stamp),
            Heard::Binary(bytes) => return self.take_binary(bytes, stamp),
            Heard::Ping => {
                self.hub.say(self.socket, SocketEvent::Pinged, stamp);
                if !self.pings.allow(stamp.now, self.hub.network.transport.pings_per_second_max) {
                    return Some(Ending::Flooded);
                }
            }
            Heard::Pong => self.hub.say(self.socket, SocketEvent::Alive, stamp),
            Heard::Close(frame) => return Some(closed(frame)),
        }
        None
    }

    fn take_binary(&mut self, bytes: &[u8], stamp: Stamp) -> Option<Ending> {
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
}

/// What a close frame says. The decoder turns a code that must not be sent into 1002 with a reason of its own.
pub(crate) fn closed(frame: Option<&CloseFrame>) -> Ending {
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
