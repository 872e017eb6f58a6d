//! One line of a recording.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use touchline_market::Nanos;

use crate::{LineError, PayloadError};

/// What kind of event a line holds, by its letter.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// `R`: a text frame received; the frame, verbatim.
    Text,
    /// `B`: a binary frame received; base64 of the frame's bytes as they came.
    Binary,
    /// `S`: a text frame sent; the frame, verbatim.
    Sent,
    /// `C`: a connection opened; its URL.
    Connected,
    /// `H`: a REST response arrived; `<url> <body>`.
    Rest,
    /// `X`: headers of the `H` line just above; one JSON object.
    Headers,
    /// `N`: a note on where the next line comes from; free text, not data.
    Note,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Text, Self::Binary, Self::Sent, Self::Connected, Self::Rest, Self::Headers, Self::Note];

    /// The kind of a letter; `None` for a letter the format does not know.
    #[must_use]
    pub const fn from_letter(letter: u8) -> Option<Self> {
        Some(match letter {
            b'R' => Self::Text,
            b'B' => Self::Binary,
            b'S' => Self::Sent,
            b'C' => Self::Connected,
            b'H' => Self::Rest,
            b'X' => Self::Headers,
            b'N' => Self::Note,
            _ => return None,
        })
    }

    /// The letter that stands for this kind in a file.
    #[must_use]
    pub const fn letter(self) -> u8 {
        match self {
            Self::Text => b'R',
            Self::Binary => b'B',
            Self::Sent => b'S',
            Self::Connected => b'C',
            Self::Rest => b'H',
            Self::Headers => b'X',
            Self::Note => b'N',
        }
    }

    /// Whether this is a frame the venue sent: `R` or `B`.
    #[must_use]
    pub const fn is_frame(self) -> bool {
        matches!(self, Self::Text | Self::Binary)
    }
}

/// One event, borrowed from the reader until its next call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record<'a> {
    /// Line number, from 0, counting every line.
    pub line: u64,
    /// Local receive time. Times never fall in a recording; the reader does not check that.
    pub recv: Nanos,
    /// What the payload is.
    pub kind: Kind,
    /// The rest of the line, valid UTF-8, without the newline. May be empty.
    pub payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// Splits one line (without its newline) into an event.
    ///
    /// # Errors
    /// The first [`LineError`] from the left, but a line that is not UTF-8 says so first.
    pub(crate) fn parse(line: u64, text: &'a [u8]) -> Result<Self, LineError> {
        if let Err(error) = std::str::from_utf8(text) {
            return Err(LineError::Utf8 { valid_up_to: error.valid_up_to() });
        }
        let (recv, rest) = stamp(text).ok_or(LineError::Stamp)?;
        let (&letter, rest) = rest.split_first().ok_or(LineError::NoKind)?;
        let (_, payload) =
            rest.split_first().filter(|(space, _)| **space == b' ').ok_or(LineError::NoKind)?;
        let kind = Kind::from_letter(letter).ok_or(LineError::UnknownKind(letter))?;
        Ok(Self { line, recv: Nanos(recv), kind, payload })
    }

    /// The URL and the body of a REST response; `None` for any other kind. The body is empty if the line has none.
    #[must_use]
    pub fn rest(&self) -> Option<(&'a str, &'a [u8])> {
        if self.kind != Kind::Rest {
            return None;
        }
        let (url, body) =
            match memchr::memchr(b' ', self.payload).and_then(|at| self.payload.split_at_checked(at)) {
                Some((url, body)) => (url, body.get(1..).unwrap_or_default()),
                None => (self.payload, [].as_slice()),
            };
        Some((std::str::from_utf8(url).ok()?, body))
    }

    /// Replaces the content of `frame` by the bytes of this binary frame. The buffer grows to the largest frame
    /// and then no more.
    ///
    /// # Errors
    /// [`PayloadError`]; `frame` is then empty.
    pub fn binary(&self, frame: &mut Vec<u8>) -> Result<(), PayloadError> {
        frame.clear();
        if self.kind != Kind::Binary {
            return Err(PayloadError::NotBinary);
        }
        STANDARD.decode_vec(self.payload, frame).map_err(|_| {
            frame.clear();
            PayloadError::Base64
        })
    }
}

