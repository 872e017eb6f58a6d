//! Updates: a venue's message in fixed point, as a head record and body records.
//!
//! ```text
//! word   head                                                body of levels   bbo      trade    ticker
//! 0      kind u8 | flags u8 | price and qty scale u8 | id    price            bid      price    last
//! 1      ts_event                                            qty              bid qty  qty      last qty
//! 2      ts_recv                                             price            ask      id       open
//! 3      previous: the sequence this update follows          qty              ask qty  side     high
//! 4      sequence: the sequence it brings the book to        price                              low
//! 5      bids u16 | asks u16 | ticks from mark to commit u32       qty                                volume
//! 6      mark: the pipeline owner's word                     trailer, in the last record
//! ```
//!
//! Candles, orders and status have their words in `body.rs`, the trailer in `trailer.rs`.

use serde::{Deserialize, Serialize};

use crate::{InstrumentId, Level, Nanos, Price, Qty, Record, Side};

/// A venue's counter of book changes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Sequence(pub u64);

/// Most levels of one side in one message; a message with more is rejected.
pub const LEVELS_MAX: usize = 32_768;

/// Levels in one body record.
pub const LEVELS_PER_RECORD: usize = 3;

/// What a strategy may subscribe to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Snapshot and deltas of all levels.
    Book,
    /// Whole books of the best N levels.
    Depth,
    /// The venue's best bid and offer.
    Bbo,
    /// Trades.
    Trade,
    /// Rolling statistics.
    Ticker,
    /// Open, high, low, close and volume of a minute.
    Candle,
    /// Single orders of the book (L3): snapshot and changes.
    Orders,
    /// Whether the instrument trades.
    Status,
}

impl Channel {
    /// Every channel, in the order of its number.
    pub const ALL: [Self; 8] = [
        Self::Book,
        Self::Depth,
        Self::Bbo,
        Self::Trade,
        Self::Ticker,
        Self::Candle,
        Self::Orders,
        Self::Status,
    ];

    /// The channel's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Depth => "depth",
            Self::Bbo => "bbo",
            Self::Trade => "trade",
            Self::Ticker => "ticker",
            Self::Candle => "candle",
            Self::Orders => "orders",
            Self::Status => "status",
        }
    }
}

/// What an update is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum UpdateKind {
    /// A full book; replaces.
    Snapshot = 1,
    /// Changes; absolute quantities, zero removes.
    Delta = 2,
    /// Whole best-N levels of the depth channel; replaces.
    Depth = 3,
    /// Best bid and offer.
    Bbo = 4,
    /// A trade.
    Trade = 5,
    /// Rolling statistics.
    Ticker = 6,
    /// Not from the venue: the book's stream broke, for the reason in [`Head::reason`].
    Break = 7,
    /// A candle.
    Candle = 8,
    /// All orders of a book; replaces.
    OrderSnapshot = 9,
    /// Changes of single orders.
    OrderDelta = 10,
    /// Whether the instrument trades.
    Status = 11,
}

impl UpdateKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 11] = [
        Self::Snapshot,
        Self::Delta,
        Self::Depth,
        Self::Bbo,
        Self::Trade,
        Self::Ticker,
        Self::Break,
        Self::Candle,
        Self::OrderSnapshot,
        Self::OrderDelta,
        Self::Status,
    ];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The channel it belongs to; a break belongs to the book.
    #[must_use]
    pub const fn channel(self) -> Channel {
        match self {
            Self::Snapshot | Self::Delta | Self::Break => Channel::Book,
            Self::Depth => Channel::Depth,
            Self::Bbo => Channel::Bbo,
            Self::Trade => Channel::Trade,
            Self::Ticker => Channel::Ticker,
            Self::Candle => Channel::Candle,
            Self::OrderSnapshot | Self::OrderDelta => Channel::Orders,
            Self::Status => Channel::Status,
        }
    }
}

/// Facts about an update, one bit each.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flags(pub u8);

