//! What a client's socket layer makes of the exchange's bytes, by the rules of RFC 6455 and the limits of the reader.

/// A frame of more bytes is not waited for.
const FRAME_BYTES_MAX: u64 = 4 << 20;

/// More frames in one message are too many.
const FRAGMENTS_MAX: usize = 1_024;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What was received.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Heard {
    /// A whole message.
    Message(Vec<u8>),
    /// A ping.
    Ping,
    /// A pong.
    Pong,
    /// A close frame with its code; 1005 if it has none.
    Close(u16),
}

/// What came breaks the protocol: the connection is to be closed with this code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wrong(pub u16);

/// Takes frames apart.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// Where the next frame begins.
    start: usize,
    /// The fragments of a message so far, and how many.
    message: Vec<u8>,
    fragments: usize,
    text: bool,
}

/// One frame: first byte, where its payload is, where it ends.
struct Frame {
    first: u8,
    payload: std::ops::Range<usize>,
}

impl Decoder {
    /// Bytes came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message or control frame, if one is there.
    ///
    /// # Errors
    /// [`Wrong`]; nothing that follows is of use.
    #[expect(clippy::should_implement_trait, reason = "more may come after `None`")]
    pub fn next(&mut self) -> Option<Result<Heard, Wrong>> {
        loop {
            let frame = match self.frame()? {
                Ok(frame) => frame,
                Err(wrong) => return Some(Err(wrong)),
            };
            self.start = frame.payload.end;
            match self.take(&frame) {
                Ok(None) => {}
                Ok(Some(heard)) => return Some(Ok(heard)),
                Err(wrong) => return Some(Err(wrong)),
            }
        }
    }

    /// Is a message or a frame begun and not whole?
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.start < self.bytes.len() || self.fragments > 0
    }

    /// The next frame's head, once the frame is whole or cannot be right.
    fn frame(&self) -> Option<Result<Frame, Wrong>> {
        let bytes = self.bytes.get(self.start..)?;
        let [first, second, rest @ ..] = bytes else { return None };
        if first & 0x70 != 0 || second & 0x80 != 0 {
            return Some(Err(Wrong(1_002)));
        }
        let (length, head) = match (second, rest) {
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 4),
            (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 10),
            (126 | 127, _) => return None,
            (length, _) => (u64::from(*length), 2),
        };
        let is_control = first & 0x08 != 0;
        if is_control && (length > 125 || first & 0x80 == 0) {
            return Some(Err(Wrong(1_002)));
        }
        if length > FRAME_BYTES_MAX {
            return Some(Err(Wrong(1_009)));
        }
        let length = usize::try_from(length).ok()?;
        if bytes.len() < head + length {
            return None;
        }
        let from = self.start + head;
        Some(Ok(Frame { first: *first, payload: from..from + length }))
    }

    fn take(&mut self, frame: &Frame) -> Result<Option<Heard>, Wrong> {
        let payload = self.bytes.get(frame.payload.clone()).unwrap_or_default();
        let is_last = frame.first & 0x80 != 0;
        match frame.first & 0x0f {
            PING => Ok(Some(Heard::Ping)),
            PONG => Ok(Some(Heard::Pong)),
            CLOSE => match payload {
                [] => Ok(Some(Heard::Close(1_005))),
                [a, b, reason @ ..] => {
                    let code = u16::from_be_bytes([*a, *b]);
                    let may = matches!(code, 1_000..=1_003 | 1_007..=1_014 | 3_000..=4_999);
                    if may && std::str::from_utf8(reason).is_ok() {
                        Ok(Some(Heard::Close(code)))
                    } else {
                        Err(Wrong(1_002))
                    }
                }
                [_] => Err(Wrong(1_002)),
            },
            opcode @ (0 | TEXT | BINARY) => {
                // A continuation continues something, and nothing else comes in between.
                if (opcode == 0) != (self.fragments > 0) {
                    return Err(Wrong(1_002));
                }
                self.fragments += 1;
                if self.fragments > FRAGMENTS_MAX {
                    return Err(Wrong(1_009));
                }
                self.text = if opcode == 0 { self.text } else { opcode == TEXT };
                self.message.extend_from_slice(payload);
                if !is_last {
                    return Ok(None);
                }
                self.fragments = 0;
                let message = std::mem::take(&mut self.message);
                if self.text && std::str::from_utf8(&message).is_err() {
                    return Err(Wrong(1_007));
                }
                Ok(Some(Heard::Message(message)))
            }
            _ => Err(Wrong(1_002)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames;
    use crate::random::Random;

    /// A text comes out whole however it was fragmented and wherever the bytes are cut; the pings between are heard.
    #[test]
    fn fragments_become_a_message() {
        for seed in 0..50 {
            let mut bytes = Vec::new();
            frames::fragments(&mut bytes, "a text to be cut", &mut Random::new(seed));
            frames::close(&mut bytes, 1_012, "");
            let mut decoder = Decoder::default();
            let mut heard = Vec::new();
            for byte in bytes {
                decoder.feed(&[byte]);
                heard.extend(std::iter::from_fn(|| decoder.next()));
            }
            heard.retain(|heard| *heard != Ok(Heard::Ping));
            let message = Heard::Message(b"a text to be cut".to_vec());
            assert_eq!(heard, [Ok(message), Ok(Heard::Close(1_012))]);
            assert!(!decoder.is_incomplete());
        }
    }

    /// Every frame that breaks a rule is found out, and one that claims too much is not waited for.
    #[test]
    fn broken_frames_are_found_out() {
        for seed in 0..100 {
            let mut bytes = Vec::new();
            frames::bad(&mut bytes, &mut Random::new(seed));
            let mut decoder = Decoder::default();
            decoder.feed(&bytes);
            assert!(matches!(decoder.next(), Some(Err(Wrong(1_002 | 1_007)))), "seed {seed}");
        }
        let mut bytes = Vec::new();
        frames::oversize(&mut bytes);
        let mut decoder = Decoder::default();
        decoder.feed(&bytes);
        assert_eq!(decoder.next(), Some(Err(Wrong(1_009))));
    }
}