/// The decimal number in front of the first space, and what follows that space.
fn stamp(text: &[u8]) -> Option<(u64, &[u8])> {
    // A stamp of this century has 19 digits and 64 bits hold 20: no space by the 21st byte, no stamp.
    let space = text.iter().take(21).position(|&byte| byte == b' ')?;
    let (digits, rest) = text.split_at_checked(space)?;
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some((value, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_names_one_kind_and_back() {
        // All 256 bytes: seven are kinds, and each kind gives its own letter.
        let known: Vec<Kind> = (0..=255).filter_map(Kind::from_letter).collect();
        assert_eq!(known.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert_eq!(Kind::from_letter(kind.letter()), Some(kind));
        }
    }

    #[test]
    fn a_line_splits_into_stamp_kind_and_payload() {
        // A table of lines at the edges of the grammar.
        let parsed = |text: &'static str| Record::parse(3, text.as_bytes());
        let record = parsed("1723111200123456789 R {\"e\": 1}").unwrap();
        assert_eq!(
            (record.line, record.recv, record.kind),
            (3, Nanos(1_723_111_200_123_456_789), Kind::Text)
        );
        assert_eq!(record.payload, b"{\"e\": 1}");
        assert_eq!(parsed("0 N ").unwrap().payload, b"");
        assert_eq!(parsed("18446744073709551615 N x").unwrap().recv, Nanos(u64::MAX));

        assert_eq!(parsed(""), Err(LineError::Stamp));
        assert_eq!(parsed(" R x"), Err(LineError::Stamp));
        assert_eq!(parsed("12"), Err(LineError::Stamp));
        assert_eq!(parsed("1x R y"), Err(LineError::Stamp));
        assert_eq!(parsed("-1 R y"), Err(LineError::Stamp));
        assert_eq!(parsed("18446744073709551616 R y"), Err(LineError::Stamp));
        assert_eq!(parsed("000000000000000000001 R y"), Err(LineError::Stamp));
        assert_eq!(parsed("1 "), Err(LineError::NoKind));
        assert_eq!(parsed("1 R"), Err(LineError::NoKind));
        assert_eq!(parsed("1 RR x"), Err(LineError::NoKind));
        assert_eq!(parsed("1 r x"), Err(LineError::UnknownKind(b'r')));
        let bad = Record::parse(0, b"1 R \xff");
        assert_eq!(bad, Err(LineError::Utf8 { valid_up_to: 4 }));
    }

    #[test]
    fn a_rest_line_splits_at_its_first_space() {
        // The URL never holds a space, the body may.
        let rest = |text: &'static str| Record::parse(0, text.as_bytes()).unwrap().rest();
        assert_eq!(
            rest("1 H https://x/depth?a=b {\"a\": [1, 2]}"),
            Some(("https://x/depth?a=b", b"{\"a\": [1, 2]}".as_slice()))
        );
        assert_eq!(rest("1 H https://x"), Some(("https://x", b"".as_slice())));
        assert_eq!(rest("1 R https://x y"), None);
    }

    #[test]
    fn binary_payloads_decode_into_the_callers_buffer() {
        // Good base64, then three kinds of bad; a failed decode leaves nothing behind.
        let mut frame = Vec::new();
        Record::parse(0, b"1 B AAEC/w==").unwrap().binary(&mut frame).unwrap();
        assert_eq!(frame, [0, 1, 2, 255]);
        for bad in ["1 B AAEC/w=", "1 B AA-C", "1 B AAEC/w== "] {
            let outcome = Record::parse(0, bad.as_bytes()).unwrap().binary(&mut frame);
            assert_eq!((outcome, frame.len()), (Err(PayloadError::Base64), 0), "{bad}");
        }
        let text = Record::parse(0, b"1 R AAEC").unwrap();
        assert_eq!(text.binary(&mut frame), Err(PayloadError::NotBinary));
    }
}