impl Flags {
    /// The asks stand before the bids in the body.
    pub const ASKS_FIRST: Self = Self(1);
    /// A snapshot that was asked for beside the stream (REST): it joins the stream by its sequence. Without this
    /// flag a snapshot is part of the stream and replaces the book at its place there.
    pub const BESIDE_STREAM: Self = Self(2);
    /// A break that nothing will mend without a person.
    pub const FINAL: Self = Self(4);
    /// With `BESIDE_STREAM`: asked for to know deeper levels again. A live book takes it when the stream reaches it.
    pub const REFRESH: Self = Self(8);
    /// The body ends with a [`Trailer`](crate::Trailer): a checksum, a depth to cut the book to, or both.
    pub const TRAILER: Self = Self(16);

    /// The bits of [`path`](Self::path).
    const PATH_SHIFT: u8 = 5;

    /// Most paths that can bring one stream.
    pub const PATHS_MAX: u8 = 8;

    /// Which of several connections that carry the same stream brought it: from 0, below
    /// [`PATHS_MAX`](Self::PATHS_MAX).
    #[inline]
    #[must_use]
    pub const fn path(self) -> u8 {
        self.0 >> Self::PATH_SHIFT
    }

    /// These facts, brought by that path.
    #[inline]
    #[must_use]
    pub const fn on_path(self, path: u8) -> Self {
        Self(self.0 & ((1 << Self::PATH_SHIFT) - 1) | path << Self::PATH_SHIFT)
    }

    /// Is every bit of `other` set?
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These bits and `other`'s.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Why a message could not become an update. The message is rejected whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UpdateError {
    /// More than [`LEVELS_MAX`] levels on a side.
    #[error("more than {LEVELS_MAX} levels on one side")]
    TooManyLevels,
    /// The ring or buffer had no room; resync the instrument.
    #[error("no room for the message")]
    SinkFull,
}

/// The first record of every update.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// What follows.
    pub kind: UpdateKind,
    /// Facts about it.
    pub flags: Flags,
    /// Scale of the prices in the body.
    pub price_scale: u8,
    /// Scale of the quantities in the body.
    pub qty_scale: u8,
    /// Whose update it is.
    pub instrument: InstrumentId,
    /// The venue's stamp; none for a venue or message without one.
    pub ts_event: Nanos,
    /// Our stamp at the socket.
    pub ts_recv: Nanos,
    /// The sequence this update follows: `pu`, or the first sequence of a range less one. 0 where the venue has none.
    pub previous: Sequence,
    /// The sequence it brings the book to; a trade's own number; 0 where the venue has none.
    pub sequence: Sequence,
    /// Bid levels in the body.
    pub bids: u16,
    /// Ask levels in the body.
    pub asks: u16,
    /// Ticks from `mark` to the commit, saturating, when latencies are measured; the reason of a break.
    pub commit_ticks: u32,
    /// The pipeline owner's word: a clock stamp when latencies are measured, a line number when a recording is verified.
    pub mark: u64,
}

impl Head {
    /// A head of this kind for this instrument; everything else zero.
    #[must_use]
    pub const fn new(kind: UpdateKind, instrument: InstrumentId) -> Self {
        Self {
            kind,
            flags: Flags(0),
            price_scale: 0,
            qty_scale: 0,
            instrument,
            ts_event: Nanos::NONE,
            ts_recv: Nanos::NONE,
            previous: Sequence(0),
            sequence: Sequence(0),
            bids: 0,
            asks: 0,
            commit_ticks: 0,
            mark: 0,
        }
    }

    /// A break of the instrument's stream, or of one channel of it: what was built from it is stale for `reason`.
    #[must_use]
    pub const fn broken(instrument: InstrumentId, channel: Option<Channel>, reason: crate::Reason) -> Self {
        let mut head = Self::new(UpdateKind::Break, instrument);
        head.commit_ticks = reason as u32;
        head.bids = match channel {
            Some(channel) => 1 + channel as u16,
            None => 0,
        };
        head
    }

