//! Messages read by their learned shapes ([`touchline_json::shape`]), in front of a dialect's general parser.
//!
//! A dialect takes part by naming, after its general parser has read a message, the fields of it that change
//! ([`Lesson`]). From then on messages of that kind and instrument are read by their shape, and what they say becomes the
//! very update that the general parser would make of it; whatever has no shape, or does not make a sound update, goes to
//! the general parser as if there were no shapes.

use std::ops::Range;

use touchline_json::Shapes;
use touchline_json::shape::{Candidate, Names, Part, Reading, Scales, ShapeCounts, Simd, Unit};
use touchline_market::{
    Bbo, Head, InstrumentId, LEVELS_MAX, Level, Nanos, Record, Sequence, Side, Sink, SinkFull, Trade,
    UpdateKind,
};

use crate::{Found, Listing, Parsed};

/// The field that becomes the update's sequence, or a trade's number.
pub(crate) const SEQUENCE: Part = Part::Count(0);
/// The field that says what the update follows.
pub(crate) const PREVIOUS: Part = Part::Count(1);
/// The field with the venue's stamp.
pub(crate) const STAMP: Part = Part::Count(2);
/// A trade's price and quantity; a best bid's.
pub(crate) const PRICE: Part = Part::Number(0, Unit::Price);
/// See [`PRICE`].
pub(crate) const QTY: Part = Part::Number(1, Unit::Qty);
/// A best ask's.
pub(crate) const ASK: Part = Part::Number(2, Unit::Price);
/// See [`ASK`].
pub(crate) const ASK_QTY: Part = Part::Number(3, Unit::Qty);
/// Bids, which stand before the asks.
pub(crate) const BIDS: Part = Part::Levels(0);
/// Asks.
pub(crate) const ASKS: Part = Part::Levels(1);

/// What a dialect says of a message that it has read.
pub(crate) struct Lesson<'a> {
    /// The key of the object that holds the fields; the message itself if there is none.
    pub(crate) inside: Option<&'a str>,
    /// The fields that change.
    pub(crate) fields: Vec<(&'a str, Part)>,
    /// The symbol, as it stands in the message.
    pub(crate) symbol: &'a str,
    /// [`PREVIOUS`] is the first sequence of the update's own range, not the last of the one before.
    pub(crate) is_range: bool,
    /// What [`STAMP`] counts, in nanoseconds. A number of as many digits counts the same.
    pub(crate) stamp_unit: u64,
}

/// The learned shapes of one connection.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    shapes: Shapes<Told>,
}

/// What makes an update of a reading.
#[derive(Clone, Debug)]
struct Told {
    found: Found,
    /// The state of the listing that says so.
    version: u64,
    kind: UpdateKind,
    is_range: bool,
    stamp_unit: u64,
    /// Where the symbol stands.
    symbol: Range<usize>,
}

impl Learned {
    /// No shape yet; read in this way.
    pub(crate) fn by(simd: Simd) -> Self {
        Self { shapes: Shapes::with(simd) }
    }

    /// Forgets every shape.
    pub(crate) fn clear(&mut self) {
        self.shapes.clear();
    }

    /// What became of messages.
    pub(crate) fn counts(&self) -> ShapeCounts {
        self.shapes.counts()
    }

    /// Reads a frame by its shape and hands its update on; `None` if it is the general parser's.
    #[inline(always)]
    pub(crate) fn frame<S: Sink>(&mut self, frame: &[u8], listing: &Listing, sink: &mut S) -> Option<Parsed> {
        let mut candidate = self.shapes.candidate(frame)?;
        loop {
            let told = self.shapes.tag(candidate)?;
            if told.version == listing.version() || self.is_as_told(candidate, frame, listing) {
                let told = self.shapes.tag(candidate)?;
                let mut head = Head::new(told.kind, told.found.id);
                (head.price_scale, head.qty_scale) = (told.found.price_scale, told.found.qty_scale);
                let (is_range, stamp_unit) = (told.is_range, told.stamp_unit);
                if let Some(reading) = self.shapes.read(candidate, frame) {
                    let [sequence, previous, stamp, _] = reading.counts();
                    head.sequence = Sequence(sequence);
                    head.ts_event = Nanos(stamp.saturating_mul(stamp_unit));
                    head.previous = Sequence(previous.saturating_sub(u64::from(is_range)));
                    return hand_on(head, reading, sink);
                }
            }
            candidate = self.shapes.next(candidate)?;
        }
    }

    /// The listing is not as it was when the shape was learned: is the instrument?
    #[cold]
    #[inline(never)]
    fn is_as_told(&mut self, candidate: Candidate, frame: &[u8], listing: &Listing) -> bool {
        let Some(told) = self.shapes.tag_mut(candidate) else { return false };
        let symbol = frame.get(told.symbol.clone()).unwrap_or_default();
        let found = listing.at(told.found.id, symbol).filter(|found| found.wants(told.kind.channel()));
        let is_same = found.is_some_and(|found| of(found) == of(told.found));
        if is_same {
            told.version = listing.version();
        }
        is_same
    }

