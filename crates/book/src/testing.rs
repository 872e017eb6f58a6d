//! Messages for the tests of this crate.

use touchline_market::{
    Flags, Head, InstrumentId, Level, LevelPacker, Nanos, Record, Sequence, Trailer, UpdateKind,
};

pub(crate) type Levels<'a> = &'a [(i64, u64)];
pub(crate) type Message = (Head, Vec<Record>);

pub(crate) fn message(kind: UpdateKind, previous: u64, sequence: u64, bids: Levels, asks: Levels) -> Message {
    let mut head = Head::new(kind, InstrumentId(0));
    (head.previous, head.sequence) = (Sequence(previous), Sequence(sequence));
    (head.bids, head.asks) = (bids.len() as u16, asks.len() as u16);
    let (mut records, mut packer) = (Vec::new(), LevelPacker::default());
    for &(price, qty) in bids.iter().chain(asks) {
        packer.push(Level::new(price, qty), &mut records).unwrap();
    }
    packer.finish(&mut records).unwrap();
    (head, records)
}

pub(crate) fn delta(previous: u64, sequence: u64, bids: Levels, asks: Levels) -> Message {
    message(UpdateKind::Delta, previous, sequence, bids, asks)
}

pub(crate) fn in_stream(sequence: u64, bids: Levels, asks: Levels) -> Message {
    message(UpdateKind::Snapshot, 0, sequence, bids, asks)
}

pub(crate) fn beside(sequence: u64, bids: Levels, asks: Levels) -> Message {
    let (mut head, records) = in_stream(sequence, bids, asks);
    head.flags = Flags::BESIDE_STREAM;
    (head, records)
}

/// A message as it comes at a time.
pub(crate) fn at(ts_recv: u64, (mut head, records): Message) -> Message {
    head.ts_recv = Nanos(ts_recv);
    (head, records)
}

/// A snapshot beside the stream that is only to refresh the depth.
pub(crate) fn refresh(sequence: u64, bids: Levels, asks: Levels) -> Message {
    let (mut head, records) = beside(sequence, bids, asks);
    head.flags = head.flags.with(Flags::REFRESH);
    (head, records)
}

pub(crate) fn scaled((mut head, records): Message, price_scale: u8, qty_scale: u8) -> Message {
    (head.price_scale, head.qty_scale) = (price_scale, qty_scale);
    (head, records)
}

/// A message that ends with a trailer.
pub(crate) fn trailed((mut head, mut records): Message, trailer: Trailer) -> Message {
    head.flags = head.flags.with(Flags::TRAILER);
    if records.is_empty() {
        records.push(trailer.to_record());
    }
    if let Some(Record([.., last])) = records.last_mut() {
        *last = trailer.to_word();
    }
    (head, records)
}

/// A message that a path brings.
pub(crate) fn by(path: u8, (mut head, records): Message) -> Message {
    head.flags = head.flags.on_path(path);
    (head, records)
}
