//! One entry of a journal.

use touchline_market::Nanos;

/// What an entry holds. The numbers are those of the file: they never change and are never used again.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum EntryKind {
    /// A text frame came; the frame, as it came.
    Text = 0,
    /// A binary frame came; its bytes as they came, still packed where the venue packs them.
    Binary = 1,
    /// A text frame was sent; the frame, secrets replaced.
    Sent = 2,
    /// A connection was asked for; its URL, secrets replaced.
    Connecting = 3,
    /// A connection is open; its URL, secrets replaced.
    Opened = 4,
    /// A connection could not be opened; why, as text.
    Refused = 5,
    /// A connection ended by itself or by the venue; how, as text.
    Ended = 6,
    /// We closed a connection; the close frame's code in decimal digits.
    Closed = 7,
    /// A ping came.
    Ping = 8,
    /// A pong came.
    Pong = 9,
    /// A REST request was made; `<purpose> <url>`, secrets replaced. The purpose is `snapshot`, `refresh` or `probe`.
    Asked = 10,
    /// A REST response came; `<url> <body>`, secrets replaced.
    Rest = 11,
    /// A REST request failed; `<url> <why>`.
    RestFailed = 12,
    /// Headers of the REST response just before; one JSON object, secrets replaced.
    Headers = 13,
    /// Free text, not data.
    Note = 14,
    /// What the feed was set up with; one JSON object.
    Setup = 15,
    /// What another thread told a reader; one JSON object.
    Control = 16,
    /// A reader did what was due; empty.
    Turn = 17,
    /// Entries were lost before they reached the file; see [`Gap`].
    Gap = 18,
    /// What a book was at a moment; `<boundary> <path> <state> <sequence> <hash>`, `source` being its instrument's
    /// number in the feed.
    Hash = 19,
    /// A binary frame came that could not be unpacked; its bytes as they came.
    Unreadable = 20,
    /// A ping was sent; empty.
    Pinged = 21,
}

impl EntryKind {
    /// Every kind, by its number.
    pub const ALL: [Self; 22] = [
        Self::Text,
        Self::Binary,
        Self::Sent,
        Self::Connecting,
        Self::Opened,
        Self::Refused,
        Self::Ended,
        Self::Closed,
        Self::Ping,
        Self::Pong,
        Self::Asked,
        Self::Rest,
        Self::RestFailed,
        Self::Headers,
        Self::Note,
        Self::Setup,
        Self::Control,
        Self::Turn,
        Self::Gap,
        Self::Hash,
        Self::Unreadable,
        Self::Pinged,
    ];

    /// The kind of a number; `None` for one that this version does not know.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether this is a frame that the venue sent.
    #[must_use]
    pub const fn is_frame(self) -> bool {
        matches!(self, Self::Text | Self::Binary)
    }
}

/// One thing that happened, borrowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry<'a> {
    /// What the payload is.
    pub kind: EntryKind,
    /// Which reader thread saw it, from 0.
    pub reader: u16,
    /// Which of the connections that bring the same books, from 0.
    pub path: u8,
    /// The connection's number at its reader, or the request's for what concerns REST; 0 where there is neither.
    pub source: u64,
    /// By the wall clock, when the read that brought the last byte returned.
    pub recv: Nanos,
    /// The same moment on the clock that drives timers, nanoseconds since the feed began; it never goes back.
    pub now: u64,
    /// When the kernel had the packet, by the wall clock; none where the socket cannot say.
    pub kernel: Nanos,
    /// As the kind says.
    pub payload: &'a [u8],
}

/// What the payload of a [`EntryKind::Gap`] says: how much was lost since when, because the disk was full, slow or
/// broken. `recv` of the entry is when it ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Gap {
    /// Entries lost.
    pub entries: u64,
    /// Their payloads' bytes.
    pub bytes: u64,
    /// When the first of them came, by the wall clock.
    pub since: Nanos,
}

impl Gap {
    /// As a payload: three little-endian numbers of 64 bits.
    #[must_use]
    pub fn to_payload(self) -> [u8; 24] {
        let mut payload = [0; 24];
        for (place, number) in payload.chunks_exact_mut(8).zip([self.entries, self.bytes, self.since.0]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        payload
    }

    /// From a payload; `None` if it is none.
    #[must_use]
    pub fn from_payload(payload: &[u8]) -> Option<Self> {
        let (numbers, rest) = payload.as_chunks::<8>();
        let [entries, bytes, since] = numbers else { return None };
        rest.is_empty().then_some(Self {
            entries: u64::from_le_bytes(*entries),
            bytes: u64::from_le_bytes(*bytes),
            since: Nanos(u64::from_le_bytes(*since)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_names_one_kind_and_back() {
        // All 256 numbers: those known are the kinds' own, in order.
        let known: Vec<EntryKind> = (0..=255).filter_map(EntryKind::from_number).collect();
        assert_eq!(known, EntryKind::ALL);
        for (number, kind) in EntryKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
    }

    #[test]
    fn a_gap_comes_back_from_its_payload() {
        // One gap there and back; a payload of another length is none.
        let gap = Gap { entries: 7, bytes: u64::MAX, since: Nanos(1_723_111_200_123_456_789) };
        let payload = gap.to_payload();
        assert_eq!(Gap::from_payload(&payload), Some(gap));
        assert_eq!(Gap::from_payload(&payload[1..]), None);
        assert_eq!(Gap::from_payload(&[]), None);
    }
}