    /// Is the shape of messages like the one that the general parser has just read to be learned?
    #[inline]
    pub(crate) fn is_due(&mut self, update: Option<(InstrumentId, UpdateKind)>) -> bool {
        update.is_some_and(|(id, kind)| self.shapes.is_due(number(id, kind)))
    }

    /// Learns the shape of a frame that the general parser has just read.
    pub(crate) fn learn(
        &mut self,
        frame: &[u8],
        found: Found,
        version: u64,
        kind: UpdateKind,
        lesson: &Lesson<'_>,
    ) {
        let symbol = lesson.symbol.as_bytes();
        let place = frame.windows(symbol.len().max(1)).position(|text| text == symbol);
        let at = place.unwrap_or_default();
        let told = Told {
            found,
            version,
            kind,
            is_range: lesson.is_range,
            stamp_unit: lesson.stamp_unit,
            symbol: at..at + symbol.len(),
        };
        let names = Names { inside: lesson.inside, fields: &lesson.fields };
        self.shapes.learn(frame, names, of(found), number(found.id, kind), told);
    }
}

fn of(found: Found) -> Scales {
    Scales { price: found.price_scale, qty: found.qty_scale }
}

fn number(id: InstrumentId, kind: UpdateKind) -> u64 {
    u64::from(id.0) << 8 | kind as u64
}

/// Makes the update and hands it on; `None` if the general parser has to judge what was read.
#[inline(always)]
fn hand_on<S: Sink>(mut head: Head, reading: Reading<'_>, sink: &mut S) -> Option<Parsed> {
    let pushed = match head.kind {
        UpdateKind::Bbo => sink.push(best(reading.numbers())?),
        UpdateKind::Trade => sink.push(trade(head.sequence.0, &reading)?),
        _ => {
            let asks = reading.levels().len().checked_sub(reading.first())?;
            if reading.first().max(asks) > LEVELS_MAX {
                return None;
            }
            (head.bids, head.asks) = (reading.first() as u16, asks as u16);
            levels(reading.levels(), sink)
        }
    };
    // What the sink refuses it will refuse again, and then it is an error that has its name.
    if pushed.is_err() || sink.commit(head).is_err() {
        sink.abandon();
        return None;
    }
    Some(Parsed::Updates(1))
}

/// A side that is empty is sent as quantity 0, with a price of 0.
#[inline(always)]
fn best([bid, bid_qty, ask, ask_qty]: [u64; 4]) -> Option<Record> {
    let is_unsound = (bid == 0) & (bid_qty != 0) | (ask == 0) & (ask_qty != 0);
    let bbo = Bbo { bid: level(bid, bid_qty), ask: level(ask, ask_qty) };
    if is_unsound { None } else { Some(bbo.to_record()) }
}

#[inline(always)]
fn trade(id: u64, reading: &Reading<'_>) -> Option<Record> {
    let [price, qty, ..] = reading.numbers();
    let level = level(price, qty);
    let aggressor = if reading.flag() { Side::Ask } else { Side::Bid };
    (price != 0).then(|| Trade { price: level.price, qty: level.qty, id, aggressor }.to_record())
}

/// Sixteen digits at most, which fit either type.
#[inline(always)]
fn level(price: u64, qty: u64) -> Level {
    Level::new(price.cast_signed(), qty)
}

/// Packs levels three to a record.
#[inline(always)]
fn levels<S: Sink>(levels: &[[u64; 2]], sink: &mut S) -> Result<(), SinkFull> {
    let (threes, rest) = levels.as_chunks::<3>();
    for &[[a, b], [c, d], [e, f]] in threes {
        sink.push(Record([a, b, c, d, e, f, 0]))?;
    }
    match *rest {
        [[a, b]] => sink.push(Record([a, b, 0, 0, 0, 0, 0])),
        [[a, b], [c, d]] => sink.push(Record([a, b, c, d, 0, 0, 0])),
        _ => Ok(()),
    }
}

/// A sink that remembers the last update it took: the general parser's, whose shape may be learned.
pub(crate) struct Heard<'s, S> {
    sink: &'s mut S,
    pub(crate) update: Option<(InstrumentId, UpdateKind)>,
}

impl<'s, S: Sink> Heard<'s, S> {
    /// In front of `sink`.
    #[inline(always)]
    pub(crate) fn new(sink: &'s mut S) -> Self {
        Self { sink, update: None }
    }
}

impl<S: Sink> Sink for Heard<'_, S> {
    #[inline(always)]
    fn push(&mut self, record: Record) -> Result<(), SinkFull> {
        self.sink.push(record)
    }

    #[inline(always)]
    fn commit(&mut self, head: Head) -> Result<(), SinkFull> {
        self.sink.commit(head)?;
        self.update = Some((head.instrument, head.kind));
        Ok(())
    }

    #[inline(always)]
    fn abandon(&mut self) {
        self.sink.abandon();
    }
}
