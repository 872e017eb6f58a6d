//! Damage larger than a bit: zeroed pages, bytes that slipped, blocks that are missing, strange or twice there.

use proptest::prelude::*;
use touchline_capture::journal::{Damage, JournalError, Reader};
use touchline_market::Nanos;

use crate::common::{self, HEADER, HEADER_BYTES, Outcome, Owned};

fn entries(count: u64) -> Vec<Owned> {
    (0..count).map(|number| common::entry(number, 100)).collect()
}

/// Asserts that all entries came but those of `lost`, under their own numbers.
fn assert_all_but(outcome: &Outcome, entries: &[Owned], lost: std::ops::Range<usize>) {
    let numbered = entries.iter().cloned().enumerate();
    let expected: Vec<(u64, Owned)> = numbered
        .filter(|(number, _)| !lost.contains(number))
        .map(|(number, entry)| (HEADER.first_entry + number as u64, entry))
        .collect();
    assert_eq!(outcome.entries, expected);
}

/// The one error of an outcome: its damage, first entry, count and place, after so many entries.
fn only(outcome: Outcome) -> (usize, Damage, u64, Option<u64>, std::ops::Range<u64>) {
    assert_eq!(outcome.errors.len(), 1, "{:?}", outcome.errors);
    match outcome.errors.into_iter().next() {
        Some((after, JournalError::Corrupt { damage, from_entry, entries, bytes })) => {
            (after, damage, from_entry, entries, bytes)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_zeroed_page_costs_the_blocks_it_touches_in_one_report() {
    // 4 KiB of zeros at each multiple of 512 bytes: one report whose bytes are those of the blocks touched.
    let entries = entries(200);
    let file = common::journal(&entries, 5);
    let blocks = common::index(&file);
    let last = blocks.last().unwrap();
    for start in (0..(last.offset + last.bytes) as usize - 4_096).step_by(512) {
        let mut damaged = file.clone();
        damaged[start..start + 4_096].fill(0);
        let (from, to) = (start as u64, start as u64 + 4_096);
        let first = blocks.partition_point(|block| block.offset + block.bytes <= from);
        let behind = blocks.partition_point(|block| block.offset < to);
        let lost = 5 * first..5 * behind;
        let outcome = common::read(&damaged);
        if start < HEADER_BYTES {
            // The numbers are the first block's that is left.
            assert_all_but(&outcome, &entries, lost.clone());
            assert_eq!(
                only(outcome),
                (0, Damage::FileHeader, 40 + lost.end as u64, None, 0..blocks[behind].offset)
            );
            continue;
        }
        assert_all_but(&outcome, &entries, lost.clone());
        let (after, _, from_entry, count, bytes) = only(outcome);
        assert_eq!((after, from_entry, count), (lost.start, 40 + lost.start as u64, Some(lost.len() as u64)));
        assert_eq!(
            bytes,
            blocks[first].offset..blocks.get(behind).map_or(last.offset + last.bytes, |b| b.offset)
        );
    }
}

#[test]
fn bytes_that_slipped_cost_one_block() {
    // One byte taken out of, and one put into, each block's middle and its header: all behind is shifted and found.
    let entries = entries(60);
    let file = common::journal(&entries, 5);
    for (number, block) in common::index(&file).iter().enumerate() {
        for place in [block.offset + 20, block.offset + block.bytes / 2, block.offset + block.bytes - 1] {
            let (mut less, mut more) = (file.clone(), file.clone());
            less.remove(place as usize);
            more.insert(place as usize, 0x33);
            for damaged in [less, more] {
                let outcome = common::read(&damaged);
                assert_all_but(&outcome, &entries, 5 * number..5 * number + 5);
                let (after, _, from_entry, count, _) = only(outcome);
                assert_eq!((after, from_entry, count), (5 * number, 40 + 5 * number as u64, Some(5)));
            }
        }
    }
}

#[test]
fn a_block_taken_out_is_missed() {
    // Each block cut out cleanly; with it goes the index's truth, which reading does not need.
    let entries = entries(60);
    let file = common::journal(&entries, 5);
    for (number, block) in common::index(&file).iter().enumerate() {
        let mut damaged = file.clone();
        damaged.drain(block.offset as usize..(block.offset + block.bytes) as usize);
        let outcome = common::read(&damaged);
        assert_all_but(&outcome, &entries, 5 * number..5 * number + 5);
        let first = 5 * number;
        assert_eq!(
            only(outcome),
            (first, Damage::Missing, 40 + first as u64, Some(5), block.offset..block.offset)
        );
    }
}

#[test]
fn blocks_of_another_recording_and_blocks_that_repeat_are_not_given() {
    // A block of another recording between two of this one, then a block of this one twice.
    let entries = entries(20);
    let file = common::journal(&entries, 5);
    let blocks = common::index(&file);
    let bytes = |number: usize| {
        blocks[number].offset as usize..(blocks[number].offset + blocks[number].bytes) as usize
    };

    let mut foreign = file[bytes(2)].to_vec();
    foreign[8] ^= 1;
    let crc = crc32c::crc32c(&foreign[..68]);
    foreign[68..72].copy_from_slice(&crc.to_le_bytes());
    for (guest, damage) in [(foreign, Damage::NoBlock), (file[bytes(0)].to_vec(), Damage::Order)] {
        let mut damaged = file.clone();
        let at = bytes(1).end;
        damaged.splice(at..at, guest.iter().copied());
        let outcome = common::read(&damaged);
        assert_all_but(&outcome, &entries, 0..0);
        assert_eq!(only(outcome), (10, damage, 50, Some(0), at as u64..(at + guest.len()) as u64));
    }
}

#[test]
fn noise_behind_the_end_is_reported_and_two_files_in_one_are_the_first() {
    // 1,000 bytes of noise behind the trailer; another recording's file behind it.
    let entries = entries(20);
    let file = common::journal(&entries, 5);
    let noisy = [file.clone(), common::Noise(3).bytes(1_000)].concat();
    let outcome = common::read(&noisy);
    assert_all_but(&outcome, &entries, 0..0);
    let (after, damage, _, _, bytes) = only(outcome);
    assert_eq!((after, damage, bytes), (20, Damage::NoBlock, file.len() as u64..noisy.len() as u64));
}

/// A journal of one block, sealed as it should be, that holds these entries and then `extra`, and says `count`.
fn sealed(entries: &[Owned], extra: &[u8], count: u32) -> Vec<u8> {
    let file = common::journal(entries, entries.len());
    let block = common::index(&file)[0];
    let (start, end) = (block.offset as usize, (block.offset + block.bytes) as usize);
    let mut raw = zstd::decode_all(&file[start + 72..end]).unwrap();
    raw.extend_from_slice(extra);
    let payload = zstd::encode_all(raw.as_slice(), 1).unwrap();
    let mut header = file[start..start + 72].to_vec();
    let numbers = [payload.len() as u32, raw.len() as u32, count, crc32c::crc32c(&payload)];
    for (place, number) in header[28..44].chunks_exact_mut(4).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    let crc = crc32c::crc32c(&header[..68]);
    header[68..].copy_from_slice(&crc.to_le_bytes());
    [&file[..start], &header, &payload].concat()
}

#[test]
fn a_payload_that_its_checksum_proves_and_that_is_not_its_entries_ends_its_block() {
    // Blocks made by hand: two entries and then a kind that does not exist; two entries and bytes that belong to
    // none, where the last entry is in doubt; fewer entries than the header says.
    let entries = entries(2);
    let unknown_kind = [0x7f, 0, 0, 0, 0, 0, 0];
    for (extra, count, given) in [(&unknown_kind[..], 3, 2), (&[0], 2, 1), (&[], 3, 2)] {
        let made = sealed(&entries, extra, count);
        let outcome = common::read(&made);
        assert_eq!(outcome.entries.len(), given);
        let (after, damage, from_entry, lost, bytes) = only(outcome);
        assert_eq!((after, damage, from_entry, lost), (given, Damage::Entry, 40 + given as u64, Some(1)));
        assert_eq!(bytes, HEADER_BYTES as u64..made.len() as u64);
    }
    assert!(common::read(&sealed(&entries, &[], 2)).errors.is_empty());
}

#[test]
fn blocks_that_claim_each_others_bytes_are_read_in_bounded_time() {
    // 100,000 block headers in a row, each claiming all that follows as its payload: a reader that tried each claim
    // would read 360 GB.
    const COUNT: usize = 100_000;
    let file = common::journal(&entries(4), 4);
    let template = &file[HEADER_BYTES..HEADER_BYTES + 72];
    let mut hostile = file[..HEADER_BYTES].to_vec();
    for number in 1..=COUNT {
        let mut header = template.to_vec();
        header[28..32].copy_from_slice(&((COUNT - number) as u32 * 72).to_le_bytes());
        let crc = crc32c::crc32c(&header[..68]);
        header[68..].copy_from_slice(&crc.to_le_bytes());
        hostile.extend(header);
    }
    let started = std::time::Instant::now();
    let outcome = common::read(&hostile);
    assert!(outcome.entries.is_empty());
    assert_eq!(outcome.errors.len(), 1);
    let mut reader = common::reader(&hostile);
    assert!(reader.index().unwrap().len() <= COUNT);
    reader.seek(Nanos(0)).unwrap();
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

/// A change to a file: bytes overwritten, put in, taken out, or copied to another place.
#[derive(Clone, Debug)]
enum Edit {
    Overwrite(usize, Vec<u8>),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Copy(usize, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = || any::<proptest::sample::Index>().prop_map(|index| index.index(1 << 20));
    let bytes = || proptest::collection::vec(any::<u8>(), 1..80);
    prop_oneof![
        (place(), bytes()).prop_map(|(at, bytes)| Edit::Overwrite(at, bytes)),
        (place(), bytes()).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (place(), 1..2_000_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (place(), place(), 1..2_000_usize).prop_map(|(from, to, length)| Edit::Copy(from, to, length)),
    ]
}

fn apply(file: &mut Vec<u8>, edit: Edit) {
    let length = file.len();
    match edit {
        Edit::Overwrite(at, bytes) => {
            for (byte, new) in file.iter_mut().skip(at % (length + 1)).zip(bytes) {
                *byte = new;
            }
        }
        Edit::Insert(at, bytes) => {
            let at = at % (length + 1);
            file.splice(at..at, bytes);
        }
        Edit::Remove(at, count) => {
            let at = at % (length + 1);
            file.drain(at..(at + count).min(length));
        }
        Edit::Copy(from, to, count) => {
            let from = from % (length + 1);
            let bytes = file[from..(from + count).min(length)].to_vec();
            let to = to % (length + 1);
            file.splice(to..to, bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_to_a_file_no_entry_comes_wrong_twice_or_out_of_order(
        edits in proptest::collection::vec(edit(), 1..6),
        from in 0..40_u64,
    ) {
        // Up to five edits of a file of 10 blocks: each entry given is the one of its number, and numbers rise. The
        // same from a time on.
        let entries = entries(40);
        let mut file = common::journal(&entries, 4);
        edits.into_iter().for_each(|edit| apply(&mut file, edit));
        let Ok(mut reader) = Reader::new(std::io::Cursor::new(&file)) else { return Ok(()) };
        let from = entries[from as usize].entry.recv;
        for seek in [None, Some(from)] {
            if let Some(recv) = seek {
                reader.seek(recv).unwrap();
            }
            let outcome = common::read_on(&mut reader);
            prop_assert!(outcome.entries.is_sorted_by(|(before, _), (behind, _)| before < behind));
            for (number, entry) in outcome.entries {
                prop_assert_eq!(&entry, &entries[(number - HEADER.first_entry) as usize]);
            }
        }
    }
}
