//! The same bytes through both transports, for those who hold one to the other: a property test, and the fuzzer.

use std::collections::VecDeque;
use std::io::{self, Cursor, Read, Write};
use std::rc::Rc;
use std::task::{Context, Waker};

use futures_util::FutureExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use touchline_feed::Ending;

use super::wire::{Line, Wire};
use crate::ear::closed;
use crate::open::socket_config;
use crate::outbox::Outbox;
use crate::receive::Receipt;
use crate::source::{Duplex, Heard, Source};
use crate::timekeeper::Timekeeper;
use crate::transport::Transport;

/// What a socket said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Said {
    /// A text.
    Text(Vec<u8>),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping.
    Ping,
    /// A pong.
    Pong,
    /// How it ended, as it does when the bytes are over.
    Ended(Ending),
}

/// Limits that short inputs reach: of a frame decoded in place, of any frame, of a message, of the buffer.
const IN_PLACE_BYTES_MAX: usize = 200;
const FRAME_BYTES_MAX: usize = 1_000;
const MESSAGE_BYTES_MAX: usize = 2_000;
const BUFFER_BYTES: usize = 512;

/// What a server says that sends these bytes behind its handshake and hangs up: as the first transport hears it, which
/// is tungstenite, and as the second does if the bytes come in pieces of such lengths, again and again.
#[must_use]
pub fn both(bytes: &[u8], pieces: &[usize]) -> [Vec<Said>; 2] {
    let whole: Box<dyn Duplex> = Box::new(tokio::io::join(Cursor::new(bytes.to_vec()), tokio::io::sink()));
    let line = Pieces::cut(bytes, pieces);
    [all(whole), all(Wire::with_buffer(Box::new(line), IN_PLACE_BYTES_MAX, BUFFER_BYTES))]
}

fn all<S: Source>(stream: S) -> Vec<Said> {
    let mut said = Vec::new();
    let transport = Transport {
        frame_bytes_max: FRAME_BYTES_MAX,
        message_bytes_max: MESSAGE_BYTES_MAX,
        ..Transport::default()
    };
    let mut outbox = Outbox::opened(stream, Receipt::new(Rc::new(Timekeeper::new())));
    outbox.stream_mut().begin_frames();
    let opening = WebSocketStream::from_raw_socket(outbox, Role::Client, Some(socket_config(&transport)));
    let Some(mut socket) = opening.now_or_never() else { return said };
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        let take = |heard: Heard<'_>, _| {
            said.push(match heard {
                Heard::Text(text) => Said::Text(text.to_vec()),
                Heard::Binary(bytes) => Said::Binary(bytes.to_vec()),
                Heard::Ping => Said::Ping,
                Heard::Pong => Said::Pong,
                Heard::Close(frame) => return Some(closed(frame)),
            });
            None
        };
        if let (_, Some(ending)) = S::hear(&mut socket, &mut cx, take) {
            said.push(Said::Ended(ending));
            return said;
        }
    }
}

/// A server's bytes in pieces, with nothing to read between them.
struct Pieces {
    left: VecDeque<Vec<u8>>,
    pause: bool,
}

impl Pieces {
    fn cut(mut bytes: &[u8], lengths: &[usize]) -> Self {
        let mut left = VecDeque::new();
        let mut lengths = lengths.iter().cycle();
        while !bytes.is_empty() {
            let length = lengths.next().copied().unwrap_or(usize::MAX).clamp(1, bytes.len());
            let (piece, rest) = bytes.split_at(length);
            left.push_back(piece.to_vec());
            bytes = rest;
        }
        Self { left, pause: false }
    }
}

impl Read for Pieces {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.pause = !self.pause;
        if self.pause {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let Some(piece) = self.left.front_mut() else { return Ok(0) };
        let count = piece.as_slice().read(space)?;
        piece.drain(..count);
        if piece.is_empty() {
            self.left.pop_front();
        }
        Ok(count)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Line for Pieces {
    fn shutdown(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame: a first byte and a mask as servers send them, or not; a length in the form of its size, or a longer
    /// one; a body that is UTF-8, or not.
    fn frame() -> impl Strategy<Value = Vec<u8>> {
        let first = prop_oneof![
            12 => Just(0x81_u8),
            6 => Just(0x82),
            3 => prop_oneof![Just(0x01), Just(0x02), Just(0x00), Just(0x80)],
            3 => prop_oneof![Just(0x89), Just(0x8a)],
            1 => prop_oneof![Just(0x88), any::<u8>()],
        ];
        let body = prop_oneof![
            12 => "[a-z{}\":,0-9]{0,90}",
            4 => "[a-z]{100,260}",
            1 => "[a-z]{900,1010}",
            2 => "[äß€]{0,30}",
        ];
        let byte = prop_oneof![9 => Just(None), 1 => any::<(u8, prop::sample::Index)>().prop_map(Some)];
        let form = prop_oneof![12 => Just(0_u8), 1 => Just(1), 1 => Just(2)];
        (first, body, byte, form, 0..40_u8).prop_map(|(first, body, byte, form, mask)| {
            let mut body = body.into_bytes();
            if let Some((byte, place)) = byte
                && !body.is_empty()
            {
                let place = place.index(body.len());
                body[place] = byte;
            }
            let mask = if mask == 0 { 0x80 } else { 0 };
            let mut frame = match (form, body.len()) {
                (0, length @ 0..=125) => vec![first, mask | length as u8],
                (0 | 1, length) => [&[first, mask | 126], &(length as u16).to_be_bytes()[..]].concat(),
                (_, length) => [&[first, mask | 127], &(length as u64).to_be_bytes()[..]].concat(),
            };
            if mask != 0 {
                frame.extend([1, 2, 3, 4]);
            }
            [frame, body].concat()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Frames of every kind in pieces of every length, the last cut short now and then: both transports hear the
        /// same messages and the same end.
        #[test]
        fn both_hear_the_same(
            frames in prop::collection::vec(frame(), 1..12),
            pieces in prop::collection::vec(prop_oneof![1..8_usize, 1..400_usize], 1..5),
            cut in prop_oneof![3 => Just(0_usize), 1 => 0..50_usize],
        ) {
            let mut bytes = frames.concat();
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            let [first, second] = both(&bytes, &pieces);
            prop_assert_eq!(first, second);
        }
    }

    /// Every piece of a stream with all kinds of message comes, and is told as what it is.
    #[test]
    fn every_kind_of_message_is_heard() {
        let frames: [&[u8]; 8] = [
            b"\x81\x04text",
            b"\x82\x01b",
            b"\x89\x00",
            b"\x01\x02ab",
            b"\x8a\x00",
            b"\x80\x01c",
            b"\x81\x7e\x00\x01x",
            b"\x88\x02\x03\xe9",
        ];
        let expected = [
            Said::Text(b"text".to_vec()),
            Said::Binary(b"b".to_vec()),
            Said::Ping,
            Said::Pong,
            Said::Text(b"abc".to_vec()),
            Said::Text(b"x".to_vec()),
            Said::Ended(Ending::Closed(1_001)),
        ];
        for piece in 1..40 {
            let [first, second] = both(&frames.concat(), &[piece]);
            assert_eq!(first, expected);
            assert_eq!(second, expected, "in pieces of {piece}");
        }
    }
}
