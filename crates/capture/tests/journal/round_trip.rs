//! What is written is read.

use proptest::prelude::*;
use touchline_capture::journal::{
    BLOCK_BYTES_USUAL, Entry, EntryKind, Header, JournalError, PAYLOAD_BYTES_MAX, PushError, Reader, Writer,
};
use touchline_market::Nanos;

use crate::common::{self, HEADER, Owned};

/// Any 64 bits, with the ends as likely as the middle.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        Just(0),
        Just(u64::MAX),
        1_723_111_200_000_000_000_u64..1_723_111_300_000_000_000
    ]
}

fn any_entry() -> impl Strategy<Value = Owned> {
    let payload = prop_oneof![Just(Vec::new()), proptest::collection::vec(any::<u8>(), 0..400)];
    let fields = (0..EntryKind::ALL.len(), any::<u16>(), any::<u8>(), number(), number(), number(), number());
    (fields, payload).prop_map(|((kind, reader, path, source, recv, now, kernel), payload)| {
        let kind = EntryKind::ALL[kind];
        let (recv, kernel) = (Nanos(recv), Nanos(kernel));
        Owned { entry: Entry { kind, reader, path, source, recv, now, kernel, payload: &[] }, payload }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_entries_in_any_blocks_come_back(
        blocks in proptest::collection::vec(proptest::collection::vec(any_entry(), 0..30), 0..8),
        level in 1..6,
        finished in any::<bool>(),
    ) {
        // Stamps at both ends of 64 bits, going back, empty payloads, empty blocks; finished or not.
        let mut file = Vec::new();
        let mut writer = Writer::new(&mut file, &HEADER, level).unwrap();
        for block in &blocks {
            for entry in block {
                writer.push(&entry.lent()).unwrap();
            }
            prop_assert_eq!(writer.open_entries() as usize, block.len());
            writer.flush().unwrap();
        }
        let written: Vec<Owned> = blocks.concat();
        prop_assert_eq!(writer.entries(), written.len() as u64);
        prop_assert_eq!(writer.next_entry(), HEADER.first_entry + written.len() as u64);
        if finished {
            writer.finish().unwrap();
        } else {
            drop(writer);
        }
        let mut reader = common::reader(&file);
        prop_assert_eq!(*reader.header(), HEADER);
        prop_assert_eq!(reader.is_finished(), finished);
        let outcome = common::read_on(&mut reader);
        prop_assert!(outcome.errors.is_empty());
        let numbered = written.into_iter().enumerate();
        let expected: Vec<(u64, Owned)> =
            numbered.map(|(number, entry)| (HEADER.first_entry + number as u64, entry)).collect();
        prop_assert_eq!(outcome.entries, expected);
    }

    #[test]
    fn any_bytes_behind_a_good_start_do_no_harm(
        head in 0..200_usize,
        noise in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        // A journal's beginning and then noise: no panic, and no entry that was not written.
        let entries: Vec<Owned> = (0..2).map(|number| common::entry(number, 30)).collect();
        let mut file = common::journal(&entries, 1);
        file.truncate(head);
        file.extend(noise);
        let Ok(mut reader) = Reader::new(std::io::Cursor::new(file)) else { return Ok(()) };
        for (_, entry) in common::read_on(&mut reader).entries {
            prop_assert!(entries.contains(&entry));
        }
        reader.index().unwrap();
        reader.seek(Nanos(0)).unwrap();
    }
}

#[test]
fn the_index_of_a_file_is_what_a_scan_finds() {
    // The same file with its trailer and without; each block's row is checked against the entries themselves.
    let entries: Vec<Owned> = (0..333).map(|number| common::entry(number, 40)).collect();
    let file = common::journal(&entries, 10);
    let stored = common::index(&file);
    let mut scanned = common::reader(&file[..file.len() - common::TRAILER_BYTES]);
    assert!(!scanned.is_finished());
    assert_eq!(scanned.index().unwrap(), stored);
    assert_eq!(stored.len(), 34);
    for (number, (block, entries)) in stored.iter().zip(entries.chunks(10)).enumerate() {
        let stamps = || entries.iter().map(|entry| entry.entry.recv.0);
        assert_eq!(block.first_entry, HEADER.first_entry + 10 * number as u64);
        assert_eq!(block.entries as usize, entries.len());
        assert_eq!((Some(block.recv_min), Some(block.recv_max)), (stamps().min(), stamps().max()));
    }
}

#[test]
fn a_block_is_written_by_itself_at_its_usual_size() {
    // Entries of 1 KiB until the writer has written: just over the usual size was pushed.
    let mut writer = Writer::new(Vec::new(), &HEADER, 1).unwrap();
    let mut pushed = 0;
    while writer.entries() == 0 {
        writer.push(&common::entry(8 * pushed, 1_024).lent()).unwrap();
        pushed += 1;
    }
    assert_eq!((writer.entries(), writer.open_entries()), (pushed, 0));
    let raw = pushed as usize * 1_024;
    assert!(raw < BLOCK_BYTES_USUAL && raw + 64 * pushed as usize > BLOCK_BYTES_USUAL, "{raw}");
}

#[test]
fn the_longest_payload_goes_through_and_one_byte_more_is_refused() {
    // 64 MiB of zeros between two short entries; the refused one leaves no trace.
    let mut writer = Writer::new(Vec::new(), &HEADER, 1).unwrap();
    let mut payload = vec![0; PAYLOAD_BYTES_MAX + 1];
    let short = common::entry(1, 10);
    writer.push(&short.lent()).unwrap();
    let refused = writer.push(&Entry { payload: &payload, ..short.entry });
    assert!(matches!(refused, Err(PushError::TooLong { bytes }) if bytes == PAYLOAD_BYTES_MAX + 1));
    payload.pop();
    writer.push(&Entry { payload: &payload, ..short.entry }).unwrap();
    writer.push(&short.lent()).unwrap();
    let file = writer.finish().unwrap();
    let mut reader = common::reader(&file);
    assert_eq!(reader.next().unwrap(), Some(short.lent()));
    assert_eq!(reader.next().unwrap(), Some(Entry { payload: &payload, ..short.entry }));
    assert_eq!(reader.next().unwrap(), Some(short.lent()));
    assert_eq!(reader.next().unwrap(), None);
}

#[test]
fn files_of_other_kinds_and_newer_ones_say_what_they_are() {
    // Foreign beginnings, an empty file, and a header of the version after this one.
    let open = |bytes: &[u8]| Reader::new(std::io::Cursor::new(bytes.to_vec())).err();
    for foreign in [b"\x28\xb5\x2f\xfd".as_slice(), &[0; 100], b"1723111200123456789 R {}\n", &[0xf2; 4_096]]
    {
        assert!(matches!(open(foreign), Some(JournalError::NotAJournal)));
    }
    assert!(matches!(open(b""), Some(JournalError::Truncated { .. })));

    let mut newer = common::journal(&[], 1);
    newer[8] = 2;
    let crc = crc32c::crc32c(&newer[..48]);
    newer[48..52].copy_from_slice(&crc.to_le_bytes());
    assert!(matches!(open(&newer), Some(JournalError::Newer { version: 2 })));
}

#[test]
fn a_journal_without_entries_is_sound() {
    // Finished at once: a header, an index of no rows, a trailer.
    let header = Header { first_entry: u64::MAX, ..HEADER };
    let file = Writer::new(Vec::new(), &header, 1).unwrap().finish().unwrap();
    let mut reader = common::reader(&file);
    assert_eq!(reader.index().unwrap(), []);
    assert!(reader.is_finished() && reader.next().unwrap().is_none());
}