    /// As [`broken`](Self::broken), and nothing will mend it without a person: dead until the next break that is none.
    #[must_use]
    pub const fn ended(instrument: InstrumentId, channel: Option<Channel>, reason: crate::Reason) -> Self {
        let mut head = Self::broken(instrument, channel, reason);
        head.flags = Flags::FINAL;
        head
    }

    /// Does this break concern a channel?
    #[must_use]
    pub const fn breaks(&self, channel: Channel) -> bool {
        matches!(self.kind, UpdateKind::Break) && (self.bids == 0 || self.bids == 1 + channel as u16)
    }

    /// The reason of a break.
    #[must_use]
    pub fn reason(&self) -> Option<crate::Reason> {
        match self.kind {
            UpdateKind::Break => crate::Reason::from_number(u8::try_from(self.commit_ticks).ok()?),
            _ => None,
        }
    }

    /// All levels of the body.
    #[must_use]
    pub fn levels(&self) -> usize {
        usize::from(self.bids) + usize::from(self.asks)
    }

    /// Body records of this update.
    #[must_use]
    pub fn body_records(&self) -> usize {
        match self.kind {
            UpdateKind::Snapshot | UpdateKind::Delta | UpdateKind::Depth => {
                // A trailer needs a record to stand in, also behind no levels at all.
                let least = usize::from(self.flags.has(Flags::TRAILER));
                self.levels().div_ceil(LEVELS_PER_RECORD).max(least)
            }
            UpdateKind::OrderSnapshot | UpdateKind::OrderDelta => {
                self.levels() + usize::from(self.flags.has(Flags::TRAILER))
            }
            UpdateKind::Bbo
            | UpdateKind::Trade
            | UpdateKind::Ticker
            | UpdateKind::Candle
            | UpdateKind::Status => 1,
            UpdateKind::Break => 0,
        }
    }

    /// The head as it travels.
    #[inline]
    #[must_use]
    pub fn to_record(self) -> Record {
        let [i0, i1, i2, i3] = self.instrument.0.to_le_bytes();
        let tag = [self.kind as u8, self.flags.0, self.price_scale, self.qty_scale, i0, i1, i2, i3];
        let counts = u64::from(self.bids) | u64::from(self.asks) << 16 | u64::from(self.commit_ticks) << 32;
        Record([
            u64::from_le_bytes(tag),
            self.ts_event.0,
            self.ts_recv.0,
            self.previous.0,
            self.sequence.0,
            counts,
            self.mark,
        ])
    }

    /// The head of a record; `None` if the record is no head.
    #[inline]
    #[must_use]
    pub fn from_record(record: &Record) -> Option<Self> {
        let [tag, ts_event, ts_recv, previous, sequence, counts, mark] = record.0;
        let [kind, flags, price_scale, qty_scale, i0, i1, i2, i3] = tag.to_le_bytes();
        Some(Self {
            kind: UpdateKind::from_number(kind)?,
            flags: Flags(flags),
            price_scale,
            qty_scale,
            instrument: InstrumentId(u32::from_le_bytes([i0, i1, i2, i3])),
            ts_event: Nanos(ts_event),
            ts_recv: Nanos(ts_recv),
            previous: Sequence(previous),
            sequence: Sequence(sequence),
            bids: counts as u16,
            asks: (counts >> 16) as u16,
            commit_ticks: (counts >> 32) as u32,
            mark,
        })
    }
}

/// The levels of a body, each with its side, in the order they were sent.
#[derive(Clone, Debug)]
pub struct Levels<I> {
    records: I,
    words: [u64; RECORD_LEVEL_WORDS],
    at: usize,
    first: Side,
    of_first: usize,
    left: usize,
}

const RECORD_LEVEL_WORDS: usize = 2 * LEVELS_PER_RECORD;

