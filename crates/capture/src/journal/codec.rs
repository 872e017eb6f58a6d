//! Entries as the bytes of a block, before they are compressed.

use std::ops::Range;

use integer_encoding::{VarInt, VarIntWriter as _};
use touchline_market::Nanos;

use super::{Entry, EntryKind, PAYLOAD_BYTES_MAX};

/// Set in the kind's byte where a kernel stamp follows.
const KERNEL_FLAG: u8 = 0x80;

/// Shortest entry: seven fields of one byte, no kernel stamp, no payload.
pub(crate) const ENTRY_BYTES_MIN: usize = 7;

/// An entry is not one: a field is cut off, out of range or of no known kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

/// Adds entries to a block. The first entry's stamps are counted from 0, each later one's from the entry before.
#[derive(Default)]
pub(crate) struct Encoder {
    recv: u64,
    now: u64,
}

impl Encoder {
    /// Adds one entry. Any two stamps have a difference: it wraps around.
    pub(crate) fn encode(&mut self, entry: &Entry<'_>, raw: &mut Vec<u8>) {
        let kernel = entry.kernel.get();
        raw.push(entry.kind as u8 | if kernel.is_some() { KERNEL_FLAG } else { 0 });
        raw.push(entry.path);
        put(raw, entry.reader);
        put(raw, entry.source);
        put(raw, entry.recv.0.wrapping_sub(self.recv).cast_signed());
        put(raw, entry.now.wrapping_sub(self.now).cast_signed());
        if let Some(kernel) = kernel {
            put(raw, kernel.wrapping_sub(entry.recv.0).cast_signed());
        }
        put(raw, entry.payload.len() as u64);
        raw.extend_from_slice(entry.payload);
        (self.recv, self.now) = (entry.recv.0, entry.now);
    }
}

/// A number of variable length; signed ones in zigzag.
fn put<V: VarInt>(raw: &mut Vec<u8>, value: V) {
    // A vector takes every byte: the only error that writing into one could give does not exist.
    let _ = raw.write_varint(value);
}

/// An entry found in a block: all but its payload, and where that lies.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) entry: Entry<'static>,
    pub(crate) payload: Range<usize>,
}

/// Takes entries out of a block.
#[derive(Default)]
pub(crate) struct Decoder {
    at: usize,
    recv: u64,
    now: u64,
}

impl Decoder {
    /// The next entry of `raw`, which is the same block at each call.
    pub(crate) fn decode(&mut self, raw: &[u8]) -> Result<Decoded, Malformed> {
        let mut rest = raw.get(self.at..).ok_or(Malformed)?;
        let (&kind, &path) = match rest {
            [kind, path, ..] => (kind, path),
            _ => return Err(Malformed),
        };
        rest = rest.get(2..).ok_or(Malformed)?;
        let reader = take(&mut rest)?;
        let source = take(&mut rest)?;
        let recv = self.recv.wrapping_add_signed(take(&mut rest)?);
        let now = self.now.wrapping_add_signed(take(&mut rest)?);
        let kernel =
            if kind & KERNEL_FLAG != 0 { recv.wrapping_add_signed(take(&mut rest)?) } else { Nanos::NONE.0 };
        let length: usize = take(&mut rest)?;
        let start = raw.len() - rest.len();
        if length > rest.len().min(PAYLOAD_BYTES_MAX) {
            return Err(Malformed);
        }
        let kind = EntryKind::from_number(kind & !KERNEL_FLAG).ok_or(Malformed)?;
        (self.recv, self.now, self.at) = (recv, now, start + length);
        let entry =
            Entry { kind, reader, path, source, recv: Nanos(recv), now, kernel: Nanos(kernel), payload: &[] };
        Ok(Decoded { entry, payload: start..start + length })
    }

    /// Bytes of the block used up to now.
    pub(crate) fn used(&self) -> usize {
        self.at
    }
}

/// A number off the front of `rest`.
fn take<V: VarInt>(rest: &mut &[u8]) -> Result<V, Malformed> {
    let (value, length) = V::decode_var(rest).ok_or(Malformed)?;
    *rest = rest.get(length..).ok_or(Malformed)?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTREMES: [u64; 6] = [0, 1, 1 << 63, u64::MAX - 1, u64::MAX, 1_723_111_200_123_456_789];

    #[test]
    fn every_pair_of_extreme_stamps_comes_back() {
        // Blocks of two entries over all combinations of extreme stamps, forward and back.
        for a in EXTREMES {
            for b in EXTREMES {
                for c in EXTREMES {
                    let first = Entry {
                        kind: EntryKind::Gap,
                        reader: u16::MAX,
                        path: u8::MAX,
                        source: a,
                        recv: Nanos(a),
                        now: b,
                        kernel: Nanos(c),
                        payload: b"",
                    };
                    let second = Entry { recv: Nanos(b), now: c, kernel: Nanos(a), payload: b"x", ..first };
                    let (mut raw, mut encoder) = (Vec::new(), Encoder::default());
                    encoder.encode(&first, &mut raw);
                    encoder.encode(&second, &mut raw);
                    let mut decoder = Decoder::default();
                    for entry in [first, second] {
                        let decoded = decoder.decode(&raw).unwrap();
                        assert_eq!(Entry { payload: &raw[decoded.payload], ..decoded.entry }, entry);
                    }
                    assert_eq!(decoder.used(), raw.len());
                }
            }
        }
    }

    #[test]
    fn an_entry_takes_seven_bytes_at_least_and_a_cut_one_is_malformed() {
        // The shortest entry has the length that the bound says; an entry with all fields long, cut at each byte.
        let shortest = Entry {
            kind: EntryKind::Turn,
            reader: 0,
            path: 0,
            source: 0,
            recv: Nanos(0),
            now: 0,
            kernel: Nanos::NONE,
            payload: b"",
        };
        let mut raw = Vec::new();
        Encoder::default().encode(&shortest, &mut raw);
        assert_eq!(raw.len(), ENTRY_BYTES_MIN);

        let long = Entry {
            reader: u16::MAX,
            source: u64::MAX,
            recv: Nanos(u64::MAX / 2),
            now: u64::MAX / 2,
            kernel: Nanos(1),
            payload: &[b'x'; 300],
            ..shortest
        };
        raw.clear();
        Encoder::default().encode(&long, &mut raw);
        for length in 0..raw.len() {
            assert_eq!(Decoder::default().decode(&raw[..length]).unwrap_err(), Malformed, "cut at {length}");
        }
        Decoder::default().decode(&raw).unwrap();
    }

    #[test]
    fn a_number_that_does_not_fit_its_field_is_malformed() {
        // A reader of 17 bits, a source of 65, a length beyond the block, an unknown kind.
        for bad in [
            &[0, 0, 0xff, 0xff, 0x07, 0, 0, 0, 0][..],
            &[0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 1],
            &[0x7f, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(Decoder::default().decode(bad).unwrap_err(), Malformed, "{bad:?}");
        }
    }
}
