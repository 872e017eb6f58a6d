//! Follows WebSocket frames by their heads (RFC 6455, section 5.2), to know what the decoder does not tell: whether a
//! message has begun, and in how many pieces it comes.

use crate::frames::Part::{Body, Head, Http};

/// The most bytes of the answer to the handshake.
pub(crate) const HTTP_HEAD_BYTES_MAX: usize = 16 * 1024;

/// The most fragments of one message.
pub(crate) const FRAGMENTS_MAX: u32 = 1_024;

/// Where in the received bytes we are. The bytes before the first empty line are the answer to the handshake.
#[derive(Debug)]
pub(crate) struct Frames {
    part: Part,
    /// Fragments of the message under way; 0 if none has begun or the last is whole.
    fragments: u32,
    /// Whether the frame under way is the last of its message, or a control frame.
    ends_message: bool,
    control: bool,
}

#[derive(Debug)]
enum Part {
    /// The handshake's answer: its bytes so far, and how much of `\r\n\r\n` the last of them are.
    Http { bytes: usize, matched: usize },
    /// A frame's head: its bytes so far.
    Head { bytes: [u8; 14], length: usize },
    /// A frame's body: bytes still to come.
    Body { left: u64 },
}

/// What followed bytes may be refused for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Excess {
    /// More than [`HTTP_HEAD_BYTES_MAX`].
    HttpHead,
    /// More than [`FRAGMENTS_MAX`].
    Fragments,
}

impl Default for Frames {
    fn default() -> Self {
        Self { part: Http { bytes: 0, matched: 0 }, fragments: 0, ends_message: true, control: false }
    }
}

impl Frames {
    /// Behind a handshake.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn begun() -> Self {
        Self { part: EMPTY_HEAD, ..Self::default() }
    }

    /// Whether neither a frame nor a message is under way.
    pub(crate) fn is_whole(&self) -> bool {
        self.fragments == 0 && matches!(self.part, Head { length: 0, .. } | Http { .. })
    }

    /// How many bytes are still to come before this can be whole, as far as what came says: at least one, exactly those
    /// of a body. None if it is whole.
    pub(crate) fn missing(&self) -> u64 {
        match self.part {
            _ if self.is_whole() => 0,
            Body { left } => left,
            _ => 1,
        }
    }

    /// Whether the answer to the handshake has ended.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(self.part, Http { .. })
    }

    /// Follows these bytes. Returns whether a message, or a control frame outside one, ended within them; or what they
    /// have too much of, and how many of them come before that.
    pub(crate) fn feed(&mut self, all: &[u8]) -> Result<bool, (Excess, usize)> {
        let mut bytes = all;
        let mut ended = false;
        while let Some((&first, rest)) = bytes.split_first() {
            match &mut self.part {
                Http { bytes: count, matched } => {
                    *count += 1;
                    *matched = match (*matched, first) {
                        (0 | 2, b'\r') | (1 | 3, b'\n') => *matched + 1,
                        (_, b'\r') => 1,
                        _ => 0,
                    };
                    if *matched == 4 {
                        self.part = EMPTY_HEAD;
                    } else if *count >= HTTP_HEAD_BYTES_MAX {
                        return Err((Excess::HttpHead, all.len() - bytes.len()));
                    }
                    bytes = rest;
                }
                Head { bytes: head, length } => {
                    if let Some(place) = head.get_mut(*length) {
                        *place = first;
                    }
                    *length += 1;
                    let (head, length) = (*head, *length);
                    let before = all.len() - bytes.len();
                    ended |= self.head(&head, length).map_err(|excess| (excess, before))?;
                    bytes = rest;
                }
                Body { left } => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= taken as u64;
                    if *left == 0 {
                        ended |= self.end_frame();
                    }
                    bytes = bytes.get(taken..).unwrap_or_default();
                }
            }
        }
        Ok(ended)
    }

    /// Looks at a head of which so many bytes are there; goes on to the body if it is whole.
    fn head(&mut self, head: &[u8; 14], length: usize) -> Result<bool, Excess> {
        let [first, second, b2, b3, b4, b5, b6, b7, b8, b9, ..] = *head;
        let (extra, body) = match second & 0x7f {
            126 => (2, u64::from(u16::from_be_bytes([b2, b3]))),
            127 => (8, u64::from_be_bytes([b2, b3, b4, b5, b6, b7, b8, b9])),
            short => (0, u64::from(short)),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if length < 2 || length < 2 + extra + mask {
            return Ok(false);
        }
        self.control = first & 0x08 != 0;
        self.ends_message = first & 0x80 != 0;
        if !self.control {
            self.fragments += 1;
            if self.fragments > FRAGMENTS_MAX {
                return Err(Excess::Fragments);
            }
        }
        self.part = Body { left: body };
        Ok(body == 0 && self.end_frame())
    }

    /// Returns whether nothing is under way any more.
    fn end_frame(&mut self) -> bool {
        self.part = EMPTY_HEAD;
        if self.ends_message && !self.control {
            self.fragments = 0;
        }
        self.fragments == 0
    }
}

