//! Single flipped bits, every one of a file.

use std::ops::Range;

use touchline_capture::journal::{Damage, JournalError};

use crate::common::{self, HEADER, HEADER_BYTES, Owned, TRAILER_BYTES};

/// A part of the file with a checksum of its own, and the entries it holds.
struct Part {
    bytes: Range<u64>,
    entries: Range<usize>,
}

#[test]
fn every_flipped_bit_of_16_kib_is_reported_once_and_costs_its_own_block_at_most() {
    // A journal of 16 KiB at least with 20 blocks, each of its bits flipped by itself. Which entries must come, which
    // must not, and the one report's place and count are known from the part that the bit lies in.
    let entries: Vec<Owned> = (0..80).map(|number| common::entry(number, 210)).collect();
    let file = common::journal(&entries, 4);
    assert!(file.len() >= 16_384, "{}", file.len());
    let parts = parts(&file, 4);
    let blocks = common::index(&file);
    assert_eq!(parts.len(), 20 + 3);

    common::for_all(file.len() * 8, |bit| {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let hit = parts
            .iter()
            .find(|part| part.bytes.contains(&(bit as u64 / 8)))
            .expect("every byte is in a part");
        let mut reader = common::reader(&damaged);
        for (number, entry) in entries.iter().enumerate() {
            // The file header's damage is told before all entries, a block's in its entries' place.
            let is_told_here = !hit.entries.is_empty() || hit.bytes.start == 0;
            if is_told_here && number == hit.entries.start {
                report(reader.next().unwrap_err(), hit, bit);
            }
            if !hit.entries.contains(&number) {
                assert_eq!(reader.next().unwrap(), Some(entry.lent()), "bit {bit}");
                assert_eq!(reader.number(), HEADER.first_entry + number as u64, "bit {bit}");
            }
        }
        if hit.entries.start == entries.len() {
            report(reader.next().unwrap_err(), hit, bit);
        }
        assert!(matches!(reader.next(), Ok(None)), "bit {bit}");
        let in_trailer = hit.bytes.end == file.len() as u64;
        assert_eq!(reader.is_finished(), !in_trailer, "bit {bit}");
        // A damaged index or end mark leaves the index as it was, made by a scan.
        if hit.entries.start == entries.len() {
            assert_eq!(reader.index().unwrap(), blocks, "bit {bit}");
        }
    });
}

/// The file header, each block, the index and the trailer; the file header holds no entry and comes before all, the
/// last two come behind all.
fn parts(file: &[u8], per_block: usize) -> Vec<Part> {
    let blocks = common::index(file);
    let mut parts = vec![Part { bytes: 0..HEADER_BYTES as u64, entries: 0..0 }];
    for (number, block) in blocks.iter().enumerate() {
        let bytes = block.offset..block.offset + block.bytes;
        parts.push(Part { bytes, entries: number * per_block..(number + 1) * per_block });
    }
    let (count, trailer) = (blocks.len() * per_block, (file.len() - TRAILER_BYTES) as u64);
    let index = parts.last().map_or(0, |part| part.bytes.end);
    parts.push(Part { bytes: index..trailer, entries: count..count });
    parts.push(Part { bytes: trailer..file.len() as u64, entries: count..count });
    parts
}

fn report(error: JournalError, hit: &Part, bit: usize) {
    let JournalError::Corrupt { damage, from_entry, entries, bytes } = error else {
        panic!("bit {bit}: {error}")
    };
    assert_eq!(bytes, hit.bytes, "bit {bit}");
    assert_eq!(from_entry, HEADER.first_entry + hit.entries.start as u64, "bit {bit}");
    assert_eq!(entries, Some(hit.entries.len() as u64), "bit {bit}: {damage}");
    assert_eq!(damage == Damage::FileHeader, hit.bytes.start == 0, "bit {bit}");
}
