//! Finds the messages that need no further work in received bytes: one unmasked frame, no reserved bit, binary or text
//! that is UTF-8 (RFC 6455, section 5.2).
//!
//! ```text
//!   81 05 h e l l o    82 7e 01 00 …    8 a …
//!   └ text, 5 bytes    └ binary, 256    └ not plain: a pong
//! ```
//!
//! It judges nothing else. A frame that is not plain may be ordinary, unusual or forbidden: tungstenite knows.

/// What the bytes begin with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// A whole message: so many bytes of head, so many of body behind it.
    Plain { is_text: bool, head: usize, body: usize },
    /// What is there so far can become a plain frame.
    Partial,
    /// Anything else.
    Other,
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// Looks at the first frame. One of more than `body_max` bytes is not plain.
#[inline]
pub(super) fn decode(bytes: &[u8], body_max: usize) -> Step {
    let (head, body) = match *bytes {
        [] | [TEXT | BINARY] => return Step::Partial,
        [TEXT | BINARY, length @ 0..=125, ..] => (2, usize::from(length)),
        [TEXT | BINARY, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        [TEXT | BINARY, 127, a, b, c, d, e, f, g, h, ..] => {
            // What does not fit is too large in any case.
            let length = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            (10, usize::try_from(length).unwrap_or(usize::MAX))
        }
        [TEXT | BINARY, 126 | 127, ..] => return Step::Partial,
        _ => return Step::Other,
    };
    if body > body_max {
        return Step::Other;
    }
    let Some(found) = bytes.get(head..head + body) else { return Step::Partial };
    let is_text = bytes.first() == Some(&TEXT);
    if is_text && simdutf8::basic::from_utf8(found).is_err() {
        return Step::Other;
    }
    Step::Plain { is_text, head, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 70_000;

    /// One frame with this first byte, in the shortest form of its length.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut bytes = match length {
            0..=125 => vec![first, length as u8],
            126..=0xffff => [&[first, 126], &(length as u16).to_be_bytes()[..]].concat(),
            _ => [&[first, 127], &(length as u64).to_be_bytes()[..]].concat(),
        };
        bytes.resize(bytes.len() + length, b'x');
        bytes
    }

    /// A plain frame of every form of length is plain at its last byte and behind it, and partial before: cut at every
    /// byte near an edge of it.
    #[test]
    fn a_plain_frame_is_whole_at_its_last_byte() {
        for (length, head) in [(0, 2), (1, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10), (MAX, 10)] {
            for (first, is_text) in [(0x81, true), (0x82, false)] {
                let bytes = frame(first, length);
                let plain = Step::Plain { is_text, head, body: length };
                for cut in (0..bytes.len().min(20)).chain([bytes.len() - 1]) {
                    assert_eq!(decode(&bytes[..cut], MAX), Step::Partial, "{length} cut at {cut}");
                }
                assert_eq!(decode(&bytes, MAX), plain);
                assert_eq!(decode(&[&bytes[..], &[0x89]].concat(), MAX), plain);
            }
        }
    }

    /// Every other first byte, a mask, one byte too many and text that is no UTF-8 are somebody else's business, as soon
    /// as that can be seen.
    #[test]
    fn whatever_is_not_plain_is_other() {
        for first in (0..=u8::MAX).filter(|first| ![0x81, 0x82].contains(first)) {
            assert_eq!(decode(&[first], MAX), Step::Other, "{first:#x}");
        }
        for second in 128..=u8::MAX {
            assert_eq!(decode(&[0x81, second], MAX), Step::Other, "{second:#x}");
        }
        assert_eq!(decode(&frame(0x82, MAX + 1)[..10], MAX), Step::Other);
        assert_eq!(decode(&[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255], MAX), Step::Other);
        assert_eq!(decode(&[0x81, 2, b'a', 0xff], MAX), Step::Other);
        assert_eq!(decode(&[0x82, 2, b'a', 0xff], MAX), Step::Plain { is_text: false, head: 2, body: 2 });
        assert_eq!(decode(&[0x81, 2, 0xc3, 0xa4], MAX), Step::Plain { is_text: true, head: 2, body: 2 });
    }
}
