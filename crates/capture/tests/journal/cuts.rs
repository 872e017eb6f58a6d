//! A file cut short, at every length.

use touchline_capture::journal::{JournalError, Reader};

use crate::common::{self, HEADER, HEADER_BYTES, Owned, TRAILER_BYTES};

/// What a reader must find in the first `length` bytes: how many entries, and where a cut block begins.
struct Expected {
    entries: usize,
    cut_from: Option<u64>,
}

#[test]
fn every_cut_of_64_kib_gives_all_whole_blocks_and_one_truncation() {
    // A journal of 66 blocks of unlike sizes, 64 KiB at least, cut at each byte. Where each block ends is known from
    // the index of the whole file. A cut right behind a block is a clean end of a file that is not finished.
    let entries: Vec<Owned> =
        (0..198).map(|number| common::entry(number, 300 + (number as usize % 5) * 60)).collect();
    let file = common::journal(&entries, 3);
    assert!(file.len() >= 65_536, "{}", file.len());
    let blocks = common::index(&file);
    assert_eq!(blocks.len(), 66);
    let trailer = file.len() - TRAILER_BYTES;

    let expected = |length: usize| {
        let whole = blocks.partition_point(|block| block.offset + block.bytes <= length as u64);
        let mut end =
            whole.checked_sub(1).map_or(HEADER_BYTES as u64, |last| blocks[last].offset + blocks[last].bytes);
        if length >= trailer {
            end = trailer as u64;
        }
        Expected { entries: whole * 3, cut_from: (end < length as u64).then_some(end) }
    };
    common::for_all(file.len(), |length| {
        let cut = &file[..length];
        if length < HEADER_BYTES {
            let refused = Reader::new(std::io::Cursor::new(cut)).err();
            assert!(matches!(refused, Some(JournalError::Truncated { at: 0, .. })), "{length}: {refused:?}");
            return;
        }
        let mut reader = common::reader(cut);
        let Expected { entries: count, cut_from } = expected(length);
        for (number, entry) in entries[..count].iter().enumerate() {
            assert_eq!(reader.next().unwrap(), Some(entry.lent()), "cut at {length}");
            assert_eq!(reader.number(), HEADER.first_entry + number as u64);
        }
        match (reader.next(), cut_from) {
            (Ok(None), None) => {}
            (Err(JournalError::Truncated { at, from_entry, partial_bytes }), Some(start)) => {
                let missing = HEADER.first_entry + count as u64;
                assert_eq!((at, from_entry, at + partial_bytes), (start, missing, length as u64));
            }
            (other, _) => panic!("cut at {length}: {other:?}, a cut block from {cut_from:?}"),
        }
        assert!(matches!(reader.next(), Ok(None)) && !reader.is_finished(), "cut at {length}");
    });
    let mut whole = common::reader(&file);
    assert_eq!(common::read_on(&mut whole).entries.len(), entries.len());
    assert!(whole.is_finished());
}

#[test]
fn a_cut_file_has_the_index_of_its_whole_blocks() {
    // Cut at each block's end, and inside each: the index made by scanning is the whole file's up to there.
    let entries: Vec<Owned> = (0..120).map(|number| common::entry(number, 50)).collect();
    let file = common::journal(&entries, 4);
    let blocks = common::index(&file);
    for (count, block) in blocks.iter().enumerate() {
        for cut in [block.offset, block.offset + 1, block.offset + block.bytes - 1] {
            assert_eq!(common::index(&file[..cut as usize]), blocks[..count], "cut at {cut}");
        }
    }
    assert_eq!(common::index(&file[..file.len() - 1]), blocks);
}