const EMPTY_HEAD: Part = Head { bytes: [0; 14], length: 0 };

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, body: usize) -> Vec<u8> {
        let mut bytes = vec![first];
        match body {
            0..=125 => bytes.push(body as u8),
            126..=0xffff => bytes.extend([126, (body >> 8) as u8, body as u8]),
            _ => {
                bytes.push(127);
                bytes.extend((body as u64).to_be_bytes());
            }
        }
        bytes.extend(std::iter::repeat_n(b'x', body));
        bytes
    }

    fn opened() -> Frames {
        let mut frames = Frames::default();
        assert_eq!(frames.feed(b"HTTP/1.1 101 Go\r\nA: b\r\n\r\n"), Ok(false));
        frames
    }

    #[test]
    fn a_message_is_whole_at_its_last_byte_only() {
        // Whole messages, a message of three fragments with a ping between them, sizes of every length form; fed in
        // two pieces at every split near a boundary. Whole exactly where a message has ended.
        let parts = [
            (frame(0x81, 5), true),
            (frame(0x82, 0), true),
            (frame(0x82, 300), true),
            (frame(0x01, 4), false),
            (frame(0x89, 2), false),
            (frame(0x00, 0), false),
            (frame(0x80, 7), true),
            (frame(0x8a, 0), true),
            (frame(0x82, 70_000), true),
        ];
        let bytes: Vec<u8> = parts.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let mut ends = vec![0];
        let mut at = 0;
        for (bytes, ends_here) in &parts {
            at += bytes.len();
            if *ends_here {
                ends.push(at);
            }
        }
        for split in (0..=500).chain([bytes.len() - 1, bytes.len()]) {
            let mut frames = opened();
            let ended = frames.feed(&bytes[..split]).unwrap();
            assert_eq!(ended, ends.iter().any(|&end| end > 0 && end <= split), "{split}");
            assert_eq!(frames.is_whole(), ends.contains(&split), "{split}");
            frames.feed(&bytes[split..]).unwrap();
            assert!(frames.is_whole());
        }
    }

    #[test]
    fn a_masked_head_is_as_long_as_it_says() {
        // A masked frame of one byte: whole after seven bytes, not before.
        let mut frames = opened();
        assert_eq!(frames.feed(&[0x81, 0x81, 1, 2, 3, 4]), Ok(false));
        assert!(!frames.is_whole());
        assert_eq!(frames.feed(&[5]), Ok(true));
    }

    #[test]
    fn fragments_and_the_http_head_have_limits() {
        // Exactly as many as allowed, then one more; an answer without an end.
        let mut frames = opened();
        frames.feed(&frame(0x01, 0)).unwrap();
        for _ in 1..FRAGMENTS_MAX {
            frames.feed(&frame(0x00, 0)).unwrap();
        }
        assert_eq!(frames.feed(&frame(0x00, 0)), Err((Excess::Fragments, 1)));
        let mut head = Frames::default();
        head.feed(&vec![b'a'; HTTP_HEAD_BYTES_MAX - 1]).unwrap();
        assert_eq!(head.feed(b"a"), Err((Excess::HttpHead, 0)));
    }

    #[test]
    fn the_answer_ends_at_its_empty_line() {
        // What looks like one but is not, and a frame right behind it.
        let mut frames = Frames::default();
        assert_eq!(frames.feed(b"HTTP/1.1 101 Go\r\n\n\r\r\nA: b\r\n\r"), Ok(false));
        assert!(!frames.has_begun());
        assert_eq!(frames.feed(b"\n\x81\x01x"), Ok(true));
        assert!(frames.is_whole());
    }
}
