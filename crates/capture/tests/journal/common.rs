//! Journals to test with, and what a reader makes of them.

use std::io::Cursor;

use touchline_capture::journal::{Block, Entry, EntryKind, Header, JournalError, Reader, Writer};
use touchline_market::Nanos;

pub(crate) const HEADER: Header = Header { id: [0x5a; 16], file: 1, first_entry: 40, created: Nanos(900) };

/// The file header's length.
pub(crate) const HEADER_BYTES: usize = 52;

/// The trailer's length.
pub(crate) const TRAILER_BYTES: usize = 28;

/// An entry with a payload of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Owned {
    pub(crate) entry: Entry<'static>,
    pub(crate) payload: Vec<u8>,
}

impl Owned {
    pub(crate) fn of(entry: Entry<'_>) -> Self {
        Self { payload: entry.payload.to_vec(), entry: Entry { payload: &[], ..entry } }
    }

    pub(crate) fn lent(&self) -> Entry<'_> {
        Entry { payload: &self.payload, ..self.entry }
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> u64 {
        // Splitmix64: a counter, scrambled.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// The entry of a number: all fields follow from it, so that a wrong entry is known whatever its place. The payload
/// does not compress, and every eighth is empty.
pub(crate) fn entry(number: u64, payload_bytes: usize) -> Owned {
    let mut noise = Noise(number);
    let kind = EntryKind::ALL[(noise.next() % EntryKind::ALL.len() as u64) as usize];
    let recv = 1_723_111_200_000_000_000 + number * 1_000_003 - noise.next() % 500_000;
    let length = if number % 8 == 7 { 0 } else { payload_bytes };
    Owned {
        entry: Entry {
            kind,
            reader: noise.next() as u16,
            path: noise.next() as u8,
            source: noise.next() >> (noise.next() % 64),
            recv: Nanos(recv),
            now: number * 1_000_000,
            kernel: if number.is_multiple_of(3) { Nanos::NONE } else { Nanos(recv - 40_000) },
            payload: &[],
        },
        payload: noise.bytes(length),
    }
}

/// A finished journal of these entries, a block after each `per_block`.
pub(crate) fn journal(entries: &[Owned], per_block: usize) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &HEADER, 1).unwrap();
    for block in entries.chunks(per_block) {
        for entry in block {
            writer.push(&entry.lent()).unwrap();
        }
        writer.flush().unwrap();
    }
    writer.finish().unwrap()
}

pub(crate) fn reader(file: &[u8]) -> Reader<Cursor<&[u8]>> {
    Reader::new(Cursor::new(file)).unwrap()
}

pub(crate) fn index(file: &[u8]) -> Vec<Block> {
    reader(file).index().unwrap().to_vec()
}

/// What a reader gave: entry numbers with entries, and errors with the number of entries in front of each.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) entries: Vec<(u64, Owned)>,
    pub(crate) errors: Vec<(usize, JournalError)>,
}

pub(crate) fn read_on<R: std::io::Read + std::io::Seek>(reader: &mut Reader<R>) -> Outcome {
    let mut outcome = Outcome::default();
    loop {
        match reader.next() {
            Ok(None) => break,
            Ok(Some(entry)) => {
                let entry = Owned::of(entry);
                outcome.entries.push((reader.number(), entry));
            }
            Err(error) => {
                let is_last = error.is_final();
                outcome.errors.push((outcome.entries.len(), error));
                if is_last {
                    break;
                }
            }
        }
    }
    assert!(matches!(reader.next(), Ok(None)), "the end stays the end");
    outcome
}

pub(crate) fn read(file: &[u8]) -> Outcome {
    read_on(&mut reader(file))
}

/// Runs `check` for every number below `count`, on two threads.
pub(crate) fn for_all(count: usize, check: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for first in [0, 1] {
            let check = &check;
            scope.spawn(move || (first..count).step_by(2).for_each(check));
        }
    });
}
