//! WebSocket frames (RFC 6455), written by hand so that every rule can be broken, and the client's frames read.

use crate::random::Random;

/// The largest frame taken of a client.
const CLIENT_BYTES_MAX: usize = 1 << 20;

/// A frame of the client.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum ClientFrame {
    Text(String),
    Ping(Vec<u8>),
    Pong,
    Close(u16),
    /// Nothing that a client of this venue sends.
    Other,
}

const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Appends one frame whose first byte is `first`.
fn frame(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    out.push(first);
    match payload.len() {
        length @ ..=125 => out.push(length as u8),
        length @ ..=0xffff => {
            out.push(126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(payload);
}

pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    frame(out, FIN | TEXT, text.as_bytes());
}

pub(crate) fn ping(out: &mut Vec<u8>, payload: &[u8]) {
    frame(out, FIN | PING, payload);
}

pub(crate) fn pong(out: &mut Vec<u8>, payload: &[u8]) {
    frame(out, FIN | PONG, payload);
}

pub(crate) fn close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(if reason.is_empty() { "simulated" } else { reason }.bytes());
    frame(out, FIN | CLOSE, &payload);
}

/// A text in several frames, an empty one and a ping among them.
pub(crate) fn fragments(out: &mut Vec<u8>, text: &str, random: &mut Random) {
    let mut rest = text.as_bytes();
    let mut first = TEXT;
    while rest.len() > 1 {
        let take = 1 + random.below(rest.len() as u64 - 1) as usize;
        let (head, tail) = rest.split_at(take);
        frame(out, first, head);
        first = 0;
        rest = tail;
        match random.below(4) {
            0 => ping(out, b"between"),
            1 => frame(out, 0, b""),
            _ => {}
        }
    }
    frame(out, FIN | first, rest);
}

/// The head of a frame that claims 2^63 - 1 bytes, and a few of them.
pub(crate) fn oversize(out: &mut Vec<u8>) {
    out.extend([FIN | TEXT, 127]);
    out.extend((u64::MAX >> 1).to_be_bytes());
    out.extend([b' '; 64]);
}

/// A frame that breaks a rule; which one is drawn.
pub(crate) fn bad(out: &mut Vec<u8>, random: &mut Random) {
    match random.below(7) {
        0 => frame(out, FIN | 0x40 | TEXT, b"{}"),
        1 => frame(out, FIN | 3, b"{}"),
        2 => out.extend([FIN | TEXT, 0x80 | 2, 1, 2, 3, 4, b'{' ^ 1, b'}' ^ 2]),
        3 => frame(out, FIN | PING, &[0; 126]),
        4 => frame(out, PING, b""),
        5 => frame(out, FIN | TEXT, b"{\"e\":\"\xff\xfe\"}"),
        // A close frame with a code that may not be sent.
        _ => frame(out, FIN | CLOSE, &1_005_u16.to_be_bytes()),
    }
}

/// Takes the first whole frame out of `buffer`; `Err` if the client does not speak the protocol.
pub(crate) fn take(buffer: &mut Vec<u8>) -> Result<Option<ClientFrame>, ()> {
    let [first, second, rest @ ..] = buffer.as_slice() else { return Ok(None) };
    if second & 0x80 == 0 {
        return Err(());
    }
    let (length, rest) = match (second & 0x7f, rest) {
        (126, [a, b, rest @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), rest),
        (127, [a, b, c, d, e, f, g, h, rest @ ..]) => {
            (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize, rest)
        }
        (126 | 127, _) => return Ok(None),
        (length, rest) => (usize::from(length), rest),
    };
    if length > CLIENT_BYTES_MAX {
        return Err(());
    }
    let Some((mask, rest)) = rest.split_at_checked(4) else { return Ok(None) };
    let Some(payload) = rest.get(..length) else { return Ok(None) };
    let payload: Vec<u8> = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    let opcode = first & 0x0f;
    let used = buffer.len() - rest.len() + length;
    buffer.drain(..used);
    Ok(Some(match opcode {
        TEXT => String::from_utf8(payload).map_or(ClientFrame::Other, ClientFrame::Text),
        PING => ClientFrame::Ping(payload),
        PONG => ClientFrame::Pong,
        CLOSE => match payload.as_slice() {
            [a, b, ..] => ClientFrame::Close(u16::from_be_bytes([*a, *b])),
            _ => ClientFrame::Close(1_005),
        },
        _ => ClientFrame::Other,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 6455, section 5.7.
    #[test]
    fn frames_look_as_in_the_rfc() {
        let mut out = Vec::new();
        text(&mut out, "Hello");
        assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        for cut in 0..masked.len() {
            assert_eq!(take(&mut masked[..cut].to_vec()), Ok(None));
        }
        let mut buffer = masked.to_vec();
        buffer.push(9);
        assert_eq!(take(&mut buffer), Ok(Some(ClientFrame::Text("Hello".to_owned()))));
        assert_eq!(buffer, [9]);
        assert_eq!(take(&mut vec![0x81, 0x05, 0x48]), Err(()));
    }

    /// A text in pieces is the text, however it is cut.
    #[test]
    fn fragments_add_up() {
        for seed in 0..50 {
            let mut out = Vec::new();
            fragments(&mut out, "a text to be cut into pieces", &mut Random::new(seed));
            let (mut whole, mut rest) = (Vec::<u8>::new(), out.as_slice());
            while let [first, length, tail @ ..] = rest {
                let (payload, tail) = tail.split_at(usize::from(*length));
                if first & 0x0f <= TEXT {
                    whole.extend(payload);
                }
                rest = tail;
            }
            assert_eq!(whole, b"a text to be cut into pieces");
        }
    }
}