impl<'a, I: Iterator<Item = &'a Record>> Levels<I> {
    /// The levels that `head` says are in `records`.
    #[inline]
    #[must_use]
    pub fn new(head: &Head, records: I) -> Self {
        let (first, of_first) = if head.flags.has(Flags::ASKS_FIRST) {
            (Side::Ask, usize::from(head.asks))
        } else {
            (Side::Bid, usize::from(head.bids))
        };
        let left = head.levels();
        Self { records, words: [0; RECORD_LEVEL_WORDS], at: RECORD_LEVEL_WORDS, first, of_first, left }
    }
}

impl<'a, I: Iterator<Item = &'a Record>> Iterator for Levels<I> {
    type Item = (Side, Level);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        if self.at >= RECORD_LEVEL_WORDS {
            let [a, b, c, d, e, f, _] = self.records.next()?.0;
            self.words = [a, b, c, d, e, f];
            self.at = 0;
        }
        let level = match self.words.get(self.at..self.at + 2) {
            Some(&[price, qty]) => Level { price: Price(price.cast_signed()), qty: Qty(qty) },
            _ => return None,
        };
        self.at += 2;
        let side = if self.of_first > 0 { self.first } else { self.first.opposite() };
        self.of_first = self.of_first.saturating_sub(1);
        Some((side, level))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bbo, LevelPacker, RECORD_WORDS, Reason, Ticker, Trade};
    use proptest::prelude::*;

    proptest! {
        /// Whatever levels go into a body come out again, with their sides and in their order.
        #[test]
        fn levels_come_out_as_they_went_in(
            bids in proptest::collection::vec((any::<i64>(), any::<u64>()), 0..40),
            asks in proptest::collection::vec((any::<i64>(), any::<u64>()), 0..40),
            asks_first: bool,
        ) {
            let mut head = Head::new(UpdateKind::Delta, InstrumentId(7));
            (head.bids, head.asks) = (bids.len() as u16, asks.len() as u16);
            let side = |side, levels: &[(i64, u64)]| {
                levels.iter().map(move |&(p, q)| (side, Level::new(p, q))).collect::<Vec<_>>()
            };
            let (bids, asks) = (side(Side::Bid, &bids), side(Side::Ask, &asks));
            let sent = if asks_first {
                head.flags = Flags::ASKS_FIRST;
                [asks, bids].concat()
            } else {
                [bids, asks].concat()
            };
            let (mut packer, mut buffer) = (LevelPacker::default(), Vec::new());
            for &(_, level) in &sent {
                packer.push(level, &mut buffer).unwrap();
            }
            packer.finish(&mut buffer).unwrap();
            prop_assert_eq!(buffer.len(), head.body_records());
            let back = Head::from_record(&head.to_record()).unwrap();
            prop_assert_eq!(back, head);
            prop_assert_eq!(Levels::new(&back, buffer.iter()).collect::<Vec<_>>(), sent);
        }
    }

    /// Single-record bodies survive the way; a break keeps its reason; a record of noise is no head.
    #[test]
    fn small_bodies_survive_their_record() {
        let bbo = Bbo { bid: Level::new(-5, 6), ask: Level::new(7, u64::MAX) };
        assert_eq!(Bbo::from_record(&bbo.to_record()), bbo);
        let trade = Trade { price: Price(-1), qty: Qty(2), id: 3, aggressor: Side::Ask };
        assert_eq!(Trade::from_record(&trade.to_record()), trade);
        let ticker = Ticker {
            last: Price(1),
            last_qty: Qty(2),
            open: Price(3),
            high: Price(4),
            low: Price(-5),
            volume: Qty(6),
        };
        assert_eq!(Ticker::from_record(&ticker.to_record()), ticker);
        for reason in Reason::ALL {
            let head = Head::broken(InstrumentId(1), Some(Channel::Bbo), reason);
            let head = Head::from_record(&head.to_record()).unwrap();
            assert_eq!(head.reason(), Some(reason));
            assert!(head.breaks(Channel::Bbo) && !head.breaks(Channel::Book));
            assert!(Head::broken(InstrumentId(1), None, reason).breaks(Channel::Book));
        }
        assert_eq!(Head::from_record(&Record([u64::MAX; RECORD_WORDS])), None);
    }
}
